package message

import (
	"encoding/json"
	"encoding/xml"
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// Answer is an element of a reply, read as the schema wants it: what it holds is made when
// somebody asks for it.
type Answer struct {
	tree    Tree
	element *wsdl.Element // nil where no schema describes it
	schema  schema
}

// NewAnswer reads an element of a reply by its declaration, which may be nil.
func NewAnswer(e *wsdl.Element, t Tree) Answer { return Answer{t, e, make(schema)} }

// Decode makes a value of a reply: objects with attributes and elements by name,
// lists where the schema allows several, "_value_1" for the text beside
// attributes, booleans and numbers where the schema has them, numbers as they were
// spelt. What the schema does not know is kept as well. e may be nil.
func Decode(e *wsdl.Element, t Tree) pyvalue.Value { return NewAnswer(e, t).Decode() }

// schema has the elements that types declare, as far as somebody has asked for them.
type schema map[*wsdl.Type]map[string]declaredChild

type declaredChild struct {
	element *wsdl.Element
	several bool
}

func (s schema) children(t *wsdl.Type) map[string]declaredChild {
	known, ok := s[t]
	if !ok {
		known = make(map[string]declaredChild)
		collect(t.Content, false, known)
		s[t] = known
	}
	return known
}

// described returns the type of the element, nil if no schema describes it.
func (a Answer) described() *wsdl.Type {
	if a.element == nil {
		return nil
	}
	t, _ := a.element.Type() // an unreadable type is like none
	if t == nil || t.Any {
		return nil
	}
	return t
}

// isNil reports whether the reply says that the element has no value.
func (a Answer) isNil() bool { return a.tree.Attr("nil") == "true" }

// Name returns the local name of the element.
func (a Answer) Name() string { return a.tree.Name().Local }

// Children are the elements in the value of this one, in the order of the reply.
func (a Answer) Children() iter.Seq[Answer] {
	return func(yield func(Answer) bool) {
		if !a.tree.Exists() || a.isNil() {
			return
		}
		var known map[string]declaredChild
		if typ := a.described(); typ != nil {
			if !typ.Complex || typ.Simple != nil {
				return
			}
			known = a.schema.children(typ)
		}
		for c := range a.tree.Children() {
			if !yield(Answer{c, known[c.Name().Local].element, a.schema}) {
				return
			}
		}
	}
}

// Find calls f with the elements of a name that are in the value of this one, however deep,
// but not within each other.
func (a Answer) Find(local string, f func(Answer)) {
	for c := range a.Children() {
		if c.Name() == local {
			f(c)
		} else {
			c.Find(local, f)
		}
	}
}

// Decode makes a value of the element, as the function of that name does.
func (a Answer) Decode() pyvalue.Value {
	if !a.tree.Exists() {
		return pyvalue.NewDict().Value()
	}
	if a.isNil() {
		return pyvalue.None()
	}
	typ := a.described()
	if typ == nil {
		return decodeLoose(a.tree)
	}
	if !typ.Complex {
		return decodeText(typ.Simple, a.tree.Text())
	}
	o := pyvalue.NewDict()
	for one := range a.tree.Attributes() {
		if declaration := findAttribute(typ, one.Name); declaration != nil {
			o.SetStr(declaration.Key, decodeText(declaration.Type, one.Value))
		} else if isData(one.Name) {
			o.SetStr(one.Name.Local, pyvalue.Str(one.Value))
		}
	}
	if typ.Simple != nil {
		o.SetStr("_value_1", decodeText(typ.Simple, a.tree.Text()))
		return o.Value()
	}
	known := a.schema.children(typ)
	for c := range a.Children() {
		add(o, c.Name(), c.Decode(), known[c.Name()].several)
	}
	return o.Value()
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
func decodeLoose(t Tree) pyvalue.Value {
	o := pyvalue.NewDict()
	for a := range t.Attributes() {
		if isData(a.Name) {
			o.SetStr(a.Name.Local, pyvalue.Str(a.Value))
		}
	}
	simple := true
	for c := range t.Children() {
		simple = false
		add(o, c.Name().Local, decodeLoose(c), false)
	}
	if o.Len() == 0 {
		return pyvalue.Str(t.Text())
	}
	if simple {
		o.SetStr("_value_1", pyvalue.Str(t.Text()))
	}
	return o.Value()
}
