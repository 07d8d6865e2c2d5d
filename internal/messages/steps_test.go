package messages

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// failing is a step with what goes wrong in it.
type failing struct {
	when     string
	settings string // ERP stands for the address of a server
	answer   reply  // of the server
	file     string // under the key "reply"; "" for none
}

// reply is what a server answers. Cut ends the connection instead.
type reply struct {
	status            int
	contentType, body string
	location          string
	cut               bool
}

// component is a kind of step, with what goes wrong there.
type component struct {
	make  func() pipeline.Step
	cases []failing
}

var cleaning = component{func() pipeline.Step { return new(steps.Purge) }, []failing{
	{when: "an unknown key", settings: `{"reference_key":["a"]}`},
	{when: "empty names", settings: `{"reference_keys":[""],"reset_schema_ids":[""]}`},
	{when: "a text where a list is expected", settings: `{"reference_keys":"a"}`},
	{when: "a field that the annotation lacks", settings: `{"reset_schema_ids":["erp_idd"]}`},
}}

var customFormat = component{func() pipeline.Step { return new(steps.CustomFormat) }, []failing{
	{when: "no formats", settings: `{}`},
	{when: "an unknown key", settings: `{"export_configs":[{"file_content_templat":"x"}]}`},
	{when: "no reference key", settings: `{"export_configs":[{"file_content_template":"x"}]}`},
	{when: "no template", settings: `{"export_configs":[{"export_reference_key":"a"}]}`},
	{
		when:     "two templates",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"x","file_content_template_multiline":["y"]}]}`,
	},
	{
		when: "one key for two files",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"x"},{"export_reference_key":"a",` +
			`"file_content_template":"y"}]}`,
	},
	{
		when:     "an unknown encoding",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"x","content_encoding":"utf-9000"}]}`,
	},
	{
		when:     "a template that is not closed",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template_multiline":["x","{{ y"]}]}`,
	},
	{
		when:     "an unknown filter",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{{ field.vendor|uppper }}"}]}`,
	},
	{when: "an unknown tag", settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{% fro x in y %}"}]}`},
	{
		when:     "a block that is not closed",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{% if field.vendor %}x"}]}`,
	},
	{
		when:     "a value of nothing",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{{ field.nope.deeper }}"}]}`,
	},
	{
		when:     "a text that is not a number",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{{ field.vendor * 1.5 }}"}]}`,
	},
	{when: "a division by zero", settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"{{ 1 / 0 }}"}]}`},
	{
		when: "a character that the encoding lacks",
		settings: `{"export_configs":[{"export_reference_key":"a","file_content_template":"a\nb{{ field.vendor ` +
			`}}","content_encoding":"latin-1"}]}`,
	},
}}

var restExport = component{func() pipeline.Step { return new(steps.RESTExport) }, []failing{
	{when: "no request", settings: `{}`},
	{
		when: "wrong settings",
		settings: `{"request":{"url":"ftp://x","method":"FETCH","content":"@{}"},"mode":"slow",` +
			`"status_code_resolver":{"error":[99,500],"warning":[500]}}`,
	},
	{when: "two bodies", settings: `{"request":{"url":"https://erp.example","content":"#{file_content}","data":{"a":1}}}`},
	{when: "a form without its field", settings: `{"request":{"url":"https://erp.example","file_name":"a"},"auth":{}}`},
	{when: "an unknown key", settings: `{"request":{"url":"https://erp.example","hedders":{}}}`},
	{when: "a number where a text is expected", settings: `{"request":{"url":5}}`},
	{when: "a field that the annotation lacks", settings: `{"request":{"url":"ERP","content":"@{vendr}"}}`},
	{when: "a file that nothing made", settings: `{"request":{"url":"ERP","content":"#{file_content}"},"export_reference_key":"csv"}`},
	{when: "a secret that the hook lacks", settings: `{"request":{"url":"ERP","headers":{"Authorization":"Bearer {secret.token}"}}}`},
	{when: "an address made of an empty field", settings: `{"request":{"url":"@{empty}/invoices"}}`},
	{when: "a path that leaves its folder", settings: `{"request":{"url":"ERP/api/@{dots}/submit"}}`},
	{when: "a line break in a header", settings: `{"request":{"url":"ERP","headers":{"X-Text":"@{text}"}}}`},
	{when: "nobody listens", settings: `{"request":{"url":"http://127.0.0.1:9/"}}`},
	{when: "the connection ends before the answer", settings: `{"request":{"url":"ERP","content":"{}"}}`, answer: reply{cut: true}},
	{
		when:     "a redirect to another host",
		settings: `{"request":{"url":"ERP"}}`,
		answer:   reply{status: 307, location: "https://elsewhere.example/"},
	},
	{
		when:     "a status that is an error",
		settings: `{"request":{"url":"ERP"},"status_code_resolver":{"error":[422]}}`,
		answer:   reply{status: 422, body: "The supplier is blocked."},
	},
	{
		when:     "a status that is an error, without a text",
		settings: `{"request":{"url":"ERP"},"status_code_resolver":{"error":[500]}}`,
		answer:   reply{status: 500},
	},
	{
		when:     "a status that is a warning",
		settings: `{"request":{"url":"ERP"},"status_code_resolver":{"warning":[409]}}`,
		answer:   reply{status: 409, body: "It was there already."},
	},
	{
		when:     "a token request that is refused",
		settings: `{"request":{"url":"ERP"},"auth":{"url":"ERP/token"}}`,
		answer:   reply{status: 401, body: `{"error":"invalid_client"}`},
	},
	{
		when:     "a token request with a page as its answer",
		settings: `{"request":{"url":"ERP"},"auth":{"url":"ERP/token"}}`,
		answer:   reply{status: 200, contentType: "text/html", body: "<html>"},
	},
	{when: "a token request with an error and status 200", settings: `{"request":{"url":"ERP"},"auth":{"url":"ERP/token"}}`,
		answer: reply{
			status:      200,
			contentType: "application/json",
			body:        `{"error":"invalid_scope","error_description":"Scope x is not allowed."}`,
		}},
}}

