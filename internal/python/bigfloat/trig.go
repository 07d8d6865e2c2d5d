package bigfloat

import "math/big"

func number(prec uint) *big.Float { return new(big.Float).SetPrec(prec) }

// Pi returns π.
func Pi(prec uint) *big.Float {
	work := prec + 16
	inverse := func(n int64) *big.Float { // arctan(1/n)
		return atanSeries(number(work).Quo(number(work).SetInt64(1), number(work).SetInt64(n)))
	}
	quarter := number(work).Sub(number(work).Mul(number(work).SetInt64(4), inverse(5)), inverse(239)) // Machin
	return number(prec).Mul(quarter, number(work).SetInt64(4))
}

// Atan returns the arctangent.
func Atan(x *big.Float) *big.Float {
	const halvings = 8
	prec := x.Prec() + 2*halvings
	one := number(prec).SetInt64(1)
	small := number(prec).Set(x)
	for range halvings { // atan(x) = 2 atan(x / (1 + sqrt(1 + x²)))
		root := number(prec).Mul(small, small)
		root.Add(root, one).Sqrt(root)
		small.Quo(small, root.Add(root, one))
	}
	sum := atanSeries(small)
	return number(x.Prec()).SetMantExp(sum, halvings)
}

// atanSeries is x - x³/3 + x⁵/5 …, of an x well below 1.
func atanSeries(x *big.Float) *big.Float {
	prec := x.Prec()
	square, term, sum := number(prec).Mul(x, x), number(prec).Set(x), number(prec).Set(x)
	for n := int64(3); matters(term, sum); n += 2 {
		term.Mul(term, square)
		term.Neg(term)
		sum.Add(sum, number(prec).Quo(term, number(prec).SetInt64(n)))
	}
	return sum
}

// matters reports whether a term still changes a sum.
func matters(term, sum *big.Float) bool {
	return term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-int(sum.Prec())
}

// SinCos returns the sine and the cosine.
func SinCos(x *big.Float) (sin, cos *big.Float) {
	prec := x.Prec() + 32
	// The rest of a division by a quarter turn, for which π must be known to as many
	// digits more as the quotient has.
	whole := prec + uint(max(0, x.MantExp(nil)))
	quarter := number(whole).Quo(Pi(whole), number(whole).SetInt64(2))
	turns, _ := number(whole).Add(number(whole).Quo(x, quarter), number(whole).SetFloat64(0.5)).Int(nil)
	if x.Sign() < 0 {
		turns, _ = number(whole).Sub(number(whole).Quo(x, quarter), number(whole).SetFloat64(0.5)).Int(nil)
	}
	rest := number(whole).Sub(number(whole).Set(x), quarter.Mul(quarter, number(whole).SetInt(turns)))
	rest.SetPrec(prec)
	sin, cos = series(rest, 1), series(rest, 0)
	switch new(big.Int).And(turns, big.NewInt(3)).Int64() {
	case 1:
		sin, cos = cos, sin.Neg(sin)
	case 2:
		sin, cos = sin.Neg(sin), cos.Neg(cos)
	case 3:
		sin, cos = cos.Neg(cos), sin
	}
	return sin.SetPrec(x.Prec()), cos.SetPrec(x.Prec())
}

// series is the Taylor series of sin, from 1, or of cos, from 0.
func series(x *big.Float, from int64) *big.Float {
	prec := x.Prec()
	square := number(prec).Mul(x, x)
	term := number(prec).SetInt64(1)
	if from == 1 {
		term.Set(x)
	}
	sum := number(prec).Set(term)
	for n := from + 1; matters(term, sum); n += 2 {
		term.Mul(term, square)
		term.Quo(term, number(prec).SetInt64(-n*(n+1)))
		sum.Add(sum, term)
	}
	return sum
}
