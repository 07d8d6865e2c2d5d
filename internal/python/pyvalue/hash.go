package pyvalue

import (
	"hash/fnv"
	"math"
	"math/big"
	"math/bits"
)

// Hash returns what hash() does: that of CPython for numbers and tuples of them, and
// one that is the same in every run for texts, whose hash CPython salts. TypeError for
// what cannot be a key.
func Hash(v Value) (int64, error) {
	if d, ok := v.any.(*Derived); ok {
		if n, ok, err := d.hash(); ok {
			return n, err
		}
	}
	v = v.plain()
	switch x := v.any.(type) {
	case Kind:
		if x == KindFloat {
			return hashFloat(math.Float64frombits(v.num)), nil
		}
		return hashInt(v.BigInt()), nil
	case *big.Int:
		return hashInt(x), nil
	case *tuple:
		if _, err := keyOf(v); err != nil { // one that is too large, too
			return 0, err
		}
		return hashTuple(x.items)
	case interface{ PyNumber() (Value, bool) }:
		if n, ok := x.PyNumber(); ok {
			return Hash(n)
		}
	case interface{ PyHashNumber() (Value, bool, error) }:
		if n, ok, err := x.PyHashNumber(); ok {
			return hashGiven(n, err)
		}
	}
	k, err := keyOf(v)
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	_, _ = h.Write(append([]byte{k.kind}, k.text...)) // it never fails
	return int64(h.Sum64() ^ k.num), nil
}

// hashWithin is Hash for what is within a tuple that has been found to be a key.
func hashWithin(v Value) (int64, error) {
	v, k, own, err := bare(v)
	if own {
		return int64(k.num), err
	}
	if t, ok := v.any.(*tuple); ok {
		return hashTuple(t.items)
	}
	return Hash(v)
}

// hashGiven is what a __hash__ has returned.
func hashGiven(n Value, err error) (int64, error) {
	i := n.BigInt()
	if err == nil && i == nil {
		err = typeError("__hash__ method should return an integer")
	}
	if err != nil {
		return 0, err
	}
	return hashInt(i), nil
}

// hash asks the class for a hash of its own; false if it has that of the builtin class.
func (d *Derived) hash() (int64, bool, error) {
	if k, ok := d.Class.(interface{ Unhashable() bool }); ok && k.Unhashable() {
		return 0, true, typeError("unhashable type: '%s'", d.Class.ClassName())
	}
	n, ok, err := d.special("__hash__")
	if !ok && err == nil {
		return 0, false, nil
	}
	h, err := hashGiven(n, err)
	return h, true, err
}

// key is what the value is found by in a dict, if its class has a hash of its own.
func (d *Derived) key() (dictKey, bool, error) {
	h, ok, err := d.hash()
	return dictKey{kind: ownHash, num: uint64(h)}, ok, err
}

// hashModulus is the prime that CPython hashes numbers by.
const hashModulus = 1<<61 - 1

// hashOfNaN stands for what CPython makes of the object's address: a number like no other.
const hashOfNaN = 0x6e616e

func hashInt(i *big.Int) int64 {
	m := new(big.Int).Rem(i, big.NewInt(hashModulus)).Int64() // of the sign of i
	if m == -1 {
		return -2
	}
	return m
}

func hashFloat(f float64) int64 {
	switch {
	case math.IsNaN(f):
		return hashOfNaN
	case math.IsInf(f, 1):
		return 314159
	case math.IsInf(f, -1):
		return -314159
	}
	m, e := math.Frexp(math.Abs(f))
	var x uint64
	for m != 0 {
		x = x<<28&hashModulus | x>>33
		m *= 1 << 28
		e -= 28
		y := uint64(m)
		m -= float64(y)
		if x += y; x >= hashModulus {
			x -= hashModulus
		}
	}
	if e = e % 61; e < 0 {
		e += 61
	}
	x = x<<e&hashModulus | x>>(61-e)
	h := int64(x)
	if f < 0 {
		h = -h
	}
	if h == -1 {
		return -2
	}
	return h
}

// hashTuple is CPython's, which is xxHash.
func hashTuple(items []Value) (int64, error) {
	const p1, p2, p5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
	acc := uint64(p5)
	for _, item := range items {
		h, err := hashWithin(item)
		if err != nil {
			return 0, err
		}
		acc = bits.RotateLeft64(acc+uint64(h)*p2, 31) * p1
	}
	acc += uint64(len(items)) ^ (p5 ^ 3527539)
	if acc == math.MaxUint64 {
		return 1546275796, nil
	}
	return int64(acc), nil
}
