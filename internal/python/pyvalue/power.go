package pyvalue

import (
	"math"
	"math/big"
)

// power is x ** y to the last digit, as the C library has it; math.Pow differs in it
// now and then. It is for what math.Pow finds to be an ordinary number.
func power(x, y float64) float64 {
	rough := math.Pow(x, y)
	if rough == 0 || rough == 1 || math.IsInf(rough, 0) || math.IsNaN(rough) || x == 1 || y == 1 {
		return rough
	}
	const precision = 192
	b := func(f float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(f) }
	var r *big.Float
	if y == math.Trunc(y) && math.Abs(y) < 1<<53 {
		r = wholePower(b(x), uint64(math.Abs(y)))
		if y < 0 {
			r.Quo(b(1), r)
		}
	} else {
		r = bigExp(new(big.Float).SetPrec(precision).Mul(bigLog(b(x)), b(y)))
	}
	f, _ := r.Float64()
	return f
}

func wholePower(x *big.Float, n uint64) *big.Float {
	r := new(big.Float).SetPrec(x.Prec()).SetInt64(1)
	for base := x; n > 0; n >>= 1 {
		if n&1 == 1 {
			r.Mul(r, base)
		}
		base = new(big.Float).SetPrec(x.Prec()).Mul(base, base)
	}
	return r
}

// bigLog is the natural logarithm of a positive number.
func bigLog(x *big.Float) *big.Float {
	prec := x.Prec()
	mantissa := new(big.Float).SetPrec(prec)
	exponent := x.MantExp(mantissa) // 0.5 <= mantissa < 1
	made := atanhSeries(mantissa)
	ln2 := atanhSeries(new(big.Float).SetPrec(prec).SetFloat64(0.5))
	ln2.Neg(ln2)
	return made.Add(made, ln2.Mul(ln2, new(big.Float).SetPrec(prec).SetInt64(int64(exponent))))
}

// atanhSeries is ln(x) for 0.5 <= x < 1: twice the artanh of (x-1)/(x+1).
func atanhSeries(x *big.Float) *big.Float {
	prec := x.Prec()
	f := func() *big.Float { return new(big.Float).SetPrec(prec) }
	one := f().SetInt64(1)
	z := f().Quo(f().Sub(x, one), f().Add(x, one))
	square, term, sum := f().Mul(z, z), f().Set(z), f().Set(z)
	for n := int64(3); term.Sign() != 0 && term.MantExp(nil) > -int(prec); n += 2 {
		term.Mul(term, square)
		sum.Add(sum, f().Quo(term, f().SetInt64(n)))
	}
	return sum.Mul(sum, f().SetInt64(2))
}

// bigExp is e ** x: of x / 2**40, squared as often.
func bigExp(x *big.Float) *big.Float {
	const halvings = 40
	prec := x.Prec() + halvings
	f := func() *big.Float { return new(big.Float).SetPrec(prec) }
	small := f().SetMantExp(x, -halvings)
	term, sum := f().SetInt64(1), f().SetInt64(1)
	for n := int64(1); term.Sign() != 0 && term.MantExp(nil) > -int(prec); n++ {
		term.Mul(term, small)
		term.Quo(term, f().SetInt64(n))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}
