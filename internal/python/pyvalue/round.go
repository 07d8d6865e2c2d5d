package pyvalue

import (
	"math"
	"math/big"
	"strconv"
)

// Round returns round(v, digits); digits None rounds to an int. Halves go to the
// even neighbour.
func Round(v, digits Value) (Value, error) {
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
	if -n > i.BitLen() {
		return Int(0), nil
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-n)), nil)
	q, r := new(big.Int).DivMod(i, unit, new(big.Int))
	twice := new(big.Int).Lsh(r, 1)
	if c := twice.Cmp(unit); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return BigInt(q.Mul(q, unit)), nil
}

// roundFloat rounds to decimal digits, exactly: strconv looks at the whole
// binary value.
func roundFloat(f float64, digits int) float64 {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || digits > 323:
		return f
	case digits < -308:
		return math.Copysign(0, f)
	case digits >= 0:
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
