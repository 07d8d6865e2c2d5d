package decimal

import (
	"math/big"
	"math/bits"
)

// nans returns what an operation on NaN gives.
func nans(a, b Decimal) (Decimal, bool) {
	switch {
	case a.Form == NaN:
		return a, true
	case b.Form == NaN:
		return b, true
	}
	return Decimal{}, false
}

// Neg returns -d, Pos +d: both are rounded, and a zero loses its sign.
func (c Context) Neg(d Decimal) (Decimal, error) {
	d.Neg = !d.Neg && d.Form != NaN
	return c.Pos(d)
}

// Pos returns +d.
func (c Context) Pos(d Decimal) (Decimal, error) {
	if d.IsZero() && c.Rounding != Floor {
		d.Neg = false
	}
	return c.Round(d)
}

// Sub returns a - b.
func (c Context) Sub(a, b Decimal) (Decimal, error) {
	if d, ok := nans(a, b); ok {
		return d, nil
	}
	b.Neg = !b.Neg
	return c.Add(a, b)
}

// Add returns a + b.
func (c Context) Add(a, b Decimal) (Decimal, error) {
	if d, ok := nans(a, b); ok {
		return d, nil
	}
	switch {
	case a.Form == Infinite && b.Form == Infinite && a.Neg != b.Neg:
		return a, invalid("InvalidOperation")
	case a.Form == Infinite:
		return a, nil
	case b.Form == Infinite:
		return b, nil
	}
	exp := min(a.Exp, b.Exp)
	switch aZero, bZero := a.IsZero(), b.IsZero(); {
	case aZero && bZero:
		return c.Round(Decimal{Neg: a.Neg && b.Neg || a.Neg != b.Neg && c.Rounding == Floor, Exp: exp})
	case aZero:
		return c.Round(b.rescale(max(exp, b.Exp-c.Prec-1), c.Rounding))
	case bZero:
		return c.Round(a.rescale(max(exp, a.Exp-c.Prec-1), c.Rounding))
	}
	a, b = c.aligned(a, b)
	x, y := signed(a), signed(b)
	sum := x.Add(x, y)
	if sum.Sign() == 0 {
		return c.Round(Decimal{Neg: c.Rounding == Floor, Exp: exp})
	}
	return c.Round(Decimal{Neg: sum.Sign() < 0, Coef: sum.Abs(sum), Exp: a.Exp})
}

func signed(d Decimal) *big.Int {
	if d.Neg {
		return new(big.Int).Neg(d.coef())
	}
	return new(big.Int).Set(d.coef())
}

// aligned gives two numbers one exponent. A number that is far too small to be seen
// in the result becomes the smallest one that rounds alike.
func (c Context) aligned(a, b Decimal) (Decimal, Decimal) {
	large, small := a, b
	if a.Exp < b.Exp {
		large, small = b, a
	}
	if edge := large.Exp + min(-1, large.Digits()-c.Prec-2); small.Exp+small.Digits()-1 < edge {
		small.Coef, small.Exp = one, edge
	}
	large.Coef, large.Exp = shifted(large.coef(), large.Exp-small.Exp), small.Exp
	if a.Exp < b.Exp {
		return small, large
	}
	return large, small
}

// Mul returns a × b.
func (c Context) Mul(a, b Decimal) (Decimal, error) {
	if d, ok := nans(a, b); ok {
		return d, nil
	}
	neg := a.Neg != b.Neg
	if a.Form == Infinite || b.Form == Infinite {
		if a.IsZero() || b.IsZero() {
			return a, invalid("InvalidOperation")
		}
		return Decimal{Neg: neg, Form: Infinite}, nil
	}
	return c.Round(Decimal{Neg: neg, Coef: new(big.Int).Mul(a.coef(), b.coef()), Exp: a.Exp + b.Exp})
}

// Quo returns a / b.
func (c Context) Quo(a, b Decimal) (Decimal, error) {
	if d, ok := nans(a, b); ok {
		return d, nil
	}
	neg := a.Neg != b.Neg
	switch {
	case a.Form == Infinite && b.Form == Infinite:
		return a, invalid("InvalidOperation")
	case a.Form == Infinite:
		return Decimal{Neg: neg, Form: Infinite}, nil
	case b.Form == Infinite:
		return Decimal{Neg: neg, Exp: minExp - (c.Prec - 1)}, nil
	case b.IsZero() && a.IsZero():
		return a, invalid("DivisionUndefined")
	case b.IsZero():
		return a, &Error{"DivisionByZero", "DivisionByZero"}
	case a.IsZero():
		return c.Round(Decimal{Neg: neg, Exp: a.Exp - b.Exp})
	}
	shift := b.Digits() - a.Digits() + c.Prec + 1
	q, r := new(big.Int), new(big.Int)
	if shift >= 0 {
		q.QuoRem(shifted(a.coef(), shift), b.coef(), r)
	} else {
		q.QuoRem(a.coef(), shifted(b.coef(), -shift), r)
	}
	d := Decimal{Neg: neg, Coef: q, Exp: a.Exp - b.Exp - shift}
	if r.Sign() != 0 {
		if r.Mod(q, five); r.Sign() == 0 {
			q.Add(q, one) // so that it is rounded as what it is: inexact
		}
		return c.Round(d)
	}
	return c.Round(d.stripped(a.Exp - b.Exp))
}