var extractor = component{func() pipeline.Step { return new(steps.Extract) }, []failing{
	{when: "no sources", settings: `{}`},
	{when: "wrong settings", settings: `{"extract":[{"format":"yaml","extract_rules":[{"value_path":"a[","target_schema_id":""}]}]}`},
	{when: "no rules", settings: `{"extract":[{"source_reference_key":"reply","extract_rules":[]}]}`},
	{when: "a path that is not JMESPath", settings: extracts("json", "a[")},
	{when: "a path that is not XPath", settings: extracts("xml", "//a[")},
	{when: "a pattern that is not a regular expression", settings: extracts("text", "(a")},
	{when: "a file that nothing made", settings: extracts("json", "id")},
	{when: "a reply that is not JSON", settings: extracts("json", "id"), file: "<html>"},
	{when: "a reply that is not XML", settings: extracts("xml", "//id"), file: "<a><b></a>"},
	{when: "a function that does not fit", settings: extracts("json", "length(id)"), file: `{"id": 7}`},
	{when: "an unknown function", settings: extracts("json", "upper(id)"), file: `{"id": "x"}`},
	{when: "a field that the annotation lacks", settings: strings.Replace(extracts("json", "id"), "erp_id", "erp_idd", 1), file: `{"id": 7}`},
}}

func extracts(format, path string) string {
	return `{"extract":[{"source_reference_key":"reply","format":"` + format + `","extract_rules":[{"value_path":"` + path + `","target_schema_id":"erp_id"}]}]}`
}

var evaluator = component{func() pipeline.Step { return new(steps.Evaluate) }, []failing{
	{when: "no condition", settings: `{}`},
	{when: "an unknown type", settings: `{"condition":"true","type":"fatal"}`},
	{when: "a condition that is cut short", settings: `{"condition":"field.vendor =="}`},
	{when: "an unknown function", settings: `{"condition":"nope(1)"}`},
	{when: "a comparison of a text and a number", settings: `{"condition":"field.vendor > 1"}`},
	{when: "a field that the annotation lacks", settings: `{"condition":"field.vendr == ''"}`},
	{when: "a condition that holds", settings: `{"condition":"field.vendor != ''","message":"The invoice was not posted."}`},
	{when: "a condition that holds, without a message", settings: `{"condition":"field.vendor != ''"}`},
	{
		when:     "a condition that holds, as a warning",
		settings: `{"condition":"field.vendor != ''","message":"Look at the invoice.","type":"warning"}`,
	},
}}

// annotation is what the steps export.
func annotation(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", "2026/0042"), rossumtest.Field("vendor", "Łódź"), rossumtest.Field("erp_id", ""),
		rossumtest.Field("empty", ""), rossumtest.Field("dots", ".."), rossumtest.Field("text", "a\nb"),
		rossumtest.Table("line_items", rossumtest.Row("item_code", "A"))).
		With(parts...)
}

func ofSteps(t *testing.T, c component) []shown {
	t.Helper()
	var all []shown
	for _, f := range c.cases {
		all = append(all, shown{f.when, ofStep(t, c.make(), f)})
	}
	return all
}

func ofStep(t *testing.T, step pipeline.Step, f failing) string {
	t.Helper()
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if f.answer.cut {
			panic(http.ErrAbortHandler)
		}
		if f.answer.contentType != "" {
			w.Header().Set("Content-Type", f.answer.contentType)
		}
		if f.answer.location != "" {
			w.Header().Set("Location", f.answer.location)
		}
		w.WriteHeader(max(f.answer.status, 200))
		_, _ = io.WriteString(w, f.answer.body)
	}))
	defer erp.Close()
	erp.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(f.settings, "ERP", erp.URL)), step); err != nil {
		return "settings: " + err.Error()
	}
	files := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		if f.file == "" {
			return nil
		}
		return x.Files.Put(ctx, pipeline.File{Key: "reply", Data: []byte(f.file)})
	})
	return ofRun(t, annotation(), files, step)
}

// ofRun is what an export says: of its settings, or on the annotation.
func ofRun(t *testing.T, call *rossumtest.Call, steps ...pipeline.Step) string {
	t.Helper()
	chain, err := pipeline.New(steps...)
	if err != nil {
		return "settings: " + err.Error()
	}
	defer chain.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, _ := chain.Export(t.Context(), call.Payload(), pipeline.WithLogger(nil), pipeline.WithOriginal(pipeline.Bytes("%PDF")),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}))
	return lines(response.Messages)
}
