package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// settings is a step of which only a compiled form can run, on status events.
type settings struct {
	fault         error
	built, closed *atomic.Int32
	program       bool
}

func newSettings() settings { return settings{built: new(atomic.Int32), closed: new(atomic.Int32)} }

func (s settings) Name() string { return "settings" }

func (s settings) Run(_ context.Context, x *pipeline.Export) error {
	if !s.program {
		return errors.New("it was not compiled")
	}
	x.Info("ran")
	return nil
}

func (s settings) Compile() (pipeline.Program, error) {
	s.built.Add(1)
	s.program = true
	return s, s.fault
}

func (s settings) Close() error                   { s.closed.Add(1); return nil }
func (s settings) Makes() []string                { return []string{"made"} }
func (s settings) ListensTo(event, _ string) bool { return event == "annotation_status" }

// around says something before and after the step in it.
type around struct{ pipeline.Step }

func (a around) Unwrap() pipeline.Step { return a.Step }

func (a around) Wrap(p pipeline.Program) (pipeline.Program, error) {
	return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		x.Info("before")
		defer x.Info("after")
		return p.Run(ctx, x)
	}), nil
}

func TestWrappedStepsKeepEveryAbility(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(pipeline.Step) pipeline.Step{
		"alone":   func(s pipeline.Step) pipeline.Step { return s },
		"named":   func(s pipeline.Step) pipeline.Step { return pipeline.Named("n", s) },
		"keyed":   func(s pipeline.Step) pipeline.Step { return pipeline.Keyed("k", s) },
		"finally": pipeline.Finally,
		"all of them": func(s pipeline.Step) pipeline.Step {
			return pipeline.Finally(pipeline.Keyed("k", pipeline.Named("n", s)))
		},
		"in another order": func(s pipeline.Step) pipeline.Step {
			return pipeline.Named("n", pipeline.Finally(pipeline.Keyed("k", s)))
		},
		"within a Wrapper":       func(s pipeline.Step) pipeline.Step { return around{s} },
		"a Wrapper in between":   func(s pipeline.Step) pipeline.Step { return pipeline.Named("n", around{pipeline.Finally(s)}) },
		"a chain of its own":     func(s pipeline.Step) pipeline.Step { return nested(t, s) },
		"a branch":               func(s pipeline.Step) pipeline.Step { return pipeline.Parallel(s) },
		"a chain in a branch":    func(s pipeline.Step) pipeline.Step { return pipeline.Parallel(nested(t, pipeline.Named("n", s))) },
		"a chain within Finally": func(s pipeline.Step) pipeline.Step { return pipeline.Finally(nested(t, s)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSettings()
			step := wrap(s)
			s.built.Store(0) // chains that are only a part were built, too
			if maker, ok := pipeline.Ability[pipeline.Maker](step); !strings.Contains(name, "chain") && name != "a branch" &&
				(!ok || maker.Makes()[0] != "made") {
				t.Error("it makes nothing any more")
			}
			chain := chainOf(t, step)
			p := invoice().Payload()
			p.Event, p.Action = "annotation_status", "changed"
			answer, err := chain.Export(t.Context(), p)
			if err != nil || !strings.Contains(texts(answer.Messages), "ran") {
				t.Errorf("%v, %+v", err, answer)
			}
			if err := chain.Close(); err != nil || s.built.Load() != 1 || s.closed.Load() != 1 {
				t.Errorf("built %d times, closed %d times, %v", s.built.Load(), s.closed.Load(), err)
			}
		})
	}
}

func nested(t *testing.T, s pipeline.Step) *pipeline.Chain {
	t.Helper()
	chain, err := pipeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func TestAStepIsBuiltForOneChainWhileItRunsInAnother(t *testing.T) {
	t.Parallel()
	s := newSettings()
	first := chainOf(t, nested(t, s))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				p := invoice().Payload()
				p.Event, p.Action = "annotation_status", "changed"
				if _, err := first.Export(t.Context(), p); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			for range 20 {
				if _, err := pipeline.New(first, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestWhatIsSaidOfAStepWithinAWrapperHolds(t *testing.T) {
	t.Parallel()
	chain := chainOf(t,
		pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("no") }),
		around{pipeline.Finally(pipeline.Named("clean", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil })))},
	)
	var report *pipeline.Report
	_, _ = chain.Export(t.Context(), invoice().Payload(), pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	if got := statuses(report); got != "step:failed clean:done" {
		t.Errorf("got %s", got)
	}
}

func TestNoTwoStepsOfAChainHaveTheSameKey(t *testing.T) {
	t.Parallel()
	s := newSettings()
	_, err := pipeline.New(pipeline.Keyed("12", pipeline.Named("A", s)), pipeline.Keyed("12", pipeline.Named("B", s)))
	if err == nil || err.Error() != `step B: duplicate key "12", which step A already has; give one of them another key with pipeline.Keyed` {
		t.Errorf("got %v", err)
	}
	if _, err := pipeline.New(s, s, pipeline.Parallel(s, s)); err != nil {
		t.Errorf("steps of one name: %v", err)
	}
}

func TestAStepThatCannotBeBuiltSaysSoAndTheOthersAreClosed(t *testing.T) {
	t.Parallel()
	good, bad := newSettings(), newSettings()
	bad.fault = errors.Join(errors.New("one"), errors.New("two"))
	if _, err := pipeline.New(good, pipeline.Named("B", bad)); err == nil || err.Error() != "step B: one\nstep B: two" {
		t.Errorf("got %v", err)
	}
	if good.closed.Load() != 1 {
		t.Errorf("the good one was closed %d times", good.closed.Load())
	}
}
