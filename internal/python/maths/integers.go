package maths

import (
	"math"
	"math/big"
	"math/bits"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// measuring are the functions that count, multiply and measure.
func measuring() map[string]function {
	return map[string]function{
		"prod": func(c *pyvalue.Call) (value, error) {
			if len(c.Args) != 1 {
				return value{}, pyvalue.Raise("TypeError", "prod() takes exactly 1 positional argument (%d given)", len(c.Args))
			}
			total, ok := c.Arg(-1, "start")
			if !ok {
				total = pyvalue.Int(1)
			}
			err := pyvalue.Each(c.Args[0], func(v value) (more bool, err error) {
				total, err = pyvalue.Binary(c.Meter, pyvalue.OpMul, total, v)
				return true, err
			})
			return total, err
		},
		"frexp": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("math.frexp", 1); err != nil {
				return value{}, err
			}
			x, err := realNumber(c.Args[0])
			if err != nil {
				return value{}, err
			}
			fraction, exponent := math.Frexp(x)
			return pyvalue.NewTuple(pyvalue.Float(fraction), pyvalue.Int(int64(exponent))), nil
		},
		"factorial": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("math.factorial", 1); err != nil {
				return value{}, err
			}
			return factorial(c.Meter, c.Args[0])
		},
		"comb": func(c *pyvalue.Call) (value, error) {
			n, k, err := counts(c, "comb")
			if err != nil || k > n {
				return pyvalue.Int(0), err
			}
			k = min(k, n-k)
			if err := product(c.Meter, n, k); err != nil {
				return value{}, err
			}
			return pyvalue.BigInt(new(big.Int).Binomial(n, k)), nil
		},
		"perm": func(c *pyvalue.Call) (value, error) {
			if len(c.Args) == 1 || len(c.Args) == 2 && c.Args[1].IsNone() {
				return factorial(c.Meter, c.Args[0])
			}
			n, k, err := counts(c, "perm")
			if err != nil || k > n {
				return pyvalue.Int(0), err
			}
			if err := product(c.Meter, n, k); err != nil {
				return value{}, err
			}
			return pyvalue.BigInt(new(big.Int).MulRange(n-k+1, n)), nil
		},
		"lcm": func(c *pyvalue.Call) (value, error) {
			total := big.NewInt(1)
			for _, v := range c.Args {
				n := v.BigInt()
				if n == nil {
					return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
				}
				if err := c.Meter.Words(int64(n.BitLen() + total.BitLen())); err != nil {
					return value{}, err
				}
				if n.Sign() == 0 || total.Sign() == 0 {
					total = new(big.Int)
					continue
				}
				n = new(big.Int).Abs(n)
				total = new(big.Int).Mul(total, new(big.Int).Quo(n, new(big.Int).GCD(nil, nil, total, n)))
			}
			return pyvalue.BigInt(total), nil
		},
		"isqrt": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("math.isqrt", 1); err != nil {
				return value{}, err
			}
			n := c.Args[0].BigInt()
			switch {
			case n == nil:
				return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
			case n.Sign() < 0:
				return value{}, pyvalue.Raise("ValueError", "isqrt() argument must be nonnegative")
			}
			// Newton's method divides about as often as the length of the number has bits.
			for range bits.Len(uint(n.BitLen())) / 2 {
				if err := c.Meter.Words(int64(n.BitLen())); err != nil {
					return value{}, err
				}
			}
			return pyvalue.BigInt(new(big.Int).Sqrt(n)), nil
		},
		"pow": func(c *pyvalue.Call) (value, error) {
			x, y, err := realNumbers(c, "pow")
			if err != nil {
				return value{}, err
			}
			z := pyvalue.Pow(x, y)
			switch finite := !math.IsInf(x, 0) && !math.IsNaN(x) && !math.IsInf(y, 0) && !math.IsNaN(y); {
			case finite && (math.IsNaN(z) || math.IsInf(z, 0) && x == 0):
				return value{}, pyvalue.Raise("ValueError", "math domain error")
			case finite && math.IsInf(z, 0):
				return value{}, pyvalue.Raise("OverflowError", "math range error")
			}
			return pyvalue.Float(z), nil
		},
		"hypot": func(c *pyvalue.Call) (value, error) { return length(c.Meter, c.Args) },
		"dist": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("dist", 2); err != nil {
				return value{}, err
			}
			p, err := pyvalue.Collect(c.Meter, c.Args[0])
			if err != nil {
				return value{}, err
			}
			q, err := pyvalue.Collect(c.Meter, c.Args[1])
			if err != nil {
				return value{}, err
			}
			if len(p) != len(q) {
				return value{}, pyvalue.Raise("ValueError", "both points must have the same number of dimensions")
			}
			apart := make([]value, len(p))
			for i := range p {
				x, err := realNumber(p[i])
				if err != nil {
					return value{}, err
				}
				y, err := realNumber(q[i])
				if err != nil {
					return value{}, err
				}
				apart[i] = pyvalue.Float(x - y)
			}
			return length(c.Meter, apart)
		},
		"modf": func(c *pyvalue.Call) (value, error) {
			if err := c.Exactly("math.modf", 1); err != nil {
				return value{}, err
			}
			x, err := realNumber(c.Args[0])
			whole, fraction := math.Modf(x)
			if math.IsInf(x, 0) {
				fraction = math.Copysign(0, x)
			}
			return pyvalue.NewTuple(pyvalue.Float(fraction), pyvalue.Float(whole)), err
		},
		"degrees": float1("degrees", func(x float64) float64 { return x * (180 / math.Pi) }),
		"radians": float1("radians", func(x float64) float64 { return x * (math.Pi / 180) }),
	}
}

