package jsontemplate

import (
	"context"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// chooser is an operator that renders one of several templates.
type chooser interface {
	choose(r *rendering, s *scope) (branch, error)
}

// branch is what a chooser has chosen. Its node is nil where the key, or list element,
// disappears.
type branch struct {
	name  string // its place in the settings
	node  node
	scope *scope
}

func mappingOf(place string) string  { return settings.Join(place, "mapping") }
func fallbackOf(place string) string { return settings.Join(place, "fallback_mapping") }

// chosen renders what an operator chooses.
func (r *rendering) chosen(c chooser, s *scope) (pyvalue.Value, error) {
	b, err := c.choose(r, s)
	if err != nil {
		return pyvalue.None(), err
	}
	if b.node == nil {
		return omitted, nil
	}
	return b.node.render(r, b.scope)
}

// Chosen lists the branches (see [Use]) that rendering the template with the data
// comes to. Nothing is fetched. Rendering ends where an operator cannot decide; what
// comes after it is looked at all the same.
func (t *Template) Chosen(ctx context.Context, d *Data) map[string]bool {
	c := chosen{newRendering(ctx), make(map[string]bool)}
	c.walk(t.root, &scope{data: d})
	return c.branches
}

// chosen is what [Template.Chosen] has found by now.
type chosen struct {
	*rendering
	branches map[string]bool
}

func (c chosen) walk(n node, s *scope) {
	if c.meter.Step(1) != nil { // and neither is anything that comes after
		return
	}
	switch n := n.(type) {
	case list:
		for _, e := range n.elements {
			c.walk(e, s)
		}
	case object:
		for _, m := range n.members {
			c.walk(m.value, s)
		}
	case forEach:
		found, err := c.elements(s, n.schemaID)
		if err != nil {
			return
		}
		all := &rows{list: found}
		for i, row := range found {
			c.walk(n.mapping, &scope{data: s.data, outer: s, node: row, index: i, rows: all})
		}
		if len(found) == 0 {
			c.branches[fallbackOf(n.place)] = true
			c.walk(n.fallback, s)
		}
	case chooser:
		if b, err := n.choose(c.rendering, s); err == nil && b.node != nil {
			c.branches[b.name] = true
			c.walk(b.node, b.scope)
		}
	}
}

// Truth reports whether the text of a rendered condition counts as true: it is not
// empty and not "false" in any case.
func Truth(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && !strings.EqualFold(text, "false")
}
