package txscript

import (
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// namedParts is a tuple whose elements have names.
type namedParts struct {
	name  string
	names []string
	items []value
}

// PyType implements [pyvalue.Object].
func (t *namedParts) PyType() string { return t.name }

// PyRepr prints the parts.
func (t *namedParts) PyRepr() string {
	out := make([]string, len(t.items))
	for i, v := range t.items {
		text, _ := pyvalue.Repr(nil, v) // without a meter these can be printed
		out[i] = t.names[i] + "=" + text
	}
	return t.name + "(" + strings.Join(out, ", ") + ")"
}

// PyLen is the number of parts.
func (t *namedParts) PyLen() int { return len(t.items) }

// PyEqual compares with a tuple, too.
func (t *namedParts) PyEqual(other value) bool {
	if o, ok := other.Object().(*namedParts); ok {
		other = pyvalue.NewTuple(o.items...)
	}
	return pyvalue.Equal(pyvalue.NewTuple(t.items...), other)
}

// PyIter yields the parts.
func (t *namedParts) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, v := range t.items {
			if !yield(v) {
				return
			}
		}
	}
}

// PyItem returns a part, or several as a tuple.
func (t *namedParts) PyItem(key value) (value, error) {
	return getItem(pyvalue.NewTuple(t.items...), key)
}

// PyAttr returns a part by its name.
func (t *namedParts) PyAttr(name string) (value, bool) {
	for i, part := range t.names {
		if part == name {
			return t.items[i], true
		}
	}
	return value{}, false
}

func (t *namedParts) slice(lo, hi, step value) (value, error) {
	return pyvalue.Slice(nil, pyvalue.NewTuple(t.items...), lo, hi, step)
}
