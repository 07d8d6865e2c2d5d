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
	same, _ := EqualWithin(nil, a, b) // without a meter nothing ends it
	return same
}

// shortText is a size of texts whose comparison takes no more than a step.
const shortText = 1 << 10

// EqualWithin returns a == b, and counts what is compared.
func EqualWithin(m *Meter, a, b Value) (bool, error) {
	switch x := a.any.(type) {
	case strPtr:
		if _, ok := b.any.(strPtr); ok && a.num < shortText {
			return a.num == b.num && a.Text() == b.Text(), nil
		}
	case Kind:
		if y, ok := b.any.(Kind); ok && x == KindFloat && y == KindFloat {
			return math.Float64frombits(a.num) == math.Float64frombits(b.num), nil
		}
	}
	c := &comparing{m: m}
	same := c.equal(a, b, 0)
	return same, c.err
}

// comparing is a comparison, whose elements are counted.
type comparing struct {
	m   *Meter
	err error // that ended it
}

// step counts n comparisons, and says whether to go on.
func (c *comparing) step(n int) bool {
	if c.m != nil && c.err == nil {
		c.err = c.m.Step(int64(n))
	}
	return c.err == nil
}

// perStep is how many bytes of a text are handled in the time of a step.
const perStep = 128

// maxCompared bounds the nesting of what is compared; CPython's is a little higher.
const maxCompared = 900

var errComparedDepth = Raise("RecursionError", "maximum recursion depth exceeded in comparison")

func (c *comparing) equal(a, b Value, depth int) bool {
	if !c.step(1) {
		return false
	}
	if depth > maxCompared {
		c.err = errComparedDepth
		return false
	}
	if v, ok, err := Rich(CmpEq, a, b); ok {
		if err != nil && c.err == nil {
			c.err = err
		}
		return err == nil && Truth(v)
	}
	return c.plainly(a, b, depth)
}

// element is equal for elements of containers, which are found by identity, too.
func (c *comparing) element(a, b Value, depth int) bool {
	return a.sameObject(b) || c.equal(a, b, depth)
}

