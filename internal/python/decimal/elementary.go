package decimal

import (
	"math/big"

	"github.com/exportpipeline/exportpipeline/internal/python/bigfloat"
)

// bits is the precision to work with, so that prec digits of a result are right.
func (c Context) bits(numbers ...Decimal) uint {
	size := c.Prec + 24
	for _, d := range numbers {
		size += d.Digits()
	}
	return uint(size * 10 / 3)
}

// digitsOf rounds a number that is not exact to the digits of the context.
func (c Context) digitsOf(f *big.Float) (Decimal, error) {
	// A few digits more are cut off afterwards: what is 2, but for an error, is 2.
	d, err := Parse(f.Text('e', int(c.Prec+4)))
	if err != nil {
		return d, err
	}
	return Context{c.Prec, HalfEven}.Round(d)
}

// ln is the natural logarithm of a positive number.
func (d Decimal) ln(bits uint) *big.Float {
	f := func() *big.Float { return new(big.Float).SetPrec(bits) }
	log := bigfloat.Log(f().SetInt(d.coef()))
	ten := bigfloat.Log(f().SetInt64(10))
	return log.Add(log, ten.Mul(ten, f().SetInt64(d.Exp)))
}

// Ln returns the natural logarithm, half to even.
func (c Context) Ln(d Decimal) (Decimal, error) {
	if out, err, ok := logOfSpecial(d); ok {
		return out, err
	}
	log := d.ln(c.bits(d))
	if log.Sign() == 0 || d.Cmp(Decimal{Coef: one}) == 0 {
		return Decimal{}, nil
	}
	return c.digitsOf(log)
}

// Log10 returns the logarithm to the base 10, half to even.
func (c Context) Log10(d Decimal) (Decimal, error) {
	if out, err, ok := logOfSpecial(d); ok {
		return out, err
	}
	if d.coef().Cmp(pow10(d.Digits()-1)) == 0 {
		return c.Round(Int(big.NewInt(d.Adjusted())))
	}
	bits := c.bits(d)
	log := d.ln(bits)
	return c.digitsOf(log.Quo(log, bigfloat.Log(new(big.Float).SetPrec(bits).SetInt64(10))))
}

func logOfSpecial(d Decimal) (Decimal, error, bool) {
	switch {
	case d.Form == NaN:
		return d, nil, true
	case d.IsZero():
		return Decimal{Neg: true, Form: Infinite}, nil, true
	case d.Neg:
		return d, invalid("InvalidOperation"), true
	case d.Form == Infinite:
		return d, nil, true
	}
	return d, nil, false
}

// Exp returns e to the power of d, half to even.
func (c Context) Exp(d Decimal) (Decimal, error) {
	switch {
	case d.Form == NaN || d.Form == Infinite && !d.Neg:
		return d, nil
	case d.Form == Infinite:
		return Decimal{}, nil
	case d.IsZero():
		return Decimal{Coef: one}, nil
	}
	if d.Adjusted() < -c.Prec-2 { // 1 and next to nothing
		return Decimal{Coef: new(big.Int).Set(pow10(c.Prec - 1)), Exp: 1 - c.Prec}, nil
	}
	return c.expOf(d.Neg, d.Adjusted(), func(bits uint) *big.Float { return d.float(bits) }, d)
}

// expOf is e to the power of what of returns, whose sign and size are known.
func (c Context) expOf(neg bool, adjusted int64, of func(bits uint) *big.Float, numbers ...Decimal) (Decimal, error) {
	const largest = 7 // digits of an exponent that is not too large for sure
	bits := c.bits(numbers...)
	if adjusted < largest {
		x := of(bits)
		if f, _ := x.Float64(); f < (maxExp+1)*2.302585092994046 && f > (minExp-float64(c.Prec))*2.302585092994046 {
			return c.digitsOf(bigfloat.Exp(x))
		}
	}
	if neg {
		return Decimal{Exp: minExp - (c.Prec - 1)}, nil
	}
	return Decimal{}, &Error{"Overflow", "Overflow"}
}

// float is the number as one of so many bits.
func (d Decimal) float(bits uint) *big.Float {
	f := new(big.Float).SetPrec(bits).SetInt(signed(d))
	power := new(big.Float).SetPrec(bits).SetInt(pow10(max(d.Exp, -d.Exp)))
	if d.Exp < 0 {
		return f.Quo(f, power)
	}
	return f.Mul(f, power)
}

// Power returns a to the power of b, whatever that is.
func (c Context) Power(a, b Decimal) (Decimal, error) {
	whole := b.Form == Finite && b.Exp <= 18 && b.Adjusted() <= 17 && b.Cmp(b.Integral(Down)) == 0
	if whole {
		return c.Pow(a, b.BigInt().Int64())
	}
	if d, ok := nans(a, b); ok {
		return d, nil
	}
	odd := false
	if b.Form == Finite && b.Exp <= 0 && b.Cmp(b.Integral(Down)) == 0 {
		odd = b.BigInt().Bit(0) == 1
	} else if a.Neg && !a.IsZero() && b.Form == Finite && b.Exp < 0 || a.Neg && b.Form == Infinite && !a.IsZero() {
		return a, invalid("InvalidOperation")
	}
	above := a.Form == Infinite || a.coef().Sign() != 0 && c.above(a)
	switch {
	case a.IsZero() || a.Form == Infinite, b.Form == Infinite && !c.isOne(a):
		if above == b.Neg {
			return Decimal{Neg: a.Neg && odd}, nil
		}
		return Decimal{Neg: a.Neg && odd, Form: Infinite}, nil
	case c.isOne(a):
		return Decimal{Coef: new(big.Int).Set(pow10(c.Prec - 1)), Exp: 1 - c.Prec}, nil
	}
	base := a
	base.Neg = false
	size := b.Adjusted() + digits(big.NewInt(max(base.Adjusted(), -base.Adjusted())))
	d, err := c.expOf(above == b.Neg, size, func(bits uint) *big.Float {
		log := base.ln(bits)
		return log.Mul(log, b.float(bits))
	}, base, b)
	d.Neg = a.Neg && odd
	return d, err
}

func (c Context) isOne(d Decimal) bool {
	d.Neg = false
	return d.Form == Finite && d.Cmp(Decimal{Coef: one}) == 0
}

// above reports whether the amount of a number is above 1.
func (c Context) above(d Decimal) bool {
	d.Neg = false
	return d.Cmp(Decimal{Coef: one}) > 0
}
