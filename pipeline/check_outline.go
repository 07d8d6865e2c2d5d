package pipeline

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// outline is a step with what its settings say of it, and with the steps in it. It is
// made once for a chain and a queue.
type outline struct {
	path, name string
	hook       *rossum.Hook
	uses       []Use
	told       bool // it says what it does
	works      bool // it does something itself, and is more than what is around others
	final      bool
	beside     bool // the inner ones run side by side
	inner      []*outline
	// ifs are conditions of the inner ones.
	ifs []*Condition
}

// target is what a flow is for.
type target struct {
	queue         int64
	event, action string
}

// newOutline walks through the steps of a chain.
func newOutline(c *Chain, t target) *outline {
	o := &outline{}
	t.row(o, c.Steps(), nil)
	return o
}

// row adds steps with paths below that of the outline.
func (t target) row(o *outline, steps []Step, hook *rossum.Hook) {
	keys := keysOf(steps)
	for i, s := range steps {
		if listensTo(s, t.event, t.action) {
			inner := &outline{path: o.path + "/" + pathKey.Replace(keys[i]), final: o.final}
			t.fill(inner, s, hook, "")
			o.inner = append(o.inner, inner)
		}
	}
}

// fill adds what there is to say of a step.
func (t target) fill(o *outline, s Step, hook *rossum.Hook, name string) {
	if name == "" {
		name = NameOf(s)
	}
	o.name, o.hook, o.final = name, hook, o.final || isFinal(s)
	switch s := s.(type) {
	case *Chain:
		t.row(o, s.Steps(), hook)
	case *parallel:
		o.beside = true
		t.row(o, s.branches, hook)
	case hookStep:
		t.fill(o, s.Step, s.hook, name)
	case *when:
		o.uses = s.uses()
		if s.condition != nil {
			o.ifs = append(o.ifs, s.condition)
		}
		inner := &outline{path: o.path, final: o.final}
		t.fill(inner, s.Step, hook, name)
		o.told, o.inner = true, []*outline{inner}
	case interface{ Unwrap() Step }:
		t.fill(o, s.Unwrap(), hook, name)
	default:
		o.works = true
		o.uses, o.told = describe(s, t.queue)
	}
}

// isAt reports whether a step is the one with the path, or holds it.
func (o *outline) isAt(path string) bool {
	return o.path == path || strings.HasPrefix(path, o.path+"/")
}

// find returns the innermost step at a path, nil if there is none.
func (o *outline) find(path string) *outline {
	if o.path == path {
		return o
	}
	for _, inner := range o.inner {
		if inner.isAt(path) {
			return inner.find(path)
		}
	}
	return nil
}

// calls reports whether the step, or one in it, may send anything.
func (o *outline) calls() bool {
	return o.works && !o.told ||
		slices.ContainsFunc(o.uses, func(u Use) bool { return u.Kind == UseSends || u.Kind == UseAsks }) ||
		slices.ContainsFunc(o.inner, (*outline).calls)
}

// sends reports whether the step, or one in it, says that it sends something.
func (o *outline) sends() bool {
	return slices.ContainsFunc(o.uses, func(u Use) bool { return u.Kind == UseSends }) || slices.ContainsFunc(o.inner, (*outline).sends)
}
