package steps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// artefact makes a file with the key that the documented settings use.
var artefact = keep("exported_annotation_csv", "a,b\n1,2")

func TestRequestsGoOutAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, settings string
		check          func(s seen) string
		want           string
	}{
		{"text", `{"export_reference_key":"exported_annotation_csv","request":{"url":"URL/XXX","method":"POST","headers":{"Content-Type":"text/plain"},"content":"#{file_content}"}}`,
			func(s seen) string { return s.method + s.path + s.header.Get("Content-Type") + s.body }, "POST/XXXtext/plaina,b\n1,2"},
		{"old key", `{"export_id":"exported_annotation_csv","request":{"url":"URL","data":"<#{file_content}>"}}`, func(s seen) string { return s.method + s.body }, "POST<a,b\n1,2>"},
		{"original", `{"request":{"url":"URL/attachment","method":"PUT","content":"#{original_file}","headers":{"Content-Type":"application/pdf"}}}`,
			func(s seen) string { return s.method + s.header.Get("Content-Type") + s.body }, "PUTapplication/pdfPDF bytes"},
		{"multipart", `{"export_reference_key":"exported_annotation_csv","request":{"url":"URL","method":"POST","headers":{"Authorization":"Bearer {secret.password}","Content-Type":"multipart/form-data; boundary=stale"},"file_name":"@{vendor}.json","file_key":"file","request_data":{"other_field":"@{document_id}"}}}`,
			func(s seen) string {
				return s.header.Get("Authorization") + "|" + s.file + "|" + s.fileName + "|" + fmt.Sprint(s.form)
			}, `Bearer canary-password|a,b` + "\n" + `1,2|A&B %22Co%22.json|map[other_field:[2026/0042]]`},
		{"file of a template", `{"request":{"url":"URL","file_key":"f","file_content":"#{original_file}","file_name":"a.pdf"}}`, func(s seen) string { return s.file + s.fileName + s.fileType }, "PDF bytesa.pdfapplication/pdf"},
		{"form", `{"request":{"url":"URL","data":{"b":"@{vendor}","a":["1",2,true],"n":null}}}`, func(s seen) string { return s.header.Get("Content-Type") + " " + s.body },
			"application/x-www-form-urlencoded b=A%26B+%22Co%22&a=1&a=2&a=true&n="},
		{"multipart without a file", `{"request":{"url":"URL","headers":{"content-type":"multipart/form-data"},"data":{"a":"1"}}}`, func(s seen) string { return fmt.Sprint(s.form) }, "map[a:[1]]"},
		{"GET", `{"request":{"url":"URL/x?id=@{document_id}","method":"get"}}`, func(s seen) string { return s.method + s.path + s.body }, "GET/x?id=2026/0042"},
		{"headers", `{"request":{"url":"URL","headers":{"X-Doc":"no @{document_id}"}}}`, func(s seen) string { return s.header.Get("X-Doc") }, "no 2026/0042"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, got := erp(t, 200, "")
			r := run(t, invoice(), artefact, fromJSON[steps.RESTExport](t, strings.ReplaceAll(tt.settings, "URL", url)))
			if r.err != nil || len(*got) != 1 {
				t.Fatalf("%v, %d calls", r.err, len(*got))
			}
			if text := tt.check((*got)[0]); text != tt.want {
				t.Errorf("got  %q\nwant %q", text, tt.want)
			}
		})
	}
}

func TestDataCanBeAGoValue(t *testing.T) {
	t.Parallel()
	type order struct {
		Vendor string `json:"vendor"`
		No     int    `json:"no"`
	}
	for name, tt := range map[string]struct {
		data any
		want string
	}{
		"a map":         {map[string]any{"b": "@{vendor}", "a": []int{1, 2}}, "a=1&a=2&b=A%26B+%22Co%22"},
		"a struct":      {order{"<@{document_id}>", 7}, "vendor=%3C2026%2F0042%3E&no=7"},
		"a text":        {"no @{document_id}", "no 2026/0042"},
		"JSON":          {json.RawMessage(`{"b": 1.50, "a": null}`), "b=1.50&a="},
		"nothing":       {nil, ""},
		"a nil map":     {map[string]string(nil), ""},
		"a nil pointer": {(*order)(nil), ""},
		"null":          {json.RawMessage("null"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, got := erp(t, 200, "")
			r := run(t, invoice(), &steps.RESTExport{Request: steps.Request{URL: url, Data: tt.data}})
			if r.err != nil || len(*got) != 1 || (*got)[0].body != tt.want {
				t.Errorf("%v, got %+v", r.err, *got)
			}
		})
	}
	if _, err := pipeline.New(&steps.RESTExport{Request: steps.Request{URL: "https://erp.example", Data: make(chan int)}}); err == nil ||
		!strings.Contains(err.Error(), "request.data: ") {
		t.Errorf("got %v", err)
	}
}

