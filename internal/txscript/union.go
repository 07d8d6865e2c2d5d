package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

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
			of = []value{builtins()["NoneType"]}
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
	case *class, *excClass, *userClass, *clock.Class, *enumBase:
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
