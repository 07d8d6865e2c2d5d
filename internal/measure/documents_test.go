package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// documentRows send a document of 40 MB in all ways.
func documentRows() []row {
	rest := func(t testing.TB, r steps.Request, key string, before ...pipeline.Step) func(context.Context) error {
		r.URL, r.Method = server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }), "POST"
		chain := append(before, &steps.RESTExport{Key: key, Request: r})
		return exportsWith(
			t,
			rossumtest.Annotation(rossumtest.Offline()),
			[]pipeline.Option{pipeline.WithOriginal(generated(document))},
			chain...)
	}
	processor := func(t testing.TB, request string) func(context.Context) error { return processorCall(t, request, "") }
	const oauth1 = `"auth":{"type":"oauth1","consumer_key":"c","consumer_secret":"c-secret","token_key":"t","token_secret":"t-secret"},`
	workdayMapping := json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{},"Attachment_Data":[{"Filename":"a.pdf","File_Content":"{document_content}"}]}}`)
	made := func() *steps.CustomFormat { // which holds the base64 once, and the document while it makes it
		return &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: `{"file": "{{ file.original_file|b64encode }}"}`}}}
	}
	const encoded = `{base64(payload.document.content.@)}`
	few, most, artefact := slack+10, document/mb+slack, document*4/3/mb+document/mb+slack
	return []row{
		{name: "document as the content", was: "22 MB", memory: few, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Content: "#{original_file}"}, "")
		}},
		{name: "document as a file", was: "22 MB", memory: few, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{FilePart: "f", FileName: "a.pdf", FileContent: "#{original_file}"}, "")
		}},
		{name: "document in a form", was: "245 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Data: json.RawMessage(`{"a":"1","file":"#{original_file}"}`)}, "")
		}},
		{name: "document with text around it", was: "245 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Content: "<file>#{original_file}</file>"}, "")
		}},
		{name: "document in a multipart form by data", was: "245 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{
				Headers: map[string]string{"Content-Type": "multipart/form-data"},
				Data:    json.RawMessage(`{"a":"1","file":"#{original_file}"}`),
			}, "")
		}},
		{name: "document in Jinja's b64encode", was: "233 MB", memory: artefact, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Content: "#{file_content}"}, "k", made())
		}},
		{name: "Jinja's b64encode with text around it", memory: artefact, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Content: "<a>#{file_content}</a>"}, "k", made())
		}},
		{name: "Jinja's b64encode as a file", memory: artefact, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{FilePart: "f", FileName: "a.json"}, "k", made())
		}},
		{name: "Jinja's b64encode in a form", memory: artefact, run: func(t testing.TB) func(context.Context) error {
			return rest(t, steps.Request{Data: json.RawMessage(`{"a":"1","file":"#{file_content}"}`)}, "k", made())
		}},
		{name: "document by Workday", memory: most, run: func(t testing.TB) func(context.Context) error {
			return workdayCall(t, workdayMapping, 0, pipeline.WithOriginal(generated(document)))
		}},
		{name: "document to SFTP", memory: most, run: toSFTP},
		{name: "document by a Request Processor", was: "126 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content_type":"files","content":{"file":["a.pdf","{payload.document.content.@}","application/pdf"]}`)
		}},
		{name: "document as a processor's content", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content":"{payload.document.content.@}"`)
		}},
		{name: "document in a processor's form", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content":{"a":"1","file":"{payload.document.content.@}"}`)
		}},
		{name: "document in a processor's base64", was: "376 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content_type":"json","content":{"file":"`+encoded+`"}`)
		}},
		{name: "processor's base64 twice", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content_type":"json","content":{"file":"`+encoded+`","again":["`+encoded+`"]}`)
		}},
		{name: "processor's base64 in a text of JSON", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"headers":{"Content-Type":"application/json"},"content":"{\"file\": \"`+encoded+`\"}"`)
		}},
		{name: "processor's base64 in XML", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"headers":{"Content-Type":"text/xml"},"content":"<a><file>`+encoded+`</file></a>"`)
		}},
		{name: "processor's base64 in a form", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content":{"a":"1","file":"`+encoded+`"}`)
		}},
		{name: "processor's base64 in a form, text around it", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content":{"a":"1","file":"data:`+encoded+`;"}`)
		}},
		{name: "processor's base64 as a multipart field", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content_type":"multipart","content":{"file":"`+encoded+`","f":["n","x"]}`)
		}},
		{name: "processor's base64 as a file", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content_type":"files","content":{"file":["a.txt","`+encoded+`","text/plain"]}`)
		}},
		{name: "processor's base64 with text around it", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processor(t, `"content":"data:`+encoded+`;"`)
		}},
		{name: "processor's form by OAuth 1.0a", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processorCall(t, `"content":{"a":"1","file":"{payload.document.content.@}"}`, oauth1)
		}},
		{name: "processor's base64 in a form by OAuth 1.0a", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processorCall(t, `"content":{"a":"1","file":"`+encoded+`"}`, oauth1)
		}},
		{name: "processor's base64 twice in a form by OAuth 1.0a", memory: most, run: func(t testing.TB) func(context.Context) error {
			return processorCall(t, `"content":{"file":["`+encoded+`","data:`+encoded+`","`+encoded+`"]}`, oauth1)
		}},
		{name: "document to S3", was: "106 MB", memory: most, run: func(t testing.TB) func(context.Context) error {
			s := httptest.NewServer(&bucket{})
			t.Cleanup(s.Close)
			return toBucket(t, bucketAt(s.URL), bucketSecrets(), document)
		}},
	}
}

