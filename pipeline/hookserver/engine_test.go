package hookserver_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// localEngine has the parts of runs done by goroutines.
type localEngine struct {
	server *hookserver.Server
	parts  atomic.Int32
	away   atomic.Bool // it cannot be reached
	idle   atomic.Bool // it does not do anything
	asked  func()      // is called before it says whether a run is in work

	mu   sync.Mutex
	work map[pipeline.RunKey]chan struct{}
}

var errAway = errors.New("no connection to " + places["host"])

func (e *localEngine) Start(ctx context.Context, r hookserver.EngineRun) error {
	if e.away.Load() {
		return errAway
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.work[r.Run.Key] != nil {
		return nil
	}
	over := make(chan struct{})
	e.work[r.Run.Key] = over
	go func() {
		for over := e.idle.Load(); !over; e.parts.Add(1) {
			asked := 0
			_, over, _ = e.server.RunPart(context.Background(), hookserver.Part{
				Run: r.Run.ID, Token: r.Token, Secrets: r.Secrets, Timeout: r.Timeout, Pause: func(string) bool { asked++; return asked > 1 },
			})
		}
		if e.idle.Load() {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.work, r.Run.Key)
		close(over)
	}()
	return nil
}

func (e *localEngine) Running(ctx context.Context, key pipeline.RunKey) (bool, error) {
	if e.asked != nil {
		e.asked()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away.Load() {
		return false, errAway
	}
	return e.work[key] != nil, nil
}

func (e *localEngine) Wait(ctx context.Context, key pipeline.RunKey) error {
	e.mu.Lock()
	over := e.work[key]
	e.mu.Unlock()
	if over == nil {
		return nil
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// engined makes a server whose exports run in parts.
func engined(t *testing.T, o hookserver.Options, steps ...pipeline.Step) (*hookserver.Server, *localEngine) {
	t.Helper()
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	e := &localEngine{work: make(map[pipeline.RunKey]chan struct{})}
	o.Chain, o.Unsigned, o.Engine = chain, true, e
	if o.Async == nil {
		o.Async = later(0)
	}
	if o.Journal == nil {
		if o.Journal, err = pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if e.server, err = hookserver.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.server.Shutdown(context.Background()) })
	return e.server, e
}

// begunOnly makes a server whose engine has begun the export of a call, and does nothing. It
// returns the polling address, too.
func begunOnly(t *testing.T, call *rossumtest.Call, steps ...pipeline.Step) (s *hookserver.Server, e *localEngine, location string) {
	t.Helper()
	s, e = engined(t, hookserver.Options{Async: later(5 * time.Second)}, steps...)
	e.idle.Store(true)
	_, location, _ = ask(s, hookCall(call.Bytes()))
	return s, e, location
}

// giveUp has the engine know of no run that is in work, and do those that come.
func (e *localEngine) giveUp() {
	clear(e.work)
	e.idle.Store(false)
}

func acts(n *atomic.Int32, name string) pipeline.Step {
	return pipeline.Named(name, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		n.Add(1)
		x.Info("%s with %d secrets and token %v", name, len(x.Secrets), x.Payload.Token != "")
		return nil
	}))
}

func TestAnEngineRunsAnExportStepByStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s, e := engined(t, hookserver.Options{}, acts(&n, "a"), acts(&n, "b"), acts(&n, "c"))
		call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("password", "x"))
		for range 2 { // the second one gets the answer of the first
			status, _, answer := ask(s, hookCall(call.Bytes()))
			if want := "c with 1 secrets and token false"; status != http.StatusOK || len(answer.Messages) != 3 ||
				answer.Messages[2].Content != want {
				t.Errorf("%d %+v, want %q", status, answer, want)
			}
		}
		if n.Load() != 3 || e.parts.Load() != 3 {
			t.Errorf("%d steps in %d parts", n.Load(), e.parts.Load())
		}
	})
}

func TestWhatAnEngineRunsForLongIsPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s, _ := engined(
			t,
			hookserver.Options{Async: later(5 * time.Second)},
			acts(&n, "a"),
			sleeps(time.Minute),
			acts(&n, "b"),
			sleeps(time.Minute),
		)
		call := rossumtest.Annotation(rossumtest.Offline())
		status, location, _ := ask(s, hookCall(call.Bytes()))
		again, same, _ := ask(s, hookCall(call.Bytes()))
		if status != http.StatusAccepted || again != status || location == "" || location != same {
			t.Fatalf("%d %s, %d %s", status, location, again, same)
		}
		other, _, answer := ask(s, hookCall(call.With(rossumtest.Field("corrected", "yes")).Bytes()))
		if want := "another export of this annotation is still running"; other != http.StatusOK || !answer.Failed() ||
			!strings.Contains(texts(answer), want) {
			t.Errorf("with other content: %d %s", other, texts(answer))
		}
		polled := 0
		for status, answer = poll(s, location); status == http.StatusAccepted; status, answer = poll(s, location) {
			polled++
			time.Sleep(7 * time.Second)
		}
		if status != http.StatusCreated || len(answer.Messages) != 2 || polled < 10 || n.Load() != 2 {
			t.Errorf("%d %+v after %d polls, %d acts", status, answer, polled, n.Load())
		}
	})
}

func TestAnEngineThatCannotBeReachedIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s, e := engined(t, hookserver.Options{}, acts(&n, "a"))
		e.away.Store(true)
		call := rossumtest.Annotation(rossumtest.Offline())
		if status, _, answer := ask(s, hookCall(call.Bytes())); status != http.StatusServiceUnavailable ||
			!strings.Contains(texts(answer), "cannot be reached") {
			t.Errorf("%d %s", status, texts(answer))
		}
		e.away.Store(false)
		if status, _, answer := ask(s, hookCall(call.Bytes())); status != http.StatusOK || answer.Failed() || n.Load() != 1 {
			t.Errorf("%d %s, %d acts", status, texts(answer), n.Load())
		}
	})
}

// A process that is cut short between ledger and engine leaves a run that nobody does.
func TestARunThatTheEngineDoesNotKnowIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s, e := engined(t, hookserver.Options{Recover: true}, acts(&n, "a"))
		e.away.Store(true)
		_, _, _ = ask(s, hookCall(rossumtest.Annotation(rossumtest.Offline()).Bytes()))
		e.away.Store(false)
		time.Sleep(time.Minute)
		if n.Load() != 1 {
			t.Errorf("%d acts", n.Load())
		}
	})
}

func TestARunThatTheEngineGaveUpSaysSoWhenPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		call := rossumtest.Annotation(rossumtest.Offline())
		s, e, location := begunOnly(t, call, acts(&n, "a"))
		if status, _ := poll(s, location); status != http.StatusAccepted {
			t.Errorf("while it is in work: %d", status)
		}
		e.giveUp()
		if status, answer := poll(s, location); status != http.StatusCreated || !strings.Contains(texts(answer), "was stopped while it ran") {
			t.Errorf("%d %s", status, texts(answer))
		}
		if status, _, answer := ask(s, hookCall(call.Bytes())); status != http.StatusOK || answer.Failed() || n.Load() != 1 {
			t.Errorf("called again: %d %s, %d acts", status, texts(answer), n.Load())
		}
	})
}

// An export that ends while a poll is answered is not taken for one that was given up.
func TestAPollSeesAnExportThatEndsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s, e, location := begunOnly(t, rossumtest.Annotation(rossumtest.Offline()), acts(&n, "a"))
		e.giveUp()
		run, _, _ := strings.Cut(location[strings.Index(location, "poll=")+len("poll="):], ".")
		e.asked = func() {
			_, over, err := s.RunPart(context.Background(), hookserver.Part{Run: pipeline.RunID(run), Timeout: time.Minute})
			if err != nil || !over {
				t.Error(over, err)
			}
		}
		if status, answer := poll(s, location); status != http.StatusCreated || answer.Failed() || n.Load() != 1 {
			t.Errorf("%d %s, %d acts", status, texts(answer), n.Load())
		}
	})
}

func TestAPurgeDoesNotWaitForAnEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		call := rossumtest.Annotation(rossumtest.Offline())
		s, _, location := begunOnly(t, call, acts(&n, "a"))
		if status, _, answer := ask(
			s,
			hookCall(call.With(rossumtest.Event(rossum.EventAnnotationStatus, rossum.ActionChanged), rossumtest.Set("status", "purged")).Bytes()),
		); status != http.StatusOK ||
			answer.Failed() {
			t.Errorf("%d %s", status, texts(answer))
		}
		if status, _ := poll(s, location); status != http.StatusGone {
			t.Errorf("polled: %d", status)
		}
	})
}

func TestAnEngineNeedsAnAsynchronousAnswerAndALedger(t *testing.T) {
	t.Parallel()
	chain, err := pipeline.New()
	if err != nil {
		t.Fatal(err)
	}
	_, err = hookserver.New(hookserver.Options{Chain: chain, Unsigned: true, Engine: &localEngine{}})
	if err == nil || !strings.Contains(err.Error(), "without Async") || !strings.Contains(err.Error(), "without Journal") {
		t.Error(err)
	}
}
