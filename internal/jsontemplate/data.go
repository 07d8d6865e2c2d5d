package jsontemplate

import (
	"context"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// Node is an element of the annotation's content as templates see it.
type Node interface {
	SchemaID() string
	// IsField reports whether the node has a value, and no children.
	IsField() bool
	// Value is the text of a field as a person sees it.
	Value() string
	// Normalized is its ISO date or plain number, "" if there is none.
	Normalized() string
	// Count is the number of children.
	Count() int
	// Elements returns the rows of a table, or the values of a simple multivalue;
	// the second result is false for every other node.
	Elements() ([]Node, bool)
	// Find returns the nodes below with the schema_id, in the document's order.
	Find(schemaID string) []Node
}

// Data is what one rendering works with. Functions that are nil mean that there
// is no such thing here; using it is then an error.
type Data struct {
	// Root finds nodes in the whole annotation.
	Root func(schemaID string) []Node
	// Secret returns a secret of the hook.
	Secret func(name string) (string, bool)
	// File is #{file_content}.
	File func() (httpcall.Body, error)
	// Original is #{original_file}, {document_content}, $GET_DOCUMENT_CONTENT$.
	Original func() (httpcall.Body, error)
	// Fetch is what stands behind a Rossum URL. It must refuse other URLs.
	Fetch func(ctx context.Context, url string) (httpcall.Body, error)
	// Now is the time of {current_datetime}; time.Now if nil.
	Now func() time.Time
	// Raw reports whether a text is known to be what the document or a person has in a field:
	// no program has escaped it for anything.
	Raw func(schemaID, text string) bool
	// Suggest returns the schema_id that a wrong one most likely meant, or "".
	Suggest func(schemaID string) string
}

// text is the value of a field that templates work with.
func text(n Node) string {
	if normalized := n.Normalized(); normalized != "" {
		return normalized
	}
	return n.Value()
}

// scope is the element that a part of the template is about.
type scope struct {
	data  *Data
	outer *scope
	node  Node
	index int   // of the loop, from 0
	rows  *rows // all elements of the loop; nil outside of one
}

// rows are the elements of a loop.
type rows struct {
	list []Node
	have map[string]bool // whether any of them has something with a schema_id below it
}

// anyHas reports whether an element has something with the schema_id below it. Each
// schema_id is looked for once, not for each of the elements that lack it.
func (r *rendering) anyHas(all *rows, schemaID string) (bool, error) {
	has, known := all.have[schemaID]
	if known {
		return has, nil
	}
	for _, n := range all.list {
		below, err := r.findBelow(n, schemaID, 1)
		if err != nil {
			return false, err
		}
		if has = len(below) > 0; has {
			break
		}
	}
	if all.have == nil {
		all.have = make(map[string]bool)
	}
	all.have[schemaID] = has
	return has, nil
}

// groupCost is the steps of a search in a table or a group, for which all nodes with the
// schema_id are looked at.
const groupCost = 64

// findBelow returns what has the schema_id below a node. cost is that of one search.
func (r *rendering) findBelow(n Node, schemaID string, cost int64) ([]Node, error) {
	if n.IsField() {
		return nil, r.meter.Step(1)
	}
	if err := r.meter.Step(cost + int64(n.Count()/16)); err != nil {
		return nil, err
	}
	return n.Find(schemaID), nil
}

// find looks in the current element, then around it, then in the whole.
func (r *rendering) find(s *scope, schemaID string) ([]Node, error) {
	for in := s; in != nil; in = in.outer {
		if in.node == nil {
			continue
		}
		if in.node.SchemaID() == schemaID {
			return []Node{in.node}, r.meter.Step(1)
		}
		cost := int64(1)
		if in.rows == nil {
			cost = groupCost
		}
		if found, err := r.findBelow(in.node, schemaID, cost); len(found) > 0 || err != nil {
			return found, err
		}
		if in.rows == nil {
			continue
		}
		// What other rows have and this one lacks is not to be had from them.
		if has, err := r.anyHas(in.rows, schemaID); has || err != nil {
			return nil, err
		}
	}
	if s.data.Root == nil {
		return nil, nil
	}
	found := s.data.Root(schemaID)
	return found, r.meter.Step(int64(1 + len(found)))
}

// loop returns the position in the nearest loop around; what uses it compiles
// only within one.
func (s *scope) loop() int {
	for in := s; in != nil; in = in.outer {
		if in.rows != nil {
			return in.index
		}
	}
	return 0
}
