package pyvalue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Error is an exception as Python would raise it.
type Error struct {
	Type string // class, such as TypeError
	Msg  string
}

func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Type
	}
	return e.Type + ": " + e.Msg
}

// maxShown is how many bytes of a message leave the program that has raised it. People are
// shown less; the message may be as long as a document.
const maxShown = 96 << 10

// Shown returns an error of a program that has ended, with the beginning of its message if
// that is long. Other errors are returned as they are.
func Shown(err error) error {
	e, ok := err.(*Error)
	if !ok || len(e.Msg) <= maxShown {
		return err
	}
	start := strings.ToValidUTF8(e.Msg[:maxShown], "")
	return &Error{e.Type, fmt.Sprintf("%s… (%d bytes in all)", start, len(e.Msg))}
}

// Raise makes an [*Error].
func Raise(class, format string, args ...any) error {
	return &Error{class, fmt.Sprintf(format, args...)}
}

func typeError(format string, args ...any) error  { return Raise("TypeError", format, args...) }
func valueError(format string, args ...any) error { return Raise("ValueError", format, args...) }

// undefinedError is what using an Undefined raises.
func undefinedError(v Value) error { return &Error{"UndefinedError", v.Hint()} }

// ErrLimit means that a budget is used up.
var ErrLimit = errors.New("limit reached")

// Limits are the budgets of a run; 0 means no limit.
type Limits struct {
	Steps      int64 // operations
	ValueBytes int64 // size of a single value
	TotalBytes int64 // of all values made, whether they are still there or not
}

// Meter counts what a run uses. It belongs to one goroutine; nil counts nothing.
type Meter struct {
	ctx    context.Context
	limits Limits
	steps  int64
	look   int64 // from how many steps on the limit and the context are looked at
	total  int64
	prints int // objects that are being printed, each of which another one holds
}

// NewMeter makes a meter for a run that also ends with ctx.
func NewMeter(ctx context.Context, limits Limits) *Meter { return &Meter{ctx: ctx, limits: limits} }

// Context is what the run ends with.
func (m *Meter) Context() context.Context {
	if m == nil || m.ctx == nil {
		return context.Background()
	}
	return m.ctx
}

// Used returns the steps that were counted, and the bytes of all values.
func (m *Meter) Used() (steps, bytes int64) { return m.steps, m.total }

// checkEvery is the number of steps between two looks at the context.
const checkEvery = 4096

// Step counts n operations.
func (m *Meter) Step(n int64) error {
	if m == nil {
		return nil
	}
	if m.steps += n; m.steps > m.look {
		return m.check()
	}
	return nil
}

func (m *Meter) check() error {
	m.look = m.steps + checkEvery
	if limit := m.limits.Steps; limit > 0 {
		if m.steps > limit {
			m.look = limit
			return fmt.Errorf("%w: more than %d steps", ErrLimit, limit)
		}
		m.look = min(m.look, limit)
	}
	if m.ctx.Err() != nil {
		m.look = m.steps // it is over for the next step, too
		return context.Cause(m.ctx)
	}
	return nil
}

// Look returns the error of the context if that has ended. It is called between two pieces of
// a large value, of so many bytes, whose steps have been counted before: it is a
// [longtext.Look].
func (m *Meter) Look(int) error {
	if m == nil || m.ctx.Err() == nil {
		return nil
	}
	return context.Cause(m.ctx)
}

// Grow counts the bytes of a value that is about to be made. Call it first.
func (m *Meter) Grow(n int64) error { return m.GrowTimes(1, n) }

// GrowTimes counts so many values of n bytes, as [Meter.Grow] does for each of them.
func (m *Meter) GrowTimes(times int, n int64) error {
	if m == nil {
		return nil
	}
	if err := m.Fits(n); err != nil {
		return err
	}
	if n > 0 && int64(times) > (math.MaxInt64-m.total)/n {
		times, n = 1, math.MaxInt64-m.total // it is more than can be counted
	}
	m.total += int64(times) * n
	if m.limits.TotalBytes > 0 && m.total > m.limits.TotalBytes {
		return fmt.Errorf("%w: values of more than %d bytes were made", ErrLimit, m.limits.TotalBytes)
	}
	return m.Step(int64(times) * (1 + n/64))
}

// Words counts work on a number of so many bits, which grows with their square, before
// it is done.
func (m *Meter) Words(bits int64) error {
	if err := m.Grow(bits / 8); err != nil {
		return err
	}
	return m.Step(1 + (bits/64)*(bits/64)/8)
}

// Fits reports an error if a value of so many bytes would be too large. It counts
// nothing: it is for values that are made in parts, which are counted.
func (m *Meter) Fits(n int64) error {
	if m != nil && m.limits.ValueBytes > 0 && (n > m.limits.ValueBytes || n < 0) {
		return fmt.Errorf("%w: a value of %d bytes, at most %d are allowed", ErrLimit, n, m.limits.ValueBytes)
	}
	return nil
}

// GrowParts counts a value of so many parts of size bytes, as [Meter.Grow] does. The number
// may be whatever a program has given: their product does not overflow.
func (m *Meter) GrowParts(size, count int64) error {
	if size > 0 && count > math.MaxInt64/size {
		return m.Grow(math.MaxInt64)
	}
	return m.Grow(size * count)
}

// valueSize is what an element of a list is counted as.
const valueSize = 24
