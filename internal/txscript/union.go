package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// union is int | str, as isinstance takes it.
type union struct{ of []value }

// PyType implements [pyvalue.Object].
func (*union) PyType() string { return "types.UnionType" }

// PyRepr prints the classes.
func (u *union) PyRepr() string {
	text := ""
	for i, k := range u.of {
		if i > 0 {
			text += " | "
		}
		name, err := getAttr(k, "__name__")
		if k.IsNone() || err != nil {
			name = pyvalue.Str("None")
		}
		text += name.Text()
	}
	return text
}

// PyBinary adds a class.
func (u *union) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	return unite(op, pyvalue.FromObject(u), other, reflected)
}

// unite makes a union of two classes.
func unite(op pyvalue.Op, own, other value, reflected bool) (value, bool, error) {
	_, isUnion := other.Object().(*union)
	_, isForm := other.Object().(*typingForm)
	if op != pyvalue.OpOr || !isUnion && !isForm && !isClass(other) && !other.IsNone() {
		return value{}, false, nil
	}
	if reflected {
		own, other = other, own
	}
	made := &union{}
	for _, v := range []value{own, other} {
		of := []value{v}
		if u, ok := v.Object().(*union); ok {
			of = u.of
		}
		if v.IsNone() {
			of = []value{builtins["NoneType"]}
		}
		for _, k := range of {
			if !holds(made.of, k) {
				made.of = append(made.of, k)
			}
		}
	}
	if len(made.of) == 1 {
		return made.of[0], true, nil
	}
	return pyvalue.FromObject(made), true, nil
}

func holds(list []value, v value) bool {
	for _, other := range list {
		if pyvalue.Equal(other, v) {
			return true
		}
	}
	return false
}

// isClass reports a class.
func isClass(v value) bool {
	switch v.Object().(type) {
	case *class, *excClass, *userClass, *timeClass, *enumBase:
		return true
	}
	return false
}

// PyBinary is int | str.
func (k *class) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	return unite(op, pyvalue.FromObject(k), other, reflected)
}

// PyBinary is Class | None.
func (k *userClass) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	return unite(op, pyvalue.FromObject(k), other, reflected)
}

// PyItem is list[int]: what a class holds says nothing at run time.
func (k *class) PyItem(value) (value, error) {
	switch k.name {
	case "list", "dict", "tuple", "set", "frozenset", "type":
		return pyvalue.FromObject(k), nil
	}
	return value{}, pyvalue.Raise("TypeError", "type '%s' is not subscriptable", k.name)
}

// plainObject is what object() makes.
type plainObject struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*plainObject) PyType() string { return "object" }

// PyHash makes it a key.
func (o *plainObject) PyHash() (string, error) { return identity(o), nil }

func newObject(_ *run, c *pyvalue.Call) (value, error) {
	if len(c.Args)+len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "object() takes no arguments")
	}
	return pyvalue.FromObject(&plainObject{}), nil
}

// newSlice is slice(start, stop, step).
func newSlice(_ *run, c *pyvalue.Call) (value, error) {
	switch len(c.Args) {
	case 1:
		return pyvalue.FromObject(&slice{{}, c.Args[0], {}}), nil
	case 2, 3:
		s := &slice{}
		copy(s[:], c.Args)
		return pyvalue.FromObject(s), nil
	}
	return value{}, pyvalue.Raise("TypeError", "slice expected at least 1 argument, got %d", len(c.Args))
}

// PyAttr returns a bound, or the method indices.
func (s *slice) PyAttr(name string) (value, bool) {
	switch name {
	case "start":
		return s[0], true
	case "stop":
		return s[1], true
	case "step":
		return s[2], true
	case "indices":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if err := exactly(c, name, 1); err != nil {
				return value{}, err
			}
			n, ok := c.Args[0].Int64()
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
			}
			from, to, by, err := pyvalue.SliceBounds(int(n), s[0], s[1], s[2])
			return pyvalue.NewTuple(pyvalue.Int(int64(from)), pyvalue.Int(int64(to)), pyvalue.Int(int64(by))), err
		}}), true
	}
	return value{}, false
}

// PyRepr prints the bounds.
func (s *slice) PyRepr() string {
	text, _ := pyvalue.Repr(nil, pyvalue.NewTuple(s[:]...)) // without a meter only depth could fail
	return "slice" + text
}

// PyEqual compares the bounds.
func (s *slice) PyEqual(other value) bool {
	o, ok := other.Object().(*slice)
	return ok && pyvalue.Equal(pyvalue.NewTuple(s[:]...), pyvalue.NewTuple(o[:]...))
}