// QuoRem returns the whole part of a / b, towards zero, and the rest, which is NaN if
// there is none.
func (c Context) QuoRem(a, b Decimal) (q, r Decimal, err error) {
	if d, ok := nans(a, b); ok {
		return d, d, nil
	}
	neg := a.Neg != b.Neg
	switch {
	case a.Form == Infinite && b.Form == Infinite:
		return a, a, invalid("InvalidOperation")
	case a.Form == Infinite: // there is no rest
		return Decimal{Neg: neg, Form: Infinite}, Decimal{Form: NaN}, nil
	case b.Form == Infinite:
		r, err = c.Round(a)
		return Decimal{Neg: neg}, r, err
	case b.IsZero() && a.IsZero():
		return a, a, invalid("DivisionUndefined")
	case b.IsZero():
		return a, a, &Error{"DivisionByZero", "DivisionByZero"}
	}
	exp := min(a.Exp, b.Exp)
	gap := a.Adjusted() - b.Adjusted()
	switch {
	case a.IsZero():
		r, err = c.Round(Decimal{Neg: a.Neg, Exp: exp})
		return Decimal{Neg: neg}, r, err
	case gap <= -2:
		r, err = c.Round(a.rescale(max(exp, a.Exp-c.Prec-1), c.Rounding))
		return Decimal{Neg: neg}, r, err
	case gap > c.Prec:
		return a, a, invalid("DivisionImpossible")
	}
	quotient, rest := new(big.Int).QuoRem(a.rescale(exp, Down).coef(), b.rescale(exp, Down).coef(), new(big.Int))
	if digits(quotient) > c.Prec {
		return a, a, invalid("DivisionImpossible")
	}
	r, err = c.Round(Decimal{Neg: a.Neg, Coef: rest, Exp: exp})
	return Decimal{Neg: neg, Coef: quotient}, r, err
}

// Sqrt returns the square root.
func (c Context) Sqrt(d Decimal) (Decimal, error) {
	switch {
	case d.Form == NaN:
		return d, nil
	case d.IsZero():
		return c.Round(Decimal{Neg: d.Neg, Exp: d.Exp >> 1})
	case d.Neg:
		return d, invalid("InvalidOperation")
	case d.Form == Infinite:
		return d, nil
	}
	n, exp, length := d.coef(), d.Exp>>1, (d.Digits()+1)>>1
	if d.Exp&1 == 1 {
		n, length = shifted(n, 1), (d.Digits()>>1)+1
	}
	shift, exact := c.Prec+1-length, true
	if shift >= 0 {
		n = shifted(n, 2*shift)
	} else {
		var rest *big.Int
		n, rest = new(big.Int).QuoRem(n, pow10(-2*shift), new(big.Int))
		exact = rest.Sign() == 0
	}
	exp -= shift
	root := new(big.Int).Sqrt(n)
	switch exact = exact && new(big.Int).Mul(root, root).Cmp(n) == 0; {
	case exact && shift >= 0:
		root, exp = root.Quo(root, pow10(shift)), exp+shift
	case exact:
		root, exp = shifted(root, -shift), exp+shift
	case new(big.Int).Mod(root, five).Sign() == 0:
		root.Add(root, one)
	}
	return Context{c.Prec, HalfEven}.Round(Decimal{Coef: root, Exp: exp})
}

// Pow returns a to the power of a whole number n.
func (c Context) Pow(a Decimal, n int64) (Decimal, error) {
	switch {
	case a.Form == NaN && n != 0:
		return a, nil
	case n == 0 && a.IsZero():
		return a, invalid("InvalidOperation")
	case n == 0:
		return Decimal{Coef: one}, nil
	}
	neg := a.Neg && n&1 == 1
	switch {
	case a.IsZero() && n > 0, a.Form == Infinite && n < 0:
		return Decimal{Neg: neg}, nil
	case a.IsZero(), a.Form == Infinite:
		return Decimal{Neg: neg, Form: Infinite}, nil
	}
	work := Context{c.Prec + digits(new(big.Int).Abs(big.NewInt(n))) + 2, HalfEven}
	base := a
	base.Neg = false
	if n < 0 {
		var err error
		if base, err = (Context{work.Prec + 1, HalfEven}).Quo(Decimal{Coef: one}, base); err != nil {
			return a, err
		}
		n, work.Prec = -n, work.Prec+1
	}
	out := base
	for bit := bits.Len64(uint64(n)) - 2; bit >= 0; bit-- {
		var err error
		if out, err = work.Mul(out, out); err == nil && n>>bit&1 == 1 {
			out, err = work.Mul(out, base)
		}
		if err != nil {
			return a, err
		}
	}
	out.Neg = neg
	return c.Round(out)
}
