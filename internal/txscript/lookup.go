package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// lookup is a walk over a column, or over the rows of a table, that passes over all
// elements but those that equal a key:
//
//	for row in field.line_items:
//	    if row.code == field.code and …:
//
// Between runs over the rows of a table the column is indexed, and only the elements
// that count are visited.
type lookup struct {
	site int
	attr string // of the rows, "" if the elements themselves are compared
	key  eval
	same test   // that an element equals the key
	rest []test // conditions besides
}

// column is what a lookup keeps.
type column struct {
	state uint8
	items []value
	where *pyvalue.Positions
}

// lookup recognises such a walk; nil if it is none. The names in changed are those
// that may change while it goes on.
func (c *compiler) lookup(target, iter, cond expr, changed func(name string) bool) *lookup {
	name, ok := target.(*nameExpr)
	if !ok || c.options.Fields == "" || c.rowFields == nil || cond == nil {
		return nil
	}
	over, ok := iter.(*attrExpr)
	if !ok {
		return nil
	}
	if id, attr, ok := c.fieldOf(over); !ok || attr != "all_values" && (attr != "" || c.rowFields(id)) {
		return nil
	}
	var others []expr
	if and, ok := cond.(*boolExpr); ok && !and.or {
		cond, others = and.xs[0], and.xs[1:]
	}
	equal, ok := cond.(*compareExpr)
	if !ok || len(equal.ops) != 1 || equal.ops[0] != "==" {
		return nil
	}
	for _, sides := range [2][2]expr{{equal.first, equal.rest[0]}, {equal.rest[0], equal.first}} {
		attr, isElement := element(sides[0], name.name)
		if !isElement || !c.stays(sides[1], name.name, changed) {
			continue
		}
		l := &lookup{site: c.changes.lookups, attr: attr, key: c.expr(sides[1]), same: c.compareTest(equal)}
		c.changes.lookups++
		for _, x := range others {
			l.rest = append(l.rest, c.condition(x))
		}
		return l
	}
	return nil
}

// element recognises the variable of a loop, or an attribute of it.
func element(x expr, name string) (attr string, ok bool) {
	if a, isAttr := x.(*attrExpr); isAttr {
		x, attr = a.x, a.name
	}
	n, ok := x.(*nameExpr)
	return attr, ok && n.name == name
}

// stays reports a key that has the same value throughout a loop.
func (c *compiler) stays(x expr, variable string, changed func(name string) bool) bool {
	switch x := x.(type) {
	case *constExpr:
		return true
	case *nameExpr:
		return x.name != variable && !c.changes.rebinds && !changed(x.name)
	case *attrExpr:
		_, attr, ok := c.fieldOf(x)
		return ok && attr == ""
	}
	return false
}

// matches returns the elements among over that the key of a lookup chooses; ok is
// false if they have to be compared one by one. first is called before the key is
// evaluated.
func (l *lookup) matches(r *run, f *frame, over value, first func(item value) error) (found []int32, ok bool, err error) {
	list := over.List()
	if r.columns == nil || list == nil || len(list.Items) == 0 {
		return nil, false, nil
	}
	s := &r.columns[l.site]
	switch s.state {
	case unseen:
		s.state = seen
		return nil, false, nil
	case seen:
		if err := r.indexColumn(s, list.Items, l.attr); err != nil {
			return nil, false, err
		}
	}
	if s.state != usable || len(s.items) != len(list.Items) {
		return nil, false, nil
	}
	if err := first(list.Items[0]); err != nil {
		return nil, false, err
	}
	key, err := l.key(r, f)
	if err != nil {
		return nil, false, err
	}
	found, ok = s.where.Of(key)
	return found, ok, r.meter.Step(1)
}

// indexColumn makes the index of a column, unless a cell cannot be had, or not be found
// again.
func (r *run) indexColumn(s *column, items []value, attr string) error {
	s.state = unusable
	if err := r.meter.Grow(int64(64 * len(items))); err != nil {
		return err
	}
	cells := make([]value, len(items))
	for i, item := range items {
		if attr == "" {
			cells[i] = item
			continue
		}
		rows, ok := item.Object().(Columnar)
		if !ok {
			return nil
		}
		table, at := rows.Row()
		if table == nil {
			return nil
		}
		column := rows.Column(attr)
		if at >= len(column) {
			return nil
		}
		cells[i] = column[at]
	}
	if s.where = pyvalue.NewPositions(cells); s.where != nil {
		s.items, s.state = items, usable
	}
	return nil
}

// rests evaluates the conditions besides the key.
func (l *lookup) rests(r *run, f *frame) (bool, error) {
	for _, t := range l.rest {
		if ok, err := t(r, f); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// all evaluates the whole condition.
func (l *lookup) all(r *run, f *frame) (bool, error) {
	if ok, err := l.same(r, f); err != nil || !ok {
		return false, err
	}
	return l.rests(r, f)
}

// walked compiles what a loop walks over. A list of a field has no other name there,
// so that nobody can change it meanwhile.
func (c *compiler) walked(x expr) eval {
	v := c.expr(x)
	a, ok := x.(*attrExpr)
	if !ok {
		return v
	}
	id, attr, ok := c.fieldOf(a)
	if !ok || attr != "" && attr != "all_values" {
		return v
	}
	return func(r *run, f *frame) (value, error) {
		if r.row != nil {
			if list, ok := r.row.Walk(id, attr); ok {
				return list, nil
			}
		}
		return v(r, f)
	}
}
