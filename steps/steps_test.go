package steps_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// invoice is an annotation with the fields that replies are written to.
func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field(
			"document_id",
			"2026/0042",
		),
		rossumtest.Number("amount_total", "1,234.50", "1234.50"),
		rossumtest.Field("vendor", `A&B "Co"`),
		rossumtest.Field("api_gate", "yes"),
		rossumtest.Field("erp_id", ""),
		rossumtest.Field("erp_status", ""),
		rossumtest.Field("erp_body", ""),
		rossumtest.List("tags", "tag", "red", "blue"),
		rossumtest.Table("line_items", rossumtest.Row("item_code", "A", "item_qty", "1"), rossumtest.Row("item_code", "B", "item_qty", "2")),
		rossumtest.Secret("password", "canary-password"),
		rossumtest.Offline(),
	).With(parts...)
}

// result is what an export left.
type result struct {
	response *rossum.Response
	err      error
	files    map[string]string
	fields   map[string]string
	report   *pipeline.Report
}

// run runs steps on a call, with connections that end with the test.
func run(t testing.TB, call *rossumtest.Call, list ...pipeline.Step) result {
	t.Helper()
	r := result{files: make(map[string]string), fields: make(map[string]string)}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	look := pipeline.Finally(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		for _, key := range x.Files.Keys() {
			f, err := x.Files.Get(ctx, key)
			if err != nil {
				return err
			}
			r.files[key] = string(f.Data)
		}
		if x.Annotation.Content != nil {
			for n := range x.Annotation.Content.All() {
				if n.Category() == rossum.CategoryDatapoint && n.Row() == nil {
					r.fields[n.SchemaID()] = n.Value()
				}
			}
		}
		return nil
	}))
	chain, err := pipeline.New(append(list, look)...)
	if err != nil {
		t.Fatal(err)
	}
	r.response, r.err = chain.Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("PDF bytes")),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithReport(func(_ context.Context, report *pipeline.Report) { r.report = report }))
	return r
}