func TestFieldTextLeadsToNoOtherPath(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"../admin", "..", "a/../../b", "%2e%2e/x", "x\r\nHost: thief", "a\x00b"} {
		url, got := erp(t, 200, "")
		set := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("erp_id", text) })
		r := run(
			t,
			invoice(),
			set,
			&steps.RESTExport{Request: steps.Request{URL: url + "/api/@{erp_id}/submit", Headers: map[string]string{"X-Id": "@{erp_id}"}}},
		)
		if r.err == nil || len(*got) != 0 {
			t.Errorf("%q: %v, %d calls", text, r.err, len(*got))
		}
	}
}

func TestTheReplyIsKeptWithStatusAndHeaders(t *testing.T) {
	t.Parallel()
	url, _ := erp(t, 201, `{"id": 7}`)
	r := run(t, invoice(), &steps.RESTExport{Request: steps.Request{URL: url}, HeadersKey: "h", PayloadKey: "p"})
	var h struct {
		Status  int               `json:"status_code"`
		Headers map[string]string `json:"headers"`
		Raw     [][2]string       `json:"raw"`
	}
	if err := json.Unmarshal([]byte(r.files["h"]), &h); err != nil || h.Status != 201 || h.Headers["x_request_id"] != "r1" ||
		h.Headers["content_length"] != "9" ||
		r.files["p"] != `{"id": 7}` {
		t.Errorf("%v %q", err, r.files)
	}
	found := false
	for _, pair := range h.Raw {
		found = found || pair == [2]string{"X-Request-Id", "r1"}
	}
	if !found {
		t.Errorf("raw headers %v", h.Raw)
	}
}

func TestStatusesBecomeMessagesAsTheResolverSays(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]rossum.MessageType{403: rossum.MessageError, 201: rossum.MessageWarning, 500: "", 200: ""} {
		url, _ := erp(t, status, "what the API says")
		r := run(
			t,
			invoice(),
			fromJSON[steps.RESTExport](t, `{"request":{"url":"`+url+`"},"status_code_resolver":{"error":[403],"warning":[201]}}`),
		)
		switch {
		case want == "" && len(r.response.Messages) != 0,
			want != "" && (len(r.response.Messages) < 1 || r.response.Messages[0] != (rossum.Message{Type: want, Content: "what the API says"})),
			want == rossum.MessageError && !strings.HasSuffix(r.response.Messages[1].Content, "(answered 403)."):
			t.Errorf("status %d: %+v", status, r.response.Messages)
		}
	}
}

func TestAConditionSkipsTheCallAndItsReply(t *testing.T) {
	t.Parallel()
	for gate, calls := range map[string]int{"yes": 1, "": 0, "FALSE": 0, " false ": 0, "0": 1} {
		url, got := erp(t, 200, `{"id":"new"}`)
		set := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			if err := x.Set("erp_id", "EARLIER"); err != nil {
				return err
			}
			return x.Set("api_gate", gate)
		})
		r := run(
			t,
			invoice(),
			set,
			fromJSON[steps.RESTExport](t, `{"request":{"url":"`+url+`"},"condition":"@{api_gate}","response_payload_reference_key":"p"}`),
			&steps.Extract{Sources: []steps.Source{{Key: "p", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}},
		)
		want := map[int]string{0: "EARLIER", 1: "new"}[calls]
		if r.err != nil || len(*got) != calls || r.fields["erp_id"] != want {
			t.Errorf("gate %q: %v, %d calls, id %q", gate, r.err, len(*got), r.fields["erp_id"])
		}
		if calls == 0 && !strings.Contains(r.report.Text(), "skipped: condition is") {
			t.Error(r.report.Text())
		}
	}
}

