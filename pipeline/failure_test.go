package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// saving returns an option that keeps the snapshot of every checkpoint.
func saving(into *[][]byte) pipeline.Option {
	return pipeline.WithCheckpoint(func(_ context.Context, x *pipeline.Export) error {
		data, err := x.Snapshot()
		*into = append(*into, data)
		return err
	})
}

func TestAFailedStepStaysFailedAfterRestore(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]pipeline.StepFunc{
		"an error":         func(context.Context, *pipeline.Export) error { return errors.New("the ERP is closed") },
		"an error message": func(_ context.Context, x *pipeline.Export) error { x.Error("the ERP is closed"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var posted, cleaned int
			chain := chainOf(t, fail,
				pipeline.StepFunc(func(context.Context, *pipeline.Export) error { posted++; return nil }),
				pipeline.Finally(pipeline.StepFunc(func(context.Context, *pipeline.Export) error { cleaned++; return nil })),
			)
			var saved [][]byte
			first, firstErr := chain.Export(t.Context(), invoice().Payload(), saving(&saved))
			for i, data := range saved {
				x, err := pipeline.Restore(invoice().Payload(), data)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := chain.Resume(t.Context(), x)
				if !answer.Failed() || posted != 0 || (err == nil) != (firstErr == nil) {
					t.Errorf("restored after step %d: %d posts, error %v, answer %+v", i+1, posted, err, answer)
				}
				if got, want := texts(answer.Messages), texts(first.Messages); got != want {
					t.Errorf("restored after step %d: messages %s, want %s", i+1, got, want)
				}
			}
			if want := 2; cleaned != want { // in the first run, and after the failed step
				t.Errorf("the Finally step ran %d times, want %d", cleaned, want)
			}
		})
	}
}

func TestACallThatMayBeRepeatedStaysInTheJournal(t *testing.T) {
	t.Parallel()
	calls := 0
	chain := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		end, err := x.BeginRepeatable(ctx, "POST https://erp.example/ping")
		if err != nil {
			return err
		}
		calls++
		end(false)
		return nil
	}))
	var saved [][]byte
	if _, err := chain.Export(t.Context(), invoice().Payload(), saving(&saved)); err != nil {
		t.Fatal(err)
	}
	for i, data := range saved {
		x, err := pipeline.Restore(invoice().Payload(), data)
		if err != nil {
			t.Fatal(err)
		}
		if sent := x.Sent(); len(sent) != 1 || sent[0].Ended != (i == 1) {
			t.Errorf("snapshot %d lists %+v", i+1, sent)
		}
	}
	x, err := pipeline.Restore(invoice().Payload(), saved[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Resume(t.Context(), x); err != nil || calls != 2 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

func TestAnErrorThatAStepReturnsIsNotChanged(t *testing.T) {
	t.Parallel()
	shared := &pipeline.StepError{Place: "request.url", Err: errors.New("no host")}
	other := &pipeline.StepError{Place: "auth.url", Err: errors.New("no host either")}
	step := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.Join(shared, errors.New("plain"), other) })
	a, b := chainOf(t, pipeline.Named("A", step)), chainOf(t, pipeline.Named("B", step))
	var group sync.WaitGroup
	for i, chain := range []*pipeline.Chain{a, b, a, b} {
		group.Go(func() {
			_, err := chain.Export(t.Context(), invoice().Payload())
			name := string("AB"[i%2])
			want := strings.ReplaceAll("step #, request.url: no host\nstep #: plain\nstep #, auth.url: no host either", "#", name)
			if err == nil || err.Error() != want {
				t.Errorf("chain %s: %v", name, err)
			}
			if !errors.Is(err, shared.Err) || !errors.Is(err, other.Err) {
				t.Errorf("chain %s: the causes are lost", name)
			}
		})
	}
	group.Wait()
	if shared.Step != "" || other.Step != "" {
		t.Errorf("changed to %+v and %+v", shared, other)
	}
}

func texts(messages any) string {
	data, _ := json.Marshal(messages)
	return string(data)
}
