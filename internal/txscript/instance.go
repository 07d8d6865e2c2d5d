package txscript

import (
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// instance is an object of a class of the program.
type instance struct {
	class    *userClass
	attrs    *pyvalue.Dict
	printing bool // its repr is being made: within it, it is …
}

func identity(o any) string { return fmt.Sprintf("object %p", o) }

// PyType implements [pyvalue.Object].
func (o *instance) PyType() string { return o.class.name }

// Names lists the object's own attributes.
func (o *instance) Names() (names []string) {
	for name := range o.attrs.All() {
		names = append(names, name.Text())
	}
	return names
}

// PyGetAttr returns an attribute: the object's own, a property's, or a method.
func (o *instance) PyGetAttr(name string) (value, bool, error) {
	return o.class.attrOf(pyvalue.FromObject(o), o.attrs, name)
}

// attrOf returns an attribute of an object of the class.
func (k *userClass) attrOf(self value, attrs *pyvalue.Dict, name string) (value, bool, error) {
	v, ok := k.find(name, nil)
	if p, isProperty := v.Object().(*property); isProperty {
		v, err := pyvalue.CallValue(p.get, &pyvalue.Call{Args: []value{self}, Meter: k.r.meter})
		return v, true, err
	}
	get, first, describes := described(v, "__get__")
	if own, has := attrs.GetStr(name); has && !first {
		return own, true, nil
	}
	if describes {
		v, err := k.describe(get, self)
		return v, true, err
	}
	if ok {
		return k.bound(v, self), true, nil
	}
	if name == "__dict__" && k.slots == nil {
		return attrs.Value(), true, nil
	}
	if get, ok := k.find("__getattr__", nil); ok && !k.builtinHas(self, name) {
		v, err := k.r.call(bind(get, self), &pyvalue.Call{Args: []value{pyvalue.Str(name)}, Meter: k.r.meter})
		return v, true, err
	}
	return value{}, false, nil
}

// builtinHas reports a method that the class has of the builtin one it derives from.
func (k *userClass) builtinHas(self value, name string) bool {
	return k.base != nil && pyvalue.HasMethod(self, name)
}

// bound is an attribute of the class as one of its object.
func (k *userClass) bound(v, self value) value {
	w, isWrapper := v.Object().(*wrapper)
	switch {
	case !isWrapper:
		return bind(v, self)
	case w.ofClass:
		return bind(w.f, pyvalue.FromObject(k))
	}
	return w.f
}

// PySetAttr sets an attribute.
func (o *instance) PySetAttr(name string, v value) error {
	return o.class.setAttrOf(pyvalue.FromObject(o), o.attrs, name, v)
}

// setAttrOf sets an attribute of an object of the class.
func (k *userClass) setAttrOf(self value, attrs *pyvalue.Dict, name string, v value) error {
	if set, ok := k.find("__setattr__", nil); ok {
		_, err := k.r.call(bind(set, self), &pyvalue.Call{Args: []value{pyvalue.Str(name), v}, Meter: k.r.meter})
		return err
	}
	return k.setPlainly(self, attrs, name, v)
}

// setPlainly is what object.__setattr__ does.
func (k *userClass) setPlainly(self value, attrs *pyvalue.Dict, name string, v value) error {
	if found, ok := k.find(name, nil); ok {
		if set, _, ok := described(found, "__set__"); ok {
			_, err := k.r.call(set, &pyvalue.Call{Args: []value{self, v}, Meter: k.r.meter})
			return err
		}
		if p, isProperty := found.Object().(*property); isProperty {
			if p.set.IsNone() {
				return pyvalue.Raise("AttributeError", "property '%s' of '%s' object has no setter", name, k.name)
			}
			_, err := pyvalue.CallValue(p.set, &pyvalue.Call{Args: []value{self, v}, Meter: k.r.meter})
			return err
		}
	}
	switch {
	case k.data != nil && k.data.frozen:
		return pyvalue.Raise("FrozenInstanceError", "cannot assign to field '%s'", name)
	case k.isEnum:
		return pyvalue.Raise("AttributeError", "cannot set attribute '%s'", name)
	}
	if k.slots != nil && !slices.Contains(k.slots, name) {
		if _, ofClass := k.find(name, nil); ofClass {
			return pyvalue.Raise("AttributeError", "'%s' object attribute '%s' is read-only", k.name, name)
		}
		return pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", k.name, name)
	}
	attrs.SetStr(name, held(v).v)
	return k.r.meter.Grow(48)
}

// setPlainly is object.__setattr__, which a __setattr__ of a class calls.
func setPlainly(o value, name string, v value) error {
	if k := userClassOf(o); k != nil {
		if _, isException := o.Object().(*exception); !isException {
			if frozen := k.data != nil && k.data.frozen; frozen { // as __post_init__ does
				attrsOf(o).SetStr(name, v)
				return k.r.meter.Grow(48)
			}
			return k.setPlainly(o, attrsOf(o), name, v)
		}
	}
	return setAttr(o, name, v)
}

// special returns a method that Python calls by itself; ok is false if the value's
// class has none.
func special(v value, name string) (method value, ok bool, err error) {
	k := userClassOf(v)
	if k == nil {
		return value{}, false, nil
	}
	f, ok := k.find(name, nil)
	if !ok || f.IsNone() {
		return value{}, false, nil
	}
	return bind(f, v), true, nil
}

// invoke calls such a method.
func (o *instance) invoke(name string, args ...value) (v value, ok bool, err error) {
	f, ok, err := special(pyvalue.FromObject(o), name)
	if !ok || err != nil {
		return value{}, ok, err
	}
	if err := o.class.r.meter.Step(8); err != nil {
		return value{}, true, err
	}
	v, err = o.class.r.call(f, &pyvalue.Call{Args: args, Meter: o.class.r.meter})
	return v, true, err
}

// comparing guards comparisons of objects that hold each other.
func (r *run) comparing(compare func() bool) bool {
	if r.calls >= maxCalls {
		r.deferred(pyvalue.Raise("RecursionError", "maximum recursion depth exceeded"))
		return false
	}
	r.calls++
	defer func() { r.calls-- }()
	return compare()
}

// equal is a == b where no error can be returned.
func (r *run) equal(a, b value) bool {
	same, err := pyvalue.EqualWithin(r.meter, a, b)
	r.deferred(err)
	return same
}

// deferred keeps an error that came up where none can be returned; the statement that
// runs fails with it.
func (r *run) deferred(err error) {
	if err != nil && r.late == nil {
		r.late = err
	}
}

// PyStrWithin is what str() returns.
func (o *instance) PyStrWithin(m *pyvalue.Meter) (string, error) {
	v, ok, err := o.invoke("__str__")
	if !ok && o.class.isEnum {
		return o.class.enumText(m, pyvalue.FromObject(o), "__str__")
	}
	if !ok {
		return o.PyReprWithin(m)
	}
	o.class.r.deferred(err)
	return o.textOf("__str__", v, err), nil
}

// textOf is the text that a method has returned.
func (o *instance) textOf(method string, v value, err error) string {
	if err == nil && !v.IsText() {
		o.class.r.deferred(pyvalue.Raise("TypeError", "%s returned non-string (type %s)", method, pyvalue.TypeName(v)))
	}
	return v.Text()
}

// PyReprWithin is what repr() returns.
func (o *instance) PyReprWithin(m *pyvalue.Meter) (string, error) {
	v, ok, err := o.invoke("__repr__")
	switch {
	case ok:
		o.class.r.deferred(err)
		return o.textOf("__repr__", v, err), nil
	case o.class.data != nil:
		return o.class.data.repr(m, o)
	case o.class.isEnum:
		return o.class.enumText(m, pyvalue.FromObject(o), "__repr__")
	}
	return "<formula." + o.class.name + " object>", nil
}

// PyTruth is what bool() returns.
func (o *instance) PyTruth() bool {
	v, ok, err := o.invoke("__bool__")
	if ok && err == nil && v.Kind() != pyvalue.KindBool {
		err = pyvalue.Raise("TypeError", "__bool__ should return bool, returned %s", pyvalue.TypeName(v))
	}
	if !ok {
		v, ok, err = o.invoke("__len__")
	}
	o.class.r.deferred(err)
	return !ok || pyvalue.Truth(v)
}

// PyEqual is == without a method: fields of dataclasses, else identity.
func (o *instance) PyEqual(other value) bool {
	p, same := other.Object().(*instance)
	if same && o != p && p.class == o.class && o.class.data != nil && o.class.data.eq {
		return o.class.r.comparing(func() bool {
			same, err := pyvalue.EqualWithin(o.class.r.meter, o.class.data.tuple(o), o.class.data.tuple(p))
			o.class.r.deferred(err)
			return same
		})
	}
	return same && o == p
}

// PyCompare orders objects without a method: by the fields of an ordered dataclass.
func (o *instance) PyCompare(other value) (int, bool) {
	p, same := other.Object().(*instance)
	if same && p.class == o.class && o.class.data != nil && o.class.data.order {
		a, b := o.class.data.tuple(o), o.class.data.tuple(p)
		less := o.class.r.comparing(func() bool {
			less, err := pyvalue.CompareWithin(o.class.r.meter, pyvalue.CmpLt, a, b)
			o.class.r.deferred(err)
			return less
		})
		switch {
		case less:
			return -1, true
		case o.class.r.equal(a, b):
			return 0, true
		}
		return 1, true
	}
	return 0, false
}

// PyRich calls the method of a comparison. What is not unequal by a method of its own is
// what is not equal.
func (o *instance) PyRich(op pyvalue.CmpOp, other value) (value, bool, error) {
	v, ok, err := o.invoke(pyvalue.ComparisonMethod(op), other)
	if !ok && op == pyvalue.CmpNe {
		if v, ok, err = o.invoke(pyvalue.ComparisonMethod(pyvalue.CmpEq), other); ok && err == nil && !isNotImplemented(v) {
			v = pyvalue.Bool(!pyvalue.Truth(v))
		}
	}
	return v, ok && !isNotImplemented(v), err
}

// PyAbove reports that the class derives from that of another value; see [userClass.Above].
func (o *instance) PyAbove(other value, method string) bool { return o.class.Above(other, method) }

// Above reports that the class derives from that of a value, and has another method of
// the name than that, if a name is given.
func (k *userClass) Above(other value, method string) bool {
	of := userClassOf(other)
	switch {
	case of == k:
		return false
	case of == nil:
		return k.base != nil && other.Derived() == nil && pyvalue.TypeName(other) == k.base.name
	case !k.is(of):
		return false
	case method == "":
		return true
	}
	own, ok := k.find(method, nil)
	inherited, both := of.find(method, nil)
	return ok && !(both && identical(k.r, own, inherited))
}

// unhash takes the hash from a class that defines __eq__ alone.
func (k *userClass) unhash() {
	_, eq := k.attrs.GetStr("__eq__")
	if _, hash := k.attrs.GetStr("__hash__"); eq && !hash {
		k.attrs.SetStr("__hash__", value{})
	}
}

// Unhashable reports a class that has __eq__ and no __hash__.
func (k *userClass) Unhashable() bool {
	f, ok := k.find("__hash__", nil)
	return ok && f.IsNone()
}

// PyHash makes an object a key whose class has no __hash__ of its own.
func (o *instance) PyHash() (string, error) {
	switch {
	case o.class.data != nil && o.class.data.frozen:
		text, err := pyvalue.Repr(o.class.r.meter, o.class.data.tuple(o))
		return o.class.name + text, err
	case o.class.Unhashable() || o.class.data != nil && o.class.data.eq:
		return "", pyvalue.Raise("TypeError", "unhashable type: '%s'", o.class.name)
	}
	return identity(o), nil
}

// PyItem is o[key].
func (o *instance) PyItem(key value) (value, error) {
	v, ok, err := o.invoke("__getitem__", key)
	if !ok {
		err = pyvalue.Raise("TypeError", "'%s' object is not subscriptable", o.class.name)
	}
	return v, err
}

// setItem is o[key] = v.
func (o *instance) setItem(key, v value) error {
	_, ok, err := o.invoke("__setitem__", key, v)
	if !ok {
		err = pyvalue.Raise("TypeError", "'%s' object does not support item assignment", o.class.name)
	}
	return err
}

// PyContains is v in o.
func (o *instance) PyContains(v value) (bool, error) {
	got, ok, err := o.invoke("__contains__", v)
	if ok {
		return pyvalue.Truth(got), err
	}
	if pyvalue.Iterable(pyvalue.FromObject(o)) != nil {
		return false, pyvalue.Raise("TypeError", "argument of type '%s' is not iterable", o.class.name)
	}
	found := false
	err = pyvalue.Each(pyvalue.FromObject(o), func(item value) (bool, error) {
		var err error
		found, err = pyvalue.SameOrEqual(o.class.r.meter, item, v)
		return !found, err
	})
	return found, err
}

// PyCall is o(…).
func (o *instance) PyCall(c *pyvalue.Call) (value, error) {
	f, ok, err := special(pyvalue.FromObject(o), "__call__")
	if !ok || err != nil {
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not callable", o.class.name)
	}
	return o.class.r.call(f, c)
}

// PyBinary calls the method of an operator.
func (o *instance) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	v, ok, err := o.invoke(pyvalue.OperatorMethod(op, reflected), other)
	return v, ok && !isNotImplemented(v), err
}

