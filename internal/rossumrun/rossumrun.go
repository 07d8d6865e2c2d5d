// Package rossumrun is what the run of an export needs of package rossum, and users do not:
// recording the changes of a content tree, making them again, joining those of branches,
// writing formula fields, and reading the JSON that a payload came as. Package rossum fills
// it in, some of it with the first content that it makes; content and node are its *Content
// and *Node.
package rossumrun

import (
	"encoding/json"
	"errors"
	"iter"
)

// Literal says what stands in the JSON that a node came as.
type Literal uint8

// What a member can be.
const (
	Absent Literal = iota
	Null
	Text
	Other // anything else
)

var (
	// TakeWritten returns the schema_ids of the fields of a content whose values have
	// changed, and of the tables that have got or lost rows, since it was called last; nil
	// if there are none. A clone starts with none.
	TakeWritten func(content any) []string

	// SetComputed writes what the formula of the field node gives: without an operation in
	// the answer, since the platform computes formula fields itself and lets nobody else
	// write them.
	SetComputed func(node any, value, normalized string) error

	// Changes returns every change of a content in this run as JSON, for Restore: a list,
	// which is empty for a content that was not parsed.
	Changes = func(content any) (json.RawMessage, error) { return json.RawMessage("[]"), nil }

	// Restore makes the changes that Changes wrote again, on a content that was parsed from
	// the same payload. It may have some of the changes already: then it becomes what the
	// other one was. The error names an id that it lacks.
	Restore = func(content any, changes json.RawMessage) error {
		if string(changes) == "[]" {
			return nil
		}
		return errors.New("restoring changes: the annotation has no nodes, for it was not parsed")
	}

	// Merge applies what branches changed to the content that they were cloned from, which
	// must not have changed meanwhile. They are applied in order: where two have written one
	// field the later one wins, a removed row stays removed, and conflicts has a text for
	// each. Rows that several branches add to one table are all kept. The error says that a
	// branch is no clone of the content.
	Merge func(content any, branches []any) (conflicts []string, err error)

	// AppendRecorded appends a payload as JSON without its token and secrets, to be kept and
	// parsed again; nothing for one that was not parsed from JSON.
	AppendRecorded func(dst []byte, payload any) []byte

	// Intact reports that this run has changed nothing of a node itself, so that its JSON
	// still is what it came as but for what is in its children.
	Intact func(node any) bool

	// Came returns children and content, which are members of the JSON object that a node
	// came as, or value and normalized_value, which are members of its content; the text is
	// there for a [Text].
	Came func(node any, key string) (text string, is Literal)

	// Members yields the members of the JSON object that a node came as.
	Members func(node any) iter.Seq2[string, json.RawMessage]

	// AnnotationMembers yields the members of an annotation's JSON object, without content.
	AnnotationMembers func(annotation any) iter.Seq2[string, json.RawMessage]

	// PayloadKeys lists the keys of a payload, sorted, without those of token and secrets.
	PayloadKeys func(payload any) []string

	// BeforeChange has f called once, before the next change of a content, unless it is
	// cancelled before.
	BeforeChange func(content any, f func()) (cancel func())
)
