package pyvalue

import "math/big"

// Work counts what going over a text or bytes takes, before it is done.
func (m *Meter) Work(v Value) error {
	if size := len(v.Text()) + len(v.Data()); size >= perStep {
		return m.Step(int64(size) / perStep)
	}
	return nil
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
