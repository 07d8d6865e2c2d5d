package rossum

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/loggable"
)

// slabSize is how many nodes are allocated at a time, at the most: a wide table
// has tens of thousands of them, a small invoice a few dozen.
const slabSize = 512

func (c *Content) newNode() *Node {
	if len(c.slab) == 0 {
		c.slab = make([]Node, max(16, min(slabSize, len(c.data)/600)))
	}
	n := &c.slab[0]
	c.slab = c.slab[1:]
	n.tree = c
	c.nodes++
	return n
}

// newMatches makes the list of the nodes with a schema_id, of which there is none yet.
func (c *Content) newMatches(schemaID string) *matches {
	if len(c.lists) == 0 {
		c.lists = make([]matches, 16)
	}
	m := &c.lists[0]
	c.lists = c.lists[1:]
	m.schemaID, m.nodes = schemaID, m.first[:0]
	return m
}

// parse reads the list of sections at the scanner's position.
func (c *Content) parse(s *scanner, place string) error {
	return s.array(func(i int) error {
		n, err := c.parseNode(s, nil, i, place)
		if err != nil {
			return err
		}
		if n.category != CategorySection {
			return n.fault(place, "is a "+n.category.String()+", expected a section")
		}
		c.sections = append(c.sections, n)
		return nil
	})
}

