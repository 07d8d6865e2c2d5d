package decimal

import (
	"math"
	"math/big"
	"math/bits"
)

// roundUp reports whether a rest, which is not zero, makes the quotient q one more.
// half compares the rest with half of a unit.
func (m Rounding) roundUp(neg bool, q *big.Int, half int) bool {
	switch m {
	case Up:
		return true
	case Down:
		return false
	case Ceiling:
		return !neg
	case Floor:
		return neg
	case HalfUp:
		return half >= 0
	case HalfDown:
		return half > 0
	case FiveUp:
		last := new(big.Int).Mod(q, ten).Int64()
		return last == 0 || last == 5
	}
	return half > 0 || half == 0 && q.Bit(0) == 1
}

// dropped divides a coefficient by a power of ten, and rounds.
func dropped(n *big.Int, by int64, neg bool, m Rounding) *big.Int {
	if by > digits(n)+1 { // nothing of it is left but the rest
		n, by = new(big.Int).Set(big.NewInt(int64(n.Sign()))), 2
	}
	q, r := new(big.Int).QuoRem(n, pow10(by), new(big.Int))
	if r.Sign() != 0 && m.roundUp(neg, q, new(big.Int).Mul(r, two).Cmp(pow10(by))) {
		q.Add(q, one)
	}
	return q
}

// rescale gives the number an exponent.
func (d Decimal) rescale(exp int64, m Rounding) Decimal {
	switch c := d.coef(); {
	case c.Sign() == 0:
		return Decimal{Neg: d.Neg, Exp: exp}
	case exp <= d.Exp:
		return Decimal{Neg: d.Neg, Coef: shifted(c, d.Exp-exp), Exp: exp}
	default:
		return Decimal{Neg: d.Neg, Coef: dropped(c, exp-d.Exp, d.Neg, m), Exp: exp}
	}
}

// Round rounds the number to the context.
func (c Context) Round(d Decimal) (Decimal, error) {
	tiny, top := minExp-(c.Prec-1), maxExp-(c.Prec-1)
	switch {
	case d.Form != Finite:
		return d, nil
	case d.IsZero():
		d.Exp = min(max(d.Exp, tiny), maxExp)
		return d, nil
	}
	n := d.Digits()
	low := max(d.Exp+n-c.Prec, tiny) // the exponent that the precision allows
	if low > top && d.Adjusted() > maxExp {
		return d, &Error{"Overflow", "Overflow"}
	}
	if d.Exp < low {
		d.Coef = dropped(d.coef(), low-d.Exp, d.Neg, c.Rounding)
		d.Exp = low
		if d.Digits() > c.Prec {
			d.Coef, d.Exp = new(big.Int).Quo(d.Coef, ten), d.Exp+1
		}
	}
	if d.Adjusted() > maxExp {
		return d, &Error{"Overflow", "Overflow"}
	}
	return d, nil
}

// Quantize gives d the exponent of another number, and rounds.
func (c Context) Quantize(d, to Decimal, m Rounding) (Decimal, error) {
	switch {
	case d.Form == NaN || to.Form == NaN:
		return Decimal{Form: NaN}, nil
	case d.Form == Infinite && to.Form == Infinite:
		return d, nil
	case d.Form == Infinite || to.Form == Infinite, to.Exp > maxExp, to.Exp < minExp-(c.Prec-1):
		return d, invalid("InvalidOperation")
	case !d.IsZero() && d.Adjusted()-to.Exp+1 > c.Prec:
		return d, invalid("InvalidOperation")
	}
	out := d.rescale(to.Exp, m)
	if out.Digits() > c.Prec || !out.IsZero() && out.Adjusted() > maxExp {
		return d, invalid("InvalidOperation")
	}
	return out, nil
}

// Integral rounds to a whole number, of any size.
func (d Decimal) Integral(m Rounding) Decimal {
	if d.Form != Finite || d.Exp >= 0 {
		return d
	}
	return d.rescale(0, m)
}

// Normalize takes the zeros at the end off.
func (c Context) Normalize(d Decimal) (Decimal, error) {
	d, err := c.Round(d)
	if err != nil || d.Form != Finite {
		return d, err
	}
	if d.IsZero() {
		return Decimal{Neg: d.Neg}, nil
	}
	return d.stripped(maxExp), nil
}

// Key is a text that equal numbers have alike, and others do not.
func (d Decimal) Key() string {
	switch {
	case d.IsZero():
		return "0"
	case d.Form == Finite:
		d = d.stripped(math.MaxInt64)
	}
	return d.String()
}

// stripped takes zeros off the end of a number that is not zero, until its exponent is that
// given: not one after the other, which takes the square of their number.
func (d Decimal) stripped(to int64) Decimal {
	coef, r := new(big.Int).Set(d.coef()), new(big.Int)
	for n := highestBit(coef.TrailingZeroBits()); n > 0; n /= 2 {
		if d.Exp > to-n {
			continue
		}
		if q, _ := new(big.Int).QuoRem(coef, pow10(n), r); r.Sign() == 0 {
			coef, d.Exp = q, d.Exp+n
		}
	}
	d.Coef = coef
	return d
}

// highestBit is the largest power of two that is not more than n, 0 if there is none. A number
// ends in no more zeros than its last bits that are zero.
func highestBit(n uint) int64 { return 1 << bits.Len(n) >> 1 }

// BigInt returns the whole part of a finite number.
func (d Decimal) BigInt() *big.Int {
	n := d.rescale(0, Down).coef()
	if d.Neg {
		return new(big.Int).Neg(n)
	}
	return new(big.Int).Set(n)
}

// Cmp compares numbers of which none is NaN.
func (d Decimal) Cmp(e Decimal) int {
	sign := func(x Decimal) int {
		switch {
		case x.IsZero():
			return 0
		case x.Neg:
			return -1
		}
		return 1
	}
	a, b := sign(d), sign(e)
	switch {
	case a != b:
		return intCmp(int64(a), int64(b))
	case a == 0:
		return 0
	case d.Form == Infinite || e.Form == Infinite:
		return a * intCmp(int64(d.Form), int64(e.Form))
	case d.Adjusted() != e.Adjusted():
		return a * intCmp(d.Adjusted(), e.Adjusted())
	}
	exp := min(d.Exp, e.Exp)
	return a * d.rescale(exp, Down).coef().Cmp(e.rescale(exp, Down).coef())
}

func intCmp(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
