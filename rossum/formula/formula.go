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
// shown.
//
// A formula depends on the fields that its text names, and of a table on the columns
// that it reads of the rows, by whatever way they come to it. A name that getattr
// computes counts if it is a text in the formula; if none is, all columns of the
// tables that it reads count. Formulas that need each other's values, or their own,
// are computed in the order of the schema, from the values at hand; the result says
// so.
package formula

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
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
	// ErrUnsupported means that the formula uses what is not part of the subset.
	ErrUnsupported = errors.New("outside of the supported language")
	// ErrSyntax means that the formula is not Python.
	ErrSyntax = errors.New("invalid syntax")
	// ErrNoField means that the formula reads a field that the schema has not.
	ErrNoField = errors.New("no such field in the schema")
	// ErrValue means that the formula gives a value that no field can hold.
	ErrValue = errors.New("not a value of a field")
)

// Set holds the compiled formulas of a schema. It is safe for concurrent use. The zero Set
// has no formulas.
//
// A Set reaches the language only through an interface that [Compile] fills in. So a program
// that refers to the type, as every program with a chain does, but never compiles a formula
// does not link the language.
type Set struct {
	formulas []Formula // in the order of their dependencies
	program  interface {
		run(ctx context.Context, c *rossum.Content, changed []string, o Options) (*Result, error)
	}
}

// program are the formulas of a set as they run.
type program struct {
	formulas []*compiled // in the order of their dependencies
	fields   map[string]*described

	// find and rest are nil where fields has them all. The one describes a field when it is
	// asked for, nil for none, and the other all of them.
	find func(id string) *described
	rest func()
}

// field returns the description of a field, or nil if the schema does not have it.
func (s *program) field(id string) *described {
	d, known := s.fields[id]
	if !known && s.find != nil {
		d = s.find(id)
		s.fields[id] = d
	}
	return d
}

// described returns the descriptions of all fields.
func (s *program) described() map[string]*described {
	if s.rest != nil {
		clear(s.fields) // of names that were asked for and do not exist
		s.rest()
		s.find, s.rest = nil, nil
	}
	return s.fields
}

// compiled is one formula.
type compiled struct {
	Formula
	kind    string            // type of the field's values
	program *txscript.Program // nil if it is broken
}

// described is a field of the schema.
type described struct {
	*rossum.SchemaField
	table string // the multivalue around it, "" for the header
	list  bool   // it is the value of a simple multivalue
}

// Compile compiles the formulas of a schema; a nil schema has none. The error joins
// an [*Error] for each formula that is at fault. The set is usable all the same: it
// computes the others, and [Set.Run] fails only where one that is missing is due.
func Compile(schema *rossum.Schema) (*Set, error) {
	s := &program{fields: make(map[string]*described)}
	if schema == nil {
		return &Set{program: s}, nil
	}
	for i := range schema.Content {
		s.describe(&schema.Content[i], "", false)
	}
	var all []*compiled
	var faults []error
	for f := range schema.All() {
		if f.Category != "datapoint" || strings.TrimSpace(f.Formula) == "" {
			continue
		}
		c := s.compile(f)
		if all = append(all, c); c.Err != nil {
			faults = append(faults, c.Err)
		}
	}
	s.formulas = order(all)
	set := &Set{program: s}
	for _, c := range s.formulas {
		set.formulas = append(set.formulas, c.Formula)
	}
	return set, errors.Join(faults...)
}

// Names lists the schema_ids of the formula fields, in the order in which they are
// computed; those that could not be compiled are left out.
func (s *Set) Names() []string {
	names := []string{}
	for _, f := range s.formulas {
		if f.Err == nil {
			names = append(names, f.SchemaID)
		}
	}
	return names
}

func (s *program) describe(f *rossum.SchemaField, table string, list bool) {
	if s.fields[f.ID] == nil {
		s.fields[f.ID] = &described{f, table, list}
	}
	for i := range f.Children {
		inner, isList := within(f, i, table)
		s.describe(&f.Children[i], inner, isList)
	}
}

