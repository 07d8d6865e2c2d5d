package steps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// The letters of a secret beyond ASCII go to an ERP, and come back, as Latin-1.
func TestASecretInLatin1IsShownNowhere(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, "bad key "+r.Header.Get("X-Key")+".")
	}))
	t.Cleanup(s.Close)
	settings := `{"request": {"url": "URL", "headers": {"X-Key": "{secret.key}"}}, "status_code_resolver": {"error": [400]}}`
	chain, err := pipeline.New(fromJSON[steps.RESTExport](t, strings.ReplaceAll(settings, "URL", s.URL)))
	if err != nil {
		t.Fatal(err)
	}
	call := invoice(rossumtest.Secret("key", "pässwörd-ünd-gehëim"))
	var shown []byte
	r, err := chain.Export(t.Context(), call.Payload(), pipeline.WithReport(func(_ context.Context, report *pipeline.Report) {
		shown, _ = json.Marshal(report)
	}), pipeline.WithDetails(pipeline.Details{}))
	all, _ := json.Marshal(r)
	if err != nil || len(r.Messages) == 0 {
		t.Fatalf("%v, %+v", err, r)
	}
	shown = append(shown, all...)
	if bytes.Contains(shown, []byte("geh")) || bytes.Contains(shown, []byte("ssw")) {
		t.Errorf("%s", shown)
	}
}
