package txscript_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// fields are the fields of a case, as the oracle has them.
type fields struct {
	spec  map[string]json.RawMessage
	row   map[string][2]string
	table *table // of a row that was taken from a table, or that the formula is of
	index int
	taken bool
}

// table is a table of a case: its rows, and columns that were asked for.
type table struct {
	id      string
	rows    []map[string][2]string
	columns map[string][]pyvalue.Value
	taken   []pyvalue.Value
}

func newTable(id string, rows []map[string][2]string) *table {
	t := &table{id: id, rows: rows, columns: make(map[string][]pyvalue.Value)}
	for i, r := range rows {
		t.taken = append(t.taken, pyvalue.FromObject(&fields{row: r, table: t, index: i, taken: true}))
	}
	return t
}

func (t *table) column(name string) []pyvalue.Value {
	if t == nil {
		return nil
	}
	if values, ok := t.columns[name]; ok {
		return values
	}
	var values []pyvalue.Value
	for _, r := range t.rows {
		cell, ok := r[name]
		if !ok {
			return nil
		}
		values = append(values, typed(cell))
	}
	t.columns[name] = values
	return values
}

// Row implements [txscript.Columnar].
func (f *fields) Row() (owner any, index int) {
	if !f.taken {
		return nil, 0
	}
	return f.table, f.index
}

// Column implements [txscript.Columnar].
func (f *fields) Column(name string) []pyvalue.Value { return f.table.column(name) }

// Index implements [txscript.RowFields].
func (f *fields) Index() int {
	if f.row == nil {
		return -1
	}
	return f.index
}

// Cells implements [txscript.RowFields].
func (f *fields) Cells(name string) []pyvalue.Value { return f.table.column(name) }

// Walk implements [txscript.RowFields]: it hands out what is kept here, so that a
// program that changed it would be found out.
func (f *fields) Walk(name, attr string) (pyvalue.Value, bool) {
	switch {
	case f.table == nil:
		return pyvalue.Value{}, false
	case attr == "all_values":
		values := f.table.column(name)
		return pyvalue.NewList(values[:len(values):len(values)]...), values != nil
	}
	return pyvalue.NewList(f.table.taken...), name == f.table.id
}

func (*fields) PyType() string { return "field" }

func (f *fields) PyHash() (string, error) { return fmt.Sprintf("%p", f), nil }

func typed(pair [2]string) pyvalue.Value {
	switch {
	case pair[0] == "number" && pair[1] == "", pair[0] == "date" && pair[1] == "":
		return txscript.Empty()
	case pair[0] == "number":
		v, _ := pyvalue.ParseFloat(nil, pair[1])
		return v
	case pair[0] == "date":
		t, _ := time.Parse(time.DateOnly, pair[1])
		return clock.Date(t)
	}
	return pyvalue.Str(pair[1])
}

func (f *fields) column(name string) ([]pyvalue.Value, bool) {
	for table := range f.spec {
		rows, ok := f.tableRows(table)
		if !ok || len(rows) == 0 {
			continue
		}
		if _, has := rows[0][name]; !has {
			continue
		}
		var values []pyvalue.Value
		for _, r := range rows {
			values = append(values, typed(r[name]))
		}
		return values, true
	}
	return nil, false
}

func (f *fields) tableRows(name string) ([]map[string][2]string, bool) {
	var rows []map[string][2]string
	raw, ok := f.spec[name]
	return rows, ok && json.Unmarshal(raw, &rows) == nil
}

func (f *fields) Field(name string) (pyvalue.Value, bool, error) {
	if pair, ok := f.row[name]; ok {
		return typed(pair), true, nil
	}
	if rows, ok := f.tableRows(name); ok {
		if f.table == nil || f.table.id != name {
			return pyvalue.NewList(newTable(name, rows).taken...), true, nil
		}
		return pyvalue.NewList(slices.Clone(f.table.taken)...), true, nil
	}
	var pair [2]string
	if raw, ok := f.spec[name]; ok && json.Unmarshal(raw, &pair) == nil {
		return typed(pair), true, nil
	}
	if values, ok := f.column(name); ok {
		return pyvalue.NewList(values...), true, nil
	}
	return pyvalue.Value{}, false, nil
}

func (f *fields) FieldAttr(name, attr string) (pyvalue.Value, bool, error) {
	if attr != "all_values" {
		return pyvalue.Value{}, false, nil
	}
	values, ok := f.column(name)
	return pyvalue.NewList(values...), ok, nil
}

