package pipeline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestAFinalResultIsNeverReplaced(t *testing.T) {
	t.Parallel()
	folder, err := pipeline.FolderResults(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]pipeline.Results{"memory": pipeline.MemoryResults(), "folder": folder} {
		final := pipeline.Result{Response: &rossum.Response{Messages: []rossum.Message{{Type: rossum.InfoMessage, Content: "ERP-1001"}}}, Seen: time.Now()}
		if _, err := store.Create(t.Context(), "run", pipeline.Result{Seen: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if err := store.Save(t.Context(), "run", final); err != nil {
			t.Fatal(err)
		}
		if err := store.Save(t.Context(), "run", pipeline.Result{Seen: time.Now()}); err == nil {
			t.Errorf("%s: a late heartbeat is accepted", name)
		}
		if r, err := store.Load(t.Context(), "run"); err != nil || r.Response == nil {
			t.Errorf("%s: the result is lost: %+v, %v", name, r, err)
		}
	}
}

func TestAClockThatIsAheadCutsNoRunShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := pipeline.MemoryResults()
		chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { time.Sleep(5 * time.Minute); return nil }))
		options := pipeline.AsyncOptions{Results: agedResults{store, 31 * time.Second}, Key: asyncKey, After: -1}
		running := newAsync(t, options)
		_, location, _ := ask(handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(running)), hookCall(invoice().Bytes()))
		other := handlerOf(chain, pipeline.WithSecret(secret), pipeline.WithAsync(newAsync(t, options)))
		for range 9 {
			if status, answer := poll(other, location); status != 202 {
				t.Fatalf("status %d, %+v", status, answer)
			}
			time.Sleep(30 * time.Second)
		}
		if err := running.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, answer := poll(other, location); status != 201 || answer.Failed() {
			t.Errorf("status %d, %+v", status, answer)
		}
	})
}

// agedResults shows when a run was last seen as a reader whose clock is ahead sees it.
type agedResults struct {
	pipeline.Results
	ahead time.Duration
}

func (a agedResults) Load(ctx context.Context, id string) (pipeline.Result, error) {
	r, err := a.Results.Load(ctx, id)
	r.Seen = r.Seen.Add(-a.ahead)
	return r, err
}