// fromJSON decodes settings as a hook has them.
func fromJSON[S any](t testing.TB, text string) *S {
	t.Helper()
	s := new(S)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// seen is a request that a server got.
type seen struct {
	method, path, body string
	header             http.Header
	form               map[string][]string
	file, fileName     string
	fileType           string
}

// erp answers with status and body, and remembers what it got.
func erp(t testing.TB, status int, body string) (url string, got *[]seen) {
	t.Helper()
	got = new([]seen)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := seen{method: r.Method, path: r.URL.RequestURI(), header: r.Header.Clone()}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			if err := r.ParseMultipartForm(1 << 20); err != nil {
				t.Error(err)
			}
			s.form = r.MultipartForm.Value
			for _, files := range r.MultipartForm.File {
				f, err := files[0].Open()
				if err != nil {
					t.Error(err)
				}
				data, _ := io.ReadAll(f)
				s.file, s.fileName, s.fileType = string(data), files[0].Filename, files[0].Header.Get("Content-Type")
			}
		} else {
			data, _ := io.ReadAll(r.Body)
			s.body = string(data)
		}
		*got = append(*got, s)
		w.Header().Set("X-Request-Id", "r1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func TestWrongSettingsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step interface {
			pipeline.Step
			json.Unmarshaler
			pipeline.Validator
		}
		settings, want string
	}{
		{&steps.Purge{}, `{"reference_key":["a"]}`, "reference_key: unknown key (did you mean reference_keys?)"},
		{&steps.Purge{}, `{"reference_keys":[""],"reset_schema_ids":[""]}`, "reference_keys[0]: is empty\nreset_schema_ids[0]: is empty"},
		{&steps.CustomFormat{}, `{}`, "export_configs: has 0 entries, expected 1 to 5"},
		{&steps.CustomFormat{}, `{"export_configs":[{"file_content_templat":"x"}]}`, "export_configs[0].file_content_templat: unknown key (did you mean file_content_template?)"},
		{&steps.CustomFormat{}, `{"export_configs":[{"export_reference_key":"a","file_content_template":"x","file_content_template_multiline":["y"]},{"export_reference_key":"a","file_content_template":"{{"},{"file_content_template":"x","content_encoding":"utf-9000"}]}`,
			"export_configs[0]: has both file_content_template and file_content_template_multiline; keep one\nexport_configs[1].export_reference_key: \"a\" is also the key of export_configs[0]\nexport_configs[1].file_content_template: line 1, column 1: TemplateSyntaxError"},
		{&steps.CustomFormat{}, `{"export_configs":[{"export_reference_key":"a","file_content_template_multiline":["x","{{ y"]}]}`, "export_configs[0].file_content_template_multiline[1]: line 2"},
		{&steps.RESTExport{}, `{"request":{"url":"ftp://x","method":"FETCH","content":"@{}"},"mode":"slow","status_code_resolver":{"error":[99,500],"warning":[500]}}`,
			"request.url: \"ftp://x\": this is not a URL that begins with http:// or https:// and has a host; if it is made of a field, the field may be empty\nrequest.method: \"FETCH\" is unknown (expected one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS)\nrequest.content: \"@{}\" is not a schema_id\nmode: \"slow\" is unknown (expected wait or retry)\nstatus_code_resolver.error[0]: 99 is not a valid HTTP status\nstatus_code_resolver.error[1]: 500 is also a warning"},
		{&steps.RESTExport{}, `{"request":{"url":"https://x","content":"#{file_content}","data":{"a":1}}}`, "request: has more than one of content, data and request_data; keep one\nexport_reference_key: is missing, but #{file_content} is used"},
		{&steps.RESTExport{}, `{"request":{"url":"https://x","file_name":"a"},"auth":{}}`, "request.file_key: is missing: file_name and file_content need the name of the form field\nauth.url: is missing"},
		{&steps.Extract{}, `{"extract":[{"format":"yaml","extract_rules":[{"value_path":"a[","target_schema_id":""}]}]}`, "extract[0].source_reference_key: is missing\nextract[0].format: \"yaml\" is unknown (expected json, xml or text)"},
		{&steps.Extract{}, `{"extract":[{"source_reference_key":"k","extract_rules":[{"value_path":"a[","target_schema_id":"b"}]}]}`, "extract[0].extract_rules[0].value_path: JMESPath \"a[\""},
		{&steps.Evaluate{}, `{}`, "condition: is missing"},
		{&steps.Evaluate{}, `{"condition":"field.a ==","type":"fatal"}`, "type: \"fatal\" is unknown (expected error, warning or info)\ncondition: "},
		{&steps.Evaluate{}, `{"condition":"nope(1)"}`, "condition: "},
		{&steps.EvaluateReplies{}, `{"label":"x"}`, "replies[0].status_schema_id: is missing"},
	} {
		err := tt.step.UnmarshalJSON([]byte(tt.settings))
		if err == nil {
			err = tt.step.Validate()
		}
		if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), "replies[0]: ", ""), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.settings, err, tt.want)
		}
	}
}

func TestCleaningRemovesEarlierFilesAndResetsFields(t *testing.T) {
	t.Parallel()
	put := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		for _, k := range []string{"a", "b"} {
			if err := x.Files.Put(ctx, pipeline.File{Key: k, Data: []byte(k)}); err != nil {
				return err
			}
		}
		return x.Set("erp_id", "OLD")
	})
	r := run(t, invoice(), put, fromJSON[steps.Purge](t, `{"reference_keys":["a"],"reset_schema_ids":["erp_id","item_code"]}`))
	if r.err != nil || len(r.files) != 1 || r.files["b"] != "b" || r.fields["erp_id"] != "" {
		t.Errorf("%v %v %v", r.err, r.files, r.fields)
	}
	if r := run(t, invoice(), put, fromJSON[steps.Purge](t, `{}`)); len(r.files) != 0 || r.fields["erp_id"] != "OLD" {
		t.Errorf("%v %v", r.files, r.fields)
	}
	if r := run(t, invoice(), &steps.Purge{ResetFields: []string{"erp_idd"}}); r.err == nil ||
		!strings.Contains(r.err.Error(), `reset_schema_ids[0]: field "erp_idd": no such field in the annotation; did you mean "erp_id"?`) {
		t.Errorf("got %v", r.err)
	}
}

