// Package treelimit carries how much memory the tree of a reply may cost from the program
// that sets it to whatever reads a reply: JSON, XML and SOAP of every component. It travels
// in the context, since replies are read far below the export that has the option.
package treelimit

import (
	"context"
	"fmt"
)

// Default is the limit in bytes where the program sets none: more than most replies of 60 MB
// cost, where nobody asks for all of their values at once.
const Default = 256 << 20

type key struct{}

// With returns a context with a limit in bytes. A limit that is not positive leaves it as
// it is.
func With(ctx context.Context, bytes int64) context.Context {
	if bytes <= 0 {
		return ctx
	}
	return context.WithValue(ctx, key{}, bytes)
}

// Of returns the limit in bytes.
func Of(ctx context.Context) int64 {
	if bytes, ok := ctx.Value(key{}).(int64); ok {
		return bytes
	}
	return Default
}

// Error says that a tree would cost more than the limit.
type Error struct{ Limit int64 }

func (e *Error) Error() string {
	size := fmt.Sprintf("%d MB", e.Limit>>20)
	if e.Limit < 1<<20 {
		size = fmt.Sprintf("%d bytes", e.Limit)
	}
	return "it is too large to be read: its parts would take more than " + size + " of memory; ask the API for less, or let the program set pipeline.WithTreeLimit"
}

// Check returns an *Error if a tree that costs so many bytes is beyond the limit.
func Check(ctx context.Context, bytes int64) error {
	if limit := Of(ctx); bytes > limit {
		return &Error{limit}
	}
	return nil
}
