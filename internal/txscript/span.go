package txscript

import (
	"iter"
	"math"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// span is a range.
type span struct{ start, stop, step int64 }

func newRange(_ *run, c *pyvalue.Call) (value, error) {
	switch n := len(c.Args); {
	case len(c.Names) > 0:
		return value{}, pyvalue.Raise("TypeError", "range() takes no keyword arguments")
	case n == 0:
		return value{}, pyvalue.Raise("TypeError", "range expected at least 1 argument, got 0")
	case n > 3:
		return value{}, pyvalue.Raise("TypeError", "range expected at most 3 arguments, got %d", n)
	}
	numbers := []int64{0, 0, 1}
	for i, a := range c.Args {
		if a.Kind() != pyvalue.KindInt && a.Kind() != pyvalue.KindBool {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(a))
		}
		n, ok := a.Int64()
		if !ok || n > 1<<62 || n < -1<<62 {
			return value{}, pyvalue.Raise("OverflowError", "Python int too large to convert to C ssize_t")
		}
		numbers[i] = n
	}
	s := &span{numbers[0], numbers[1], numbers[2]}
	if len(c.Args) == 1 {
		s.start, s.stop = 0, numbers[0]
	}
	if s.step == 0 {
		return value{}, pyvalue.Raise("ValueError", "range() arg 3 must not be zero")
	}
	return pyvalue.FromObject(s), nil
}

// PyType implements [pyvalue.Object].
func (s *span) PyType() string { return "range" }

// PyLen returns the number of elements.
func (s *span) PyLen() int {
	switch {
	case s.step > 0 && s.start < s.stop:
		return int((s.stop - s.start + s.step - 1) / s.step)
	case s.step < 0 && s.start > s.stop:
		return int((s.start - s.stop - s.step - 1) / -s.step)
	}
	return 0
}

// PyIter yields the elements.
func (s *span) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for i := range s.PyLen() {
			if !yield(pyvalue.Int(s.start + int64(i)*s.step)) {
				return
			}
		}
	}
}

// slice returns a part, which is a range, too.
func (s *span) slice(lo, hi, step value) (value, error) {
	from, to, by, err := pyvalue.SliceBounds(s.PyLen(), lo, hi, step)
	if err != nil {
		return value{}, err
	}
	return pyvalue.FromObject(&span{s.start + int64(from)*s.step, s.start + int64(to)*s.step, s.step * int64(by)}), nil
}

// PyAttr returns what the range was made of, and its methods.
func (s *span) PyAttr(name string) (value, bool) {
	switch name {
	case "start":
		return pyvalue.Int(s.start), true
	case "stop":
		return pyvalue.Int(s.stop), true
	case "step":
		return pyvalue.Int(s.step), true
	case "index", "count":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if err := exactly(c, "range."+name, 1); err != nil {
				return value{}, err
			}
			at, has := s.find(c.Args[0])
			switch {
			case name == "count" && has:
				return pyvalue.Int(1), nil
			case name == "count":
				return pyvalue.Int(0), nil
			case has:
				return pyvalue.Int(at), nil
			}
			text, err := pyvalue.Repr(nil, c.Args[0])
			if err != nil {
				return value{}, err
			}
			return value{}, pyvalue.Raise("ValueError", "%s is not in range", text)
		}}), true
	}
	return value{}, false
}

// find returns where a number stands.
func (s *span) find(v value) (at int64, ok bool) {
	n, isInt := v.Int64()
	if f, isFloat := v.Float64(); !isInt && isFloat && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		n, isInt = int64(f), true
	}
	if !isInt || (n-s.start)%s.step != 0 {
		return 0, false
	}
	at = (n - s.start) / s.step
	return at, at >= 0 && at < int64(s.PyLen())
}

// PyContains finds a number without a walk.
func (s *span) PyContains(v value) (bool, error) {
	_, ok := s.find(v)
	return ok, nil
}

// PyItem returns an element.
func (s *span) PyItem(key value) (value, error) {
	if part, ok := key.Object().(*slice); ok {
		return s.slice(part[0], part[1], part[2])
	}
	i, ok := key.Int64()
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "range indices must be integers or slices, not %s", pyvalue.TypeName(key))
	}
	if i < 0 {
		i += int64(s.PyLen())
	}
	if i < 0 || i >= int64(s.PyLen()) {
		return value{}, pyvalue.Raise("IndexError", "range object index out of range")
	}
	return pyvalue.Int(s.start + i*s.step), nil
}

// PyRepr prints the range.
func (s *span) PyRepr() string {
	items := []value{pyvalue.Int(s.start), pyvalue.Int(s.stop)}
	if s.step != 1 {
		items = append(items, pyvalue.Int(s.step))
	}
	text, _ := pyvalue.Repr(nil, pyvalue.NewTuple(items...)) // of a few ints
	return "range" + text
}

// PyEqual compares what two ranges yield.
func (s *span) PyEqual(other value) bool {
	o, ok := other.Object().(*span)
	if !ok || o.PyLen() != s.PyLen() {
		return false
	}
	return s.PyLen() == 0 || s.start == o.start && (s.PyLen() == 1 || s.step == o.step)
}
