package pyvalue

// Builtin is a function that is written in Go, as an [Object]. It needs nothing but its
// call.
type Builtin struct {
	Name string
	F    func(c *Call) (Value, error)
}

// NewBuiltin returns a function as a value.
func NewBuiltin(name string, f func(c *Call) (Value, error)) Value {
	return FromObject(&Builtin{name, f})
}

// PyType implements [Object].
func (*Builtin) PyType() string { return "builtin_function_or_method" }

// PyRepr prints the function.
func (b *Builtin) PyRepr() string { return "<built-in function " + b.Name + ">" }

// PyAttr returns __name__.
func (b *Builtin) PyAttr(name string) (Value, bool) { return Str(b.Name), name == "__name__" }

// PyCall calls the function.
func (b *Builtin) PyCall(c *Call) (Value, error) { return b.F(c) }
