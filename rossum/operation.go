package rossum

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tidwall/sjson"
)

// Operation is one change for the platform to make, as the answer of a hook
// carries it.
type Operation struct {
	Op    string          `json:"op"` // replace, remove or add
	ID    int64           `json:"id"` // of the datapoint; for add, of the multivalue
	Value json.RawMessage `json:"value,omitempty"`
}

type operationValue struct {
	SchemaID string            `json:"schema_id,omitempty"`
	Content  *operationContent `json:"content,omitempty"`
	Hidden   *bool             `json:"hidden,omitempty"`
	Options  json.RawMessage   `json:"options,omitempty"`
}

type operationContent struct {
	Value string `json:"value"`
}

// Operations returns what the platform must do so that its annotation becomes
// this one: one operation per changed node, in the order of the first change.
// A field that was set back to what it was needs none.
func (c *Content) Operations() []Operation {
	var ops []Operation
	for _, n := range c.changed {
		if op, ok := n.operation(); ok {
			ops = append(ops, op)
		}
	}
	return ops
}

func (n *Node) operation() (Operation, bool) {
	ch := n.change
	switch {
	case ch.removed && ch.added, n.parent != nil && n.parent.removed():
		return Operation{}, false
	case ch.removed:
		return Operation{Op: "remove", ID: n.id}, true
	case ch.added:
		return Operation{Op: "add", ID: n.parent.id, Value: encode(n.addValue())}, true
	}
	if n.id == 0 {
		return Operation{}, false // a cell of an added row goes out with its row
	}
	v := operationValue{Options: ch.options()}
	if hidden := ch.hidden(); hidden != nil && *hidden != n.hidden {
		v.Hidden = hidden
	}
	if ch.hasValue && !ch.computed && ch.value != n.text(n.value) {
		v.Content = &operationContent{ch.value}
	}
	if v.Content == nil && v.Hidden == nil && v.Options == nil {
		return Operation{}, false
	}
	return Operation{Op: "replace", ID: n.id, Value: encode(v)}, true
}

func (n *Node) addValue() []operationValue {
	cells := n.Children()
	if n.category == CategoryDatapoint {
		cells = []*Node{n}
	}
	values := make([]operationValue, len(cells))
	for i, cell := range cells {
		values[i] = operationValue{SchemaID: cell.schemaID, Content: &operationContent{cell.Value()}}
		values[i].Hidden, values[i].Options = cell.change.hidden(), cell.change.options()
	}
	return values
}

// encode marshals a value of this file, which cannot fail: SetOptions has
// checked its only raw part.
func encode(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// appendNodes writes a list of nodes with their changes.
func appendNodes(dst []byte, nodes []*Node) ([]byte, error) {
	dst = append(dst, '[')
	for i, n := range nodes {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = n.appendJSON(dst); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (n *Node) appendJSON(dst []byte) ([]byte, error) {
	if !n.changedBelow() {
		return append(dst, n.Raw()...), nil
	}
	own := []byte(`{"category":"` + n.category.String() + `"}`)
	if n.raw.present() {
		own = bytes.Clone(n.Raw())
	} else {
		own, _ = sjson.SetBytes(own, "schema_id", n.schemaID)
	}
	own, err := n.patch(own)
	if err != nil {
		return nil, fmt.Errorf("writing field %s: %w", n.schemaID, err)
	}
	if below := n.Children(); n.category != CategoryDatapoint || len(below) > 0 { // which no datapoint of Rossum's has
		children, err := appendNodes(nil, below)
		if err != nil {
			return nil, err
		}
		if own, err = sjson.SetRawBytes(own, "children", children); err != nil {
			return nil, fmt.Errorf("writing %s: %w", n.schemaID, err)
		}
	}
	return append(dst, own...), nil
}

// patch writes the node's own changes into its JSON object.
func (n *Node) patch(own []byte) (_ []byte, err error) {
	ch := n.change
	if ch == nil {
		return own, nil
	}
	if ch.hasValue && n.category == CategoryDatapoint {
		if own, err = sjson.SetBytes(own, "content.value", ch.value); err != nil {
			return nil, err
		}
		if own, err = sjson.SetRawBytes(own, "content.normalized_value", normalizedJSON(ch.normalized())); err != nil {
			return nil, err
		}
	}
	if hidden := ch.hidden(); hidden != nil {
		if own, err = sjson.SetBytes(own, "hidden", *hidden); err != nil {
			return nil, err
		}
	}
	if options := ch.options(); options != nil {
		own, err = sjson.SetRawBytes(own, "options", options)
	}
	return own, err
}

func normalizedJSON(s string) []byte {
	if s == "" {
		return []byte("null")
	}
	return encode(s)
}

func (n *Node) changedBelow() bool {
	if len(n.tree.changed) == 0 {
		return false
	}
	if n.change != nil || n.resized {
		return true
	}
	for _, child := range n.Children() {
		if child.changedBelow() {
			return true
		}
	}
	return false
}
