package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
)

// wrongResults break one promise each.
type wrongResults struct {
	pipeline.Results
	breach string
	shared map[string]pipeline.Result
}

func (w *wrongResults) Create(ctx context.Context, id string, r pipeline.Result) (bool, error) {
	created, err := w.Results.Create(ctx, id, r)
	return created || w.breach == "claims twice", err
}

func (w *wrongResults) Save(ctx context.Context, id string, r pipeline.Result) error {
	if w.breach == "keeps the slice" {
		w.shared[id] = r
	}
	return w.Results.Save(ctx, id, r)
}

func (w *wrongResults) Load(ctx context.Context, id string) (pipeline.Result, error) {
	if r, there := w.shared[id]; there {
		return r, nil
	}
	r, err := w.Results.Load(ctx, id)
	if err != nil && w.breach == "another error" {
		err = errors.New("gone")
	}
	return r, err
}

func (w *wrongResults) Expire(ctx context.Context, t time.Time) error {
	switch w.breach {
	case "expires all":
		t = time.Now().Add(time.Hour)
	case "expires nothing":
		return nil
	}
	return w.Results.Expire(ctx, t)
}

func TestEachBreachOfAStoreIsCaught(t *testing.T) {
	t.Parallel()
	for breach, want := range map[string]string{
		"claims twice": "the same id", "keeps the slice": "slice instead of a copy", "another error": "want ErrNoResult",
		"expires all": "took what is younger", "expires nothing": "what has expired",
	} {
		t.Run(breach, func(t *testing.T) {
			t.Parallel()
			err := pipelinetest.CheckResults(t.Context(), func() (pipeline.Results, error) {
				return &wrongResults{pipeline.MemoryResults(), breach, make(map[string]pipeline.Result)}, nil
			})
			if !errors.Is(err, pipelinetest.ErrResults) || !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func ExampleCheckResults() {
	fmt.Println(pipelinetest.CheckResults(context.Background(), func() (pipeline.Results, error) { return pipeline.MemoryResults(), nil }))
	// Output: <nil>
}
