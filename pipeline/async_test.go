package pipeline_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const publicURL = "https://exports.example.com/export"

var asyncKey = []byte("a key of sixteen bytes and more")

func newAsync(t testing.TB, o pipeline.AsyncOptions) *pipeline.Async {
	t.Helper()
	a, err := pipeline.NewAsync(publicURL, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

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

func TestASlowExportIsPolledUntilItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
			ran.Add(1)
			time.Sleep(3 * time.Minute)
			return nil
		}), set("status", "201"))
		a := newAsync(t, pipeline.AsyncOptions{})
		h := handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(a))
		body := invoice().Bytes()
		started := time.Now()
		status, location, _ := ask(h, hookCall(body))
		if took := time.Since(started); status != 202 || !strings.HasPrefix(location, publicURL+"?poll=") || took != 29*time.Second {
			t.Fatalf("status %d, location %q after %v", status, location, took)
		}
		// The platform repeats a call whose answer it did not see.
		if status, again, _ := ask(h, hookCall(body)); status != 202 || again != location {
			t.Errorf("the same call again: %d, %q", status, again)
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
		if err := a.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnExportThatEndsInTimeIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for after, want := range map[time.Duration]int{0: 200, 2 * time.Second: 202, 4 * time.Second: 200, -1: 202} {
			chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { time.Sleep(3 * time.Second); return nil }))
			a := newAsync(t, pipeline.AsyncOptions{After: after})
			if status, _, _ := ask(handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(a)), hookCall(invoice().Bytes())); status != want {
				t.Errorf("after %v: status %d, want %d", after, status, want)
			}
			if err := a.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnAsynchronousExportHasATimeOutOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) }))
		a := newAsync(t, pipeline.AsyncOptions{Timeout: time.Hour, After: -1})
		h := handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(a))
		_, location, _ := ask(h, hookCall(invoice().Bytes()))
		started := time.Now()
		if err := a.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, answer := poll(h, location); status != 201 || !answer.Failed() || time.Since(started) != time.Hour {
			t.Errorf("%d %+v after %v", status, answer, time.Since(started))
		}
	})
}

func TestResultsAreForgottenAndTheirAddressesSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsync(t, pipeline.AsyncOptions{Keep: time.Hour, After: -1})
		h := handlerOf(chainOf(t, set("status", "1")), pipeline.WithSecret(secret), pipeline.WithAsync(a))
		_, location, _ := ask(h, hookCall(invoice().Bytes()))
		synctest.Wait()
		if status, _ := poll(h, location); status != 201 {
			t.Errorf("status %d", status)
		}
		time.Sleep(2 * time.Hour)
		if status, answer := poll(h, location); status != 410 || !answer.Failed() {
			t.Errorf("status %d", status)
		}
	})
}

func TestForeignPollingAddressesTellNothing(t *testing.T) {
	t.Parallel()
	a := newAsync(t, pipeline.AsyncOptions{Key: asyncKey})
	h := handlerOf(chainOf(t, set("status", "1")), pipeline.WithSecret(secret), pipeline.WithAsync(a))
	other := handlerOf(chainOf(t, set("status", "1")), pipeline.WithSecret(secret), pipeline.WithAsync(newAsync(t, pipeline.AsyncOptions{After: -1})))
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

func TestAsyncOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url string
		o   pipeline.AsyncOptions
	}{
		"no URL": {"", pipeline.AsyncOptions{}}, "a path": {"/export", pipeline.AsyncOptions{}}, "a user": {"https://u:p@example.com/", pipeline.AsyncOptions{}},
		"a short key": {publicURL, pipeline.AsyncOptions{Key: []byte("short")}}, "a negative time-out": {publicURL, pipeline.AsyncOptions{Timeout: -1}},
	} {
		if _, err := pipeline.NewAsync(c.url, c.o); err == nil || strings.Contains(err.Error(), "short\"") {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := pipeline.NewAsync(publicURL+"?tenant=1", pipeline.AsyncOptions{After: -1})
	if err != nil {
		t.Fatal(err)
	}
	h := handlerOf(chainOf(t, set("status", "1")), pipeline.WithSecret(secret), pipeline.WithAsync(a))
	if _, location, _ := ask(h, hookCall(invoice().Bytes())); !strings.HasPrefix(location, publicURL+"?tenant=1&poll=") {
		t.Errorf("location %q", location)
	}
}

// brokenResults fail as they are told.
type brokenResults struct {
	pipeline.Results
	create, save atomic.Bool
}

func (b *brokenResults) Create(ctx context.Context, id string, r pipeline.Result) (bool, error) {
	if b.create.Load() {
		return false, errors.New("disk full")
	}
	return b.Results.Create(ctx, id, r)
}

func (b *brokenResults) Save(ctx context.Context, id string, r pipeline.Result) error {
	if b.save.Load() {
		return errors.New("disk full")
	}
	return b.Results.Save(ctx, id, r)
}

func TestNothingIsSentThatTheStoreDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		results := &brokenResults{Results: pipeline.MemoryResults()}
		var sent atomic.Int32
		chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			end, err := x.Begin(ctx, "POST https://erp.example/invoices")
			if err != nil {
				return err
			}
			sent.Add(1)
			end(false)
			return nil
		}))
		a := newAsync(t, pipeline.AsyncOptions{Results: results})
		h := handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(a))
		results.create.Store(true)
		if status, _, _ := ask(h, hookCall(invoice().Bytes())); status != 503 {
			t.Errorf("status %d", status)
		}
		results.create.Store(false)
		results.save.Store(true)
		go func() {
			time.Sleep(2 * time.Second) // the last save is tried again
			results.save.Store(false)
		}()
		if status, _, answer := ask(h, hookCall(invoice().Bytes())); status != 200 || !answer.Failed() || !strings.Contains(answer.Messages[0].Content, "disk full") {
			t.Errorf("status %d, %+v", status, answer)
		}
		if sent.Load() != 0 {
			t.Error("it was sent")
		}
	})
}

func TestStoresOfResultsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	pipelinetest.TestResults(t, func() (pipeline.Results, error) { return pipeline.MemoryResults(), nil })
	dir := t.TempDir()
	pipelinetest.TestResults(t, func() (pipeline.Results, error) { return pipeline.FolderResults(dir) })
	results, err := pipeline.FolderResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := results.Load(t.Context(), "../outside"); !errors.Is(err, pipeline.ErrNoResult) {
		t.Errorf("got %v", err)
	}
}

// childVariable makes the test binary a server that can be killed.
const childVariable = "EXPORTPIPELINE_TEST_CHILD"

// serveChild serves a chain that calls an ERP, with results in a folder.
func serveChild(dir, erp string) error {
	results, err := pipeline.FolderResults(dir)
	if err != nil {
		return err
	}
	a, err := pipeline.NewAsync(publicURL, childOptions(results))
	if err != nil {
		return err
	}
	chain, err := pipeline.New(callERP(erp, "create"), callERP(erp, "submit"))
	if err != nil {
		return err
	}
	server := httptest.NewServer(handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(a)))
	fmt.Println(server.URL)
	select {}
}

func childOptions(results pipeline.Results) pipeline.AsyncOptions {
	return pipeline.AsyncOptions{Results: results, Key: asyncKey, After: -1, Lease: 300 * time.Millisecond}
}

// callERP is a step that makes one call which must not be made twice.
func callERP(erp, path string) pipeline.Step {
	return pipeline.Named(path, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		end, err := x.Begin(ctx, "POST "+erp+"/"+path)
		if err != nil {
			return err
		}
		resp, err := http.Post(erp+"/"+path, "text/plain", nil)
		if err != nil {
			return err
		}
		end(false)
		return resp.Body.Close()
	}))
}

func TestAKilledProcessLosesNoResultAndSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for name, blocked := range map[string]string{"after the end": "", "in the first call": "/create", "in the second call": "/submit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var calls []string
			hit, release := make(chan string, 10), make(chan struct{})
			erp := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				mu.Lock()
				calls = append(calls, r.URL.Path)
				mu.Unlock()
				hit <- r.URL.Path
				if r.URL.Path == blocked {
					<-release
				}
			}))
			defer erp.Close()
			defer close(release)
			dir, body := t.TempDir(), invoice().Bytes()
			child, address := startChild(t, dir, erp.URL)
			location := postTo(t, address, body)
			for last := ""; last != "/submit" && (blocked == "" || last != blocked); {
				last = <-hit
			}
			results, err := pipeline.FolderResults(dir)
			if err != nil {
				t.Fatal(err)
			}
			id, _, _ := strings.Cut(location[strings.Index(location, "=")+1:], ".")
			for blocked == "" {
				if r, err := results.Load(t.Context(), id); err == nil && r.Response != nil {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // it was killed

			a, err := pipeline.NewAsync(publicURL, childOptions(results))
			if err != nil {
				t.Fatal(err)
			}
			h := handlerOf(chainOf(t, callERP(erp.URL, "create"), callERP(erp.URL, "submit")), pipeline.WithSecret(secret), pipeline.WithAsync(a))
			status, answer := 202, rossum.Response{}
			for deadline := time.Now().Add(20 * time.Second); status == 202 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				status, answer = poll(h, location)
			}
			if status != 201 || answer.Failed() != (blocked != "") {
				t.Fatalf("status %d, %+v", status, answer)
			}
			if blocked != "" {
				text := answer.Messages[0].Content
				if want := "POST " + erp.URL + blocked + " (its outcome is not known)"; !strings.Contains(text, want) {
					t.Errorf("%q lacks %q", text, want)
				}
				if answered := "create: POST " + erp.URL + "/create (it was answered)"; strings.Contains(text, answered) != (blocked == "/submit") {
					t.Errorf("%q", text)
				}
			}
			// The platform calls again.
			if status, _, again := ask(h, hookCall(body)); status != 200 || again.Failed() != answer.Failed() {
				t.Errorf("the call again: %d %+v", status, again)
			}
			mu.Lock()
			defer mu.Unlock()
			if got, want := strings.Join(calls, " "), strings.TrimSpace("/create "+map[string]string{"": "/submit", "/submit": "/submit"}[blocked]); got != want {
				t.Errorf("the ERP got %s, want %s", got, want)
			}
		})
	}
}

func startChild(t *testing.T, dir, erp string) (*osexec.Cmd, string) {
	t.Helper()
	child := osexec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir, childVariable+"_ERP="+erp)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return child, strings.TrimSpace(address)
}

func postTo(t *testing.T, address string, body []byte) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	rossum.Sign(req.Header, body, secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 202 {
		t.Fatalf("status %d: %s", resp.StatusCode, text)
	}
	return resp.Header.Get("Location")
}

func ExampleWithAsync() {
	async, err := pipeline.NewAsync("https://exports.example.com/export", pipeline.AsyncOptions{After: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := pipeline.New(pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("status", "done") }))
	if err != nil {
		fmt.Println(err)
		return
	}
	h := handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(async))

	body := rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.Offline()).Bytes()
	status, location, _ := ask(h, hookCall(body))
	fmt.Println(status)
	if err := async.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	status, answer := poll(h, location)
	fmt.Println(status, len(answer.Operations), "operation")
	// Output:
	// 202
	// 201 1 operation
}
