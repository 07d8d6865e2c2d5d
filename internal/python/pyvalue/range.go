package pyvalue

import (
	"fmt"
	"iter"
	"math"
	"math/big"
)

// Range is a range: the numbers from start up to stop, of up to [maxRangeBits] bits.
type Range struct {
	start, stop, step *big.Int
	length            *big.Int

	small    bool // all of it fits what follows
	from, by int64
}

// NewRange is range(stop) and range(start, stop, step).
func NewRange(c *Call) (Value, error) {
	switch n := len(c.Args); {
	case len(c.Names) > 0:
		return Value{}, typeError("range() takes no keyword arguments")
	case n == 0:
		return Value{}, typeError("range expected at least 1 argument, got 0")
	case n > 3:
		return Value{}, typeError("range expected at most 3 arguments, got %d", n)
	}
	numbers := [3]*big.Int{new(big.Int), new(big.Int), big.NewInt(1)}
	for i, a := range c.Args {
		if !a.isInteger() {
			return Value{}, typeError("'%s' object cannot be interpreted as an integer", TypeName(a))
		}
		if numbers[i] = a.BigInt(); numbers[i].BitLen() > maxRangeBits {
			return Value{}, fmt.Errorf("%w: a range of numbers of %d bits, at most %d are allowed", ErrLimit, numbers[i].BitLen(), maxRangeBits)
		}
	}
	if len(c.Args) == 1 {
		numbers[0], numbers[1] = numbers[1], numbers[0]
	}
	if numbers[2].Sign() == 0 {
		return Value{}, valueError("range() arg 3 must not be zero")
	}
	return FromObject(newRange(numbers[0], numbers[1], numbers[2])), nil
}

// maxRangeBits bounds the numbers of a range: what it does with them is not counted.
const maxRangeBits = 8192

func newRange(start, stop, step *big.Int) *Range {
	r := &Range{start: start, stop: stop, step: step, length: new(big.Int)}
	// The length is the distance, divided by the step and rounded up.
	distance, by := new(big.Int).Sub(stop, start), step
	if step.Sign() < 0 {
		distance, by = distance.Neg(distance), new(big.Int).Neg(step)
	}
	if distance.Sign() > 0 {
		distance.Add(distance, by).Sub(distance, big.NewInt(1))
		r.length.Quo(distance, by)
	}
	const most = 62
	if start.BitLen() < most && stop.BitLen() < most && step.BitLen() < most {
		r.small, r.from, r.by = true, start.Int64(), step.Int64()
	}
	return r
}

// PyType implements [Object].
func (*Range) PyType() string { return "range" }

// PyTruth reports whether the range has numbers.
func (r *Range) PyTruth() bool { return r.length.Sign() > 0 }

// PyLen returns how many numbers there are, at most [math.MaxInt].
func (r *Range) PyLen() int {
	if !r.length.IsInt64() {
		return math.MaxInt
	}
	return int(r.length.Int64())
}

// checkedLen is len(): OverflowError for a range that is too long.
func (r *Range) checkedLen() (int, error) {
	if !r.length.IsInt64() {
		return 0, Raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return int(r.length.Int64()), nil
}

// At returns the number at a position from 0, which must be below the length.
func (r *Range) At(i int) Value {
	if r.small {
		return Int(r.from + int64(i)*r.by)
	}
	return BigInt(r.number(big.NewInt(int64(i))))
}

func (r *Range) number(i *big.Int) *big.Int {
	n := new(big.Int).Mul(i, r.step)
	return n.Add(n, r.start)
}

// PyIter yields the numbers.
func (r *Range) PyIter() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for i := range r.PyLen() {
			if !yield(r.At(i)) {
				return
			}
		}
	}
}

// PySlice is range(…)[lo:hi:step], which is a range, too.
func (r *Range) PySlice(lo, hi, step Value) (Value, error) {
	by, err := sliceIndex(step, big.NewInt(1))
	if err != nil {
		return Value{}, err
	}
	if by.Sign() == 0 {
		return Value{}, valueError("slice step cannot be zero")
	}
	least, most := new(big.Int), r.length
	first, last := least, most
	if by.Sign() < 0 {
		least, most = big.NewInt(-1), new(big.Int).Sub(r.length, big.NewInt(1))
		first, last = most, least
	}
	var ends [2]*big.Int
	for i, v := range []Value{lo, hi} {
		if ends[i], err = sliceIndex(v, [2]*big.Int{first, last}[i]); err != nil {
			return Value{}, err
		}
		if v.IsNone() {
			continue
		}
		if ends[i].Sign() < 0 {
			ends[i] = new(big.Int).Add(ends[i], r.length)
		}
		switch {
		case ends[i].Cmp(least) < 0:
			ends[i] = least
		case ends[i].Cmp(most) > 0:
			ends[i] = most
		}
	}
	return FromObject(newRange(r.number(ends[0]), r.number(ends[1]), by.Mul(by, r.step))), nil
}

