package organisation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// arrange turns the graph of hooks into steps: what depends on each other in a row,
// what does not side by side. The hooks must come in an order that fits their
// dependencies.
func (a *assembly) arrange(hooks []*rossum.Hook, steps map[int64]pipeline.Step) ([]pipeline.Step, error) {
	if len(hooks) == 0 {
		return nil, nil
	}
	if parts := a.components(hooks); len(parts) > 1 {
		branches := make([]pipeline.Step, len(parts))
		for i, part := range parts {
			branch, err := a.branch(part, steps)
			if err != nil {
				return nil, err
			}
			branches[i] = branch
		}
		return []pipeline.Step{pipeline.Parallel(branches...)}, nil
	}
	before, at, after := a.cut(hooks)
	row, err := a.arrange(before, steps)
	if err != nil {
		return nil, err
	}
	if at != nil {
		row = append(row, steps[at.ID])
	}
	rest, err := a.arrange(after, steps)
	return append(row, rest...), err
}

// branch makes one step of hooks that run in a row beside others.
func (a *assembly) branch(hooks []*rossum.Hook, steps map[int64]pipeline.Step) (pipeline.Step, error) {
	if len(hooks) == 1 {
		return steps[hooks[0].ID], nil
	}
	row, err := a.arrange(hooks, steps)
	if err != nil {
		return nil, err
	}
	chain, err := pipeline.New(row...)
	if err != nil {
		return nil, err
	}
	return pipeline.Named("after "+hooks[0].Name, chain), nil
}

// components splits hooks into groups that have nothing to do with each other.
func (a *assembly) components(hooks []*rossum.Hook) [][]*rossum.Hook {
	group := make(map[int64]int)
	for i, h := range hooks {
		group[h.ID] = i
	}
	for _, h := range hooks {
		for _, before := range a.after[h.ID] {
			from, known := group[before]
			if !known || from == group[h.ID] {
				continue
			}
			to := group[h.ID]
			for id, g := range group {
				if g == from {
					group[id] = to
				}
			}
		}
	}
	var parts [][]*rossum.Hook
	place := make(map[int]int)
	for _, h := range hooks {
		i, known := place[group[h.ID]]
		if !known {
			i = len(parts)
			place[group[h.ID]] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], h)
	}
	return parts
}

// cut finds a hook that everything else comes before or after. Where there is
// none, it cuts behind the hooks that wait for nothing: some of the others then
// wait longer than they need to, but never too short.
func (a *assembly) cut(hooks []*rossum.Hook) (before []*rossum.Hook, at *rossum.Hook, after []*rossum.Hook) {
	reach := a.reach(hooks)
	for _, h := range hooks {
		before, after = nil, nil
		for _, other := range hooks {
			switch {
			case other == h:
			case reach[h.ID][other.ID]:
				before = append(before, other)
			case reach[other.ID][h.ID]:
				after = append(after, other)
			}
		}
		if len(before)+len(after)+1 == len(hooks) {
			return before, h, after
		}
	}
	before, after = nil, nil
	for _, h := range hooks {
		if len(reach[h.ID]) == 0 {
			before = append(before, h)
		} else {
			after = append(after, h)
		}
	}
	return before, nil, after
}

// reach lists for each hook those of the group that it comes after, directly
// or not.
func (a *assembly) reach(hooks []*rossum.Hook) map[int64]map[int64]bool {
	reach := make(map[int64]map[int64]bool)
	for _, h := range hooks {
		reach[h.ID] = make(map[int64]bool)
		for _, before := range a.after[h.ID] {
			if reach[before] == nil {
				continue // not of this group
			}
			reach[h.ID][before] = true
			for id := range reach[before] {
				reach[h.ID][id] = true
			}
		}
	}
	return reach
}

// mermaid draws the hooks of the chain and their order.
func (a *assembly) mermaid() string {
	var b strings.Builder
	b.WriteString("graph TD\n")
	hooks := slices.Clone(a.chosen)
	for _, h := range hooks {
		fmt.Fprintf(&b, "  h%d[\"%s\"]\n", h.ID, strings.NewReplacer(`"`, "#quot;", "\n", " ").Replace(h.Name))
	}
	for _, h := range hooks {
		for _, before := range a.after[h.ID] {
			fmt.Fprintf(&b, "  h%d --> h%d\n", before, h.ID)
		}
	}
	return b.String()
}
