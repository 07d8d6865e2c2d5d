// Package maths holds Python's module math, with the results and errors of CPython's.
package maths

import (
	"math"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type (
	value    = pyvalue.Value
	function = func(c *pyvalue.Call) (value, error)
)

// Module returns what the module holds, by name.
func Module() map[string]pyvalue.Value {
	all := make(map[string]value)
	for _, functions := range []map[string]function{analytic(), measuring(), trigonometric()} {
		for name, f := range functions {
			all[name] = pyvalue.NewBuiltin(name, f)
		}
	}
	for name, f := range map[string]float64{"pi": math.Pi, "tau": 2 * math.Pi, "e": math.E, "inf": math.Inf(1), "nan": math.NaN()} {
		all[name] = pyvalue.Float(f)
	}
	return all
}

// float1 is a function of one number.
func float1(name string, f func(float64) float64) function {
	return func(c *pyvalue.Call) (value, error) {
		if err := c.Exactly("math."+name, 1); err != nil {
			return value{}, err
		}
		x, err := realNumber(c.Args[0])
		if err != nil {
			return value{}, err
		}
		y := f(x)
		if math.IsNaN(y) && !math.IsNaN(x) || math.IsInf(y, 0) && !math.IsInf(x, 0) && name != "exp" {
			return value{}, pyvalue.Raise("ValueError", "math domain error")
		}
		if math.IsInf(y, 0) && !math.IsInf(x, 0) {
			return value{}, pyvalue.Raise("OverflowError", "math range error")
		}
		return pyvalue.Float(y), nil
	}
}

// float2 is a function of two numbers.
func float2(name string, f func(x, y float64) float64) function {
	return func(c *pyvalue.Call) (value, error) {
		x, y, err := realNumbers(c, name)
		if err != nil {
			return value{}, err
		}
		z := f(x, y)
		if math.IsNaN(z) && !math.IsNaN(x) && !math.IsNaN(y) {
			return value{}, pyvalue.Raise("ValueError", "math domain error")
		}
		return pyvalue.Float(z), nil
	}
}

// realNumbers returns the two numbers that a function is called with.
func realNumbers(c *pyvalue.Call, name string) (x, y float64, err error) {
	if err := c.Exactly(name, 2); err != nil {
		return 0, 0, err
	}
	if x, err = realNumber(c.Args[0]); err == nil {
		y, err = realNumber(c.Args[1])
	}
	return x, y, err
}

// real is an object that float() takes.
type real interface{ PyReal() (float64, error) }

func isReal(v value) bool {
	_, ok := v.Object().(real)
	return ok
}

func realNumber(v value) (float64, error) {
	if isReal(v) {
		return v.Object().(real).PyReal()
	}
	if !v.IsNumber() {
		return 0, pyvalue.Raise("TypeError", "must be real number, not %s", pyvalue.TypeName(v))
	}
	f, ok := v.Float64()
	if !ok {
		return 0, pyvalue.Raise("OverflowError", "int too large to convert to float")
	}
	return f, nil
}

// rounded is floor, ceil or trunc, which give an int.
func rounded(name string, f func(float64) float64) function {
	return func(c *pyvalue.Call) (value, error) {
		if err := c.Exactly("math."+name, 1); err != nil {
			return value{}, err
		}
		if v := c.Args[0]; v.Kind() == pyvalue.KindInt || v.Kind() == pyvalue.KindBool {
			return pyvalue.Pos(v)
		}
		if v := c.Args[0]; name == "trunc" && !v.IsNumber() && !isReal(v) {
			return value{}, pyvalue.Raise("TypeError", "type %s doesn't define __trunc__ method", pyvalue.TypeName(v))
		}
		x, err := realNumber(c.Args[0])
		if err != nil {
			return value{}, err
		}
		return pyvalue.FloatToInt(f(x))
	}
}

// analytic are the functions of real numbers.
func analytic() map[string]function {
	return map[string]function{
		"floor": rounded("floor", math.Floor), "ceil": rounded("ceil", math.Ceil), "trunc": rounded("trunc", math.Trunc),
		"sqrt": float1("sqrt", math.Sqrt), "fabs": float1("fabs", math.Abs), "exp": float1("exp", exp),
		"asin": float1("asin", rounded64(asin, math.Asin)), "acos": float1("acos", rounded64(acos, math.Acos)), "sinh": float1("sinh", sinh), "cosh": float1("cosh", cosh),
		"asinh": float1("asinh", math.Asinh), "acosh": float1("acosh", math.Acosh), "atanh": float1("atanh", math.Atanh), "expm1": float1("expm1", math.Expm1),
		"log1p": float1("log1p", math.Log1p), "erf": float1("erf", math.Erf), "erfc": float1("erfc", math.Erfc),
		"log10": logarithm("log10", log10), "log2": logarithm("log2", log2), "log": toBase,
		"isclose": func(c *pyvalue.Call) (value, error) {
			a, okA := c.Arg(0, "a")
			b, okB := c.Arg(1, "b")
			if !okA || !okB {
				return value{}, pyvalue.Raise("TypeError", "isclose() missing required argument 'b' (pos 2)")
			}
			x, err := realNumber(a)
			if err != nil {
				return value{}, err
			}
			y, err := realNumber(b)
			if err != nil {
				return value{}, err
			}
			tolerance := map[string]float64{"rel_tol": 1e-9, "abs_tol": 0}
			for _, name := range []string{"rel_tol", "abs_tol"} {
				if v, ok := c.Arg(-1, name); ok {
					if tolerance[name], err = realNumber(v); err != nil {
						return value{}, err
					}
				}
			}
			if tolerance["rel_tol"] < 0 || tolerance["abs_tol"] < 0 {
				return value{}, pyvalue.Raise("ValueError", "tolerances must be non-negative")
			}
			if x == y {
				return pyvalue.Bool(true), nil
			}
			if math.IsInf(x, 0) || math.IsInf(y, 0) {
				return pyvalue.Bool(false), nil
			}
			diff := math.Abs(y - x)
			return pyvalue.Bool(diff <= math.Abs(tolerance["rel_tol"]*y) || diff <= math.Abs(tolerance["rel_tol"]*x) || diff <= tolerance["abs_tol"]), nil
		},
		"fmod":     float2("fmod", math.Mod),
		"copysign": float2("copysign", math.Copysign),
		"gcd": func(c *pyvalue.Call) (value, error) {
			total := new(big.Int)
			for _, v := range c.Args {
				n := v.BigInt()
				if n == nil {
					return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
				}
				if err := c.Meter.Words(int64(max(n.BitLen(), total.BitLen()))); err != nil {
					return value{}, err
				}
				total = new(big.Int).GCD(nil, nil, total, new(big.Int).Abs(n))
			}
			return pyvalue.BigInt(total), nil
		},
		"isnan": predicate("isnan", math.IsNaN), "isinf": predicate("isinf", func(f float64) bool { return math.IsInf(f, 0) }),
		"isfinite": predicate("isfinite", func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }),
		"fsum": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("math.fsum", 1); err != nil {
				return value{}, err
			}
			var partials []float64
			err := pyvalue.Each(c.Args[0], func(v value) (bool, error) {
				x, err := realNumber(v)
				if err != nil {
					return false, err
				}
				kept := partials[:0:0]
				for _, y := range partials {
					if math.Abs(x) < math.Abs(y) {
						x, y = y, x
					}
					hi := x + y
					if lo := y - (hi - x); lo != 0 {
						kept = append(kept, lo)
					}
					x = hi
				}
				partials = append(kept, x)
				return true, c.Meter.Step(1)
			})
			total := 0.0
			for _, p := range partials {
				total += p
			}
			return pyvalue.Float(total), err
		},
	}
}

func predicate(name string, f func(float64) bool) function {
	return func(c *pyvalue.Call) (value, error) {
		if err := c.Exactly("math."+name, 1); err != nil {
			return value{}, err
		}
		x, err := realNumber(c.Args[0])
		return pyvalue.Bool(f(x)), err
	}
}
