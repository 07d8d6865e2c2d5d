package rossum

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Clone returns an independent copy of the tree: changes of either do not show
// in the other. The bytes of the payload are shared.
func (c *Content) Clone() *Content {
	copied := newContent(c.data)
	clear(copied.byID)
	twin := make(map[*Node]*Node, c.nodes)
	for _, n := range c.sections {
		copied.sections = append(copied.sections, copied.cloneNode(n, nil, twin))
	}
	for id, m := range c.bySchema {
		nodes := make([]*Node, 0, len(m.nodes))
		for _, n := range m.nodes {
			nodes = append(nodes, twin[n])
		}
		copied.bySchema[id] = &matches{m.schemaID, nodes}
	}
	for _, n := range c.changed {
		if twin[n] == nil { // in a row that was removed: its operation must stay
			top := n
			for top.parent != nil && twin[top.parent] == nil {
				top = top.parent
			}
			copied.cloneNode(top, twin[top.parent], twin)
		}
		copied.changed = append(copied.changed, twin[n])
	}
	return copied
}

func (c *Content) cloneNode(n, parent *Node, twin map[*Node]*Node) *Node {
	copied := c.newNode()
	*copied = *n
	copied.tree, copied.parent = c, parent
	twin[n] = copied
	if n.change != nil {
		change := *n.change
		copied.change = &change
	}
	if n.id != 0 {
		c.byID[n.id] = copied
	}
	copied.children = make([]*Node, len(n.children))
	for i, child := range n.children {
		copied.children[i] = c.cloneNode(child, copied, twin)
	}
	return copied
}

// Conflict is a field that two branches have changed in different ways.
type Conflict struct {
	SchemaID string
	ID       int64 // of the datapoint
	Lost     string
	Won      string
}

func (c Conflict) String() string {
	return fmt.Sprintf("%s (id %d): %q was overwritten by %q", c.SchemaID, c.ID, c.Lost, c.Won)
}

// Merge applies what branches changed to the tree that they were cloned from,
// which must not have changed meanwhile. They are applied in order: where two
// have written one field the later one wins, and a [Conflict] is returned.
func (c *Content) Merge(branches ...*Content) ([]Conflict, error) {
	var conflicts []Conflict
	inherited := len(c.changed)
	before := make(map[int64]change, inherited)
	for _, n := range c.changed {
		before[n.id] = *n.change
	}
	wrote := make(map[int64]bool)
	for _, b := range branches {
		for i, n := range b.changed {
			if n.change.added {
				if i < inherited {
					continue // it came with the clone
				}
				if err := c.mergeAdded(n); err != nil {
					return conflicts, err
				}
				continue
			}
			was, known := before[n.id]
			if known && sameChange(was, *n.change) {
				continue
			}
			if lost := c.byID[n.id]; wrote[n.id] && lost.Value() != n.Value() {
				conflicts = append(conflicts, Conflict{n.schemaID, n.id, lost.Value(), n.Value()})
			}
			wrote[n.id] = true
			if err := c.mergeChanged(n); err != nil {
				return conflicts, err
			}
		}
	}
	return conflicts, nil
}

func sameChange(a, b change) bool {
	return a.value == b.value && a.normalized == b.normalized && a.hasValue == b.hasValue && a.removed == b.removed &&
		(a.hidden == b.hidden || a.hidden != nil && b.hidden != nil && *a.hidden == *b.hidden) && slices.Equal(a.options, b.options)
}

func (c *Content) mergeChanged(n *Node) error {
	own := c.byID[n.id]
	if own == nil || own.removed() {
		return nil // another branch removed the row
	}
	if n.change.removed {
		return own.Remove()
	}
	return own.apply(*n.change)
}

func (c *Content) mergeAdded(n *Node) error {
	if n.change.removed {
		return nil
	}
	parent := c.byID[n.parent.id]
	if parent == nil {
		return fmt.Errorf("row added to %s: the table is gone", n.parent.schemaID)
	}
	_, err := parent.AddRow(n.cells()...)
	return err
}

// cells returns the values of an added row, or of an added value.
func (n *Node) cells() []Cell {
	if n.category == Datapoint {
		return []Cell{{n.schemaID, n.Value()}}
	}
	cells := make([]Cell, len(n.children))
	for i, child := range n.children {
		cells[i] = Cell{child.schemaID, child.Value()}
	}
	return cells
}

