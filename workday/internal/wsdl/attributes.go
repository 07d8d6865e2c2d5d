package wsdl

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
)

// attributesOf adds the attributes that n declares to those that t has of its
// base; one of the same name takes the place of the other.
func (d *Document) attributesOf(t *Type, n *node, s *schema) error {
	if err := d.addAttributes(t, n, s); err != nil {
		return err
	}
	elements := make(map[string]bool)
	if t.Content != nil {
		for _, key := range t.Content.Keys() {
			elements[key] = true
		}
	}
	for i, a := range t.Attributes {
		key := a.Name.Local
		if elements[key] {
			key = "attr__" + key // the name is taken by an element
		}
		if key != a.Key {
			again := *a // of the base, or of a global attribute
			again.Key = key
			t.Attributes[i] = &again
		}
	}
	return nil
}

func (d *Document) addAttributes(t *Type, n *node, s *schema) error {
	for _, c := range n.children {
		var err error
		switch {
		case c.is("attribute"):
			err = d.addAttribute(t, c, s)
		case c.is("attributeGroup"):
			err = d.addAttributeGroup(t, c)
		case c.is("anyAttribute"):
			t.AnyAttribute = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Document) addAttribute(t *Type, n *node, s *schema) error {
	a, err := d.attribute(n, s)
	if err != nil {
		return err
	}
	same := slices.IndexFunc(t.Attributes, func(other *Attribute) bool { return other.Name == a.Name })
	switch {
	case n.attr("use") == "prohibited":
		if same >= 0 {
			t.Attributes = slices.Delete(t.Attributes, same, same+1)
		}
	case same >= 0:
		t.Attributes[same] = a
	case len(t.Attributes) >= maxAttributes:
		return fmt.Errorf("a type has more than %d attributes", maxAttributes)
	default:
		t.Attributes = append(t.Attributes, a)
	}
	return nil
}

func (d *Document) addAttributeGroup(t *Type, n *node) error {
	name, err := n.qname("ref")
	if err != nil {
		return err
	}
	definition, s, err := d.lookup("attributeGroup", name)
	if err != nil {
		return err
	}
	leave, err := d.enter("attributeGroup", name)
	if err != nil {
		return err
	}
	defer leave()
	if err := d.expand(); err != nil {
		return err
	}
	return d.addAttributes(t, definition, s)
}

// attribute reads an attribute within a type.
func (d *Document) attribute(n *node, s *schema) (*Attribute, error) {
	ref, err := n.qname("ref")
	if err != nil {
		return nil, err
	}
	if ref.Local != "" {
		return d.attributeRef(n, ref)
	}
	a := &Attribute{Name: xml.Name{Local: n.attr("name")}}
	if a.Name.Local == "" {
		return nil, errors.New("an attribute has neither name nor ref")
	}
	if form, ok := n.lookup("form"); form == "qualified" || !ok && s.attributeQualified {
		a.Name.Space = s.target
	}
	return a, d.readAttribute(a, n, s)
}

func (d *Document) attributeRef(n *node, ref xml.Name) (*Attribute, error) {
	if ref.Space == nsXML {
		a := &Attribute{Name: ref, Type: builtinType("string").Simple}
		a.read(n)
		return a, nil
	}
	global := d.attributes[ref]
	if global == nil {
		definition, s, err := d.lookup("attribute", ref)
		if err != nil {
			return nil, err
		}
		global = &Attribute{Name: ref}
		if err := d.readAttribute(global, definition, s); err != nil {
			return nil, err
		}
		d.attributes[ref] = global
	}
	a := *global
	a.read(n)
	return &a, nil
}

func (a *Attribute) read(n *node) {
	if use, ok := n.lookup("use"); ok {
		a.Required = use == "required"
	}
	if v, ok := n.lookup("default"); ok {
		a.Default = &v
	}
	if v, ok := n.lookup("fixed"); ok {
		a.Fixed = &v
	}
}

func (d *Document) readAttribute(a *Attribute, n *node, s *schema) error {
	a.read(n)
	if inline := n.child("simpleType"); inline != nil {
		var err error
		a.Type, err = d.simple(inline, s)
		return err
	}
	name, err := n.qname("type")
	if err != nil {
		return err
	}
	if name.Local == "" {
		a.Type = builtinType("anySimpleType").Simple
		return nil
	}
	t, err := d.typeNamed(name)
	if err != nil {
		return fmt.Errorf("attribute %s: %w", a.Name.Local, err)
	}
	if t.Simple == nil {
		return fmt.Errorf("attribute %s: its type %s is not simple", a.Name.Local, name.Local)
	}
	a.Type = t.Simple
	return nil
}
