package rossum

import (
	"encoding/json"
	"iter"
)

// Node is one node of the content tree: a section, a multivalue, a tuple or a
// datapoint. Reading may be shared between goroutines; changing may not.
type Node struct {
	// What reading and writing a value needs stands together: formulas go over a table
	// column by column, and so over all of its nodes each time.
	tree       *Content
	parent     *Node
	change     *change
	value      span // in the payload, absent for one that is empty or null
	normalized span
	category   Category
	hidden     bool
	resized    bool     // a child was removed in this run
	came       nodeKeys // with the node and its content

	schemaID string
	id       int64
	children []*Node
	raw      span // the node's own object in the payload
	content  span
	options  span
	index    int // among the siblings, as it came
}

// ID returns the node's id, 0 for a node that was added in this run and that
// the platform has not numbered yet.
func (n *Node) ID() int64 { return n.id }

// SchemaID returns the schema_id, the name by which settings address a field.
func (n *Node) SchemaID() string { return n.schemaID }

// Category returns the kind of the node.
func (n *Node) Category() Category { return n.category }

// Parent returns the node above, nil for a section.
func (n *Node) Parent() *Node { return n.parent }

// Children returns the nodes below: the fields of a section, the rows of a
// table, the cells of a row, the values of a simple multivalue. The slice
// belongs to the tree and must not be changed.
func (n *Node) Children() []*Node {
	if n.resized {
		if left := n.tree.shrunk[n]; left != nil {
			return left.of(n.children)
		}
	}
	return n.children
}

// Value returns the text of a datapoint as a person sees it, "" when it has
// none. Other nodes have no value.
func (n *Node) Value() string {
	if c := n.change; c != nil && c.hasValue {
		return c.value
	}
	return n.text(n.value)
}

// Normalized returns the datapoint's normalized_value: an ISO 8601 date, a
// plain decimal number. It is "" where the platform gave none, and after
// [Node.SetValue], since only the platform can normalise a new value.
func (n *Node) Normalized() string {
	if c := n.change; c != nil && c.hasValue {
		return c.normalized()
	}
	return n.text(n.normalized)
}

// Text returns [Node.Normalized] if it is not empty, else [Node.Value]. This is
// what templates and exports read.
func (n *Node) Text() string {
	if t := n.Normalized(); t != "" {
		return t
	}
	return n.Value()
}

func (n *Node) text(s span) string {
	if !s.present() {
		return ""
	}
	lit := n.tree.data[s.from:s.to]
	if lit[0] == '"' {
		return unquote(lit)
	}
	return view(lit) // a number or a boolean, which the API documents as text
}

// Hidden reports whether the field is hidden from the person who validates.
func (n *Node) Hidden() bool {
	if c := n.change; c != nil && c.hidden() != nil {
		return *c.hidden()
	}
	return n.hidden
}

// Options returns the choices of an enum datapoint as the JSON list that came
// with it, nil if none came.
func (n *Node) Options() json.RawMessage {
	if c := n.change; c != nil && c.options() != nil {
		return c.options()
	}
	if !n.options.present() {
		return nil
	}
	return json.RawMessage(n.tree.data[n.options.from:n.options.to])
}

// AppendJSON appends the node's JSON object, with the changes of this run.
func (n *Node) AppendJSON(dst []byte) ([]byte, error) { return n.appendJSON(dst) }

// Raw returns the node's JSON object as it came, without changes of this run;
// nil for an added node. It must not be changed.
func (n *Node) Raw() json.RawMessage {
	if !n.raw.present() {
		return nil
	}
	return json.RawMessage(n.tree.data[n.raw.from:n.raw.to])
}

// Find returns the nodes below this one that have the given schema_id, in the
// document's order; for a row, its cell.
func (n *Node) Find(schemaID string) []*Node {
	if n.category == CategoryTuple {
		if cell := n.Cell(schemaID); cell != nil {
			return []*Node{cell}
		}
		return nil
	}
	var found []*Node
	for _, m := range n.tree.Find(schemaID) {
		if m.under(n) {
			found = append(found, m)
		}
	}
	return found
}

func (n *Node) under(ancestor *Node) bool {
	for p := n.parent; p != nil; p = p.parent {
		if p == ancestor {
			return true
		}
	}
	return false
}

// Cell returns the child with the given schema_id, nil if there is none.
func (n *Node) Cell(schemaID string) *Node {
	for _, child := range n.Children() {
		if child.schemaID == schemaID {
			return child
		}
	}
	return nil
}

// Row returns the table row that the node stands in, nil outside of tables.
// The row of a tuple is the tuple itself.
func (n *Node) Row() *Node {
	for p := n; p != nil; p = p.parent {
		if p.category == CategoryTuple {
			return p
		}
	}
	return nil
}

// IsTable reports whether the node is a multivalue whose children are rows. An
// empty multivalue is not a table as far as the content can tell.
func (n *Node) IsTable() bool {
	if n.category != CategoryMultivalue {
		return false
	}
	children := n.Children()
	return len(children) > 0 && children[0].category == CategoryTuple
}

// All yields the node itself and everything below it, parents first.
func (n *Node) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) { n.walk(yield) }
}

func (n *Node) walk(yield func(*Node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, child := range n.Children() {
		if !child.walk(yield) {
			return false
		}
	}
	return true
}