func TestCleaningRemovesWhatIsLeftOfAPurgedAnnotation(t *testing.T) {
	t.Parallel()
	s := rossumtest.NewServer()
	defer s.Close()
	s.AddDocument(rossumtest.DocumentID, "a.pdf", "application/pdf", []byte("PDF"))
	export := func(call *rossumtest.Call, step pipeline.Step) {
		t.Helper()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		chain, err := pipeline.New(step)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chain.Export(t.Context(), call.Payload(), pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport})); err != nil {
			t.Fatal(err)
		}
	}
	export(rossumtest.Annotation(rossumtest.On(s)), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: "x"}}})
	changed := func(status string) *rossumtest.Call {
		return rossumtest.Annotation(
			rossumtest.On(s),
			rossumtest.Event("annotation_status", "changed"),
			rossumtest.Set("status", status),
			rossumtest.WithoutContent(),
		)
	}
	export(changed("exported"), &steps.Purge{})
	if len(s.Artefacts(rossumtest.AnnotationID)) != 1 {
		t.Error("an exported annotation lost its artefact")
	}
	export(changed("purged"), &steps.Purge{})
	if _, ok := s.Document(rossumtest.DocumentID); !ok || len(s.Artefacts(rossumtest.AnnotationID)) != 0 {
		t.Error("the original is gone, or the artefact is not")
	}
}

func TestTemplatesSeeFieldsPayloadAndFile(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"{{ field.document_id }} {{ field.amount_total }} {{ field.missing }}|":                "2026/0042 1234.50 |",
		"{% for i in field.line_items %}{{ i.item_code }}={{ i.item_qty }};{% endfor %}":       "A=1;B=2;",
		"{{ field.line_items[0].item_code }} {{ field.line_items|length }}":                    "A 2",
		"{{ field.tags }} {{ field.tags.tag }} {{ field.tags|join('+') }} {{ field.tags[0] }}": "['red', 'blue'] blue red+blue red",
		"{{ payload['document']['original_file_name'] }} {{ payload.annotation.id }}":          "invoice.pdf 314528",
		"{{ payload.secrets }}{{ payload.rossum_authorization_token }}|":                       "|",
		"{{ file.original_file|b64encode }}":                                                   "UERGIGJ5dGVz",
		"{{ payload.annotation.content[0].children[0].content.value }}":                        "2026/0042",
	} {
		r := run(t, invoice(), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: in}}})
		if r.err != nil || r.files["k"] != want {
			t.Errorf("%s: %q, %v", in, r.files["k"], r.err)
		}
	}
}

func TestFormatsAreEncodedAndNamed(t *testing.T) {
	t.Parallel()
	step := fromJSON[steps.CustomFormat](t, `{"export_configs":[
		{"export_id":"old","content_encoding":"windows-1250","file_content_template":"ž"},
		{"export_reference_key":"wide","content_encoding":"utf-16","file_content_template":"a","file_name_template":"../{{ field.document_id }}.csv"},
		{"export_reference_key":"lines","file_content_template_multiline":["a","b",""]}]}`)
	var name, contentType string
	r := run(t, invoice(), step, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		f, err := x.Files.Get(ctx, "wide")
		name, contentType = f.Name, f.ContentType
		return err
	}))
	if r.err != nil || r.files["old"] != "\x9e" || r.files["wide"] != "\xff\xfea\x00" || r.files["lines"] != "a\nb" || name != "0042.csv" ||
		contentType != "text/csv" {
		t.Errorf("%v %q %q %q", r.err, r.files, name, contentType)
	}
	r = run(t, invoice(), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: "a\nbž", Encoding: "latin-1"}}})
	if r.err == nil ||
		!strings.Contains(
			r.err.Error(),
			`export_configs[0].content_encoding: encoding latin-1 has no character for 'ž' (U+017E), line 2, column 2`,
		) {
		t.Errorf("got %v", r.err)
	}
}

