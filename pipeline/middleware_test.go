package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// notes are what middleware has noted, by several branches.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

func (n *notes) around(name string) pipeline.Middleware {
	return func(ctx context.Context, x *pipeline.Export, step pipeline.StepInfo, next pipeline.StepFunc) error {
		n.add("%s> %s %s", name, step.Name, step.Path)
		err := next(ctx, x)
		n.add("<%s %s: %v", name, step.Name, err)
		return err
	}
}

func named(name string, err error) pipeline.Step {
	return pipeline.Named(name, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return err }))
}

func TestMiddlewareGoesAroundEveryStepThatRuns(t *testing.T) {
	t.Parallel()
	nested := chainOf(t, named("inner", nil))
	chain := chainOf(
		t,
		pipeline.Keyed("k", named("first", nil)),
		pipeline.Named("nested", nested),
		expression.When("false", named("skipped", nil)),
		pipeline.Named(
			"on purge",
			newSettings(),
		),
		named("fails", errors.New("broken")),
		named("not run", nil),
		pipeline.Finally(named("last", nil)),
	)
	n := &notes{}
	_, err := chain.Export(
		t.Context(),
		keepCall().Payload(),
		pipeline.WithMiddleware(n.around("a"), nil),
		pipeline.WithMiddleware(n.around("b")),
	)
	var want []string
	for _, step := range []struct{ name, path, err string }{
		{"first", "/k", "<nil>"}, {"inner", "/nested/inner", "<nil>"}, {"skipped", "/skipped", "<nil>"},
		{"fails", "/fails", "broken"}, {"last", "/last", "<nil>"},
	} {
		want = append(
			want,
			"a> "+step.name+" "+step.path,
			"b> "+step.name+" "+step.path,
			"<b "+step.name+": "+step.err,
			"<a "+step.name+": "+step.err,
		)
	}
	if err == nil || !slices.Equal(n.list, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(n.list, "\n"), strings.Join(want, "\n"))
	}
}

func TestMiddlewareGoesAroundTheStepsOfBranches(t *testing.T) {
	t.Parallel()
	n := &notes{}
	chain := chainOf(t, pipeline.Parallel(named("left", nil), chainOf(t, named("right", nil))))
	if _, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithMiddleware(n.around("m"))); err != nil {
		t.Fatal(err)
	}
	slices.Sort(n.list)
	if got := strings.Join(n.list, ", "); got != "<m left: <nil>, <m right: <nil>, m> left /parallel/left, m> right /parallel/chain/right" {
		t.Error(got)
	}
}

func TestMiddlewareIsAPartOfTheStep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		m    pipeline.Middleware
		want string // in the error
		runs int
	}{
		"it refuses": {func(context.Context, *pipeline.Export, pipeline.StepInfo, pipeline.StepFunc) error {
			return errors.New("the ERP has no room")
		}, "step post /first: the ERP has no room", 0},
		"it leaves the step out": {func(context.Context, *pipeline.Export, pipeline.StepInfo, pipeline.StepFunc) error { return nil }, "", 0},
		"it panics": {func(context.Context, *pipeline.Export, pipeline.StepInfo, pipeline.StepFunc) error {
			panic("no metrics")
		}, "step post /first: the step panicked: no metrics", 0},
		"it takes the error away": {func(ctx context.Context, x *pipeline.Export, _ pipeline.StepInfo, next pipeline.StepFunc) error {
			_ = next(ctx, x)
			return nil
		}, "", 1},
		"it shows something": {func(ctx context.Context, x *pipeline.Export, _ pipeline.StepInfo, next pipeline.StepFunc) error {
			x.Error("shown beside")
			return next(ctx, x)
		}, "", 1},
	} {
		erp := newCountingERP(false)
		answer, err := chainOf(t, posts(erp, "/first", "a")).Export(t.Context(), keepCall().Payload(), pipeline.WithMiddleware(tt.m))
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) || erp.acts["/first"] != tt.runs {
			t.Errorf("%s: %v, %v", name, err, erp.acts)
		}
		if shown := strings.Contains(texts(answer.Messages), "shown beside"); shown != (name == "it shows something") {
			t.Errorf("%s: %s", name, texts(answer.Messages))
		}
	}
}

func TestMiddlewareComesAgainWithTheStepsThatRunAgain(t *testing.T) {
	t.Parallel()
	erp, ledger, n := newCountingERP(false), pipeline.MemoryLedger(), &notes{}
	chain := chainOf(t, posts(erp, "/first", "a"), posts(erp, "/second", "b"))
	dying, ctx := mortal.New(t.Context(), ledger, 5, true) // claim, call, reply, call, reply
	_, _ = chain.Export(ctx, keepCall().Payload(), pipeline.WithJournal(journal(t, dying)))
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := chain.Export(t.Context(), keepCall().Payload(), pipeline.WithMiddleware(n.around("m")), pipeline.WithJournal(journal(t, ledger)))
	if got := strings.Join(n.list, ", "); err != nil || got != "m> post /second /post %2Fsecond, <m post /second: <nil>" {
		t.Errorf("%v, %s", err, got)
	}
}

// Middleware that lets two steps at a time talk to the ERP, and logs how they end.
func ExampleWithMiddleware() {
	turns := make(chan struct{}, 2)
	limit := func(ctx context.Context, x *pipeline.Export, _ pipeline.StepInfo, next pipeline.StepFunc) error {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
			return next(ctx, x)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	log := func(ctx context.Context, x *pipeline.Export, step pipeline.StepInfo, next pipeline.StepFunc) error {
		err := next(ctx, x)
		fmt.Printf("%s: %v\n", step.Name, err)
		return err
	}
	chain, err := pipeline.New(named("create invoice", nil), named("submit", errors.New("the period is closed")))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, _ := chain.Export(context.Background(), rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithMiddleware(log, limit))
	fmt.Println(answer.Messages[0].Content)
	// Output:
	// create invoice: <nil>
	// submit: the period is closed
	// Export failed: step submit: the period is closed. No call that changes anything was made.
}
