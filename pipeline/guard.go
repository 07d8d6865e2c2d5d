package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrPanic means that a step panicked, or a function that the program has given: a
// defect of it.
var ErrPanic = errors.New("the step panicked")

// guarded calls a function; a panic, whose stack goes to the log, is an ErrPanic.
func (x *Export) guarded(ctx context.Context, what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = x.panicked(ctx, what, v)
		}
	}()
	return f()
}

// panicked makes the error of a panic. The stack belongs in the log, where an operator
// sees it.
func (x *Export) panicked(ctx context.Context, what string, v any) error {
	x.Log.ErrorContext(ctx, what, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %v", ErrPanic, v)
}
