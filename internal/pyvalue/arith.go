package pyvalue

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// Op is a binary operator.
type Op uint8

// The operators.
const (
	OpAdd Op = iota
	OpSub
	OpMul
	OpDiv
	OpFloorDiv
	OpMod
	OpPow
	OpAnd
	OpOr
	OpXor
	OpLsh
	OpRsh
)

var opNames = [...]string{"+", "-", "*", "/", "//", "%", "** or pow()", "&", "|", "^", "<<", ">>"}

// String returns the operator as it is written.
func (op Op) String() string {
	if op == OpPow {
		return "**"
	}
	return opNames[op]
}

// Binary returns a op b.
func Binary(m *Meter, op Op, a, b Value) (Value, error) {
	if err := m.Step(1); err != nil {
		return Value{}, err
	}
	if a.IsNumber() && b.IsNumber() {
		return numeric(m, op, a.plain(), b.plain())
	}
	for _, side := range []struct {
		own, other Value
		reflected  bool
	}{{a, b, false}, {b, a, true}} {
		if o, ok := side.own.any.(interface {
			PyBinary(op Op, other Value, reflected bool) (Value, bool, error)
		}); ok {
			if v, done, err := o.PyBinary(op, side.other, side.reflected); done || err != nil {
				return v, err
			}
		}
	}
	if v, done, err := sequenceOp(m, op, a, b); done || err != nil {
		return v, err
	}
	if a.IsUndefined() {
		return Value{}, undefinedError(a)
	}
	if b.IsUndefined() {
		return Value{}, undefinedError(b)
	}
	return Value{}, unsupported(op, a, b)
}

func unsupported(op Op, a, b Value) error {
	switch {
	case op == OpAdd && a.Kind() == KindStr:
		return typeError(`can only concatenate str (not "%s") to str`, TypeName(b))
	case op == OpAdd && a.Kind() == KindList:
		return typeError(`can only concatenate list (not "%s") to list`, TypeName(b))
	case op == OpAdd && a.Kind() == KindTuple:
		return typeError(`can only concatenate tuple (not "%s") to tuple`, TypeName(b))
	case op == OpAdd && a.Kind() == KindBytes:
		return typeError(`can't concat %s to bytes`, TypeName(b))
	case op == OpMul && isSequence(a):
		return typeError("can't multiply sequence by non-int of type '%s'", TypeName(b))
	case op == OpMul && isSequence(b):
		return typeError("can't multiply sequence by non-int of type '%s'", TypeName(a))
	}
	return typeError("unsupported operand type(s) for %s: '%s' and '%s'", opNames[op], TypeName(a), TypeName(b))
}

func isSequence(v Value) bool {
	switch v.Kind() {
	case KindStr, KindMarkup, KindBytes, KindList, KindTuple:
		return true
	}
	return false
}

// sequenceOp does +, * and % on texts, lists and tuples, and the set operators.
func sequenceOp(m *Meter, op Op, a, b Value) (Value, bool, error) {
	switch {
	case op == OpAdd && a.IsText() && b.IsText():
		v, err := concat(m, a, b)
		return v, true, err
	case op == OpMod && a.IsText():
		v, err := PercentFormat(m, a, b)
		return v, true, err
	case op == OpAdd && a.Kind() == b.Kind():
		return concatSame(m, a, b)
	case op == OpMul && isSequence(a) && b.isInteger():
		v, err := repeat(m, a, b)
		return v, true, err
	case op == OpMul && isSequence(b) && a.isInteger():
		v, err := repeat(m, b, a)
		return v, true, err
	case a.Kind() == KindSet && b.Kind() == KindSet:
		return setOp(m, op, a.Set(), b.Set())
	case op == OpOr && a.Kind() == KindDict && b.Kind() == KindDict:
		merged := a.Dict().Copy()
		for k, v := range b.Dict().All() {
			_ = merged.Set(k, v) // it was hashable before
		}
		return merged.Value(), true, nil
	}
	return Value{}, false, nil
}

