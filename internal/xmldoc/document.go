package xmldoc

import "unsafe"

// Kind says what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Root Kind = iota // the document itself
	Element
	Attribute
	Text // character data, CDATA included; never two in a row
	Comment
	Instruction
)

// ID names a node of a document. IDs are ordered as the document is: an element,
// its attributes, its children. The root is 0.
type ID int32

// None is no node.
const None ID = -1

// Name is the name of an element, an attribute or, in Local, the target of an
// instruction.
type Name struct{ Space, Prefix, Local string }

// Document is a parsed document. It does not change, and may be used by several
// goroutines.
type Document struct {
	nodes pages
	names []Name
	text  string // of all text nodes, in order
	other string // values of attributes, comments and instructions, in order
	// prefixes are those that the document declares, with the namespace each has
	// where it is declared first.
	prefixes map[string]string
	declared []declared // in the order of the elements
}

type node struct {
	is       uint32 // the kind, and the number of the name above it
	parent   ID
	prev     ID // sibling, None for the first child; of the first attribute, the node after the last one
	end      ID // the node after the last descendant
	from, to uint32
}

const (
	kindBits = 3
	noName   = 0
)

// pageBits says how many nodes a page has.
const pageBits = 13

// pages are a list of nodes that grows without being copied.
type pages [][]node

func (p pages) get(n ID) *node { return &p[n>>pageBits][n&(1<<pageBits-1)] }

func (p pages) len() int {
	if len(p) == 0 {
		return 0
	}
	return (len(p)-1)<<pageBits + len(p[len(p)-1])
}

// cost is how many bytes the list takes.
func (p pages) cost() int64 { return int64(p.len()) * int64(unsafe.Sizeof(node{})) }

func (p *pages) add(n node) {
	last := len(*p) - 1
	switch {
	case last < 0:
		*p = append(*p, nil)
		last = 0
	case len((*p)[last]) == 1<<pageBits:
		*p = append(*p, make([]node, 0, 1<<pageBits))
		last++
	}
	(*p)[last] = append((*p)[last], n)
}

// Len returns the number of nodes; every ID is smaller.
func (d *Document) Len() int { return d.nodes.len() }

// Kind returns what a node is.
func (d *Document) Kind(n ID) Kind { return Kind(d.nodes.get(n).is & (1<<kindBits - 1)) }

// Name returns the name of a node, the zero Name if it has none.
func (d *Document) Name(n ID) Name {
	if i := d.nodes.get(n).is >> kindBits; i != noName {
		return d.names[i-1]
	}
	return Name{}
}

// Parent returns the parent of a node, None for the root. The parent of an
// attribute is its element.
func (d *Document) Parent(n ID) ID { return d.nodes.get(n).parent }

// End returns the ID after the last descendant of a node.
func (d *Document) End(n ID) ID { return d.nodes.get(n).end }

// Attributes returns the first attribute of an element and the ID after the last
// one.
func (d *Document) Attributes(n ID) (from, to ID) {
	from = n + 1
	if from < d.nodes.get(n).end && d.Kind(from) == Attribute {
		return from, d.nodes.get(from).prev
	}
	return from, from
}

// FirstChild returns the first child of a node, None if there is none.
func (d *Document) FirstChild(n ID) ID {
	if k := d.Kind(n); k != Element && k != Root {
		return None
	}
	_, first := d.Attributes(n)
	if first == d.nodes.get(n).end {
		return None
	}
	return first
}

// Next returns the sibling after a node, None if there is none.
func (d *Document) Next(n ID) ID {
	at := d.nodes.get(n)
	if d.Kind(n) == Attribute || at.parent == None || at.end == d.nodes.get(at.parent).end {
		return None
	}
	return at.end
}

// Previous returns the sibling before a node, None if there is none.
func (d *Document) Previous(n ID) ID {
	if d.Kind(n) == Attribute {
		return None
	}
	return d.nodes.get(n).prev
}

// Value returns the string-value of a node, as XPath defines it: of an element the
// text of all its descendants.
func (d *Document) Value(n ID) string {
	at := d.nodes.get(n)
	switch d.Kind(n) {
	case Root, Element, Text:
		return d.text[at.from:at.to]
	}
	return d.other[at.from:at.to]
}

// RootElement returns the outermost element.
func (d *Document) RootElement() ID {
	for n := d.FirstChild(0); n != None; n = d.Next(n) {
		if d.Kind(n) == Element {
			return n
		}
	}
	return None
}

// Namespace returns the namespace that a prefix has where the document declares it
// first.
func (d *Document) Namespace(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlSpace, true
	}
	space, ok := d.prefixes[prefix]
	return space, ok
}
