package steps_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// created runs a call, an extractor of its status and id, and an evaluator.
func created(t *testing.T, severity string, status int, contentType, body string) pipelinetest.Result {
	t.Helper()
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(erp.Close)
	chain, err := pipeline.New(
		&steps.RESTExport{Request: steps.Request{URL: erp.URL, Content: "x"}, HeadersKey: "headers", PayloadKey: "payload"},
		&steps.Extract{Sources: []steps.Source{
			{Key: "payload", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}},
			{Key: "headers", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "status"}}},
		}},
		&steps.Evaluate{
			Check: steps.Check{Condition: "field.status != '201'", Message: "Draft invoice not created.", Type: rossum.MessageType(severity)},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	return pipelinetest.Run(t, chain, rossumtest.Annotation(rossumtest.Field("erp_id", "OLD"), rossumtest.Field("status", "")))
}

func TestAReplyOfAnyUnicodeIsJSON(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"BOM": "\xef\xbb\xbf{\"id\": \"7\"}", "UTF-16": "\xff\xfe{\x00\"\x00i\x00d\x00\"\x00:\x00\"\x007\x00\"\x00}\x00", "NaN": `{"id": "7", "ratio": NaN}`,
	} {
		if r := created(t, "error", 201, "application/json", body); r.Err != nil || r.Response.Failed() || r.Values["erp_id"] != "7" {
			t.Errorf("%s: %v, %v, %v", name, r.Err, r.Response.Messages, r.Values)
		}
	}
}

func TestAnErrorPageLeavesTheJudgementToTheEvaluator(t *testing.T) {
	t.Parallel()
	r := created(t, "error", 502, "text/html", "<html>Bad Gateway</html>")
	if r.Err != nil || !r.Response.Failed() || r.Values["status"] != "502" || r.Values["erp_id"] != "" {
		t.Fatalf("%v, %v, %v", r.Err, r.Response.Messages, r.Values)
	}
	texts := ""
	for _, m := range r.Response.Messages {
		texts += string(m.Type) + ": " + m.Content + "\n"
	}
	for _, want := range []string{"warning: extract[0], payload: the reply cannot be read as JSON", "<html>Bad Gateway", "status 502", "error: Draft invoice not created."} {
		if !strings.Contains(texts, want) {
			t.Errorf("the messages lack %q:\n%s", want, texts)
		}
	}
	// The program decides that a failure of this call is a warning only.
	if r := created(t, "warning", 502, "text/html", "<html>Bad Gateway</html>"); r.Err != nil || r.Response.Failed() ||
		len(r.Response.Messages) != 2 {
		t.Errorf("%v, %v", r.Err, r.Response.Messages)
	}
}

func TestAPageWithASuccessStatusIsAnErrorAndTheStatusIsKept(t *testing.T) {
	t.Parallel()
	r := created(t, "error", 200, "text/html", "<html>Sign in</html>")
	if r.Err == nil || !strings.Contains(r.Err.Error(), "extract[0]") || !strings.Contains(r.Err.Error(), "cannot be read as JSON") ||
		r.Values["status"] != "200" {
		t.Errorf("%v, %v", r.Err, r.Values)
	}
}

func TestTheFaultsOfAllSourcesAreNamed(t *testing.T) {
	t.Parallel()
	put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "a", Data: []byte("<html>")})
	})
	rules := []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}
	chain, err := pipeline.New(put, &steps.Extract{Sources: []steps.Source{{Key: "a", Rules: rules}, {Key: "b", Rules: rules}}})
	if err != nil {
		t.Fatal(err)
	}
	r := pipelinetest.Run(t, chain, rossumtest.Annotation(rossumtest.Field("erp_id", "")))
	if r.Err == nil || !strings.Contains(r.Err.Error(), "extract[0]") || !strings.Contains(r.Err.Error(), "extract[1]") {
		t.Errorf("got %v", r.Err)
	}
}

func TestAReplyIsReadInItsCharset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, path, contentType, body, want string }{
		{"JSON", "json", "id", "application/json; charset=iso-8859-1", "{\"id\": \"M\xfcller\"}", "Müller"},
		{"JSON by another name", "json", "id", "application/json; charset=cp1250", "{\"id\": \"\x8aterba\"}", "Šterba"},
		{"JSON of ASCII", "json", "id", "application/json; charset=us-ascii", `{"id": "Müller"}`, "Müller"},
		{"text", "text", "ID=(.*)", "text/plain; charset=windows-1250", "ID=\x8aterba", "Šterba"},
		{"UTF-16", "text", "ID=(.*)", "text/plain; charset=utf-16le", "I\x00D\x00=\x00\xfc\x00", "ü"},
		{"text without a charset", "text", "ID=(.*)", "text/plain", "ID=M\xfcller", "Müller"},
		{"text of UTF-8", "text", "ID=(.*)", "text/plain", "\ufeffID=Müller", "Müller"},
		{"XML that declares none", "xml", "//id", "text/xml; charset=iso-8859-1", "<r><id>M\xfcller</id></r>", "Müller"},
		{"XML that declares one", "xml", "//id", "text/xml; charset=iso-8859-1", "<?xml version='1.0' encoding='cp1250'?><r><id>\x8a</id></r>", "Š"},
	} {
		erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.contentType)
			_, _ = w.Write([]byte(c.body))
		}))
		t.Cleanup(erp.Close)
		chain, err := pipeline.New(
			&steps.RESTExport{Request: steps.Request{URL: erp.URL, Content: "x"}, PayloadKey: "payload"},
			&steps.Extract{
				Sources: []steps.Source{
					{Format: steps.SourceFormat(c.format), Key: "payload", Rules: []steps.ExtractRule{{Path: c.path, TargetField: "erp_id"}}},
				},
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		if r := pipelinetest.Run(t, chain, rossumtest.Annotation(rossumtest.Field("erp_id", "OLD"))); r.Err != nil ||
			r.Values["erp_id"] != c.want {
			t.Errorf("%s: %v, got %q, want %q", c.name, r.Err, r.Values["erp_id"], c.want)
		}
	}
}
