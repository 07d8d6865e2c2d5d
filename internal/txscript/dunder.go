package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// comparisons are the methods that the operators of comparison call.
var comparisons = map[string]pyvalue.CmpOp{
	"__eq__": pyvalue.CmpEq, "__ne__": pyvalue.CmpNe, "__lt__": pyvalue.CmpLt, "__le__": pyvalue.CmpLe, "__gt__": pyvalue.CmpGt, "__ge__": pyvalue.CmpGe,
}

// operatorsOf are the operators that the values of a builtin class know.
func operatorsOf(v value) string {
	switch v.Kind() {
	case pyvalue.KindInt, pyvalue.KindBool:
		return "add sub mul truediv floordiv mod pow and or xor lshift rshift"
	case pyvalue.KindFloat:
		return "add sub mul truediv floordiv mod pow"
	case pyvalue.KindStr, pyvalue.KindMarkup, pyvalue.KindBytes:
		return "add mul mod"
	case pyvalue.KindList, pyvalue.KindTuple:
		return "add mul"
	case pyvalue.KindSet:
		return "and or sub xor"
	case pyvalue.KindDict:
		return "or"
	}
	return ""
}

// operatorBy returns the operator that a method such as __add__ or __radd__ is of.
func operatorBy(v value, name string) (op pyvalue.Op, reflected, ok bool) {
	word, isMethod := strings.CutSuffix(strings.TrimPrefix(name, "__"), "__")
	known := strings.Fields(operatorsOf(v))
	if isMethod && !slices.Contains(known, word) {
		word, reflected = strings.TrimPrefix(word, "r"), true
	}
	if !isMethod || !slices.Contains(known, word) {
		return 0, false, false
	}
	for _, op := range binaryOps {
		if pyvalue.OperatorMethod(op, false) == "__"+word+"__" {
			return op, reflected, true
		}
	}
	return 0, false, false
}

// dunder returns a method of a builtin value that Python calls by itself: (5).__add__.
func dunder(v value, name string) (value, bool) {
	if len(name) < 5 || !strings.HasPrefix(name, "__") || userClassOf(v) != nil && v.Derived() == nil {
		return value{}, false
	}
	takes, f := dunderFunction(v, name)
	if f == nil {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		if name == "__round__" && len(c.Args) > 0 && len(c.Names) == 0 {
			return f(r, c.Args)
		}
		if err := c.Exactly(name, takes); err != nil {
			return value{}, err
		}
		return f(r, c.Args)
	}}), true
}

func dunderFunction(v value, name string) (takes int, f func(r *run, args []value) (value, error)) {
	if op, ok := comparisons[name]; ok {
		return 1, func(r *run, args []value) (value, error) { return compareMethod(r, op, v, args[0]) }
	}
	if op, reflected, ok := operatorBy(v, name); ok {
		return 1, func(r *run, args []value) (value, error) {
			a, b := v, args[0]
			if reflected {
				a, b = b, a
			}
			made, err := pyvalue.Binary(r.meter, op, a, b)
			if e, ok := err.(*pyvalue.Error); ok && e.Type == "TypeError" {
				return pyvalue.FromObject(theNotImplemented), nil
			}
			return made, err
		}
	}
	call := func(function string) func(r *run, args []value) (value, error) {
		return func(r *run, args []value) (value, error) {
			return r.call(builtins()[function], &pyvalue.Call{Args: append([]value{v}, args...), Meter: r.meter})
		}
	}
	container := v.Kind() >= pyvalue.KindStr && v.Kind() <= pyvalue.KindSet
	_, isSpan := v.Object().(*pyvalue.Range)
	number := v.IsNumber()
	switch name {
	case "__str__":
		return 0, call("str")
	case "__repr__", "__hash__":
		return 0, call(strings.Trim(name, "_"))
	case "__format__":
		return 1, call("format")
	}
	switch {
	case name == "__round__" && number:
		return 0, call("round")
	case name == "__len__" && (container || isSpan), name == "__iter__" && pyvalue.Iterable(v) == nil, name == "__next__" && isLazy(v),
		number && slices.Contains([]string{"__int__", "__float__", "__bool__", "__abs__"}, name):
		return 0, call(strings.Trim(name, "_"))
	case name == "__divmod__" && number:
		return 1, call("divmod")
	case name == "__contains__" && (container || isSpan):
		return 1, func(r *run, args []value) (value, error) {
			has, err := contains(r, args[0], v, true)
			return pyvalue.Bool(has), err
		}
	case name == "__getitem__" && (container && v.Kind() != pyvalue.KindSet || isSpan):
		return 1, func(r *run, args []value) (value, error) { return getItem(r, v, args[0]) }
	case name == "__setitem__" && (v.List() != nil || v.Dict() != nil):
		return 2, func(r *run, args []value) (value, error) { return value{}, setItem(r, v, args[0], args[1]) }
	case name == "__delitem__" && (v.List() != nil || v.Dict() != nil):
		return 1, func(r *run, args []value) (value, error) { return value{}, delItem(r, v, args[0]) }
	case name == "__neg__" && number:
		return 0, func(r *run, _ []value) (value, error) { return pyvalue.Neg(r.meter, v) }
	case name == "__pos__" && number:
		return 0, func(*run, []value) (value, error) { return pyvalue.Pos(v) }
	case name == "__invert__" && isInt(v):
		return 0, func(r *run, _ []value) (value, error) { return pyvalue.Invert(r.meter, v) }
	case name == "__index__" && isInt(v):
		return 0, func(*run, []value) (value, error) { return pyvalue.Pos(v) }
	}
	return 0, nil
}

