package rossum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidwall/gjson"
)

// change is what this run did to a node. It is small, since a formula of a table makes one
// for every row: what few changes have is apart.
type change struct {
	value    string
	rest     *changeRest // nil if there is nothing of it
	hasValue bool
	normal   bool // the normalised value is the value itself
	removed  bool
	added    bool
	computed bool // the value is a formula's: the platform computes it itself
}

// changeRest is what few changes have.
type changeRest struct {
	normalized string // if it is neither empty nor the value
	options    json.RawMessage
	hidden     *bool
}

// write notes a value and its normalised value.
func (c *change) write(value, normalized string, computed bool) {
	c.value, c.hasValue, c.computed, c.normal = value, true, computed, normalized == value
	switch {
	case !c.normal && normalized != "":
		c.more().normalized = normalized
	case c.rest != nil:
		c.rest.normalized = ""
	}
}

func (c *change) normalized() string {
	switch {
	case c.normal:
		return c.value
	case c.rest != nil:
		return c.rest.normalized
	}
	return ""
}

// hidden returns what was set, nil for nothing.
func (c *change) hidden() *bool {
	if c.rest == nil {
		return nil
	}
	return c.rest.hidden
}

// options returns what was set, nil for nothing.
func (c *change) options() json.RawMessage {
	if c.rest == nil {
		return nil
	}
	return c.rest.options
}

func (c *change) more() *changeRest {
	if c.rest == nil {
		c.rest = &changeRest{}
	}
	return c.rest
}

// clone copies a change for another tree.
func (c *change) clone() *change {
	made := *c
	if c.rest != nil {
		rest := *c.rest
		made.rest = &rest
	}
	return &made
}

// newChange makes changes in pieces, since a formula of a table changes every row.
func (c *Content) newChange() *change {
	const most = 64
	if len(c.fresh) == 0 {
		c.fresh = make([]change, min(1+len(c.changed), most))
	}
	made := &c.fresh[0]
	c.fresh = c.fresh[1:]
	return made
}

// touch notes that the node is going to change.
func (n *Node) touch() *change {
	n.tree.beforeChange()
	n.tree.edits++
	if n.change == nil {
		n.change = n.tree.newChange()
		if all := n.tree.changed; len(all) == cap(all) {
			n.tree.changed = slices.Grow(all, min(max(16, 3*len(all)), max(16, n.tree.nodes)))
		}
		n.tree.changed = append(n.tree.changed, n)
	}
	return n.change
}

func (n *Node) removed() bool {
	for p := n; p != nil; p = p.parent {
		if p.change != nil && p.change.removed {
			return true
		}
	}
	return false
}

// maxWritten bounds the values that a run writes, in bytes. They are sent to the platform
// in one answer, each as JSON.
const maxWritten = 16 << 20

// room counts a value that is about to be written instead of one of so many bytes.
func (c *Content) room(schemaID string, before, bytes int) error {
	if c.writtenBytes-before+bytes > maxWritten {
		return fmt.Errorf("writing a value of %d bytes to %s: the values that a run writes may take no more than %d MB in all, since they go back in one answer", bytes, schemaID, maxWritten>>20)
	}
	c.writtenBytes += bytes - before
	return nil
}

// SetValue writes the text of a datapoint. Its normalised value is empty from
// then on, since only the platform can work it out. On a node of another
// category the error wraps [ErrCategory]. All values that are written to a tree may take
// no more than 16 MB.
func (n *Node) SetValue(value string) error { return n.SetNormalized(value, "") }

// SetNormalized writes the text of a datapoint together with its normalised
// value, for a caller that knows both. The answer's operation carries the text
// alone. On a node that is no datapoint the error wraps [ErrCategory].
func (n *Node) SetNormalized(value, normalized string) error {
	if n.category != CategoryDatapoint {
		return n.categoryError("writing a value to")
	}
	was, wasNormalized := n.Value(), n.Normalized()
	if n.change == nil && value == was && (normalized == wasNormalized || normalized == "") {
		return nil // what the platform has already needs no operation
	}
	before := 0
	if n.change != nil {
		before = len(n.change.value)
	}
	if err := n.tree.room(n.schemaID, before, len(value)); err != nil {
		return err
	}
	n.tree.written(n, was != value || wasNormalized != normalized)
	c := n.touch()
	c.write(value, normalized, false)
	return nil
}

// setComputed writes what the field's formula gives: as [Node.SetNormalized], but
// without an operation in the answer, since the platform computes formula fields
// itself and lets nobody else write them.
func (n *Node) setComputed(value, normalized string) error {
	wasWritten := n.change != nil && n.change.hasValue && !n.change.computed
	if err := n.SetNormalized(value, normalized); err != nil {
		return err
	}
	if n.change != nil && !wasWritten {
		n.change.computed = true
	}
	return nil
}

// written notes that the value of a field has changed; see [Content.takeWritten].
func (c *Content) written(n *Node, changed bool) {
	if !changed || len(c.writtenIDs) > 0 && c.writtenLast == n.schemaID {
		return
	}
	c.writtenLast = n.schemaID
	if c.writtenIDs == nil {
		c.writtenIDs = make(map[string]bool)
	}
	c.writtenIDs[n.schemaID] = true
}

