package pyvalue

import (
	"math"
	"math/big"
	"math/bits"
)

// numeric does arithmetic on two numbers.
func numeric(m *Meter, op Op, a, b Value) (Value, error) {
	x, xFloat := a.float()
	y, yFloat := b.float()
	if xFloat || yFloat {
		if op >= OpAnd {
			return Value{}, unsupported(op, a, b)
		}
		var ok bool
		if !xFloat {
			if x, ok = a.Float64(); !ok {
				return Value{}, Raise("OverflowError", "int too large to convert to float")
			}
		}
		if !yFloat {
			if y, ok = b.Float64(); !ok {
				return Value{}, Raise("OverflowError", "int too large to convert to float")
			}
		}
		return floatOp(op, x, y)
	}
	if i, ok := a.Int64(); ok {
		if j, ok := b.Int64(); ok {
			if v, done, err := smallOp(op, i, j, a, b); done {
				return v, err
			}
		}
	}
	return bigOp(m, op, a.BigInt(), b.BigInt())
}

// smallOp does arithmetic that stays within 64 bits; otherwise it is not done.
func smallOp(op Op, i, j int64, a, b Value) (Value, bool, error) {
	switch op {
	case OpAdd:
		if s := i + j; (s > i) == (j > 0) {
			return Int(s), true, nil
		}
	case OpSub:
		if d := i - j; (d < i) == (j > 0) {
			return Int(d), true, nil
		}
	case OpMul:
		hi, lo := bits.Mul64(uint64(abs(i)), uint64(abs(j)))
		if hi == 0 && lo < 1<<63 && i != math.MinInt64 && j != math.MinInt64 {
			return Int(i * j), true, nil
		}
	case OpDiv:
		if j == 0 {
			return Value{}, true, Raise("ZeroDivisionError", "division by zero")
		}
		if abs(i) < 1<<53 && abs(j) < 1<<53 {
			return Float(float64(i) / float64(j)), true, nil
		}
	case OpFloorDiv, OpMod:
		if j == 0 {
			return Value{}, true, Raise("ZeroDivisionError", "integer %s by zero", map[Op]string{OpFloorDiv: "division or modulo", OpMod: "modulo"}[op])
		}
		if i == math.MinInt64 {
			break
		}
		q, r := i/j, i%j
		if r != 0 && (r < 0) != (j < 0) {
			q, r = q-1, r+j
		}
		if op == OpMod {
			q = r
		}
		return Int(q), true, nil
	case OpAnd, OpOr, OpXor:
		r := i ^ j
		if op == OpAnd {
			r = i & j
		} else if op == OpOr {
			r = i | j
		}
		if a.Kind() == KindBool && b.Kind() == KindBool {
			return Bool(r != 0), true, nil
		}
		return Int(r), true, nil
	}
	return Value{}, false, nil
}

func abs(i int64) int64 {
	if i < 0 {
		return -i
	}
	return i
}

// maxBits bounds the size of an int that arithmetic may make without a meter.
const maxBits = 1 << 26

func bigOp(m *Meter, op Op, x, y *big.Int) (Value, error) {
	r := new(big.Int)
	if err := m.Grow(int64(x.BitLen()+y.BitLen()) / 8); err != nil {
		return Value{}, err
	}
	switch op {
	case OpMul, OpDiv, OpFloorDiv, OpMod: // take more time than their bytes say
		if err := m.Step(int64(len(x.Bits())) * int64(len(y.Bits())) / 64); err != nil {
			return Value{}, err
		}
	}
	switch op {
	case OpAdd:
		r.Add(x, y)
	case OpSub:
		r.Sub(x, y)
	case OpMul:
		r.Mul(x, y)
	case OpDiv:
		return trueDivide(x, y)
	case OpFloorDiv, OpMod:
		if y.Sign() == 0 {
			return Value{}, Raise("ZeroDivisionError", "integer %s by zero", map[Op]string{OpFloorDiv: "division or modulo", OpMod: "modulo"}[op])
		}
		rest := new(big.Int)
		r.QuoRem(x, y, rest)
		if rest.Sign() != 0 && (rest.Sign() < 0) != (y.Sign() < 0) {
			r.Sub(r, big.NewInt(1))
			rest.Add(rest, y)
		}
		if op == OpMod {
			r = rest
		}
	case OpPow:
		return intPow(m, x, y)
	case OpAnd:
		r.And(x, y)
	case OpOr:
		r.Or(x, y)
	case OpXor:
		r.Xor(x, y)
	case OpLsh, OpRsh:
		return shift(m, op, x, y)
	}
	return BigInt(r), nil
}

func trueDivide(x, y *big.Int) (Value, error) {
	if y.Sign() == 0 {
		return Value{}, Raise("ZeroDivisionError", "division by zero")
	}
	if x.Sign() == 0 && y.Sign() < 0 {
		return Float(math.Copysign(0, -1)), nil
	}
	f, _ := new(big.Rat).SetFrac(x, y).Float64()
	if math.IsInf(f, 0) {
		return Value{}, Raise("OverflowError", "integer division result too large for a float")
	}
	return Float(f), nil
}

