package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// PyInt is int(o).
func (o *instance) PyInt() (value, error) {
	for _, name := range []string{"__int__", "__index__"} {
		if v, ok, err := o.invoke(name); ok {
			if err == nil && !isInt(v) {
				err = pyvalue.Raise("TypeError", "%s returned non-int (type %s)", name, pyvalue.TypeName(v))
			}
			return v, err
		}
	}
	return value{}, pyvalue.Raise("TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'", o.class.name)
}

// PyReal is float(o).
func (o *instance) PyReal() (float64, error) {
	for _, name := range []string{"__float__", "__index__"} {
		if v, ok, err := o.invoke(name); ok {
			f, isNumber := v.Float64()
			if err == nil && !isNumber {
				err = pyvalue.Raise("TypeError", "%s.%s returned non-float (type %s)", o.class.name, name, pyvalue.TypeName(v))
			}
			return f, err
		}
	}
	return 0, pyvalue.Raise("TypeError", "float() argument must be a string or a real number, not '%s'", o.class.name)
}

// PySigned is -o and +o.
func (o *instance) PySigned(negative bool) (value, error) {
	name, sign := "__pos__", "+"
	if negative {
		name, sign = "__neg__", "-"
	}
	v, ok, err := o.invoke(name)
	if !ok {
		err = pyvalue.Raise("TypeError", "bad operand type for unary %s: '%s'", sign, o.class.name)
	}
	return v, err
}

// PyRound is round(o).
func (o *instance) PyRound(digits value) (value, error) {
	args := []value{digits}
	if digits.IsNone() {
		args = nil
	}
	v, ok, err := o.invoke("__round__", args...)
	if !ok {
		err = pyvalue.Raise("TypeError", "type %s doesn't define __round__ method", o.class.name)
	}
	return v, err
}

func isInt(v value) bool { return v.Kind() == pyvalue.KindInt || v.Kind() == pyvalue.KindBool }