// apply makes a change that was made to another tree's node.
func (n *Node) apply(ch change) error {
	if ch.hasValue {
		if n.category != Datapoint {
			return n.categoryError("writing a value to")
		}
		own := n.touch()
		own.value, own.normalized, own.hasValue = ch.value, ch.normalized, true
	}
	if ch.hidden != nil {
		n.SetHidden(*ch.hidden)
	}
	if ch.options != nil {
		return n.SetOptions(ch.options)
	}
	return nil
}

// savedChange is a change as [Content.Changes] writes it.
type savedChange struct {
	ID         int64           `json:"id"` // for an added row, of its multivalue
	Value      *string         `json:"value,omitempty"`
	Normalized string          `json:"normalized,omitempty"`
	Hidden     *bool           `json:"hidden,omitempty"`
	Options    json.RawMessage `json:"options,omitempty"`
	Removed    bool            `json:"removed,omitempty"`
	Added      []Cell          `json:"added,omitempty"`
}

// Changes returns every change of this run as JSON, for [Content.Restore].
func (c *Content) Changes() (json.RawMessage, error) {
	saved := make([]savedChange, 0, len(c.changed))
	for _, n := range c.changed {
		switch ch := n.change; {
		case ch.added && ch.removed:
		case ch.added:
			saved = append(saved, savedChange{ID: n.parent.id, Added: n.cells()})
		case ch.removed:
			saved = append(saved, savedChange{ID: n.id, Removed: true})
		default:
			s := savedChange{ID: n.id, Normalized: ch.normalized, Hidden: ch.hidden, Options: ch.options}
			if ch.hasValue {
				s.Value = &ch.value
			}
			saved = append(saved, s)
		}
	}
	return json.Marshal(saved)
}

// Restore makes the changes that [Content.Changes] wrote again, on a tree that
// was parsed from the same payload. The error names an id that this tree lacks.
func (c *Content) Restore(changes json.RawMessage) error {
	var saved []savedChange
	if err := json.Unmarshal(changes, &saved); err != nil {
		return fmt.Errorf("restoring changes: %w", err)
	}
	for _, s := range saved {
		n := c.byID[s.ID]
		if n == nil {
			return fmt.Errorf("restoring changes: the annotation has no node with id %d", s.ID)
		}
		if err := n.restore(s); err != nil {
			return fmt.Errorf("restoring changes: %w", err)
		}
	}
	return nil
}

func (n *Node) restore(s savedChange) error {
	switch {
	case s.Removed:
		return n.Remove()
	case s.Added != nil:
		_, err := n.AddRow(s.Added...)
		return err
	}
	ch := change{normalized: s.Normalized, hidden: s.Hidden, options: s.Options}
	if s.Value != nil {
		ch.value, ch.hasValue = *s.Value, true
	}
	return n.apply(ch)
}

// Apply makes the changes that the operations of another hook's answer ask for,
// as the platform does between two hooks. The error joins one for each
// operation that does not fit the tree; the others are made.
func (c *Content) Apply(operations []Operation) error {
	var faults []error
	for i, op := range operations {
		if err := c.applyOne(op); err != nil {
			faults = append(faults, fmt.Errorf("operations[%d] (%s %d): %w", i, op.Op, op.ID, err))
		}
	}
	return errors.Join(faults...)
}

func (c *Content) applyOne(op Operation) error {
	n := c.ByID(op.ID)
	if n == nil {
		return errors.New("no such node")
	}
	switch op.Op {
	case "remove":
		return n.Remove()
	case "replace":
		var v operationValue
		if err := json.Unmarshal(op.Value, &v); err != nil {
			return err
		}
		ch := change{hidden: v.Hidden, options: v.Options}
		if v.Content != nil {
			ch.value, ch.hasValue = v.Content.Value, true
		}
		return n.apply(ch)
	case "add":
		var values []operationValue
		if err := json.Unmarshal(op.Value, &values); err != nil {
			return err
		}
		cells := make([]Cell, 0, len(values))
		for _, v := range values {
			cell := Cell{SchemaID: v.SchemaID}
			if v.Content != nil {
				cell.Value = v.Content.Value
			}
			cells = append(cells, cell)
		}
		_, err := n.AddRow(cells...)
		return err
	}
	return fmt.Errorf("unknown operation %q", op.Op)
}
