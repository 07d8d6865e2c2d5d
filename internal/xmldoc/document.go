package xmldoc

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
	nodes []node
	names []Name
	text  string // of all text nodes, in order
	other string // values of attributes, comments and instructions, in order
	// prefixes are those that the document declares, with the namespace each has
	// where it is declared first.
	prefixes map[string]string
}

type node struct {
	kind     Kind
	name     int32
	parent   ID
	prev     ID // sibling, None for the first child
	end      ID // the node after the last descendant
	from, to uint32
}

// Len returns the number of nodes; every ID is smaller.
func (d *Document) Len() int { return len(d.nodes) }

// Kind returns what a node is.
func (d *Document) Kind(n ID) Kind { return d.nodes[n].kind }

// Name returns the name of a node, the zero Name if it has none.
func (d *Document) Name(n ID) Name {
	if i := d.nodes[n].name; i >= 0 {
		return d.names[i]
	}
	return Name{}
}

// Parent returns the parent of a node, None for the root. The parent of an
// attribute is its element.
func (d *Document) Parent(n ID) ID { return d.nodes[n].parent }

// End returns the ID after the last descendant of a node.
func (d *Document) End(n ID) ID { return d.nodes[n].end }

// Attributes returns the first attribute of an element and the ID after the last
// one.
func (d *Document) Attributes(n ID) (from, to ID) {
	from = n + 1
	for to = from; to < d.nodes[n].end && d.nodes[to].kind == Attribute; to++ {
	}
	return from, to
}

// FirstChild returns the first child of a node, None if there is none.
func (d *Document) FirstChild(n ID) ID {
	if k := d.nodes[n].kind; k != Element && k != Root {
		return None
	}
	_, first := d.Attributes(n)
	if first == d.nodes[n].end {
		return None
	}
	return first
}

// Next returns the sibling after a node, None if there is none.
func (d *Document) Next(n ID) ID {
	at := &d.nodes[n]
	if at.kind == Attribute || at.parent == None || at.end == d.nodes[at.parent].end {
		return None
	}
	return at.end
}

// Previous returns the sibling before a node, None if there is none.
func (d *Document) Previous(n ID) ID { return d.nodes[n].prev }

// Value returns the string-value of a node, as XPath defines it: of an element the
// text of all its descendants.
func (d *Document) Value(n ID) string {
	at := &d.nodes[n]
	switch at.kind {
	case Root, Element, Text:
		return d.text[at.from:at.to]
	}
	return d.other[at.from:at.to]
}

// RootElement returns the outermost element.
func (d *Document) RootElement() ID {
	for n := d.FirstChild(0); n != None; n = d.Next(n) {
		if d.nodes[n].kind == Element {
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
