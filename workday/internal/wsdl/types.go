package wsdl

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
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
	switch {
	case errors.Is(err, errNested): // which names the innermost of too many
		return nil, err
	case err != nil:
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
	if err := d.hold(len(base.Attributes)); err != nil {
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
		if t.Content != nil {
			err = d.hold(len(t.Content.Children))
		}
		if err != nil {
			return err
		}
		t.Mixed = t.Mixed || base.Mixed
	}
	return d.attributesOf(t, n, s)
}
