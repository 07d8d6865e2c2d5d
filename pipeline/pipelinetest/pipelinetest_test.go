package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func call() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Field("status", ""), rossumtest.Offline())
}

func TestGoodStepsPass(t *testing.T) {
	pipelinetest.TestStep(t, &steps.CustomFormat{Exports: []steps.Format{{Key: "k", Template: "{{ field.document_id }}{{ payload }}"}}}, pipelinetest.Case{Name: "template", Call: call()})
	pipelinetest.TestStep(t, &steps.Purge{ResetSchemaIDs: []string{"document_id"}}, pipelinetest.Case{Name: "cleaning", Call: call()})
	pipelinetest.TestStep(t, &steps.Evaluate{Check: steps.Check{Condition: "field.status == ''"}}, pipelinetest.Case{Name: "evaluator", Call: call(), Fails: true})
}

// leaky is released when the test ends.
var release = make(chan struct{})

func TestEachBreachIsCaught(t *testing.T) {
	var runs atomic.Int64
	defer close(release)
	for name, tt := range map[string]struct {
		step pipeline.StepFunc
		want error
	}{
		"fails":  {func(context.Context, *pipeline.Export) error { return errors.New("no") }, pipelinetest.ErrOutcome},
		"panics": {func(context.Context, *pipeline.Export) error { panic("oh") }, pipelinetest.ErrPanicked},
		"goes on": {func(ctx context.Context, _ *pipeline.Export) error {
			if ctx.Err() != nil {
				time.Sleep(6 * time.Second)
			}
			return nil
		}, pipelinetest.ErrCancel},
		"counts": {func(_ context.Context, x *pipeline.Export) error { return x.Set("status", fmt.Sprint(runs.Add(1))) }, pipelinetest.ErrConcurrent},
		"writes a secret": {func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: "k", Data: []byte(x.Secrets["pipelinetest_canary"])})
		}, pipelinetest.ErrSecret},
		"leaks": {func(context.Context, *pipeline.Export) error { go func() { <-release }(); return nil }, pipelinetest.ErrLeak},
	} {
		t.Run(name, func(t *testing.T) {
			err := pipelinetest.CheckStep(t.Context(), tt.step, pipelinetest.Case{Call: call()})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func ExampleCheckStep() {
	step := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("status", "done") })
	fmt.Println(pipelinetest.CheckStep(context.Background(), step, pipelinetest.Case{Name: "an invoice", Call: call()}))
	// Output: <nil>
}

func TestRunShowsWhatAStepLeft(t *testing.T) {
	t.Parallel()
	r := pipelinetest.Run(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		x.Log.Info("noted")
		if err := x.Files.Put(ctx, pipeline.File{Key: "k", Data: []byte("d")}); err != nil {
			return err
		}
		return x.Set("status", "done")
	}), call())
	if r.Err != nil || string(r.Files["k"]) != "d" || r.Values["status"] != "done" || r.Log == "" || len(r.Report.Steps) != 2 {
		t.Errorf("%+v", r)
	}
}
