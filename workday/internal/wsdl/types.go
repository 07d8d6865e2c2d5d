package wsdl

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Unbounded is a Max without a bound.
const Unbounded = -1

// Element is an element declaration. Min and Max say how often it stands where it
// is used; a global one has 1 and 1.
type Element struct {
	Name     xml.Name // without a namespace if it is unqualified
	Min, Max int
	Nillable bool
	Default  *string // nil if there is none
	Fixed    *string

	doc      *Document
	schema   *schema
	ref      xml.Name // of a reference to a global element
	typeName xml.Name
	inline   *node // an anonymous type
	resolved atomic.Pointer[Type]
}

// Type returns the element's type. It is understood when it is first asked for;
// the error says what is wrong with its declaration.
func (e *Element) Type() (*Type, error) {
	if t := e.resolved.Load(); t != nil {
		return t, nil
	}
	e.doc.mu.Lock()
	defer e.doc.mu.Unlock()
	return e.typeLocked()
}

func (e *Element) typeLocked() (*Type, error) {
	if t := e.resolved.Load(); t != nil {
		return t, nil
	}
	var t *Type
	var err error
	switch {
	case e.ref.Local != "":
		var global *Element
		if global, err = e.doc.element(e.ref); err == nil {
			t, err = global.typeLocked()
		}
	case e.inline != nil:
		t, err = e.doc.buildType(e.inline, e.schema, xml.Name{})
	case e.typeName.Local != "":
		t, err = e.doc.typeNamed(e.typeName)
	default:
		t = builtinType("anyType")
	}
	if err != nil {
		return nil, fmt.Errorf("element %s: %w", e.Name.Local, err)
	}
	e.resolved.Store(t)
	return t, nil
}

// read takes in what an xsd:element says.
func (e *Element) read(n *node) error {
	e.Nillable = isTrue(n.attr("nillable"))
	if v, ok := n.lookup("default"); ok {
		e.Default = &v
	}
	if v, ok := n.lookup("fixed"); ok {
		e.Fixed = &v
	}
	var err error
	if e.typeName, err = n.qname("type"); err != nil {
		return err
	}
	e.inline = n.child("complexType", "simpleType")
	return nil
}

func isTrue(text string) bool { return text == "true" || text == "1" }

// Type is a simple or complex type.
type Type struct {
	Name xml.Name // zero for an anonymous type
	// Complex types have attributes and elements, or attributes and a text.
	Complex bool
	// Simple is the type of the text; nil for a type whose content is elements.
	Simple *Simple
	// Content is what elements there are; nil for none.
	Content      *Particle
	Attributes   []*Attribute
	AnyAttribute bool
	Abstract     bool
	Mixed        bool
	// Any is xsd:anyType, which may hold whatever there is.
	Any bool
}

// Attribute is an attribute declaration.
type Attribute struct {
	Name     xml.Name // without a namespace if it is unqualified
	Key      string   // by which a mapping gives it; see [Particle.Key]
	Type     *Simple
	Required bool
	Default  *string
	Fixed    *string
}

// ParticleKind says what a [Particle] is.
type ParticleKind uint8

// The kinds.
const (
	Single   ParticleKind = iota // an element
	Sequence                     // its children in their order
	Choice                       // one of its children
	All                          // its children in any order
	Any                          // an element that the schema does not name
)

// Particle is a part of a content model.
type Particle struct {
	Kind     ParticleKind
	Min, Max int
	Element  *Element    // of a Single
	Children []*Particle // of a Sequence, Choice or All
	// Key is the name by which a mapping gives the particle: the element's local
	// name, or "_value_1" and so on for what has no name and may be repeated. A
	// second element of one name in one content model is called name__1. "" means
	// that the children's keys stand beside those around the particle. These are
	// zeep's names, since mappings are written for it.
	Key string
}

// Repeated reports whether a particle may stand more than once.
func (p *Particle) Repeated() bool { return p.Max == Unbounded || p.Max > 1 }