// notImplemented is what a method returns that does not know the other operand.
type notImplemented struct{ _ byte }

var theNotImplemented = &notImplemented{}

func isNotImplemented(v value) bool { _, ok := v.Object().(*notImplemented); return ok }

// PyType implements [pyvalue.Object].
func (*notImplemented) PyType() string { return "NotImplementedType" }

// PyRepr prints its name.
func (*notImplemented) PyRepr() string { return "NotImplemented" }

// PyOwnFormat is format(o, spec).
func (o *instance) PyOwnFormat(spec string) (string, bool, error) {
	v, ok, err := o.invoke("__format__", pyvalue.Str(spec))
	return v.Text(), ok, err
}

// PyHashNumber is hash(o), if the class says what that is.
func (o *instance) PyHashNumber() (value, bool, error) { return o.invoke("__hash__") }

// delAttr is del o.name.
func delAttr(o value, name string) error {
	k := userClassOf(o)
	if k == nil {
		return pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(o), name)
	}
	if p, ok := k.find(name, nil); ok {
		if p, isProperty := p.Object().(*property); isProperty {
			if p.del.IsNone() {
				return pyvalue.Raise("AttributeError", "property '%s' of '%s' object has no deleter", name, k.name)
			}
			_, err := pyvalue.CallValue(p.del, &pyvalue.Call{Args: []value{o}, Meter: k.r.meter})
			return err
		}
	}
	if f, ok, err := special(o, "__delattr__"); ok || err != nil {
		if err == nil {
			_, err = k.r.call(f, &pyvalue.Call{Args: []value{pyvalue.Str(name)}, Meter: k.r.meter})
		}
		return err
	}
	if e, ok := o.Object().(*exception); ok {
		if _, has := e.attrs[name]; has {
			delete(e.attrs, name)
			return nil
		}
	} else if _, has, err := attrsOf(o).Delete(pyvalue.Str(name)); has || err != nil {
		return err
	}
	return pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", k.name, name)
}