func TestATemplateErrorNamesItsPlace(t *testing.T) {
	t.Parallel()
	r := run(t, invoice(), &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Lines: []string{"ok", "{{ field.nope.deeper }}"}}}})
	want := "step Custom format templating (k): export_configs[0].file_content_template_multiline[1]: line 2, column 1: UndefinedError: 'dict object' has no attribute 'nope'"
	if r.err == nil || !strings.HasPrefix(r.err.Error(), want) {
		t.Errorf("got %v", r.err)
	}
}

func TestValuesOfRepliesAreWrittenAsTheyAreSpelt(t *testing.T) {
	t.Parallel()
	reply := `{"s":"text","n":9007199254740993,"f":1.10,"t":true,"z":null,"o":{"b":1.0,"a":"é"},"l":[1,2.50],"e":""}`
	for path, want := range map[string]string{
		"s": "text", "n": "9007199254740993", "f": "1.10", "t": "true", "z": "", "o": `{"b":1.0,"a":"é"}`, "l": "[1,2.50]", "missing": "", "l[1]": "2.50", "e": "", "o.a": "é",
	} {
		r := run(
			t,
			invoice(),
			keep("reply", reply),
			&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: path, TargetField: "erp_id"}}}}},
		)
		if r.err != nil || r.fields["erp_id"] != want {
			t.Errorf("%s: %q, %v", path, r.fields["erp_id"], r.err)
		}
	}
}

// keep stores a reply.
func keep(key, data string) pipeline.StepFunc {
	return func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: key, Data: []byte(data)})
	}
}

func TestRepliesInXMLAndTextAreReadToo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, reply, path, want string }{
		{"xml", `<r xmlns="urn:x"><id type="n">7 &amp; 8</id></r>`, "//*[local-name()='id']", "7 & 8"},
		{"xml", `<r><id type="n">7</id><id>8</id></r>`, "//id/@type", "n"},
		{"xml", `<r><id>7</id><id>8</id></r>`, "count(//id)", "2"},
		{"xml", `<r/>`, "//id", ""},
		{"text", "OK id=42 done", `id=(\d+)`, "42"},
		{"text", "OK", "OK", "OK"},
		{"text", "kód Müller 7\n", `(\w+) \d$`, "Müller"},
		{"text", "b", "(a)?b", ""},
		{"text", "no", "OK", ""},
		{"json", "", "id", ""},
	} {
		r := run(
			t,
			invoice(),
			keep("k", tt.reply),
			&steps.Extract{
				Sources: []steps.Source{
					{Format: steps.SourceFormat(tt.format), Key: "k", Rules: []steps.ExtractRule{{Path: tt.path, TargetField: "erp_id"}}},
				},
			},
		)
		if r.err != nil || r.fields["erp_id"] != tt.want {
			t.Errorf("%v: %q, %v", tt, r.fields["erp_id"], r.err)
		}
	}
}

func TestRepliesThatCannotBeReadAreErrors(t *testing.T) {
	t.Parallel()
	extract := func(format, target string) *steps.Extract {
		return &steps.Extract{
			Sources: []steps.Source{
				{
					Format: steps.SourceFormat(format),
					Key:    "k",
					Rules:  []steps.ExtractRule{{Path: "a", TargetField: "erp_status"}, {Path: "a", TargetField: target}},
				},
			},
		}
	}
	for _, tt := range []struct {
		reply, format, target, want string
	}{
		{"<html>Bad gateway</html>", "json", "erp_id", "the reply cannot be read as JSON: invalid character '<' looking for beginning of value; it begins with \"<html>Bad gateway</html>\""},
		{`<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>`, "xml", "erp_id", "the reply cannot be read as XML: XML syntax error on line 1: invalid"},
		{strings.Repeat("<a>", 100000), "xml", "erp_id", "the reply cannot be read as XML: line 1: it is nested deeper than 1000 levels"},
		{`{"a":1}`, "json", "nope", `extract_rules[1].target_schema_id: schema_id "nope": no such field in the annotation`},
		{`{"a":1}`, "json", "item_code", `extract_rules[1].target_schema_id: schema_id "item_code": the annotation has more than one field with this schema_id (2 of them)`},
	} {
		r := run(t, invoice(), keep("k", tt.reply), extract(tt.format, tt.target))
		if r.err == nil || !strings.Contains(r.err.Error(), tt.want) || r.fields["erp_status"] != "" {
			t.Errorf("%s: %v, status %q", tt.reply[:5], r.err, r.fields["erp_status"])
		}
	}
	if r := run(t, invoice(), extract("json", "erp_id")); r.err == nil ||
		!strings.Contains(
			r.err.Error(),
			"step Data value extractor, extract[0].source_reference_key: file \"k\": no step before this one makes it",
		) {
		t.Errorf("got %v", r.err)
	}
}

