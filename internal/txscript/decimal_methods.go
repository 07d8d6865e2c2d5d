package txscript

import (
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/decimal"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type decimalMethod func(o *decimalValue, c *pyvalue.Call) (value, error)

// decimalMethods are the methods of a Decimal.
func decimalMethods() map[string]decimalMethod { return decimalMethodsOnUse.Get(makeDecimalMethods) }

var decimalMethodsOnUse onuse.Value[map[string]decimalMethod]

func makeDecimalMethods() map[string]decimalMethod {
	return map[string]decimalMethod{
		"quantize":          quantize,
		"to_integral_value": toIntegral, "to_integral_exact": toIntegral, "to_integral": toIntegral,
		"normalize": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			return o.of.value(o.of.current.Normalize(o.d))
		},
		"sqrt": func(o *decimalValue, _ *pyvalue.Call) (value, error) { return o.of.value(o.of.current.Sqrt(o.d)) },
		"ln": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			return o.of.value(o.of.elementary(o.d, o.of.current.Ln))
		},
		"log10": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			return o.of.value(o.of.elementary(o.d, o.of.current.Log10))
		},
		"exp": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			return o.of.value(o.of.elementary(o.d, o.of.current.Exp))
		},
		"fma": func(o *decimalValue, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("fma", 2); err != nil {
				return value{}, err
			}
			var by [2]decimal.Decimal
			for i, v := range c.Args {
				var err error
				if by[i], err = o.of.operand(v); err != nil {
					return value{}, err
				}
			}
			if err := o.of.charge(o.d, by[0], by[1]); err != nil {
				return value{}, err
			}
			exact := decimal.Context{Prec: o.d.Digits() + by[0].Digits(), Rounding: decimal.HalfEven}
			product, err := exact.Mul(o.d, by[0])
			if err != nil {
				return value{}, decimalError(err)
			}
			return o.of.value(o.of.current.Add(product, by[1]))
		},
		"is_zero": is(decimal.Decimal.IsZero), "is_nan": is(func(d decimal.Decimal) bool { return d.Form == decimal.NaN }),
		"is_finite":   is(func(d decimal.Decimal) bool { return d.Form == decimal.Finite }),
		"is_infinite": is(func(d decimal.Decimal) bool { return d.Form == decimal.Infinite }),
		"is_signed":   is(func(d decimal.Decimal) bool { return d.Neg }),
		"adjusted":    func(o *decimalValue, _ *pyvalue.Call) (value, error) { return pyvalue.Int(o.d.Adjusted()), nil },
		"copy_abs": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			d := o.d
			d.Neg = false
			return o.of.value(d, nil)
		},
		"copy_negate": func(o *decimalValue, _ *pyvalue.Call) (value, error) {
			d := o.d
			d.Neg = !d.Neg
			return o.of.value(d, nil)
		},
		"copy_sign": withOther("copy_sign", func(o *decimalValue, other decimal.Decimal) (value, error) {
			d := o.d
			d.Neg = other.Neg
			return o.of.value(d, nil)
		}),
		"compare": withOther("compare", func(o *decimalValue, other decimal.Decimal) (value, error) {
			if o.d.Form == decimal.NaN || other.Form == decimal.NaN {
				return o.of.value(decimal.Decimal{Form: decimal.NaN}, nil)
			}
			return o.of.value(decimal.Int(big.NewInt(int64(o.d.Cmp(other)))), nil)
		}),
		"max": withOther("max", func(o *decimalValue, other decimal.Decimal) (value, error) { return o.of.value(o.extreme(other, 1)) }),
		"min": withOther("min", func(o *decimalValue, other decimal.Decimal) (value, error) { return o.of.value(o.extreme(other, -1)) }),
		"same_quantum": withOther("same_quantum", func(o *decimalValue, other decimal.Decimal) (value, error) {
			return pyvalue.Bool(o.d.Form == other.Form && (o.d.Form != decimal.Finite || o.d.Exp == other.Exp)), nil
		}),
		"scaleb": withOther("scaleb", func(o *decimalValue, other decimal.Decimal) (value, error) {
			if other.Form != decimal.Finite || other.Exp != 0 || other.Digits() > 7 {
				return value{}, &pyvalue.Error{Type: "InvalidOperation", Msg: "[<class 'decimal.InvalidOperation'>]"}
			}
			d := o.d
			d.Exp += other.BigInt().Int64()
			return o.of.value(o.of.current.Round(d))
		}),
		"conjugate":        func(o *decimalValue, _ *pyvalue.Call) (value, error) { return pyvalue.FromObject(o), nil },
		"as_tuple":         asTuple,
		"as_integer_ratio": integerRatio,
	}
}