// Keys lists the names by which a mapping can give what is in p.
func (p *Particle) Keys() []string {
	if p.Key != "" {
		return []string{p.Key}
	}
	var keys []string
	for _, c := range p.Children {
		keys = append(keys, c.Keys()...)
	}
	return keys
}

// nameChildren gives the children of p their keys.
func (p *Particle) nameChildren() {
	nameless, seen := 0, make(map[string]int)
	unique := func(name string) string {
		n, twice := seen[name]
		if !twice {
			seen[name] = 0
			return name
		}
		seen[name] = n + 1
		return name + "__" + strconv.Itoa(n+1)
	}
	for _, c := range p.Children {
		switch {
		case c.Kind == Single:
			c.Key = unique(c.Element.Name.Local)
		case c.Kind == Any || c.Repeated():
			nameless++
			c.Key = "_value_" + strconv.Itoa(nameless)
		default:
			for _, key := range c.Keys() {
				unique(key)
			}
		}
	}
}

// buildType understands an xsd:complexType or xsd:simpleType. The caller holds
// d.mu, as callers of everything below do.
func (d *Document) buildType(n *node, s *schema, name xml.Name) (*Type, error) {
	if n.is("simpleType") {
		simple, err := d.simple(n, s)
		return &Type{Name: name, Simple: simple}, err
	}
	t := &Type{Name: name, Complex: true, Abstract: isTrue(n.attr("abstract")), Mixed: isTrue(n.attr("mixed"))}
	if content := n.child("simpleContent", "complexContent"); content != nil {
		derived := content.child("extension", "restriction")
		if derived == nil {
			return nil, fmt.Errorf("%s has neither extension nor restriction", content.name.Local)
		}
		t.Mixed = t.Mixed || isTrue(content.attr("mixed"))
		return t, d.derive(t, derived, s, content.is("simpleContent"))
	}
	return t, errors.Join(d.content(t, n, s), d.attributesOf(t, n, s))
}

func (d *Document) typeNamed(name xml.Name) (*Type, error) {
	if t := d.types[name]; t != nil {
		return t, nil
	}
	if name.Space == nsXSD {
		if t := builtinType(name.Local); t != nil {
			d.types[name] = t
			return t, nil
		}
	}
	n, s, err := d.lookup("type", name)
	if err != nil {
		return nil, err
	}
	leave, err := d.enter("type", name)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := d.buildType(n, s, name)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", name.Local, err)
	}
	d.types[name] = t
	return t, nil
}

// derive makes t of a base type.
func (d *Document) derive(t *Type, n *node, s *schema, simpleContent bool) error {
	name, err := n.qname("base")
	if err != nil {
		return err
	}
	base, err := d.typeNamed(name)
	if err != nil {
		return err
	}
	t.Attributes = slices.Clone(base.Attributes)
	t.AnyAttribute = base.AnyAttribute
	if simpleContent {
		if base.Simple == nil {
			return fmt.Errorf("its base %s has no text", name.Local)
		}
		t.Simple = base.Simple
		if n.is("restriction") {
			if t.Simple, err = d.restrict(base.Simple, n, s); err != nil {
				return err
			}
		}
		return d.attributesOf(t, n, s)
	}
	if err := d.content(t, n, s); err != nil {
		return err
	}
	if n.is("extension") {
		t.Content = extended(base.Content, t.Content)
		t.Mixed = t.Mixed || base.Mixed
	}
	return d.attributesOf(t, n, s)
}

// extended puts a type's own content behind that of its base. Two sequences
// become one, so that names within them are counted together.
func extended(base, own *Particle) *Particle {
	switch {
	case base == nil:
		return own
	case own == nil:
		return base
	}
	joined := &Particle{Kind: Sequence, Min: 1, Max: 1}
	for _, p := range []*Particle{base, own} {
		if p.Kind == Sequence && p.Min == 1 && p.Max == 1 {
			joined.Children = append(joined.Children, p.Children...)
			continue
		}
		joined.Children = append(joined.Children, p)
	}
	for i, c := range joined.Children {
		again := *c // the base keeps its own names
		again.Key = ""
		joined.Children[i] = &again
	}
	joined.nameChildren()
	return joined
}

