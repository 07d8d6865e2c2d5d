package requestprocessor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// twoCalls makes a call that fails, and another one behind a condition on it, and a
// third one without.
const twoCalls = `{"stages":[{"call_api":[{"name":"create","request":{"url":"API/create","method":"POST","content":"{}","timeout":1},"response_handlers":[STATUS,{"target_type":"schema_id","target_key":"remote_id","value":{"response.body":{"$jmespath":"id"}}}]}]},
	{"evaluate":[{"name":"created","condition":{"field.status.value":{"$in":["200","201"]}}}],"call_api":[{"name":"submit","request":{"url":"API/submit/{field.remote_id.value}","method":"POST"}}]},
	{"call_api":[{"name":"audit","request":{"url":"API/audit","method":"POST"}}]}]}`

func TestWhatTheAPIDoesWrongEndsAsDocumented(t *testing.T) {
	t.Parallel()
	settings := strings.Replace(twoCalls, "STATUS", toField("status", "response", "$jmespath", "status_code"), 1)
	for name, tt := range map[string]struct {
		serve  func(w http.ResponseWriter)
		want   string // in the error; "" for none
		status string // in the field
	}{
		"resets before the reply": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "stages[0].call_api[0].request.url (create): POST API/create: EOF; the other side may have received it", ""},
		"resets mid-reply": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "reading the reply, status 200: unexpected EOF; the other side may have received it", ""},
		"is slow": {func(http.ResponseWriter) { time.Sleep(5 * time.Second) },
			"the other side took too long: nothing happened for 1s; the other side may have received it", ""},
		"sends 1 GB":             {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1073741824") }, "reply is too large", ""},
		"sends 1 GB unannounced": {sendForever, "reply is too large", ""},
		"redirects":              {func(w http.ResponseWriter) { w.Header().Set("Location", "https://thief.example/"); w.WriteHeader(307) }, "redirect that is not followed", ""},
		"says 429": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			answer(w, 429, "application/json", `{"detail":"slow down"}`)
		}, "", "429"},
		"says 503":                {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "0"); answer(w, 503, "text/plain", "later") }, "", "503"},
		"says 401":                {func(w http.ResponseWriter) { answer(w, 401, "text/plain", "no") }, "", "401"},
		"says 500":                {func(w http.ResponseWriter) { answer(w, 500, "application/json", `{"error":"boom"}`) }, "", "500"},
		"sends HTML":              {func(w http.ResponseWriter) { answer(w, 200, "text/html", "<html>login</html>") }, "", "200"},
		"sends HTML, called JSON": {func(w http.ResponseWriter) { answer(w, 200, "application/json", "<html>login</html>") }, "but cannot be read as JSON", "200"},
		"sends nothing":           {func(w http.ResponseWriter) { answer(w, 204, "", "") }, "", "204"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serve(t, func(w http.ResponseWriter, s seen, _ int) {
				if s.uri == "/create" {
					tt.serve(w)
				}
			})
			own := settings
			if name != "is slow" { // a busy machine may be
				own = strings.Replace(own, `"timeout":1}`, `"timeout":60}`, 1)
			}
			// The fields have what an earlier export left there.
			r := run(t, a, offline(rossumtest.Set("x", 1)), own)
			tt.want = strings.ReplaceAll(tt.want, "API", a.URL)
			if (tt.want == "") != (r.Err == nil) || r.Err != nil && !strings.Contains(r.Err.Error(), tt.want) || r.Values["status"] != tt.status {
				t.Errorf("status %q, %v", r.Values["status"], r.Err)
			}
			paths := "POST /create, POST /audit"
			if tt.status == "200" {
				paths = "POST /create, POST /submit/, POST /audit"
			}
			if a.paths() != paths {
				t.Errorf("the API got %s", a.paths())
			}
		})
	}
}

