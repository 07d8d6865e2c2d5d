// Package outage keeps the words of a store that is out of order, such as those of a database
// that name its host and user, out of what callers and readers of reports see. The log gets them.
package outage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
)

// failure is an error of a store whose words are for the log.
type failure struct{ cause error }

// Of returns an error that wraps err and says no more of it than what kind of fault it is;
// nil for nil. What wraps it may be shown to anybody.
func Of(err error) error {
	if err == nil {
		return nil
	}
	return &failure{err}
}

func (f *failure) Error() string {
	if system, ok := errors.AsType[syscall.Errno](f.cause); ok {
		return system.Error()
	}
	if errors.Is(f.cause, context.DeadlineExceeded) {
		return "it takes too long; see the log of the export service"
	}
	return "see the log of the export service"
}

func (f *failure) Unwrap() error { return f.cause }

// Text is what an operator reads of an error: its text, and the words that Of has kept out of it.
func Text(err error) string {
	text := err.Error()
	if causes := causes(err); len(causes) > 0 {
		text += " (" + strings.Join(causes, "; ") + ")"
	}
	return text
}

// causes are the words that Of has kept out of an error, each once.
func causes(err error) (all []string) {
	var found *failure
	switch e := err.(type) { //nolint:errorlint // this walks through what an error wraps
	case *failure:
		found = e
	case interface{ Unwrap() error }:
		return causes(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			for _, text := range causes(one) {
				if !slices.Contains(all, text) {
					all = append(all, text)
				}
			}
		}
		return all
	}
	if found == nil {
		return nil
	}
	return []string{found.cause.Error()}
}

// Handler returns a [slog.Handler] that writes the words which [Of] has kept out of errors.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ next slog.Handler }

func (h handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	changed := false
	attributes := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		whole, isChanged := attribute(a)
		attributes, changed = append(attributes, whole), changed || isChanged
		return true
	})
	if changed {
		r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		r.AddAttrs(attributes...)
	}
	return h.next.Handle(ctx, r)
}

func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	attributes = slices.Clone(attributes)
	for i, a := range attributes {
		attributes[i], _ = attribute(a)
	}
	return handler{h.next.WithAttrs(attributes)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(name)} }

// attribute has the words of an error in it, if it is one that hides some.
func attribute(a slog.Attr) (whole slog.Attr, changed bool) {
	switch a.Value.Kind() {
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok && len(causes(err)) > 0 {
			return slog.String(a.Key, Text(err)), true
		}
	case slog.KindGroup:
		members := slices.Clone(a.Value.Group())
		for i, m := range members {
			whole, isChanged := attribute(m)
			members[i], changed = whole, changed || isChanged
		}
		if changed {
			return slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)}, true
		}
	}
	return a, false
}

// Format implements [fmt.Formatter]: no verb shows the cause.
func (f *failure) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.Error()) }
