package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// bound is a method of an object.
type bound struct{ self, f value }

// bind makes a method of a function; what is not a function stays as it is.
func bind(f, self value) value {
	switch f.Object().(type) {
	case *closure, *descriptor:
		return pyvalue.FromObject(&bound{self, f})
	}
	return f
}

// PyType implements [pyvalue.Object].
func (*bound) PyType() string { return "method" }

// PyGetAttr returns the function and the object, and what the function has.
func (b *bound) PyGetAttr(name string) (value, bool, error) {
	switch name {
	case "__self__":
		return b.self, true, nil
	case "__func__":
		return b.f, true, nil
	}
	v, err := getAttr(b.f, name)
	if isAttributeError(err) {
		return value{}, false, nil
	}
	return v, err == nil, err
}

// PyCall calls the function with the object before the arguments.
func (b *bound) PyCall(c *pyvalue.Call) (value, error) {
	return pyvalue.CallValue(b.f, &pyvalue.Call{Args: append([]value{b.self}, c.Args...), Names: c.Names, Named: c.Named, Meter: c.Meter})
}

// wrapper is a staticmethod or classmethod.
type wrapper struct {
	f       value
	ofClass bool
}

// PyType implements [pyvalue.Object].
func (w *wrapper) PyType() string {
	if w.ofClass {
		return "classmethod"
	}
	return "staticmethod"
}

// property is an attribute that functions read and write.
type property struct{ get, set, del value }

// PyType implements [pyvalue.Object].
func (*property) PyType() string { return "property" }

// PyAttr returns getter and setter, which make another property.
func (p *property) PyAttr(name string) (value, bool) {
	if name == "__doc__" {
		doc, _ := getAttr(p.get, name)
		return doc, true
	}
	if name != "setter" && name != "getter" && name != "deleter" {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly(name, 1); err != nil {
			return value{}, err
		}
		made := *p
		switch name {
		case "setter":
			made.set = c.Args[0]
		case "deleter":
			made.del = c.Args[0]
		default:
			made.get = c.Args[0]
		}
		return pyvalue.FromObject(&made), nil
	}}), true
}

// superObject is what super() returns.
type superObject struct {
	after *userClass
	self  value
}

// PyType implements [pyvalue.Object].
func (*superObject) PyType() string { return "super" }

func (s *superObject) PyGetAttr(name string) (value, bool, error) {
	k := userClassOf(s.self)
	if c, ok := s.self.Object().(*userClass); ok {
		k = c // in a classmethod
	}
	if k == nil {
		return value{}, false, nil
	}
	if v, ok := k.find(name, s.after); ok {
		if name == "__new__" {
			return v, true, nil
		}
		if w, isWrapper := v.Object().(*wrapper); isWrapper {
			if w.ofClass {
				return bind(w.f, pyvalue.FromObject(k)), true, nil
			}
			return w.f, true, nil
		}
		if p, isProperty := v.Object().(*property); isProperty {
			v, err := pyvalue.CallValue(p.get, &pyvalue.Call{Args: []value{s.self}, Meter: k.r.meter})
			return v, true, err
		}
		return bind(v, s.self), true, nil
	}
	if name == "__new__" {
		return pyvalue.FromObject(&builtin{name, newBare}), true, nil
	}
	e, isException := s.self.Object().(*exception)
	if d := s.self.Derived(); d != nil {
		if name == "__init__" {
			return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
				if k.parts != nil || k.base == nil {
					return value{}, nil
				}
				return value{}, k.refill(d, c)
			}}), true, nil
		}
		if v, err := getAttr(d.Base, name); err == nil {
			return v, true, nil
		}
	}
	switch name {
	case "__init__", "__setattr__", "__init_subclass__":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if name == "__init_subclass__" && len(c.Names) > 0 {
				return value{}, pyvalue.Raise("TypeError", "%s.__init_subclass__() takes no keyword arguments", k.name)
			}
			if name == "__setattr__" && len(c.Args) == 2 {
				return value{}, setPlainly(s.self, c.Args[0].Text(), c.Args[1])
			}
			if isException {
				e.args = c.Args
			}
			return value{}, nil
		}}), true, nil
	case "__str__", "__repr__":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			switch {
			case isException && name == "__str__":
				text, err := e.plainText(c.Meter)
				return pyvalue.Str(text), err
			case isException:
				text, err := e.plainRepr(c.Meter)
				return pyvalue.Str(text), err
			}
			return pyvalue.Str("<formula." + k.name + " object>"), nil
		}}), true, nil
	}
	return value{}, false, nil
}

func newProperty(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("property", 0, "fget", "fset", "fdel", "doc"); err != nil {
		return value{}, err
	}
	get, _ := c.Arg(0, "fget")
	set, _ := c.Arg(1, "fset")
	del, _ := c.Arg(2, "fdel")
	return pyvalue.FromObject(&property{get, set, del}), nil
}

func newWrapper(ofClass bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly("staticmethod", 1); err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(&wrapper{c.Args[0], ofClass}), nil
	}
}