// parseNode reads one node with everything below it. Places are put together
// only for an error, since a tree may have a hundred thousand nodes.
func (c *Content) parseNode(s *scanner, parent *Node, index int, root string) (*Node, error) {
	n := c.newNode()
	n.parent, n.index = parent, index
	n.raw.from = s.pos
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		return nil, n.fault(root, "is not an object")
	}
	var id, schemaID span
	var seen nodeKeys
	err := s.object(func(key span) error {
		var err error
		name := s.name(key)
		if !seen.add(name) {
			// Readers of JSON differ in which of the two they take.
			return n.fault(root, "duplicate key "+name)
		}
		switch name {
		case `"id"`:
			id, err = s.skip()
		case `"schema_id"`:
			schemaID, err = s.skip()
		case `"category"`:
			var v span
			if v, err = s.skip(); err == nil {
				err = n.setCategory(s, v, root)
			}
		case `"children"`:
			err = c.parseChildren(s, n, root)
		case `"content"`:
			err = n.parseDatapoint(s, root)
		case `"hidden"`:
			var v span
			v, err = s.skip()
			n.hidden = err == nil && s.data[v.from] == 't'
		case `"options"`:
			n.options, err = s.skip()
		default:
			_, err = s.skip()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	n.raw.to = s.pos
	n.came |= seen &^ contentKeys
	return n, c.identify(n, id, schemaID, root)
}

// nodeKeys is the set of the keys of a node that have been read.
type nodeKeys uint16

// Keys that are asked for later; the last two are those of the content of a datapoint.
// Above them stands which of those two came as null.
const (
	childrenKey    nodeKeys = 8
	contentKey     nodeKeys = 16
	valueKey       nodeKeys = 128
	normalizedKey  nodeKeys = 256
	contentKeys             = valueKey | normalizedKey
	nullValue      nodeKeys = 512
	nullNormalized nodeKeys = 1024
)

// bit is that of a key that the package reads, 0 for others.
func bit(name string) nodeKeys {
	switch name {
	case `"id"`:
		return 1
	case `"schema_id"`:
		return 2
	case `"category"`:
		return 4
	case `"children"`:
		return childrenKey
	case `"content"`:
		return contentKey
	case `"hidden"`:
		return 32
	case `"options"`:
		return 64
	case `"value"`:
		return valueKey
	case `"normalized_value"`:
		return normalizedKey
	}
	return 0
}

// add reports false for a key that stands in the set already. Keys that the
// package does not read are not its business.
func (k *nodeKeys) add(name string) bool {
	bit := bit(name)
	twice := *k&bit != 0
	*k |= bit
	return !twice
}

func (n *Node) setCategory(s *scanner, v span, root string) error {
	name := s.data[v.from:v.to]
	if len(name) < 2 || name[0] != '"' {
		return n.fault(root, "category is not a string")
	}
	category, ok := categoryOf(name[1 : len(name)-1])
	if !ok {
		return n.fault(root, "unknown category "+string(name))
	}
	n.category = category
	return nil
}

func (c *Content) parseChildren(s *scanner, n *Node, root string) error {
	if s.pos < len(s.data) && s.data[s.pos] == 'n' {
		return s.literal("null")
	}
	if s.pos >= len(s.data) || s.data[s.pos] != '[' {
		return n.fault(root, "children is not a list")
	}
	if n.parent != nil && n.parent.category == CategoryMultivalue {
		// Rows of a table have as many cells as the row before.
		if rows := n.parent.children; len(rows) > 0 {
			n.children = make([]*Node, 0, len(rows[0].children))
		}
	} else {
		n.children = make([]*Node, 0, 8) // of a section or a table
	}
	return s.array(func(i int) error {
		child, err := c.parseNode(s, n, i, root)
		if err != nil {
			return err
		}
		n.children = append(n.children, child)
		return nil
	})
}

// parseDatapoint notes where value and normalized_value of a content object stand.
func (n *Node) parseDatapoint(s *scanner, root string) error {
	n.content.from = s.pos
	if s.pos < len(s.data) && s.data[s.pos] == 'n' {
		n.content = span{}
		return s.literal("null")
	}
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		return n.fault(root, "content is not an object")
	}
	var seen nodeKeys
	err := s.object(func(key span) error {
		name := s.name(key)
		if !seen.add(name) {
			return n.fault(root, "duplicate key "+name+" of the content")
		}
		v, err := s.skip()
		switch name {
		case `"value"`:
			n.value = s.text(v, &n.came, nullValue)
		case `"normalized_value"`:
			n.normalized = s.text(v, &n.came, nullNormalized)
		}
		return err
	})
	n.content.to = s.pos
	n.came |= seen & contentKeys
	return err
}

// text leaves out a text without characters, and null, which it notes: nobody has to look
// for them in the payload, since most of the fields of a document are empty.
func (s *scanner) text(v span, came *nodeKeys, null nodeKeys) span {
	switch n := v.to - v.from; {
	case n == len(`""`) && s.data[v.from] == '"':
		return span{}
	case n == len("null") && s.data[v.from] == 'n':
		*came |= null
		return span{}
	}
	return v
}

// identify checks id and schema_id and enters the node into the indexes.
func (c *Content) identify(n *Node, id, schemaID span, root string) error {
	if n.category == 0 {
		return n.fault(root, "no category")
	}
	if !id.present() {
		return n.fault(root, "no id")
	}
	number, err := strconv.ParseInt(view(c.data[id.from:id.to]), 10, 64)
	if err != nil {
		return n.fault(root, "id "+string(c.data[id.from:id.to])+" is not an integer")
	}
	if number <= 0 {
		// 0 stands for a node that the platform has not numbered yet.
		return n.fault(root, "id "+strconv.FormatInt(number, 10)+" is not positive")
	}
	n.id = number
	if other := c.byID[number]; other != nil {
		return n.fault(root, "id "+strconv.FormatInt(number, 10)+" is also the id of "+other.place(root))
	}
	c.byID[number] = n
	if !schemaID.present() || c.data[schemaID.from] != '"' || schemaID.to-schemaID.from == 2 {
		return n.fault(root, "no schema_id")
	}
	c.enter(n, c.data[schemaID.from:schemaID.to])
	return nil
}

// enter sets the node's schema_id and indexes it. The lookup by the raw
// literal finds every id after the first without decoding it again.
func (c *Content) enter(n *Node, literal []byte) {
	m := c.bySchema[view(literal[1:len(literal)-1])]
	if m == nil || bytes.IndexByte(literal, '\\') >= 0 {
		name := unquote(literal)
		if m = c.bySchema[name]; m == nil {
			m = c.newMatches(name)
			c.bySchema[name] = m
		}
	}
	n.schemaID = m.schemaID
	if len(m.nodes) == 1 {
		m.nodes = slices.Grow(m.nodes, 7) // it is a column, of which there are more
	}
	m.nodes = append(m.nodes, n)
}

// fault says what is wrong with the node. The words may have parts of the payload in them.
func (n *Node) fault(root, msg string) error {
	return &ContentError{Place: n.place(root), Msg: loggable.Text(msg)}
}

// place says where the node stands, such as content[0].children[3].
func (n *Node) place(root string) string {
	index := "[" + strconv.Itoa(n.index) + "]"
	if n.parent == nil {
		return root + index
	}
	return n.parent.place(root) + ".children" + index
}