func TestAfterAFailedCallNothingActsOnAnEarlierReply(t *testing.T) {
	t.Parallel()
	set := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		for _, id := range []string{"erp_id", "erp_status"} {
			if err := x.Set(id, "EARLIER"); err != nil {
				return err
			}
		}
		return x.Files.Put(ctx, pipeline.File{Key: "p", Data: []byte(`{"id":"EARLIER"}`)})
	})
	url, got := erp(t, 200, "")
	r := run(
		t,
		invoice(),
		set,
		&steps.Purge{},
		&steps.RESTExport{Request: steps.Request{URL: "http://" + closedAddress(t)}, PayloadKey: "p"},
		pipeline.Finally(
			&steps.Extract{
				Sources: []steps.Source{
					{Key: "p", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}, {Path: "s", TargetField: "erp_status"}}},
				},
			},
		),
		pipeline.Finally(&steps.RESTExport{Request: steps.Request{URL: url + "/@{erp_id}"}, Condition: "@{erp_id}"}),
	)
	if r.err == nil || r.fields["erp_id"] != "" || r.fields["erp_status"] != "" || len(*got) != 0 || !r.response.Failed() {
		t.Errorf("%v %v %d calls", r.err, r.fields, len(*got))
	}
}

func closedAddress(t testing.TB) string {
	t.Helper()
	port, err := loopback.Port()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func TestWhatTheERPDoesWrongEndsAsDocumented(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mode  string
		serve http.HandlerFunc
		calls int32
		want  string // in the error; "" for none
	}{
		"resets before the reply, wait":  {"wait", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, 1, "the other side may have received it"},
		"resets before the reply, retry": {"retry", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, 4, "4 attempts"},
		"resets mid-reply": {"wait", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, 1, "reading the reply, status 200: unexpected EOF"},
		"sends 1 GB": {"wait", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "1073741824") }, 1, "reply is too large"},
		"redirects to another host": {"wait", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://thief.example/", http.StatusTemporaryRedirect)
		}, 1, "redirect that is not followed"},
		"is slow":     {"wait", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 1, "deadline exceeded"},
		"429, wait":   {"wait", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Retry-After", "0"); w.WriteHeader(429) }, 1, ""},
		"429, retry":  {"retry", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Retry-After", "0"); w.WriteHeader(429) }, 4, ""},
		"503, wait":   {"wait", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Retry-After", "0"); w.WriteHeader(503) }, 1, ""},
		"answers 404": {"wait", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				calls.Add(1)
				tt.serve(w, r)
			}))
			defer s.Close()
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			timed := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
				if name == "is slow" {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Second)
					defer cancel()
				}
				return (&steps.RESTExport{Request: steps.Request{URL: s.URL, Content: "{}"}, Mode: steps.Mode(tt.mode), HeadersKey: "h"}).Run(ctx, x)
			})
			r := run(t, invoice(), timed)
			if calls.Load() != tt.calls || (tt.want == "") != (r.err == nil) || r.err != nil && !strings.Contains(r.err.Error(), tt.want) {
				t.Errorf("%d calls (want %d), %v", calls.Load(), tt.calls, r.err)
			}
			// Of a reply that was cut, is too long, or points elsewhere, status and headers are kept.
			if begun := name == "resets mid-reply" || name == "sends 1 GB" || name == "redirects to another host"; tt.want != "" &&
				(r.files["h"] != "") != begun {
				t.Errorf("kept %q", r.files["h"])
			}
		})
	}
}

// oauth is an ERP whose tokens are accepted as often as accept says.
func oauth(t testing.TB, accept func(token string) bool) (url string, tokens, calls *atomic.Int32, bodies *sync.Map) {
	t.Helper()
	tokens, calls, bodies = new(atomic.Int32), new(atomic.Int32), new(sync.Map)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			body, _ := io.ReadAll(r.Body)
			n := tokens.Add(1)
			bodies.Store(n, r.Header.Get("Content-Type")+" "+string(body))
			fmt.Fprintf(w, `{"access_token":"canary-token-%d","expires_in":3600}`, n)
			return
		}
		calls.Add(1)
		if !accept(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			w.WriteHeader(401)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, tokens, calls, bodies
}

