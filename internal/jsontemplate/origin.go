package jsontemplate

import (
	"context"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Step is a part of a path in what a template renders: a key, or the index of a
// list's element if Key is "".
type Step struct {
	Key   string
	Index int
}

// Origin is what a rendered value came from.
type Origin struct {
	Place    string // of the placeholder or operator in the settings
	SchemaID string
	Node     Node // the field
}

// Origin finds the field that the value at a path came from; the second result is
// false if it came from none. It renders the template again, so it is for
// reporting what is wrong with a value.
func (t *Template) Origin(ctx context.Context, d *Data, path []Step) (Origin, bool) {
	if d == nil {
		d = &Data{}
	}
	r := newRendering(ctx)
	r.wanted = path
	// What cannot be rendered has no origin either.
	_, _ = t.root.render(r, &scope{data: d})
	return r.origin, r.origin.SchemaID != ""
}

// below renders a part of an object or list at its place in the result. While an
// origin is looked for, parts that cannot lead to it are passed over.
func (r *rendering) below(s Step, n node, in *scope) (pyvalue.Value, error) {
	if err := r.meter.Step(1); err != nil {
		return pyvalue.None(), err
	}
	if r.wanted == nil {
		return n.render(r, in)
	}
	on := r.depth < len(r.wanted) && r.wanted[r.depth] == s
	if !on && s.Key != "" {
		return pyvalue.None(), nil
	}
	// Elements of a list before the wanted one must be rendered, since one that
	// disappears moves the others.
	was := r.off
	r.off = r.off || !on
	r.depth++
	v, err := n.render(r, in)
	r.depth--
	r.off = was
	return v, err
}

// from notes the field that a value comes from, if it is the wanted one.
func (r *rendering) from(place, schemaID string, n Node) {
	if r.wanted != nil && !r.off && r.depth == len(r.wanted) {
		r.origin = Origin{place, schemaID, n}
	}
}
