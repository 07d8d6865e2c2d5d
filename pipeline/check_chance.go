package pipeline

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// chance says whether a use happens.
type chance int8

const (
	never chance = iota
	maybe
	surely
)

// decider evaluates conditions against an export.
type decider func(h *rossum.Hook, c *Condition) (bool, error)

// chance works out whether a use happens, as far as that is decided by now.
func (j *judge) chance(u *flowUse) chance {
	if c, known := j.chances[u]; known {
		return c
	}
	c := surely
	if u.Conditional {
		c = maybe
	}
	for _, d := range u.due {
		c = min(c, j.decide(d))
	}
	if u.IfFile != "" {
		c = min(c, j.there(u.IfFile, u.before))
	}
	for _, id := range u.IfFields {
		c = min(c, j.elements(id, u.before))
	}
	if j.chances == nil {
		j.chances = make(map[*flowUse]chance)
	}
	j.chances[u] = c
	return c
}

// decide evaluates a condition, if nothing that it depends on may still change.
func (j *judge) decide(d *due) chance {
	if c, known := j.decided[d]; known {
		return c
	}
	c := maybe
	if j.holds != nil && d.Holds != nil && !j.mayChange(d.Reads, d.before) {
		switch holds, err := j.holds(d.hook, d.Condition); {
		case err != nil: // which the step will say itself
		case holds:
			c = surely
		default:
			c = never
		}
	}
	if j.decided == nil {
		j.decided = make(map[*due]chance)
	}
	j.decided[d] = c
	return c
}

// mayChange reports whether steps may change one of the fields: by writing it, or
// something that its formula depends on.
func (j *judge) mayChange(ids []string, by *progressOf) bool {
	if by.anyRow {
		return true
	}
	if len(by.wrote) == 0 {
		return false
	}
	if slices.Contains(ids, "") {
		return true // it may depend on any field
	}
	if slices.ContainsFunc(ids, func(id string) bool { return by.wrote[id] || by.wrote[j.find(id).table] }) {
		return true
	}
	if j.facts == nil {
		return false // nothing is computed
	}
	for id := range by.wrote {
		if affected := j.facts.affected(id); slices.ContainsFunc(ids, func(id string) bool { return affected[id] }) {
			return true
		}
	}
	return false
}

// there works out whether there is a file under a key.
func (j *judge) there(key string, before *progressOf) chance {
	if before.has(key, j.files) {
		return surely
	}
	c := never
	for _, maker := range before.made[key] {
		c = max(c, j.chance(maker))
	}
	if c == never && !j.passed(key, before) && (j.alone || before.maybe(key, j.storedUnmade(before, key))) {
		c = maybe
	}
	return c
}

// passed reports whether the only step that could have made a file was not due.
func (j *judge) passed(key string, before *progressOf) bool {
	return len(before.made[key]) == 0 && j.skipped != nil && j.skipped(key)
}

// storedUnmade looks into the store for a key that no step makes: where a step that
// makes it was not due, nothing of an earlier export counts.
func (j *judge) storedUnmade(before *progressOf, key string) func(string) bool {
	if len(before.made[key]) > 0 {
		return nil
	}
	return j.stored
}

// elements works out whether a table has rows, or a field is there.
func (j *judge) elements(schemaID string, before *progressOf) chance {
	switch n := j.rows(schemaID); {
	case j.content == nil:
		return maybe
	case n > 0:
		return surely
	case before.anyRow:
		return maybe
	}
	return never
}