func TestConditionsAreWrittenAsForRossum(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		"r.field.erp_status != '201'": true, "field.erp_status == ''": true, "field.document_id == '2026/0042' and not is_set(field.erp_id)": true,
		"field.amount_total > 1000": true, "field.amount_total in [1, 2]": false, "is_empty(field.erp_id) or False": true, "int('7') == 7 and float('1.5') > 1": true,
		"str(5) == '5'": true, "len(field.line_items) == 2": true, "len(field.document_id) == 9": true, "round(2.5) == 2": true, "round(2.675, 2) == 2.67": true, "abs(-2) == 2": true,
		"default_to(field.erp_id, 'x') == 'x'": true, "substitute('[0-9]+', 'N', field.document_id) == 'N/N'": true, "payload['annotation']['status'] == 'exporting'": true,
		"field.line_items[1].item_code == 'B'": true, "field.erp_id == None": false, "True and not False": true, "'A&B' in field.vendor": true, "field.erp_id not in ['a', 'b']": true, "1 in [1.0, 2]": true, "hasattr(field.line_items[0], 'item_code')": true, "not r.field.erp_id": true, "field.document_id[0] == '2'": true, "field.document_id.startswith('2026')": true,
	} {
		r := run(t, invoice(), fromJSON[steps.Evaluate](t, `{"condition":`+quoted(condition)+`}`))
		if r.err != nil || r.response.Failed() != want {
			t.Errorf("%s: %v, %v", condition, r.response.Failed(), r.err)
		}
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // of a text
	return string(b)
}

func TestChecksShowTheirMessages(t *testing.T) {
	t.Parallel()
	r := run(
		t,
		invoice(),
		fromJSON[steps.Evaluate](
			t,
			`[{"condition":"True"},{"condition":"True","message":"careful","type":"warning"},{"condition":"False","message":"no"}]`,
		),
	)
	if len(r.response.Messages) != 2 || r.response.Messages[0] != (rossum.Message{Type: "error", Content: "Export failed."}) ||
		r.response.Messages[1] != (rossum.Message{Type: "warning", Content: "careful"}) {
		t.Errorf("%+v", r.response.Messages)
	}
	r = run(t, invoice(), &steps.Evaluate{Check: steps.Check{Condition: "field.erp_statuss == '500'"}})
	if r.err == nil ||
		!strings.Contains(
			r.err.Error(),
			`step Export evaluator, condition: field "erp_statuss": no such field in the annotation; did you mean "erp_status"?`,
		) {
		t.Errorf("a condition on a field that is not there passed: %v", r.err)
	}
}

func TestRepliesWithErrorsBecomeMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ status, body, want string }{
		{"201", `{"errors":{"a":["x"]}}`, ""},
		{"399", "", ""},
		{"422", `{"errors":{"invoice-header":["can't be <blank>","twice","twice"],"lines":["bad"]}}`, "<b>API 1 (invoice-header)</b>: can&#39;t be &lt;blank&gt;|<b>API 1 (invoice-header)</b>: twice|<b>API 1 (lines)</b>: bad"},
		{"400", `{"errors":{"request":[{"k<":["one"]},{"l":["two","one"]}]}}`, "<b>API 1 (k&lt;)</b>: one|<b>API 1 (l)</b>: two"},
		{"500", "<html>", "<b>API 1</b>: unhandled error"},
		{"500", "", "<b>API 1</b>: unhandled error"},
		{"500", `{"errors":{}}`, "<b>API 1</b>: unhandled error"},
		{"", "", "<b>API 1</b>: no status; the call was not made or not answered"},
		{"OK", "", "<b>API 1</b>: &#34;OK&#34; is not a valid status"},
		{"2", "", "<b>API 1</b>: &#34;2&#34; is not a valid status"},
	} {
		set := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			if err := x.Set("erp_status", tt.status); err != nil {
				return err
			}
			return x.Set("erp_body", tt.body)
		})
		for _, settings := range []string{`{"label":"API 1","status_schema_id":"erp_status","body_schema_id":"erp_body"}`, `{"replies":[{"label":"API 1","status_schema_id":"erp_status","body_schema_id":"erp_body","type":"error"}]}`} {
			r := run(t, invoice(), set, fromJSON[steps.EvaluateReplies](t, settings))
			var texts []string
			for _, m := range r.response.Messages {
				texts = append(texts, m.Content)
			}
			if got := strings.Join(texts, "|"); r.err != nil || got != tt.want || r.response.Failed() != (tt.want != "") {
				t.Errorf("%v\n got %s, %v\nwant %s", tt, got, r.err, tt.want)
			}
		}
	}
}

func TestAFileThatAConditionalStepDidNotMakeIsPassedOver(t *testing.T) {
	t.Parallel()
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id": 7}`)) }))
	defer erp.Close()
	for condition, want := range map[string]string{"true": "7", "false": ""} {
		r := run(
			t,
			invoice(),
			expression.When(
				condition,
				pipeline.Named("post", &steps.RESTExport{Request: steps.Request{URL: erp.URL, Method: "POST"}, PayloadKey: "reply"}),
			),
			&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}},
		)
		if r.err != nil || r.fields["erp_id"] != want {
			t.Errorf("%s: erp_id is %q, want %q; %v", condition, r.fields["erp_id"], want, r.err)
		}
	}
}

func TestAnEvaluatorHookIsTheOneThatItsSettingsSay(t *testing.T) {
	t.Parallel()
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	for settings, want := range map[string]string{
		`{"condition":"r.field.erp_status != '201'","message":"Not created."}`:                                          "Not created.",
		`{"checks":[{"condition":"r.field.erp_status != '201'","message":"Not created."}]}`:                             "Not created.",
		`[{"condition":"r.field.erp_status != '201'","message":"Not created."}]`:                                        "Not created.",
		`{"replies":[{"label":"ERP","status_schema_id":"erp_status","body_schema_id":"erp_body"}]}`:                     "<b>ERP</b>: unhandled error",
		`[{"label":"ERP","status_schema_id":"erp_status","body_schema_id":"erp_body"}]`:                                 "<b>ERP</b>: unhandled error",
		`{"label":"ERP","status_schema_id":"erp_status","body_schema_id":"erp_body","// why":"one API","type":"error"}`: "<b>ERP</b>: unhandled error",
		`{"// none":"of the keys of either"}`:                                                                           "condition: is missing",
		`{"replys":[{"label":"ERP","status_schema_id":"erp_status"}]}`:                                                  "settings.replys: unknown key (did you mean replies?)",
		`{"replies":[{"label":"ERP","status_schema_id":"erp_status"}],"condition":"True"}`:                              "settings.condition: unknown key",
	} {
		hook := &rossum.Hook{ID: 7, Name: "Evaluate", Type: "webhook", Active: true, Events: []string{"annotation_content.export"},
			Settings: json.RawMessage(settings), Config: rossum.HookConfig{URL: "https://exports.example.com/export-evaluator"}}
		var got string
		chain, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{})
		if err != nil {
			got = err.Error()
		} else {
			call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("erp_status", "500"), rossumtest.Field("erp_body", "<html>"))
			answer, err := chain.Export(t.Context(), call.Payload())
			if err != nil || len(answer.Messages) != 1 {
				t.Errorf("%s: %v %+v", settings, err, answer)
				continue
			}
			got = answer.Messages[0].Content
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s\n got %s\nwant %s", settings, got, want)
		}
	}
}
