package pyvalue

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
)

// dictKey is what two equal keys have in common. Small dicts are searched
// instead, so that making them costs no map.
type dictKey struct {
	kind byte
	num  uint64
	text string
}

// ownHash is the kind of keys of classes with a __hash__ of their own. They have num in
// common, and are told apart by ==; those that are not equal are numbered by text.
const ownHash = 'h'

// maxAlike bounds how many keys may have one hash that a class has given them.
const maxAlike = 256

// maxKey bounds what is kept of a key: a tuple of tuples can stand for more than fits.
const maxKey = 1 << 24

// maxKeyDepth bounds how many tuples and frozensets of a key may be in one another.
const maxKeyDepth = 10_000

// keyOf returns the hash of a value, or TypeError for one that has none.
func keyOf(v Value) (dictKey, error) { return keyAt(v, 0) }

// bare returns a value as its builtin class has it, or the key that its own class gives it.
func bare(v Value) (plain Value, k dictKey, own bool, err error) {
	if d, ok := v.any.(*Derived); ok {
		if k, own, err = d.key(); own {
			return v, k, own, err
		}
	}
	return v.plain(), k, false, nil
}

// keyAt is keyOf for what is within so many tuples.
func keyAt(v Value, depth int) (dictKey, error) {
	v, k, own, err := bare(v)
	if own {
		return k, err
	}
	switch x := v.any.(type) {
	case nil:
		return dictKey{kind: 'o', text: "None"}, nil // as objects hash that equal None
	case strPtr, markupPtr:
		return dictKey{kind: 's', text: v.Text()}, nil
	case Kind:
		if x != KindFloat {
			return dictKey{kind: 'i', num: v.num}, nil
		}
		f := math.Float64frombits(v.num)
		if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return dictKey{kind: 'i', num: uint64(int64(f))}, nil
		}
		if f == math.Trunc(f) && !math.IsInf(f, 0) {
			b, _ := new(big.Float).SetFloat64(f).Int(nil)
			return dictKey{kind: 'b', text: b.Text(16)}, nil
		}
		return dictKey{kind: 'f', num: v.num}, nil
	case *big.Int:
		return dictKey{kind: 'b', text: x.Text(16)}, nil
	case *bytesBox:
		return dictKey{kind: 'y', text: string(x.data)}, nil
	case *tuple:
		text, err := appendKeys(make([]byte, 0, 32), x.items, depth+1)
		return dictKey{kind: 't', text: string(text)}, err
	case *Set:
		if x.Frozen {
			return x.keyAt(depth)
		}
	case *undefined:
		return dictKey{kind: 'u'}, nil
	case interface{ PyNumber() (Value, bool) }:
		if n, ok := x.PyNumber(); ok { // it is the same key as an equal number
			return keyOf(n)
		}
		h, err := v.any.(interface{ PyHash() (string, error) }).PyHash()
		return dictKey{kind: 'o', text: h}, err
	case interface{ PyHashNumber() (Value, bool, error) }:
		if n, ok, err := x.PyHashNumber(); ok || err != nil {
			h, err := hashGiven(n, err)
			return dictKey{kind: ownHash, num: uint64(h)}, err
		}
		h, err := v.any.(interface{ PyHash() (string, error) }).PyHash()
		return dictKey{kind: 'o', text: h}, err
	case interface{ PyHash() (string, error) }:
		h, err := x.PyHash()
		return dictKey{kind: 'o', text: h}, err
	}
	return dictKey{}, typeError("unhashable type: '%s'", TypeName(v))
}

