package pyvalue

import "math"

// Positions finds values in a list by what they equal.
type Positions struct {
	values []Value
	at     map[dictKey][]int32
	plain  bool // all values are texts and numbers, which equal what has the same key
}

// NewPositions indexes a list, which must not be changed afterwards; nil if it holds
// a value that has no hash.
func NewPositions(values []Value) *Positions {
	p := &Positions{values, make(map[dictKey][]int32), true}
	for i, v := range values {
		k, err := keyOf(v)
		if err != nil || k.kind == ownHash {
			return nil
		}
		p.at[k] = append(p.at[k], int32(i))
		p.plain = p.plain && v.isPlain()
	}
	return p
}

// Of returns where the values stand that equal a key, in order; ok is false if the
// index cannot tell. The slice must not be changed.
func (p *Positions) Of(key Value) (found []int32, ok bool) {
	k, err := keyOf(key)
	if err != nil || k.kind == ownHash {
		return nil, false
	}
	found = p.at[k]
	if p.plain && key.isPlain() {
		return found, true
	}
	for _, i := range found {
		if !Equal(p.values[i], key) { // nan, which has a hash but equals nothing
			return nil, false
		}
	}
	return found, true
}

// isPlain reports a str, or a number that fits into a machine word and is not nan.
func (v Value) isPlain() bool {
	switch k := v.any.(type) {
	case strPtr:
		return true
	case Kind:
		return k != KindFloat || !math.IsNaN(math.Float64frombits(v.num))
	}
	return false
}
