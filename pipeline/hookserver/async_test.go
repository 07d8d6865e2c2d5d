package hookserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const publicURL = "https://exports.example.com/export"

var asyncKey = []byte("a key of sixteen bytes and more")

// ask sends a request and returns status, address to poll, and answer.
func ask(h http.Handler, r *http.Request) (status int, location string, answer rossum.Response) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	_ = json.Unmarshal(w.Body.Bytes(), &answer) // a running export answers another object
	return w.Code, w.Header().Get("Location"), answer
}

func poll(h http.Handler, location string) (int, rossum.Response) {
	status, _, answer := ask(h, httptest.NewRequest(http.MethodGet, location, nil))
	return status, answer
}

func sleeps(d time.Duration) pipeline.Step {
	return pipeline.StepFunc(func(context.Context, *pipeline.Export) error { time.Sleep(d); return nil })
}

func later(after time.Duration) *hookserver.Async {
	return &hookserver.Async{URL: publicURL, After: after, Key: asyncKey}
}

func TestASlowExportIsPolledUntilItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		chain := chainOf(
			t,
			pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran.Add(1); time.Sleep(3 * time.Minute); return nil }),
			set("status", "201"),
		)
		h := newServer(t, hookserver.Options{Chain: chain, Async: later(0)})
		body := invoice().Bytes()
		started := time.Now()
		status, location, _ := ask(h, hookCall(body))
		if took := time.Since(started); status != 202 || !strings.HasPrefix(location, publicURL+"?poll=") || took != 29*time.Second {
			t.Fatalf("status %d, location %q after %v", status, location, took)
		}
		// The platform repeats a call whose answer it did not see, and may number it anew.
		for _, again := range [][]byte{body, invoice(rossumtest.Request("another")).Bytes()} {
			if status, other, _ := ask(h, hookCall(again)); status != 202 || other != location {
				t.Errorf("the same call again: %d, %q", status, other)
			}
		}
		for polls := 0; ; polls++ {
			time.Sleep(30 * time.Second)
			status, answer := poll(h, location)
			if status == 202 && polls < 10 {
				continue
			}
			if status != 201 || len(answer.Operations) != 1 || ran.Load() != 1 {
				t.Errorf("status %d, answer %+v, %d runs", status, answer, ran.Load())
			}
			break
		}
		if status, _, answer := ask(h, hookCall(body)); status != 200 || len(answer.Operations) != 1 || ran.Load() != 1 {
			t.Errorf("the call again after the end: %d %+v", status, answer)
		}
	})
}

func TestAnExportThatEndsInTimeIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after, want := range map[time.Duration]int{0: 200, 2 * time.Second: 202, 4 * time.Second: 200, -1: 202} {
			h := newServer(t, hookserver.Options{Chain: chainOf(t, sleeps(3*time.Second)), Async: later(after)})
			if status, _, _ := ask(h, hookCall(invoice().Bytes())); status != want {
				t.Errorf("after %v: status %d, want %d", after, status, want)
			}
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnExportThatIsAnsweredLaterHasATimeOutOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		async := later(-1)
		async.Timeout = time.Hour
		h := newServer(
			t,
			hookserver.Options{
				Async: async,
				Chain: chainOf(t, pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) })),
			},
		)
		_, location, _ := ask(h, hookCall(invoice().Bytes()))
		for started := time.Now(); ; time.Sleep(time.Minute) {
			status, answer := poll(h, location)
			if status == 202 {
				continue
			}
			if took := time.Since(started); status != 201 || !answer.Failed() || took < time.Hour || took > time.Hour+time.Minute {
				t.Errorf("%d %+v after %v", status, answer, took)
			}
			break
		}
	})
}

func TestResultsAreForgottenAndTheirAddressesSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), Keep: time.Hour, Async: later(-1)})
		_, location, _ := ask(h, hookCall(invoice().Bytes()))
		synctest.Wait()
		if status, _ := poll(h, location); status != 201 {
			t.Errorf("status %d", status)
		}
		time.Sleep(2 * time.Hour)
		ask(h, hookCall(invoice(rossumtest.Field("other", "1")).Bytes())) // calls have old runs removed
		if status, answer := poll(h, location); status != 410 || !answer.Failed() {
			t.Errorf("status %d", status)
		}
	})
}