func sendForever(w http.ResponseWriter) {
	chunk := make([]byte, 1<<20)
	for range 80 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestAnOldReplyOpensNoLaterStage(t *testing.T) {
	t.Parallel()
	settings := strings.Replace(twoCalls, "STATUS", toField("status", "response", "$jmespath", "status_code"), 1)
	a := serve(t, func(w http.ResponseWriter, s seen, _ int) {
		if s.uri == "/create" {
			panic(http.ErrAbortHandler)
		}
	})
	call := rossumtest.Annotation(rossumtest.Field("status", "201"), rossumtest.Field("remote_id", "ERP-OLD"), rossumtest.Offline())
	r := run(t, a, call, settings)
	if r.Err == nil || a.paths() != "POST /create, POST /audit" || r.Values["status"]+r.Values["remote_id"] != "" ||
		!strings.Contains(decisions(r), "emptied status: the call of stages[0].call_api[0] was not answered") {
		t.Errorf("%v %s %v", r.Err, a.paths(), r.Values)
	}
	if !strings.Contains(
		decisions(r),
		`skipped stages[1]: stages[1].evaluate[0] (created): field.status.value is "", which is not $in ["200", "201"]`,
	) {
		t.Errorf("the report says %s", decisions(r))
	}
}

func TestAnIDThatCannotBeReadIsNotTheOldOne(t *testing.T) {
	t.Parallel()
	settings := strings.Replace(twoCalls, "STATUS", toField("status", "response", "$jmespath", "status_code"), 1)
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, 200, "application/json", "<html>") })
	r := run(
		t,
		a,
		rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.Field("remote_id", "ERP-OLD"), rossumtest.Offline()),
		settings,
	)
	if r.Err == nil || strings.Contains(a.paths(), "ERP-OLD") || r.Values["remote_id"] != "" ||
		!strings.Contains(decisions(r), "emptied remote_id: its handler failed") {
		t.Errorf("%v %s %v", r.Err, a.paths(), r.Values)
	}
}

func TestAnAPIThatIsDownGotNothing(t *testing.T) {
	t.Parallel()
	port, err := loopback.Port()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	r := run(t, nil, offline(), `{"stages":[{"call_api":[{"name":"c","request":{"url":"http://`+address+`","method":"POST"}}]}]}`)
	var failed *send.Error
	var placed *pipeline.StepError
	if !errors.As(r.Err, &failed) || failed.Sent || !strings.Contains(r.Err.Error(), "connection refused (4 attempts); nothing was sent") {
		t.Errorf("got %v", r.Err)
	}
	if !errors.As(r.Err, &placed) || placed.Place != "stages[0].call_api[0].request.url" || placed.Key != "c" ||
		placed.Step != "Request Processor" {
		t.Errorf("got %+v", placed)
	}
}

func TestAllFaultsOfARunAreTold(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, s seen, _ int) {
		if s.uri == "/a" {
			panic(http.ErrAbortHandler)
		}
	})
	r := run(
		t,
		a,
		offline(),
		`{"stages":[{"call_api":[{"name":"a","request":{"url":"API/a","method":"POST"}},{"name":"b",`+
			`"request":{"url":"API/{field.number.nope}","method":"POST"}},{"name":"c","request":{"url":"API/c",`+
			`"method":"POST"}}]}]}`,
	)
	if r.Err == nil || a.paths() != "POST /a, POST /c" ||
		!strings.HasPrefix(r.Err.Error(), "step Request Processor: 2 faults: stages[0].call_api[0].request.url (a): POST "+a.URL+"/a: EOF") ||
		!strings.Contains(r.Err.Error(), "; stages[0].call_api[1].request.url (b): {field.number.nope}: there is no such value") {
		t.Errorf("%v %s", r.Err, a.paths())
	}
	if len(r.Response.Messages) != 1 || !strings.Contains(r.Response.Messages[0].Content, "2 faults") {
		t.Errorf("messages %v", r.Response.Messages)
	}
}

