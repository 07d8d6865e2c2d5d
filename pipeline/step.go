package pipeline

import (
	"context"
	"errors"
	"fmt"
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
// validates documents must correct becomes a message on the annotation
// ([Export.Error]), and Run returns nil. What an operator must correct is returned
// as an error. Either stops the chain; only [Finally] steps still run.
//
// Run must end soon after ctx does, and return ctx's error then. A step that
// sends something which must not be sent twice does so by [Export.Once]. When a run goes
// on after a crash, a step that had not ended runs again from its beginning, and gets the
// answers that are known from the ledger; so it must do the same again, with the time
// from [Export.Now] and random texts from [Export.NewID].
//
// Package pipelinetest has a conformance suite for steps.
type Step interface {
	Run(ctx context.Context, x *Export) error
}

// StepFunc makes a function a [Step].
type StepFunc func(ctx context.Context, x *Export) error

// Run calls f.
func (f StepFunc) Run(ctx context.Context, x *Export) error { return f(ctx, x) }

// Program is what runs in a chain: a step, or what a [Compiler] makes of its settings.
// It serves any number of exports at the same time and does not change. If it is a
// [Closer], the chain that it was made for closes it.
type Program interface {
	Run(ctx context.Context, x *Export) error
}

// The abilities below are optional; a chain finds them by type assertion, see
// [Ability]. In the life of a step they come in this order: Compile, or else Validate,
// when a chain is built, Run for every export, Close when the chain is closed.

// Compiler is a step that is no more than settings. [New] compiles it into a program
// that belongs to the chain, and never writes to the step: the same step may be built
// into several chains, also while one of them runs. Templates, connections, caches of
// tokens and the like belong to the program. All faults are reported together, joined
// with errors.Join; what is returned beside an error is not used.
type Compiler interface {
	Step
	Compile() (Program, error)
}

// Wrapper is a step that does something around another one. All abilities are those of
// the step within, which is compiled as if it stood alone; see [Ability].
type Wrapper interface {
	Step
	Unwrap() Step
	// Wrap returns what runs in place of the inner step's program. The error says what
	// is wrong with the wrapper's own settings.
	Wrap(Program) (Program, error)
}

// Validator is a step that checks its settings. [New] calls Validate of a step that is
// not a [Compiler], maybe several times and while the step runs in another chain, so
// that it must not change the step. All faults are reported together, joined with
// errors.Join.
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
	// Makes returns the reference keys.
	Makes() []string
}

// Closer is a step that holds connections or goroutines; see [Chain.Close].
type Closer interface{ Close() error }

// NameOf returns the name of a step, never "".
func NameOf(s Step) string {
	if p, ok := s.(part); ok && p.name != "" {
		return p.name
	}
	if n, ok := s.(Namer); ok && n.Name() != "" {
		return n.Name()
	}
	if _, ok := s.(StepFunc); ok {
		return "step"
	}
	if w, ok := s.(interface{ Unwrap() Step }); ok {
		return NameOf(w.Unwrap())
	}
	name := strings.TrimLeft(reflect.TypeOf(s).String(), "*")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// part is a step with what its author says about it.
type part struct {
	Step
	name, key string
	final     bool
}

func partOf(s Step) part {
	if p, ok := s.(part); ok {
		return p
	}
	return part{Step: s}
}

// Unwrap returns the step itself; see [Ability].
func (p part) Unwrap() Step { return p.Step }

// Named gives a step the name under which reports and errors show it: the name
// of its hook, or what tells two REST calls of one chain apart. Without [Keyed] it is
// the step's key, too.
func Named(name string, s Step) Step {
	p := partOf(s)
	p.name = name
	return p
}

// Keyed gives a step the key by which a run knows it again that goes on after a
// crash, maybe in a chain with a step more or less: the id of its hook, for example.
// Within a chain no two steps may have the same key. Without it the key is the step's
// name, and where several steps have one name, the second is name#2.
func Keyed(key string, s Step) Step {
	p := partOf(s)
	p.key = key
	return p
}

// Finally makes a step run even after the chain has stopped: an evaluator that
// must see a failed call, or a notification. It runs in its place in the chain.
// When the export's context has ended, it gets a few seconds of its own; they are a part
// of the export's time-out, of which a sixth, five seconds at most, is kept for it.
func Finally(s Step) Step {
	p := partOf(s)
	p.final = true
	return p
}

// Ability returns the step as a T, which is one of the optional interfaces of steps,
// whatever it is wrapped in by [Named], [Keyed], [Finally] or the like: each of them
// has a method Unwrap() Step.
func Ability[T any](s Step) (T, bool) {
	for {
		if t, ok := s.(T); ok {
			if _, wrapped := s.(part); !wrapped {
				return t, true
			}
		}
		wrapped, ok := s.(interface{ Unwrap() Step })
		if !ok {
			var none T
			return none, false
		}
		s = wrapped.Unwrap()
	}
}

// parts calls f for what is said about a step, from the outside in, until it returns false.
func parts(s Step, f func(part) bool) {
	for {
		if p, ok := s.(part); ok && !f(p) {
			return
		}
		wrapped, ok := s.(interface{ Unwrap() Step })
		if !ok {
			return
		}
		s = wrapped.Unwrap()
	}
}

func isFinal(s Step) (final bool) {
	parts(s, func(p part) bool { final = p.final; return !final })
	return final
}

func keyOf(s Step) (key string) {
	parts(s, func(p part) bool { key = p.key; return key == "" })
	return key
}

func listensTo(s Step, event, action string) bool {
	if l, ok := Ability[Listener](s); ok {
		return l.ListensTo(event, action)
	}
	// A payload that a test makes by hand may name no event.
	return event == "" || event == rossum.EventAnnotationContent && action == rossum.ActionExport
}

// StepError says in which step an export failed, and where.
type StepError struct {
	Step string // name of the step
	// Position is its place in its chain, from 1, if other steps of the chain have the
	// same name; else 0.
	Position int
	Key      string // reference key or schema_id that it worked on, "" if none
	Place    string // place in the settings, such as request.url, "" if none
	Err      error
}

func (e *StepError) Error() string {
	var where []string
	switch {
	case e.Step != "" && e.Position > 0:
		where = append(where, fmt.Sprintf("step %d, %s", e.Position, e.Step))
	case e.Step != "":
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

// InStep names a step in an error, and in each error of a joined one, unless it does so
// already; nil stays nil. The error itself is not changed.
func InStep(step string, err error) error { return wrap(step, err) }

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
