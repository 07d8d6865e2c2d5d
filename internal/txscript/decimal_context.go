package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/decimal"
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
	names, known := decimalParameters[name]
	if !known {
		return o.within(o.of.current, f, c)
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
	return o.within(k, f, &pyvalue.Call{Args: args, Meter: c.Meter})
}

// within calls a method while k is the current context.
func (o *decimalValue) within(k *decimalContext, f decimalMethod, c *pyvalue.Call) (value, error) {
	before := o.of.current
	o.of.current = k
	defer func() { o.of.current = before }()
	if err := o.of.charge(o.d); err != nil {
		return value{}, err
	}
	return f(o, c)
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
	sign := slices.Index([]string{"plus", "minus", "abs"}, name)
	if !operator && sign < 0 && !slices.Contains(contextMethods, name) {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) == 0 || operator && len(c.Args) != 2 || sign >= 0 && len(c.Args) != 1 || len(c.Names) > 0 {
			return value{}, pyvalue.Raise("TypeError", "%s() takes numbers by their position; it got %d", name, len(c.Args))
		}
		d, err := k.of.operand(c.Args[0])
		if err != nil {
			return value{}, err
		}
		o := &decimalValue{d, k.of}
		rest := &pyvalue.Call{Args: c.Args[1:], Meter: c.Meter}
		switch {
		case operator:
			return o.within(k, func(o *decimalValue, c *pyvalue.Call) (value, error) {
				v, ok, err := o.PyBinary(op, c.Args[0], false)
				if err == nil && !ok {
					_, err = o.of.operand(c.Args[0])
				}
				return v, err
			}, rest)
		case sign >= 0:
			return o.within(k, func(o *decimalValue, _ *pyvalue.Call) (value, error) {
				return o.PySigned(sign == 1 || sign == 2 && o.d.Neg && o.d.Form != decimal.NaN)
			}, rest)
		}
		return o.within(k, func(o *decimalValue, c *pyvalue.Call) (value, error) { return o.call(name, decimalMethods()[name], c) }, rest)
	}}), true
}
