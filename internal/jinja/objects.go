package jinja

import (
	"iter"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// iterator is what Python's generators are to a template: it can be walked
// through once, and has no length.
type iterator struct {
	class string
	items []value
	pos   int
}

func newIterator(class string, items []value) value {
	return pyvalue.FromObject(&iterator{class: class, items: items})
}

func (it *iterator) PyType() string { return it.class }

func (it *iterator) PyRepr() string { return "<" + it.class + " object>" }

// PyIter yields what is left.
func (it *iterator) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for it.pos < len(it.items) {
			it.pos++
			if !yield(it.items[it.pos-1]) {
				return
			}
		}
	}
}

// namedTuple is a tuple whose items have names, too.
type namedTuple struct {
	class string
	names []string
	items []value
}

func (n *namedTuple) PyType() string { return n.class }
func (n *namedTuple) PyLen() int     { return len(n.items) }

func (n *namedTuple) tuple() value { return pyvalue.NewTuple(n.items...) }

// PyReprWithin prints it as a tuple, as groupby's rows do.
func (n *namedTuple) PyReprWithin(m *pyvalue.Meter) (string, error) {
	return pyvalue.Repr(m, n.tuple())
}

// PyIter yields the items.
func (n *namedTuple) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, item := range n.items {
			if !yield(item) {
				return
			}
		}
	}
}

// PyAttr returns an item by its name.
func (n *namedTuple) PyAttr(name string) (value, bool) {
	for i, known := range n.names {
		if known == name {
			return n.items[i], true
		}
	}
	return pyvalue.Method(n.tuple(), name)
}

// PyItem returns an item by its index.
func (n *namedTuple) PyItem(key value) (value, error) { return pyvalue.GetItem(nil, n.tuple(), key) }

// PyStandsFor is the tuple.
func (n *namedTuple) PyStandsFor() value { return n.tuple() }

// ListWithAttrs returns a list whose attributes are the given values: Rossum's
// simple multivalue, a list that also answers .child_schema_id. It prints,
// counts, iterates, slices and compares as a list.
func ListWithAttrs(items []pyvalue.Value, attrs map[string]pyvalue.Value) pyvalue.Value {
	return pyvalue.FromObject(&attrList{items, attrs})
}

type attrList struct {
	items []value
	attrs map[string]value
}

func (l *attrList) PyType() string { return "list" }
func (l *attrList) PyLen() int     { return len(l.items) }
func (l *attrList) list() value    { return pyvalue.NewList(l.items...) }

// PyReprWithin prints the list.
func (l *attrList) PyReprWithin(m *pyvalue.Meter) (string, error) {
	return pyvalue.Repr(m, l.list())
}

// PyIter yields the items.
func (l *attrList) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, item := range l.items {
			if !yield(item) {
				return
			}
		}
	}
}

// PyAttr returns an attribute, or a list's method.
func (l *attrList) PyAttr(name string) (value, bool) {
	if v, ok := l.attrs[name]; ok {
		return v, true
	}
	return pyvalue.Method(l.list(), name)
}

// PyItem returns an item by its index.
func (l *attrList) PyItem(key value) (value, error) { return pyvalue.GetItem(nil, l.list(), key) }

// PyStandsFor is the list.
func (l *attrList) PyStandsFor() value { return l.list() }
