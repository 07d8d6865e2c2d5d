package pyvalue

import (
	"iter"
	"slices"
)

// Object is a value that another package brings: a function, a loop variable, a
// date. Its abilities are the optional interfaces that this package looks for:
//
//	PyStr() string                                str()
//	PyRepr() string                               repr()
//	PyStrWithin(m *Meter) (string, error)         str() of what holds other values, which it prints with m
//	PyReprWithin(m *Meter) (string, error)        repr() of it
//	PyTruth() bool, PyLen() int                   bool(), len()
//	PyAttr(name string) (Value, bool)             o.name
//	PyStandsFor() Value                           the value that o is in operators, comparisons, o[key] and JSON
//	PyItem(key Value) (Value, error)              o[key]
//	PyIter() iter.Seq[Value]                      for x in o
//	PyWalk() (Walk, error)                        for x in o, where that may fail
//	PySlice(lo, hi, step Value) (Value, error)    o[lo:hi:step]
//	PyContains(v Value) (bool, error)             v in o
//	PyCall(c *Call) (Value, error)                o(…)
//	PyEqual(other Value) bool                     o == other
//	PyCompare(other Value) (int, bool)            o < other
//	PyCompareError(other Value) error             what is raised where PyCompare says false
//	PyBinary(op Op, other Value, reflected bool) (Value, bool, error)
//	PySigned(negative bool) (Value, error)        -o, +o
//	PyInt() (Value, error)                        int(o)
//	PyReal() (float64, error)                     float(o)
//	PyRound(digits Value) (Value, error)          round(o)
//	PyFormat(m *Meter, spec string) (string, error) format(o, spec), where spec is not empty
//	PyOwnFormat(spec string) (string, bool, error) format(o, spec) of a class of the program; false if that defines none
//	PyGetAttr(name string) (Value, bool, error)   o.name, where that may fail
//	PyHashNumber() (Value, bool, error)           hash(o) of a class of the program; false if that defines none
//	PyNumber() (Value, bool)                      a number that is equal, as a key of a dict; then PyHash is there, too
//	PyHash() (string, error)                      as a key of a dict
type Object interface{ PyType() string }

// standIn is an object that behaves as another value, such as a list with attributes.
type standIn interface{ PyStandsFor() Value }

// stoodFor is the value that v behaves as: v itself, but for a [standIn].
func (v Value) stoodFor() Value {
	if o, ok := v.any.(standIn); ok {
		return o.PyStandsFor()
	}
	return v
}

// Call is a call of a function: positional arguments, then named ones in order.
type Call struct {
	Args  []Value
	Names []string
	Named []Value
	Meter *Meter
}

// Arg returns the argument at a position or with a name, and whether it was given.
func (c *Call) Arg(position int, name string) (Value, bool) {
	if position >= 0 && position < len(c.Args) {
		return c.Args[position], true
	}
	for i, n := range c.Names {
		if n == name {
			return c.Named[i], true
		}
	}
	return Value{}, false
}

// Check raises TypeError when there are more positional arguments than names,
// or a named one that is not among them, or one that is given twice.
func (c *Call) Check(function string, required int, names ...string) error {
	if len(c.Args) > len(names) {
		return typeError("%s() takes at most %d arguments (%d given)", function, len(names), len(c.Args)+len(c.Names))
	}
	for _, n := range c.Names {
		at := -1
		for i, known := range names {
			if known == n {
				at = i
			}
		}
		if at < 0 {
			return typeError("%s() got an unexpected keyword argument '%s'", function, n)
		}
		if at < len(c.Args) {
			return typeError("%s() got multiple values for argument '%s'", function, n)
		}
	}
	for i := range required {
		if _, ok := c.Arg(i, names[i]); !ok {
			return typeError("%s() missing required argument '%s' (pos %d)", function, names[i], i+1)
		}
	}
	return nil
}

// CheckNative is [Call.Check] with the words of a function that CPython has in C; one
// without a name, which makes dates and times, is "function" there.
func (c *Call) CheckNative(function string, required int, names ...string) error {
	shown, unknown := function+"()", function+"()"
	if function == "" {
		shown, unknown = "function", "this function"
	}
	if given := len(c.Args) + len(c.Names); given > len(names) {
		bound, kind := "at most", ""
		if required == len(names) && function != "" {
			bound = "exactly"
		}
		if len(c.Args) == 0 {
			kind = "keyword "
		}
		return typeError("%s takes %s %d %sarguments (%d given)", shown, bound, len(names), kind, given)
	}
	for i := range required {
		if _, ok := c.Arg(i, names[i]); !ok {
			return typeError("%s missing required argument '%s' (pos %d)", shown, names[i], i+1)
		}
	}
	for _, n := range c.Names {
		switch at := slices.Index(names, n); {
		case at < 0:
			return typeError("'%s' is an invalid keyword argument for %s", n, unknown)
		case at < len(c.Args):
			return typeError("argument for %s given by name ('%s') and position (%d)", shown, n, at+1)
		}
	}
	return nil
}

