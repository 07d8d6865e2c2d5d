package steps_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// streamed is a document that is no slice in memory.
type streamed struct{ pipeline.Bytes }

func (s streamed) Open(ctx context.Context) (io.ReadCloser, error) { return s.Bytes.Open(ctx) }

// sends runs an export whose ERP is away at first, and returns the bodies of both attempts.
func sends(t *testing.T, r steps.Request, call *rossumtest.Call, options ...pipeline.Option) (bodies []string, report *pipeline.Report) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if r.ContentLength != int64(len(data)) {
			t.Errorf("Content-Length %d, and the body has %d bytes", r.ContentLength, len(data))
		}
		if bodies = append(bodies, string(data)); len(bodies) == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(503)
		}
	}))
	defer s.Close()
	r.URL = s.URL
	chain, err := pipeline.New(&steps.RESTExport{Request: r, Mode: "retry"})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	options = append(
		options,
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	if _, err := chain.Export(t.Context(), call.Payload(), options...); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] {
		t.Fatalf("%d attempts, whose bodies differ", len(bodies))
	}
	return bodies, report
}

func TestADocumentLeavesInTheSameBytesHoweverLargeItIs(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 100, "as large as a part": 64 << 10, "large": 300_000} {
		document := strings.Repeat("a b&c=ä%+\n", size/11+1)
		for way, tt := range map[string]struct {
			request steps.Request
			want    func(body string) bool
		}{
			"form": {steps.Request{Data: json.RawMessage(`{"x":"1 2","f":"#{original_file}","g":"<#{original_file}>","l":["#{original_file}","y"]}`)}, func(body string) bool {
				return body == "x=1+2&f="+url.QueryEscape(document)+"&g="+url.QueryEscape("<"+document+">")+"&l="+url.QueryEscape(document)+"&l=y"
			}},
			"text": {steps.Request{Content: "<f>#{original_file}</f>#{original_file}"}, func(body string) bool {
				return body == "<f>"+document+"</f>"+document
			}},
			"multipart": {steps.Request{Headers: map[string]string{"Content-Type": "multipart/form-data"}, Data: json.RawMessage(`{"x":"1","f":"#{original_file}"}`)}, func(body string) bool {
				return strings.Contains(body, "Content-Disposition: form-data; name=\"f\"\r\n\r\n"+document+"\r\n--") && strings.HasSuffix(body, "--\r\n")
			}},
			"file": {steps.Request{FilePart: "f", FileName: "a.txt", FileContent: "[#{original_file}]", Data: json.RawMessage(`{"x":"#{original_file}"}`)}, func(body string) bool {
				return strings.Contains(body, "\r\n\r\n["+document+"]\r\n--") && strings.Contains(body, "name=\"x\"\r\n\r\n"+document+"\r\n--")
			}},
			"a string of JSON": {steps.Request{Content: `{"f":"#{original_file}"}`}, func(body string) bool {
				var got struct{ F string }
				return json.Unmarshal([]byte(body), &got) == nil && got.F == document
			}},
		} {
			bodies, _ := sends(t, tt.request, rossumtest.Annotation(), pipeline.WithOriginal(streamed{pipeline.Bytes(document)}))
			if !tt.want(bodies[0]) {
				t.Errorf("%s document as %s: %.200q", name, way, bodies[0])
			}
		}
	}
}

func TestADocumentThatIsNotTextStandsInNoText(t *testing.T) {
	t.Parallel()
	for _, r := range []steps.Request{{Content: "<f>#{original_file}</f>"}, {Data: json.RawMessage(`{"f":"#{original_file}"}`)}} {
		url, got := erp(t, 200, "")
		r.URL = url
		chain, err := pipeline.New(&steps.RESTExport{Request: r})
		if err != nil {
			t.Fatal(err)
		}
		_, err = chain.Export(
			t.Context(),
			rossumtest.Annotation().Payload(),
			pipeline.WithOriginal(pipeline.Bytes(strings.Repeat("\xff", 100_000))),
		)
		if err == nil || !strings.Contains(err.Error(), "not UTF-8") || len(*got) > 0 {
			t.Errorf("%v, %d calls", err, len(*got))
		}
	}
}

