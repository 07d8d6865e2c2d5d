package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Severity says what follows from a [Finding].
type Severity string

// Severities.
const (
	SeverityError   Severity = "error"   // the export would fail, so nothing is sent
	SeverityWarning Severity = "warning" // it may fail, or do something else than was meant
)

// Finding is something that [Chain.Check], or the check at the beginning of a run, has
// found. It is an error of its own, and wraps a [*StepError] around Err.
type Finding struct {
	Severity Severity
	Step     string // name of the step, "" for what is wrong with the options
	Hook     string // name and id of the hook, "" for a chain that was not made from hooks
	File     string // file of the hook, "" if it is not known
	Line     int    // in the file, 0 if it is not known
	Place    string // in the settings, or for a hook in the hook object
	TextLine int    // of the text at Place, such as a template, from 1; 0 if that does not matter
	Name     string // schema_id, reference key, or name of a secret
	Err      error
	Fix      string // what to do about it
}

// Error returns one line with everything.
func (f *Finding) Error() string {
	var b strings.Builder
	switch {
	case f.Hook != "":
		b.WriteString("hook " + f.Hook)
	case f.Step != "":
		b.WriteString("step " + f.Step)
	default:
		b.WriteString("the options")
	}
	if f.File != "" {
		b.WriteString(", " + f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
	}
	if f.Place != "" {
		b.WriteString(", " + f.Place)
	}
	if f.TextLine > 0 {
		fmt.Fprintf(&b, ", line %d of the text", f.TextLine)
	}
	b.WriteString(": " + f.Err.Error())
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	return b.String()
}

// subject is what a finding is about: something at a place.
type subject struct {
	step, hook, place, name string
	line                    int
}

func (f *Finding) about() subject { return subject{f.Step, f.Hook, f.Place, f.Name, f.TextLine} }

// Unwrap returns a [*StepError].
func (f *Finding) Unwrap() error {
	return &StepError{Step: f.Step, Key: f.Name, Place: f.Place, Err: f.Err}
}

// Findings are what one check has found, in the order of the steps.
type Findings []*Finding

// Err joins the errors; nil if there are only warnings.
func (f Findings) Err() error {
	var faults []error
	for _, one := range f {
		if one.Severity == SeverityError {
			faults = append(faults, one)
		}
	}
	return errors.Join(faults...)
}

// Errors of findings, beside rossum.ErrNoField, rossum.ErrManyFields, and the errors of
// package formula; match them with errors.Is.
var (
	// ErrNotMade means that no step before this one makes a file; it is an [ErrNoFile].
	ErrNotMade error = &alike{"no step before this one makes it", ErrNoFile}
	// ErrNotDue means that the step which makes a file is not due for this annotation.
	ErrNotDue error = &alike{"the step that makes it is not due", ErrNoFile}
	// ErrNoSecret means that a secret is missing, or that the secrets of a hook are not
	// what its step needs.
	ErrNoSecret  = errors.New("the hook has no such secret")
	ErrUndefined = errors.New("nothing defines this variable")
	ErrRetried   = errors.New("the platform may call this hook several times for one export")
	ErrShape     = errors.New("the field has another shape")
)

// alike is an error with a text of its own that is found as another one.
type alike struct {
	text string
	err  error
}

func (e *alike) Error() string { return e.text }
func (e *alike) Unwrap() error { return e.err }

// finding is a Finding as JSON shows it.
type finding struct {
	Severity Severity `json:"severity"`
	Step     string   `json:"step,omitempty"`
	Hook     string   `json:"hook,omitempty"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Place    string   `json:"place,omitempty"`
	TextLine int      `json:"text_line,omitempty"`
	Name     string   `json:"name,omitempty"`
	Cause    string   `json:"cause"`
	Fix      string   `json:"fix,omitempty"`
}

// MarshalJSON writes the cause as a text.
func (f *Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(finding{f.Severity, f.Step, f.Hook, f.File, f.Line, f.Place, f.TextLine, f.Name, f.Err.Error(), f.Fix})
}

// UnmarshalJSON reads what MarshalJSON writes; the cause is a text then.
func (f *Finding) UnmarshalJSON(data []byte) error {
	var in finding
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*f = Finding{in.Severity, in.Step, in.Hook, in.File, in.Line, in.Place, in.TextLine, in.Name, errors.New(in.Cause), in.Fix}
	return nil
}