func TestWithoutAJournalResultsAreForgottenAfterAQuarterOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), Async: later(-1)})
		_, location, _ := ask(h, hookCall(invoice().Bytes()))
		for _, tt := range []struct {
			after time.Duration
			want  int
		}{{14 * time.Minute, 201}, {2 * time.Minute, 410}} {
			time.Sleep(tt.after)
			ask(h, hookCall(invoice(rossumtest.Field("other", tt.after.String())).Bytes())) // calls have old runs removed
			if status, _ := poll(h, location); status != tt.want {
				t.Errorf("after %v more: status %d, want %d", tt.after, status, tt.want)
			}
		}
	})
}

func TestForeignPollingAddressesTellNothing(t *testing.T) {
	t.Parallel()
	h := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), Async: later(0)})
	other := newServer(t, hookserver.Options{Chain: chainOf(t, set("status", "1")), Async: &hookserver.Async{URL: publicURL, After: -1}})
	_, foreign, _ := ask(other, hookCall(invoice().Bytes()))
	if status, _ := poll(h, publicURL); status != 200 {
		t.Error("no health answer")
	}
	for name, address := range map[string]string{
		"made elsewhere": foreign, "no signature": publicURL + "?poll=abc", "empty signature": publicURL + "?poll=abc.", "no id": publicURL + "?poll=.",
		"a path": publicURL + "?poll=" + url.QueryEscape("../../etc/passwd.x"), "changed": foreign[:len(foreign)-1] + "_",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
		if w.Code != 404 || !strings.Contains(w.Body.String(), "there is no export at this address") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestOptionsThatMakeNoSenseAreAllRefused(t *testing.T) {
	t.Parallel()
	chain := chainOf(t, set("status", "1"))
	_, err := hookserver.New(hookserver.Options{
		Queues: map[int64]*pipeline.Chain{
			7: nil,
		}, Chain: chain, SignatureSecrets: []string{"good", ""}, Unsigned: true, Timeout: -1, Window: -1, Keep: -1, BodyLimit: -1, ReadTimeout: -1,
		Async: &hookserver.Async{URL: "/export", Key: []byte("short"), Timeout: -1},
	})
	for _, want := range []string{
		"2 of Chain, Queues and Extensions", "queue 7 has no chain", "both SignatureSecrets and Unsigned", "secret 2 is empty", "Timeout is negative", "Window is", "Keep is", "BodyLimit is",
		"ReadTimeout is", `Async.URL "/export" is not`, "Async.Key has a length of 5", "Async.Timeout is negative",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	if _, err := hookserver.New(hookserver.Options{}); err == nil || !strings.Contains(err.Error(), "0 of Chain") ||
		!strings.Contains(err.Error(), "secret is missing; set SignatureSecrets") {
		t.Errorf("got %v", err)
	}
}

func ExampleServer() {
	chain, err := pipeline.New(pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("status", "done") }))
	if err != nil {
		fmt.Println(err)
		return
	}
	hook, err := hookserver.New(hookserver.Options{
		Chain: chain, SignatureSecrets: []string{secret},
		Async: &hookserver.Async{URL: "https://exports.example.com/export", After: -1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body := rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.Offline()).Bytes()
	status, location, _ := ask(hook, hookCall(body))
	fmt.Println(status)
	for status = 202; status == 202; {
		var answer rossum.Response
		if status, answer = poll(hook, location); status == 201 {
			fmt.Println(status, len(answer.Operations), "operation")
		}
	}
	fmt.Println(hook.Shutdown(context.Background()))
	// Output:
	// 202
	// 201 1 operation
	// <nil>
}

// Whoever only looks whether there is a result, such as a monitor or a proxy, has not been
// given it: the platform, which calls again after its polling failed, still gets it.
func TestALookAtAPollingAddressDeliversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran.Add(1); return nil }), set("status", "201"))
		h := newServer(t, hookserver.Options{Chain: chain, Async: later(-1), Keep: 24 * time.Hour})
		body := invoice().Bytes()
		_, location, _ := ask(h, hookCall(body))
		synctest.Wait()
		if status, _, _ := ask(h, httptest.NewRequest(http.MethodHead, location, nil)); status != 201 {
			t.Fatalf("HEAD: %d", status)
		}
		time.Sleep(time.Hour) // longer than answers are given to every repeat
		if _, again, _ := ask(h, hookCall(body)); again != "" {
			location = again
		}
		synctest.Wait()
		if status, answer := poll(h, location); status != 201 || len(answer.Operations) != 1 || ran.Load() != 1 {
			t.Errorf("status %d, answer %+v, %d runs", status, answer, ran.Load())
		}
	})
}
