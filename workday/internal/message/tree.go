package message

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/treelimit"
	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// Tree is an element of a reply. The zero Tree is no element, and has nothing in it.
type Tree struct {
	doc *xmldoc.Document
	id  xmldoc.ID
}

// Errors of [ParseTree].
var (
	ErrNotXML  = errors.New("the reply is not XML")
	ErrDoctype = errors.New("the reply has a DOCTYPE, which is refused")
)

// ParseTree reads a reply. It ends with the context, and with a [*treelimit.Error] where
// the tree would be too large. Entities other than the five of XML are errors.
func ParseTree(ctx context.Context, data []byte) (Tree, error) {
	doc, err := xmldoc.ParsePlain(ctx, data)
	var large *treelimit.Error
	switch {
	case err == nil:
		return Tree{doc, doc.RootElement()}, nil
	case ctx.Err() != nil:
		return Tree{}, context.Cause(ctx)
	case errors.As(err, &large):
		return Tree{}, err
	case errors.Is(err, xmldoc.ErrDoctype):
		return Tree{}, ErrDoctype
	}
	return Tree{}, fmt.Errorf("%w: %w", ErrNotXML, err)
}

// Exists reports whether there is such an element.
func (t Tree) Exists() bool { return t.doc != nil }

// Name returns the name of the element.
func (t Tree) Name() xml.Name { return t.nameOf(t.id) }

func (t Tree) nameOf(id xmldoc.ID) xml.Name {
	name := t.doc.Name(id)
	return xml.Name{Space: name.Space, Local: name.Local}
}

// Attributes are the attributes of the element, without those that declare namespaces.
func (t Tree) Attributes() iter.Seq[xml.Attr] {
	return func(yield func(xml.Attr) bool) {
		for at, to := t.doc.Attributes(t.id); at < to; at++ {
			if !yield(xml.Attr{Name: t.nameOf(at), Value: t.doc.Value(at)}) {
				return
			}
		}
	}
}

// Children are the elements directly within. A [Tree] that does not exist has none.
func (t Tree) Children() iter.Seq[Tree] {
	return func(yield func(Tree) bool) {
		if t.doc == nil {
			return
		}
		for n := t.doc.FirstChild(t.id); n != xmldoc.None; n = t.doc.Next(n) {
			if t.doc.Kind(n) == xmldoc.Element && !yield(Tree{t.doc, n}) {
				return
			}
		}
	}
}

// FirstChild returns the first element directly within.
func (t Tree) FirstChild() Tree {
	for c := range t.Children() {
		return c
	}
	return Tree{}
}

// Text returns all character data directly within.
func (t Tree) Text() string {
	var found string
	for n := t.doc.FirstChild(t.id); n != xmldoc.None; n = t.doc.Next(n) {
		if t.doc.Kind(n) != xmldoc.Text {
			continue
		}
		if found != "" {
			return t.manyTexts()
		}
		found = t.doc.Value(n)
	}
	return found
}

// manyTexts is the text between several elements or comments.
func (t Tree) manyTexts() string {
	var b strings.Builder
	for n := t.doc.FirstChild(t.id); n != xmldoc.None; n = t.doc.Next(n) {
		if t.doc.Kind(n) == xmldoc.Text {
			b.WriteString(t.doc.Value(n))
		}
	}
	return b.String()
}

// Child returns the first child with the local name.
func (t Tree) Child(local string) Tree {
	for c := range t.Children() {
		if c.Name().Local == local {
			return c
		}
	}
	return Tree{}
}

// ChildText returns the trimmed text of the first child with the local name.
func (t Tree) ChildText(local string) string {
	if c := t.Child(local); c.Exists() {
		return strings.TrimSpace(c.Text())
	}
	return ""
}

// Attr returns the value of the attribute with the local name, "" if there is none.
func (t Tree) Attr(local string) string {
	for a := range t.Attributes() {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// Find returns all elements with the local name, t and everything below it.
func (t Tree) Find(local string) iter.Seq[Tree] {
	return func(yield func(Tree) bool) {
		if t.doc == nil {
			return
		}
		for n := t.id; n < t.doc.End(t.id); n++ {
			if t.doc.Kind(n) == xmldoc.Element && t.doc.Name(n).Local == local && !yield(Tree{t.doc, n}) {
				return
			}
		}
	}
}