// Spread adds the elements of *v to the positional arguments.
func (c *Call) Spread(v Value) error {
	items, err := Collect(c.Meter, v)
	c.Args = append(c.Args, items...)
	return err
}

// SpreadNamed adds the members of **v to the named arguments of a call of a function of
// that name. The names must be the caller's own.
func (c *Call) SpreadNamed(function string, v Value) error {
	d := v.Dict()
	if d == nil {
		return typeError("argument after ** must be a mapping, not %s", TypeName(v))
	}
	for k, item := range d.All() {
		if !k.IsText() {
			return typeError("keywords must be strings")
		}
		if slices.Contains(c.Names, k.Text()) {
			return typeError("%s() got multiple values for keyword argument '%s'", function, k.Text())
		}
		c.Names, c.Named = append(c.Names, k.Text()), append(c.Named, item)
	}
	return nil
}

// Exactly raises TypeError unless there are n positional arguments and no named ones.
func (c *Call) Exactly(function string, n int) error { return positional(c, function, n, n) }

// Func is a function as an [Object].
type Func struct {
	Name string
	F    func(c *Call) (Value, error)
}

// PyType implements [Object].
func (f *Func) PyType() string { return "function" }

// PyRepr prints the function as CPython does, with a made-up address.
func (f *Func) PyRepr() string { return "<function " + f.Name + ">" }

// PyCall calls the function.
func (f *Func) PyCall(c *Call) (Value, error) { return f.F(c) }

// CallValue calls a value.
func CallValue(fn Value, c *Call) (Value, error) {
	if fn.IsUndefined() {
		return Value{}, undefinedError(fn)
	}
	if o, ok := fn.any.(interface {
		PyCall(c *Call) (Value, error)
	}); ok {
		return o.PyCall(c)
	}
	return Value{}, typeError("'%s' object is not callable", TypeName(fn))
}

// Callable reports whether a value can be called.
func Callable(v Value) bool {
	_, ok := v.any.(interface {
		PyCall(c *Call) (Value, error)
	})
	return ok
}

// view is what dict.keys(), values() and items() return: it shows the dict as
// it is when it is looked at.
type view struct {
	d    *Dict
	what string // keys, values or items
}

func (v *view) PyType() string { return "dict_" + v.what }

func (v *view) PyLen() int { return v.d.Len() }

func (v *view) PyIter() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for k, val := range v.d.All() {
			item := k
			switch v.what {
			case "values":
				item = val
			case "items":
				item = NewPair(k, val)
			}
			if !yield(item) {
				return
			}
		}
	}
}

// PyAttr returns the method that keys and items have.
func (v *view) PyAttr(name string) (Value, bool) {
	if name != "isdisjoint" || v.what == "values" {
		return Value{}, false
	}
	return NewBuiltin(name, func(c *Call) (Value, error) {
		own, err := v.asSet(c.Meter)
		if err != nil {
			return Value{}, err
		}
		return setDisjoint(c.Meter, own, c)
	}), true
}

// asSet returns keys or items as a set.
func (v *view) asSet(m *Meter) (Value, error) {
	items, err := Collect(m, Value{any: v})
	if err != nil {
		return Value{}, err
	}
	return NewSet(m, items...)
}

// isView reports keys or items, which set operators work on.
func isView(v Value) bool { x, ok := v.any.(*view); return ok && x.what != "values" }

// viewOp is a set operator with keys or items on a side, and anything that can be
// iterated on the other.
func viewOp(m *Meter, op Op, a, b Value) (Value, bool, error) {
	switch op {
	case OpAnd, OpOr, OpSub, OpXor:
	default:
		return Value{}, false, nil
	}
	var sides [2]Value
	for i, v := range []Value{a, b} {
		if v.Kind() == KindSet {
			sides[i] = v
			continue
		}
		items, err := Collect(m, v)
		if err != nil {
			return Value{}, true, err
		}
		if sides[i], err = NewSet(m, items...); err != nil {
			return Value{}, true, err
		}
	}
	return setOp(m, op, sides[0].Set(), sides[1].Set())
}
