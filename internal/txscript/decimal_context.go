package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// decimalParameters are the parameters of a Decimal's methods, but of those that read them
// themselves. One that is called context is used in place of the current one.
var decimalParameters = map[string][]string{
	"normalize": {"context"}, "sqrt": {"context"}, "ln": {"context"}, "log10": {"context"}, "exp": {"context"}, "fma": {"other", "third", "context"},
	"compare": {"other", "context"}, "max": {"other", "context"}, "min": {"other", "context"}, "scaleb": {"other", "context"},
	"same_quantum": {"other", "context"}, "copy_sign": {"other", "context"},
	"is_zero": {}, "is_nan": {}, "is_finite": {}, "is_infinite": {}, "is_signed": {}, "adjusted": {}, "copy_abs": {}, "copy_negate": {}, "conjugate": {},
	"as_tuple": {}, "as_integer_ratio": {},
}

// call calls a method, in the context that it is given.
func (o *decimalValue) call(name string, f decimalMethod, c *pyvalue.Call) (value, error) {
	if err := o.of.charge(o.d); err != nil {
		return value{}, err
	}
	names, known := decimalParameters[name]
	if !known {
		return f(o, c)
	}
	least := len(names)
	own := slices.Contains(names, "context")
	if own {
		least--
	}
	if err := c.Check(name, least, names...); err != nil {
		return value{}, err
	}
	k := o.of.current
	if v, given := c.Arg(least, "context"); own && given && !v.IsNone() {
		if k, given = v.Object().(*decimalContext); !given {
			return value{}, pyvalue.Raise("TypeError", "optional argument must be a context")
		}
	}
	args := make([]value, least)
	for i, name := range names[:least] {
		args[i], _ = c.Arg(i, name)
	}
	return k.current(func() (value, error) { return f(o, &pyvalue.Call{Args: args, Meter: c.Meter}) })
}

// current computes while k is the current context.
func (k *decimalContext) current(f func() (value, error)) (value, error) {
	before := k.of.current
	k.of.current = k
	defer func() { k.of.current = before }()
	return f()
}

// contextOperators are the methods of a context that are an operator of two numbers.
var contextOperators = map[string]pyvalue.Op{
	"add": pyvalue.OpAdd, "subtract": pyvalue.OpSub, "multiply": pyvalue.OpMul, "divide": pyvalue.OpDiv, "divide_int": pyvalue.OpFloorDiv,
	"remainder": pyvalue.OpMod, "power": pyvalue.OpPow,
}

// contextMethods are those that a context has of a number's methods.
var contextMethods = []string{
	"normalize", "sqrt", "ln", "log10", "exp", "fma", "compare", "max", "min", "scaleb", "same_quantum", "copy_sign", "copy_abs", "copy_negate",
	"is_zero", "is_nan", "is_finite", "is_infinite", "is_signed", "quantize", "to_integral_value", "to_integral_exact",
}

// operation is a method of the context that computes: add(a, b), or normalize(a).
func (k *decimalContext) operation(name string) (value, bool) {
	op, operator := contextOperators[name]
	sign := slices.Contains([]string{"plus", "minus", "abs"}, name)
	if !operator && !sign && !slices.Contains(contextMethods, name) {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) == 0 || operator && len(c.Args) != 2 || sign && len(c.Args) != 1 || len(c.Names) > 0 {
			return value{}, pyvalue.Raise("TypeError", "%s() takes numbers by their position; it got %d", name, len(c.Args))
		}
		d, err := k.of.operand(c.Args[0])
		if err != nil {
			return value{}, err
		}
		o := &decimalValue{d, k.of}
		return k.current(func() (value, error) {
			switch {
			case operator:
				return o.operator(op, c.Args[1])
			case name == "abs":
				return o.PyAbs()
			case sign:
				return o.PySigned(name == "minus")
			}
			return o.call(name, decimalMethods()[name], &pyvalue.Call{Args: c.Args[1:], Meter: c.Meter})
		})
	}}), true
}

// operator computes with a number of another kind only if that can become a Decimal.
func (o *decimalValue) operator(op pyvalue.Op, other value) (value, error) {
	if _, err := o.of.operand(other); err != nil {
		return value{}, err
	}
	v, _, err := o.PyBinary(op, other, false)
	return v, err
}
