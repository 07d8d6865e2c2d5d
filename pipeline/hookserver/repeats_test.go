package hookserver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// erpStep posts an invoice to an ERP that takes its time, and counts.
func erpStep(acts *atomic.Int32, takes time.Duration) pipeline.Step {
	return pipeline.Named("create", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		answer, err := x.Once(
			ctx,
			pipeline.Act{Call: "request", What: "POST https://erp.example/invoices"},
			func(ctx context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
				n := acts.Add(1)
				select {
				case <-time.After(takes):
					return &pipeline.Reply{Status: 201, Body: fmt.Appendf(nil, "ERP-%d", n)}, nil
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				}
			},
		)
		if err != nil {
			return err
		}
		return x.Set("status", string(answer.Body))
	}))
}

func journalOn(t testing.TB, l pipeline.Ledger) *pipeline.Journal {
	t.Helper()
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestThePlatformsRepeatsMakeOneInvoice plays what the platform does when it gets no
// answer: five calls within 30 seconds.
func TestThePlatformsRepeatsMakeOneInvoice(t *testing.T) {
	for _, numbering := range []string{"the same request_id", "new request_ids"} {
		for _, how := range []string{"one after the other", "while the first runs", "at once", "after a restart"} {
			for _, servers := range []int{1, 2} {
				for _, async := range []bool{false, true} {
					name := fmt.Sprintf("%s, %s, %d servers, async %v", numbering, how, servers, async)
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { repeats(t, numbering == "new request_ids", how, servers, async) })
					})
				}
			}
		}
	}
}

func repeats(t *testing.T, anew bool, how string, servers int, async bool) {
	ledger := pipeline.MemoryLedger()
	var acts atomic.Int32
	takes := 3 * time.Second
	if how == "while the first runs" {
		takes = 20 * time.Second
	}
	start := func() *hookserver.Server {
		o := hookserver.Options{Chain: chainOf(t, erpStep(&acts, takes)), Journal: journalOn(t, ledger)}
		if async {
			o.Async = later(0)
		}
		return newServer(t, o)
	}
	all := make([]*hookserver.Server, servers)
	for i := range all {
		all[i] = start()
	}
	var group sync.WaitGroup
	answers := make([]string, 5)
	for i := range answers {
		call := invoice()
		if anew {
			call.With(rossumtest.Request(fmt.Sprint("request-", i)))
		}
		if how == "after a restart" && i == 2 {
			for k := range all {
				if err := all[k].Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				all[k] = start()
			}
		}
		one := func() {
			status, _, answer := ask(all[i%servers], hookCall(call.Bytes()))
			if status != 200 || answer.Failed() || len(answer.Operations) != 1 {
				t.Errorf("call %d: status %d, %+v", i, status, answer)
				return
			}
			answers[i] = string(answer.Operations[0].Value)
		}
		switch how {
		case "one after the other", "after a restart":
			one()
			time.Sleep(time.Second)
		case "while the first runs":
			group.Go(one)
			time.Sleep(3 * time.Second)
		default:
			group.Go(one)
		}
	}
	group.Wait()
	if acts.Load() != 1 {
		t.Errorf("the ERP holds %d invoices", acts.Load())
	}
	for i, a := range answers {
		if !strings.Contains(a, "ERP-1") {
			t.Errorf("call %d got %q", i, a)
		}
	}
}

func TestAnExportThatIsAskedForAgainAfterADeliveredAnswerIsANewRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acts atomic.Int32
		h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 0))})
		for i, wait := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			time.Sleep(wait)
			if status, answer := serve(h, hookCall(invoice().Bytes())); status != 200 || answer.Failed() {
				t.Fatalf("call %d: %d %+v", i, status, answer)
			}
		}
		if acts.Load() != 2 {
			t.Errorf("%d invoices, want that of the first call and that after the window", acts.Load())
		}
	})
}