func is(f func(decimal.Decimal) bool) decimalMethod {
	return func(o *decimalValue, c *pyvalue.Call) (value, error) { return pyvalue.Bool(f(o.d)), nil }
}

func withOther(name string, f func(o *decimalValue, other decimal.Decimal) (value, error)) decimalMethod {
	return func(o *decimalValue, c *pyvalue.Call) (value, error) {
		if err := c.Check(name, 1, "other", "context"); err != nil {
			return value{}, err
		}
		v, _ := c.Arg(0, "other")
		other, err := o.of.operand(v)
		if err == nil {
			err = o.of.charge(other)
		}
		if err != nil {
			return value{}, err
		}
		return f(o, other)
	}
}

// extreme is the larger or smaller of two numbers; NaN is passed over.
func (o *decimalValue) extreme(other decimal.Decimal, sign int) (decimal.Decimal, error) {
	d := o.d
	if d.Form == decimal.NaN || other.Form != decimal.NaN && sign*other.Cmp(d) > 0 {
		d = other
	}
	return o.of.current.Round(d)
}

// context returns the context of a call's argument, or the current one, and the mode
// of rounding of another.
func (o *decimalValue) context(c *pyvalue.Call, at int) (*decimalContext, decimal.Rounding, error) {
	k := o.of.current
	if v, ok := c.Arg(at+1, "context"); ok && !v.IsNone() {
		if k, ok = v.Object().(*decimalContext); !ok {
			return nil, "", pyvalue.Raise("TypeError", "optional argument must be a context")
		}
	}
	mode := k.Rounding
	if v, ok := c.Arg(at, "rounding"); ok && !v.IsNone() {
		var err error
		if mode, err = roundingOf(v); err != nil {
			return nil, "", err
		}
	}
	return k, mode, nil
}

func quantize(o *decimalValue, c *pyvalue.Call) (value, error) {
	if err := c.Check("quantize", 1, "exp", "rounding", "context"); err != nil {
		return value{}, err
	}
	v, _ := c.Arg(0, "exp")
	to, err := o.of.operand(v)
	if err != nil {
		return value{}, err
	}
	k, mode, err := o.context(c, 1)
	if err != nil {
		return value{}, err
	}
	return o.of.value(k.Quantize(o.d, to, mode))
}

func toIntegral(o *decimalValue, c *pyvalue.Call) (value, error) {
	if err := c.Check("to_integral_value", 0, "rounding", "context"); err != nil {
		return value{}, err
	}
	_, mode, err := o.context(c, 0)
	return o.of.valueOr(o.d.Integral(mode), err)
}

func (m *decimals) valueOr(d decimal.Decimal, err error) (value, error) {
	if err != nil {
		return value{}, err
	}
	return m.value(d, nil)
}

func asTuple(o *decimalValue, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("as_tuple", 0); err != nil {
		return value{}, err
	}
	sign, coef := int64(0), new(big.Int)
	if o.d.Neg {
		sign = 1
	}
	if o.d.Coef != nil {
		coef = o.d.Coef
	}
	var digits []value
	for _, c := range coef.String() {
		digits = append(digits, pyvalue.Int(int64(c-'0')))
	}
	exponent := pyvalue.Int(o.d.Exp)
	switch o.d.Form {
	case decimal.Infinite:
		exponent = pyvalue.Str("F")
	case decimal.NaN:
		digits, exponent = nil, pyvalue.Str("n")
	}
	return decimalTupleClass.Of(pyvalue.Int(sign), pyvalue.NewTuple(digits...), exponent), nil
}

func integerRatio(o *decimalValue, c *pyvalue.Call) (value, error) {
	switch o.d.Form {
	case decimal.Infinite:
		return value{}, pyvalue.Raise("OverflowError", "cannot convert Infinity to integer ratio")
	case decimal.NaN:
		return value{}, pyvalue.Raise("ValueError", "cannot convert NaN to integer ratio")
	}
	if err := o.of.r.meter.Words(max(o.d.Exp, -o.d.Exp)*4 + o.d.Size()*8); err != nil {
		return value{}, err
	}
	below := decimal.Decimal{Coef: big.NewInt(1), Exp: max(0, -o.d.Exp)}
	above := o.d
	above.Exp = max(0, above.Exp)
	ratio := new(big.Rat).SetFrac(above.BigInt(), below.BigInt())
	return pyvalue.NewTuple(pyvalue.BigInt(ratio.Num()), pyvalue.BigInt(ratio.Denom())), nil
}

// decimalTupleClass is what as_tuple returns.
var decimalTupleClass = pyvalue.NewTupleClass("DecimalTuple", "sign", "digits", "exponent")
