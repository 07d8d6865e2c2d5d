package jinja

import (
	"iter"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// globals are the names that every template knows.
var globals = map[string]value{
	"range":     pyvalue.FromObject(&class{"range", newRange}),
	"dict":      pyvalue.FromObject(&class{"dict", newDict}),
	"namespace": pyvalue.FromObject(&class{"namespace", newNamespace}),
	"cycler":    pyvalue.FromObject(&class{"cycler", newCycler}),
	"joiner":    pyvalue.FromObject(&class{"joiner", newJoiner}),
	"lipsum": pyvalue.FromObject(&class{"lipsum", func(*pyvalue.Call) (value, error) {
		return value{}, pyvalue.Raise("TemplateRuntimeError", "'lipsum' is not supported: random text has no place in an export")
	}}),
}

// class is a global that makes objects.
type class struct {
	name string
	make func(c *pyvalue.Call) (value, error)
}

func (k *class) PyType() string { return "type" }
func (k *class) PyRepr() string { return "<class '" + k.name + "'>" }
func (k *class) PyTruth() bool  { return true }

// PyCall makes an object.
func (k *class) PyCall(c *pyvalue.Call) (value, error) { return k.make(c) }

// span is a range.
type span struct{ start, stop, step int64 }

func newRange(c *pyvalue.Call) (value, error) {
	if len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "range() takes no keyword arguments")
	}
	if len(c.Args) == 0 || len(c.Args) > 3 {
		return value{}, pyvalue.Raise("TypeError", "range expected %s argument%s, got %d", map[bool]string{true: "at least 1", false: "at most 3"}[len(c.Args) == 0], map[bool]string{true: "", false: "s"}[len(c.Args) == 0], len(c.Args))
	}
	numbers := []int64{0, 0, 1}
	for i, a := range c.Args {
		if a.IsUndefined() {
			return value{}, pyvalue.Raise("UndefinedError", "%s", a.Hint())
		}
		if a.Kind() != pyvalue.KindInt && a.Kind() != pyvalue.KindBool {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(a))
		}
		n, ok := a.Int64()
		if !ok || n > 1<<62 || n < -1<<62 {
			return value{}, pyvalue.Raise("OverflowError", "Python int too large to convert to C ssize_t")
		}
		numbers[i] = n
	}
	r := &span{numbers[0], numbers[1], numbers[2]}
	if len(c.Args) == 1 {
		r.start, r.stop = 0, numbers[0]
	}
	if r.step == 0 {
		return value{}, pyvalue.Raise("ValueError", "range() arg 3 must not be zero")
	}
	return pyvalue.FromObject(r), nil
}

func (r *span) PyType() string { return "range" }

func (r *span) PyLen() int {
	switch {
	case r.step > 0 && r.start < r.stop:
		return int((r.stop - r.start + r.step - 1) / r.step)
	case r.step < 0 && r.start > r.stop:
		return int((r.start - r.stop - r.step - 1) / -r.step)
	}
	return 0
}

func (r *span) at(i int) value { return pyvalue.Int(r.start + int64(i)*r.step) }

func (r *span) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for i := range r.PyLen() {
			if !yield(r.at(i)) {
				return
			}
		}
	}
}

func (r *span) PyRepr() string {
	items := []value{pyvalue.Int(r.start), pyvalue.Int(r.stop)}
	if r.step != 1 {
		items = append(items, pyvalue.Int(r.step))
	}
	text, _ := pyvalue.Repr(nil, pyvalue.NewTuple(items...)) // of a few ints
	return "range" + text
}

// PyItem returns range(…)[i].
func (r *span) PyItem(key value) (value, error) {
	i, ok := key.Int64()
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "range indices must be integers or slices, not %s", pyvalue.TypeName(key))
	}
	if i < 0 {
		i += int64(r.PyLen())
	}
	if i < 0 || i >= int64(r.PyLen()) {
		return value{}, pyvalue.Raise("IndexError", "range object index out of range")
	}
	return r.at(int(i)), nil
}

// slice is range(…)[lo:hi:step], which is a range.
func (r *span) slice(bounds [3]value) (value, error) {
	from, to, by, err := pyvalue.SliceBounds(r.PyLen(), bounds[0], bounds[1], bounds[2])
	if err != nil {
		return value{}, err
	}
	return pyvalue.FromObject(&span{r.start + int64(from)*r.step, r.start + int64(to)*r.step, r.step * int64(by)}), nil
}

// PyAttr gives what Python's ranges have.
func (r *span) PyAttr(name string) (value, bool) {
	switch name {
	case "start":
		return pyvalue.Int(r.start), true
	case "stop":
		return pyvalue.Int(r.stop), true
	case "step":
		return pyvalue.Int(r.step), true
	case "count", "index":
		return pyvalue.FromObject(&pyvalue.Func{Name: name, F: func(c *pyvalue.Call) (value, error) { return r.look(name, c) }}), true
	}
	return value{}, false
}

