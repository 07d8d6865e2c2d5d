package pyvalue

import (
	"math"
	"math/big"
	"strconv"
)

// Round returns round(v, digits); digits None rounds to an int. Halves go to the
// even neighbour. What is made of an int is counted.
func Round(m *Meter, v, digits Value) (Value, error) {
	if f, ok := v.float(); ok {
		if digits.IsNone() {
			return FloatToInt(math.RoundToEven(f))
		}
		n, err := argInt(digits)
		if err != nil {
			return Value{}, err
		}
		return Float(roundFloat(f, n)), nil
	}
	if o, ok := v.any.(interface {
		PyRound(digits Value) (Value, error)
	}); ok {
		return o.PyRound(digits)
	}
	i := v.BigInt()
	if i == nil {
		if v.IsUndefined() {
			return Value{}, undefinedError(v)
		}
		return Value{}, typeError("type %s doesn't define __round__ method", TypeName(v))
	}
	if digits.IsNone() {
		return BigInt(i), nil
	}
	n, err := argInt(digits)
	if err != nil || n >= 0 {
		return BigInt(i), err
	}
	if n < -i.BitLen() {
		return Int(0), nil
	}
	const bitsOfDigit = 3.33
	words := int64(float64(-n)*bitsOfDigit)/64 + 1 // of the unit
	if err := m.Grow(8*words + int64(v.intSize())); err != nil {
		return Value{}, err
	}
	if err := m.Step(words * int64(len(i.Bits())) / 64); err != nil { // as [bigOp] counts a division
		return Value{}, err
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	q, r := new(big.Int).DivMod(i, unit, new(big.Int))
	twice := new(big.Int).Lsh(r, 1)
	if c := twice.Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return BigInt(q.Mul(q, unit)), nil
}

// roundSmall rounds numbers of up to 15 digits to few decimal digits; ok is false
// where the number is too near the middle between two results to tell by one product.
func roundSmall(f float64, digits int) (rounded float64, ok bool) {
	const most = 1e15
	if digits >= len(powersOfTen) {
		return 0, false
	}
	unit := powersOfTen[digits]
	scaled := math.Abs(f) * unit
	if scaled >= most {
		return 0, false
	}
	whole := math.Floor(scaled)
	// The product is off by less than this, and the rest is exact.
	off := scaled * 0x1p-52
	switch rest := scaled - whole; {
	case rest > 0.5+off:
		whole++
	case rest >= 0.5-off:
		return 0, false
	}
	// Both are exact, so that the quotient is the float that is nearest to the decimal
	// number, as the one that a person would write.
	return math.Copysign(whole/unit, f), true
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// roundFloat rounds to decimal digits, exactly: strconv looks at the whole
// binary value.
func roundFloat(f float64, digits int) float64 {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || digits > 323:
		return f
	case digits < -308:
		return math.Copysign(0, f)
	case digits >= 0:
		if r, ok := roundSmall(f, digits); ok {
			return r
		}
		r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64) // strconv wrote it
		return r
	}
	exact, _ := new(big.Float).SetFloat64(math.Trunc(f)).Int(nil)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, r := new(big.Int).QuoRem(new(big.Int).Abs(exact), unit, new(big.Int))
	c := new(big.Int).Lsh(r, 1).Cmp(unit)
	if c > 0 || c == 0 && (q.Bit(0) == 1 || math.Trunc(f) != f) {
		q.Add(q, big.NewInt(1))
	}
	rounded, _ := new(big.Float).SetInt(q.Mul(q, unit)).Float64()
	return math.Copysign(rounded, f)
}
