package pyvalue

// Class is a class that derives from a builtin one. Its values behave as those of the
// builtin class do, but for the methods that the class defines itself.
type Class interface {
	// ClassName is the name that errors say.
	ClassName() string
	// Special calls a method that Python calls by itself, __repr__ say. It reports false
	// if the class leaves that to the builtin one.
	Special(self Value, name string, args ...Value) (Value, bool, error)
}

// Derived is a value of such a class: what it is for the builtin class, and its own
// attributes.
type Derived struct {
	Base  Value
	Class Class
	Attrs *Dict
}

// Derive returns a value of a class that derives from the builtin class of base.
func Derive(base Value, class Class) Value {
	return Value{any: &Derived{base, class, NewDict()}}
}

// Derived returns the value as one of a class that derives from a builtin one, nil for
// any other.
func (v Value) Derived() *Derived { d, _ := v.any.(*Derived); return d }

// Base returns the value as one of the builtin class that its own class derives from; a
// value of a builtin class is that itself.
func (v Value) Base() Value {
	if d, ok := v.any.(*Derived); ok {
		return d.Base
	}
	return v
}

func (d *Derived) special(name string, args ...Value) (Value, bool, error) {
	return d.Class.Special(Value{any: d}, name, args...)
}

var operatorMethods = map[Op]string{
	OpAdd: "add__", OpSub: "sub__", OpMul: "mul__", OpDiv: "truediv__", OpFloorDiv: "floordiv__", OpMod: "mod__",
	OpPow: "pow__", OpAnd: "and__", OpOr: "or__", OpXor: "xor__", OpLsh: "lshift__", OpRsh: "rshift__",
}

// OperatorMethod returns the name of the method that an operator calls.
func OperatorMethod(op Op, reflected bool) string {
	if reflected {
		return "__r" + operatorMethods[op]
	}
	return "__" + operatorMethods[op]
}

// PyBinary calls the method of an operator.
func (d *Derived) PyBinary(op Op, other Value, reflected bool) (Value, bool, error) {
	v, ok, err := d.special(OperatorMethod(op, reflected), other)
	if o, isObject := d.Base.any.(interface {
		PyBinary(op Op, other Value, reflected bool) (Value, bool, error)
	}); isObject && !ok && err == nil {
		return o.PyBinary(op, other, reflected)
	}
	return v, ok, err
}

// item asks the class for d[key], and for a key that a dict does not have.
func (d *Derived) item(key Value) (Value, bool, error) {
	if v, ok, err := d.special("__getitem__", key); ok {
		return v, true, err
	}
	if entries := d.Base.Dict(); entries != nil {
		if _, has, err := entries.Get(key); err == nil && !has {
			return d.special("__missing__", key)
		}
	}
	return Value{}, false, nil
}

// text is what a method says that prints the value.
// textWithin is [Derived.text] where the value may be within others.
func (d *Derived) textWithin(m *Meter, name string) (text string, ok bool, err error) {
	out, err := appendObject(m, nil, func(*Meter) (string, error) {
		var err error
		text, ok, err = d.text(name)
		return text, err
	})
	return string(out), ok || err != nil, err
}

func (d *Derived) text(name string, args ...Value) (string, bool, error) {
	v, ok, err := d.special(name, args...)
	if !ok || err != nil {
		return "", ok, err
	}
	if !v.IsText() {
		return "", true, typeError("%s returned non-string (type %s)", name, TypeName(v))
	}
	return v.Text(), true, nil
}
