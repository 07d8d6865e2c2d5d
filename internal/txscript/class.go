package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// userClass is a class that the program defines.
type userClass struct {
	name      string
	r         *run
	bases     []*userClass
	exception string // the builtin exception that it derives from, "" for none
	mro       []*userClass
	attrs     *pyvalue.Dict
	annotated []annotated
	doc       value
	data      *dataclass // nil if it is none
	isEnum    bool
	members   []*instance // of an enum
}

// derive adds a base.
func (k *userClass) derive(base value) error {
	switch b := base.Object().(type) {
	case *userClass:
		k.bases = append(k.bases, b)
		if k.exception == "" {
			k.exception = b.exception
		}
		k.isEnum = k.isEnum || b.isEnum
	case *excClass:
		k.exception = b.name
	case *enumBase:
		k.isEnum = true
	case *class:
		if b.name != "object" {
			return pyvalue.Raise("TypeError", "a class cannot derive from %s here", b.name)
		}
	default:
		if !base.IsNone() { // what the module typing gives
			return pyvalue.Raise("TypeError", "a class cannot derive from a %s here", pyvalue.TypeName(base))
		}
	}
	return nil
}

// linearise works out the order in which classes are searched (C3).
func (k *userClass) linearise() error {
	var lists [][]*userClass
	for _, b := range k.bases {
		lists = append(lists, slices.Clone(b.mro))
	}
	lists = append(lists, slices.Clone(k.bases))
	k.mro = []*userClass{k}
	for {
		lists = slices.DeleteFunc(lists, func(l []*userClass) bool { return len(l) == 0 })
		if len(lists) == 0 {
			return nil
		}
		var next *userClass
		for _, l := range lists {
			if !slices.ContainsFunc(lists, func(other []*userClass) bool { return slices.Contains(other[1:], l[0]) }) {
				next = l[0]
				break
			}
		}
		if next == nil {
			return pyvalue.Raise("TypeError", "Cannot create a consistent method resolution order (MRO) for bases %s", k.name)
		}
		k.mro = append(k.mro, next)
		for i, l := range lists {
			if l[0] == next {
				lists[i] = l[1:]
			}
		}
	}
}

// own tells the methods whose class they are of, for super.
func (k *userClass) own(v value) {
	switch o := v.Object().(type) {
	case *closure:
		if o.owner == nil {
			o.owner = k
		}
	case *wrapper:
		k.own(o.f)
	case *property:
		k.own(o.get)
		k.own(o.set)
	}
}

// find looks an attribute up in the classes after one of them, nil for all.
func (k *userClass) find(name string, after *userClass) (value, bool) {
	search := k.mro
	if after != nil {
		search = search[slices.Index(search, after)+1:]
	}
	for _, c := range search {
		if v, ok := c.attrs.GetStr(name); ok {
			return v, true
		}
	}
	return value{}, false
}

// is reports whether the class is another or derives from it.
func (k *userClass) is(other *userClass) bool { return slices.Contains(k.mro, other) }

// PyType implements [pyvalue.Object].
func (*userClass) PyType() string { return "type" }

// PyRepr prints the class.
func (k *userClass) PyRepr() string { return "<class 'formula." + k.name + "'>" }

// PyHash makes a class a key.
func (k *userClass) PyHash() (string, error) { return identity(k), nil }

// Names lists what the class itself has.
func (k *userClass) Names() (names []string) {
	for name := range k.attrs.All() {
		names = append(names, name.Text())
	}
	return names
}

// attr returns an attribute of the class.
func (k *userClass) attr(name string) (value, bool, error) {
	switch name {
	case "__name__", "__qualname__":
		return pyvalue.Str(k.name), true, nil
	case "__doc__":
		return k.doc, true, nil
	case "__members__":
		d := pyvalue.NewDict()
		for _, m := range k.members {
			name, _ := m.attrs.GetStr("name")
			d.SetStr(name.Text(), pyvalue.FromObject(m))
		}
		return d.Value(), k.isEnum, nil
	}
	v, ok := k.find(name, nil)
	if !ok {
		return value{}, false, nil
	}
	if w, isWrapper := v.Object().(*wrapper); isWrapper {
		if w.ofClass {
			return bind(w.f, pyvalue.FromObject(k)), true, nil
		}
		return w.f, true, nil
	}
	return v, true, nil
}

