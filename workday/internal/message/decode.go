package message

import (
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// Decode makes a value of a reply: objects with attributes and elements by name,
// lists where the schema allows several, "_value_1" for the text beside
// attributes, booleans and numbers where the schema has them, numbers as they were
// spelt. What the schema does not know is kept as well. e may be nil.
func Decode(e *wsdl.Element, t *Tree) pyvalue.Value {
	if t.Attr("nil") == "true" {
		return pyvalue.None()
	}
	var typ *wsdl.Type
	if e != nil {
		typ, _ = e.Type() // an unreadable type is like none
	}
	if typ == nil || typ.Any {
		return decodeLoose(t)
	}
	if !typ.Complex {
		return decodeText(typ.Simple, t.Text)
	}
	o := pyvalue.NewDict()
	for _, a := range t.Attrs {
		if declaration := findAttribute(typ, a.Name); declaration != nil {
			o.SetStr(declaration.Key, decodeText(declaration.Type, a.Value))
		} else if isData(a.Name) {
			o.SetStr(a.Name.Local, pyvalue.Str(a.Value))
		}
	}
	if typ.Simple != nil {
		o.SetStr("_value_1", decodeText(typ.Simple, t.Text))
		return o.Value()
	}
	known := make(map[string]declaredChild)
	collect(typ.Content, false, known)
	for _, c := range t.Children {
		child := known[c.Name.Local]
		add(o, c.Name.Local, Decode(child.element, c), child.several)
	}
	return o.Value()
}

type declaredChild struct {
	element *wsdl.Element
	several bool
}

// collect lists the elements of a content model.
func collect(p *wsdl.Particle, several bool, known map[string]declaredChild) {
	if p == nil {
		return
	}
	several = several || p.Repeated()
	if p.Kind == wsdl.Single {
		local := p.Element.Name.Local
		_, twice := known[local]
		known[local] = declaredChild{p.Element, several || twice}
	}
	for _, c := range p.Children {
		collect(c, several, known)
	}
}

// add puts a value under a key; a second one makes a list of them.
func add(o *pyvalue.Dict, key string, v pyvalue.Value, several bool) {
	first, there := o.GetStr(key)
	if list := first.List(); list != nil {
		list.Items = append(list.Items, v)
		return
	}
	switch {
	case there:
		v = pyvalue.NewList(first, v)
	case several:
		v = pyvalue.NewList(v)
	}
	o.SetStr(key, v)
}

func findAttribute(t *wsdl.Type, name xml.Name) *wsdl.Attribute {
	for _, a := range t.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// isData reports an attribute that is not about XML itself.
func isData(name xml.Name) bool {
	return name.Space != "xmlns" && name.Space != nsXSI && !(name.Space == "" && name.Local == "xmlns")
}

func decodeText(s *wsdl.Simple, text string) pyvalue.Value {
	trimmed := strings.TrimSpace(text)
	switch {
	case s.Base == "boolean" && (trimmed == "true" || trimmed == "1"):
		return pyvalue.Bool(true)
	case s.Base == "boolean" && (trimmed == "false" || trimmed == "0"):
		return pyvalue.Bool(false)
	case s.IsNumber() && json.Valid([]byte(trimmed)):
		if n, err := pyvalue.Number(trimmed); err == nil {
			return n
		}
	}
	return pyvalue.Str(text)
}

// decodeLoose reads what no schema describes.
func decodeLoose(t *Tree) pyvalue.Value {
	o := pyvalue.NewDict()
	for _, a := range t.Attrs {
		if isData(a.Name) {
			o.SetStr(a.Name.Local, pyvalue.Str(a.Value))
		}
	}
	for _, c := range t.Children {
		add(o, c.Name.Local, decodeLoose(c), false)
	}
	if o.Len() == 0 {
		return pyvalue.Str(t.Text)
	}
	if len(t.Children) == 0 {
		o.SetStr("_value_1", pyvalue.Str(t.Text))
	}
	return o.Value()
}