func TestATokenIsFetchedOnceAndRenewedAfter401(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accept        func(token string) bool
		tokens, calls int32 // after two exports
	}{
		"good":        {func(string) bool { return true }, 1, 2},
		"401 once":    {func(token string) bool { return token != "canary-token-1" }, 2, 3},
		"401 forever": {func(string) bool { return false }, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, tokens, calls, bodies := oauth(t, tt.accept)
			step := pipelinetest.Compile(
				t,
				fromJSON[steps.RESTExport](
					t,
					`{"request":{"url":"`+url+`/call"},"auth":{"url":"`+url+`/token","method":"POST","data":{"scope":"invoice.create `+
						`invoice.read","client_secret":"{secret.password}"}},"response_headers_reference_key":"h"}`,
				),
			)
			for range 2 {
				if r := run(t, invoice(), step); r.err != nil || strings.Contains(fmt.Sprint(r.report.Text(), r.response), "canary") {
					t.Fatalf("%v %s", r.err, r.report.Text())
				}
			}
			if tokens.Load() != tt.tokens || calls.Load() != tt.calls {
				t.Errorf("%d tokens, %d calls", tokens.Load(), calls.Load())
			}
			if body, _ := bodies.Load(int32(1)); body != "application/x-www-form-urlencoded scope=invoice.create+invoice.read&client_secret=canary-password" {
				t.Errorf("body %q", body)
			}
		})
	}
}

func TestATokenIsSavedInTheHooksSecretsAndUsedFromThere(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	defer platform.Close()
	url, tokens, _, _ := oauth(t, func(string) bool { return true })
	settings := `{"request":{"url":"` + url + `","headers":{"Authorization":"Bearer {secret.access_token}"}},"auth":{"url":"` + url + `/token","headers":{"Content-Type":"application/json"},"data":{"a":1}}}`
	if r := run(t, rossumtest.Annotation(rossumtest.On(platform)), fromJSON[steps.RESTExport](t, settings)); r.err != nil {
		t.Fatal(r.err)
	}
	if got := platform.HookSecrets(rossumtest.HookID)["access_token"]; got != "canary-token-1" {
		t.Errorf("saved %q", got)
	}
	if r := run(
		t, rossumtest.Annotation(rossumtest.On(platform), rossumtest.Secret("access_token", "canary-saved")),
		fromJSON[steps.RESTExport](t, settings),
	); r.err != nil ||
		tokens.Load() != 1 {
		t.Errorf("%v, %d tokens", r.err, tokens.Load())
	}
}

func TestATokenRequestThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{400, `{"error":"invalid_client"}`, `step REST API export, auth: the token request was answered with status 400 (text/plain; charset=utf-8): {"error":"invalid_client"}`},
		{200, "<html>", "auth: the answer to the token request (status 200, text/html; charset=utf-8) has no access_token"},
	} {
		url, _ := erp(t, tt.status, tt.body)
		r := run(t, invoice(), &steps.RESTExport{Request: steps.Request{URL: url}, Auth: &steps.Auth{URL: url}})
		if r.err == nil || !strings.Contains(r.err.Error(), tt.want) {
			t.Errorf("got %v", r.err)
		}
	}
}

