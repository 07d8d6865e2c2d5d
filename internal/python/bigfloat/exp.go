// Package bigfloat has the elementary functions of numbers of any precision, so that
// what is rounded to a float, or to a decimal, is right to the last digit. Results are
// good to a few bits less than the precision of the argument.
package bigfloat

import "math/big"

// Log is the natural logarithm of a positive number.
func Log(x *big.Float) *big.Float {
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

// Exp is e ** x: of x / 2**40, squared as often.
func Exp(x *big.Float) *big.Float {
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