// processorCall sends a request of a Request Processor, with an auth.
func processorCall(t testing.TB, request, auth string) func(context.Context) error {
	platform := rossumtest.NewServer()
	t.Cleanup(platform.Close)
	url := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })
	step := settingsOf[requestprocessor.Step](
		t,
		fmt.Sprintf(`{"stages":[{"call_api":[{"name":"c",%s"request":{"url":%q,"method":"POST","timeout":60,%s}}]}]}`, auth, url, request),
	)
	return exportsWith(t, rossumtest.Annotation(rossumtest.On(platform)), []pipeline.Option{pipeline.WithOriginal(generated(document))}, step)
}

// toSFTP writes the document to a server.
func toSFTP(t testing.TB) func(context.Context) error {
	s, err := sftptest.NewServer("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	step := &sftpexport.Step{Credentials: s.Credentials(), Rules: []sftpexport.Rule{{
		Directory: "/", Objects: []sftpexport.Object{{Type: "document", Name: "1"}},
	}}}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range s.Secrets() {
		call.With(rossumtest.Secret(name, secret))
	}
	return exportsWith(t, call, []pipeline.Option{pipeline.WithOriginal(generated(document))}, step)
}

// refusedRows are of the table, too, though not for what they cost.
func refusedRows() []row {
	var list []row
	for _, host := range []string{"0xA9FEA9FE", "2852039166", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "metadata.google.internal.", "１６９.254.169.254"} {
		list = append(list, row{name: "metadata address behind a proxy: " + host, was: "passed", refused: true, run: func(t testing.TB) func(context.Context) error {
			proxy, err := url.Parse(server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
			t.Cleanup(transport.CloseIdleConnections)
			return exportsWith(
				t,
				rossumtest.Annotation(rossumtest.Offline()),
				[]pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})},
				&steps.RESTExport{Request: steps.Request{URL: "http://" + host + "/latest/", Method: "GET"}},
			)
		}})
	}
	return append(list, row{name: "JSON of a text template with a quote in a field", was: "ended the string", memory: slack, run: quoted})
}

// quoted sends JSON whose field text would end its string.
func quoted(t testing.TB) func(context.Context) error {
	const hostile = `", "admin": "1`
	var fault error
	url := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var got map[string]string
		if fault = json.NewDecoder(r.Body).Decode(&got); fault == nil && (len(got) != 1 || got["n"] != hostile) {
			fault = fmt.Errorf("%v arrived", got)
		}
	}))
	t.Cleanup(url.Close)
	run := exports(t, rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("x", hostile)), &steps.RESTExport{Request: steps.Request{
		URL: url.URL, Method: "POST", Content: `{"n":"@{x}"}`, Headers: map[string]string{"Content-Type": "application/json"},
	}})
	return func(ctx context.Context) error { return errors.Join(run(ctx), fault) }
}
