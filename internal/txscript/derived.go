package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// derivable are the builtin classes that a class of the program can derive from.
var derivable = []string{"str", "int", "float", "bytes", "list", "tuple", "dict", "set"}

// ClassName implements [pyvalue.Class].
func (k *userClass) ClassName() string { return k.name }

// Special implements [pyvalue.Class].
func (k *userClass) Special(self value, name string, args ...value) (value, bool, error) {
	if f, ok := k.find(name, nil); ok && !f.IsNone() {
		v, err := k.r.call(bind(f, self), &pyvalue.Call{Args: args, Meter: k.r.meter})
		return v, !isNotImplemented(v), err
	}
	switch {
	case k.isEnum && (name == "__repr__" || name == "__str__" || name == "__format__"):
		if name != "__repr__" && k.printsValue {
			text, err := pyvalue.String(k.r.meter, self.Derived().Base)
			return pyvalue.Str(text), name == "__str__", err
		}
		if name == "__format__" && args[0].Text() != "" {
			return value{}, false, nil
		}
		text, err := k.enumText(k.r.meter, self, name)
		return pyvalue.Str(text), true, err
	case k.parts != nil && name == "__repr__":
		text, err := k.parts.Named(k.r.meter, pyvalue.TypeName(self), self)
		return pyvalue.Str(text), true, err
	}
	return value{}, false, nil
}

// attrsOf returns the own attributes of an object of the program's classes.
func attrsOf(v value) *pyvalue.Dict {
	if d := v.Derived(); d != nil {
		return d.Attrs
	}
	return v.Object().(*instance).attrs
}

// derivedAttr returns an attribute of a value whose class derives from a builtin one.
func derivedAttr(v value, d *pyvalue.Derived, name string) (value, bool, error) {
	switch k := d.Class.(type) {
	case *userClass:
		if a, found, err := k.attrOf(v, d.Attrs, name); found || err != nil {
			return a, found, err
		}
		if k.parts != nil {
			a, ok := k.parts.Attr(k.name, v, name, func(items []value) value { return pyvalue.Derive(pyvalue.NewTuple(items...), k) })
			return a, ok, nil
		}
	case Origin:
		a, ok := k.FieldAttr(name)
		return a, ok, nil
	case *pyvalue.TupleClass:
		a, ok := k.Attr(k.ClassName(), v, name, func(items []value) value { return pyvalue.Derive(pyvalue.NewTuple(items...), k) })
		return a, ok, nil
	}
	return value{}, false, nil
}

// setDerived sets an attribute of such a value.
func setDerived(o value, d *pyvalue.Derived, name string, v value) error {
	k, ok := d.Class.(*userClass)
	switch {
	case !ok || k.parts != nil && slices.Contains(k.parts.Names, name):
		return pyvalue.Raise("AttributeError", "can't set attribute")
	case k.isEnum:
		return pyvalue.Raise("AttributeError", "cannot set attribute '%s'", name)
	}
	return k.setAttrOf(o, d.Attrs, name, v)
}

// refill is the __init__ of list, dict and set.
func (k *userClass) refill(d *pyvalue.Derived, call *pyvalue.Call) error {
	made, err := k.base.f(k.r, call)
	if err != nil {
		return err
	}
	switch {
	case made.List() != nil:
		d.Base.List().Items = made.List().Items
	case made.Dict() != nil:
		return pyvalue.UpdateDict(k.r.meter, d.Base.Dict(), made)
	default:
		d.Base = made
	}
	return nil
}
