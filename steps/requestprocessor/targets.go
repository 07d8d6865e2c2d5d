package requestprocessor

import (
	"context"
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/reqproc"
)

// missingTargets looks for the fields that replies will be written to, before the first
// call of a run: after it, an invoice would be there without what was to follow it. A
// handler with a condition may never write, nor does a stage that is ruled out already, nor
// a call that iterates over a list without elements.
func (r *run) missingTargets(ctx context.Context) (missing faults) {
	written := make(map[string]bool)
	for _, st := range r.p.stages {
		for _, c := range st.calls {
			for _, h := range slices.Concat(c.priority, c.handlers) {
				if h.target == "schema_id" {
					written[h.key] = true
				}
			}
		}
	}
	for _, st := range r.p.stages {
		if r.ruledOut(ctx, st, written) {
			continue
		}
		for _, c := range st.calls {
			err := r.targets(c, 0)
			if c.iterate != nil && dependsOnSequence(c) {
				if n, _ := r.knownItems(ctx, c); n > 0 && c.iterate.Root() != "property" {
					missing = append(missing, r.missingOf(c, n)...)
				}
				continue
			}
			if err == nil {
				continue
			}
			n, lookErr := r.knownItems(ctx, c)
			switch {
			case lookErr != nil:
				missing = append(missing, named(fail(c.place, lookErr), c.name))
			case n > 0:
				missing = append(missing, named(fail(c.place, err), c.name))
			default:
				r.decide("%s (%s): %s may have no element; if it has one, the reply cannot be kept: %v", c.place, c.name, c.iterate, err)
			}
		}
	}
	return missing
}

// missingOf looks for the fields of the first n items of a call.
func (r *run) missingOf(c *call, n int) faults {
	if !dependsOnSequence(c) {
		n = min(n, 1) // whose fields are those of all
	}
	for k := range n {
		if err := r.targets(c, k); err != nil {
			return faults{named(fail(c.place, err), c.name)}
		}
	}
	return nil
}

// knownItems is how many items a call is certain to be made for, as far as that can be
// known now, 0 if it cannot: relations that the call iterates over are there already, what
// comes from replies is not.
func (r *run) knownItems(ctx context.Context, c *call) (int, error) {
	if c.iterate == nil {
		return 1, nil
	}
	if c.iterate.Root() != "property" {
		v, err := c.iterate.Resolve(ctx, r.quiet(c.place))
		if err != nil {
			return 0, nil // which the call itself says
		}
		if e, ok := v.Object().(reqproc.Elements); ok {
			return len(e.Elements()), nil
		}
		if list, ok := v.Items(); ok {
			return len(list), nil
		}
		if v.IsNone() || v.IsText() && v.Text() == "" {
			return 0, nil
		}
		return 1, nil
	}
	for _, st := range r.p.stages {
		for _, source := range st.contents {
			if source.name != c.iterate.Name(1) || source.source == "explicit" {
				continue
			}
			matching, err := r.matching(ctx, source)
			return len(matching), err
		}
	}
	return 0, nil
}

// dependsOnSequence reports whether the fields of a call are those of its items, of which
// there may be none.
func dependsOnSequence(c *call) bool {
	return slices.ContainsFunc(slices.Concat(c.priority, c.handlers), func(h *handler) bool {
		first, _ := formatKey(h.key, 0)
		second, _ := formatKey(h.key, 1)
		return first != second
	})
}

// ruledOut reports whether a condition of a stage is false whatever the run does before
// it comes there.
func (r *run) ruledOut(ctx context.Context, st *stage, written map[string]bool) bool {
	for _, g := range st.evaluate {
		s := r.quiet(g.place)
		s.Note = nil
		if slices.ContainsFunc(g.condition.Paths(), func(p *reqproc.Path) bool {
			return p.Root() == "property" || p.Root() == "field" && written[p.Name(1)]
		}) {
			continue
		}
		if ok, _, err := g.condition.Holds(ctx, s); err == nil && !ok {
			return true
		}
	}
	return false
}

// targets checks that the fields are there that the reply of one request will be
// written to.
func (r *run) targets(c *call, sequence int) error {
	for _, h := range slices.Concat(c.priority, c.handlers) {
		if h.target != "schema_id" || h.condition != nil {
			continue // whether the handler runs is known only afterwards
		}
		key, err := formatKey(h.key, sequence)
		if err == nil {
			_, err = r.x.Field(key)
		}
		if err != nil {
			return fail(h.place+".target_key", fmt.Errorf("%w; nothing was sent, since the reply could not be kept: add the field to the schema, with ui_configuration.type \"data\"", err))
		}
	}
	return nil
}