// takeWritten returns the schema_ids of the fields whose values have changed, and
// of the tables that have got or lost rows, since it was called last; nil if there
// are none. A clone starts with none.
func (c *Content) takeWritten() []string {
	if len(c.writtenIDs) == 0 {
		return nil // as after most steps
	}
	ids := slices.AppendSeq(make([]string, 0, len(c.writtenIDs)), maps.Keys(c.writtenIDs))
	slices.Sort(ids)
	clear(c.writtenIDs) // the next step writes, too
	return ids
}

// ErrCategory means that a change does not fit the node's category.
var ErrCategory = errors.New("wrong category of node")

func (n *Node) categoryError(doing string) error {
	return fmt.Errorf("%s %s: %w: it is a %s", doing, n.schemaID, ErrCategory, n.category)
}

// SetHidden shows or hides the field.
func (n *Node) SetHidden(hidden bool) {
	if n.Hidden() != hidden {
		n.touch().more().hidden = &hidden
	}
}

// SetOptions replaces the choices of an enum field. Options must be a JSON
// list of {"value": …, "label": …} objects.
func (n *Node) SetOptions(options json.RawMessage) error {
	if !gjson.ValidBytes(options) || !gjson.ParseBytes(options).IsArray() {
		return fmt.Errorf("options of %s: not a JSON list", n.schemaID)
	}
	n.touch().more().options = bytes.Clone(options)
	return nil
}

// Cell is a value for [Node.AddRow].
type Cell struct{ SchemaID, Value string }

// AddRow appends a row to a table, or a value to a simple multivalue (then
// with exactly one cell). The new nodes have the id 0 until the platform
// numbers them. On a node that is not a multivalue the error wraps [ErrCategory]. Its values
// count as those of [Node.SetValue] do.
func (n *Node) AddRow(cells ...Cell) (*Node, error) {
	if n.category != CategoryMultivalue {
		return nil, n.categoryError("adding a row to")
	}
	c := n.tree
	childID, category := n.childKind()
	if category == CategoryDatapoint {
		if len(cells) != 1 {
			return nil, fmt.Errorf("adding to %s: a simple multivalue takes one cell, not %d", n.schemaID, len(cells))
		}
		if err := c.room(childID, 0, len(cells[0].Value)); err != nil {
			return nil, err
		}
		return c.addNode(n, childID, CategoryDatapoint, cells[0].Value), nil
	}
	size := 0
	for _, cell := range cells {
		size += len(cell.Value)
	}
	if err := c.room(n.schemaID, 0, size); err != nil {
		return nil, err
	}
	row := c.addNode(n, childID, CategoryTuple, "")
	for _, cell := range cells {
		c.addNode(row, cell.SchemaID, CategoryDatapoint, cell.Value)
	}
	return row, nil
}

// childKind says what stands below a multivalue: what stands there already, or
// what the schema says. Without either it is a table whose rows are called as it
// is; the platform goes by the cells.
func (n *Node) childKind() (schemaID string, category Category) {
	if child := n.anyChild(); child != nil {
		return child.schemaID, child.category
	}
	if n.tree.childOf != nil {
		if schemaID, category = n.tree.childOf(n.schemaID); schemaID != "" {
			return schemaID, category
		}
	}
	return n.schemaID, CategoryTuple
}

// anyChild returns a child that shows what the others are like: of a multivalue
// that was emptied in this run, a removed one; nil if there never was any.
func (n *Node) anyChild() *Node {
	if children := n.Children(); len(children) > 0 {
		return children[0]
	}
	if n.resized {
		for _, m := range n.tree.changed {
			if m.parent == n {
				return m
			}
		}
	}
	return nil
}

func (c *Content) addNode(parent *Node, schemaID string, category Category, value string) *Node {
	c.beforeChange()
	n := c.newNode()
	siblings := parent.Children()
	n.parent, n.category, n.index = parent, category, len(siblings)
	parent.children = append(siblings, n)
	delete(c.shrunk, parent)
	m := c.bySchema[schemaID]
	if m == nil {
		m = &matches{schemaID: schemaID}
		c.bySchema[schemaID] = m
	}
	n.schemaID = m.schemaID
	m.nodes = append(m.live(), n)
	m.left = nil
	n.change = &change{added: true, value: value, hasValue: category == CategoryDatapoint}
	c.edits++
	if parent.category == CategoryMultivalue {
		c.changed = append(c.changed, n)
		c.written(parent, true)
	}
	c.written(n, category == CategoryDatapoint)
	return n
}

// Remove takes a row, or a value of a simple multivalue, out of the tree. On a
// node whose parent is no multivalue the error wraps [ErrCategory].
func (n *Node) Remove() error {
	if n.parent == nil || n.parent.category != CategoryMultivalue {
		return n.categoryError("removing")
	}
	if n.removed() {
		return nil
	}
	n.touch().removed = true
	n.tree.written(n.parent, true)
	for m := range n.All() {
		n.tree.written(m, m.category == CategoryDatapoint)
	}
	n.parent.resized = true
	n.tree.leave(n)
	return nil
}
