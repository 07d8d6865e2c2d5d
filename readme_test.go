package exportpipeline_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// The code between here and the next comment is that of README.md.

func newExport(hookSecret string) (*hookserver.Server, error) {
	chain, err := pipeline.New(
		&steps.Purge{ResetSchemaIDs: []string{"api_status_code"}},
		&steps.CustomFormat{Exports: []steps.Format{{
			Key:      "csv",
			Template: "{% for item in field.line_items %}{{ field.document_id }},{{ item.item_description }}\n{% endfor %}",
		}}},
		&steps.RESTExport{
			Key:        "csv",
			Request:    steps.Request{URL: "https://erp.example/invoices", Headers: map[string]string{"Content-Type": "text/csv"}, Content: "#{file_content}"},
			HeadersKey: "reply_headers",
		},
		&steps.Extract{Sources: []steps.Source{{Key: "reply_headers", Rules: []steps.Rule{{Path: "status_code", Target: "api_status_code"}}}}},
		&steps.Evaluate{Check: steps.Check{Condition: "r.field.api_status_code != '201'", Message: "The invoice was not created."}},
	)
	if err != nil {
		return nil, err
	}
	return hookserver.New(hookserver.Options{Chain: chain, Secrets: []string{hookSecret}})
}

// The rest are tests.

func TestTheCodeOfTheReadmeIsThatWhichIsTestedHere(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tested, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(string(tested), code) {
			t.Errorf("this is not tested:\n%s", code)
		}
	}
	if len(blocks) == 0 {
		t.Error("the readme has no code")
	}
}

func TestTheServerOfTheReadmeAnswersASignedCall(t *testing.T) {
	t.Parallel()
	server, err := newExport("hook-secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown(t.Context()) })
	// It stops before the call: the annotation lacks a field that the chain writes.
	body := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", "1")).Bytes()
	r := httptest.NewRequest("POST", "/export", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	rossum.Sign(r.Header, body, "hook-secret")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "api_status_code") || strings.Contains(w.Body.String(), "erp.example") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
