package pyvalue

import "iter"

// setLike is a set, or the keys or items of a dict, which compare as one.
type setLike interface {
	size() int
	members() iter.Seq[Value]
	// has reports whether an item is in it. What cannot be hashed ends the comparison.
	has(c *comparing, item Value, depth int) bool
}

// setLikeOf returns a value as one that compares as a set, nil for any other.
func setLikeOf(v Value) setLike {
	if s := v.Set(); s != nil {
		return s
	}
	if isView(v) {
		return v.any.(*view)
	}
	return nil
}

func (s *Set) size() int { return s.d.Len() }

func (s *Set) members() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for k := range s.d.All() {
			if !yield(k) {
				return
			}
		}
	}
}

func (s *Set) has(c *comparing, item Value, _ int) bool {
	_, ok := c.lookup(&s.d, item)
	return ok
}

func (v *view) size() int { return v.d.Len() }

func (v *view) members() iter.Seq[Value] { return v.PyIter() }

func (v *view) has(c *comparing, item Value, depth int) bool {
	if v.what == "keys" {
		_, ok := c.lookup(v.d, item)
		return ok
	}
	pair, _ := item.Items()
	if item.Kind() != KindTuple || len(pair) != 2 {
		return false
	}
	value, ok := c.lookup(v.d, pair[0])
	return ok && c.element(value, pair[1], depth+1)
}

// lookup returns the value of a key, which is counted.
func (c *comparing) lookup(d *Dict, key Value) (Value, bool) {
	v, ok, err := d.GetWithin(c.m, key)
	if err != nil && c.err == nil {
		c.err = err
	}
	return v, ok && c.err == nil
}

// sets compares what is like a set.
func (c *comparing) sets(op CmpOp, x, y setLike, depth int) bool {
	switch op {
	case CmpEq:
		return x.size() == y.size() && c.contained(x, y, depth)
	case CmpLt:
		return x.size() < y.size() && c.contained(x, y, depth)
	case CmpLe:
		return x.size() <= y.size() && c.contained(x, y, depth)
	}
	return c.sets(swapped[op], y, x, depth)
}

// contained reports whether all of x is in y.
func (c *comparing) contained(x, y setLike, depth int) bool {
	for item := range x.members() {
		if !c.step(1) || !y.has(c, item, depth) {
			return false
		}
	}
	return c.err == nil
}
