package pipeline

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Step is one component of an export pipeline.
//
// Run does the step's work on one export. It may read and change everything in
// x, and x is its own until it returns; it must not keep x afterwards. A step is
// built once and runs for many exports at the same time, so it must not change
// itself: what belongs to a run lives in x.
//
// There are two ways to say that something went wrong. What the person who
// validates documents must mend becomes a message on the annotation
// ([Export.Error]), and Run returns nil. What an operator must mend is returned
// as an error. Either stops the chain; only [Finally] steps still run.
//
// Run must end soon after ctx does, and return ctx's error then. A step that
// sends something which must not be sent twice announces it with
// [Export.Begin].
//
// Package pipelinetest has a conformance suite for steps.
type Step interface {
	Run(ctx context.Context, x *Export) error
}

// StepFunc makes a function a [Step].
type StepFunc func(ctx context.Context, x *Export) error

// Run calls f.
func (f StepFunc) Run(ctx context.Context, x *Export) error { return f(ctx, x) }

// The abilities below are optional; a chain finds them by type assertion. In
// the life of a step they come in this order: Validate once when the chain is
// built, Run for every export, Close once when the chain is closed.

// Validator is a step that checks its settings and compiles what can be
// compiled. It is called once, before the first Run, by [New]. It must be
// repeatable. All faults are reported together, joined with errors.Join.
type Validator interface{ Validate() error }

// Namer is a step that knows what it is called in reports, errors and traces.
// Without it the name comes from the step's Go type.
type Namer interface{ Name() string }

// Listener is a step for other events than annotation_content.export, the only
// one that a step runs on otherwise: cleaning up runs when an annotation is
// deleted, too.
type Listener interface {
	// ListensTo reports whether the step runs on the event and action.
	ListensTo(event, action string) bool
}

// Maker is a step that makes files under reference keys of its own, such as
// artefacts of templates. Package organisation refuses a chain in which two steps make
// the same one, since a later hook could not say which it gets.
type Maker interface {
	// Makes returns the reference keys. It is called after Validate.
	Makes() []string
}

// Closer is a step that holds connections or goroutines; see [Chain.Close].
type Closer interface{ Close() error }

// NameOf returns the name of a step, never "".
func NameOf(s Step) string {
	if n, ok := s.(Namer); ok && n.Name() != "" {
		return n.Name()
	}
	if _, ok := s.(StepFunc); ok {
		return "step"
	}
	name := strings.TrimLeft(reflect.TypeOf(s).String(), "*")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// named is a step under another name.
type named struct {
	Step
	name string
}

// Named gives a step the name under which reports and errors show it: the name
// of its hook, or what tells two REST calls of one chain apart.
func Named(name string, s Step) Step { return named{s, name} }

func (n named) Name() string  { return n.name }
func (n named) Unwrap() Step  { return n.Step }
func (n named) isFinal() bool { return isFinal(n.Step) }

// ListensTo passes the question on.
func (n named) ListensTo(event, action string) bool { return listensTo(n.Step, event, action) }

func (n named) Validate() error { return validate(n.Step) }
func (n named) Close() error    { return closeStep(n.Step) }

func validate(s Step) error {
	if v, ok := s.(Validator); ok {
		return v.Validate()
	}
	return nil
}

func closeStep(s Step) error {
	if c, ok := s.(Closer); ok {
		return c.Close()
	}
	return nil
}

// final is a step that runs whatever happened before it.
type final struct{ Step }

// Finally makes a step run even after the chain has stopped: an evaluator that
// must see a failed call, or a notification. It runs in its place in the chain.
// When the export's context has ended, it gets a few seconds of its own.
func Finally(s Step) Step { return final{s} }

func (f final) Name() string    { return NameOf(f.Step) }
func (f final) Unwrap() Step    { return f.Step }
func (f final) Validate() error { return validate(f.Step) }
func (f final) Close() error    { return closeStep(f.Step) }

// ListensTo passes the question on.
func (f final) ListensTo(event, action string) bool { return listensTo(f.Step, event, action) }

func listensTo(s Step, event, action string) bool {
	if l, ok := s.(Listener); ok {
		return l.ListensTo(event, action)
	}
	// A payload that a test makes by hand may name no event.
	return event == "" || event == rossum.EventAnnotationContent && action == rossum.ActionExport
}

func isFinal(s Step) bool {
	switch s := s.(type) {
	case final:
		return true
	case interface{ isFinal() bool }:
		return s.isFinal()
	case hookStep:
		return isFinal(s.Step)
	}
	return false
}

// StepError says in which step an export failed, and where.
type StepError struct {
	Step  string // name of the step
	Key   string // reference key or schema_id that it worked on, "" if none
	Place string // place in the settings, such as request.url, "" if none
	Err   error
}

func (e *StepError) Error() string {
	var where []string
	if e.Step != "" {
		where = append(where, "step "+e.Step)
	}
	if e.Place != "" {
		where = append(where, e.Place)
	}
	text := strings.Join(where, ", ")
	if e.Key != "" {
		text = strings.TrimPrefix(text+" ("+e.Key+")", " ")
	}
	if text == "" {
		return e.Err.Error()
	}
	return text + ": " + e.Err.Error()
}

func (e *StepError) Unwrap() error { return e.Err }

// wrap names the step in an error, and in each error of a joined one, unless it does
// so already. The error itself is not changed: a step may share it between runs.
func wrap(step string, err error) error {
	if err == nil {
		return nil
	}
	if all := wrapAll(step, err); len(all) != 1 {
		return errors.Join(all...)
	} else {
		return all[0]
	}
}

// joinedErrors is the type of what errors.Join returns: other errors with several
// causes have a text of their own.
var joinedErrors = reflect.TypeOf(errors.Join(errors.ErrUnsupported))

// wrapAll names the step in each error of a joined list.
func wrapAll(step string, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && reflect.TypeOf(err) == joinedErrors {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, wrapAll(step, e)...)
		}
		return all
	}
	if named, ok := err.(*StepError); ok && named.Step == "" {
		changed := *named
		changed.Step = step
		return []error{&changed}
	}
	var named *StepError
	if errors.As(err, &named) && named.Step != "" {
		return []error{err}
	}
	return []error{&StepError{Step: step, Err: err}}
}
