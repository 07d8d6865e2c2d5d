package redact

import (
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Error returns an error whose text has no secret, and neither have the texts of what
// it unwraps to. errors.Is and errors.As find what they find in err: a value that
// errors.As hands out is the original, whose own text may have secrets. A list of
// errors.Join stays one. Long texts are cut as [Redactor.Said] cuts them.
func (r *Redactor) Error(err error) error {
	if err == nil || !r.tells(err) {
		return err
	}
	shown := &cleanError{text: r.Said(err.Error()), err: err}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		shown.next = r.Error(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		var all []error
		for _, e := range wrapper.Unwrap() {
			all = append(all, r.Error(e))
		}
		if shown.next = errors.Join(all...); reflect.TypeOf(err) == joinedErrors {
			return shown.next
		}
	}
	return shown
}

var joinedErrors = reflect.TypeOf(errors.Join(errors.ErrUnsupported))

// tells reports whether an error, or any that it unwraps to, has a secret in its text, or a
// text that is too long.
func (r *Redactor) tells(err error) bool {
	if err == nil {
		return false
	}
	if text := err.Error(); isLong(text) || r.String(text) != text {
		return true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return r.tells(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range wrapper.Unwrap() {
			if r.tells(e) {
				return true
			}
		}
	}
	return false
}

// cleanError shows text and next instead of err.
type cleanError struct {
	text string
	err  error
	next error // what err wraps, without secrets; may be nil
}

func (e *cleanError) Error() string { return e.text }

// Format implements [fmt.Formatter], so that no verb shows what err is.
func (e *cleanError) Format(f fmt.State, verb rune) {
	if f.Flag('#') {
		_, _ = io.WriteString(f, e.text)
		return
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.text)
}

func (e *cleanError) Unwrap() error { return e.next }

func (e *cleanError) Is(target error) bool { return errors.Is(e.err, target) }

func (e *cleanError) As(target any) bool { return errors.As(e.err, target) }
