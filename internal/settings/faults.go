package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// Fault is one thing that is wrong with settings.
type Fault struct {
	Place  string // such as export_configs[0].file_content_template; "" for the whole
	Line   int    // in the JSON text, from 1; 0 if it is not known
	Column int    // in bytes, from 1
	Msg    string
	Err    error // cause, if there is one
}

func (f *Fault) Error() string {
	var b strings.Builder
	if f.Place != "" {
		b.WriteString(escapeNewlines.Replace(f.Place) + ": ")
	}
	b.WriteString(f.Msg)
	if f.Err != nil {
		if f.Msg != "" {
			b.WriteString(": ")
		}
		b.WriteString(f.Err.Error())
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, " (line %d, column %d)", f.Line, f.Column)
	}
	return printable(b.String())
}

// escapeNewlines keeps a key on the line of its fault.
var escapeNewlines = strings.NewReplacer("\n", `\n`, "\t", `\t`)

// printable escapes what a terminal or a log would obey, but for the ends of lines: texts
// of faults have keys and values of the settings in them.
func printable(text string) string {
	isPlain := func(r rune) bool { return !unicode.IsControl(r) || r == '\n' || r == '\t' }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !isPlain(r) }) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if part := text[i : i+size]; isPlain(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(part)
		} else {
			quoted := strconv.Quote(part)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

func (f *Fault) Unwrap() error { return f.Err }

// maxFaults is how many faults of one text are listed. The others are only counted: a text
// of ten megabytes can have a million.
const maxFaults = 100

// Faults collects faults while settings are decoded and checked. The zero value
// is ready to use.
type Faults struct {
	list []error
	more int // that are not in the list
}

// add notes a fault. It is made only if the list has room for it.
func (f *Faults) add(fault func() error) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, fault())
}

// Add notes a fault at a place.
func (f *Faults) Add(place, format string, args ...any) {
	f.add(func() error { return &Fault{Place: place, Msg: fmt.Sprintf(format, args...)} })
}

// AddErr notes an error at a place; nil adds nothing. An error of this package
// gets its place put after this one.
func (f *Faults) AddErr(place string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			f.AddErr(place, e)
		}
		return
	}
	if inner, ok := faultOf(err); ok {
		f.add(func() error {
			moved := *inner
			moved.Place = Join(place, inner.Place)
			return &moved
		})
		return
	}
	f.add(func() error { return &Fault{Place: place, Err: err} })
}

// faultOf returns an error as a fault if it is one: of this package, or of its public face,
// which this package cannot import, and whose Fault has the same fields.
func faultOf(err error) (f *Fault, ok bool) {
	if f, ok = err.(*Fault); ok {
		return f, true
	}
	if v, t := reflect.ValueOf(err), reflect.TypeFor[*Fault](); v.Kind() == reflect.Pointer && v.CanConvert(t) {
		f, ok = v.Convert(t).Interface().(*Fault)
	}
	return f, ok
}

// Err returns all faults joined, nil if there are none. Of more than a hundred the last says
// how many are left out.
func (f *Faults) Err() error {
	if f.more == 0 {
		return errors.Join(f.list...)
	}
	rest := "and one more fault"
	if f.more > 1 {
		rest = fmt.Sprintf("and %d more faults", f.more)
	}
	return errors.Join(append(slices.Clone(f.list), &Fault{Msg: rest})...)
}

// hide cuts secrets out of the texts of all faults.
func (f *Faults) hide(secrets []string) {
	if len(secrets) == 0 {
		return
	}
	hidden := redact.New(secrets...)
	for i, err := range f.list {
		if fault, ok := err.(*Fault); ok {
			clean := *fault
			clean.Msg, clean.Err = hidden.String(fault.Msg), hidden.Error(fault.Err)
			f.list[i] = &clean
		}
	}
}

// Join puts one place after another.
func Join(place, below string) string {
	switch {
	case place == "":
		return below
	case below == "" || below[0] == '[':
		return place + below
	}
	return place + "." + below
}

// Index returns the place of a list's element.
func Index(place string, i int) string { return place + "[" + strconv.Itoa(i) + "]" }
