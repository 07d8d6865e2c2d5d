package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// PyCall makes an object.
func (k *userClass) PyCall(call *pyvalue.Call) (value, error) {
	if err := k.r.meter.Grow(128); err != nil {
		return value{}, err
	}
	if k.isEnum {
		return k.member(call)
	}
	if make, ok := k.find("__new__", nil); ok {
		return k.makeBy(make, call)
	}
	self, err := k.bare(call)
	if err != nil {
		return value{}, err
	}
	return self, k.initialise(self, call, true)
}

// makeBy lets the __new__ of a class make the object, which is then initialised if it is
// one of the class.
func (k *userClass) makeBy(make value, call *pyvalue.Call) (value, error) {
	if w, ok := make.Object().(*wrapper); ok {
		make = w.f
	}
	args := append([]value{pyvalue.FromObject(k)}, call.Args...)
	self, err := k.r.call(make, &pyvalue.Call{Args: args, Names: call.Names, Named: call.Named, Meter: call.Meter})
	if err != nil {
		return value{}, err
	}
	if of := userClassOf(self); of == nil || !of.is(k) {
		return self, nil
	}
	return self, k.initialise(self, call, false)
}

// newBare is the __new__ of the builtin classes: of object, or of the one that the class
// derives from.
func newBare(_ *run, c *pyvalue.Call) (value, error) {
	k, ok := first(c.Args).Object().(*userClass)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "object.__new__(X): X is not a type object (%s)", pyvalue.TypeName(first(c.Args)))
	}
	return k.bare(&pyvalue.Call{Args: c.Args[1:], Names: c.Names, Named: c.Named, Meter: k.r.meter})
}

// bare makes an object without calling __init__. What derives from a builtin class takes
// the arguments of that, unless it takes its elements in __init__.
func (k *userClass) bare(call *pyvalue.Call) (value, error) {
	if err := k.abstract(); err != nil {
		return value{}, err
	}
	switch {
	case k.parts != nil:
		items, err := k.parts.Bind(k.name, call)
		return pyvalue.Derive(pyvalue.NewTuple(items...), k), err
	case k.base != nil:
		made := call
		if _, ok := k.find("__init__", nil); ok && slices.Contains([]string{"list", "dict", "set"}, k.base.name) {
			made = &pyvalue.Call{Meter: call.Meter}
		}
		base, err := k.base.f(k.r, made)
		return pyvalue.Derive(base, k), err
	case k.exception != "":
		return pyvalue.FromObject(&exception{class: k.exception, user: k, args: call.Args}), nil
	}
	return pyvalue.FromObject(&instance{class: k, attrs: pyvalue.NewDict()}), nil
}

// initialise calls the __init__ of the class. One that has none takes no arguments, if it
// is to be strict.
func (k *userClass) initialise(self value, call *pyvalue.Call, strict bool) error {
	init, ok := k.find("__init__", nil)
	switch {
	case k.initsData():
		return k.data.init(k, self.Object().(*instance), call)
	case ok:
		result, err := k.r.call(bind(init, self), call)
		if err == nil && !result.IsNone() {
			err = pyvalue.Raise("TypeError", "__init__() should return None, not '%s'", pyvalue.TypeName(result))
		}
		return err
	case !strict || k.base != nil:
		return nil
	case k.exception != "" && len(call.Names) > 0:
		return pyvalue.Raise("TypeError", "%s() takes no keyword arguments", k.name)
	case k.exception == "" && len(call.Args)+len(call.Names) > 0:
		return pyvalue.Raise("TypeError", "%s() takes no arguments", k.name)
	}
	return nil
}

// announce tells the classes that a new one derives from, and the descriptors in it.
func (k *userClass) announce(named *pyvalue.Call) error {
	if _, ok := k.find("__new__", nil); ok && k.isEnum {
		return pyvalue.Raise("TypeError", "an Enum with a __new__ of its own is not supported here")
	}
	for name, v := range k.attrs.All() {
		set, ok, err := special(v, "__set_name__")
		if _, isInstance := v.Object().(*instance); !isInstance || !ok || err != nil {
			continue
		}
		if _, err := k.r.call(set, &pyvalue.Call{Args: []value{pyvalue.FromObject(k), name}, Meter: k.r.meter}); err != nil {
			return err
		}
	}
	if f, ok := k.find("__init_subclass__", k); ok {
		if w, wrapped := f.Object().(*wrapper); wrapped {
			f = w.f
		}
		_, err := k.r.call(bind(f, pyvalue.FromObject(k)), named)
		return err
	}
	if len(named.Names) > 0 {
		return pyvalue.Raise("TypeError", "%s.__init_subclass__() takes no keyword arguments", k.name)
	}
	return nil
}
