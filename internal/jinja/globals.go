package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// globals are the names that every template knows.
var globals = map[string]value{
	"range":     pyvalue.FromObject(&class{"range", pyvalue.NewRange}),
	"dict":      pyvalue.FromObject(&class{"dict", newDict}),
	"namespace": pyvalue.FromObject(&class{"namespace", newNamespace}),
	"cycler":    pyvalue.FromObject(&class{"cycler", newCycler}),
	"joiner":    pyvalue.FromObject(&class{"joiner", newJoiner}),
	"lipsum": pyvalue.FromObject(&class{"lipsum", func(*pyvalue.Call) (value, error) {
		return value{}, pyvalue.Raise("TemplateRuntimeError", "'lipsum' is not supported: random text has no place in an export")
	}}),
}

// class is a global that makes objects.
type class struct {
	name string
	make func(c *pyvalue.Call) (value, error)
}

func (k *class) PyType() string { return "type" }
func (k *class) PyRepr() string { return "<class '" + k.name + "'>" }
func (k *class) PyTruth() bool  { return true }

// PyCall makes an object.
func (k *class) PyCall(c *pyvalue.Call) (value, error) { return k.make(c) }

func newDict(c *pyvalue.Call) (value, error) {
	d := pyvalue.NewDict()
	if len(c.Args) > 1 {
		return value{}, pyvalue.Raise("TypeError", "dict expected at most 1 argument, got %d", len(c.Args))
	}
	if len(c.Args) == 1 {
		if err := pyvalue.UpdateDict(c.Meter, d, c.Args[0]); err != nil {
			return value{}, err
		}
	}
	for i, name := range c.Names {
		d.SetStr(name, c.Named[i])
	}
	return d.Value(), nil
}

// namespace holds values that a set within a loop can change.
type namespace struct{ attrs *pyvalue.Dict }

func newNamespace(c *pyvalue.Call) (value, error) {
	d, err := newDict(c)
	return pyvalue.FromObject(&namespace{d.Dict()}), err
}

func (n *namespace) PyType() string        { return "Namespace" }
func (n *namespace) qualifiedName() string { return "jinja2.utils.Namespace" }

// PyReprWithin prints the attributes.
func (n *namespace) PyReprWithin(m *pyvalue.Meter) (string, error) {
	text, err := pyvalue.Repr(m, n.attrs.Value())
	return "<Namespace " + text + ">", err
}

// PyAttr returns a value by its name.
func (n *namespace) PyAttr(name string) (value, bool) { return n.attrs.GetStr(name) }

// cycler gives its items again and again.
type cycler struct {
	items []value
	pos   int
}

func newCycler(c *pyvalue.Call) (value, error) {
	if len(c.Args) == 0 {
		return value{}, pyvalue.Raise("RuntimeError", "at least one item has to be provided")
	}
	return pyvalue.FromObject(&cycler{items: c.Args}), nil
}

func (k *cycler) PyType() string        { return "Cycler" }
func (k *cycler) qualifiedName() string { return "jinja2.utils.Cycler" }

// PyAttr gives current, next and reset.
func (k *cycler) PyAttr(name string) (value, bool) {
	switch name {
	case "current":
		return k.items[k.pos], true
	case "items":
		return pyvalue.NewTuple(k.items...), true
	case "pos":
		return pyvalue.Int(int64(k.pos)), true
	case "next":
		return pyvalue.NewBuiltin("next", func(*pyvalue.Call) (value, error) {
			v := k.items[k.pos]
			k.pos = (k.pos + 1) % len(k.items)
			return v, nil
		}), true
	case "reset":
		return pyvalue.NewBuiltin("reset", func(*pyvalue.Call) (value, error) {
			k.pos = 0
			return value{}, nil
		}), true
	}
	return value{}, false
}

// joiner returns nothing the first time and its separator from then on.
type joiner struct {
	sep  value
	used bool
}

func newJoiner(c *pyvalue.Call) (value, error) {
	if err := c.Check("joiner", 0, "sep"); err != nil {
		return value{}, err
	}
	sep, ok := c.Arg(0, "sep")
	if !ok {
		sep = pyvalue.Str(", ")
	}
	return pyvalue.FromObject(&joiner{sep: sep}), nil
}

func (j *joiner) PyType() string        { return "Joiner" }
func (j *joiner) qualifiedName() string { return "jinja2.utils.Joiner" }

// PyAttr gives sep and used.
func (j *joiner) PyAttr(name string) (value, bool) {
	switch name {
	case "sep":
		return j.sep, true
	case "used":
		return pyvalue.Bool(j.used), true
	}
	return value{}, false
}

// PyCall returns the separator.
func (j *joiner) PyCall(*pyvalue.Call) (value, error) {
	if !j.used {
		j.used = true
		return pyvalue.Str(""), nil
	}
	return j.sep, nil
}
