package requestprocessor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// fieldRoot is {field}: the fields of the annotation by schema_id.
type fieldRoot struct{ r *run }

var _ reqproc.Members = fieldRoot{}

// PyType implements [pyvalue.Object].
func (fieldRoot) PyType() string { return "field" }

// Member returns a field, a table, a repeated field or a column.
func (f fieldRoot) Member(_ context.Context, schemaID string) (pyvalue.Value, error) {
	c := f.r.x.Annotation.Content
	nodes := c.Find(schemaID)
	if len(nodes) == 0 {
		return f.absent(schemaID)
	}
	n := nodes[0]
	switch {
	case n.Category() == rossum.CategorySection:
		return pyvalue.Value{}, fmt.Errorf("%w: %s is a section, which has no value", reqproc.ErrNotThere, schemaID)
	case n.Category() == rossum.CategoryMultivalue:
		return pyvalue.FromObject(&nodeList{f.r, schemaID, n.Children(), false}), nil
	case n.Category() == rossum.CategoryTuple:
		return pyvalue.FromObject(&nodeList{f.r, schemaID, nodes, false}), nil
	case n.Parent() != nil && n.Parent().Category() != rossum.CategorySection:
		return pyvalue.FromObject(&nodeList{f.r, schemaID, nodes, true}), nil
	}
	return pyvalue.FromObject(&fieldValue{f.r, schemaID, n}), nil
}

// absent is a field that the document has not: empty if the schema knows it.
func (f fieldRoot) absent(schemaID string) (pyvalue.Value, error) {
	d, parent := f.r.schemaField(schemaID)
	switch {
	case d == nil:
		return pyvalue.Value{}, reqproc.NotThere("the annotation", "field "+schemaID, f.r.fieldNames())
	case d.Category == "multivalue" || d.Category == "tuple":
		return pyvalue.FromObject(&nodeList{f.r, schemaID, nil, false}), nil
	case parent != nil && parent.Category != "section":
		return pyvalue.FromObject(&nodeList{f.r, schemaID, nil, true}), nil
	case d.Category == "datapoint":
		return pyvalue.FromObject(&fieldValue{f.r, schemaID, nil}), nil
	}
	return pyvalue.Value{}, fmt.Errorf("%w: %s is a %s, which has no value", reqproc.ErrNotThere, schemaID, d.Category)
}

// fieldNames are the schema_ids of the annotation, as NotThere wants them.
func (r *run) fieldNames() []string {
	var names []string
	for id := range r.x.Annotation.Content.SchemaIDs() {
		names = append(names, "field "+id)
	}
	return names
}

// fieldValue is one datapoint.
type fieldValue struct {
	r        *run
	schemaID string
	n        *rossum.Node // nil if the document has none
}

var (
	_ reqproc.Members = (*fieldValue)(nil)
	_ reqproc.Plain   = (*fieldValue)(nil)
)

// PyType implements [pyvalue.Object].
func (*fieldValue) PyType() string { return "a field" }

// Plain returns the value with the type that the schema gives it: a number field is
// a number, a date its ISO form, everything else a text; an empty number or date is
// None.
func (f *fieldValue) Plain(context.Context) (pyvalue.Value, error) {
	kind := ""
	if d, _ := f.r.schemaField(f.schemaID); d != nil {
		kind = d.Type
	}
	if f.n == nil || f.n.Text() == "" {
		if kind == "number" || kind == "date" {
			return pyvalue.None(), nil
		}
		return pyvalue.Str(""), nil
	}
	switch kind {
	case "number":
		d, err := rossum.ParseDecimal(f.n.Text())
		if err != nil {
			return pyvalue.None(), nil // what is not a number counts as none
		}
		return number(string(d)), nil
	case "date":
		return pyvalue.Str(f.n.Text()), nil
	}
	return pyvalue.Str(f.n.Value()), nil
}

// number is a decimal number without needless zeros, but with all its digits.
func number(text string) pyvalue.Value {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		fraction = "." + fraction
	}
	v, err := pyvalue.Number(sign + whole + fraction)
	if err != nil {
		return pyvalue.None()
	}
	return v
}

// Member returns what is known of the datapoint: its text as value, its id, and under
// attr the keys of its content.
func (f *fieldValue) Member(_ context.Context, name string) (pyvalue.Value, error) {
	switch {
	case name == "value" && f.n == nil:
		return pyvalue.Str(""), nil
	case name == "value":
		return pyvalue.Str(f.n.Value()), nil
	case f.n == nil:
	case name == "id":
		return pyvalue.Int(f.n.ID()), nil
	case name == "hidden":
		return pyvalue.Bool(f.n.Hidden()), nil
	case name == "attr":
		return f.attributes()
	case name == "normalized_value":
		return pyvalue.Str(f.n.Normalized()), nil
	}
	hint := ""
	if name == f.schemaID {
		hint = "; the elements of a repeated field are its values, so leave the name out"
	}
	return pyvalue.Value{}, fmt.Errorf("%w: the field %s has no %s (it has value, id, hidden, normalized_value, attr)%s", reqproc.ErrNotThere, f.schemaID, name, hint)
}

