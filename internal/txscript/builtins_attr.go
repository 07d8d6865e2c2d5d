package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func getAttribute(r *run, c *pyvalue.Call) (value, error) {
	switch n := len(c.Args); {
	case n < 2:
		return value{}, pyvalue.Raise("TypeError", "getattr expected at least 2 arguments, got %d", n)
	case n > 3:
		return value{}, pyvalue.Raise("TypeError", "getattr expected at most 3 arguments, got %d", n)
	case !c.Args[1].IsText():
		return value{}, pyvalue.Raise("TypeError", "attribute name must be string, not '%s'", pyvalue.TypeName(c.Args[1]))
	}
	if err := r.meter.Work(c.Args[1]); err != nil {
		return value{}, err
	}
	v, err := getAttr(c.Args[0], c.Args[1].Text())
	if len(c.Args) == 3 && isAttributeError(err) {
		return c.Args[2], nil
	}
	return v, err
}

func setAttribute(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("setattr", 3); err != nil {
		return value{}, err
	}
	if !c.Args[1].IsText() {
		return value{}, pyvalue.Raise("TypeError", "attribute name must be string, not '%s'", pyvalue.TypeName(c.Args[1]))
	}
	if err := r.meter.Work(c.Args[1]); err != nil {
		return value{}, err
	}
	return value{}, setAttr(c.Args[0], c.Args[1].Text(), c.Args[2])
}

func hasAttribute(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("hasattr", 2); err != nil {
		return value{}, err
	}
	_, err := getAttribute(r, c)
	if isAttributeError(err) {
		return pyvalue.Bool(false), nil
	}
	return pyvalue.Bool(err == nil), err
}

// isAttributeError reports one, also of a __getattr__ or property of the program.
func isAttributeError(err error) bool {
	if err == nil {
		return false
	}
	e := caught(err)
	return e != nil && derives(e.class, "AttributeError")
}

// Named are objects that know the names of their attributes, in order.
type Named interface {
	Names() []string
}

// varsOf is vars: the attributes of fields, or of an object, as a dict.
func varsOf(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("vars", 1); err != nil {
		return value{}, err
	}
	v := c.Args[0]
	o, ok := v.Object().(Named)
	if k := userClassOf(v); !ok || k != nil && k.slots != nil {
		return value{}, pyvalue.Raise("TypeError", "vars() argument must have __dict__ attribute")
	}
	d := pyvalue.NewDict()
	for _, name := range o.Names() {
		if err := r.meter.Grow(48); err != nil {
			return value{}, err
		}
		item, err := getAttr(v, name)
		if err != nil {
			return value{}, err
		}
		d.SetStr(name, item)
	}
	return d.Value(), nil
}

// dirOf is dir, for what there is: the names of attributes and methods, sorted.
func dirOf(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("dir", 1); err != nil {
		return value{}, err
	}
	names := pyvalue.MethodNames(c.Args[0])
	if o, ok := c.Args[0].Object().(Named); ok {
		names = append(names, o.Names()...)
	}
	slices.Sort(names)
	list := make([]value, len(names))
	for i, name := range names {
		list[i] = pyvalue.Str(name)
	}
	return pyvalue.NewList(list...), nil
}

// asciiRepr escapes what is not ASCII in a repr.
func asciiRepr(m *pyvalue.Meter, text string) (string, error) {
	size := int64(0)
	err := longtext.Runes(text, m.Look, func(c rune) bool {
		size += int64(len(asciiForm(c)))
		return true
	})
	if err == nil {
		err = m.Grow(size)
	}
	if err != nil || size == int64(len(text)) {
		return text, err
	}
	var out strings.Builder
	out.Grow(int(size))
	err = longtext.Runes(text, m.Look, func(c rune) bool {
		out.WriteString(asciiForm(c))
		return true
	})
	return out.String(), err
}

func asciiForm(c rune) string {
	switch {
	case c < 0x80:
		return string(c)
	case c < 0x100:
		return "\\x" + hex(c, 2)
	case c < 0x10000:
		return "\\u" + hex(c, 4)
	}
	return "\\U" + hex(c, 8)
}

func hex(c rune, width int) string {
	const digits = "0123456789abcdef"
	out := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		out[i] = digits[c&15]
		c >>= 4
	}
	return string(out)
}

// ellipsis is what ... gives.
type ellipsis struct{ _ byte }

var theEllipsis = &ellipsis{}

// PyType implements [pyvalue.Object].
func (*ellipsis) PyType() string { return "ellipsis" }

// PyRepr prints its name.
func (*ellipsis) PyRepr() string { return "Ellipsis" }
