package pipeline_test

import (
	"context"
	"errors"
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
		turns := pipeline.InTurn(pipeline.NewLimiter(pipeline.OneAtATime), func(x *pipeline.Export) string {
			supplier, err := x.Field("supplier")
			if err != nil {
				t.Error(err)
				return ""
			}
			return supplier.Value()
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
	turns := pipeline.InTurn(pipeline.NewLimiter(pipeline.OneAtATime), func(*pipeline.Export) string { panic("x") })
	if _, err := chain.Export(t.Context(), keepCall().Payload(), turns); !errors.Is(err, pipeline.ErrPanic) {
		t.Errorf("got %v", err)
	}
}
