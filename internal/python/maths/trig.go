package maths

import (
	"math"
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/bigfloat"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// precision is what functions that must be right to the last digit work with.
const precision = 192

func exactly(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// rounded64 makes a function of floats of one of numbers of any precision. What is not
// finite, and 0, is left to the approximate one.
func rounded64(f func(*big.Float) *big.Float, approximate func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		rough := approximate(x)
		if x == 0 || math.IsNaN(rough) || math.IsInf(rough, 0) || math.IsInf(x, 0) || rough == 0 {
			return rough
		}
		y, _ := f(exactly(x)).Float64()
		return y
	}
}

func sin(x *big.Float) *big.Float { s, _ := bigfloat.SinCos(x); return s }
func cos(x *big.Float) *big.Float { _, c := bigfloat.SinCos(x); return c }
func tan(x *big.Float) *big.Float { s, c := bigfloat.SinCos(x); return s.Quo(s, c) }

// asin is the arctangent of x / sqrt(1 - x²).
func asin(x *big.Float) *big.Float {
	one := exactly(1)
	root := one.Sub(one, new(big.Float).Mul(x, x))
	if root.Sign() == 0 {
		return half(new(big.Float).Mul(bigfloat.Pi(precision), x))
	}
	return bigfloat.Atan(root.Quo(x, root.Sqrt(root)))
}

func acos(x *big.Float) *big.Float { return x.Sub(half(bigfloat.Pi(precision)), asin(x)) }

func half(x *big.Float) *big.Float { return x.Quo(x, exactly(2)) }

// The hyperbolic functions compute as the C library does (fdlibm), whose last digits are
// not always right.

func sinh(x float64) float64 {
	a, h := math.Abs(x), math.Copysign(0.5, x)
	if a < 1.0/(1<<28) || a >= 22 {
		return math.Copysign(large(a, math.Sinh), x)
	}
	t := math.Expm1(a)
	if a < 1 {
		return h * (float64(2*t) - float64(t*t)/(t+1))
	}
	return h * (t + t/(t+1))
}

func cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a < math.Ln2/2:
		t := math.Expm1(a)
		w := 1 + t
		if a < 1.0/(1<<55) {
			return w
		}
		return 1 + float64(t*t)/(w+w)
	case a < 22:
		t := exp(a)
		return float64(t/2) + 0.5/t
	}
	return large(a, math.Cosh)
}

// large is half of eˣ where e⁻ˣ is too small to be seen.
func large(x float64, otherwise func(float64) float64) float64 {
	if x >= 22 && x < 709 {
		return exp(x) / 2
	}
	return otherwise(x)
}

func tanh(x float64) float64 {
	a := math.Abs(x)
	if a < 1.0/(1<<28) || a >= 22 || math.IsNaN(x) {
		return math.Tanh(x)
	}
	var z float64
	if a >= 1 {
		z = 1 - 2/(math.Expm1(2*a)+2)
	} else {
		t := math.Expm1(-2 * a)
		z = -t / (t + 2)
	}
	return math.Copysign(z, x)
}

// atan2 is the angle of the point (x, y).
func atan2(y, x float64) float64 {
	rough := math.Atan2(y, x)
	if x == 0 || y == 0 || math.IsNaN(rough) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return rough
	}
	angle := bigfloat.Atan(new(big.Float).Quo(exactly(y), exactly(x)))
	switch {
	case x < 0 && y > 0:
		angle.Add(angle, bigfloat.Pi(precision))
	case x < 0:
		angle.Sub(angle, bigfloat.Pi(precision))
	}
	f, _ := angle.Float64()
	return f
}

// log10 computes as the C library does, whose last digit is not always right.
func log10(x float64) float64 {
	const log10of2High, log10of2Low, oneByLog10 = 3.01029995663611771306e-01, 3.69423907715893078616e-13, 4.34294481903251816668e-01
	if x <= 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return math.Log10(x)
	}
	mantissa, exponent := math.Frexp(x)
	mantissa, exponent = 2*mantissa, exponent-1 // from 1 up to 2
	if exponent < 0 {
		mantissa, exponent = mantissa/2, exponent+1
	}
	k := float64(exponent)
	return float64(float64(k*log10of2Low)+float64(oneByLog10*log(mantissa))) + float64(k*log10of2High)
}

func log(x float64) float64 { return rounded64(bigfloat.Log, math.Log)(x) }
func exp(x float64) float64 { return rounded64(bigfloat.Exp, math.Exp)(x) }

func log2(x float64) float64 {
	return rounded64(func(x *big.Float) *big.Float { return x.Quo(bigfloat.Log(x), bigfloat.Log(exactly(2))) }, math.Log2)(x)
}

// trigonometric are the functions of angles, and those that take floats apart.
func trigonometric() map[string]function {
	return map[string]function{
		"sin": float1("sin", rounded64(sin, math.Sin)), "cos": float1("cos", rounded64(cos, math.Cos)), "tan": float1("tan", rounded64(tan, math.Tan)),
		"atan": float1("atan", rounded64(bigfloat.Atan, math.Atan)), "atan2": float2("atan2", atan2), "tanh": float1("tanh", tanh),
		"cbrt": float1("cbrt", math.Cbrt), "exp2": float1("exp2", rounded64(func(x *big.Float) *big.Float { return bigfloat.Exp(x.Mul(x, bigfloat.Log(exactly(2)))) }, math.Exp2)), "remainder": float2("remainder", math.Remainder),
		"ulp": float1("ulp", func(x float64) float64 {
			x = math.Abs(x)
			if up := math.Nextafter(x, math.Inf(1)); !math.IsInf(up, 0) {
				return up - x
			}
			return x - math.Nextafter(x, 0)
		}),
		"nextafter": float2("nextafter", math.Nextafter),
		"ldexp": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("ldexp", 2); err != nil {
				return value{}, err
			}
			x, err := realNumber(c.Args[0])
			if err != nil {
				return value{}, err
			}
			n := c.Args[1].BigInt()
			if n == nil {
				return value{}, pyvalue.Raise("TypeError", "Expected an int as second argument to ldexp.")
			}
			const beyond = 1 << 20
			by := beyond * n.Sign()
			if n.IsInt64() && n.Int64() < beyond && n.Int64() > -beyond {
				by = int(n.Int64())
			}
			y := math.Ldexp(x, by)
			if math.IsInf(y, 0) && !math.IsInf(x, 0) {
				return value{}, pyvalue.Raise("OverflowError", "math range error")
			}
			return pyvalue.Float(y), nil
		},
	}
}
