package pipeline_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestAChainThatIsPrintedShowsNoCredentials(t *testing.T) {
	t.Parallel()
	inner := chainOf(t, &steps.RESTExport{Request: steps.Request{
		URL: "https://user:canary-password@erp.example/", Method: "POST", Content: "x", Headers: map[string]string{"Authorization": "Bearer canary-token"},
	}})
	chain := chainOf(t, pipeline.Named("all", inner), &steps.Purge{})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "chain", chain)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "chain", chain)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb, chain)
		fmt.Fprintf(&log, verb, []any{chain})
	}
	if text := log.String(); strings.Contains(text, "canary") || !strings.Contains(text, "chain of all, Cleaning") {
		t.Errorf("%s", text)
	}
	for _, closed := range []*pipeline.Chain{inner, chain} {
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
	}
}
