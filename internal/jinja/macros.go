package jinja

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// macroCode is a compiled macro.
type macroCode struct {
	name                    string
	params                  []string
	defaults                []expr // of the last params
	slots                   []int
	body                    exec
	fn                      *function
	caller, varargs, kwargs int // slots, -1 where the body does not use them
}

// macroValue is a macro with the frame that it was defined in.
type macroValue struct {
	code *macroCode
	home *frame
}

func (m *macroValue) PyType() string        { return "Macro" }
func (m *macroValue) qualifiedName() string { return "jinja2.runtime.Macro" }

func (m *macroValue) PyRepr() string {
	if m.code.name == "" {
		return "<Macro anonymous>"
	}
	return "<Macro " + quote(m.code.name) + ">"
}

// PyAttr gives the attributes that templates read of a macro.
func (m *macroValue) PyAttr(name string) (value, bool) {
	switch name {
	case "name":
		if m.code.name == "" {
			return pyvalue.None(), true
		}
		return pyvalue.Str(m.code.name), true
	case "arguments":
		items := make([]value, len(m.code.params))
		for i, p := range m.code.params {
			items[i] = pyvalue.Str(p)
		}
		return pyvalue.NewTuple(items...), true
	case "catch_kwargs":
		return pyvalue.Bool(m.code.kwargs >= 0), true
	case "catch_varargs":
		return pyvalue.Bool(m.code.varargs >= 0), true
	case "caller":
		return pyvalue.Bool(m.code.caller >= 0), true
	}
	return value{}, false
}

// PyCall makes filters such as map call a macro, too.
func (m *macroValue) PyCall(c *pyvalue.Call) (value, error) { return m.callIn(m.home, c) }

func (m *macroValue) callIn(f *frame, c *pyvalue.Call) (value, error) {
	if err := f.enter(); err != nil {
		return value{}, err
	}
	defer f.leave()
	call := f.newFrame(m.code.fn.size, m.home)
	if err := m.bind(call, c); err != nil {
		return value{}, err
	}
	// A macro escapes as the place where it is called does.
	text, err := call.captured(m.code.body)
	return f.markup(text), err
}

// bind puts the arguments of a call into the macro's frame.
func (m *macroValue) bind(f *frame, c *pyvalue.Call) error {
	code := m.code
	given := min(len(c.Args), len(code.params))
	for i := range given {
		f.vars[code.slots[i]] = c.Args[i]
	}
	kwargs := pyvalue.NewDict()
	var caller value
	hasCaller := false
	for i, name := range c.Names {
		at := slices.Index(code.params, name)
		switch {
		case at >= given:
			f.vars[code.slots[at]] = c.Named[i]
		case name == "caller" && at < 0:
			caller, hasCaller = c.Named[i], true
		default:
			kwargs.SetStr(name, c.Named[i])
		}
	}
	if err := m.extras(f, c, kwargs, caller, hasCaller); err != nil {
		return err
	}
	for i := given; i < len(code.params); i++ {
		if f.vars[code.slots[i]] != missing {
			continue
		}
		if d := i - (len(code.params) - len(code.defaults)); d >= 0 {
			v, err := code.defaults[d](f)
			if err != nil {
				return err
			}
			f.vars[code.slots[i]] = v
			continue
		}
		f.vars[code.slots[i]] = pyvalue.Undefined("parameter " + quote(code.params[i]) + " was not provided")
	}
	return nil
}

