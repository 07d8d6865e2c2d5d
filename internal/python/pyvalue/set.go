package pyvalue

import (
	"slices"
	"strconv"
)

// Set is a Python set. It iterates in the order of insertion, where CPython's
// order is that of its hashes.
type Set struct {
	d      Dict
	Frozen bool // it is a frozenset; set before anybody else has it
}

// Freeze returns a frozenset of the items of a set.
func Freeze(v Value) Value { return Value{any: &Set{v.Set().d, true}} }

// frozenKey is the same for equal frozensets.
func frozenKey(s *Set) (dictKey, error) {
	var keys []string
	for _, item := range s.Members() {
		k, err := keyOf(NewTuple(item))
		if err != nil {
			return k, err
		}
		keys = append(keys, k.text)
	}
	slices.Sort(keys)
	var text []byte
	for _, k := range keys {
		text = append(strconv.AppendInt(text, int64(len(k)), 10), ' ')
		text = append(text, k...)
	}
	return dictKey{kind: 'z', text: string(text)}, nil
}

// NewSet returns a set of the items; TypeError for one that cannot be hashed.
func NewSet(items ...Value) (Value, error) {
	s := &Set{}
	for _, item := range items {
		if err := s.d.Set(item, Value{}); err != nil {
			return Value{}, err
		}
	}
	return Value{any: s}, nil
}

// Has reports whether the set contains v.
func (s *Set) Has(v Value) (bool, error) {
	_, ok, err := s.d.Get(v)
	return ok, err
}

// Members returns the items.
func (s *Set) Members() []Value { return s.d.Keys() }