func TestASuccessThatCouldNotBeWrittenIsHandedOutLaterAndAFailureIsNot(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var acts atomic.Int32
			broken := fails
			chain := chainOf(t, erpStep(&acts, 5*time.Second), pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
				if broken {
					return errors.New("the ERP is closed for today")
				}
				return nil
			}))
			h := newServer(t, hookserver.Options{Chain: chain})
			ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
			defer hangUp()
			serve(h, hookCall(invoice().Bytes()).WithContext(ctx))
			broken = false
			time.Sleep(10 * time.Minute)
			status, answer := serve(h, hookCall(invoice().Bytes()))
			if want := map[bool]int32{false: 1, true: 2}[fails]; status != 200 || answer.Failed() || acts.Load() != want {
				t.Errorf("fails %v: %d %+v, %d invoices, want %d", fails, status, answer, acts.Load(), want)
			}
		})
	}
}

func TestACallWithOtherContentWaitsAndIsANewRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acts atomic.Int32
		h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 10*time.Second))})
		var group sync.WaitGroup
		group.Go(func() { serve(h, hookCall(invoice().Bytes())) })
		time.Sleep(time.Second)
		status, answer := serve(h, hookCall(invoice(rossumtest.Field("corrected", "yes")).Bytes()))
		group.Wait()
		if status != 200 || answer.Failed() || acts.Load() != 2 || !strings.Contains(string(answer.Operations[0].Value), "ERP-2") {
			t.Errorf("%d %+v, %d invoices", status, answer, acts.Load())
		}
	})
}

func TestAPurgeWaitsForNobodyAndErasesWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := pipeline.MemoryLedger()
		var acts atomic.Int32
		h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 10*time.Second)), Journal: journalOn(t, ledger)})
		var group sync.WaitGroup
		group.Go(func() {
			status, answer := serve(h, hookCall(invoice().Bytes()))
			if status != 200 || len(answer.Messages) != 1 || !strings.Contains(answer.Messages[0].Content, pipeline.ErrGone.Error()) {
				t.Errorf("the export was answered with %d %+v", status, answer)
			}
		})
		time.Sleep(time.Second)
		started := time.Now()
		gone := invoice(rossumtest.Event("annotation_status", "changed"), rossumtest.Set("status", "purged"), rossumtest.WithoutContent())
		if status, answer := serve(h, hookCall(gone.Bytes())); status != 200 || answer.Failed() || time.Since(started) != 0 {
			t.Errorf("%d %+v after %v", status, answer, time.Since(started))
		}
		group.Wait()
		n := 0
		for info, err := range ledger.Find(t.Context(), pipeline.RunQuery{}) {
			if n++; err != nil || !strings.HasPrefix(info.Key.Event, rossum.EventAnnotationStatus) {
				t.Errorf("the ledger still has %+v, %v", info, err)
			}
		}
		if n != 1 {
			t.Errorf("%d runs are known", n)
		}
	})
}

func TestTwoOrganisationsAndTwoHooksAreNotMixed(t *testing.T) {
	t.Parallel()
	var acts atomic.Int32
	h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 0))})
	for _, base := range []string{"https://one.rossum.app", "https://two.rossum.app"} {
		for _, hook := range []string{"1", "2"} {
			call := invoice(rossumtest.Sideload("hook", base+"/api/v1/hooks/"+hook), rossumtest.Sideload("base_url", base))
			serve(h, hookCall(call.Bytes()))
		}
	}
	if acts.Load() != 4 {
		t.Errorf("%d invoices, want one for each hook of each organisation", acts.Load())
	}
}

// TestAServerGoesOnWithTheRunsOfAnother kills one at every write to the ledger.
func TestAServerGoesOnWithTheRunsOfAnother(t *testing.T) {
	for _, async := range []bool{false, true} {
		for _, done := range []bool{false, true} {
			for at := 1; at <= 8; at++ {
				synctest.Test(t, func(t *testing.T) { takesUp(t, at, done, async) })
			}
		}
	}
}