// content reads the content model that is a child of n, if there is one.
func (d *Document) content(t *Type, n *node, s *schema) error {
	model := n.child("sequence", "choice", "all", "group")
	if model == nil {
		return nil
	}
	p, err := d.particle(model, s)
	if err != nil || p == nil {
		return err
	}
	if p.Repeated() {
		p.Key = "_value_1"
	}
	t.Content = p
	return nil
}

// particle reads an element or a content model; nil for one that may stand no
// times.
func (d *Document) particle(n *node, s *schema) (*Particle, error) {
	p := &Particle{}
	var err error
	if p.Min, p.Max, err = occurs(n); err != nil || p.Max == 0 {
		return nil, err
	}
	switch n.name.Local {
	case "element":
		p.Kind = Single
		if p.Element, err = d.localElement(n, s); err != nil {
			return nil, err
		}
		p.Element.Min, p.Element.Max = p.Min, p.Max
		return p, nil
	case "any":
		p.Kind = Any
		return p, nil
	case "group":
		return d.group(n, p)
	case "sequence":
		p.Kind = Sequence
	case "choice":
		p.Kind = Choice
	case "all":
		p.Kind = All
	}
	for _, c := range n.children {
		if !c.is("element", "any", "group", "sequence", "choice", "all") {
			continue
		}
		child, err := d.particle(c, s)
		if err != nil {
			return nil, err
		}
		if child != nil {
			p.Children = append(p.Children, child)
		}
	}
	p.nameChildren()
	return p, nil
}

// group puts in what a reference to a group stands for.
func (d *Document) group(n *node, p *Particle) (*Particle, error) {
	name, err := n.qname("ref")
	if err != nil {
		return nil, err
	}
	definition, s, err := d.lookup("group", name)
	if err != nil {
		return nil, err
	}
	leave, err := d.enter("group", name)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := d.expand(); err != nil {
		return nil, err
	}
	model := definition.child("sequence", "choice", "all")
	if model == nil {
		return nil, fmt.Errorf("group %s is empty", name.Local)
	}
	inner, err := d.particle(model, s)
	if err != nil || inner == nil {
		return nil, err
	}
	if p.Min == 1 && p.Max == 1 {
		return inner, nil
	}
	if inner.Min == 1 && inner.Max == 1 {
		inner.Min, inner.Max = p.Min, p.Max
		return inner, nil
	}
	p.Kind, p.Children = Sequence, []*Particle{inner}
	p.nameChildren()
	return p, nil
}

func occurs(n *node) (least, most int, err error) {
	least, most = 1, 1
	if text, ok := n.lookup("minOccurs"); ok {
		if least, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || least < 0 {
			return 0, 0, fmt.Errorf("minOccurs=%q is not a number", text)
		}
	}
	text, ok := n.lookup("maxOccurs")
	switch {
	case strings.TrimSpace(text) == "unbounded":
		most = Unbounded
	case ok:
		if most, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || most < 0 {
			return 0, 0, fmt.Errorf("maxOccurs=%q is not a number", text)
		}
	}
	return least, most, nil
}

// localElement reads an element within a content model.
func (d *Document) localElement(n *node, s *schema) (*Element, error) {
	e := &Element{doc: d, schema: s}
	ref, err := n.qname("ref")
	if err != nil {
		return nil, err
	}
	if ref.Local != "" {
		global, err := d.element(ref)
		if err != nil {
			return nil, err
		}
		e.Name, e.ref, e.Nillable, e.Default, e.Fixed = ref, ref, global.Nillable, global.Default, global.Fixed
		return e, nil
	}
	name := n.attr("name")
	if name == "" {
		return nil, errors.New("an element has neither name nor ref")
	}
	e.Name = xml.Name{Local: name}
	if form, ok := n.lookup("form"); form == "qualified" || !ok && s.elementsQualified {
		e.Name.Space = s.target
	}
	return e, e.read(n)
}
