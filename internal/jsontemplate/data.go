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
	data   *Data
	outer  *scope
	node   Node
	index  int // of the loop, from 0
	inLoop bool
	rows   []Node // all elements of the loop
}

// find looks in the current element, then around it, then in the whole.
func (s *scope) find(schemaID string) []Node {
	for in := s; in != nil; in = in.outer {
		if in.node == nil {
			continue
		}
		if in.node.SchemaID() == schemaID {
			return []Node{in.node}
		}
		if found := in.node.Find(schemaID); len(found) > 0 {
			return found
		}
		// What other rows have and this one lacks is not to be had from them.
		for _, row := range in.rows {
			if len(row.Find(schemaID)) > 0 {
				return nil
			}
		}
	}
	if s.data.Root == nil {
		return nil
	}
	return s.data.Root(schemaID)
}

// loop returns the position in the nearest loop around; what uses it compiles
// only within one.
func (s *scope) loop() int {
	for in := s; in != nil; in = in.outer {
		if in.inLoop {
			return in.index
		}
	}
	return 0
}
