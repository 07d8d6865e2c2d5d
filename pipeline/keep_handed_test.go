package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// TestARunThatIsHandedOverRunsItsFinallyStepsElsewhere: they run once, after the steps that
// were left, and see what those have done.
func TestARunThatIsHandedOverRunsItsFinallyStepsElsewhere(t *testing.T) {
	t.Parallel()
	e := newCountingERP(false)
	ctx, leave := context.WithCancelCause(t.Context())
	slow := pipeline.Named("slow", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		if leave != nil {
			leave(pipeline.ErrHandedOver)
			leave = nil
			return context.Cause(ctx)
		}
		return x.Set("b", "done")
	}))
	chain := chainOf(t, posts(e, "/first", "a"), slow, pipeline.Finally(posts(e, "/notify", "f")))
	j := journal(t, pipeline.MemoryLedger())
	if _, err := chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(j)); !errors.Is(err, pipeline.ErrHandedOver) {
		t.Fatal(err)
	}
	if e.acts["/notify"] != 0 {
		t.Errorf("the Finally step ran before the run was handed over")
	}
	answer, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithJournal(j))
	if most, all := e.most(); err != nil || answer.Failed() || most != 1 || len(answer.Operations) != 3 {
		t.Errorf("%v, %+v, calls %s", err, answer, all)
	}
}
