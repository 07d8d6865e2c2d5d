package shadow_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver/shadow"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// hostedChain is a chain as Rossum hosts it.
func hostedChain(t *testing.T, erp, template, target string) *pipeline.Chain {
	t.Helper()
	return chainOf(
		t,
		&steps.Purge{ResetFields: []string{"status"}},
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "csv", Template: template}}},
		&steps.RESTExport{
			Key:        "csv",
			Request:    steps.Request{URL: erp + "/invoices", Content: "#{file_content}"},
			HeadersKey: "headers",
			PayloadKey: "reply",
		},
		&steps.Extract{Sources: []steps.Source{
			{Key: "headers", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "status"}}},
			{Key: "reply", Rules: []steps.ExtractRule{{Path: target, TargetField: "erp_id"}}},
		}},
		&steps.Evaluate{Check: steps.Check{Condition: "r.field.status != '201'", Message: "Not created."}},
	)
}

func TestAShadowComparesWithWhatTheHostedChainHasLeft(t *testing.T) {
	t.Parallel()
	const template = "id\n{{ field.document_id }};end\n"
	for _, tt := range []struct {
		name, template, target string
		want                   []string
		same                   bool
	}{
		{"the same", template, "id", []string{"the same, with 1 file compared"}, true},
		{"another byte", "id\n{{ field.document_id }},end\n", "id",
			[]string{`file "csv" differs at byte 4, line 2: hosted ";end", here ",end" (8 and 8 bytes)`}, false},
		{"another value", template, "number", []string{`field "erp_id": hosted "ERP-7", here "2026"`}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			platform := rossumtest.NewServer()
			defer platform.Close()
			var calls atomic.Int32
			erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.WriteHeader(http.StatusCreated)
				fmt.Fprint(w, `{"id": "ERP-7", "number": 2026}`)
			}))
			defer erp.Close()
			call := func(status, id string) *rossumtest.Call {
				return rossumtest.Annotation(
					rossumtest.On(platform),
					rossumtest.Field("document_id", "1"),
					rossumtest.Field("status", status),
					rossumtest.Field("erp_id", id),
				)
			}
			hosted := hostedChain(t, erp.URL, template, "id")
			if _, err := hosted.Export(t.Context(), call("", "").Payload(), pipeline.WithStore(pipeline.InRossum())); err != nil {
				t.Fatal(err)
			}
			before := len(platform.Calls())
			var got *shadow.Comparison
			s := newShadow(t, shadow.Options{
				Chain:    hostedChain(t, erp.URL, tt.template, tt.target),
				Compared: func(_ context.Context, c *shadow.Comparison) { got = c },
			})
			w := httptest.NewRecorder()
			s.ServeHTTP(w, hookCall(call("201", "ERP-7").Bytes()))
			if strings.TrimSpace(w.Body.String()) != `{"messages":[],"operations":[]}` || w.Code != http.StatusOK {
				t.Errorf("the answer is %d %s", w.Code, w.Body)
			}
			if got == nil || got.Same() != tt.same {
				t.Fatalf("%+v", got)
			}
			for _, part := range tt.want {
				if !strings.Contains(got.Text(), part) {
					t.Errorf("%q is missing in\n%s", part, got.Text())
				}
			}
			if calls.Load() != 1 {
				t.Errorf("the ERP got %d calls, one of them from the hosted chain", calls.Load())
			}
			for _, c := range platform.Calls()[before:] {
				if !strings.HasPrefix(c, "GET ") {
					t.Errorf("the shadow made the call %s", c)
				}
			}
		})
	}
}

func TestAShadowNeverDisturbsTheHostedChain(t *testing.T) {
	t.Parallel()
	panics := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { panic("x") })
	fails := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Error("no"); return x.Set("document_id", "2") })
	for name, step := range map[string]pipeline.Step{"panics": panics, "fails": fails} {
		var got *shadow.Comparison
		s := newShadow(t, shadow.Options{Chain: chainOf(t, step), Compared: func(_ context.Context, c *shadow.Comparison) { got = c }})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, hookCall(invoice().Bytes()))
		var answer map[string][]json.RawMessage
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK ||
			len(answer["messages"])+len(answer["operations"]) != 0 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if got == nil || got.Same() {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s := newShadow(t, shadow.Options{Chain: chainOf(t, fails), Compared: func(context.Context, *shadow.Comparison) { panic("y") }})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, hookCall(invoice().Bytes()))
	if w.Code != http.StatusOK {
		t.Errorf("a function that panics: %d", w.Code)
	}
}

func TestAShadowSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := shadow.New(shadow.Options{SignatureSecrets: []string{""}})
	for _, part := range []string{"Chain or Queues", "a secret is empty", "Compared is missing"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %v", part, err)
		}
	}
	if _, err := shadow.New(shadow.Options{Chain: chainOf(t), Compared: func(context.Context, *shadow.Comparison) {}}); err == nil {
		t.Error("calls of everybody are taken although nothing says so")
	}
}

func TestAShadowTakesSignedCallsOnly(t *testing.T) {
	t.Parallel()
	s := newShadow(t, shadow.Options{Chain: chainOf(t), Compared: func(context.Context, *shadow.Comparison) { t.Error("a call is compared") }})
	unsigned := httptest.NewRecorder()
	body := bytes.NewReader(invoice().Bytes())
	s.ServeHTTP(unsigned, httptest.NewRequest(http.MethodPost, "/", body))
	if unsigned.Code != http.StatusUnauthorized || int64(body.Len()) != body.Size() {
		t.Errorf("unsigned: %d, %d of %d bytes are left unread", unsigned.Code, body.Len(), body.Size())
	}
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, hookCall([]byte("{}"))); w.Code != http.StatusBadRequest {
		t.Errorf("no hook call: %d", w.Code)
	}
}

func TestAShadowReadsCallsAsAServerDoes(t *testing.T) {
	t.Parallel()
	s := newShadow(t, shadow.Options{Chain: chainOf(t), Compared: func(context.Context, *shadow.Comparison) {}})
	body := invoice().Bytes()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, contentType, encoding string
		body                        []byte
		want                        int
	}{
		{"compressed on the way", "application/json", "gzip", packed.Bytes(), http.StatusOK},
		{"not JSON", "text/plain", "", body, http.StatusUnsupportedMediaType},
		{"compressed otherwise", "application/json", "br", body, http.StatusUnsupportedMediaType},
	} {
		r := hookCall(body)
		r.Body = io.NopCloser(bytes.NewReader(tt.body))
		r.ContentLength = int64(len(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		r.Header.Set("Content-Encoding", tt.encoding)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
}

func TestAShadowOfQueuesNamesTheOneWithoutAChain(t *testing.T) {
	t.Parallel()
	var got *shadow.Comparison
	s := newShadow(
		t,
		shadow.Options{Queues: map[int64]*pipeline.Chain{1: chainOf(t)}, Compared: func(_ context.Context, c *shadow.Comparison) { got = c }},
	)
	s.ServeHTTP(httptest.NewRecorder(), hookCall(invoice().Bytes()))
	if got == nil || got.Same() || !strings.Contains(got.Text(), "no chain is given for queue") {
		t.Errorf("%+v", got)
	}
}

const secret = "hook-secret"

// hookCall makes a signed request.
func hookCall(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rossum.Sign(r.Header, body, secret)
	return r
}

func invoice() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Offline())
}

func chainOf(t *testing.T, steps ...pipeline.Step) *pipeline.Chain {
	t.Helper()
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newShadow(t *testing.T, o shadow.Options) http.Handler {
	t.Helper()
	o.SignatureSecrets = []string{secret}
	h, err := shadow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
