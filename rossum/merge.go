package rossum

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Clone returns an independent copy of the tree: changes of either do not show
// in the other. The bytes of the payload are shared.
func (c *Content) Clone() *Content {
	copied := newContent(c.data)
	copied.childOf, copied.writtenBytes = c.childOf, c.writtenBytes
	twin := make(map[*Node]*Node, c.nodes)
	for _, n := range c.sections {
		copied.sections = append(copied.sections, copied.cloneNode(n, nil, twin))
	}
	for id, m := range c.bySchema {
		of := m.live()
		nodes := make([]*Node, 0, len(of))
		for _, n := range of {
			nodes = append(nodes, twin[n])
		}
		copied.bySchema[id] = &matches{schemaID: m.schemaID, nodes: nodes}
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
	copied.nodes = c.nodes
	return copied
}

func (c *Content) cloneNode(n, parent *Node, twin map[*Node]*Node) *Node {
	copied := c.newNode()
	*copied = *n
	copied.tree, copied.parent = c, parent
	twin[n] = copied
	if n.change != nil {
		copied.change = n.change.clone()
	}
	if n.id != 0 {
		c.byID[n.id] = copied
	} else {
		if c.inherited == nil {
			c.inherited = make(map[*Node]*Node)
		}
		c.inherited[copied] = n
	}
	children := n.Children()
	copied.children = make([]*Node, len(children))
	for i, child := range children {
		copied.children[i] = c.cloneNode(child, copied, twin)
	}
	return copied
}

// conflictKind says what two branches have done to one field.
type conflictKind uint8

// The kinds of [conflict].
const (
	valueConflict   conflictKind = iota // both wrote its value
	optionsConflict                     // both replaced its choices
	removedConflict                     // one wrote it, the other removed its row; the removal stands
)

// conflict is a field that two branches have changed in different ways.
type conflict struct {
	SchemaID string
	ID       int64 // of the datapoint, 0 in a row that the platform has not numbered
	Kind     conflictKind
	Lost     string
	Won      string // "" for a removal
}

func (c conflict) String() string {
	name := fmt.Sprintf("%s (id %d)", c.SchemaID, c.ID)
	switch c.Kind {
	case optionsConflict:
		return fmt.Sprintf("%s: options %s were overwritten by %s", name, c.Lost, c.Won)
	case removedConflict:
		return fmt.Sprintf("%s: %q was written, and its row was removed", name, c.Lost)
	}
	return fmt.Sprintf("%s: %q was overwritten by %q", name, c.Lost, c.Won)
}

// state is what a branch may change of a node.
type state struct {
	value, normalized, options string
	hidden, removed            bool
}

func (n *Node) state() state {
	s := state{value: n.Value(), normalized: n.Normalized(), options: string(n.Options()), hidden: n.Hidden()}
	s.removed = n.change != nil && n.change.removed
	return s
}

// merging is one run of [Content.merge].
type merging struct {
	base      *Content
	before    map[*Node]state // of every node that a branch has changed
	conflicts []conflict
}

// merge applies what branches changed to the tree that they were cloned from,
// which must not have changed meanwhile. They are applied in order: where two
// have written one field the later one wins, a removed row stays removed, and a
// [conflict] is returned for each. Rows that several branches add to one table
// are all kept. The error says that a branch is no clone of this tree.
func (c *Content) merge(branches ...*Content) ([]conflict, error) {
	m := &merging{base: c, before: make(map[*Node]state)}
	for _, b := range branches {
		for _, n := range b.changed {
			if err := m.node(b, n); err != nil {
				return m.conflicts, err
			}
		}
	}
	return m.conflicts, nil
}

// node merges one changed node of a branch.
func (m *merging) node(b *Content, n *Node) error {
	own := m.base.byID[n.id]
	if n.id == 0 {
		own = b.inherited[n]
	}
	switch {
	case own == nil && n.id == 0:
		return m.added(n)
	case own == nil || own.tree != m.base:
		return fmt.Errorf("merging %s (id %d): the branch was not cloned from this annotation", n.schemaID, n.id)
	}
	if err := m.changed(own, n); err != nil || !n.change.added || n.change.removed {
		return err
	}
	for _, cell := range n.Children() { // cells of an added row go with their row
		if err := m.changed(b.inherited[cell], cell); err != nil {
			return err
		}
	}
	return nil
}

// changed merges what a branch did to a node that the base has as well. What
// the branch left as it found it is nobody's change.
func (m *merging) changed(own, n *Node) error {
	before, known := m.before[own]
	if !known {
		before = own.state()
	}
	now, after := own.state(), n.state()
	if after == before || n.parent != nil && n.parent.removed() {
		return nil
	}
	if !known {
		m.before[own] = before
	}
	switch {
	case after.removed && now.removed:
		return nil
	case after.removed:
		for below := range own.All() {
			if was, wrote := m.before[below]; wrote && was.value != below.Value() {
				m.note(below, removedConflict, below.Value(), "")
			}
		}
		return own.Remove()
	case own.removed():
		m.note(own, removedConflict, after.value, "")
		return nil
	}
	return m.write(own, before, now, after, n.change != nil && n.change.computed)
}

// write sets what differs from the state before, and leaves the rest to the
// branches that came earlier.
func (m *merging) write(own *Node, before, now, after state, computed bool) error {
	// What a formula gave is computed again from the merged fields.
	if (after.value != before.value || after.normalized != before.normalized) && !computed {
		if now.value != before.value && now.value != after.value {
			m.note(own, valueConflict, now.value, after.value)
		}
		if err := own.SetNormalized(after.value, after.normalized); err != nil {
			return err
		}
	}
	if after.hidden != before.hidden {
		own.SetHidden(after.hidden) // of two values, two branches can only choose the same
	}
	if after.options != before.options {
		if now.options != before.options && now.options != after.options {
			m.note(own, optionsConflict, now.options, after.options)
		}
		return own.SetOptions(json.RawMessage(after.options))
	}
	return nil
}

func (m *merging) note(n *Node, kind conflictKind, lost, won string) {
	m.conflicts = append(m.conflicts, conflict{SchemaID: n.schemaID, ID: n.id, Kind: kind, Lost: lost, Won: won})
}

// added merges a row, or a value, that a branch has added.
func (m *merging) added(n *Node) error {
	if n.change.removed {
		return nil
	}
	parent := m.base.byID[n.parent.id]
	if parent == nil {
		return fmt.Errorf("merging a row of %s: the branch was not cloned from this annotation", n.parent.schemaID)
	}
	return parent.addSaved(n.savedCells())
}

// savedCell is a cell of an added row with everything that was set on it.
type savedCell struct {
	SchemaID   string          `json:"schema_id"`
	Value      string          `json:"value"`
	Normalized string          `json:"normalized,omitempty"`
	Hidden     *bool           `json:"hidden,omitempty"`
	Options    json.RawMessage `json:"options,omitempty"`
}

// savedCells returns the values of an added row, or of an added value.
func (n *Node) savedCells() []savedCell {
	nodes := n.Children()
	if n.category == CategoryDatapoint {
		nodes = []*Node{n}
	}
	cells := make([]savedCell, len(nodes))
	for i, m := range nodes {
		cells[i] = savedCell{m.schemaID, m.Value(), m.Normalized(), m.change.hidden(), m.change.options()}
	}
	return cells
}

// addSaved adds a row as savedCells describes it.
func (n *Node) addSaved(saved []savedCell) error {
	cells := make([]Cell, len(saved))
	for i, s := range saved {
		cells[i] = Cell{s.SchemaID, s.Value}
	}
	row, err := n.AddRow(cells...)
	if err != nil {
		return err
	}
	return row.setSaved(saved)
}

// setSaved sets what savedCells has of an added row.
func (n *Node) setSaved(saved []savedCell) error {
	nodes := n.Children()
	if n.category == CategoryDatapoint {
		nodes = []*Node{n}
	}
	if len(nodes) != len(saved) {
		return fmt.Errorf("an added row of %s has %d cells, not %d", n.schemaID, len(nodes), len(saved))
	}
	for i, s := range saved {
		made := otherChange{value: &s.Value, normalized: s.Normalized, hidden: s.Hidden, options: s.Options}
		if err := nodes[i].apply(made); err != nil {
			return err
		}
	}
	return nil
}

// otherChange is a change that was made to another tree's node.
type otherChange struct {
	value      *string // nil for none
	normalized string
	hidden     *bool
	options    json.RawMessage
	computed   bool
}

// apply makes a change that was made to another tree's node.
func (n *Node) apply(ch otherChange) error {
	if ch.value != nil {
		if n.category != CategoryDatapoint {
			return n.categoryError("writing a value to")
		}
		n.tree.written(n, n.Value() != *ch.value || n.Normalized() != ch.normalized)
		n.touch().write(*ch.value, ch.normalized, ch.computed)
	}
	if ch.hidden != nil {
		n.SetHidden(*ch.hidden)
	}
	if ch.options != nil {
		return n.SetOptions(ch.options)
	}
	return nil
}

// savedChange is a change as [Content.changes] writes it.
type savedChange struct {
	ID         int64           `json:"id"` // for an added row, of its multivalue
	Value      *string         `json:"value,omitempty"`
	Normalized string          `json:"normalized,omitempty"`
	Hidden     *bool           `json:"hidden,omitempty"`
	Options    json.RawMessage `json:"options,omitempty"`
	Computed   bool            `json:"computed,omitempty"` // the value is a formula's
	Removed    bool            `json:"removed,omitempty"`
	Added      []savedCell     `json:"added,omitzero"` // empty, but not nil, for a row without cells
}

// changes returns every change of this run as JSON, for [Content.restore]. It is the same
// slice until something changes, and must not be changed.
func (c *Content) changes() (json.RawMessage, error) {
	if c.recorded != nil && c.recordedAt == c.edits {
		return c.recorded, nil
	}
	out := append(make([]byte, 0, len(c.recorded)+2+64*(len(c.changed)-c.recordedNodes)), '[')
	for _, n := range c.changed {
		if n.change.added && n.change.removed {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		var err error
		if out, err = n.appendChange(out); err != nil {
			return nil, err
		}
	}
	c.recorded, c.recordedAt, c.recordedNodes = slices.Clip(append(out, ']')), c.edits, len(c.changed)
	return c.recorded, nil
}

// appendChange appends the node's change as json.Marshal writes it. Most are a plain text,
// for which that would take long: all changes are recorded after each step.
func (n *Node) appendChange(dst []byte) ([]byte, error) {
	ch := n.change
	if ch.hasValue && isPlain(ch.value) && ch.normalized() == "" && ch.hidden() == nil && ch.options() == nil && !ch.removed && !ch.added {
		dst = strconv.AppendInt(append(dst, `{"id":`...), n.id, 10)
		dst = append(append(append(dst, `,"value":"`...), ch.value...), '"')
		if ch.computed {
			dst = append(dst, `,"computed":true`...)
		}
		return append(dst, '}'), nil
	}
	data, err := json.Marshal(n.savedChange())
	return append(dst, data...), err
}

func (n *Node) savedChange() savedChange {
	ch := n.change
	switch {
	case ch.added:
		return savedChange{ID: n.parent.id, Added: n.savedCells()}
	case ch.removed:
		return savedChange{ID: n.id, Removed: true}
	}
	s := savedChange{ID: n.id, Normalized: ch.normalized(), Hidden: ch.hidden(), Options: ch.options(), Computed: ch.computed}
	if ch.hasValue {
		s.Value = &ch.value
	}
	return s
}

// isPlain reports that json.Marshal writes a text as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// restore makes the changes that [Content.changes] wrote again, on a tree that was
// parsed from the same payload. The tree may have some of the changes already: then it
// becomes what the other tree was. The error names an id that this tree lacks.
func (c *Content) restore(changes json.RawMessage) error {
	var saved []savedChange
	if err := json.Unmarshal(changes, &saved); err != nil {
		return fmt.Errorf("restoring changes: %w", err)
	}
	there := c.addedRows()
	for _, s := range saved {
		n := c.byID[s.ID]
		if n == nil {
			return fmt.Errorf("restoring changes: the annotation has no node with id %d", s.ID)
		}
		if rows := there[n]; s.Added != nil && len(rows) > 0 {
			there[n] = rows[1:]
			if err := rows[0].setSaved(s.Added); err != nil {
				return fmt.Errorf("restoring changes: %w", err)
			}
			continue
		}
		if err := n.restore(s); err != nil {
			return fmt.Errorf("restoring changes: %w", err)
		}
	}
	for _, rows := range there { // the other tree had removed them
		for _, row := range rows {
			if err := row.Remove(); err != nil {
				return fmt.Errorf("restoring changes: %w", err)
			}
		}
	}
	return nil
}

// addedRows lists the rows that were added to each multivalue, in their order.
func (c *Content) addedRows() map[*Node][]*Node {
	rows := make(map[*Node][]*Node)
	for _, n := range c.changed {
		if n.change.added && !n.change.removed {
			rows[n.parent] = append(rows[n.parent], n)
		}
	}
	return rows
}

func (n *Node) restore(s savedChange) error {
	switch {
	case s.Removed:
		return n.Remove()
	case s.Added != nil:
		return n.addSaved(s.Added)
	}
	return n.apply(otherChange{value: s.Value, normalized: s.Normalized, hidden: s.Hidden, options: s.Options, computed: s.Computed})
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
		made := otherChange{hidden: v.Hidden, options: v.Options}
		if v.Content != nil {
			made.value = &v.Content.Value
		}
		return n.apply(made)
	case "add":
		var values []operationValue
		if err := json.Unmarshal(op.Value, &values); err != nil {
			return err
		}
		cells := make([]savedCell, len(values))
		for i, v := range values {
			cells[i] = savedCell{SchemaID: v.SchemaID, Hidden: v.Hidden, Options: v.Options}
			if v.Content != nil {
				cells[i].Value = v.Content.Value
			}
		}
		return n.addSaved(cells)
	}
	return fmt.Errorf("unknown operation %q", op.Op)
}
