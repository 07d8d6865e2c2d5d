package rossum

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Category is the kind of a [Node], as in the annotation content of Rossum's API.
type Category uint8

// The four categories of the content tree.
const (
	CategorySection    Category = iota + 1 // a top-level group of fields
	CategoryMultivalue                     // a repeated field, or a table
	CategoryTuple                          // a row of a table
	CategoryDatapoint                      // a field with a value
)

var categoryNames = [...]string{CategorySection: "section", CategoryMultivalue: "multivalue", CategoryTuple: "tuple", CategoryDatapoint: "datapoint"}

// String returns Rossum's name of the category.
func (c Category) String() string {
	if int(c) < len(categoryNames) && c > 0 {
		return categoryNames[c]
	}
	return fmt.Sprintf("category(%d)", uint8(c))
}

func categoryOf(name []byte) (Category, bool) {
	for c := CategorySection; c <= CategoryDatapoint; c++ {
		if string(name) == categoryNames[c] {
			return c, true
		}
	}
	return 0, false
}

// Content is the content tree of one annotation: sections, which hold fields,
// tables and repeated fields. It is indexed by schema_id and by id, and it
// remembers every change, so that [Content.Operations] can tell the platform.
//
// Reading may be shared between goroutines; changing may not.
type Content struct {
	data     []byte
	sections []*Node
	byID     map[int64]*Node
	bySchema map[string]*matches
	changed  []*Node // in the order of their first change

	writtenBytes int // of the values that were written

	slab  []Node
	lists []matches // that are not in use yet
	fresh []change  // that are not in use yet
	nodes int

	shrunk map[*Node]*left // the children of nodes from which some were removed

	// writtenIDs are the fields and tables that takeWritten has not told of.
	writtenIDs  map[string]bool
	writtenLast string // the one among them that was written last

	// childOf names the schema_id and category below a multivalue, from the schema
	// that came with the payload; nil if none did.
	childOf func(schemaID string) (string, Category)

	// before is called once, before the next change; nil for nothing. Those who only read
	// may set it at the same time.
	before atomic.Pointer[func()]

	// edits counts changes. recorded is what changes has returned, when there were
	// recordedAt of them, to recordedNodes nodes.
	edits, recordedAt, recordedNodes int
	recorded                         json.RawMessage

	// inherited leads from a clone's unnumbered nodes to those they are copies of.
	inherited map[*Node]*Node
}

// matches is a list of nodes behind a pointer, so that the index can grow
// without hashing its key a second time.
type matches struct {
	schemaID string
	nodes    []*Node
	first    [1]*Node // room for the one node that most have
	left     *left    // nil if all of them are there
}

// live returns those that are there.
func (m *matches) live() []*Node {
	if m.left != nil {
		return m.left.of(m.nodes)
	}
	return m.nodes
}

// ParseContent reads a content tree: the list of sections of an
// annotation_content payload, or the {"content": […]} object that
// GET /annotations/{id}/content answers. It keeps data and must be the only
// one to use it from then on. Errors are [*SyntaxError] and [*ContentError].
func ParseContent(data []byte) (*Content, error) {
	s := &scanner{data: data}
	c := newContent(data)
	s.space()
	if s.pos < len(data) && data[s.pos] == '{' {
		found := false
		err := s.object(func(key span) error {
			switch string(data[key.from:key.to]) {
			case `"content"`, `"results"`:
				found = true
				return c.parse(s, "content")
			}
			_, err := s.skip()
			return err
		})
		if err == nil && !found {
			err = &ContentError{Place: "content", Msg: "no list of sections"}
		}
		if err != nil {
			return nil, err
		}
	} else if err := c.parse(s, "content"); err != nil {
		return nil, err
	}
	return c, s.end()
}

func newContent(data []byte) *Content {
	wired.Do(wire)
	// A datapoint takes some 600 bytes in a payload.
	return &Content{data: data, byID: make(map[int64]*Node, len(data)/300), bySchema: make(map[string]*matches, 14)}
}

func (s *scanner) end() error {
	s.space()
	if s.pos != len(s.data) {
		return s.fail("text after the end of the JSON value")
	}
	return nil
}

// ContentError says what is wrong with a content tree that is valid JSON.
type ContentError struct {
	Place string // such as content[0].children[3]
	Msg   string
}

func (e *ContentError) Error() string { return "annotation " + e.Place + ": " + e.Msg }

// Sections returns the top-level nodes in the document's order. The slice
// belongs to the tree and must not be changed.
func (c *Content) Sections() []*Node { return c.sections }

// Len returns the number of nodes, sections included.
func (c *Content) Len() int { return c.nodes }

// ByID returns the node with the given id, nil if there is none.
func (c *Content) ByID(id int64) *Node {
	n := c.byID[id]
	if n == nil || n.removed() {
		return nil
	}
	return n
}

// Find returns all nodes with the given schema_id in the document's order, for
// a column of a table one per row. The slice must not be changed.
func (c *Content) Find(schemaID string) []*Node {
	m := c.bySchema[schemaID]
	if m == nil {
		return nil
	}
	return m.live()
}

// Errors of [Content.Field]; match them with errors.Is.
var (
	// ErrNoField means that no node has the schema_id.
	ErrNoField = errors.New("no such field in the annotation")
	// ErrManyFields means that the schema_id stands in several rows.
	ErrManyFields = errors.New("the annotation has more than one field with this schema_id")
)

// Field returns the one datapoint with the given schema_id. The error wraps
// [ErrNoField], where it names the nearest known id, or [ErrManyFields].
func (c *Content) Field(schemaID string) (*Node, error) {
	switch nodes := c.Find(schemaID); len(nodes) {
	case 0:
		return nil, fmt.Errorf("schema_id %q: %w%s", schemaID, ErrNoField, c.suggest(schemaID))
	case 1:
		return nodes[0], nil
	default:
		return nil, fmt.Errorf("schema_id %q: %w (%d of them)", schemaID, ErrManyFields, len(nodes))
	}
}

// All yields every node, parents before their children.
func (c *Content) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for _, n := range c.sections {
			if !n.walk(yield) {
				return
			}
		}
	}
}

// SchemaIDs yields every schema_id of the tree once, in no particular order.
func (c *Content) SchemaIDs() iter.Seq[string] {
	return func(yield func(string) bool) {
		for id, m := range c.bySchema {
			if len(m.live()) > 0 && !yield(id) {
				return
			}
		}
	}
}

// suggest names the known schema_id that a misspelt one most likely meant.
func (c *Content) suggest(schemaID string) string {
	if best := settings.Nearest(schemaID, slices.Collect(c.SchemaIDs())); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}

// MarshalJSON returns the list of sections with every change applied. What was
// not changed comes out as it came in, unknown keys included.
func (c *Content) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, len(c.data)/8)
	return c.AppendJSON(out)
}

// AppendJSON appends what [Content.MarshalJSON] returns to dst.
func (c *Content) AppendJSON(dst []byte) ([]byte, error) {
	return appendNodes(dst, c.sections)
}

var _ json.Marshaler = (*Content)(nil)
