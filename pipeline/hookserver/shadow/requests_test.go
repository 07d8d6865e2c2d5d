package shadow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

const canary = "canary-secret-4711"

// wanted is the chain whose requests are compared: a token, a file, a form with a part,
// and a call that depends on the answer of an earlier one.
func wanted(t *testing.T, erp string, change func(create, upload *steps.RESTExport)) *pipeline.Chain {
	t.Helper()
	auth := &steps.Auth{URL: erp + "/token", Data: json.RawMessage(`{"grant_type":"client_credentials","client_secret":"{secret.api_key}"}`)}
	create := &steps.RESTExport{
		Key: "json", Auth: auth, HeadersKey: "headers", PayloadKey: "reply",
		Request: steps.Request{
			URL: erp + "/invoices?company=1", Content: "#{file_content}",
			Headers: map[string]string{"Content-Type": "application/json", "X-Api-Key": "{secret.api_key}"},
		},
	}
	upload := &steps.RESTExport{
		Key: "json", Auth: auth, Condition: "@{erp_id}",
		Request: steps.Request{
			URL: erp + "/invoices/@{erp_id}/files", FilePart: "file", FileName: "invoice.json", Data: json.RawMessage(`{"kind":"@{document_id}"}`),
		},
	}
	change(create, upload)
	const template = "{\n  \"number\": \"{{ field.document_id }}\",\n  \"total\": 12.50\n}"
	return chainOf(
		t,
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "json", Template: template}}},
		pipeline.Named("create", create),
		pipeline.Named(
			"read",
			&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}},
		),
		pipeline.Named("upload", upload),
	)
}

func asItIs(_, _ *steps.RESTExport) {}

// record runs a hosted chain against an ERP, by way of the recorder.
func record(t *testing.T, hosted func(erp string) *pipeline.Chain) (recording *shadow.Recording, erp string) {
	t.Helper()
	recording = &shadow.Recording{}
	var mu sync.Mutex
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	open := true
	server.Config.Handler = shadow.Record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open {
			t.Errorf("%s %s was sent by the shadow", r.Method, r.URL)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" {
			fmt.Fprint(w, `{"access_token":"token-of-the-hosted-chain"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"ERP-7"}`)
	}), func(c shadow.RecordedCall) {
		mu.Lock()
		defer mu.Unlock()
		c.URL = strings.Replace(c.URL, "https://", "http://", 1) // the test's server has no TLS
		recording.Calls = append(recording.Calls, c)
	})
	if _, err := hosted(server.URL).Export(t.Context(), invoiceCall().Payload()); err != nil {
		t.Fatal(err)
	}
	open = false
	return recording, server.URL
}

func invoiceCall() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("api_key", canary),
		rossumtest.Field("document_id", "2026-7"), rossumtest.Field("erp_id", ""))
}

func TestRequestsAreComparedByteForByte(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(create, upload *steps.RESTExport)
		want   []string // empty for the same
	}{
		"the same": {asItIs, nil},
		"a byte of the body": {
			func(create, _ *steps.RESTExport) {
				create.Request.Content = "{\n  \"number\": \"2026-7\",\n  \"total\": 12.5\n}"
			},
			[]string{
				`POST ERP/invoices?company=1 of step "create": body differs at byte 39, line 3: hosted "0\n}", here "\n}" (42 and 41 bytes)`,
				"    @@ -1,4 +1,4 @@\n     {\n       \"number\": \"2026-7\",\n    -  \"total\": 12.50\n    +  \"total\": 12.5\n     }\n",
			},
		},
		"a header": {
			func(create, _ *steps.RESTExport) { create.Request.Headers["Content-Type"] = "text/plain" },
			[]string{`header Content-Type differs at byte 0, line 1: hosted "application/json", here "text/plain"`},
		},
		"a header that is missing": {
			func(create, _ *steps.RESTExport) { delete(create.Request.Headers, "X-Api-Key") },
			[]string{"header X-Api-Key: sent by the hosted chain only"},
		},
		"a header that is new": {
			func(create, _ *steps.RESTExport) { create.Request.Headers["X-New"] = "1" },
			[]string{`header X-New: the hosted chain has not sent it, here "1"`},
		},
		"a secret": {
			func(create, _ *steps.RESTExport) { create.Request.Headers["X-Api-Key"] = "{secret.api_key}x" },
			[]string{"header X-Api-Key differs at byte 18, line 1, in what is not shown"},
		},
		"the query": {
			func(create, _ *steps.RESTExport) { create.Request.URL += "2" },
			[]string{`URL differs at byte `, `here "2"`},
		},
		"the path": {func(create, _ *steps.RESTExport) {
			create.Request.URL = strings.Replace(create.Request.URL, "invoices", "bills", 1)
		}, []string{`URL differs at byte `, `hosted "invoices?company=1", here "bills?company=1"`, `step create: ended here: a dry run has no answer`}},
		"the method": {
			func(create, _ *steps.RESTExport) { create.Request.Method = "PUT" },
			[]string{`method differs at byte 1, line 1: hosted "OST", here "UT"`},
		},
		"a field of a form": {
			func(_, upload *steps.RESTExport) { upload.Request.Data = json.RawMessage(`{"kind":"scan"}`) },
			[]string{`of step "upload": body differs at byte`, `hosted "2026-7`, `here "scan`},
		},
		"a call that is not due": {
			func(_, upload *steps.RESTExport) { upload.Condition = "false" },
			[]string{"POST ERP/invoices/ERP-7/files: sent by the hosted chain only"},
		},
		"a call of another credential": {
			func(create, _ *steps.RESTExport) { create.Auth.Data = json.RawMessage(`{"grant_type":"x"}`) },
			[]string{"/token of step \"create\": body differs at byte", "in what is not shown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording, erp := record(t, func(erp string) *pipeline.Chain { return wanted(t, erp, asItIs) })
			c := shadow.Compare(t.Context(), wanted(t, erp, tt.change), invoiceCall().Payload(), recording)
			text := strings.ReplaceAll(c.Text(), erp, "ERP")
			if c.Same() != (tt.want == nil) || tt.want == nil && text != "annotation 314528: the same, with 3 requests compared\n" {
				t.Errorf("same: %v\n%s", c.Same(), text)
			}
			for _, part := range tt.want {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in\n%s", part, text)
				}
			}
			whole, err := json.Marshal(c)
			if err != nil || strings.Contains(string(whole)+text, canary) || strings.Contains(string(whole)+text, "token-of-the-hosted-chain") {
				t.Errorf("a secret is shown: %v\n%s", err, whole)
			}
		})
	}
}

