package wsdl

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

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
		if child == nil {
			continue
		}
		if p.Children = append(p.Children, child); len(p.Children) > maxParts {
			break // which is an error
		}
	}
	if err := d.hold(len(p.Children)); err != nil {
		return nil, err
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
