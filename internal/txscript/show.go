package txscript

import (
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// shower is a function that shows a message, at a field if its second argument is
// one.
type shower struct{ name, kind string }

// showers are the functions that show a message.
var showers = map[string]*shower{
	"show_error": {"show_error", "error"}, "show_warning": {"show_warning", "warning"}, "show_info": {"show_info", "info"},
	"automation_blocker": {"automation_blocker", "blocker"},
}

// Shower returns show_error, show_warning, show_info or automation_blocker, for an
// object that has it as a method; false for another name.
func Shower(name string) (pyvalue.Value, bool) {
	s, ok := showers[name]
	if !ok {
		return value{}, false
	}
	return pyvalue.FromObject(s), true
}

// PyType implements [pyvalue.Object].
func (*shower) PyType() string { return "function" }

// PyRepr prints the function.
func (s *shower) PyRepr() string { return "<function " + s.name + ">" }

// PyCall does nothing: where no run is at hand, as in the key of a sort, nobody would
// see a message.
func (*shower) PyCall(*pyvalue.Call) (value, error) { return value{}, nil }

// costOfMessage is what a message costs in bytes besides its text.
const costOfMessage = 100

// show shows a message.
func (r *run) show(s *shower, call *pyvalue.Call, field any) (value, error) {
	text, ok := call.Arg(0, "content")
	if !ok || len(call.Args)+len(call.Names) > 2 {
		return value{}, pyvalue.Raise("TypeError", "%s takes a text and a field", s.name)
	}
	if at, ok := call.Arg(1, "field"); ok && field == nil && at.Derived() != nil {
		if o, ok := at.Derived().Class.(Origin); ok {
			field = o.FieldRef()
		}
	}
	m := Message{Kind: s.kind, Field: field}
	var err error
	if m.Text, err = pyvalue.String(r.meter, text); err != nil {
		return value{}, err
	}
	r.shown += costOfMessage + int64(len(m.Text))
	if err := r.meter.Fits(r.shown); err != nil { // they are kept until the run ends
		return value{}, fmt.Errorf("showing messages: %w", err)
	}
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	if r.host.Show != nil {
		r.host.Show(m)
	}
	return value{}, nil
}

// reference compiles what the second argument of a call refers to, if it names a
// field; nil if it does not.
func (c *compiler) reference(x *callExpr) func(r *run, f *frame) (any, error) {
	if len(x.args) < 2 || x.args[1].stars > 0 {
		return nil
	}
	a, ok := x.args[1].value.(*attrExpr)
	if !ok || !isPath(a.x) {
		return nil
	}
	on, name := c.expr(a.x), a.name
	return func(r *run, f *frame) (any, error) {
		v, err := on(r, f)
		if err != nil {
			return nil, err
		}
		if fields, ok := v.Object().(Fields); ok {
			return fields.FieldRef(name), nil
		}
		return nil, nil
	}
}

// isShower reports the name of a function that shows a message.
func isShower(f expr) bool {
	name := ""
	switch f := f.(type) {
	case *nameExpr:
		name = f.name
	case *attrExpr:
		name = f.name
	}
	return showers[name] != nil
}

// isPath reports a name, or an attribute of one, or an element at a constant.
func isPath(x expr) bool {
	switch x := x.(type) {
	case *nameExpr:
		return true
	case *attrExpr:
		return isPath(x.x)
	case *indexExpr:
		_, isConst := x.index.(*constExpr)
		_, isName := x.index.(*nameExpr)
		return (isConst || isName) && isPath(x.x)
	}
	return false
}
