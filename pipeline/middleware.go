package pipeline

import (
	"context"
	"slices"
)

// Middleware does something around every step of a run: it logs, measures, holds a step
// back until an ERP has room for it, or refuses it. It runs the step by next, once at
// most; what it returns is what the step returns. If it does not call next, the step
// counts as done, or as failed with the error. The context that it gives to next is that
// of the step.
//
// It may read and change x as a step may, and is a part of the step: in the report, in the
// step's time, for a panic, and when the run goes on after a crash, where it comes again
// if the step does. It must be safe for concurrent use: branches of [Parallel] run side by
// side.
type Middleware func(ctx context.Context, x *Export, step StepInfo, next StepFunc) error

// StepInfo is what a chain knows of a step.
type StepInfo struct {
	Name string // as reports show it
	Path string // of keys from the outermost chain on, such as /parallel/post; unique
	// Step is the step as its author has given it; see [Ability].
	Step Step
}

// WithMiddleware puts middleware around every step that runs, also around those of chains
// and branches within the chain, which themselves have none. The first one is the
// outermost; nil is passed over. Several WithMiddleware add up.
func WithMiddleware(m ...Middleware) Option {
	given := slices.DeleteFunc(slices.Clone(m), func(one Middleware) bool { return one == nil })
	return func(c *config) { c.middleware = append(slices.Clip(c.middleware), given...) }
}

// runWithin runs the program of a step within the run's middleware.
func (s *scope) runWithin(ctx context.Context, step *link, path string) error {
	all := s.x.run.config.middleware
	if len(all) == 0 || step.isRow() {
		return step.program.Run(ctx, s.x)
	}
	run := StepFunc(step.program.Run)
	info := StepInfo{Name: step.name, Path: path, Step: step.step}
	for i := len(all) - 1; i >= 0; i-- {
		next := run
		run = func(ctx context.Context, x *Export) error { return all[i](ctx, x, info, next) }
	}
	return run(ctx, s.x)
}