func TestAStatusThatNobodyLooksAtIsAWarning(t *testing.T) {
	t.Parallel()
	for handler, warns := range map[string]bool{
		toField("remote_id", "response.body", "$jmespath", "id"):                                                    true,
		toField("status", "response", "$jmespath", "status_code"):                                                   false,
		toField("status", "response.ok", "$jmespath", "@"):                                                          false,
		`{"condition":{"response.ok":{"$eq":true}},` + toField("remote_id", "response.body", "$jmespath", "id")[1:]: false,
	} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			answer(w, 500, "application/json", `{"error":"boom canary-client-secret"}`)
		})
		r := run(t, a, offline(), handles(handler))
		if r.Err != nil || r.Response.Failed() || (len(r.Response.Messages) == 1) != warns ||
			strings.Contains(fmt.Sprint(r.Response.Messages, r.Report.Text(), r.Log), "canary") {
			t.Errorf("%s: %v %v", handler, r.Err, r.Response.Messages)
		}
		if !strings.Contains(
			decisions(r),
			`stages[0].call_api[0] (c): the API answered with status 500, which by itself does not fail the export`,
		) {
			t.Errorf("the report says %s", decisions(r))
		}
	}
}

func TestDebuggingLogsRepliesWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, debugging := range []string{"true", "false"} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) {
			answer(w, 200, "text/plain", "reply-text canary-client-secret"+strings.Repeat("x", 20_000))
		})
		r := run(t, a, offline(), `{"stages":[{"call_api":[{"name":"c","request":{"url":"API","method":"GET"}}]}],"debugging":`+debugging+`}`)
		if r.Err != nil || strings.Contains(r.Log, "reply-text") != (debugging == "true") || strings.Contains(r.Log, "canary") ||
			len(r.Log) > 20_000 {
			t.Errorf("%s: %v, log %s", debugging, r.Err, r.Log[:min(len(r.Log), 300)])
		}
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := serve(t, func(_ http.ResponseWriter, s seen, n int) {
		cancel() // once the call has arrived, however slow the machine is
		time.Sleep(100 * time.Millisecond)
	})
	s := step(
		t,
		a,
		`{"stages":[{"call_api":[{"name":"c","request":{"url":"API/{item.sku}","method":"POST",`+
			`"ignore_timeout":true,"iterate_over":"field.lines"}},{"name":"d","request":{"url":"API/d",`+
			`"method":"POST"}}]}]}`,
	)
	x, err := pipeline.NewExport(offline().Payload(), client(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx, x); !errors.Is(err, context.Canceled) || a.paths() != "POST /A" {
		t.Errorf("%v %s", err, a.paths())
	}
}

func TestWithoutContentNothingIsSent(t *testing.T) {
	t.Parallel()
	a := serve(t, nil)
	settings := `{"stages":[{"call_api":[{"name":"c","request":{"url":"API/{field.number.value}/{payload.event}","method":"POST"}}]}]}`
	if r := run(t, a, offline(rossumtest.WithoutContent()), settings); r.Err == nil || len(a.requests()) != 0 {
		t.Errorf("%v %s", r.Err, a.paths())
	}
	// Invoked by hand, the content is fetched.
	s := platform(t)
	call := invoice(rossumtest.On(s), rossumtest.WithoutContent(), rossumtest.Event("invocation", "manual"))
	s.AddContent(call)
	if r := run(t, a, call, settings); r.Err != nil || a.paths() != "POST /2026/0042/annotation_content" {
		t.Errorf("%v %s", r.Err, a.paths())
	}
	// Other events do not make it send.
	for _, event := range [][2]string{{"annotation_status", "changed"}, {"annotation_content", "initialize"}} {
		if r := run(t, a, invoice(rossumtest.Event(event[0], event[1]), rossumtest.On(s)), settings); r.Err != nil || len(a.requests()) != 1 {
			t.Errorf("%v: %v %s", event, r.Err, a.paths())
		}
	}
}