// within says of a child in which table it is, and whether it is the value of a list.
func within(f *rossum.SchemaField, child int, table string) (inner string, list bool) {
	if f.Category != "multivalue" {
		return table, false
	}
	return f.ID, f.Children[child].Category == "datapoint"
}

// describeOne is describe for one field among those of a list, nil if it is not there.
func describeOne(fields []rossum.SchemaField, id, table string, list bool) *described {
	for i := range fields {
		f := &fields[i]
		if f.ID == id {
			return &described{f, table, list}
		}
		for child := range f.Children {
			inner, isList := within(f, child, table)
			if d := describeOne(f.Children[child:child+1], id, inner, isList); d != nil {
				return d
			}
		}
	}
	return nil
}

// globals are the names that formulas know besides the builtins.
var globals = []string{"field", "annotation"}

func (s *program) compile(f *rossum.SchemaField) *compiled {
	c := &compiled{Formula: Formula{SchemaID: f.ID, Table: s.fields[f.ID].table}, kind: f.ValueType()}
	o := txscript.Options{Globals: globals, Fields: "field", RowFields: func(id string) bool {
		d := s.fields[id]
		return c.Table != "" && (d == nil || d.table == c.Table)
	}}
	if names(f.Formula, f.ID) {
		o.RowFields = nil // its own column, which a loop over the rows may read, changes while it runs
	}
	program, err := txscript.Compile(f.Formula, o)
	var syntax *txscript.SyntaxError
	if errors.As(err, &syntax) {
		c.Err = &Error{SchemaID: f.ID, Line: syntax.Line, Err: syntaxFault(err)}
		c.reading(s, txscript.ReadsOf(f.Formula, "field"))
		return c
	}
	c.program = program
	c.reading(s, program.Reads())
	c.Err = errors.Join(s.unknown(c, program.Reads()), undefined(c, program.Reads()))
	return c
}

// undefined finds names that nothing defines. It returns those that end the formula
// whenever it is computed, and keeps the others as warnings.
func undefined(c *compiled, reads *txscript.Reads) error {
	var faults []error
	for _, u := range reads.Undefined {
		fault := &Error{SchemaID: c.SchemaID, Line: u.Line, Err: fmt.Errorf("name '%s' is not defined", u.Name)}
		if u.Certain {
			faults = append(faults, fault)
		} else {
			c.Warnings = append(c.Warnings, fault)
		}
	}
	return errors.Join(faults...)
}

// unknown finds fields that the schema has not. It returns those that the formula
// cannot do without, and keeps the others, which it may never come to, as warnings.
func (s *program) unknown(c *compiled, reads *txscript.Reads) error {
	var faults []error
	for _, id := range reads.Fields {
		if s.fields[id] != nil || strings.HasPrefix(id, "_") || reads.Guarded[id] {
			continue
		}
		hint := ""
		if near := settings.Nearest(id, slices.Sorted(maps.Keys(s.fields))); near != "" {
			hint = fmt.Sprintf(" (did you mean field.%s?)", near)
		}
		fault := &Error{SchemaID: c.SchemaID, Err: fmt.Errorf("%w: field.%s%s", ErrNoField, id, hint)}
		if reads.Missing[id] {
			faults = append(faults, fault)
		} else {
			c.Warnings = append(c.Warnings, fault)
		}
	}
	return errors.Join(faults...)
}

// names reports whether a source may read an attribute of that name.
func names(source, id string) bool {
	for at := 0; ; {
		i := strings.IndexByte(source[at:], '.')
		if i < 0 {
			return strings.Contains(source, "getattr") || strings.Contains(source, "vars")
		}
		at += i + 1
		rest := strings.TrimLeft(source[at:], " \t\f\r\n\\")
		if strings.HasPrefix(rest, "#") || strings.HasPrefix(rest, id) && syntax.Identifier(rest) == len(id) {
			return true
		}
	}
}
