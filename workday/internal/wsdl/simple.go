package wsdl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Simple is the type of a text.
type Simple struct {
	// Base is the local name of the built-in type that it is derived from, such as
	// "decimal"; "" for a list or union.
	Base  string
	Item  *Simple   // of a list
	Union []*Simple // one of which the text must fit
	parts int       // types that a text is held against: those of the union, of its unions, and so on

	facets
}

// facets are what restrictions say. Those of several steps all hold.
type facets struct {
	enumeration                  []string
	patterns                     [][]*pattern // of each step one must fit
	length, minLength, maxLength *int
	totalDigits, fractionDigits  *int
	minInclusive, maxInclusive   *string
	minExclusive, maxExclusive   *string
}

// MaxLength returns the largest number of characters, -1 if there is no bound.
func (s *Simple) MaxLength() int {
	if s.maxLength == nil {
		return -1
	}
	return *s.maxLength
}

// simple understands an xsd:simpleType.
func (d *Document) simple(n *node, s *schema) (*Simple, error) {
	derived := n.child("restriction", "list", "union")
	if derived == nil {
		return nil, fmt.Errorf("a simpleType has no restriction, list or union")
	}
	switch derived.name.Local {
	case "list":
		item, err := d.simpleOf(derived, "itemType", s)
		if err != nil {
			return nil, err
		}
		return &Simple{Item: item, parts: item.parts}, nil
	case "union":
		return d.union(derived, s)
	}
	base, err := d.simpleOf(derived, "base", s)
	if err != nil {
		return nil, err
	}
	return d.restrict(base, derived, s)
}

// simpleOf returns the simple type that an attribute of n names, or the anonymous
// one within n.
func (d *Document) simpleOf(n *node, attr string, s *schema) (*Simple, error) {
	name, err := n.qname(attr)
	if err != nil {
		return nil, err
	}
	if name.Local == "" {
		inline := n.child("simpleType")
		if inline == nil {
			return nil, fmt.Errorf("%s has no %s", n.name.Local, attr)
		}
		return d.simple(inline, s)
	}
	t, err := d.typeNamed(name)
	if err != nil {
		return nil, err
	}
	if t.Simple == nil {
		return nil, fmt.Errorf("%s is not a simple type", name.Local)
	}
	return t.Simple, nil
}

func (d *Document) union(n *node, s *schema) (*Simple, error) {
	u := &Simple{}
	for _, member := range strings.Fields(n.attr("memberTypes")) {
		alone := &node{name: n.name, scope: n.scope}
		alone.attrs = append(alone.attrs, attribute("member", member))
		t, err := d.simpleOf(alone, "member", s)
		if err != nil {
			return nil, err
		}
		if err := u.add(t); err != nil {
			return nil, err
		}
	}
	for _, c := range n.children {
		if c.is("simpleType") {
			t, err := d.simple(c, s)
			if err != nil {
				return nil, err
			}
			if err := u.add(t); err != nil {
				return nil, err
			}
		}
	}
	if len(u.Union) == 0 {
		return nil, fmt.Errorf("a union has no members")
	}
	return u, nil
}

// add adds a member to a union. A union that has another one twice, which has another one twice,
// would be held against a text without an end.
func (s *Simple) add(member *Simple) error {
	if s.parts += max(1, member.parts); s.parts > maxUnion {
		return fmt.Errorf("a union has more than %d types within one another", maxUnion)
	}
	s.Union = append(s.Union, member)
	return nil
}

// restrict applies the facets of n to a type. Within a simpleContent, n may also
// name the type that it begins with.
func (d *Document) restrict(base *Simple, n *node, s *schema) (*Simple, error) {
	if inline := n.child("simpleType"); inline != nil {
		var err error
		if base, err = d.simple(inline, s); err != nil {
			return nil, err
		}
	}
	r := *base
	r.patterns = slices.Clone(base.patterns)
	var values []string
	var step []*pattern
	for _, c := range n.children {
		value := c.attr("value")
		switch {
		case c.is("enumeration"):
			values = append(values, value)
		case c.is("pattern"):
			step = append(step, compilePattern(value))
		case c.is("length", "minLength", "maxLength", "totalDigits", "fractionDigits"):
			number, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil || number < 0 {
				return nil, fmt.Errorf("%s=%q is not a number", c.name.Local, value)
			}
			*r.number(c.name.Local) = &number
		case c.is("minInclusive", "maxInclusive", "minExclusive", "maxExclusive"):
			*r.bound(c.name.Local) = &value
		}
	}
	if values != nil {
		r.enumeration = values
	}
	if step != nil {
		r.patterns = append(r.patterns, step)
	}
	return &r, nil
}

func (f *facets) number(name string) **int {
	switch name {
	case "length":
		return &f.length
	case "minLength":
		return &f.minLength
	case "maxLength":
		return &f.maxLength
	case "totalDigits":
		return &f.totalDigits
	}
	return &f.fractionDigits
}

func (f *facets) bound(name string) **string {
	switch name {
	case "minInclusive":
		return &f.minInclusive
	case "maxInclusive":
		return &f.maxInclusive
	case "minExclusive":
		return &f.minExclusive
	}
	return &f.maxExclusive
}
