package pyvalue

import (
	"math/big"
	"math/bits"
)

// Work counts what going over a text, bytes or an int takes, before it is done.
func (m *Meter) Work(v Value) error { return m.bytes(v.size()) }

// bytes counts what going over so many bytes takes.
func (m *Meter) bytes(size int) error {
	if size < perStep {
		return nil
	}
	return m.Step(int64(size) / perStep)
}

// Ints counts what going over the ints among the arguments of a call takes. There are few that
// it counts: an int of 64 bits and less is none.
func (m *Meter) Ints(c *Call) error {
	size := 0
	for _, v := range c.Args {
		size += v.intSize()
	}
	for _, v := range c.Named {
		size += v.intSize()
	}
	return m.bytes(size)
}

// size is how many bytes a text, bytes or an int has that is not a small one.
func (v Value) size() int { return len(v.Text()) + len(v.Data()) + v.intSize() }

func (v Value) intSize() int {
	if i, ok := v.plain().any.(*big.Int); ok {
		return len(i.Bits()) * bits.UintSize / 8
	}
	return 0
}

// Key counts what looking for a key in a dict takes, before it is looked for.
func (m *Meter) Key(key Value) error {
	switch n := keyWork(key, maxKey/perStep); {
	case n == 0:
		return nil
	case key.Kind() == KindTuple: // its key is made of those of its items
		return m.GrowParts(perStep, n)
	default:
		return m.Step(n)
	}
}

// keyWork is how many steps it takes to hash a key, about. It stops at the most that a key may
// take.
func keyWork(key Value, most int64) int64 {
	switch x := key.any.(type) {
	case strPtr, markupPtr:
		return int64(key.num) / perStep
	case *bytesBox:
		return int64(len(x.data)) / perStep
	case *big.Int:
		return int64(len(x.Bits()))
	case *tuple:
		n := int64(len(x.items))
		for _, item := range x.items {
			if n += keyWork(item, most-n); n > most {
				break
			}
		}
		return n
	case *Set:
		if x.kept.Load() != nil {
			return 1
		}
		n := 4 * int64(x.d.Len())
		for item := range x.d.All() {
			if n += keyWork(item, most-n); n > most {
				break
			}
		}
		return n
	case *Derived:
		return keyWork(x.Base, most)
	}
	return 0
}
