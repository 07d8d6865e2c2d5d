package pipeline_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// TestARunGoesOnInAChainThatHasChanged kills a process at each of its writes, and has
// another one go on with other steps. No call may be made twice, or be forgotten.
func TestARunGoesOnInAChainThatHasChanged(t *testing.T) {
	t.Parallel()
	type steps = func(step func(path string) pipeline.Step) []pipeline.Step
	row := func(step func(string) pipeline.Step, paths ...string) (list []pipeline.Step) {
		for _, path := range paths {
			list = append(list, step(path))
		}
		return list
	}
	rowOf := func(paths ...string) steps {
		return func(step func(string) pipeline.Step) []pipeline.Step { return row(step, paths...) }
	}
	nested := func(step func(string) pipeline.Step, paths ...string) pipeline.Step {
		return pipeline.Named("nested", chainOf(t, row(step, paths...)...))
	}
	inParallel := func(step func(string) pipeline.Step) []pipeline.Step {
		return []pipeline.Step{step("/a"), pipeline.Parallel(row(step, "/b", "/c")...), step("/d")}
	}
	inNested := func(step func(string) pipeline.Step) []pipeline.Step {
		return []pipeline.Step{step("/a"), nested(step, "/b", "/c"), step("/d")}
	}
	for name, tt := range map[string]struct {
		before, now steps
		// stops says after which calls the run cannot go on; nil for none.
		stops func(acts map[string]int) bool
	}{
		"into Parallel":          {rowOf("/a", "/b", "/c", "/d"), inParallel, nil},
		"out of Parallel":        {inParallel, rowOf("/a", "/b", "/c", "/d"), nil},
		"into a nested chain":    {rowOf("/a", "/b", "/c", "/d"), inNested, nil},
		"out of a nested chain":  {inNested, rowOf("/a", "/b", "/c", "/d"), nil},
		"from nested, to beside": {inNested, inParallel, nil},
		"one more in front":      {rowOf("/a", "/b"), rowOf("/e", "/a", "/b"), nil},
		"one more at the end":    {rowOf("/a", "/b"), rowOf("/a", "/b", "/e"), nil},
		"one fewer":              {rowOf("/a", "/b", "/c"), rowOf("/a", "/c"), func(acts map[string]int) bool { return acts["/b"] > 0 }},
		"renamed":                {rowOf("/a", "/b", "/c"), rowOf("/a", "/e", "/c"), func(acts map[string]int) bool { return acts["/b"] > 0 }},
		"reordered":              {rowOf("/a", "/b", "/c"), rowOf("/b", "/a", "/c"), func(acts map[string]int) bool { return acts["/b"] > 0 }},
		"put before what it followed": {rowOf("/a", "/b", "/c"), func(step func(string) pipeline.Step) []pipeline.Step {
			return []pipeline.Step{nested(step, "/b", "/e"), step("/a"), step("/c")}
		}, func(acts map[string]int) bool { return acts["/b"] > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, done := range []bool{false, true} {
				for at := 1; ; at++ {
					erp := newCountingERP(true)
					step := func(path string) pipeline.Step { return posts(erp, path, path[1:2]) }
					before, now := chainOf(t, tt.before(step)...), chainOf(t, tt.now(step)...)
					ledger := pipeline.MemoryLedger()
					dying, ctx := mortal.New(t.Context(), ledger, at, done)
					keys := pipeline.WithIdempotency(pipeline.Idempotency{})
					_, _ = before.Export(ctx, keepCall().Payload(), keys, pipeline.WithJournal(journal(t, dying)))
					if err := dying.Bury(t.Context()); err != nil {
						t.Fatal(err)
					}
					if !dying.Dead() {
						break
					}
					announced := at == 4 && done // the second call, and nobody knows more
					stops := tt.stops != nil && (announced || tt.stops(erp.acts))
					err := goesOnTwice(t, now, ledger, keys)
					if most, all := erp.most(); most > 1 ||
						!errors.Is(err, pipeline.ErrStale) && (errors.Is(err, pipeline.ErrChanged) != stops || err != nil && !stops) {
						t.Errorf("write %d, done %v: %v, want it stopped %v; acts%s", at, done, err, stops, all)
					}
				}
			}
		})
	}
}

// goesOnTwice has one process go on and die with the answer to its first call, and then
// another one.
func goesOnTwice(t *testing.T, chain *pipeline.Chain, ledger pipeline.Ledger, options ...pipeline.Option) error {
	t.Helper()
	dying, ctx := mortal.New(t.Context(), ledger, 3, false)
	_, _ = chain.Keep(ctx, keepCall().Payload(), pipeline.KeepOptions{}, append(options, pipeline.WithJournal(journal(t, dying)))...)
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	j := journal(t, ledger)
	_, err := chain.Keep(t.Context(), keepCall().Payload(), pipeline.KeepOptions{}, append(options, pipeline.WithJournal(j))...)
	for p, pendingErr := range j.Pending(t.Context(), pipeline.RunQuery{}) {
		if err == nil {
			return fmt.Errorf("%+v is pending, %w", p, pendingErr)
		}
	}
	return err
}