// PySetAttr sets an attribute of the class.
func (k *userClass) PySetAttr(name string, v value) error {
	k.own(v)
	k.attrs.SetStr(name, v)
	return nil
}

// PyCall makes an object.
func (k *userClass) PyCall(call *pyvalue.Call) (value, error) {
	if err := k.r.meter.Grow(128); err != nil {
		return value{}, err
	}
	if k.isEnum {
		return k.member(call)
	}
	var self value
	if k.exception != "" {
		self = pyvalue.FromObject(&exception{class: k.exception, user: k, args: call.Args})
	} else {
		self = pyvalue.FromObject(&instance{class: k, attrs: pyvalue.NewDict()})
	}
	init, ok := k.find("__init__", nil)
	switch {
	case ok:
		result, err := k.r.call(bind(init, self), call)
		if err == nil && !result.IsNone() {
			err = pyvalue.Raise("TypeError", "__init__() should return None, not '%s'", pyvalue.TypeName(result))
		}
		return self, err
	case k.data != nil:
		return self, k.data.init(k, self.Object().(*instance), call)
	case k.exception != "":
		if len(call.Names) > 0 {
			return value{}, pyvalue.Raise("TypeError", "%s() takes no keyword arguments", k.name)
		}
	case len(call.Args)+len(call.Names) > 0:
		return value{}, pyvalue.Raise("TypeError", "%s() takes no arguments", k.name)
	}
	return self, nil
}

// bound is a method of an object.
type bound struct{ self, f value }

// bind makes a method of a function; what is no function stays as it is.
func bind(f, self value) value {
	if _, ok := f.Object().(*closure); ok {
		return pyvalue.FromObject(&bound{self, f})
	}
	return f
}

// PyType implements [pyvalue.Object].
func (*bound) PyType() string { return "method" }

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
type property struct{ get, set value }

// PyType implements [pyvalue.Object].
func (*property) PyType() string { return "property" }

// PyAttr returns getter and setter, which make another property.
func (p *property) PyAttr(name string) (value, bool) {
	if name != "setter" && name != "getter" {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		if err := exactly(c, name, 1); err != nil {
			return value{}, err
		}
		made := *p
		if name == "setter" {
			made.set = c.Args[0]
		} else {
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

func (s *superObject) attr(name string) (value, bool, error) {
	k := userClassOf(s.self)
	if c, ok := s.self.Object().(*userClass); ok {
		k = c // in a classmethod
	}
	if k == nil {
		return value{}, false, nil
	}
	if v, ok := k.find(name, s.after); ok {
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
	e, isException := s.self.Object().(*exception)
	switch name {
	case "__init__", "__setattr__":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			if name == "__setattr__" && len(c.Args) == 2 {
				return value{}, setAttr(s.self, c.Args[0].Text(), c.Args[1])
			}
			if isException {
				e.args = c.Args
			}
			return value{}, nil
		}}), true, nil
	case "__str__", "__repr__":
		return pyvalue.FromObject(&builtin{name, func(*run, *pyvalue.Call) (value, error) {
			switch {
			case isException && name == "__str__":
				return pyvalue.Str(e.plainText()), nil
			case isException:
				return pyvalue.Str(e.plainRepr()), nil
			}
			return pyvalue.Str("<formula." + k.name + " object>"), nil
		}}), true, nil
	}
	return value{}, false, nil
}

// userClassOf returns the program's class that a value is of, nil for another.
func userClassOf(v value) *userClass {
	switch o := v.Object().(type) {
	case *instance:
		return o.class
	case *exception:
		return o.user
	}
	return nil
}

func newProperty(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("property", 0, "fget", "fset"); err != nil {
		return value{}, err
	}
	get, _ := c.Arg(0, "fget")
	set, _ := c.Arg(1, "fset")
	return pyvalue.FromObject(&property{get, set}), nil
}

func newWrapper(ofClass bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		if err := exactly(c, "staticmethod", 1); err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(&wrapper{c.Args[0], ofClass}), nil
	}
}
