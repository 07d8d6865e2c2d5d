package message

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Step is a part of a path in a mapping: a key, or the index of a list's element
// if Key is "".
type Step struct {
	Key   string
	Index int
}

// Path leads to a value in a mapping.
type Path []Step

// String writes a path such as Supplier_Invoice_Data.Lines[3].Quantity.
func (p Path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.Key == "":
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.Key)
		default:
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

// Errors that a [Fault] wraps, for what is common.
var (
	ErrUnknown = errors.New("unknown name")
	ErrMissing = errors.New("missing")
)

// Fault is one thing that is wrong with a mapping.
type Fault struct {
	Path Path
	Err  error
}

func (f *Fault) Error() string {
	if len(f.Path) == 0 {
		return f.Err.Error()
	}
	return f.Path.String() + ": " + f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// maxFaults bounds how many faults of one mapping are told.
const maxFaults = 20

// Faults are the faults of a mapping.
type Faults struct {
	List []*Fault
	More int // that are not in the list
}

func (f *Faults) Error() string {
	lines := make([]string, 0, len(f.List)+1)
	for _, one := range f.List {
		lines = append(lines, one.Error())
	}
	if f.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", f.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns all faults.
func (f *Faults) Unwrap() []error {
	errs := make([]error, len(f.List))
	for i, one := range f.List {
		errs[i] = one
	}
	return errs
}
