package organisation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Errors of [FromHooks]; match them with errors.Is.
var (
	ErrUnknownExtension   = errors.New("unknown extension")
	ErrNoFunction         = errors.New("function hook without a step")
	ErrCycle              = errors.New("hooks run after each other in a circle")
	ErrMissingPredecessor = errors.New("predecessor is missing")
	ErrNoHooks            = errors.New("no hook for this export")
	// ErrInactivePredecessor means that a hook waits for one that is switched off;
	// only Options.RequireActive makes that a fault.
	ErrInactivePredecessor = errors.New("predecessor is not active")
	// ErrSameKey means that two hooks make a file under the same reference key.
	ErrSameKey = errors.New("two hooks make the same file")
	// ErrSameID means that two hooks have one id.
	ErrSameID = errors.New("two hooks have the same id")
	// ErrLeaveOut means that a hook which is to be left out does not exist.
	ErrLeaveOut = errors.New("there is no such hook to leave out")
	// ErrRegistration is wrapped by the faults of a [Registry].
	ErrRegistration = errors.New("unusable registration of an extension")
)

// Fault is one thing that is wrong with one hook. [FromHooks] joins them.
type Fault struct {
	Hook   *rossum.Hook
	File   string // that the fault is in, "" if the hook came from no file
	Line   int    // in File, or in the hook object where there is no file; 0 if it is not known
	Column int    // in bytes, from 1
	Place  string // in the hook object, such as settings.request.url; "" for the whole
	Err    error
}

func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hook %s", f.Hook)
	switch {
	case f.File != "" && f.Line > 0:
		fmt.Fprintf(&b, ", %s:%d:%d", f.File, f.Line, f.Column)
	case f.File != "":
		b.WriteString(", " + f.File)
	}
	if f.Place != "" {
		b.WriteString(": " + f.Place)
	}
	return b.String() + ": " + f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// place is an error at a place of the hook object.
type place struct {
	at  string
	err error
}

func (p *place) Error() string { return p.at + ": " + p.err.Error() }
func (p *place) Unwrap() error { return p.err }

// newFault says where in a hook object something is wrong, without the credentials that the
// hook's address and settings have.
func newFault(h *rossum.Hook, at string, err error) *Fault {
	address, _ := json.Marshal(h.Config.URL) // of a text
	hide := redact.New(append(redact.Literals(h.Settings), redact.Literals(address)...)...)
	f := &Fault{Hook: h, File: h.File, Place: at, Err: hide.Error(err)}
	if at == "config.code" && h.CodeFile != "" {
		f.File = h.CodeFile // whose lines the error counts
		return f
	}
	f.Line, f.Column = h.Position(at)
	return f
}

// faultsOf makes faults of what a step says about a hook's settings.
func faultsOf(h *rossum.Hook, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && reflect.TypeOf(err) == joinedErrors {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, faultsOf(h, e)...)
		}
		return all
	}
	at, cause := "settings", err
	switch e := err.(type) {
	case *place:
		return []error{newFault(h, e.at, e.err)}
	case *rossum.HookFault:
		return []error{newFault(h, e.Place, e)}
	case *Fault:
		return []error{e}
	case *pipeline.StepError:
		if nested := faultsOf(h, e.Err); e.Place == "" && e.Key == "" && len(nested) > 0 {
			return nested
		}
		at, cause = settings.Join(at, e.Place), e.Err
		if strings.HasPrefix(e.Place, "config.") {
			at = e.Place
		}
		if e.Key != "" {
			cause = fmt.Errorf("(%s): %w", e.Key, e.Err)
		}
	}
	if inner, ok := cause.(*settings.Fault); ok {
		// Its line is one of the settings alone.
		moved := *inner
		at, moved.Place, moved.Line, moved.Column = settings.Join(at, inner.Place), "", 0, 0
		cause = &moved
	}
	var own interface{ SettingsPlace() string }
	if at == "settings" && errors.As(cause, &own) && own.SettingsPlace() != "" {
		at, cause = settings.Join(at, own.SettingsPlace()), &placed{own.SettingsPlace(), cause}
	}
	return []error{newFault(h, at, cause)}
}

// placed is an error whose text begins with its place, which is said already.
type placed struct {
	at  string
	err error
}

func (p *placed) Error() string { return strings.TrimPrefix(p.err.Error(), p.at+": ") }
func (p *placed) Unwrap() error { return p.err }

// sortFaults puts the faults of one hook together, in the order of its file; what
// concerns no single hook comes last.
func sortFaults(faults []error) {
	rank := func(err error) (id int64, line, column int) {
		if f, ok := err.(*Fault); ok {
			return f.Hook.ID, f.Line, f.Column
		}
		return math.MaxInt64, 0, 0
	}
	slices.SortStableFunc(faults, func(a, b error) int {
		id, line, column := rank(a)
		otherID, otherLine, otherColumn := rank(b)
		return cmp.Or(cmp.Compare(id, otherID), cmp.Compare(line, otherLine), cmp.Compare(column, otherColumn))
	})
}

// joinedErrors is the type of what errors.Join returns.
var joinedErrors = reflect.TypeOf(errors.Join(errors.ErrUnsupported))
