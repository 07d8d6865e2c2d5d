package formula

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// scope is field, or a row of a table, as a formula sees it.
type scope struct {
	r     *running
	row   *rossum.Node // nil for the header
	table *rossum.Node // that a row was taken from
	index int
	only  bool // a row that was taken from a table: it has no fields of the header
}

var (
	_ txscript.Fields    = (*scope)(nil)
	_ txscript.Columnar  = (*scope)(nil)
	_ txscript.RowFields = (*scope)(nil)
	_ txscript.Named     = (*scope)(nil)
)

// Names lists the schema_ids that can be read here, sorted.
func (s *scope) Names() (names []string) {
	if s.only {
		for _, cell := range s.row.Children() {
			names = append(names, cell.SchemaID())
		}
		slices.Sort(names)
		return names
	}
	for id, d := range s.r.set.described() {
		if d.Category == "datapoint" || d.Category == "multivalue" {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	return names
}

// Row tells the table and the number of a row that was taken from a table.
func (s *scope) Row() (table any, index int) {
	if !s.only {
		return nil, 0
	}
	return s.table, s.index
}

// Column returns the values of a column of the row's table.
func (s *scope) Column(schemaID string) []value {
	if d := s.r.set.field(schemaID); d == nil || d.list || d.table != s.row.Parent().SchemaID() {
		return nil // a field of the header, or of another table
	}
	if values, known := s.r.full[schemaID]; known {
		return values
	}
	values := s.r.fullColumn(schemaID)
	put(&s.r.full, schemaID, values)
	return values
}

// Index is the number of the row that the formula is of, -1 for the header.
func (s *scope) Index() int {
	if s.row == nil {
		return -1
	}
	return s.index
}

// Cells returns the values of a column of the table that the formula is of.
func (s *scope) Cells(schemaID string) []value { return s.Column(schemaID) }

// Walk returns a column, or the rows of a table, for a loop that does not change the
// list: it may be ours.
func (s *scope) Walk(schemaID, attr string) (value, bool) {
	d := s.r.set.field(schemaID)
	if s.only || d == nil {
		return value{}, false
	}
	defer func(was bool) { s.r.shared = was }(s.r.shared)
	s.r.shared = true
	if attr == "all_values" && (d.table != "" || d.Category == "multivalue") {
		return s.r.list(s.r.column(schemaID)), true
	}
	if attr == "" && d.Category == "multivalue" && s.node(schemaID) == nil {
		return s.r.children(schemaID), true
	}
	return value{}, false
}

// PyType implements [pyvalue.Object].
func (s *scope) PyType() string { return "field" }

// PyHash tells rows apart.
func (s *scope) PyHash() (string, error) { return fmt.Sprintf("row %p", s.row), nil }

// PyEqual compares rows.
func (s *scope) PyEqual(other value) bool {
	o, ok := other.Object().(*scope)
	return ok && o.row == s.row && o.only == s.only
}

// node finds the datapoint that a name means here, nil if it is none.
func (s *scope) node(schemaID string) *rossum.Node {
	if s.row != nil {
		if cell := s.row.Cell(schemaID); cell != nil {
			return cell
		}
	}
	if d := s.r.set.field(schemaID); s.only || d == nil || d.table != "" || d.Category != "datapoint" {
		return nil
	}
	if nodes := s.r.content.Find(schemaID); len(nodes) > 0 {
		return nodes[0]
	}
	return nil
}

// Field returns the value of a field, the rows of a table, or the values of a list.
func (s *scope) Field(schemaID string) (value, bool, error) {
	if s.row != nil {
		if column := s.Column(schemaID); s.index < len(column) {
			return column[s.index], true, nil
		}
	}
	if n := s.node(schemaID); n != nil {
		return s.r.typed(n), true, nil
	}
	if schemaID == "_index" && s.row != nil {
		return pyvalue.Int(int64(s.index)), true, nil
	}
	d := s.r.set.field(schemaID)
	switch {
	case s.only || d == nil:
		return value{}, false, nil
	case d.Category == "multivalue":
		return s.r.children(schemaID), true, nil
	case d.table != "":
		return s.r.list(s.r.column(schemaID)), true, nil
	case d.Category == "datapoint":
		return s.r.empty(d.ValueType()), true, nil // the schema has it, the document has not
	}
	return value{}, false, nil
}

// FieldAttr returns what stands behind a field's name.
func (s *scope) FieldAttr(schemaID, name string) (value, bool, error) {
	if name == "all_values" {
		if d := s.r.set.field(schemaID); d == nil || d.table == "" && d.Category != "multivalue" || s.only {
			return value{}, false, nil
		}
		return s.r.list(s.r.column(schemaID)), true, nil
	}
	n := s.node(schemaID)
	if n == nil {
		return value{}, false, nil
	}
	if name == "attr" {
		return pyvalue.FromObject(&attributes{n, s.r.set.field(schemaID), s.r.meter}), true, nil
	}
	if name == "id" || name == "rir_confidence" || name == "value" {
		v, ok := (&attributes{n, s.r.set.field(schemaID), s.r.meter}).PyAttr(name)
		return v, ok, nil
	}
	return value{}, false, nil
}

// SetField refuses: a formula writes only its own field, by its value.
func (s *scope) SetField(schemaID string, _ value) error {
	return pyvalue.Raise("AttributeError", "a formula cannot write the field %s", schemaID)
}

// FieldRef returns the datapoint, for messages.
func (s *scope) FieldRef(schemaID string) any { return s.node(schemaID) }

// list makes a list of values that are kept here: a copy, if the formula could
// change it.
func (r *running) list(values []value) value {
	if r.shared {
		return pyvalue.NewList(values[:len(values):len(values)]...)
	}
	return pyvalue.NewList(slices.Clone(values)...)
}

// fullColumn returns the values of a column by the number of their row; nil for a
// column that some rows lack, or that stands in several tables.
func (r *running) fullColumn(schemaID string) []value {
	tables := r.content.Find(r.set.field(schemaID).table)
	nodes := r.content.Find(schemaID)
	if len(tables) != 1 || len(tables[0].Children()) != len(nodes) {
		return nil
	}
	for i, row := range tables[0].Children() {
		if nodes[i].Parent() != row {
			return nil
		}
	}
	return r.column(schemaID)
}

// children returns a table as rows, or a simple multivalue as values.
func (r *running) children(schemaID string) value {
	items, known := r.tables[schemaID]
	if known {
		return r.list(items)
	}
	isTable := true
	for _, m := range r.content.Find(schemaID) {
		for i, child := range m.Children() {
			if child.Category() == rossum.CategoryTuple {
				row := scope{r: r, row: child, table: child.Parent(), index: i, only: true}
				if r.writes {
					items = append(items, pyvalue.FromObject(&writable{row}))
				} else {
					items = append(items, pyvalue.FromObject(&row))
				}
			} else {
				isTable = false
				items = append(items, r.typed(child))
			}
		}
	}
	if isTable {
		put(&r.tables, schemaID, items)
	}
	r.count(items)
	return r.list(items)
}

// count has the program pay for what was read: it may read it anew after each change. If that
// is too much, or the context has ended, its next step is an error.
func (r *running) count(read []value) { _ = r.meter.Step(int64(len(read))) }

// column returns the values of a column, or of a simple multivalue.
func (r *running) column(schemaID string) []value {
	if values, ok := r.columns[schemaID]; ok {
		return values
	}
	if d := r.set.field(schemaID); d != nil && d.Category == "multivalue" {
		list, _ := r.children(schemaID).Items()
		return list
	}
	nodes := r.content.Find(schemaID)
	values := make([]value, len(nodes))
	for i, n := range nodes {
		values[i] = r.typed(n)
	}
	r.count(values)
	put(&r.columns, schemaID, values)
	return values
}

// typed reads a datapoint by the type that the schema gives it.
func (r *running) typed(n *rossum.Node) value {
	kind := ""
	if d := r.set.field(n.SchemaID()); d != nil {
		kind = d.ValueType()
	}
	v := typed(n, kind)
	switch {
	case r.none && !v.IsText() && txscript.IsEmpty(v):
		return pyvalue.None()
	case r.origins:
		return pyvalue.Derive(v, &origin{attributes{n, r.set.field(n.SchemaID()), r.meter}, pyvalue.TypeName(v)})
	}
	return v
}

func (r *running) empty(kind string) value {
	if v := empty(kind); !r.none || v.IsText() {
		return v
	}
	return pyvalue.None()
}

func typed(n *rossum.Node, kind string) value {
	text := n.Text()
	switch {
	case text == "":
		return empty(kind)
	case kind == "number":
		if f, err := strconv.ParseFloat(text, 64); err == nil || math.IsInf(f, 0) {
			return pyvalue.Float(f)
		}
		return txscript.Empty() // what is not a number counts as none
	case kind == "date":
		if t, err := time.Parse(time.DateOnly, text); err == nil {
			return clock.Date(t)
		}
		return txscript.Empty()
	}
	return pyvalue.Str(n.Value())
}

func empty(kind string) value {
	if kind == "number" || kind == "date" {
		return txscript.Empty()
	}
	return pyvalue.Str("")
}

// numberText writes a number without an exponent.
func numberText(v value) (string, error) {
	f, _ := v.Float64()
	const exact = 1 << 53
	if n := int64(f); -exact < f && f < exact && float64(n) == f {
		return strconv.FormatInt(n, 10), nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", fmt.Errorf("%w: the formula gives %v", ErrValue, f)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if text == "-0" {
		text = "0"
	}
	return text, nil
}

// attributes is field.x.attr: what is known of a datapoint besides its value.
type attributes struct {
	n *rossum.Node
	d *described
	m *pyvalue.Meter
}

// PyType implements [pyvalue.Object].
func (a *attributes) PyType() string { return "attr" }

// PyAttr reads a key of the datapoint's content, of the datapoint, or of the schema.
func (a *attributes) PyAttr(name string) (value, bool) {
	switch name {
	case "id":
		return pyvalue.Int(a.n.ID()), true
	case "value":
		return pyvalue.Str(a.n.Value()), true
	case "hidden":
		return pyvalue.Bool(a.n.Hidden()), true
	case "options":
		return a.options()
	case "label":
		if a.d != nil {
			return pyvalue.Str(a.d.Label), true
		}
	}
	for _, path := range []string{"content." + name, name} {
		if v := gjson.GetBytes(a.n.Raw(), path); v.Exists() {
			made, err := pyvalue.FromJSON([]byte(v.Raw), false)
			return made, err == nil
		}
	}
	return value{}, false
}

// annotationObject is annotation, as a formula sees it.
type annotationObject struct{ a *rossum.Annotation }

func annotationValue(a *rossum.Annotation) value { return pyvalue.FromObject(&annotationObject{a}) }

// PyType implements [pyvalue.Object].
func (*annotationObject) PyType() string { return "annotation" }

// PyAttr reads a key of the annotation.
func (o *annotationObject) PyAttr(name string) (value, bool) {
	if o.a == nil {
		return value{}, false
	}
	raw := o.a.Lookup(name)
	if raw == nil {
		return value{}, false
	}
	made, err := pyvalue.FromJSON(raw, false)
	return made, err == nil
}
