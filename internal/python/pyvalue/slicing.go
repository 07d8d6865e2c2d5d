package pyvalue

// Slicing is a slice as a key: first, end and step, None where one is left out.
type Slicing [3]Value

// NewSlicing is slice(stop) and slice(start, stop, step).
func NewSlicing(c *Call) (Value, error) {
	if err := positional(c, "slice", 1, 3); err != nil {
		return Value{}, err
	}
	if len(c.Args) == 1 {
		return FromObject(&Slicing{{}, c.Args[0], {}}), nil
	}
	s := &Slicing{}
	copy(s[:], c.Args)
	return FromObject(s), nil
}

// PyType implements [Object].
func (*Slicing) PyType() string { return "slice" }

// PyAttr returns a bound, or the method indices.
func (s *Slicing) PyAttr(name string) (Value, bool) {
	switch name {
	case "start":
		return s[0], true
	case "stop":
		return s[1], true
	case "step":
		return s[2], true
	case "indices":
		return NewBuiltin(name, func(c *Call) (Value, error) {
			if err := c.Exactly(name, 1); err != nil {
				return Value{}, err
			}
			n, err := argInt(c.Args[0])
			if err != nil {
				return Value{}, err
			}
			from, to, by, err := sliceBounds(n, s[0], s[1], s[2])
			return NewTuple(Int(int64(from)), Int(int64(to)), Int(int64(by))), err
		}), true
	}
	return Value{}, false
}

// PyReprWithin prints the bounds.
func (s *Slicing) PyReprWithin(m *Meter) (string, error) {
	text, err := Repr(m, NewTuple(s[:]...))
	return "slice" + text, err
}
