package hookserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const secret = "hook-secret"

// hookCall makes a signed request.
func hookCall(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/export", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rossum.Sign(r.Header, body, secret)
	return r
}

func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Field("status", ""), rossumtest.Offline()).With(parts...)
}

// set writes a field.
func set(id, value string) pipeline.StepFunc {
	return func(_ context.Context, x *pipeline.Export) error { return x.Set(id, value) }
}

func chainOf(t testing.TB, steps ...pipeline.Step) *pipeline.Chain {
	t.Helper()
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newServer makes a server of calls that are signed with the secret, unless the options
// say otherwise.
func newServer(t testing.TB, o hookserver.Options) *hookserver.Server {
	t.Helper()
	if o.SignatureSecrets == nil && !o.Unsigned {
		o.SignatureSecrets = []string{secret}
	}
	s, err := hookserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func serve(h http.Handler, r *http.Request) (int, rossum.Response) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer rossum.Response
	_ = json.Unmarshal(w.Body.Bytes(), &answer) // the health answer is another object
	return w.Code, answer
}

func TestWhatIsNoHookCallIsRefusedAndNothingRuns(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran.Add(1); return nil }))
	h := newServer(t, hookserver.Options{Chain: chain, BodyLimit: 1 << 20})
	good := invoice().Bytes()
	with := func(change func(r *http.Request)) *http.Request {
		r := hookCall(good)
		change(r)
		return r
	}
	for name, tt := range map[string]struct {
		r    *http.Request
		want int
	}{
		"no signature": {with(func(r *http.Request) {
			r.Header.Del(rossum.SignatureHeader)
			r.Header.Del(rossum.LegacySignatureHeader)
		}), 401},
		"wrong signature":  {with(func(r *http.Request) { r.Header.Set(rossum.SignatureHeader, "sha256=00") }), 401},
		"no content type":  {with(func(r *http.Request) { r.Header.Del("Content-Type") }), 415},
		"form":             {with(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), 415},
		"PUT":              {httptest.NewRequest(http.MethodPut, "/", nil), 405},
		"not JSON":         {hookCall([]byte("hello")), 400},
		"empty":            {hookCall(nil), 400},
		"a list":           {hookCall([]byte("[]")), 400},
		"truncated":        {hookCall(good[:len(good)/2]), 400},
		"no annotation":    {hookCall([]byte(`{"event":"annotation_content","action":"export"}`)), 400},
		"too deep":         {hookCall([]byte(strings.Repeat(`{"annotation":`, 10000))), 400},
		"deep in content":  {hookCall([]byte(`{"annotation":{"id":1,"content":` + strings.Repeat("[", 10000))), 400},
		"missing id":       {hookCall([]byte(`{"event":"annotation_content","action":"export","annotation":{"id":1,"content":[{"schema_id":"s","category":"section"}]}}`)), 400},
		"duplicate id":     {hookCall([]byte(`{"event":"annotation_content","action":"export","annotation":{"id":1,"content":[{"id":2,"schema_id":"s","category":"section"},{"id":2,"schema_id":"t","category":"section"}]}}`)), 400},
		"wrong event":      {hookCall(invoice(rossumtest.Event("annotation_content", "started")).Bytes()), 422},
		"too large":        {hookCall(append(bytes.Repeat([]byte(" "), 1<<20), good...)), 413},
		"text at the end":  {hookCall(append(bytes.Clone(good), "x"...)), 400},
		"token not a text": {hookCall([]byte(`{"rossum_authorization_token":["t"],"annotation":{"id":1}}`)), 400},
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := serve(h, tt.r); status != tt.want || !answer.Failed() {
				t.Errorf("status %d, want %d, answer %+v", status, tt.want, answer)
			}
		})
	}
	if ran.Load() != 0 {
		t.Error("the chain ran")
	}
}

func TestAGoodCallIsAnswered(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*http.Request{
		"signed": hookCall(invoice().Bytes()),
		"legacy signature": func() *http.Request {
			r := hookCall(invoice(rossumtest.Request("2")).Bytes())
			r.Header.Del(rossum.SignatureHeader)
			return r
		}(),
	} {
		if status, answer := serve(newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "done")), SignatureSecrets: []string{"older", secret}}), r); status != 200 ||
			len(answer.Operations) != 1 {
			t.Errorf("%s: %d %+v", name, status, answer)
		}
	}
	if status, _ := serve(newServer(t, hookserver.Options{Chain: chainOf(t), Unsigned: true}), httptest.NewRequest(http.MethodGet, "/", nil)); status != 200 {
		t.Errorf("health: %d", status)
	}
}