// concat joins two texts; as with markupsafe, text that meets Markup is escaped.
func concat(m *Meter, a, b Value) (Value, error) {
	x, y := a.Text(), b.Text()
	markup := a.Kind() == KindMarkup || b.Kind() == KindMarkup
	if markup && a.Kind() == KindStr {
		x = EscapeText(x)
	}
	if markup && b.Kind() == KindStr {
		y = EscapeText(y)
	}
	if err := m.Grow(int64(len(x) + len(y))); err != nil {
		return Value{}, err
	}
	if markup {
		return Markup(x + y), nil
	}
	return Str(x + y), nil
}

func concatSame(m *Meter, a, b Value) (Value, bool, error) {
	x, isList := a.Items()
	y, _ := b.Items()
	switch a.Kind() {
	case KindBytes:
		if err := m.Grow(int64(len(a.Data()) + len(b.Data()))); err != nil {
			return Value{}, true, err
		}
		return Bytes(append(append([]byte(nil), a.Data()...), b.Data()...)), true, nil
	case KindList, KindTuple:
		if err := m.growTimes(valueSize, int64(len(x)+len(y))); err != nil {
			return Value{}, true, err
		}
		joined := append(append(make([]Value, 0, len(x)+len(y)), x...), y...)
		if a.Kind() == KindList && isList {
			return NewList(joined...), true, nil
		}
		return NewTuple(joined...), true, nil
	}
	return Value{}, false, nil
}

func repeat(m *Meter, v, times Value) (Value, error) {
	n, fits := times.Int64()
	if !fits {
		if times.BigInt().Sign() > 0 {
			return Value{}, Raise("OverflowError", "cannot fit 'int' into an index-sized integer")
		}
		n = 0
	}
	n = max(n, 0)
	size := int64(valueSize)
	items, _ := v.Items()
	switch v.Kind() {
	case KindStr, KindMarkup:
		size = int64(len(v.Text()))
	case KindBytes:
		size = int64(len(v.Data()))
	default:
		size *= int64(len(items))
	}
	if size == 0 {
		n = min(n, 1)
	}
	if err := m.growTimes(size, n); err != nil {
		return Value{}, err
	}
	if size > 0 && n > math.MaxInt32*64/size {
		return Value{}, Raise("MemoryError", "")
	}
	switch v.Kind() {
	case KindStr:
		return Str(strings.Repeat(v.Text(), int(n))), nil
	case KindMarkup:
		return Markup(strings.Repeat(v.Text(), int(n))), nil
	case KindBytes:
		return Bytes([]byte(strings.Repeat(string(v.Data()), int(n)))), nil
	}
	out := make([]Value, 0, len(items)*int(n))
	for range n {
		out = append(out, items...)
	}
	if v.Kind() == KindList {
		return NewList(out...), nil
	}
	return NewTuple(out...), nil
}

func setOp(m *Meter, op Op, a, b *Set) (Value, bool, error) {
	if err := m.Step(int64(a.d.Len() + b.d.Len())); err != nil {
		return Value{}, true, err
	}
	out := &Set{}
	add := func(from, other *Set, when bool) {
		for _, k := range from.Members() {
			if has, _ := other.Has(k); has == when {
				_ = out.d.Set(k, Value{}) // it was hashable before
			}
		}
	}
	switch op {
	case OpOr:
		add(a, &Set{}, false)
		add(b, &Set{}, false)
	case OpAnd:
		add(a, b, true)
	case OpSub:
		add(a, b, false)
	case OpXor:
		add(a, b, false)
		add(b, a, false)
	default:
		return Value{}, false, nil
	}
	return Value{any: out}, true, nil
}

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
	r := math.Pow(x, y)
	if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return Value{}, Raise("OverflowError", "(34, 'Numerical result out of range')")
	}
	return Float(r), nil
}

// Neg returns -v.
func Neg(v Value) (Value, error) {
	if f, ok := v.float(); ok {
		return Float(-f), nil
	}
	if i, ok := v.Int64(); ok && i != math.MinInt64 {
		return Int(-i), nil
	}
	if b := v.BigInt(); b != nil {
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
func Invert(v Value) (Value, error) {
	if b := v.BigInt(); b != nil {
		return BigInt(new(big.Int).Not(b)), nil
	}
	return unary("~", OpXor, v)
}

func unary(sign string, op Op, v Value) (Value, error) {
	if v.IsUndefined() {
		return Value{}, undefinedError(v)
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
