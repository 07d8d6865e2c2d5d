package crashtest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// attempts runs an export of one call again and again on one ledger.
type attempts struct {
	t       *testing.T
	journal *pipeline.Journal
	made    int
}

func newAttempts(t *testing.T) *attempts {
	j, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &attempts{t: t, journal: j}
}

var errCut = errors.New("the process ended here")

// run has send make the call; errCut hands the run over with the call unanswered.
func (a *attempts) run(send func() (*pipeline.Answer, error), o ...pipeline.Option) (pipeline.Kept, error) {
	ctx, leave := context.WithCancelCause(a.t.Context())
	defer leave(nil)
	step := pipeline.Named("create", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := x.Once(ctx, pipeline.Act{Call: "request", What: "POST https://erp.example/invoices"}, func(context.Context, pipeline.Attempt) (*pipeline.Answer, error) {
			a.made++
			answer, err := send()
			if errors.Is(err, errCut) {
				leave(pipeline.ErrHandedOver)
			}
			return answer, err
		})
		return err
	}))
	chain, err := pipeline.New(step)
	if err != nil {
		a.t.Fatal(err)
	}
	return chain.Keep(ctx, rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.KeepOptions{}, append(o, pipeline.WithJournal(a.journal))...)
}

func cutShort() (*pipeline.Answer, error) { return nil, errCut }
func created() (*pipeline.Answer, error)  { return &pipeline.Answer{Status: 201}, nil }

func TestAVerdictCountsForOneAttempt(t *testing.T) {
	t.Parallel()
	a := newAttempts(t)
	_, _ = a.run(cutShort) // it is left, not answered
	for p, err := range a.journal.Pending(t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := a.journal.Settle(t.Context(), p.Run.ID, p.Call, pipeline.Verdict{}); err != nil {
			t.Fatal(err)
		}
	}
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
	refused := func() (*pipeline.Answer, error) { return nil, pipeline.NotSent(errors.New("connection refused")) }
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
		probe := pipeline.WithProbe("create", 0, func(_ context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Answer, bool, error) {
			if waited := time.Since(q.Begun); waited < pipeline.DefaultLease/3 {
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
