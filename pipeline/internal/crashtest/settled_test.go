package crashtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// attempts runs an export of one call again and again on one ledger.
type attempts struct {
	t       *testing.T
	ledger  *fullOnce
	journal *pipeline.Journal
	made    int
}

// fullOnce is a ledger that does not take the next reply if isFull.
type fullOnce struct {
	pipeline.Ledger
	isFull bool
}

func (l *fullOnce) Append(ctx context.Context, lease pipeline.Lease, records ...pipeline.Record) error {
	if l.isFull && slices.ContainsFunc(records, func(r pipeline.Record) bool { return r.Kind == "reply" }) {
		l.isFull = false
		return errors.New("the disk is full")
	}
	return l.Ledger.Append(ctx, lease, records...)
}

func newAttempts(t *testing.T) *attempts {
	ledger := &fullOnce{Ledger: pipeline.MemoryLedger()}
	j, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &attempts{t: t, ledger: ledger, journal: j}
}

var errCut = errors.New("the process ended here")

// run has send make the call; errCut hands the run over with the call unanswered.
func (a *attempts) run(send func() (*pipeline.Reply, error), o ...pipeline.Option) (pipeline.Kept, error) {
	ctx, leave := context.WithCancelCause(a.t.Context())
	defer leave(nil)
	step := pipeline.Named("create", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := x.Once(
			ctx,
			pipeline.Act{Call: "request", What: "POST https://erp.example/invoices"},
			func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
				a.made++
				answer, err := send()
				if errors.Is(err, errCut) {
					leave(pipeline.ErrHandedOver)
				}
				return answer, err
			},
		)
		return err
	}))
	chain, err := pipeline.New(step)
	if err != nil {
		a.t.Fatal(err)
	}
	return chain.Keep(
		ctx,
		rossumtest.Annotation(rossumtest.Offline()).Payload(),
		pipeline.KeepOptions{},
		append(o, pipeline.WithJournal(a.journal))...)
}

// settle gives a verdict on every call.
func (a *attempts) settle(v pipeline.Verdict) {
	a.t.Helper()
	for p, err := range a.journal.Pending(a.t.Context(), pipeline.RunQuery{}) {
		if err == nil {
			err = a.journal.Settle(a.t.Context(), p.Run.ID, p.Call, v)
		}
		if err != nil {
			a.t.Fatal(err)
		}
	}
}

func cutShort() (*pipeline.Reply, error) { return nil, errCut }
func created() (*pipeline.Reply, error)  { return &pipeline.Reply{Status: 201}, nil }

func TestAVerdictCountsForOneAttempt(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	_, _ = a.run(cutShort) // it is left, not answered
	a.settle(pipeline.Verdict{})
	_, _ = a.run(cutShort)
	if a.made != 2 {
		t.Fatalf("the call was made %d times, want a second time after the verdict", a.made)
	}
	if k, err := a.run(created); !errors.Is(err, pipeline.ErrMaybeSent) || !k.Stopped || a.made != 2 {
		t.Errorf("made %d times, %+v, %v; a verdict on the first attempt says nothing of the second", a.made, k, err)
	}
}

func TestARepeatThatDidNotArriveSettlesNothing(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	keys := pipeline.WithIdempotency(pipeline.Idempotency{})
	_, _ = a.run(cutShort, keys) // it is left, not answered
	refused := func() (*pipeline.Reply, error) { return nil, pipeline.NotSent(errors.New("connection refused")) }
	k, err := a.run(refused, keys)
	if !errors.Is(err, pipeline.ErrMaybeSent) || !k.Stopped {
		t.Errorf("%+v, %v; the first attempt may have been received", k, err)
	}
	again, err := a.run(created, keys)
	if err != nil || again.Run.ID != k.Run.ID || a.made != 3 {
		t.Errorf("made %d times, run %s after %s, %v", a.made, again.Run.ID, k.Run.ID, err)
	}
}

func TestACallThatAProbeDoesNotFindIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the probe is asked when the call is over
		a := newAttempts(t)
		probe := pipeline.WithProbe("create", 0, func(_ context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
			if waited := time.Since(q.Started); waited < 10*time.Second {
				t.Errorf("asked after %v; its announcement may have taken as long, and the call is made after it", waited)
			}
			return nil, false, nil
		})
		_, _ = a.run(cutShort, probe) // it is left, not answered
		if k, err := a.run(created, probe); err != nil || k.Stopped || a.made != 2 {
			t.Errorf("made %d times, %+v, %v", a.made, k, err)
		}
	})
}

func TestAnOutcomeThatCannotBeNotedYetIsNoFailure(t *testing.T) {
	for _, how := range []string{"probe", "verdict"} {
		synctest.Test(t, func(t *testing.T) {
			a := newAttempts(t)
			probe := pipeline.WithProbe("create", 0, func(context.Context, *pipeline.Export, pipeline.Question) (*pipeline.Reply, bool, error) {
				if how == "verdict" {
					return nil, false, errors.New("the ERP is closed for today")
				}
				return &pipeline.Reply{Status: 201}, true, nil
			})
			_, _ = a.run(cutShort, probe) // it is left, not answered
			if how == "verdict" {
				a.settle(pipeline.Verdict{There: true, Status: 201})
			}
			a.ledger.isFull = true
			if k, err := a.run(created, probe); err != nil || k.Response.Failed() || a.made != 1 || a.ledger.isFull {
				t.Errorf("%s: made %d times, %+v, %v", how, a.made, k.Response, err)
			}
		})
	}
}