func isLazy(v value) bool { _, ok := v.Object().(*lazy); return ok }

// operatorMethod calls the method of an operator that is a function, such as divmod; ok is
// false if neither side has one that says anything.
func (r *run) operatorMethod(word string, a, b value) (v value, ok bool, err error) {
	for _, side := range []struct {
		own, other value
		name       string
	}{{a, b, "__" + word + "__"}, {b, a, "__r" + word + "__"}} {
		f, has, err := special(side.own, side.name)
		if err != nil {
			return value{}, false, err
		}
		if !has {
			continue
		}
		v, err := r.call(f, &pyvalue.Call{Args: []value{side.other}, Meter: r.meter})
		if err != nil || !isNotImplemented(v) {
			return v, true, err
		}
	}
	return value{}, false, nil
}

// compareMethod is a.__eq__(b): NotImplemented for values that are not compared.
func compareMethod(r *run, op pyvalue.CmpOp, a, b value) (value, error) {
	a, b = a.Base(), b.Base() // a class's own methods call this one
	if (op == pyvalue.CmpEq || op == pyvalue.CmpNe) && a.Kind() != b.Kind() && !(a.IsNumber() && b.IsNumber()) {
		return pyvalue.FromObject(theNotImplemented), nil
	}
	result, err := pyvalue.CompareWithin(r.meter, op, a, b)
	if e, ok := err.(*pyvalue.Error); ok && e.Type == "TypeError" {
		return pyvalue.FromObject(theNotImplemented), nil
	}
	return pyvalue.Bool(result), err
}

// samples are values of the builtin classes, by which their methods are known.
var samples = map[string]value{
	"str": pyvalue.Str(""), "list": pyvalue.NewList(), "dict": pyvalue.NewDict().Value(), "tuple": pyvalue.NewTuple(),
	"int": pyvalue.Int(0), "float": pyvalue.Float(0), "bytes": pyvalue.Bytes(nil),
}

// unbound returns a method of a builtin class that takes the value as its first
// argument: str.upper, dict.get.
func (k *class) unbound(name string) (value, bool) {
	sample, ok := samples[k.name]
	if !ok && k.name == "set" {
		sample, _ = pyvalue.NewSet(nil)
		ok = true
	}
	if k.name == "object" && name == "__setattr__" {
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly(name, 3); err != nil {
				return value{}, err
			}
			return value{}, setPlainly(c.Args[0], c.Args[1].Text(), c.Args[2])
		}}), true
	}
	if name == "__new__" {
		return pyvalue.FromObject(&builtin{name, newBare}), true
	}
	if k.name == "object" && name == "__init__" {
		return pyvalue.FromObject(&builtin{name, func(*run, *pyvalue.Call) (value, error) { return value{}, nil }}), true
	}
	_, isDunder := dunder(sample, name)
	isMethod := pyvalue.HasMethod(sample, name)
	if !ok || !isMethod && !isDunder {
		return value{}, false
	}
	return pyvalue.FromObject(&descriptor{builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) == 0 {
			return value{}, pyvalue.Raise("TypeError", "unbound method %s.%s() needs an argument", k.name, name)
		}
		self := c.Args[0].Base()
		if !k.has(self) {
			return value{}, pyvalue.Raise("TypeError", "descriptor '%s' for '%s' objects doesn't apply to a '%s' object", name, k.name, pyvalue.TypeName(self))
		}
		call := &pyvalue.Call{Args: c.Args[1:], Names: c.Names, Named: c.Named, Meter: c.Meter}
		if isMethod {
			return pyvalue.CallMethod(r.meter, self, name, call)
		}
		f, _ := dunder(self, name)
		return r.call(f, call)
	}}}), true
}

// descriptor is a method of a builtin class as an attribute of that, which becomes a method
// of the objects of a class that has it: __hash__ = str.__hash__.
type descriptor struct{ builtin }

// PyType implements [pyvalue.Object].
func (*descriptor) PyType() string { return "method_descriptor" }
