package formula

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// writable are fields that can be written.
type writable struct{ scope }

var _ txscript.Fields = (*writable)(nil)

// Row is none: what is read by column would not be what was written meanwhile.
func (*writable) Row() (table any, index int) { return nil, 0 }

// Column is none, for the same reason.
func (*writable) Column(string) []value { return nil }

// PyEqual compares rows.
func (w *writable) PyEqual(other value) bool {
	o, ok := other.Object().(*writable)
	return ok && o.row == w.row && o.only == w.only
}

// FieldAttr returns what stands behind a field's name, and append for a table.
func (w *writable) FieldAttr(schemaID, name string) (value, bool, error) {
	if m := w.multivalue(schemaID); m != nil && name == "append" {
		return pyvalue.FromObject(&pyvalue.Func{Name: name, F: func(c *pyvalue.Call) (value, error) {
			if len(c.Args) != 1 || len(c.Names) > 0 {
				return value{}, pyvalue.Raise("TypeError", "append() takes exactly one argument (%d given)", len(c.Args)+len(c.Names))
			}
			return value{}, w.add(m, c.Args[0])
		}}), true, nil
	}
	return w.scope.FieldAttr(schemaID, name)
}

// multivalue finds a table, or a simple multivalue; nil if it is none.
func (w *writable) multivalue(schemaID string) *rossum.Node {
	if nodes := w.r.content.Find(schemaID); !w.only && len(nodes) == 1 && nodes[0].Category() == rossum.CategoryMultivalue {
		return nodes[0]
	}
	return nil
}

// rewrite puts other rows in the place of those of a table.
func (w *writable) rewrite(m *rossum.Node, v value) error {
	items, ok := v.Items()
	if !ok {
		return pyvalue.Raise("TypeError", "%s takes a list of rows, not %s", m.SchemaID(), pyvalue.TypeName(v))
	}
	for _, row := range slices.Clone(m.Children()) {
		if err := row.Remove(); err != nil {
			return pyvalue.Raise("ValueError", "%v", err)
		}
	}
	w.r.forget()
	for _, item := range items {
		if err := w.add(m, item); err != nil {
			return err
		}
	}
	return nil
}

// add appends a row that is given as a dict, or a value of a simple multivalue.
func (w *writable) add(m *rossum.Node, v value) error {
	cell := func(id string, v value) (rossum.Cell, error) {
		kind := ""
		if d := w.r.set.field(id); d != nil {
			kind = d.ValueType()
		}
		text, err := textOf(v, kind)
		if err != nil {
			return rossum.Cell{}, pyvalue.Raise("TypeError", "writing the field %s: %v", id, err)
		}
		return rossum.Cell{SchemaID: id, Value: text}, nil
	}
	var cells []rossum.Cell
	if d := v.Dict(); d != nil {
		for key, v := range d.All() {
			if d := w.r.set.field(key.Text()); d == nil || d.table != m.SchemaID() {
				return pyvalue.Raise("AttributeError", "%s has no field %s", m.SchemaID(), key.Text())
			}
			made, err := cell(key.Text(), v)
			if err != nil {
				return err
			}
			cells = append(cells, made)
		}
	} else {
		made, err := cell(m.SchemaID(), v)
		if err != nil {
			return err
		}
		cells = append(cells, made)
	}
	w.r.forget()
	if _, err := m.AddRow(cells...); err != nil {
		return pyvalue.Raise("ValueError", "%v", err)
	}
	return nil
}

// forget drops what was read of tables.
func (r *running) forget() {
	clear(r.columns)
	clear(r.tables)
	clear(r.full)
}

// SetField writes a field of the header or of a row, or a table as a list of dicts.
func (w *writable) SetField(schemaID string, v value) error {
	n := w.node(schemaID)
	if m := w.multivalue(schemaID); n == nil && m != nil {
		return w.rewrite(m, v)
	}
	if n == nil {
		return pyvalue.Raise("AttributeError", "there is no field %s that can be written", schemaID)
	}
	return w.write(n, v)
}

func (w *writable) write(n *rossum.Node, v value) error {
	kind := ""
	if d := w.r.set.field(n.SchemaID()); d != nil {
		kind = d.ValueType()
	}
	text, err := textOf(v, kind)
	if err != nil {
		return pyvalue.Raise("TypeError", "writing the field %s: %v", n.SchemaID(), err)
	}
	delete(w.r.columns, n.SchemaID())
	delete(w.r.full, n.SchemaID())
	if kind == "number" || kind == "date" {
		return n.SetNormalized(text, text)
	}
	return n.SetValue(text)
}

// SetAllValues writes a column.
func (w *writable) SetAllValues(schemaID string, values []value) error {
	nodes := w.r.content.Find(schemaID)
	if d := w.r.set.field(schemaID); d != nil && d.Category == "multivalue" && len(nodes) == 1 {
		nodes = nodes[0].Children()
	}
	if len(nodes) != len(values) {
		return pyvalue.Raise("ValueError", "%s has %d values, %d were given; rows are added by operations", schemaID, len(nodes), len(values))
	}
	for i, n := range nodes {
		if err := w.write(n, values[i]); err != nil {
			return err
		}
	}
	return nil
}
