package transfer

import (
	"context"
	"time"
)

// Tries is how often something that may be repeated is tried.
const Tries = 5

// CleanTimeout bounds the removal of what was not finished.
const CleanTimeout = 10 * time.Second

// settleTimeout is how long an operation goes on that must not be left half done.
const settleTimeout = 2 * time.Second

// Pause waits before the next try: 100 ms, then four times as long each time.
func Pause(ctx context.Context, n int) error {
	wait := time.NewTimer(25 * time.Millisecond << (2 * n))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Settling is a context for an operation whose outcome must become known: it
// goes on a little longer than the export's.
func Settling(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(settleTimeout, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(context.Canceled) }
}