// extras settles varargs, kwargs and caller.
func (m *macroValue) extras(f *frame, c *pyvalue.Call, kwargs *pyvalue.Dict, caller value, hasCaller bool) error {
	code := m.code
	name := "None"
	if code.name != "" {
		name = quote(code.name)
	}
	switch {
	case code.caller >= 0 && hasCaller:
		f.vars[code.caller] = caller
	case code.caller >= 0:
		f.vars[code.caller] = pyvalue.Undefined("No caller defined")
	case hasCaller && code.kwargs < 0:
		return pyvalue.Raise("TypeError", "macro %s was invoked with two values for the special caller argument. This is most likely a bug.", name)
	case hasCaller:
		kwargs.SetStr("caller", caller)
	}
	if code.kwargs >= 0 {
		f.vars[code.kwargs] = kwargs.Value()
	} else if kwargs.Len() > 0 {
		return pyvalue.Raise("TypeError", "macro %s takes no keyword argument %s", name, quote(kwargs.Keys()[0].Text()))
	}
	rest := c.Args[min(len(c.Args), len(code.params)):]
	if code.varargs >= 0 {
		f.vars[code.varargs] = pyvalue.NewTuple(slices.Clone(rest)...)
	} else if len(rest) > 0 {
		return pyvalue.Raise("TypeError", "macro %s takes not more than %d argument(s)", name, len(code.params))
	}
	return nil
}

func (c *compiler) macro(m macro) (*macroCode, error) {
	code := &macroCode{name: m.name, params: m.params, caller: -1, varargs: -1, kwargs: -1}
	inner := c.scope.newFunction()
	inner.params = make(map[string]bool, len(m.params))
	code.fn = inner.fn
	for _, p := range m.params {
		code.slots = append(code.slots, inner.declare(p))
		inner.params[p] = true
	}
	inner.analyse(m.body)
	for name := range inner.own {
		if mentions(nodesOf(m.defaults), name) {
			inner.own[name] = false // a default reads it first
		}
	}
	for _, special := range []struct {
		name string
		slot *int
	}{{"caller", &code.caller}, {"varargs", &code.varargs}, {"kwargs", &code.kwargs}} {
		if !slices.Contains(m.params, special.name) && mentions(m.body, special.name) {
			*special.slot = inner.declare(special.name)
		}
	}
	if at := slices.Index(m.params, "caller"); at >= 0 {
		if at < len(m.params)-len(m.defaults) {
			return nil, c.fail("When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.")
		}
		code.caller = -1
	}
	err := c.in(inner, func() (err error) {
		if code.defaults, err = c.exprs(m.defaults); err == nil {
			code.body, err = c.body(m.body)
		}
		return err
	})
	return code, err
}

func (c *compiler) macroStatement(m macro) (exec, error) {
	slot := c.scope.declare(m.name)
	code, err := c.macro(m)
	return func(f *frame) error {
		f.vars[slot] = pyvalue.FromObject(&macroValue{code, f})
		return nil
	}, err
}

func (c *compiler) callBlock(b callBlock) (exec, error) {
	code, err := c.macro(b.caller)
	if err != nil {
		return nil, err
	}
	code.name = "caller"
	callerName := fmt.Sprintf("caller %d", c.scope.fn.size) // no template can have this name
	slot := c.scope.declare(callerName)
	b.call.args.names = append(slices.Clone(b.call.args.names), "caller")
	b.call.args.named = append(slices.Clone(b.call.args.named), nameRef{callerName})
	call, err := c.call(b.call)
	return func(f *frame) error {
		f.vars[slot] = pyvalue.FromObject(&macroValue{code, f})
		v, err := call(f)
		if err != nil {
			return err
		}
		return f.print(v)
	}, err
}

func nodesOf(nodes []node) []statement {
	list := make([]statement, len(nodes))
	for i, n := range nodes {
		list[i] = n
	}
	return list
}

// mentions reports whether a name stands anywhere in a body, which is enough for three
// names that only matter where they are used.
func mentions(body []statement, name string) bool { return mentioned(reflect.ValueOf(body), name) }

// mentioned looks through the values that a part of the tree is made of.
func mentioned(v reflect.Value, name string) bool {
	switch v.Kind() {
	case reflect.Interface:
		return !v.IsNil() && mentioned(v.Elem(), name)
	case reflect.Slice:
		for i := range v.Len() {
			if mentioned(v.Index(i), name) {
				return true
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[nameRef]() {
			return v.FieldByName("name").String() == name
		}
		for i := range v.NumField() {
			if mentioned(v.Field(i), name) {
				return true
			}
		}
	}
	return false
}