func TestACallThatWasNotRecordedIsADifference(t *testing.T) {
	t.Parallel()
	recording, erp := record(t, func(erp string) *pipeline.Chain { return wanted(t, erp, asItIs) })
	recording.Calls = recording.Calls[:len(recording.Calls)-1]
	c := shadow.Compare(t.Context(), wanted(t, erp, asItIs), invoiceCall().Payload(), recording)
	if text := c.Text(); c.Same() || !strings.Contains(text, `/files of step "upload": the hosted chain has not sent it`) {
		t.Error(text)
	}
	if c := shadow.Compare(t.Context(), wanted(t, erp, asItIs), invoiceCall().Payload(), nil); c.Same() {
		t.Error("nothing recorded counts as the same")
	}
}

func TestATokenThatWasNotRecordedIsNoDifference(t *testing.T) {
	t.Parallel()
	recording, erp := record(t, func(erp string) *pipeline.Chain { return wanted(t, erp, asItIs) })
	for i := 0; i < len(recording.Calls); i++ { // the hosted chain had one from its last run
		if strings.HasSuffix(recording.Calls[i].URL, "/token") {
			recording.Calls = append(recording.Calls[:i:i], recording.Calls[i+1:]...)
			i--
		}
	}
	if c := shadow.Compare(t.Context(), wanted(t, erp, asItIs), invoiceCall().Payload(), recording); !c.Same() {
		t.Error(c.Text())
	}
	for i := range recording.Calls {
		recording.Calls[i].Header.Set("Authorization", "Basic abc")
	}
	c := shadow.Compare(t.Context(), wanted(t, erp, asItIs), invoiceCall().Payload(), recording)
	if c.Same() || !strings.Contains(c.Text(), "header Authorization differs at byte 1, line 1, in what is not shown") {
		t.Error(c.Text())
	}
}

func TestAShadowTakesAnswersFromTheRecordingOfItsCall(t *testing.T) {
	t.Parallel()
	recording, erp := record(t, func(erp string) *pipeline.Chain { return wanted(t, erp, asItIs) })
	for name, tt := range map[string]struct {
		recording *shadow.Recording
		err       error
		want      string
	}{
		"found":     {recording, nil, "the same, with 3 requests compared"},
		"not found": {nil, nil, "the same, with 0 files compared"},
		"failed":    {nil, errors.New("no disk"), "finding the recording: no disk"},
	} {
		platform := rossumtest.NewServer()
		call := rossumtest.Annotation(rossumtest.On(platform), rossumtest.Secret("api_key", canary),
			rossumtest.Field("document_id", "2026-7"), rossumtest.Field("erp_id", "ERP-7"))
		var got *shadow.Comparison
		s := newShadow(t, shadow.Options{
			Chain:    wanted(t, erp, asItIs),
			Recorded: func(context.Context, *rossum.Payload) (*shadow.Recording, error) { return tt.recording, tt.err },
			Compared: func(_ context.Context, c *shadow.Comparison) { got = c },
		})
		s.ServeHTTP(httptest.NewRecorder(), hookCall(call.Bytes()))
		platform.Close()
		if got == nil {
			t.Fatal("nothing was compared")
		}
		got.Files = nil // no hosted chain has left any in this platform
		if text := got.Text(); !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
