package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestAStepGoesOnWhereItWasCutShort(t *testing.T) {
	t.Parallel()
	var done []string
	parts := []string{"one", "two", "three"}
	step := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		next := 0
		if saved := x.Progress(); saved != nil {
			if err := json.Unmarshal(saved, &next); err != nil {
				return err
			}
		}
		for ; next < len(parts); next++ {
			done = append(done, parts[next])
			if err := x.KeepProgress(ctx, func() (json.RawMessage, error) { return json.Marshal(next + 1) }); err != nil {
				return err
			}
		}
		return nil
	})
	chain, err := pipeline.New(step, step)
	if err != nil {
		t.Fatal(err)
	}
	call := rossumtest.Annotation(rossumtest.Offline())
	crash := errors.New("crash")
	var saved [][]byte
	checkpoint := pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) error {
		data, err := x.Snapshot()
		if saved = append(saved, data); len(saved) == 2 {
			return crash
		}
		return err
	})
	if _, err := chain.Export(t.Context(), call.Payload(), checkpoint); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	x, err := pipeline.Restore(call.Payload(), saved[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Resume(t.Context(), x); err != nil || strings.Join(done, " ") != "one two three one two three" {
		t.Errorf("%v %v", done, err)
	}
	// The progress of a step that has ended is not that of the next one, nor kept.
	if last, _ := x.Snapshot(); strings.Contains(string(last), "progress") {
		t.Errorf("kept %s", last)
	}
}

func TestProgressThatCannotBeMadeOrSavedIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	step := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.KeepProgress(ctx, func() (json.RawMessage, error) { return nil, broken })
	})
	chain, err := pipeline.New(step)
	if err != nil {
		t.Fatal(err)
	}
	call := rossumtest.Annotation(rossumtest.Offline())
	if _, err := chain.Export(t.Context(), call.Payload()); err != nil {
		t.Errorf("without checkpoints: %v", err)
	}
	if _, err := chain.Export(t.Context(), call.Payload(), pipeline.WithCheckpoint(func(context.Context, *pipeline.Export) error { return nil })); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