func TestNoSecretLeavesByAnotherWay(t *testing.T) {
	t.Parallel()
	const token = "canary-rossum-token"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		fmt.Fprintf(w, "denied for %s with %s", r.Header.Get("X-Key"), r.URL.Query().Get("key"))
	}))
	defer s.Close()
	var logged bytes.Buffer
	var report *pipeline.Report
	chain, err := pipeline.New(
		fromJSON[steps.RESTExport](
			t,
			`{"request":{"url":"`+s.URL+`?key={secret.password}","headers":{"X-Key":"{secret.password}"}},"status_code_resolver":{"error":[403]},`+
				`"response_payload_reference_key":"p"}`,
		),
		pipeline.Finally(&steps.RESTExport{Request: steps.Request{URL: "http://" + closedAddress(t) + "/{secret.password}"}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	call := invoice(rossumtest.Secret("rossum", token))
	response, err := chain.Export(
		t.Context(),
		call.Payload(),
		pipeline.WithHTTPClient(&http.Client{Transport: transport}),
		pipeline.WithLogger(
			slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	if err == nil {
		t.Fatal("no error")
	}
	reportJSON, _ := json.Marshal(report)
	responseJSON, _ := json.Marshal(response)
	for name, text := range map[string]string{"answer": string(responseJSON), "log": logged.String(), "report": report.Text(), "JSON report": string(reportJSON), "error": err.Error()} {
		if strings.Contains(text, "canary") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if !strings.Contains(string(responseJSON), "denied for [secret] with [secret]") {
		t.Errorf("answer %s", responseJSON)
	}
}

func TestManyExportsShareAChain(t *testing.T) {
	t.Parallel()
	url, tokens, calls, _ := oauth(t, func(string) bool { return true })
	chain, err := pipeline.New(
		&steps.Purge{ResetFields: []string{"erp_id"}},
		&steps.CustomFormat{
			Exports: []steps.ExportConfig{
				{Key: "k", Template: "{% for i in field.line_items %}{{ i.item_code }}{% endfor %}{{ field.document_id }}"},
			},
		},
		&steps.RESTExport{
			Key:        "k",
			Auth:       &steps.Auth{URL: url + "/token"},
			Request:    steps.Request{URL: url, Content: "#{file_content}"},
			HeadersKey: "h",
		},
		&steps.Extract{Sources: []steps.Source{{Key: "h", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "erp_status"}}}}},
		&steps.Evaluate{Check: steps.Check{Condition: "field.erp_status != '200'"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 50}
	defer transport.CloseIdleConnections()
	body := invoice().Bytes()
	var wait sync.WaitGroup
	limit := make(chan struct{}, 50)
	for range 200 {
		wait.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			p, err := rossum.ParsePayload(bytes.Clone(body))
			if err != nil {
				t.Error(err)
				return
			}
			response, err := chain.Export(t.Context(), p, pipeline.WithHTTPClient(&http.Client{Transport: transport}))
			if err != nil || response.Failed() || len(response.Operations) != 1 {
				t.Errorf("%v %+v", err, response)
			}
		})
	}
	wait.Wait()
	if tokens.Load() != 1 || calls.Load() != 200 {
		t.Errorf("%d tokens, %d calls", tokens.Load(), calls.Load())
	}
}

func TestACallThatMayHaveBeenSentIsNotSentAgain(t *testing.T) {
	t.Parallel()
	url, got := erp(t, 200, "")
	step := &steps.RESTExport{Request: steps.Request{URL: url, Content: "x"}}
	chain, err := pipeline.New(step)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := pipeline.WithHTTPClient(&http.Client{Transport: transport})
	call := invoice()
	ledger := pipeline.MemoryLedger()
	// The writes are the claim, the call and its reply.
	dying, ctx := mortal.New(t.Context(), ledger, 3, false)
	_, _ = chain.Export(ctx, call.Payload(), client, journalOn(t, dying))
	if err := dying.Bury(t.Context()); err != nil || !dying.Dead() {
		t.Fatal(err)
	}
	_, err = chain.Export(t.Context(), call.Payload(), client, journalOn(t, ledger))
	if !errors.Is(err, pipeline.ErrMaybeSent) || len(*got) != 1 {
		t.Errorf("%v, %d calls", err, len(*got))
	}
}

func TestWhatArrivedOfACutReplyIsKept(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/invoices/7")
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": 7`)
	}))
	t.Cleanup(server.Close)
	r := run(t, invoice(), &steps.RESTExport{Request: steps.Request{URL: server.URL}, HeadersKey: "h", PayloadKey: "p"})
	if r.err == nil || !strings.Contains(r.files["h"], `"status_code":201`) || !strings.Contains(r.files["h"], "/invoices/7") ||
		r.files["p"] != "" {
		t.Errorf("%v, %q", r.err, r.files)
	}
	if text := fmt.Sprint(r.response.Messages); !strings.Contains(text, "(answered 201, /invoices/7)") {
		t.Error(text)
	}
}

// TestARedirectAfterACreationIsKept: an ERP that answers so has acted, and says where.
func TestARedirectAfterACreationIsKept(t *testing.T) {
	t.Parallel()
	for _, status := range []int{302, 303} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/invoices/7")
			w.Header().Set("Erp-Id", "ERP-7")
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		r := run(
			t,
			invoice(),
			&steps.RESTExport{Request: steps.Request{URL: server.URL}, HeadersKey: "h", PayloadKey: "p"},
			pipeline.Finally(
				&steps.Extract{Sources: []steps.Source{{Key: "h", Rules: []steps.ExtractRule{{Path: "headers.erp_id", TargetField: "erp_id"}}}}},
			),
		)
		if r.err == nil || calls.Load() != 1 || r.fields["erp_id"] != "ERP-7" ||
			!strings.Contains(r.files["h"], fmt.Sprintf(`"status_code":%d`, status)) {
			t.Errorf("%d: %v, %d calls, fields %v, files %q", status, r.err, calls.Load(), r.fields, r.files)
		}
		if text := fmt.Sprint(r.response.Messages); !strings.Contains(text, fmt.Sprintf("(answered %d, /invoices/7)", status)) {
			t.Errorf("%d: %s", status, text)
		}
	}
}