func (*fields) SetField(string, pyvalue.Value) error {
	return pyvalue.Raise("AttributeError", "read-only")
}
func (*fields) FieldRef(name string) any { return name }

var globals = []string{"field"}

// run runs a formula, and returns kind and text as the oracle does. One of a row is
// run for the other rows before, as those of a table are.
func run(t testing.TB, code, spec string) (kind, text string) {
	t.Helper()
	of := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(spec), &of); err != nil {
		t.Fatal(err)
	}
	raw, ok := of["row"]
	if !ok {
		return newProgram(t, code, of).run(t, -1)
	}
	delete(of, "row")
	var at int
	if err := json.Unmarshal(raw, &at); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, code, of)
	for range 2 {
		for i := range p.table.rows {
			p.run(t, i)
		}
	}
	return p.run(t, at)
}

// program is a formula of the rows of a table.
type program struct {
	p     *txscript.Program
	err   error
	spec  map[string]json.RawMessage
	table *table
	memo  txscript.Memo

	limits txscript.Limits
	meter  *pyvalue.Meter
}

func newProgram(t testing.TB, code string, spec map[string]json.RawMessage) *program {
	t.Helper()
	p := &program{spec: spec}
	f := &fields{spec: spec}
	for id := range spec {
		if rows, ok := f.tableRows(id); ok && len(rows) > 0 {
			p.table = newTable(id, rows)
		}
	}
	isRowField := func(id string) bool { return p.table != nil && p.table.column(id) != nil }
	p.p, p.err = txscript.Compile(code, txscript.Options{Globals: globals, Fields: "field", RowFields: isRowField})
	return p
}

// run runs it for a row, -1 for none.
func (p *program) run(t testing.TB, row int) (kind, text string) {
	t.Helper()
	if p.err != nil {
		return "error", "SyntaxError"
	}
	f := &fields{spec: p.spec}
	if row >= 0 {
		f.row, f.table, f.index = p.table.rows[row], p.table, row
	}
	var shown []string
	v, err := p.p.Run(context.Background(), &txscript.Host{
		Globals: []pyvalue.Value{pyvalue.FromObject(f)},
		Show:    func(m txscript.Message) { shown = append(shown, m.Kind+": "+m.Text) },
		Now:     func() time.Time { return time.Date(2026, 11, 25, 13, 45, 30, 123456000, time.UTC) },
		Memo:    &p.memo,
		Limits:  p.limits,
		Meter:   p.meter,
	})
	if err != nil {
		var e *pyvalue.Error
		if errors.As(err, &e) {
			return "error", e.Error()
		}
		return "error", err.Error()
	}
	text, err = pyvalue.Repr(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return "output", strings.Join(append([]string{text}, shown...), "\n")
}

// split takes a case apart.
func split(text string) (code, spec, kind, want string) {
	spec = "{}"
	for _, k := range []string{"output", "error"} {
		if before, after, ok := strings.Cut(text, "\n=== "+k+"\n"); ok {
			code, kind, want = before, k, after
			break
		}
	}
	if before, after, ok := strings.Cut(code, "\n=== fields\n"); ok {
		code, spec = before, after
	}
	return code, spec, kind, want
}

func golden(t testing.TB) iter.Seq2[string, string] {
	paths, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(paths) < 250 {
		t.Fatalf("%d golden formulas, %v", len(paths), err)
	}
	slices.Sort(paths)
	return func(yield func(string, string) bool) {
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(strings.TrimSuffix(filepath.Base(path), ".txt"), string(data)) {
				return
			}
		}
	}
}

func TestFormulasDoWhatCPythonDoes(t *testing.T) {
	t.Parallel()
	for name, text := range golden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, spec, kind, want := split(text)
			if gotKind, got := run(t, code, spec); gotKind != kind || got != want {
				t.Errorf("%s\ngot  %s %s\nwant %s %s", code, gotKind, got, kind, want)
			}
		})
	}
}

func TestSmallFormulasDoWhatCPythonDoes(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/compact/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".jsonl"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				var c [3]string
				if err := json.Unmarshal([]byte(line), &c); err != nil {
					t.Fatal(err)
				}
				if kind, got := run(t, c[0], "{}"); kind != c[1] || got != c[2] {
					t.Errorf("%s\ngot  %s %s\nwant %s %s", c[0], kind, got, c[1], c[2])
				}
			}
		})
	}
}
