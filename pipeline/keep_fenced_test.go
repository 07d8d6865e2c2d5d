package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
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
