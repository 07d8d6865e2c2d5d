package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
)

// leavingRows send a document of 40 MB in the remaining ways: out of Rossum rather than from
// memory, with a ledger, a detailed report or a recorder beside it, in a dry run, and by the
// code of a function.
func leavingRows() []row {
	few, most := slack+10, document/mb+slack
	const encoded = document * 4 / 3 / mb // the base64, once
	content := func(t testing.TB) pipeline.Step {
		return &steps.RESTExport{Request: steps.Request{URL: accepting(t), Method: "POST", Content: "#{original_file}"}}
	}
	jsonOf := func(t testing.TB) pipeline.Step {
		return settingsOf[requestprocessor.Step](
			t,
			fmt.Sprintf(`{"stages":[{"call_api":[{"name":"c","request":{"url":%q,"method":"POST","timeout":60,
			"content_type":"json","content":{"file":"{base64(payload.document.content.@)}"}}}]}]}`, accepting(t)),
		)
	}
	list := []row{
		{name: "document out of Rossum as the content", memory: few, run: func(t testing.TB) func(context.Context) error {
			return outOfRossum(t, content(t))
		}},
		{name: "document out of Rossum in a processor's base64", memory: most, run: func(t testing.TB) func(context.Context) error {
			return outOfRossum(t, jsonOf(t))
		}},
		{name: "document with a folder ledger", memory: few, run: func(t testing.TB) func(context.Context) error {
			return onLedger(t, content(t))
		}},
		{name: "processor's base64 with a folder ledger", memory: most, run: func(t testing.TB) func(context.Context) error {
			return onLedger(t, jsonOf(t))
		}},
		{name: "document in a detailed report", memory: few, run: func(t testing.TB) func(context.Context) error {
			return original(t, content(t), pipeline.WithDetails(pipeline.Details{}))
		}},
		{name: "processor's base64 in a detailed report", memory: most, run: func(t testing.TB) func(context.Context) error {
			return original(t, jsonOf(t), pipeline.WithDetails(pipeline.Details{}))
		}},
		{name: "document in a dry run", memory: most, run: func(t testing.TB) func(context.Context) error {
			return original(t, content(t), dry())
		}},
		{name: "processor's base64 in a dry run", memory: most + encoded, run: func(t testing.TB) func(context.Context) error {
			return original(t, jsonOf(t), dry())
		}},
		{name: "document to SFTP in a dry run", memory: most, run: func(t testing.TB) func(context.Context) error {
			return original(
				t,
				toDirectory(
					&sftpexport.Step{Credentials: sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Username: "u", HostKey: hostKey}},
					"document",
					"",
				),
				dry(),
			)
		}},
		{name: "document past a recorder", memory: most, run: func(t testing.TB) func(context.Context) error {
			return recorded(t)
		}},
		// Nearly all that is thrown away meanwhile is of the server, in this process.
		{name: "Jinja's b64encode to SFTP", memory: most + encoded + 2*encoded, run: func(t testing.TB) func(context.Context) error {
			return artefactTo(t, false)
		}},
		{name: "Jinja's b64encode to S3", memory: most + encoded + 24, run: func(t testing.TB) func(context.Context) error {
			return artefactTo(t, true)
		}},
		{
			name:   "Jinja's b64encode kept in Rossum",
			memory: (most + encoded + slack) / 2,
			run: func(t testing.TB) func(context.Context) error {
				return keptInRossum(t)
			},
		},
		{name: "document by Workday, $GET_DOCUMENT_CONTENT$", memory: most, run: func(t testing.TB) func(context.Context) error {
			return workdayCall(t, json.RawMessage(`{"Supplier_Invoice_Data":{"Company_Reference":{},"Attachment_Data":[
				{"Filename":"a.pdf","File_Content":{"$GET_DOCUMENT_CONTENT$":{}}}]}}`), 0, pipeline.WithOriginal(generated(document)))
		}},
	}
	for name, code := range map[string]struct {
		memory int
		post   string
	}{
		"data=":  {most, "data=doc"},
		"files=": {most, "files={'f': ('a.pdf', doc, 'application/pdf')}, data={'n': '1'}"},
		// Each step of these makes a text of its own, also in CPython.
		"data= a form of its base64":  {most + 4*encoded, "data={'f': base64.b64encode(doc)}"},
		"json= its base64":            {most + 4*encoded, "json={'f': base64.b64encode(doc).decode()}"},
		"json= as text of its base64": {most + 4*encoded, "data=json.dumps({'f': base64.b64encode(doc).decode('ascii')})"},
	} {
		list = append(
			list,
			row{name: "function's requests.post, " + name, memory: code.memory, run: func(t testing.TB) func(context.Context) error {
				return byFunction(t, code.post)
			}},
		)
	}
	return list
}