func shift(m *Meter, op Op, x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		return Value{}, valueError("negative shift count")
	}
	if op == OpRsh {
		if !y.IsInt64() || y.Int64() > int64(x.BitLen())+1 {
			if x.Sign() < 0 {
				return Int(-1), nil
			}
			return Int(0), nil
		}
		return BigInt(new(big.Int).Rsh(x, uint(y.Int64()))), nil
	}
	if x.Sign() == 0 {
		return Int(0), nil
	}
	if !y.IsInt64() || y.Int64() > maxBits {
		return Value{}, tooLarge(m)
	}
	if err := m.Grow((int64(x.BitLen()) + y.Int64()) / 8); err != nil {
		return Value{}, err
	}
	return BigInt(new(big.Int).Lsh(x, uint(y.Int64()))), nil
}

func tooLarge(m *Meter) error {
	if err := m.Grow(math.MaxInt64); err != nil {
		return err
	}
	return Raise("MemoryError", "")
}

func intPow(m *Meter, x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			return Value{}, Raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		a, ok1 := BigInt(x).Float64()
		b, ok2 := BigInt(y).Float64()
		if !ok1 || !ok2 {
			return Value{}, Raise("OverflowError", "int too large to convert to float")
		}
		return floatOp(OpPow, a, b)
	}
	if x.BitLen() <= 1 { // -1, 0 or 1
		if y.Sign() == 0 || x.Sign() > 0 || x.Sign() < 0 && y.Bit(0) == 0 {
			return Int(1), nil
		}
		return BigInt(x), nil
	}
	if !y.IsInt64() || y.Int64() > maxBits/int64(x.BitLen()) {
		return Value{}, tooLarge(m)
	}
	size := int64(x.BitLen()) * y.Int64() / 8
	// Multiplying is what takes time: count more than the bytes.
	if err := m.Grow(size); err != nil {
		return Value{}, err
	}
	if err := m.Step(size * 8); err != nil {
		return Value{}, err
	}
	return BigInt(new(big.Int).Exp(x, y, nil)), nil
}

func floatOp(op Op, x, y float64) (Value, error) {
	switch op {
	case OpAdd:
		return Float(x + y), nil
	case OpSub:
		return Float(x - y), nil
	case OpMul:
		return Float(x * y), nil
	case OpDiv:
		if y == 0 {
			return Value{}, Raise("ZeroDivisionError", "float division by zero")
		}
		return Float(x / y), nil
	case OpFloorDiv, OpMod:
		if y == 0 {
			return Value{}, Raise("ZeroDivisionError", "%s", map[Op]string{OpFloorDiv: "float floor division by zero", OpMod: "float modulo"}[op])
		}
		q, r := floatDivMod(x, y)
		if op == OpMod {
			return Float(r), nil
		}
		return Float(q), nil
	}
	return floatPow(x, y)
}

// floatDivMod is CPython's float_divmod.
func floatDivMod(x, y float64) (q, r float64) {
	r = math.Mod(x, y)
	q = (x - r) / y
	if r != 0 {
		if (y < 0) != (r < 0) {
			r += y
			q--
		}
	} else {
		r = math.Copysign(0, y)
	}
	if q == 0 {
		return math.Copysign(0, x/y), r
	}
	floor := math.Floor(q)
	if q-floor > 0.5 {
		floor++
	}
	return floor, r
}

func floatPow(x, y float64) (Value, error) {
	switch {
	case x == 0 && y < 0:
		return Value{}, Raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
	case x < 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) && y != math.Trunc(y):
		return Value{}, typeError("complex numbers are not supported")
	}
	r := Pow(x, y)
	if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return Value{}, Raise("OverflowError", "(34, 'Numerical result out of range')")
	}
	return Float(r), nil
}

// Neg returns -v.
func Neg(m *Meter, v Value) (Value, error) {
	if f, ok := v.float(); ok {
		return Float(-f), nil
	}
	if i, ok := v.Int64(); ok && i != math.MinInt64 {
		return Int(-i), nil
	}
	if b := v.BigInt(); b != nil {
		if err := m.Grow(int64(v.intSize())); err != nil {
			return Value{}, err
		}
		return BigInt(new(big.Int).Neg(b)), nil
	}
	return unary("-", OpMul, v)
}

// Pos returns +v.
func Pos(v Value) (Value, error) {
	if v.Kind() == KindBool {
		return Int(int64(v.num)), nil
	}
	if v.IsNumber() {
		return v.plain(), nil
	}
	return unary("+", OpAdd, v)
}

// Invert returns ~v.
func Invert(m *Meter, v Value) (Value, error) {
	if b := v.BigInt(); b != nil {
		if err := m.Grow(int64(v.intSize())); err != nil {
			return Value{}, err
		}
		return BigInt(new(big.Int).Not(b)), nil
	}
	return unary("~", OpXor, v)
}

func unary(sign string, op Op, v Value) (Value, error) {
	if v.IsUndefined() {
		return Value{}, undefinedError(v)
	}
	if o, ok := v.any.(interface {
		PySigned(negative bool) (Value, error)
	}); ok && op != OpXor {
		return o.PySigned(sign == "-")
	}
	if o, ok := v.any.(interface {
		PyBinary(op Op, other Value, reflected bool) (Value, bool, error)
	}); ok && op != OpXor {
		one := int64(1)
		if sign == "-" {
			one = -1
		} else {
			op = OpMul
		}
		if r, done, err := o.PyBinary(op, Int(one), false); done || err != nil {
			return r, err
		}
	}
	return Value{}, typeError("bad operand type for unary %s: '%s'", sign, TypeName(v))
}