// sliceIndex returns a part of a slice, or what it is if it is left out.
func sliceIndex(v Value, otherwise *big.Int) (*big.Int, error) {
	if v.IsNone() {
		return otherwise, nil
	}
	if !v.isInteger() {
		return nil, typeError("slice indices must be integers or None or have an __index__ method")
	}
	return new(big.Int).Set(v.BigInt()), nil
}

// PyItem is range(…)[i].
func (r *Range) PyItem(key Value) (Value, error) {
	if s, ok := key.any.(*Slicing); ok {
		return r.PySlice(s[0], s[1], s[2])
	}
	if !key.isInteger() {
		return Value{}, typeError("range indices must be integers or slices, not %s", TypeName(key))
	}
	i := key.BigInt()
	if i.Sign() < 0 {
		i = new(big.Int).Add(i, r.length)
	}
	if i.Sign() < 0 || i.Cmp(r.length) >= 0 {
		return Value{}, Raise("IndexError", "range object index out of range")
	}
	return BigInt(r.number(i)), nil
}

// find returns where a number stands, and whether it does.
func (r *Range) find(v Value) (*big.Int, bool) {
	n := v.BigInt()
	if f, ok := v.float(); ok && f == math.Trunc(f) && !math.IsInf(f, 0) {
		n, _ = big.NewFloat(f).Int(nil)
	}
	if n == nil {
		return nil, false
	}
	at, rest := new(big.Int).QuoRem(new(big.Int).Sub(n, r.start), r.step, new(big.Int))
	return at, rest.Sign() == 0 && at.Sign() >= 0 && at.Cmp(r.length) < 0
}

// contains tells without walking through the range; what is not a number of Python's own
// is compared with each.
func (r *Range) contains(m *Meter, v Value) (bool, error) {
	if v.Kind() != KindObject && v.Derived() == nil {
		if err := m.Work(v); err != nil {
			return false, err
		}
		_, has := r.find(v)
		return has, nil
	}
	for i := range r.PyLen() {
		if err := m.Step(1); err != nil {
			return false, err
		}
		if same, err := EqualWithin(m, r.At(i), v); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// PyAttr returns what the range was made of, and its methods.
func (r *Range) PyAttr(name string) (Value, bool) {
	switch name {
	case "start":
		return BigInt(r.start), true
	case "stop":
		return BigInt(r.stop), true
	case "step":
		return BigInt(r.step), true
	case "index", "count":
		return NewBuiltin(name, func(c *Call) (Value, error) { return r.look(name, c) }), true
	}
	return Value{}, false
}

// look is range(…).index(v) or range(…).count(v).
func (r *Range) look(name string, c *Call) (Value, error) {
	if err := c.Exactly("range."+name, 1); err != nil {
		return Value{}, err
	}
	v := c.Args[0]
	at, has := r.find(v)
	switch {
	case name == "count" && has:
		return Int(1), nil
	case name == "count":
		return Int(0), nil
	case has:
		return BigInt(at), nil
	case !v.isInteger():
		return Value{}, valueError("sequence.index(x): x not in sequence")
	}
	text, err := Repr(c.Meter, v)
	if err != nil {
		return Value{}, err
	}
	return Value{}, valueError("%s is not in range", text)
}

// PyRepr prints the range.
func (r *Range) PyRepr() string {
	text := "range(" + r.start.String() + ", " + r.stop.String()
	if !r.step.IsInt64() || r.step.Int64() != 1 {
		text += ", " + r.step.String()
	}
	return text + ")"
}

// PyEqual compares what two ranges yield.
func (r *Range) PyEqual(other Value) bool {
	o, ok := other.any.(*Range)
	return ok && r.yields() == o.yields()
}

// PyHash makes a range a key.
func (r *Range) PyHash() (string, error) { return r.yields(), nil }

// yields tells ranges apart by what they yield.
func (r *Range) yields() string {
	one := big.NewInt(1)
	switch {
	case r.length.Sign() == 0:
		return "range"
	case r.length.Cmp(one) == 0:
		return "range " + r.start.String()
	}
	return "range " + r.start.String() + " " + r.length.String() + " " + r.step.String()
}
