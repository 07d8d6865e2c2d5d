package txscript

import (
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// elementModule is xml.etree.ElementTree, as far as it reads.
func elementModule() value { return elementModuleOnUse.Get(makeElementModule) }

var elementModuleOnUse onuse.Value[value]

func makeElementModule() value {
	return newModule("xml.etree.ElementTree", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"fromstring": fromXML, "XML": fromXML, "tostring": toXML,
		"iselement": func(_ *run, c *pyvalue.Call) (value, error) {
			_, ok := first(c.Args).Object().(*xmlElement)
			return pyvalue.Bool(ok), c.Exactly("iselement", 1)
		},
	}, map[string]value{
		"ParseError": pyvalue.FromObject(excClasses["ParseError"]),
		"Element":    pyvalue.FromObject(elementClass),
	})
}

// elementClass is for isinstance and annotations: elements come from documents only.
var elementClass = &class{
	builtin: builtin{"xml.etree.ElementTree.Element", func(*run, *pyvalue.Call) (value, error) {
		return value{}, pyvalue.Raise("TypeError", "Element() cannot be called in formulas: XML is read, and written as text")
	}},
	has: func(v value) bool { _, ok := v.Object().(*xmlElement); return ok },
}

// toXML is tostring.
func toXML(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("tostring", 1, "element", "encoding"); err != nil {
		return value{}, err
	}
	v, _ := c.Arg(0, "element")
	e, ok := v.Object().(*xmlElement)
	if !ok {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'iter'", pyvalue.TypeName(v))
	}
	encoding := "us-ascii"
	if v, ok := c.Arg(1, "encoding"); ok && v.IsText() {
		encoding = strings.ToLower(v.Text())
	}
	d := e.in.doc
	if err := r.meter.Grow(int64(len(d.Value(e.id)))*6 + int64(d.End(e.id)-e.id)*16); err != nil {
		return value{}, err
	}
	if err := r.meter.Step(int64(len(d.Value(e.id)))/16 + int64(d.End(e.id)-e.id)); err != nil {
		return value{}, err
	}
	text := d.String(e.id)
	switch encoding {
	case "unicode":
		return pyvalue.Str(text), r.meter.Grow(int64(len(text)))
	case "utf-8", "utf8":
		declaration := "<?xml version='1.0' encoding='" + encoding + "'?>\n"
		if encoding == "utf-8" {
			declaration = "" // which is what readers take it for anyway
		}
		return pyvalue.Bytes([]byte(declaration + text)), r.meter.Grow(int64(len(text)))
	case "us-ascii", "ascii":
		var out []byte
		for _, c := range text {
			if c < 0x80 {
				out = append(out, byte(c))
				continue
			}
			out = append(strconv.AppendInt(append(out, "&#"...), int64(c), 10), ';')
		}
		return pyvalue.Bytes(out), r.meter.Grow(int64(len(out)))
	}
	return value{}, pyvalue.Raise("LookupError", "tostring can write unicode, us-ascii and utf-8 in formulas, not %s", encoding)
}
