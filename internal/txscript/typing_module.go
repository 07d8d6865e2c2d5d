package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// typingForm is what the module typing gives for a type: it says nothing at run time.
type typingForm struct{ name string }

// PyType implements [pyvalue.Object].
func (*typingForm) PyType() string { return "typing._SpecialForm" }

// PyRepr prints the name.
func (f *typingForm) PyRepr() string { return "typing." + f.name }

// PyItem is List[int].
func (f *typingForm) PyItem(value) (value, error) { return pyvalue.FromObject(f), nil }

// PyBinary is List | None.
func (f *typingForm) PyBinary(op pyvalue.Op, _ value, _ bool) (value, bool, error) {
	return pyvalue.FromObject(f), op == pyvalue.OpOr, nil
}

// PyCall is cast(kind, value), which returns the value, and TypeVar(name).
func (f *typingForm) PyCall(c *pyvalue.Call) (value, error) {
	switch {
	case f.name == "cast" && len(c.Args) == 2:
		return c.Args[1], nil
	case (f.name == "final" || f.name == "overload" || f.name == "runtime_checkable" || f.name == "no_type_check") && len(c.Args) == 1:
		return c.Args[0], nil
	case f.name == "NewType" && len(c.Args) == 2:
		return c.Args[1], nil
	}
	return pyvalue.FromObject(f), nil
}

// typingName returns what the module typing has under a name.
func typingName(name string) value {
	switch name {
	case "NamedTuple":
		return pyvalue.FromObject(&namedTupleBase{})
	case "TypedDict":
		return builtins()["dict"]
	case "TYPE_CHECKING":
		return pyvalue.Bool(false)
	}
	return pyvalue.FromObject(&typingForm{name})
}

// typingModule is the module as a value.
type typingModule struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*typingModule) PyType() string { return "module" }

// PyAttr returns what it has under a name.
func (*typingModule) PyAttr(name string) (value, bool) { return typingName(name), true }