// hostKey is that of no server.
const hostKey = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// accepting is a server that takes everything.
func accepting(t testing.TB) string {
	return server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
}

func original(t testing.TB, step pipeline.Step, options ...pipeline.Option) func(context.Context) error {
	call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("type", "sftp"), rossumtest.Secret("password", "of-no-server"))
	return exportsWith(t, call, append(options, pipeline.WithOriginal(generated(document))), step)
}

// dry makes no calls, which are answered with success.
func dry() pipeline.Option {
	return pipeline.WithDryRun(
		pipeline.DryRun{Reply: func(pipeline.DryCall) (pipeline.DryReply, bool) { return pipeline.DryReply{}, true }},
	)
}

// platform is a Rossum that has the document.
func platform(t testing.TB) string {
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/content") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"results":[],"pagination":{"total":0,"total_pages":0}}`)
			return
		}
		body, _ := generated(document).Open(r.Context())
		w.Header().Set("Content-Length", fmt.Sprint(document))
		_, _ = io.Copy(w, body)
	})
}

func outOfRossum(t testing.TB, step pipeline.Step) func(context.Context) error {
	return exports(t, rossumtest.Annotation(rossumtest.From(platform(t), "token-of-the-run")), step)
}

func onLedger(t testing.TB, step pipeline.Step) func(context.Context) error {
	t.Helper()
	ledger, err := folderledger.Open(t.TempDir(), folderledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{TrustDisk: true})
	if err != nil {
		t.Fatal(err)
	}
	return original(t, step, pipeline.WithJournal(journal))
}

func recorded(t testing.TB) func(context.Context) error {
	t.Helper()
	to, err := url.Parse(accepting(t))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(shadow.Record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		again, _ := http.NewRequestWithContext(r.Context(), r.Method, to.String(), r.Body)
		if reply, err := http.DefaultTransport.RoundTrip(again); err == nil {
			_ = reply.Body.Close()
		}
		w.WriteHeader(http.StatusCreated)
	}), func(shadow.RecordedCall) {}))
	t.Cleanup(s.Close)
	return original(t, &steps.RESTExport{Request: steps.Request{URL: s.URL, Method: "POST", Content: "#{original_file}"}})
}

// toDirectory has a step write one file.
func toDirectory(step *sftpexport.Step, kind sftpexport.ObjectType, key string) *sftpexport.Step {
	step.Rules = []sftpexport.Rule{{Directory: "/", Objects: []sftpexport.Object{{Type: kind, Name: "1", Key: key}}}}
	return step
}

// artefactTo writes what a template has made to a bucket or a server.
func artefactTo(t testing.TB, bucketed bool) func(context.Context) error {
	t.Helper()
	made := &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: `{{ file.original_file|b64encode }}`}}}
	secrets, step := bucketSecrets(), &sftpexport.Step{}
	if bucketed {
		b := httptest.NewServer(&bucket{})
		t.Cleanup(b.Close)
		step.Credentials, step.Backends = bucketAt(b.URL), map[string]sftpexport.Backend{"s3": s3.New(s3.Options{})}
	} else {
		s, err := sftptest.NewServer("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		step.Credentials, secrets = s.Credentials(), s.Secrets()
	}
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	return exportsWith(
		t,
		call,
		[]pipeline.Option{pipeline.WithOriginal(generated(document))},
		made,
		toDirectory(step, "custom_format", "k"),
	)
}

// keptInRossum saves what a template has made as a document, which may have 40 MB, too.
func keptInRossum(t testing.TB) func(context.Context) error {
	made := &steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: `{{ file.original_file|b64encode }}`}}}
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"results":[],"pagination":{"total":0,"total_pages":0}}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":7,"url":"http://`+r.Host+`/api/v1/documents/7"}`)
	})
	call := rossumtest.Annotation(rossumtest.From(url, "token-of-the-run"))
	return exportsWith(
		t,
		call,
		[]pipeline.Option{pipeline.WithOriginal(generated(document / 2)), pipeline.WithStore(pipeline.InRossum())},
		made,
	)
}

// byFunction sends the document by the code of a function, which has it in memory.
func byFunction(t testing.TB, post string) func(context.Context) error {
	const code = "import base64, json, requests\ndef rossum_hook_request_handler(payload):\n" +
		"    doc = requests.get(%q).content\n    requests.post(%q, %s)\n    return {}\n"
	return exports(
		t,
		rossumtest.Annotation(rossumtest.Offline()),
		&steps.Function{HTTP: true, Code: fmt.Sprintf(code, platform(t)+"/content", accepting(t), post)},
	)
}