// appendKeys appends the keys of the items of a tuple. What is within it is written in place:
// a copy for each of so many levels would be a copy of the key each.
func appendKeys(text []byte, items []Value, depth int) ([]byte, error) {
	if depth > maxKeyDepth {
		return text, Raise("RecursionError", "maximum recursion depth exceeded")
	}
	for _, item := range items {
		item, k, own, err := bare(item)
		within, isTuple := item.any.(*tuple)
		switch {
		case isTuple:
			k.kind = 't'
		case !own:
			k, err = keyAt(item, depth)
		}
		if err != nil {
			return text, err
		}
		text = binary.LittleEndian.AppendUint64(append(text, k.kind), k.num)
		text = binary.LittleEndian.AppendUint32(text, uint32(len(k.text)))
		begin := len(text)
		if isTuple {
			if text, err = appendKeys(text, within.items, depth+1); err != nil {
				return text, err
			}
			binary.LittleEndian.PutUint32(text[begin-4:], uint32(len(text)-begin))
		}
		if len(text)+len(k.text) > maxKey {
			return text, Raise("MemoryError", "a key of more than %d bytes", maxKey)
		}
		text = append(text, k.text...)
	}
	return text, nil
}

// hasOwn reports that a class of the program has given some keys their hashes.
func (d *Dict) hasOwn() bool { return d.rest != nil && d.rest.own > 0 }

// place returns what a value is found by as a key of the dict, and the entry that has it,
// -1 for none.
func (d *Dict) place(key Value) (dictKey, int, error) {
	k, err := keyOf(key)
	if err != nil {
		return k, -1, err
	}
	d.complete()
	switch {
	case k.kind == ownHash:
		return d.placeOwn(k, key)
	case d.hasOwn():
		return d.placeAmongOwn(k, key)
	}
	return k, d.find(k), nil
}

// placeOwn is place for a key of a class with a hash of its own. It may equal a value of the
// builtin class that its class derives from.
func (d *Dict) placeOwn(k dictKey, key Value) (dictKey, int, error) {
	k, i, err := d.alike(k, key)
	derived, ok := key.any.(*Derived)
	if i >= 0 || err != nil || !ok {
		return k, i, err
	}
	if h, err := Hash(derived.Base); err != nil || uint64(h) != k.num {
		return k, -1, nil // values with different hashes are not compared
	}
	plain, err := keyOf(derived.Base)
	if err != nil {
		return k, -1, err
	}
	if i = d.find(plain); i >= 0 {
		if same, err := EqualWithin(nil, d.entries[i].key, key); same || err != nil {
			return plain, i, err
		}
	}
	return k, -1, nil
}

// placeAmongOwn is place for a key that may equal one of a class with a hash of its own.
func (d *Dict) placeAmongOwn(k dictKey, key Value) (dictKey, int, error) {
	if i := d.find(k); i >= 0 {
		return k, i, nil
	}
	h, err := Hash(key)
	if err != nil {
		return k, -1, err
	}
	own, i, err := d.alike(dictKey{kind: ownHash, num: uint64(h)}, key)
	if i >= 0 || err != nil {
		return own, i, err
	}
	return k, -1, nil
}

// alike looks among the keys with a hash for one that equals key. If there is none, it
// returns what the next of them is found by.
func (d *Dict) alike(k dictKey, key Value) (dictKey, int, error) {
	for n := range maxAlike {
		k.text = strconv.Itoa(n)
		i := d.find(k)
		if i < 0 {
			return k, -1, nil
		}
		if same, err := SameOrEqual(nil, d.entries[i].key, key); same || err != nil {
			return k, i, err
		}
	}
	return k, -1, Raise("MemoryError", "more than %d keys with one hash", maxAlike)
}

// closeUp gives the number of a key that has gone to the next with its hash, and so on.
func (d *Dict) closeUp(gone dictKey) {
	n, _ := strconv.Atoi(gone.text)
	for {
		n++
		next := gone
		next.text = strconv.Itoa(n)
		i := d.find(next)
		if i < 0 {
			return
		}
		moved := gone
		d.entries[i].hashed = &moved
		if d.indexed() {
			delete(d.rest.others, next)
			d.rest.others[moved] = i
		}
		gone = next
	}
}
