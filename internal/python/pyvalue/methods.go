package pyvalue

// method is a method of a builtin class.
type method func(m *Meter, v Value, c *Call) (Value, error)

// methodsOf returns the methods of a value's class.
func methodsOf(v Value) map[string]method {
	switch v.Kind() {
	case KindStr, KindMarkup:
		return strMethods()
	case KindList:
		return listMethods()
	case KindTuple:
		return tupleMethods()
	case KindDict:
		return dictMethods()
	case KindSet:
		if v.Set().Frozen {
			return frozenMethods()
		}
		return setMethods()
	case KindInt, KindBool:
		return intMethods
	case KindFloat:
		return floatMethods
	case KindBytes:
		return bytesMethods()
	}
	return nil
}

// HasMethod reports whether the value's class has a method of that name here.
func HasMethod(v Value, name string) bool { return methodsOf(v)[name] != nil }

// MethodNames returns the names of the methods of a value's class.
func MethodNames(v Value) []string {
	var names []string
	for name := range methodsOf(v) {
		names = append(names, name)
	}
	return names
}

// CallMethod calls a method of a builtin class; AttributeError if it has none of
// that name.
func CallMethod(m *Meter, v Value, name string, c *Call) (Value, error) {
	f := methodsOf(v)[name]
	if f == nil {
		return Value{}, Raise("AttributeError", "'%s' object has no attribute '%s'", TypeName(v), name)
	}
	if err := m.Step(1 + textWork(v, c)); err != nil {
		return Value{}, err
	}
	return f(m, v, c)
}

// BuiltinMethod is a method of one builtin class, or the zero one, which is none.
type BuiltinMethod struct{ f method }

// Known reports that it is one.
func (b BuiltinMethod) Known() bool { return b.f != nil }

// Call calls the method as [CallMethod] does.
func (b BuiltinMethod) Call(m *Meter, v Value, c *Call) (Value, error) {
	if err := m.Step(1 + textWork(v, c)); err != nil {
		return Value{}, err
	}
	return b.f(m, v, c)
}

// Methods are the methods of one name of all builtin classes, looked up once.
type Methods struct {
	of     [KindObject]method
	frozen method // of a frozenset
}

// MethodsOf returns the methods of a name.
func MethodsOf(name string) *Methods {
	return &Methods{frozen: frozenMethods()[name], of: [KindObject]method{
		KindStr: strMethods()[name], KindMarkup: strMethods()[name], KindList: listMethods()[name], KindTuple: tupleMethods()[name],
		KindDict: dictMethods()[name], KindSet: setMethods()[name], KindInt: intMethods[name], KindBool: intMethods[name],
		KindFloat: floatMethods[name], KindBytes: bytesMethods()[name],
	}}
}

// Of returns the method of a value's class, unless a program has derived that.
func (m *Methods) Of(v Value) BuiltinMethod {
	kind := v.Kind()
	switch {
	case kind >= KindObject || v.Derived() != nil:
		return BuiltinMethod{}
	case kind == KindSet && v.Set().Frozen:
		return BuiltinMethod{m.frozen}
	}
	return BuiltinMethod{m.of[kind]}
}

// TextMethod is a method of str that was looked up once, to be called for many texts.
type TextMethod struct{ f method }

// TextMethodOf returns the method of that name; false if str has none.
func TextMethodOf(name string) (TextMethod, bool) {
	f := strMethods()[name]
	return TextMethod{f}, f != nil
}

// Call calls the method as [CallMethod] does; v must be a str.
func (t TextMethod) Call(m *Meter, v Value, c *Call) (Value, error) {
	if err := m.Step(1 + textWork(v, c)); err != nil {
		return Value{}, err
	}
	return t.f(m, v, c)
}

// textWork is how many steps a method takes that goes over its texts once.
func textWork(v Value, c *Call) int64 {
	size := v.size()
	for _, a := range c.Args {
		size += a.size()
	}
	for _, a := range c.Named {
		size += a.size()
	}
	return int64(size) / perStep
}

// Method returns a method of a builtin class as a value that can be called.
func Method(v Value, name string) (Value, bool) {
	f := methodsOf(v)[name]
	if f == nil {
		return Value{}, false
	}
	return FromObject(&boundMethod{v, name, f}), true
}

type boundMethod struct {
	self Value
	name string
	f    method
}

func (b *boundMethod) PyType() string { return "builtin_function_or_method" }

func (b *boundMethod) PyRepr() string {
	return "<built-in method " + b.name + " of " + TypeName(b.self) + " object>"
}

func (b *boundMethod) PyAttr(name string) (Value, bool) { return Str(b.name), name == "__name__" }

func (b *boundMethod) PyCall(c *Call) (Value, error) {
	if err := c.Meter.Step(1 + textWork(b.self, c)); err != nil {
		return Value{}, err
	}
	return b.f(c.Meter, b.self, c)
}

// positional raises TypeError unless there are between least and most positional
// arguments and no named ones.
func positional(c *Call, name string, least, most int) error {
	if len(c.Names) > 0 {
		return typeError("%s() takes no keyword arguments", name)
	}
	n := len(c.Args)
	switch {
	case n >= least && n <= most:
		return nil
	case least == most && most == 0:
		return typeError("%s() takes no arguments (%d given)", name, n)
	case least == most && most == 1:
		return typeError("%s() takes exactly one argument (%d given)", name, n)
	case least == most:
		return typeError("%s expected %d arguments, got %d", name, least, n)
	case n < least:
		return typeError("%s expected at least %d argument%s, got %d", name, least, plural(least), n)
	}
	return typeError("%s expected at most %d argument%s, got %d", name, most, plural(most), n)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// argInt returns an int argument.
func argInt(v Value) (int, error) {
	if !v.isInteger() {
		return 0, typeError("'%s' object cannot be interpreted as an integer", TypeName(v))
	}
	i, ok := v.Int64()
	if !ok {
		return 0, Raise("OverflowError", "Python int too large to convert to C ssize_t")
	}
	return int(i), nil
}

// like returns a text of the same class as v: what methods of Markup return is
// Markup.
func like(v Value, text string) Value {
	if v.Kind() == KindMarkup {
		return Markup(text)
	}
	return Str(text)
}

// argText returns a text argument; where v is Markup it is escaped, as
// markupsafe does for the methods that put an argument into the result.
func argText(v, arg Value, name string) (string, error) {
	if !arg.IsText() {
		return "", typeError("%s must be str, not %s", name, TypeName(arg))
	}
	if v.Kind() == KindMarkup && arg.Kind() == KindStr {
		return EscapeText(arg.Text()), nil
	}
	return arg.Text(), nil
}
