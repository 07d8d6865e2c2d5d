// Package formula computes formula fields as Rossum does between two hooks: the
// value of such a field is what its formula, a program in a subset of Python, gives
// for the fields that it reads. A chain of hooks depends on it: the address of its
// second call may be a formula over the id that the first one returned.
//
// [Compile] compiles the formulas of a schema once; [Set.Run] computes those that
// depend on what has changed, in the order of their dependencies, and writes their
// values to the content tree. The language is described in package
// internal/txscript and in Rossum's knowledge base ("Formula fields"); field.x is a
// field of the header, or of the row that the formula is of; field.x.all_values is a
// column; a table is a list of rows; field._index is the number of the row.
//
// Decided here, since the knowledge base does not say: a number is written without
// an exponent and without a fraction of zeros; a value that is None, or that of an
// empty field, empties the field; messages that a formula shows are returned, not
// shown. What getattr reads under a computed name does not count as a dependency.
package formula

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Error says what is wrong with a formula.
type Error struct {
	SchemaID string // of the formula field
	Row      int    // from 1, 0 for a field of the header
	Line     int    // of the formula, from 1; 0 if it is about the formula as a whole
	Err      error
}

func (e *Error) Error() string {
	text := "formula of " + e.SchemaID
	if e.Row > 0 {
		text += fmt.Sprintf(", row %d", e.Row)
	}
	return text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errors that an [*Error] wraps, besides those of the run: match them with errors.Is.
var (
	// ErrUnsupported means that the formula uses what is no part of the subset.
	ErrUnsupported = errors.New("outside of the supported language")
	// ErrSyntax means that the formula is not Python.
	ErrSyntax = errors.New("invalid syntax")
	// ErrCycle means that formulas need each other's values.
	ErrCycle = errors.New("formulas go round in a circle")
	// ErrNoField means that the formula reads a field that the schema has not.
	ErrNoField = errors.New("no such field in the schema")
	// ErrValue means that the formula gives a value that no field can hold.
	ErrValue = errors.New("not a value of a field")
)

// Set are the compiled formulas of a schema. It is safe for concurrent use.
type Set struct {
	formulas []*compiled // in the order of their dependencies
	fields   map[string]*described
	broken   []error
}

// compiled is one formula.
type compiled struct {
	id      string
	table   string // the multivalue that it is in a row of, "" for the header
	kind    string // type of the field
	program *txscript.Program
	reads   []string // schema_ids, tables with their columns
}

// described is a field of the schema.
type described struct {
	*rossum.SchemaField
	table string // the multivalue around it, "" for the header
	list  bool   // it is the value of a simple multivalue
}

// Compile compiles the formulas of a schema; a nil schema has none. The error joins
// an [*Error] for each formula that is at fault. The set is usable all the same: it
// computes the others, and [Set.Run] says that some are missing.
func Compile(schema *rossum.Schema) (*Set, error) {
	s := &Set{fields: make(map[string]*described)}
	if schema == nil {
		return s, nil
	}
	for i := range schema.Content {
		s.describe(&schema.Content[i], "", false)
	}
	var all []*compiled
	for f := range schema.All() {
		if f.Category != "datapoint" || strings.TrimSpace(f.Formula) == "" {
			continue
		}
		c, err := s.compile(f)
		if err != nil {
			s.broken = append(s.broken, err)
			continue
		}
		all = append(all, c)
	}
	s.order(all)
	return s, errors.Join(s.broken...)
}

// Names lists the schema_ids of the formula fields, in the order in which they are
// computed.
func (s *Set) Names() []string {
	names := make([]string, len(s.formulas))
	for i, f := range s.formulas {
		names[i] = f.id
	}
	return names
}

func (s *Set) describe(f *rossum.SchemaField, table string, list bool) {
	if s.fields[f.ID] == nil {
		s.fields[f.ID] = &described{f, table, list}
	}
	for i := range f.Children {
		inner, isList := table, false
		if f.Category == "multivalue" {
			inner, isList = f.ID, f.Children[i].Category == "datapoint"
		}
		s.describe(&f.Children[i], inner, isList)
	}
}

// globals are the names that formulas know besides the builtins.
var globals = []string{"field", "annotation"}

func (s *Set) compile(f *rossum.SchemaField) (*compiled, error) {
	c := &compiled{id: f.ID, kind: f.Type, table: s.fields[f.ID].table}
	o := txscript.Options{Globals: globals, Fields: "field", RowFields: func(id string) bool {
		d := s.fields[id]
		return c.table != "" && (d == nil || d.table == c.table)
	}}
	if names(f.Formula, f.ID) {
		o.RowFields = nil // its own column, which a loop over the rows may read, changes while it runs
	}
	program, err := txscript.Compile(f.Formula, o)
	var syntax *txscript.SyntaxError
	if errors.As(err, &syntax) {
		kind := ErrSyntax
		if syntax.Unsupported {
			kind = ErrUnsupported
		}
		return nil, &Error{SchemaID: f.ID, Line: syntax.Line, Err: fmt.Errorf("%w: %w", kind, err)}
	}
	c.program = program
	var faults []error
	for _, id := range program.Fields() {
		switch d := s.fields[id]; {
		case id == f.ID:
			faults = append(faults, &Error{SchemaID: f.ID, Err: fmt.Errorf("%w: it reads its own field", ErrCycle)})
		case d != nil:
			c.reads = append(c.reads, id)
			c.reads = append(c.reads, s.columns(d)...)
		case !strings.HasPrefix(id, "_"):
			hint := ""
			if near := settings.Nearest(id, s.ids()); near != "" {
				hint = fmt.Sprintf(" (did you mean field.%s?)", near)
			}
			faults = append(faults, &Error{SchemaID: f.ID, Err: fmt.Errorf("%w: field.%s%s", ErrNoField, id, hint)})
		}
	}
	return c, errors.Join(faults...)
}

// names reports whether a source may read an attribute of that name.
func names(source, id string) bool {
	return regexp.MustCompile(`\.\s*` + regexp.QuoteMeta(id) + `\b`).MatchString(source)
}

// columns lists the fields below a multivalue: who reads a table reads its columns.
func (s *Set) columns(d *described) (ids []string) {
	if d.Category != "multivalue" {
		return nil
	}
	for id, other := range s.fields {
		if other.table == d.ID && other.Category == "datapoint" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *Set) ids() []string {
	var ids []string
	for id := range s.fields {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// order sorts the formulas so that each comes after those whose values it reads.
// Those that go round in a circle are left out, as a fault.
func (s *Set) order(all []*compiled) {
	byID := make(map[string]*compiled)
	for _, f := range all {
		byID[f.id] = f
	}
	const (
		visiting = iota + 1
		done
		circular
	)
	state := make(map[*compiled]int)
	var path []string
	var visit func(f *compiled) bool
	visit = func(f *compiled) bool {
		switch state[f] {
		case done:
			return true
		case circular:
			return false
		case visiting:
			at := slices.Index(path, f.id)
			s.broken = append(s.broken, &Error{SchemaID: f.id, Err: fmt.Errorf("%w: %s", ErrCycle, strings.Join(append(slices.Clone(path[at:]), f.id), " reads "))})
			return false
		}
		state[f] = visiting
		path = append(path, f.id)
		fine := true
		for _, id := range f.reads {
			// A table that is read whole does not need the formula's own column.
			if g := byID[id]; g != nil && g != f && !visit(g) {
				fine = false
			}
		}
		path = path[:len(path)-1]
		if state[f] = done; !fine {
			state[f] = circular
			return false
		}
		s.formulas = append(s.formulas, f)
		return true
	}
	for _, f := range all {
		visit(f)
	}
}