func takesUp(t *testing.T, at int, done, async bool) {
	name := fmt.Sprintf("write %d, done %v, async %v", at, done, async)
	ledger := pipeline.MemoryLedger()
	var first, second atomic.Int32
	options := func(l pipeline.Ledger) hookserver.Options {
		o := hookserver.Options{
			Chain:   chainOf(t, erpStep(&first, time.Second), pipeline.Named("submit", erpStep(&second, time.Second))),
			Journal: journalOn(t, l),
		}
		if async {
			o.Async = later(-1)
		}
		return o
	}
	dying, _ := mortal.New(t.Context(), ledger, at, done)
	a := newServer(t, options(dying))
	_, location, _ := ask(a, hookCall(invoice().Bytes()))
	time.Sleep(10 * time.Second)
	if !dying.Dead() {
		return
	}
	o := options(ledger)
	o.Recover = true
	b := newServer(t, o)
	time.Sleep(time.Minute) // leases end, and the run is taken up
	var status int
	var answer rossum.Response
	if async && location != "" {
		status, answer = poll(b, location)
	} else {
		for range 60 {
			if status, location, answer = ask(b, hookCall(invoice(rossumtest.Request("repeat")).Bytes())); status == 202 {
				time.Sleep(10 * time.Second)
				status, answer = poll(b, location)
			}
			if status == 200 || status == 201 {
				break
			}
			time.Sleep(time.Second)
		}
	}
	if status != 200 && status != 201 {
		t.Fatalf("%s: status %d, %+v", name, status, answer)
	}
	if first.Load() > 1 || second.Load() > 1 {
		t.Errorf("%s: sent %d and %d times", name, first.Load(), second.Load())
	}
	text := fmt.Sprint(answer.Messages)
	switch maybe := strings.Contains(text, "may have sent this already") || strings.Contains(text, "its outcome is not known"); {
	case answer.Failed() && !maybe:
		t.Errorf("%s: %s", name, text)
	case !answer.Failed() && (first.Load() != 1 || second.Load() != 1):
		t.Errorf("%s: a success with %d and %d calls", name, first.Load(), second.Load())
	}
}

// TestACallWhoseCallerHasGoneBeginsNothing: the platform has called again meanwhile, and
// the answer to that call may have been delivered, so that this would be a second export.
func TestACallWhoseCallerHasGoneBeginsNothing(t *testing.T) {
	t.Parallel()
	var acts atomic.Int32
	h := newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 0))})
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if status, answer := serve(h, hookCall(invoice().Bytes()).WithContext(ctx)); status != 503 || !answer.Failed() || acts.Load() != 0 {
		t.Errorf("%d %+v, %d invoices", status, answer, acts.Load())
	}
}

// TestARunThatNoChainCanGoOnWithIsTriedOnce: each attempt makes its records longer.
func TestARunThatNoChainCanGoOnWithIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := pipeline.MemoryLedger()
		var acts atomic.Int32
		dying, ctx := mortal.New(t.Context(), ledger, 3, true) // claim, call, reply
		_, _ = chainOf(t, pipeline.Named("gone", erpStep(&acts, 0))).Export(ctx, invoice().Payload(), pipeline.WithJournal(journalOn(t, dying)))
		if err := dying.Bury(t.Context()); err != nil {
			t.Fatal(err)
		}
		newServer(t, hookserver.Options{Chain: chainOf(t, erpStep(&acts, 0)), Journal: journalOn(t, ledger), Recover: true})
		time.Sleep(10 * time.Minute)
		for info, err := range ledger.Find(t.Context(), pipeline.RunQuery{}) {
			if err != nil || info.Count > 10 || info.State != pipeline.RunAbandoned || acts.Load() != 1 {
				t.Errorf("%+v, %v, %d acts", info, err, acts.Load())
			}
		}
	})
}