// look is range(…).count(v) or range(…).index(v).
func (r *span) look(name string, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 1 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "range.%s() takes exactly one argument (%d given)", name, len(c.Args))
	}
	has, err := r.PyContains(c.Args[0])
	switch n, ok := c.Args[0].Int64(); {
	case err != nil:
		return value{}, err
	case name == "count":
		return pyvalue.Int(map[bool]int64{true: 1}[has]), nil
	case has && ok:
		return pyvalue.Int((n - r.start) / r.step), nil
	}
	text, err := pyvalue.Repr(c.Meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return value{}, pyvalue.Raise("ValueError", "%s is not in range", text)
}

// PyContains tells without walking through the range.
func (r *span) PyContains(v value) (bool, error) {
	b := v.BigInt()
	if b == nil {
		f, ok := v.Float64()
		if !ok || f != float64(int64(f)) {
			return false, nil
		}
		b = big.NewInt(int64(f))
	}
	if !b.IsInt64() {
		return false, nil
	}
	i := b.Int64()
	if r.step > 0 && (i < r.start || i >= r.stop) || r.step < 0 && (i > r.start || i <= r.stop) {
		return false, nil
	}
	return (i-r.start)%r.step == 0, nil
}

// PyEqual compares what two ranges yield.
func (r *span) PyEqual(other value) bool {
	o, ok := other.Object().(*span)
	if !ok || o.PyLen() != r.PyLen() {
		return false
	}
	return r.PyLen() == 0 || r.start == o.start && (r.PyLen() == 1 || r.step == o.step)
}

func newDict(c *pyvalue.Call) (value, error) {
	d := pyvalue.NewDict()
	if len(c.Args) > 1 {
		return value{}, pyvalue.Raise("TypeError", "dict expected at most 1 argument, got %d", len(c.Args))
	}
	if len(c.Args) == 1 {
		if err := pyvalue.UpdateDict(c.Meter, d, c.Args[0]); err != nil {
			return value{}, err
		}
	}
	for i, name := range c.Names {
		d.SetStr(name, c.Named[i])
	}
	return d.Value(), nil
}

// namespace holds values that a set within a loop can change.
type namespace struct{ attrs *pyvalue.Dict }

func newNamespace(c *pyvalue.Call) (value, error) {
	d, err := newDict(c)
	return pyvalue.FromObject(&namespace{d.Dict()}), err
}

func (n *namespace) PyType() string        { return "Namespace" }
func (n *namespace) qualifiedName() string { return "jinja2.utils.Namespace" }

func (n *namespace) PyRepr() string {
	text, _ := pyvalue.Repr(nil, n.attrs.Value()) // only its depth could fail
	return "<Namespace " + text + ">"
}

// PyAttr returns a value by its name.
func (n *namespace) PyAttr(name string) (value, bool) { return n.attrs.GetStr(name) }

// cycler gives its items again and again.
type cycler struct {
	items []value
	pos   int
}

func newCycler(c *pyvalue.Call) (value, error) {
	if len(c.Args) == 0 {
		return value{}, pyvalue.Raise("RuntimeError", "at least one item has to be provided")
	}
	return pyvalue.FromObject(&cycler{items: c.Args}), nil
}

func (k *cycler) PyType() string        { return "Cycler" }
func (k *cycler) qualifiedName() string { return "jinja2.utils.Cycler" }

// PyAttr gives current, next and reset.
func (k *cycler) PyAttr(name string) (value, bool) {
	switch name {
	case "current":
		return k.items[k.pos], true
	case "items":
		return pyvalue.NewTuple(k.items...), true
	case "pos":
		return pyvalue.Int(int64(k.pos)), true
	case "next":
		return pyvalue.FromObject(&pyvalue.Func{Name: "next", F: func(*pyvalue.Call) (value, error) {
			v := k.items[k.pos]
			k.pos = (k.pos + 1) % len(k.items)
			return v, nil
		}}), true
	case "reset":
		return pyvalue.FromObject(&pyvalue.Func{Name: "reset", F: func(*pyvalue.Call) (value, error) {
			k.pos = 0
			return value{}, nil
		}}), true
	}
	return value{}, false
}

// joiner returns nothing the first time and its separator from then on.
type joiner struct {
	sep  value
	used bool
}

func newJoiner(c *pyvalue.Call) (value, error) {
	if err := c.Check("joiner", 0, "sep"); err != nil {
		return value{}, err
	}
	sep, ok := c.Arg(0, "sep")
	if !ok {
		sep = pyvalue.Str(", ")
	}
	return pyvalue.FromObject(&joiner{sep: sep}), nil
}

func (j *joiner) PyType() string        { return "Joiner" }
func (j *joiner) qualifiedName() string { return "jinja2.utils.Joiner" }

// PyAttr gives sep and used.
func (j *joiner) PyAttr(name string) (value, bool) {
	switch name {
	case "sep":
		return j.sep, true
	case "used":
		return pyvalue.Bool(j.used), true
	}
	return value{}, false
}

// PyCall returns the separator.
func (j *joiner) PyCall(*pyvalue.Call) (value, error) {
	if !j.used {
		j.used = true
		return pyvalue.Str(""), nil
	}
	return j.sep, nil
}
