package txscript

import (
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// call calls a value.
func (r *run) call(f value, c *pyvalue.Call) (value, error) {
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	if o, ok := f.Object().(*closure); ok {
		return o.PyCall(c)
	}
	if err := r.meter.Ints(c); err != nil {
		return value{}, err
	}
	switch o := f.Object().(type) {
	case *builtin:
		return o.f(r, c)
	case *descriptor:
		return o.f(r, c)
	case *class:
		return o.f(r, c)
	case *libraryClass:
		k, err := o.class(r)
		if err != nil {
			return value{}, err
		}
		return r.call(k, c)
	case *shower:
		return r.show(o, c, nil)
	case *enumBase:
		return r.enumOf(o, c)
	}
	return pyvalue.CallValue(f, c)
}

// closure is a function of the program, made where its def was executed.
type closure struct {
	code     *code
	r        *run
	frame    *frame
	defaults []value
	owner    *userClass       // whose method it is, nil for none
	attrs    map[string]value // that the program has set
}

// code is a compiled function.
type code struct {
	f    *function
	name string // with the class or function that it is in
	size int    // variables
	body exec
	expr eval // of a lambda
	args int  // slot of *args, -1 if there is none
	kw   int  // slot of **kwargs, -1 if there is none

	plain    bool // it has nothing but parameters that can be given by position
	required int  // how many of them have no default
	brief    bool // nothing that is made in a call refers to its frame
}

// PyType implements [pyvalue.Object].
func (c *closure) PyType() string { return "function" }

// PyRepr prints the function as CPython does, without its address.
func (c *closure) PyRepr() string { return "<function " + c.code.name + ">" }

// PyAttr returns __name__.
func (c *closure) PyAttr(name string) (value, bool) {
	if v, ok := c.attrs[name]; ok {
		return v, true
	}
	if name == "__module__" {
		return pyvalue.Str("formula"), true
	}
	if name == "__doc__" {
		return docOf(c.code.f.body), true
	}
	if name == "__qualname__" {
		return pyvalue.Str(c.code.name), true
	}
	if name == "__qualname__" {
		return pyvalue.Str(c.code.name), true
	}
	return pyvalue.Str(c.code.f.written), name == "__name__"
}

// PySetAttr sets an attribute of the function.
func (c *closure) PySetAttr(name string, v value) error {
	if c.attrs == nil {
		c.attrs = make(map[string]value)
	}
	c.attrs[name] = v
	return c.r.meter.Grow(48)
}

// PyCall calls the function.
func (c *closure) PyCall(call *pyvalue.Call) (value, error) {
	if err := c.r.deeperCall(); err != nil {
		return value{}, err
	}
	f := c.newFrame()
	err := c.bind(f, call)
	var v value
	if err == nil {
		v, err = c.run(f)
	}
	c.done(f)
	return v, err
}

// bind gives the parameters their values. They have the first slots.
func (c *closure) bind(f *frame, call *pyvalue.Call) error {
	fn := c.code.f
	positional := 0
	for i, p := range fn.params {
		if p.keywordOnly {
			break
		}
		if positional++; i < len(call.Args) {
			f.vars[i] = held(call.Args[i])
		}
	}
	if len(call.Args) > positional {
		if c.code.args < 0 {
			return c.tooMany(call, positional)
		}
		f.vars[c.code.args] = variable{pyvalue.NewTuple(append([]value(nil), call.Args[positional:]...)...), true}
	} else if c.code.args >= 0 {
		f.vars[c.code.args] = variable{pyvalue.NewTuple(), true}
	}
	var rest *pyvalue.Dict
	if c.code.kw >= 0 {
		rest = pyvalue.NewDict()
		f.vars[c.code.kw] = variable{rest.Value(), true}
	}
	for i, name := range call.Names {
		slot := -1
		for j, p := range fn.params {
			if p.name == name && !p.positional {
				slot = j
			}
		}
		switch {
		case slot < 0 && rest != nil:
			rest.SetStr(name, call.Named[i])
		case slot < 0 && slices.ContainsFunc(fn.params, func(p param) bool { return p.name == name }):
			return pyvalue.Raise("TypeError", "%s() got some positional-only arguments passed as keyword arguments: '%s'", c.code.name, name)
		case slot < 0:
			return pyvalue.Raise("TypeError", "%s() got an unexpected keyword argument '%s'", c.code.name, name)
		case f.vars[slot].ok:
			return pyvalue.Raise("TypeError", "%s() got multiple values for argument '%s'", c.code.name, name)
		default:
			f.vars[slot] = held(call.Named[i])
		}
	}
	return c.missing(f)
}

// missing fills in defaults, and names what is missing.
func (c *closure) missing(f *frame) error {
	var names, keywordOnly []string
	for i, p := range c.code.f.params {
		switch {
		case f.vars[i].ok:
		case p.value != nil:
			f.vars[i] = variable{c.defaults[i], true}
		case p.keywordOnly:
			keywordOnly = append(keywordOnly, "'"+p.name+"'")
		default:
			names = append(names, "'"+p.name+"'")
		}
	}
	kind := "positional"
	if names == nil {
		names, kind = keywordOnly, "keyword-only"
	}
	if names == nil {
		return nil
	}
	return pyvalue.Raise("TypeError", "%s() missing %d required %s argument%s: %s", c.code.name, len(names), kind, plural(len(names)), pyvalue.Enumerate(names))
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func (c *closure) tooMany(call *pyvalue.Call, positional int) error {
	fn := c.code.f
	least := 0
	for _, p := range fn.params {
		if !p.keywordOnly && p.value == nil {
			least++
		}
	}
	takes := fmt.Sprint(positional)
	if least != positional {
		takes = fmt.Sprintf("from %d to %d", least, positional)
	}
	was := "were"
	if len(call.Args) == 1 {
		was = "was"
	}
	s := plural(positional)
	if least != positional {
		s = "s"
	}
	return pyvalue.Raise("TypeError", "%s() takes %s positional argument%s but %d %s given", c.code.name, takes, s, len(call.Args), was)
}
