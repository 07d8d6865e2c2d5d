package rossum

import "encoding/json"

// What package internal/rossumrun hands on, for the tests of this package.

type (
	Conflict     = conflict
	ConflictKind = conflictKind
)

const (
	ValueConflict   = valueConflict
	OptionsConflict = optionsConflict
	RemovedConflict = removedConflict
)

func (c *Content) TakeWritten() []string                          { return c.takeWritten() }
func (c *Content) Changes() (json.RawMessage, error)              { return c.changes() }
func (c *Content) Restore(changes json.RawMessage) error          { return c.restore(changes) }
func (c *Content) Merge(branches ...*Content) ([]Conflict, error) { return c.merge(branches...) }
func (n *Node) SetComputed(value, normalized string) error        { return n.setComputed(value, normalized) }
func (p *Payload) Recorded() []byte                               { return p.appendRecorded(nil) }