// counts reads the two numbers of comb and perm.
func counts(c *pyvalue.Call, name string) (n, k int64, err error) {
	if err := c.Exactly(name, 2); err != nil {
		return 0, 0, err
	}
	var numbers [2]*big.Int
	for i, v := range c.Args {
		if numbers[i] = v.BigInt(); numbers[i] == nil {
			return 0, 0, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
		}
	}
	for i, which := range []string{"n", "k"} {
		switch {
		case numbers[i].Sign() < 0:
			return 0, 0, pyvalue.Raise("ValueError", "%s must be a non-negative integer", which)
		case !numbers[i].IsInt64():
			return 0, 0, pyvalue.Raise("OverflowError", "%s is too large", which)
		}
	}
	return numbers[0].Int64(), numbers[1].Int64(), nil
}

func factorial(m *pyvalue.Meter, v value) (value, error) {
	n := v.BigInt()
	switch {
	case n == nil:
		return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
	case n.Sign() < 0:
		return value{}, pyvalue.Raise("ValueError", "factorial() not defined for negative values")
	case !n.IsInt64():
		return value{}, pyvalue.Raise("OverflowError", "factorial() argument should not exceed %d", int64(math.MaxInt64))
	}
	if err := product(m, n.Int64(), n.Int64()); err != nil {
		return value{}, err
	}
	return pyvalue.BigInt(new(big.Int).MulRange(1, n.Int64())), nil
}

// product charges for a product of k numbers up to n, before it is made.
func product(m *pyvalue.Meter, n, k int64) error {
	width := int64(big.NewInt(n).BitLen())
	if k > math.MaxInt32 {
		k = math.MaxInt32 // which is more than may be
	}
	return m.Words(k * width)
}

// length is the square root of the sum of squares, without the loss of its steps.
func length(m *pyvalue.Meter, list []value) (value, error) {
	const precision = 300 // of squares
	total := new(big.Float).SetPrec(precision)
	nan, inf := false, false
	for _, v := range list {
		x, err := realNumber(v)
		if err != nil {
			return value{}, err
		}
		if err := m.Step(8); err != nil {
			return value{}, err
		}
		nan, inf = nan || math.IsNaN(x), inf || math.IsInf(x, 0)
		if !nan && !inf {
			f := new(big.Float).SetPrec(precision).SetFloat64(x)
			total.Add(total, f.Mul(f, f))
		}
	}
	switch {
	case inf:
		return pyvalue.Float(math.Inf(1)), nil
	case nan:
		return pyvalue.Float(math.NaN()), nil
	}
	root, _ := total.Sqrt(total).Float64()
	return pyvalue.Float(root), nil
}
