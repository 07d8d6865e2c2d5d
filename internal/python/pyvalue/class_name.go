package pyvalue

import "strings"

// ClassName is what format strings and templates get of the class of a builtin value: its
// name, and the names of the classes that it derives from.
type ClassName struct{ name string }

// ClassNameOf returns the class of a value.
func ClassNameOf(v Value) Value { return FromObject(&ClassName{TypeName(v)}) }

// Lineage returns the names of the classes that a builtin class derives from, its own first
// and "object" last.
func Lineage(class string) []string {
	switch class {
	case "object":
		return []string{class}
	case "bool":
		return []string{class, "int", "object"}
	case "datetime.datetime":
		return []string{class, "datetime.date", "object"}
	}
	return []string{class, "object"}
}

// LineageAttr returns __mro__, __bases__ or __base__ of a class; of makes a class of its
// name.
func LineageAttr(class, attr string, of func(name string) Value) (Value, bool) {
	names := Lineage(class)
	above := names[1:min(2, len(names))]
	switch attr {
	case "__mro__":
	case "__bases__":
		names = above
	case "__base__":
		if len(above) == 0 {
			return None(), true
		}
		return of(above[0]), true
	default:
		return Value{}, false
	}
	var list []Value
	for _, name := range names {
		list = append(list, of(name))
	}
	return NewTuple(list...), true
}

// PyType implements [Object].
func (*ClassName) PyType() string { return "type" }

// PyRepr prints the class.
func (k *ClassName) PyRepr() string { return "<class '" + k.name + "'>" }

// PyTruth is that of every class.
func (*ClassName) PyTruth() bool { return true }

// PyEqual compares classes by their names.
func (k *ClassName) PyEqual(other Value) bool {
	o, ok := other.Object().(*ClassName)
	return ok && *o == *k
}

// PyAttr returns the names of the class and of those above it.
func (k *ClassName) PyAttr(name string) (Value, bool) {
	if name == "__name__" || name == "__qualname__" {
		return Str(k.name[strings.LastIndexByte(k.name, '.')+1:]), true
	}
	return LineageAttr(k.name, name, func(name string) Value { return FromObject(&ClassName{name}) })
}
