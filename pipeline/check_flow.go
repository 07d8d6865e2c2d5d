package pipeline

import (
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// flow is what the steps of a chain use, in the order in which they run: what can be
// said of a chain without knowing an annotation.
type flow struct {
	uses    []*flowUse
	hooks   []hookFlow
	keys    []string // made by any step at all
	unclear bool     // a step does not say what it writes
}

// flowUse is a use with what the steps before it do.
type flowUse struct {
	Use
	step   string
	hook   *rossum.Hook
	before *progressOf
	due    []*due // on which it depends
	aside  bool   // it is that of another branch, and only matters to what comes after both
	keys   *[]string
}

// due is a condition in its place among the steps.
type due struct {
	*Condition
	hook   *rossum.Hook
	before *progressOf
}

// progressOf is what steps do until another begins.
type progressOf struct {
	made    map[string][]*flowUse // what makes a reference key
	learnt  map[string]bool       // secrets
	removed map[string]bool       // keys of files that were there before; "" for all
	wrote   map[string]bool       // schema_ids, as far as they are known
	written bool                  // a field
	anyFile bool                  // a step may have made any file
	anyRow  bool                  // a step may have written any field, and added rows
}

func newProgress() *progressOf {
	return &progressOf{made: make(map[string][]*flowUse), learnt: make(map[string]bool), removed: make(map[string]bool), wrote: make(map[string]bool)}
}

func (p *progressOf) clone() *progressOf {
	c := *p
	c.made, c.learnt, c.removed, c.wrote = maps.Clone(p.made), maps.Clone(p.learnt), maps.Clone(p.removed), maps.Clone(p.wrote)
	return &c
}

// join adds what another branch has done.
func (p *progressOf) join(o *progressOf) {
	for key, makers := range o.made {
		for _, u := range makers {
			if !slices.Contains(p.made[key], u) {
				p.made[key] = append(slices.Clip(p.made[key]), u)
			}
		}
	}
	maps.Copy(p.learnt, o.learnt)
	maps.Copy(p.removed, o.removed)
	maps.Copy(p.wrote, o.wrote)
	p.written, p.anyFile, p.anyRow = p.written || o.written, p.anyFile || o.anyFile, p.anyRow || o.anyRow
}

// hookFlow are the uses of one hook, for what concerns the hook itself.
type hookFlow struct {
	hook  *rossum.Hook
	step  string
	sends string // what it sends, "" if nothing
}

// flow follows the steps from the one with a path on, "" for all of them: those before
// it have done their work.
func (o *outline) flow(from string) *flow {
	b := &flowBuilder{flow: &flow{}}
	b.visit(o, newProgress(), nil, from)
	return b.flow
}

// flowBuilder is a flow in the making.
type flowBuilder struct {
	flow  *flow
	aside bool
}

// visit adds a step and what is in it, from the step with a path on.
func (b *flowBuilder) visit(o *outline, p *progressOf, around []*due, from string) {
	within := from != "" && from != o.path // the step has begun
	if !within {
		from = ""
		b.step(o, p, around)
		for _, c := range o.ifs {
			around = append(slices.Clip(around), &due{c, o.hook, p.clone()})
		}
	}
	if o.beside {
		b.branches(o, p, around, from)
		return
	}
	for _, inner := range o.inner {
		if from != "" && !inner.isAt(from) {
			continue // it is over
		}
		b.visit(inner, p, around, from)
		from = ""
	}
}

// branches adds steps that run side by side: none sees what the others do.
func (b *flowBuilder) branches(o *outline, p *progressOf, around []*due, from string) {
	before, aside := p.clone(), b.aside
	for _, inner := range o.inner {
		own, at := before.clone(), from
		if b.aside = aside || at != "" && !inner.isAt(at); b.aside {
			at = "" // how far it has come by now is not known
		}
		b.visit(inner, own, around, at)
		p.join(own)
	}
	b.aside = aside
}

// step notes the uses of a step.
func (b *flowBuilder) step(o *outline, p *progressOf, around []*due) {
	before, sends := p.clone(), ""
	for _, u := range o.uses {
		f := &flowUse{Use: u, step: o.name, hook: o.hook, before: before, due: around, aside: b.aside, keys: &b.flow.keys}
		for _, c := range u.If {
			f.due = append(slices.Clip(f.due), &due{c, o.hook, before})
		}
		b.flow.uses = append(b.flow.uses, f)
		if u.Kind == UseSends {
			sends = u.Name
		}
		b.effect(f, p)
	}
	if !o.works {
		return
	}
	if !o.told { // it may do anything
		p.anyFile, p.anyRow, p.written, b.flow.unclear = true, true, true, true
	}
	if o.hook != nil && !b.aside {
		b.flow.hooks = append(b.flow.hooks, hookFlow{o.hook, o.name, sends})
	}
}

// effect notes what a use changes for the steps that follow.
func (b *flowBuilder) effect(u *flowUse, p *progressOf) {
	switch u.Kind {
	case UseMakes:
		b.flow.keys = append(b.flow.keys, u.Name)
		p.made[u.Name] = append(slices.Clip(p.made[u.Name]), u)
	case UseRemoves:
		p.remove(u)
	case UseLearns:
		if u.hook == nil { // a hook keeps to itself what it learns
			p.learnt[u.Name] = true
		}
	case UseWrites:
		p.written = true
		if u.Name == "" { // any field
			p.anyRow, b.flow.unclear = true, true
			return
		}
		p.wrote[u.Name] = true
	}
}

// remove forgets files that a step removes for certain.
func (p *progressOf) remove(u *flowUse) {
	if u.Conditional || len(u.due) > 0 {
		return
	}
	p.removed[u.Name] = true
	maps.DeleteFunc(p.made, func(key string, _ []*flowUse) bool { return u.Name == "" || u.Name == key })
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
func (u *flowUse) later() bool { return slices.Contains(*u.keys, u.Name) }
