package message

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
)

// Tree is an element of a reply.
type Tree struct {
	Name     xml.Name
	Attrs    []xml.Attr
	Children []*Tree
	Text     string // all character data directly within
}

// Errors of [ParseTree].
var (
	ErrNotXML  = errors.New("the reply is not XML")
	ErrDoctype = errors.New("the reply has a DOCTYPE, which is refused")
	ErrDeep    = errors.New("the reply is nested too deeply")
)

// maxDepth bounds the nesting of a reply.
const maxDepth = 200

// Bytes that an element and an attribute of a tree cost, about.
const (
	costOfElement   = 160
	costOfAttribute = 96
)

// ParseTree reads a reply. It ends with the context, and with a [*treelimit.Error] where
// the tree would be too large. Entities other than the five of XML are errors.
func ParseTree(ctx context.Context, data []byte) (*Tree, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("its encoding is %q; only UTF-8 is read", charset)
	}
	var root *Tree
	var open []*Tree
	for cost, n := int64(0), 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := treelimit.Check(ctx, cost); err != nil {
			return nil, err
		}
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && root != nil && len(open) == 0:
			return root, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: %w", ErrNotXML, io.ErrUnexpectedEOF)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrNotXML, err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, ErrDoctype
		case xml.StartElement:
			cost += costOfElement + int64(len(t.Attr))*costOfAttribute
			if len(open) >= maxDepth {
				return nil, ErrDeep
			}
			n := &Tree{Name: t.Name, Attrs: t.Attr}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.Children = append(parent.Children, n)
			} else if root != nil {
				return nil, fmt.Errorf("%w: it has more than one root element", ErrNotXML)
			} else {
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].Text += string(t)
				cost += int64(len(t))
			}
		}
	}
}

// Child returns the first child with the local name, nil if there is none. It may
// be called on nil.
func (t *Tree) Child(local string) *Tree {
	if t == nil {
		return nil
	}
	for _, c := range t.Children {
		if c.Name.Local == local {
			return c
		}
	}
	return nil
}

// ChildText returns the trimmed text of the first child with the local name.
func (t *Tree) ChildText(local string) string {
	if c := t.Child(local); c != nil {
		return strings.TrimSpace(c.Text)
	}
	return ""
}

// Attr returns the value of the attribute with the local name, "" if there is none.
func (t *Tree) Attr(local string) string {
	for _, a := range t.Attrs {
		if a.Name.Local == local && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}

// Find returns all elements with the local name, t and everything below it.
func (t *Tree) Find(local string) []*Tree {
	if t == nil {
		return nil
	}
	var found []*Tree
	if t.Name.Local == local {
		found = append(found, t)
	}
	for _, c := range t.Children {
		found = append(found, c.Find(local)...)
	}
	return found
}
