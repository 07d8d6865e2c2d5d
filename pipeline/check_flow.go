package pipeline

import (
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// flow is what the steps of a chain use, in the order in which they run: what can be
// said of a chain without knowing an annotation.
type flow struct {
	uses    []flowUse
	hooks   []hookFlow
	writes  written
	unclear bool // a step does not say what it writes
}

// flowUse is a use with what the steps before it have done.
type flowUse struct {
	Use
	step   string
	hook   *rossum.Hook
	before progressOf
	keys   []string // made by any step at all
}

// progressOf is what steps have done when another begins.
type progressOf struct {
	made    map[string]bool // reference keys; true if the step may be passed over
	learnt  map[string]bool // secrets
	removed map[string]bool // keys of files that were there before; "" for all
	written bool            // a field
	anyFile bool            // a step may have made any file
	anyRow  bool            // a step may have written any field, and added rows
}

func (p progressOf) clone() progressOf {
	p.made, p.learnt, p.removed = maps.Clone(p.made), maps.Clone(p.learnt), maps.Clone(p.removed)
	return p
}

// join adds what another branch has done.
func (p *progressOf) join(o progressOf) {
	for key, maybe := range o.made {
		was, known := p.made[key]
		p.made[key] = maybe && (!known || was)
	}
	for name := range o.learnt {
		p.learnt[name] = true
	}
	for key := range o.removed {
		p.removed[key] = true
	}
	p.written, p.anyFile, p.anyRow = p.written || o.written, p.anyFile || o.anyFile, p.anyRow || o.anyRow
}

// hookFlow are the uses of one hook, for what concerns the hook itself.
type hookFlow struct {
	hook  *rossum.Hook
	step  string
	sends string // what it sends, "" if nothing
}

// target is what a flow is for.
type target struct {
	queue         int64
	event, action string
}

// newFlow walks through the steps of a chain.
func newFlow(c *Chain, t target) *flow {
	b := &flowBuilder{target: t, flow: &flow{writes: make(written)}}
	b.walk(c, nil, "", &progressOf{made: make(map[string]bool), learnt: make(map[string]bool), removed: make(map[string]bool)}, false)
	for i := range b.flow.uses {
		b.flow.uses[i].keys = b.keys
	}
	return b.flow
}

// flowBuilder is a flow in the making.
type flowBuilder struct {
	target
	flow *flow
	keys []string
}

// walk adds a step and what is within it. maybe says that it runs only under a
// condition.
func (b *flowBuilder) walk(s Step, hook *rossum.Hook, name string, p *progressOf, maybe bool) {
	if !listensTo(s, b.event, b.action) {
		return
	}
	if name == "" {
		name = NameOf(s)
	}
	switch s := s.(type) {
	case *Chain:
		for _, inner := range s.Steps() {
			b.walk(inner, hook, "", p, maybe)
		}
		return
	case *parallel:
		b.branches(s, hook, p, maybe)
		return
	case hookStep:
		b.walk(s.Step, s.hook, name, p, maybe)
		return
	case *when:
		b.add(s.uses(), hook, name, p, maybe)
		b.walk(s.Step, hook, name, p, true)
		return
	case interface{ Unwrap() Step }:
		b.walk(s.Unwrap(), hook, name, p, maybe)
		return
	}
	b.step(s, hook, name, p, maybe)
}

// branches adds steps that run side by side: none sees what the others do.
func (b *flowBuilder) branches(s *parallel, hook *rossum.Hook, p *progressOf, maybe bool) {
	before := p.clone()
	for _, inner := range s.branches {
		own := before.clone()
		b.walk(inner, hook, "", &own, maybe)
		p.join(own)
	}
}

func (b *flowBuilder) step(s Step, hook *rossum.Hook, name string, p *progressOf, maybe bool) {
	uses, told := describe(s, b.queue)
	sends := b.add(uses, hook, name, p, maybe)
	if !told { // it may do anything
		p.anyFile, p.anyRow, p.written, b.flow.unclear = true, true, true, true
	}
	if hook != nil {
		b.flow.hooks = append(b.flow.hooks, hookFlow{hook, name, sends})
	}
}

// add notes the uses of a step, and returns what it sends.
func (b *flowBuilder) add(uses []Use, hook *rossum.Hook, name string, p *progressOf, maybe bool) (sends string) {
	before := p.clone()
	for _, u := range uses {
		u.Conditional = u.Conditional || maybe
		b.flow.uses = append(b.flow.uses, flowUse{Use: u, step: name, hook: hook, before: before})
		switch u.Kind {
		case UseSends:
			sends = u.Name
		case UseMakes:
			b.keys = append(b.keys, u.Name)
			p.made[u.Name] = u.Conditional
		case UseRemoves:
			p.remove(u)
		case UseLearns:
			if hook == nil { // a hook keeps to itself what it learns
				p.learnt[u.Name] = true
			}
		case UseWrites:
			b.write(u, p, before)
		}
	}
	return sends
}

// write notes that a field is written.
func (b *flowBuilder) write(u Use, p *progressOf, before progressOf) {
	p.written = true
	if u.Name == "" { // any field
		p.anyRow, b.flow.unclear = true, true
		return
	}
	certain := !u.Conditional && !u.Optional && !before.made[u.IfFile] && len(u.IfFields) == 0
	b.flow.writes[u.Name] = b.flow.writes[u.Name] || certain
}

// remove forgets files that a step removes for certain.
func (p *progressOf) remove(u Use) {
	if u.Conditional {
		return
	}
	p.removed[u.Name] = true
	maps.DeleteFunc(p.made, func(key string, _ bool) bool { return u.Name == "" || u.Name == key })
}

// has reports whether a file that was there before the run is still there.
func (p *progressOf) has(key string, before []string) bool {
	return slices.Contains(before, key) && !p.removed[""] && !p.removed[key]
}

// maybe reports whether there may be a file that no step is known to make: from a step
// that does not say what it makes, or in a store, from an earlier export.
func (p *progressOf) maybe(key string, stored func(string) bool) bool {
	return p.anyFile || stored != nil && !p.removed[""] && !p.removed[key] && stored(key)
}

// later reports whether a key that is not there yet is made by another step.
func (u *flowUse) later() bool { return slices.Contains(u.keys, u.Name) }