func TestAFailedExportIsAnsweredWith200SoThatOperationsCount(t *testing.T) {
	t.Parallel()
	chain := chainOf(t, set("status", "201"), pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("no") }))
	if status, answer := serve(newServer(t, hookserver.Options{Chain: chain}), hookCall(invoice().Bytes())); status != 200 ||
		!answer.Failed() ||
		len(answer.Operations) != 1 {
		t.Errorf("%d %+v", status, answer)
	}
}

func TestACallThatComesAgainDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	release := make(chan struct{})
	chain := chainOf(
		t,
		pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { ran.Add(1); <-release; x.Info("done"); return nil }),
	)
	h := newServer(t, hookserver.Options{Chain: chain})
	body := invoice().Bytes()
	// The first caller hangs up before the answer.
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { serve(h, hookCall(body).WithContext(ctx)) })
	for ran.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range 3 {
		wait.Go(func() {
			if status, answer := serve(h, hookCall(body)); status != 200 || len(answer.Messages) != 1 {
				t.Errorf("%d %+v", status, answer)
			}
		})
	}
	close(release)
	wait.Wait()
	if status, answer := serve(h, hookCall(body)); status != 200 || len(answer.Messages) != 1 || ran.Load() != 1 {
		t.Errorf("%d %+v after %d runs", status, answer, ran.Load())
	}
	// The platform may number a repeat anew.
	if status, answer := serve(h, hookCall(invoice(rossumtest.Request("another")).Bytes())); status != 200 || len(answer.Messages) != 1 ||
		ran.Load() != 1 {
		t.Errorf("with another request_id: %d %+v after %d runs", status, answer, ran.Load())
	}
	if serve(h, hookCall(invoice(rossumtest.Field("more", "x")).Bytes())); ran.Load() != 2 {
		t.Errorf("other content: %d runs", ran.Load())
	}
}

func TestTheAnswerComesBeforeTheHooksTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) }))
		started := time.Now()
		status, answer := serve(newServer(t, hookserver.Options{Chain: chain, Timeout: 20 * time.Second}), hookCall(invoice().Bytes()))
		if took := time.Since(started); status != 200 || !answer.Failed() || took != 19*time.Second {
			t.Errorf("%d %+v after %v", status, answer, took)
		}
	})
}

func TestTheTimeOutIsThatOfTheChainsHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) })).
			WithOrigin(pipeline.Origin{Timeout: 50 * time.Second})
		started := time.Now()
		serve(newServer(t, hookserver.Options{Chain: chain}), hookCall(invoice().Bytes()))
		if took := time.Since(started); took != 49*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestOnlyListenersRunOnStatusEvents(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran.Add(1); return nil }))
	status, _ := serve(
		newServer(t, hookserver.Options{Chain: chain}),
		hookCall(invoice(rossumtest.Event("annotation_status", "changed"), rossumtest.WithoutContent()).Bytes()),
	)
	if status != 200 || ran.Load() != 0 {
		t.Errorf("%d, %d runs", status, ran.Load())
	}
}

func FuzzHandler(f *testing.F) {
	f.Add(invoice().Bytes())
	f.Add([]byte(`{"annotation":{"id":1,"content":[]}}`))
	for _, data := range fuzzing.Payloads(f) {
		f.Add(data)
	}
	chain, _ := pipeline.New(set("status", "x"))
	h := newServer(f, hookserver.Options{Chain: chain})
	f.Fuzz(func(t *testing.T, body []byte) {
		if status, _ := serve(h, hookCall(body)); status != 200 && (status < 400 || status > 422) {
			t.Errorf("status %d", status)
		}
	})
}

func TestContentThatIsAnAddressIsFetched(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "1"),
		rossumtest.Field("status", ""),
		rossumtest.On(platform),
		rossumtest.WithoutContent(),
	)
	platform.AddContent(call)
	h := newServer(
		t,
		hookserver.Options{
			Chain: chainOf(t, set("status", "done")),
			Run:   []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})},
		},
	)
	if status, answer := serve(h, hookCall(call.Bytes())); status != 200 || answer.Failed() || len(answer.Operations) != 1 {
		t.Errorf("%d %+v", status, answer)
	}
	offline := invoice(rossumtest.WithoutContent(), rossumtest.Request("2"))
	if status, answer := serve(h, hookCall(offline.Bytes())); status != 200 || !answer.Failed() ||
		!strings.Contains(answer.Messages[0].Content, "no client of Rossum's API") {
		t.Errorf("%d %+v", status, answer)
	}
	foreign := rossumtest.Annotation(
		rossumtest.On(platform),
		rossumtest.Request("3"),
		rossumtest.Set("content", "https://thief.example/content"),
	)
	if status, answer := serve(h, hookCall(foreign.Bytes())); status != 200 || !answer.Failed() ||
		!strings.Contains(answer.Messages[0].Content, "another host") {
		t.Errorf("%d %+v", status, answer)
	}
}
