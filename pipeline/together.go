package pipeline

import (
	"context"
	"errors"
	"sync"
)

// mostTogether is how many files of an export are saved or removed side by side.
const mostTogether = 5

// together calls f for 0 to n-1, some at a time, and joins the errors in that order. A
// panic is an error.
func (x *Export) together(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	if n == 1 {
		return f(ctx, 0)
	}
	faults := make([]error, n)
	free := make(chan struct{}, mostTogether)
	var wait sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			faults[i] = x.guarded(ctx, "keeping files panicked", func() error { return f(ctx, i) })
		})
	}
	wait.Wait()
	return errors.Join(faults...)
}