// plainly is equal without methods of the program's classes.
func (c *comparing) plainly(a, b Value, depth int) bool {
	if a.IsNumber() && b.IsNumber() {
		order, ordered := c.numbers(a, b)
		return ordered && order == 0
	}
	if a.IsText() && b.IsText() {
		return c.sameText(a.Text(), b.Text())
	}
	for _, pair := range [][2]Value{{a, b}, {b, a}} {
		switch o := pair[0].any.(type) {
		case *Derived: // it is as the builtin class has it
			return c.equal(a.Base(), b.Base(), depth+1)
		case *Slicing:
			other, ok := pair[1].any.(*Slicing)
			return ok && c.equal(NewTuple(o[:]...), NewTuple(other[:]...), depth+1)
		case *view:
			if other := setLikeOf(pair[1]); other != nil && o.what != "values" {
				return c.sets(CmpEq, o, other, depth)
			}
			return o == pair[1].any
		}
		if _, ok := pair[0].any.(standIn); ok {
			return c.equal(pair[0].stoodFor(), pair[1].stoodFor(), depth+1)
		}
		if o, ok := pair[0].any.(interface{ PyEqual(other Value) bool }); ok {
			c.ints(pair[1].intSize())
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
		return len(a.Data()) == len(b.Data()) && c.step(len(a.Data())/perStep) && bytes.Equal(a.Data(), b.Data())
	case KindList, KindTuple:
		x, _ := a.Items()
		y, _ := b.Items()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !c.element(x[i], y[i], depth+1) {
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
			other, ok := c.lookup(y, k)
			if !ok || !c.element(v, other, depth+1) {
				return false
			}
		}
		return true
	case KindSet:
		return c.sets(CmpEq, a.Set(), b.Set(), depth)
	}
	return a.any == b.any
}

func (c *comparing) sameText(a, b string) bool {
	return len(a) == len(b) && c.step(len(a)/perStep) && a == b
}

// Compare returns a op b; TypeError for values without an order.
func Compare(op CmpOp, a, b Value) (bool, error) { return CompareWithin(nil, op, a, b) }

// CompareWithin returns a op b, and counts what is compared.
func CompareWithin(m *Meter, op CmpOp, a, b Value) (bool, error) {
	switch op {
	case CmpEq:
		return EqualWithin(m, a, b)
	case CmpNe:
		return notEqual(m, a, b)
	}
	if x, ok := a.small(); ok {
		if y, ok := b.small(); ok {
			return fits(op, compareFloats(x, y)), m.Step(1)
		}
	}
	if v, ok, err := Rich(op, a, b); ok {
		return err == nil && Truth(v), err
	}
	if a.IsUndefined() {
		return false, undefinedError(a)
	}
	if b.IsUndefined() {
		return false, undefinedError(b)
	}
	in := &comparing{m: m}
	if x, y := setLikeOf(a), setLikeOf(b); x != nil && y != nil {
		holds := in.sets(op, x, y, 0)
		return holds, in.err
	}
	c, ordered, err := in.builtin(op, a, b, 0)
	if err == nil {
		err = in.err
	}
	if err != nil || !ordered {
		return false, err
	}
	return fits(op, c), nil
}

// notEqual is a != b: by __ne__, which a class may have beside its __eq__.
func notEqual(m *Meter, a, b Value) (bool, error) {
	if a.richer() == nil && b.richer() == nil {
		same, err := EqualWithin(m, a, b)
		return !same, err
	}
	if v, ok, err := Rich(CmpNe, a, b); ok {
		return err == nil && Truth(v), err
	}
	c := &comparing{m: m}
	same := c.plainly(a, b, 0)
	return !same, c.err
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

// small returns a number as a float that is exactly equal and has an order: a float but
// nan, or an int of up to 53 bits.
func (v Value) small() (float64, bool) {
	switch k := v.any.(type) {
	case Kind:
		if k == KindFloat {
			f := math.Float64frombits(v.num)
			return f, f == f
		}
		i := int64(v.num)
		return float64(i), -1<<53 <= i && i <= 1<<53
	case *spelt:
		return k.value.small()
	}
	return 0, false
}

// order compares two values, of which c says what fits the operator; nan has no order.
func (in *comparing) order(op CmpOp, a, b Value, depth int) (c int, ordered bool, err error) {
	v, ok, err := Rich(op, a, b)
	if !ok {
		return in.builtin(op, a, b, depth)
	}
	if (op == CmpLt || op == CmpLe) == Truth(v) {
		return -1, err == nil, err
	}
	return 1, err == nil, err
}

// builtin is order without methods of the program's classes.
func (in *comparing) builtin(op CmpOp, a, b Value, depth int) (c int, ordered bool, err error) {
	if !in.step(1) {
		return 0, false, in.err
	}
	a, b = a.stoodFor(), b.stoodFor()
	switch {
	case depth > maxCompared:
		in.err = errComparedDepth
		return 0, false, in.err
	case a.IsNumber() && b.IsNumber():
		c, ordered = in.numbers(a, b)
		return c, ordered, nil
	case a.IsText() && b.IsText():
		in.step(min(len(a.Text()), len(b.Text())) / perStep)
		return strings.Compare(a.Text(), b.Text()), true, nil
	case a.Kind() == KindBytes && b.Kind() == KindBytes:
		in.step(min(len(a.Data()), len(b.Data())) / perStep)
		return bytes.Compare(a.Data(), b.Data()), true, nil
	case a.Kind() == b.Kind() && (a.Kind() == KindList || a.Kind() == KindTuple):
		x, _ := a.Items()
		y, _ := b.Items()
		for i := range min(len(x), len(y)) {
			if !in.element(x[i], y[i], depth) {
				return in.order(op, x[i], y[i], depth+1)
			}
		}
		return len(x) - len(y), true, nil
	}
	if a.Derived() != nil || b.Derived() != nil { // as the builtin class orders them
		c, ordered, err := in.order(op, a.Base(), b.Base(), depth+1)
		if in.err != nil || err == nil && ordered {
			return c, ordered, in.err
		}
	}
	for _, reflected := range []bool{false, true} {
		own, other := a, b
		if reflected {
			own, other = b, a
		}
		if o, ok := own.any.(interface {
			PyCompare(other Value) (int, bool)
		}); ok {
			in.ints(other.intSize())
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

func (c *comparing) numbers(a, b Value) (order int, ordered bool) {
	c.ints(min(a.intSize(), b.intSize()))
	return compareNumbers(a, b)
}

// ints counts ints of so many bytes.
func (c *comparing) ints(size int) {
	if size >= perStep {
		c.step(size / perStep)
	}
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
	if n := i.BigInt(); n.BitLen() > 1024 { // than any float
		return n.Sign()
	}
	return new(big.Rat).SetInt(i.BigInt()).Cmp(new(big.Rat).SetFloat64(f))
}
