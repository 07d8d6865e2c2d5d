package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// overtaken is the ledger of a process that stands still before its n-th write of records,
// while another one takes its run over.
type overtaken struct {
	pipeline.Ledger
	n  int
	do func(pipeline.Lease)
}

func (o *overtaken) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	if o.n--; o.n == 0 {
		o.do(l)
	}
	return o.Ledger.Append(ctx, l, records...)
}

// TestAProcessThatLearnsOfATakeoverByWritingLeavesTheRun: it learns of it before it renews its
// lease.
func TestAProcessThatLearnsOfATakeoverByWritingLeavesTheRun(t *testing.T) {
	t.Parallel()
	for n := range 4 { // two calls and their replies
		erp, shared := newCountingERP(true), pipeline.MemoryLedger()
		chain := chainOf(t, posts(erp, "/first", "a"), posts(erp, "/second", "b"))
		idempotency := pipeline.WithIdempotency(pipeline.Idempotency{})
		other := make(chan error, 1)
		slow := &overtaken{Ledger: shared, n: n + 1, do: func(l pipeline.Lease) {
			err := shared.Release(t.Context(), l) // as if it had ended
			if err == nil {
				_, err = chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(journal(t, shared)), idempotency)
			}
			other <- err
		}}
		k, err := chain.Keep(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(journal(t, slow)), idempotency)
		if slow.n > 0 {
			t.Fatalf("there are %d writes only", n)
		}
		if otherErr := <-other; otherErr != nil || !k.Left || !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("overtaken at write %d: %+v, %v; the other one: %v", n+1, k, err, otherErr)
		}
		if most, all := erp.most(); most != 1 {
			t.Errorf("overtaken at write %d: acts %s", n+1, all)
		}
	}
}

// overtakenAtOnce is the ledger of a process that stands still after each claim, for so long
// that another one takes the run over.
type overtakenAtOnce struct{ pipeline.Ledger }

func (o overtakenAtOnce) Claim(ctx context.Context, key pipeline.RunKey, claim pipeline.ClaimOptions) (pipeline.Claimed, error) {
	claimed, err := o.Ledger.Claim(ctx, key, claim)
	if err != nil {
		return claimed, err
	}
	if err := o.Ledger.Release(ctx, claimed.Lease); err != nil { // its lease ends
		return claimed, err
	}
	_, err = o.Ledger.Claim(ctx, key, pipeline.ClaimOptions{Owner: "other", Lease: time.Hour, Resume: claimed.Run.ID})
	return claimed, err
}

func TestARunThatIsTakenOverWhileItBeginsHasBegun(t *testing.T) {
	t.Parallel()
	chain, ledger := chainOf(t, posts(newCountingERP(true), "/first", "a")), overtakenAtOnce{pipeline.MemoryLedger()}
	run, err := chain.Begin(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(journal(t, ledger)))
	if err != nil || run.ID == "" {
		t.Fatalf("run %q, %v", run.ID, err)
	}
	if there, err := ledger.Load(t.Context(), run.ID); err != nil || there.Owner != "other" || there.State != pipeline.RunLive {
		t.Errorf("the run of the other process is %+v, %v", there.RunInfo, err)
	}
}

func TestAProcessThatIsOvertakenWhileItReplacesARunFindsItBusy(t *testing.T) {
	t.Parallel()
	chain, shared := chainOf(t, posts(newCountingERP(true), "/first", "a")), pipeline.MemoryLedger()
	earlier := keepCall().With(rossumtest.Field("status", "as it was before")).Payload()
	run, err := chain.Begin(t.Context(), earlier, pipeline.KeepOptions{}, pipeline.WithJournal(journal(t, shared)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = chain.Keep(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(journal(t, overtakenAtOnce{shared})))
	var busy *pipeline.BusyError
	if !errors.As(err, &busy) || busy.Run.ID != run.ID || busy.Run.Owner != "other" {
		t.Errorf("got %v, want that run %s is busy", err, run.ID)
	}
}