func (f *fieldValue) attributes() (pyvalue.Value, error) {
	raw := gjson.GetBytes(f.n.Raw(), "content").Raw
	if raw == "" {
		raw = "{}"
	}
	v, err := pyvalue.FromJSON([]byte(raw), false)
	if err == nil && v.Dict() != nil {
		v.Dict().SetStr("value", pyvalue.Str(f.n.Value()))
	}
	return v, err
}

// nodeList is a table, a repeated field, or a column.
type nodeList struct {
	r        *run
	schemaID string
	nodes    []*rossum.Node
	column   bool
}

var (
	_ reqproc.Members  = (*nodeList)(nil)
	_ reqproc.Elements = (*nodeList)(nil)
)

// PyType implements [pyvalue.Object].
func (l *nodeList) PyType() string {
	if l.column {
		return "a column, whose values are in .all_values,"
	}
	return "a table or a repeated field, which is for iterate_over,"
}

// Elements returns the rows, or the fields.
func (l *nodeList) Elements() []pyvalue.Value {
	items := make([]pyvalue.Value, len(l.nodes))
	for i, n := range l.nodes {
		if n.Category() == rossum.CategoryTuple {
			items[i] = pyvalue.FromObject(&row{l.r, n})
		} else {
			items[i] = pyvalue.FromObject(&fieldValue{l.r, n.SchemaID(), n})
		}
	}
	return items
}

// Member returns the values of a column.
func (l *nodeList) Member(_ context.Context, name string) (pyvalue.Value, error) {
	if name == "all_values" {
		return pyvalue.FromObject(&nodeList{l.r, l.schemaID, l.nodes, false}), nil
	}
	if l.column {
		return pyvalue.Value{}, fmt.Errorf("%w: %s is in a table or repeated, so it has no single %s; iterate over field.%s.all_values", reqproc.ErrNotThere, l.schemaID, name, l.schemaID)
	}
	return pyvalue.Value{}, fmt.Errorf("%w: %s is a table or a repeated field of %d elements, so it has no %s; iterate over it", reqproc.ErrNotThere, l.schemaID, len(l.nodes), name)
}

// row is a row of a table.
type row struct {
	r *run
	n *rossum.Node
}

var _ reqproc.Members = (*row)(nil)

// PyType implements [pyvalue.Object].
func (*row) PyType() string { return "a row, whose columns are in .<schema_id>.value," }

// Member returns a cell.
func (w *row) Member(_ context.Context, name string) (pyvalue.Value, error) {
	if cell := w.n.Cell(name); cell != nil {
		return pyvalue.FromObject(&fieldValue{w.r, name, cell}), nil
	}
	if d, parent := w.r.schemaField(name); d != nil && parent != nil && parent.ID == w.n.SchemaID() {
		return pyvalue.FromObject(&fieldValue{w.r, name, nil}), nil
	}
	if name == "value" {
		return pyvalue.Value{}, fmt.Errorf("%w: a row has no single value; name a column, as in item.<schema_id>.value", reqproc.ErrNotThere)
	}
	var known []string
	for _, cell := range w.n.Children() {
		known = append(known, cell.SchemaID())
	}
	return pyvalue.Value{}, reqproc.NotThere("the row of "+w.n.SchemaID(), name, known)
}

const withoutSchema = `Without a schema every field counts as text, so conditions on numbers and dates may decide differently. Add "schemas" to the hook's sideload.`

// schemaField returns what the schema says of a field, and of what it stands in; nil
// without a schema.
func (r *run) schemaField(schemaID string) (field, parent *rossum.SchemaField) {
	if r.described == nil {
		r.described = make(map[string]described)
		schema, err := r.x.Payload.Schema()
		if err != nil || schema == nil {
			r.decide("the payload has no schema that can be read, so every field counts as text; add schemas to the hook's sideload")
			if said := func(m rossum.Message) bool { return m.Content == withoutSchema }; !slices.ContainsFunc(r.x.Messages, said) {
				r.x.Warn(withoutSchema) // once, however many steps of the chain have it
			}
			return nil, nil
		}
		for f := range schema.All() {
			d := r.described[f.ID]
			d.field = f
			r.described[f.ID] = d
			for i := range f.Children {
				child := r.described[f.Children[i].ID]
				child.parent = f
				r.described[f.Children[i].ID] = child
			}
		}
	}
	d := r.described[schemaID]
	return d.field, d.parent
}

type described struct{ field, parent *rossum.SchemaField }

// isText reports whether a field can hold any text.
func (r *run) isText(schemaID string) bool {
	d, _ := r.schemaField(schemaID)
	return d == nil || !slices.Contains([]string{"number", "date"}, d.Type)
}