// Field text within a string of JSON that is made as a text ends no string; everything
// else goes out as it always did.
func TestFieldTextEndsNoStringOfJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ template, mediaType, value, want string }{
		{`{"n":"@{x}"}`, "application/json", `plain`, `{"n":"plain"}`},
		{`{"n":"@{x}"}`, "application/json", `a"b`, `{"n":"a\"b"}`},
		{`{"n":"@{x}"}`, "", `x","admin":true,"y":"`, `{"n":"x\",\"admin\":true,\"y\":\""}`},
		{`{"n":"@{x}"}`, "application/vnd.api+json", "two\nlines\tand a tab", `{"n":"two\nlines\tand a tab"}`},
		{`{"n":"@{x}"}`, "", `C:\dir`, `{"n":"C:\\dir"}`},
		{`{"n":"@{x}"}`, "", `ends with \`, `{"n":"ends with \\"}`},
		{`{"n":"@{x}"}`, "", `Müller & <Söhne> ✓`, `{"n":"Müller & <Söhne> ✓"}`},
		{`{"n":"pre @{x} post"}`, "", `"`, `{"n":"pre \" post"}`},
		{`{"n":"\"@{x}\""}`, "", `"`, `{"n":"\"\"\""}`},
		{`[{"a":"@{x}"},"@{x}"]`, "", `"`, `[{"a":"\""},"\""]`},
		{"{\"a\":\"@{x}\"}\n{\"a\":\"@{x}\"}\n", "application/x-ndjson", `"`, "{\"a\":\"\\\"\"}\n{\"a\":\"\\\"\"}\n"},
		// What the document has may look escaped, and is not.
		{`{"n":"@{x}"}`, "", `C:\new`, `{"n":"C:\\new"}`},
		{`{"n":"@{x}"}`, "", `a\"b`, `{"n":"a\\\"b"}`},
		// JSON within JSON, and GraphQL within it.
		{`{"message":"{\"n\":\"@{x}\"}"}`, "", `a"b\`, `{"message":"{\"n\":\"a\\\"b\\\\\"}"}`},
		{`{"query":"mutation { add(name: \"@{x}\") }"}`, "", `a"b`, `{"query":"mutation { add(name: \"a\\\"b\") }"}`},
		// Values that are JSON themselves, and names.
		{`{"n":@{x}}`, "", `{"a":"b"}`, `{"n":{"a":"b"}}`},
		{`{"@{x}":1}`, "", `a"b`, `{"a\"b":1}`},
		// What is not JSON.
		{`<n a="@{x}">{"n":"@{x}"}</n>`, "", `a"b`, `<n a="a"b">{"n":"a"b"}</n>`},
		{`{"n":"@{x}"}`, "application/xml", `a"b`, `{"n":"a"b"}`},
		{`{ vendor(name: "@{x}") }`, "", `a"b`, `{ vendor(name: "a"b") }`},
		{`[header]` + "\n" + `name="@{x}"`, "text/plain", `a"b`, "[header]\nname=\"a\"b\""},
		{`"@{x}"`, "", `a"b`, `"a"b"`},
		{`@{x}`, "application/json", `{"a":"b"}`, `{"a":"b"}`},
	} {
		r := steps.Request{Content: tt.template}
		if tt.mediaType != "" {
			r.Headers = map[string]string{"Content-Type": tt.mediaType}
		}
		bodies, report := sends(t, r, rossumtest.Annotation(rossumtest.Field("x", tt.value)))
		if bodies[0] != tt.want {
			t.Errorf("%s with %q as %q:\n got %s\nwant %s", tt.template, tt.value, tt.mediaType, bodies[0], tt.want)
		}
		escaped := tt.want != strings.ReplaceAll(tt.template, "@{x}", tt.value)
		if said := strings.Contains(report.Text(), "request.content: @{x} within a string of JSON"); said != escaped {
			t.Errorf("%s with %q: the report says so: %v", tt.template, tt.value, said)
		}
	}
}

func TestAFormFieldWithJSONIsEscapedInItself(t *testing.T) {
	t.Parallel()
	bodies, _ := sends(
		t,
		steps.Request{Data: json.RawMessage(`{"json":"{\"n\":\"@{x}\"}","text":"@{x}"}`)},
		rossumtest.Annotation(rossumtest.Field("x", `a"b`)),
	)
	if want := "json=" + url.QueryEscape(`{"n":"a\"b"}`) + "&text=" + url.QueryEscape(`a"b`); bodies[0] != want {
		t.Errorf("got %s, want %s", bodies[0], want)
	}
}

// What a formula has escaped already stays as it is, in a body and elsewhere.
func TestWhatAFormulaHasEscapedIsNotEscapedAgain(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{`a\"b\nc\u00e9`: `{"n":"a\"b\nc\u00e9"}`, `a\"b"`: `{"n":"a\\\"b\""}`} {
		call := rossumtest.Annotation(
			rossumtest.Field("y", ""),
			rossumtest.FieldValue("x", rossumtest.Value{Text: value, Formula: `field.y.replace('"', '\\"')`}),
		)
		bodies, report := sends(t, steps.Request{Content: `{"n":"@{x}"}`}, call)
		if bodies[0] != want {
			t.Errorf("%q: %s, want %s", value, bodies[0], want)
		}
		kept := strings.Contains(report.Text(), "@{x} within a string of JSON: it has escapes of JSON already, and was left as it is")
		if kept != (bodies[0] == strings.ReplaceAll(`{"n":"@{x}"}`, "@{x}", value)) {
			t.Errorf("%q: the report says so: %v", value, kept)
		}
	}
}

func TestFieldTextEndsNoStringOfJSONInAHeader(t *testing.T) {
	t.Parallel()
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Dropbox-API-Arg") }))
	defer s.Close()
	chain, err := pipeline.New(&steps.RESTExport{Request: steps.Request{
		URL: s.URL, Content: "x", Headers: map[string]string{"Dropbox-API-Arg": `{"path":"/@{x}.pdf","mode":"add"}`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	value := `a","mode":"overwrite` + "\n"
	if _, err := chain.Export(t.Context(), rossumtest.Annotation(rossumtest.Field("x", value)).Payload()); err != nil {
		t.Fatal(err)
	}
	var arg map[string]string
	if err := json.Unmarshal([]byte(got), &arg); err != nil || arg["path"] != "/"+value+".pdf" || arg["mode"] != "add" {
		t.Errorf("%s: %v, %v", got, arg, err)
	}
}

func TestTheReportSaysThatARefusedBodyIsNoJSON(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"#{original_file}": "is not valid JSON: line 1, column 6",
		"{\n \"ä\": @{x}}": "is not valid JSON: line 2, column 8",
		`{"n":"@{x}"}`:     "",
	} {
		url, _ := erp(t, 400, "Bad Request")
		chain, err := pipeline.New(
			&steps.RESTExport{
				Request: steps.Request{
					URL:     url,
					Content: content,
					Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"},
				},
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		report := pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { text = r.Text() })
		if _, err := chain.Export(t.Context(), rossumtest.Annotation(rossumtest.Field("x", "text")).Payload(), report, pipeline.WithOriginal(pipeline.Bytes(`{"a":b}`))); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "not valid JSON") != (want != "") || !strings.Contains(text, want) {
			t.Errorf("%s: %s", content, text)
		}
	}
}
