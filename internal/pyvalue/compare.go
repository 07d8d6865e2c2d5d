package pyvalue

import (
	"bytes"
	"math"
	"math/big"
	"strings"
)

// CmpOp is an operator of comparison.
type CmpOp uint8

// The operators of comparison.
const (
	CmpEq CmpOp = iota
	CmpNe
	CmpLt
	CmpLe
	CmpGt
	CmpGe
)

var cmpNames = [...]string{"==", "!=", "<", "<=", ">", ">="}

// Equal returns a == b.
func Equal(a, b Value) bool {
	switch x := a.any.(type) {
	case strPtr:
		if _, ok := b.any.(strPtr); ok {
			return a.num == b.num && a.Text() == b.Text()
		}
	case Kind:
		if y, ok := b.any.(Kind); ok && x == KindFloat && y == KindFloat {
			return math.Float64frombits(a.num) == math.Float64frombits(b.num)
		}
	}
	return equal(a, b, 0)
}

func equal(a, b Value, depth int) bool {
	if depth > maxRepr {
		return false
	}
	if a.IsNumber() && b.IsNumber() {
		c, ordered := compareNumbers(a, b)
		return ordered && c == 0
	}
	if a.IsText() && b.IsText() {
		return a.Text() == b.Text()
	}
	for _, pair := range [][2]Value{{a, b}, {b, a}} {
		if o, ok := pair[0].any.(interface{ PyEqual(other Value) bool }); ok {
			return o.PyEqual(pair[1])
		}
	}
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case KindNone, KindUndefined:
		return true
	case KindBytes:
		return bytes.Equal(a.Data(), b.Data())
	case KindList, KindTuple:
		x, _ := a.Items()
		y, _ := b.Items()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i], depth+1) {
				return false
			}
		}
		return true
	case KindDict:
		x, y := a.Dict(), b.Dict()
		if x.Len() != y.Len() {
			return false
		}
		for k, v := range x.All() {
			other, ok, _ := y.Get(k)
			if !ok || !equal(v, other, depth+1) {
				return false
			}
		}
		return true
	case KindSet:
		x, y := a.Set(), b.Set()
		return x.d.Len() == y.d.Len() && subset(x, y)
	}
	return a.any == b.any
}

func subset(x, y *Set) bool {
	for _, k := range x.Members() {
		if has, _ := y.Has(k); !has {
			return false
		}
	}
	return true
}

// Compare returns a op b; TypeError for values without an order.
func Compare(op CmpOp, a, b Value) (bool, error) {
	switch op {
	case CmpEq:
		return Equal(a, b), nil
	case CmpNe:
		return !Equal(a, b), nil
	}
	if x, ok := a.any.(Kind); ok && x == KindFloat {
		if y, ok := b.any.(Kind); ok && y == KindFloat {
			u, v := math.Float64frombits(a.num), math.Float64frombits(b.num)
			if u != u || v != v {
				return false, nil // nan has no order
			}
			return fits(op, compareFloats(u, v)), nil
		}
	}
	if a.IsUndefined() {
		return false, undefinedError(a)
	}
	if b.IsUndefined() {
		return false, undefinedError(b)
	}
	if a.Kind() == KindSet && b.Kind() == KindSet {
		return compareSets(op, a.Set(), b.Set()), nil
	}
	c, ordered, err := order(op, a, b, 0)
	if err != nil || !ordered {
		return false, err
	}
	return fits(op, c), nil
}

func fits(op CmpOp, c int) bool {
	switch op {
	case CmpLt:
		return c < 0
	case CmpLe:
		return c <= 0
	case CmpGt:
		return c > 0
	}
	return c >= 0
}

func compareSets(op CmpOp, x, y *Set) bool {
	switch op {
	case CmpLt:
		return x.d.Len() < y.d.Len() && subset(x, y)
	case CmpLe:
		return subset(x, y)
	case CmpGt:
		return y.d.Len() < x.d.Len() && subset(y, x)
	}
	return subset(y, x)
}

// order compares two values; nan has no order.
func order(op CmpOp, a, b Value, depth int) (c int, ordered bool, err error) {
	switch {
	case depth > maxRepr:
		return 0, false, Raise("RecursionError", "maximum recursion depth exceeded in comparison")
	case a.IsNumber() && b.IsNumber():
		c, ordered = compareNumbers(a, b)
		return c, ordered, nil
	case a.IsText() && b.IsText():
		return strings.Compare(a.Text(), b.Text()), true, nil
	case a.Kind() == KindBytes && b.Kind() == KindBytes:
		return bytes.Compare(a.Data(), b.Data()), true, nil
	case a.Kind() == b.Kind() && (a.Kind() == KindList || a.Kind() == KindTuple):
		x, _ := a.Items()
		y, _ := b.Items()
		for i := range min(len(x), len(y)) {
			if !equal(x[i], y[i], depth) {
				return order(op, x[i], y[i], depth+1)
			}
		}
		return len(x) - len(y), true, nil
	}
	for _, reflected := range []bool{false, true} {
		own, other := a, b
		if reflected {
			own, other = b, a
		}
		if o, ok := own.any.(interface {
			PyCompare(other Value) (int, bool)
		}); ok {
			if c, ok := o.PyCompare(other); ok {
				if reflected {
					c = -c
				}
				return c, true, nil
			}
		}
	}
	if o, ok := a.any.(interface{ PyCompareError(other Value) error }); ok {
		if err := o.PyCompareError(b); err != nil {
			return 0, false, err
		}
	}
	return 0, false, typeError("'%s' not supported between instances of '%s' and '%s'", cmpNames[op], TypeName(a), TypeName(b))
}

// compareNumbers compares exactly, also an int with a float.
func compareNumbers(a, b Value) (c int, ordered bool) {
	x, xFloat := a.float()
	y, yFloat := b.float()
	switch {
	case xFloat && math.IsNaN(x), yFloat && math.IsNaN(y):
		return 0, false
	case xFloat && yFloat:
		return compareFloats(x, y), true
	case xFloat:
		return -compareIntFloat(b, x), true
	case yFloat:
		return compareIntFloat(a, y), true
	}
	if i, ok := a.Int64(); ok {
		if j, ok := b.Int64(); ok {
			switch {
			case i < j:
				return -1, true
			case i > j:
				return 1, true
			}
			return 0, true
		}
	}
	return a.BigInt().Cmp(b.BigInt()), true
}

func compareFloats(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func compareIntFloat(i Value, f float64) int {
	if math.IsInf(f, 0) {
		return -int(math.Copysign(1, f))
	}
	if small, ok := i.Int64(); ok && abs(small) < 1<<53 {
		return compareFloats(float64(small), f)
	}
	return new(big.Rat).SetInt(i.BigInt()).Cmp(new(big.Rat).SetFloat64(f))
}
