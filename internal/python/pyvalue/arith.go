package pyvalue

import (
	"math"
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
	a, b = a.stoodFor(), b.stoodFor()
	numbers := a.IsNumber() && b.IsNumber()
	if numbers && a.Derived() == nil && b.Derived() == nil {
		return numeric(m, op, a.plain(), b.plain())
	}
	if err := m.bytes(a.intSize() + b.intSize()); err != nil { // which an object converts
		return Value{}, err
	}
	sides := [...]operand{{a, b, false}, {b, a, true}}
	if r := b.richer(); r != nil && r.PyAbove(a, OperatorMethod(op, true)) {
		sides[0], sides[1] = sides[1], sides[0]
	}
	for _, side := range sides {
		if o, ok := side.own.any.(interface {
			PyBinary(op Op, other Value, reflected bool) (Value, bool, error)
		}); ok {
			if v, done, err := o.PyBinary(op, side.other, side.reflected); done || err != nil {
				return v, err
			}
		}
	}
	if numbers {
		return numeric(m, op, a.plain(), b.plain())
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

// operand is a side of an operator, which may have a method for it.
type operand struct {
	own, other Value
	reflected  bool
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
	case op == OpMod && a.Kind() == KindBytes:
		v, err := bytesPercent(m, a, b)
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
	case isView(a) || isView(b):
		return viewOp(m, op, a, b)
	case op == OpOr && a.Kind() == KindDict && b.Kind() == KindDict:
		merged, err := a.Dict().CopyWithin(m)
		if err == nil {
			err = UpdateDict(m, merged, b)
		}
		if err != nil {
			return Value{}, true, err
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
		if err := m.GrowParts(valueSize, int64(len(x)+len(y))); err != nil {
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
		return Value{}, Raise("OverflowError", "cannot fit 'int' into an index-sized integer")
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
	if err := m.GrowParts(size, n); err != nil {
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
	out := &Set{Frozen: a.Frozen}
	var failed error
	add := func(from, other *Set, when bool) {
		for k := range from.d.All() {
			if failed == nil {
				failed = m.Key(k)
			}
			if failed != nil {
				return
			}
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
	return Value{any: out}, true, failed
}
