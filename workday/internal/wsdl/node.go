package wsdl

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Namespaces.
const (
	nsXSD    = "http://www.w3.org/2001/XMLSchema"
	nsWSDL   = "http://schemas.xmlsoap.org/wsdl/"
	nsSOAP11 = "http://schemas.xmlsoap.org/wsdl/soap/"
	nsXML    = "http://www.w3.org/XML/1998/namespace"
)

// scope maps prefixes to namespaces, the inner ones first.
type scope struct {
	outer *scope
	names map[string]string
}

// with returns the scope of an element that has the given attributes.
func (s *scope) with(attrs []xml.Attr) *scope {
	var names map[string]string
	for _, a := range attrs {
		prefix, declares := "", a.Name.Space == "xmlns"
		if declares {
			prefix = a.Name.Local
		} else if a.Name.Space == "" && a.Name.Local == "xmlns" {
			declares = true
		}
		if declares {
			if names == nil {
				names = make(map[string]string)
			}
			names[prefix] = a.Value
		}
	}
	if names == nil {
		return s
	}
	return &scope{s, names}
}

func (s *scope) lookup(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for in := s; in != nil; in = in.outer {
		if space, ok := in.names[prefix]; ok {
			return space, true
		}
	}
	return "", prefix == ""
}

// resolve turns a name with a prefix into one with its namespace.
func (s *scope) resolve(raw xml.Name) xml.Name {
	space, ok := s.lookup(raw.Space)
	if !ok {
		space = "undeclared prefix " + raw.Space
	}
	return xml.Name{Space: space, Local: raw.Local}
}

// node is an element of the document.
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	scope    *scope
	children []*node
}

// attr returns an attribute without a namespace.
func (n *node) attr(name string) string {
	v, _ := n.lookup(name)
	return v
}

func (n *node) lookup(name string) (string, bool) {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

// qname resolves an attribute that holds a name; the zero name if it is missing.
func (n *node) qname(attr string) (xml.Name, error) {
	value := strings.TrimSpace(n.attr(attr))
	if value == "" {
		return xml.Name{}, nil
	}
	prefix, local, ok := strings.Cut(value, ":")
	if !ok {
		prefix, local = "", value
	}
	space, ok := n.scope.lookup(prefix)
	if !ok {
		return xml.Name{}, fmt.Errorf("%s=%q: the prefix %q is not declared", attr, value, prefix)
	}
	return xml.Name{Space: space, Local: local}, nil
}

// is reports whether the node is an element of XML Schema with one of the names.
func (n *node) is(names ...string) bool {
	if n.name.Space != nsXSD {
		return false
	}
	for _, name := range names {
		if n.name.Local == name {
			return true
		}
	}
	return false
}

// child returns the first child of XML Schema with one of the names, nil if there
// is none.
func (n *node) child(names ...string) *node {
	for _, c := range n.children {
		if c.is(names...) {
			return c
		}
	}
	return nil
}

func (n *node) all(name xml.Name) []*node {
	var found []*node
	for _, c := range n.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// parseNode reads the element that data begins with. The indexer has seen that its tags
// match.
func parseNode(data []byte, s *scope) (*node, error) {
	x := &scanner{data: data}
	var root *node
	var open []*node
	for {
		found, err := x.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if found.end && root == nil {
			return nil, errTag // of a damaged cache
		}
		if !found.end {
			start, err := x.start(found)
			if err != nil {
				return nil, err
			}
			n := &node{attrs: start.Attr, scope: s}
			if len(open) > 0 {
				parent := open[len(open)-1]
				n.scope = parent.scope
				parent.children = append(parent.children, n)
			} else {
				root = n
			}
			n.scope = n.scope.with(n.attrs)
			n.name = n.scope.resolve(start.Name)
			open = append(open, n)
		}
		if found.end || found.empty {
			if open = open[:len(open)-1]; len(open) == 0 {
				return root, nil
			}
		}
	}
}
