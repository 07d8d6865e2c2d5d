package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// A descriptor is an attribute of a class whose own class has __get__ or __set__: it says
// what the attribute of an object is, and takes what it is set to.

// described returns the method of a descriptor, and whether it is one that comes before
// the object's own attributes; ok is false if v is not a descriptor.
func described(v value, method string) (f value, first, ok bool) {
	o, isInstance := v.Object().(*instance)
	if !isInstance {
		return value{}, false, false
	}
	f, ok = o.class.find(method, nil)
	if !ok {
		return value{}, false, false
	}
	_, sets := o.class.find("__set__", nil)
	_, deletes := o.class.find("__delete__", nil)
	return bind(f, v), sets || deletes, true
}

// describe calls the __get__ of a descriptor for an object, None for the class itself.
func (k *userClass) describe(get, self value) (value, error) {
	return k.r.call(get, &pyvalue.Call{Args: []value{self, pyvalue.FromObject(k)}, Meter: k.r.meter})
}
