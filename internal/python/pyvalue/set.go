package pyvalue

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"sync/atomic"
)

// Set is a Python set. It iterates in the order of insertion, where CPython's
// order is that of its hashes.
type Set struct {
	d      Dict
	Frozen bool // it is a frozenset; set before anybody else has it
	kept   atomic.Pointer[dictKey]
}

// Freeze returns a frozenset of the items of a set.
func Freeze(v Value) Value { return Value{any: &Set{d: v.Set().d, Frozen: true}} }

// keyAt is the same for equal frozensets. It is kept, as CPython keeps their hash: sets of
// sets would each be gone over to their ends.
func (s *Set) keyAt(depth int) (dictKey, error) {
	if k := s.kept.Load(); k != nil {
		return *k, nil
	}
	var keys []string
	for item := range s.d.All() {
		text, err := appendKeys(nil, []Value{item}, depth+1)
		if err != nil {
			return dictKey{}, err
		}
		keys = append(keys, string(text))
	}
	slices.Sort(keys)
	h, size := sha256.New(), make([]byte, 8)
	for _, k := range keys {
		binary.LittleEndian.PutUint64(size, uint64(len(k)))
		_, _ = h.Write(size) // it never fails
		_, _ = io.WriteString(h, k)
	}
	k := dictKey{kind: 'z', num: uint64(len(keys)), text: string(h.Sum(nil))}
	s.kept.Store(&k)
	return k, nil
}

// NewSet returns a set of the items, which are counted; TypeError for one that cannot be
// hashed.
func NewSet(m *Meter, items ...Value) (Value, error) {
	s := &Set{}
	for _, item := range items {
		if err := s.d.SetWithin(m, item, Value{}); err != nil {
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
