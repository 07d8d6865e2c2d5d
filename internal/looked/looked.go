// Package looked has a context that ends when it has been looked at so many times, for tests
// of what ends with its context, which would otherwise depend on how fast a machine is.
package looked

import (
	"context"
	"sync/atomic"
)

// Context ends when it has been looked at so many times. It is safe for concurrent use.
type Context struct {
	context.Context
	last  int64
	looks atomic.Int64
}

// EndsAt returns a context that has ended from the look with that number on, counted from 1.
func EndsAt(ctx context.Context, look int) *Context {
	return &Context{Context: ctx, last: int64(look)}
}

// Err implements [context.Context], and counts as a look.
func (c *Context) Err() error {
	if c.looks.Add(1) >= c.last {
		return context.Canceled
	}
	return c.Context.Err()
}

// Looks returns how often the context was looked at.
func (c *Context) Looks() int { return int(c.looks.Load()) }
