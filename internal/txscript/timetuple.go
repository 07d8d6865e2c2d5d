package txscript

import (
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// timeTuple is what timetuple returns: a tuple whose elements have names.
type timeTuple struct{ d *dateValue }

var timeParts = []string{"tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst"}

func (t *timeTuple) items() []value {
	var items []value
	for _, n := range []int{
		t.d.t.Year(), int(t.d.t.Month()), t.d.t.Day(), t.d.t.Hour(), t.d.t.Minute(), t.d.t.Second(), int(t.d.t.Weekday()+6) % 7, t.d.t.YearDay(), -1,
	} {
		items = append(items, pyvalue.Int(int64(n)))
	}
	return items
}

// PyType implements [pyvalue.Object].
func (*timeTuple) PyType() string { return "time.struct_time" }

// PyRepr prints the parts.
func (t *timeTuple) PyRepr() string {
	var out []string
	for i, v := range t.items() {
		text, _ := pyvalue.Repr(nil, v) // of an int
		out = append(out, timeParts[i]+"="+text)
	}
	return "time.struct_time(" + strings.Join(out, ", ") + ")"
}

// PyLen is the number of parts.
func (*timeTuple) PyLen() int { return len(timeParts) }

// PyIter yields the parts.
func (t *timeTuple) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for _, v := range t.items() {
			if !yield(v) {
				return
			}
		}
	}
}

// PyItem returns a part, or several as a tuple.
func (t *timeTuple) PyItem(key value) (value, error) {
	return getItem(pyvalue.NewTuple(t.items()...), key)
}

// PyAttr returns a part by its name.
func (t *timeTuple) PyAttr(name string) (value, bool) {
	for i, part := range timeParts {
		if part == name {
			return t.items()[i], true
		}
	}
	return value{}, false
}

func (t *timeTuple) slice(lo, hi, step value) (value, error) {
	return pyvalue.Slice(nil, pyvalue.NewTuple(t.items()...), lo, hi, step)
}
