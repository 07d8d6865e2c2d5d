package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestExportsOfOneKeyTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		chain := chainOf(t, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			time.Sleep(time.Second)
			n, err := x.Field("n")
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, n.Value())
			return nil
		}))
		turns := pipeline.InTurn(pipeline.NewLimiter(pipeline.OneAtATime), func(x *pipeline.Export) pipeline.Turn {
			supplier, err := x.Field("supplier")
			if err != nil {
				t.Error(err)
				return pipeline.Turn{}
			}
			return pipeline.Turn{Key: supplier.Value()}
		})
		call := func(supplier, n string, options ...pipeline.Option) error {
			p := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("supplier", supplier), rossumtest.Field("n", n)).Payload()
			_, err := chain.Export(t.Context(), p, append(options, turns)...)
			return err
		}
		started := time.Now()
		var all sync.WaitGroup
		for _, c := range []struct{ supplier, n string }{{"A", "1"}, {"A", "2"}, {"A", "3"}, {"B", "b"}, {"", "x"}, {"", "y"}} {
			all.Go(func() {
				if err := call(c.supplier, c.n); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if err := call("A", "late", pipeline.WithTimeout(time.Second)); !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), `waiting for the end of the other exports for "A"`) {
			t.Errorf("one whose turn does not come: %v", err)
		}
		all.Wait()
		if took := time.Since(started); took != 3*time.Second || len(order) != 6 || strings.Join(order[len(order)-2:], "") != "23" {
			t.Errorf("%v in %v", order, took)
		}
	})
}

func TestAPanicInAskingForTheTurnEndsTheExport(t *testing.T) {
	t.Parallel()
	chain := chainOf(t, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { t.Error("it ran"); return nil }))
	turns := pipeline.InTurn(pipeline.NewLimiter(pipeline.OneAtATime), func(*pipeline.Export) pipeline.Turn { panic("x") })
	if _, err := chain.Export(t.Context(), keepCall().Payload(), turns); !errors.Is(err, pipeline.ErrPanic) {
		t.Errorf("got %v", err)
	}
}

func TestExportsThatWaitRunInTheOrderOfTheirAnnotations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ran []int64
		chain := chainOf(t, pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, x.Payload.Annotation.ID)
			return nil
		}))
		turns := pipeline.InTurn(pipeline.NewLimiter(pipeline.OneAtATime), func(x *pipeline.Export) pipeline.Turn {
			return pipeline.Turn{Key: "queue", Order: x.Payload.Annotation.ID}
		})
		var all sync.WaitGroup
		for _, id := range []int64{5, 9, 7, 9, 6} { // the first finds nobody before it
			all.Go(func() {
				if _, err := chain.Export(
					t.Context(), rossumtest.Annotation(rossumtest.Offline(), rossumtest.Set("id", id)).Payload(), turns,
				); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if want := []int64{5, 6, 7, 9, 9}; !slices.Equal(ran, want) {
			t.Errorf("ran %v, want %v", ran, want)
		}
	})
}
