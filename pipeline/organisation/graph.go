package organisation

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// link works out which chosen hook comes after which. A predecessor that is there but
// left out is passed through: what it waited for counts.
func (a *assembly) link() {
	l := linker{assembly: a, all: make(map[int64]*rossum.Hook), chosen: make(map[int64]bool), absent: make(map[int64]*absence)}
	for _, h := range a.all {
		l.all[h.ID] = h
	}
	for _, h := range a.chosen {
		l.chosen[h.ID] = true
	}
	for _, absent := range a.absent {
		l.absent[absent.hook.ID] = absent
	}
	a.after = make(map[int64][]int64)
	for _, h := range a.chosen {
		found := make(map[int64]bool)
		l.predecessors(h, h, found, map[int64]bool{})
		a.after[h.ID] = slices.Sorted(maps.Keys(found))
	}
}

// linker looks up hooks while they are linked.
type linker struct {
	*assembly
	all    map[int64]*rossum.Hook
	chosen map[int64]bool
	absent map[int64]*absence
}

// predecessors finds the chosen hooks that a hook waits for, at being the hook itself
// or one that is passed through.
func (l *linker) predecessors(of, at *rossum.Hook, found, seen map[int64]bool) {
	for _, url := range at.RunAfter {
		id := rossum.IDOf(url)
		before, place := l.all[id], waitsAt(at, url)
		switch {
		case before == nil:
			l.fault(newFault(at, place, fmt.Errorf("%s: %w; add the hook's file, or take it out of run_after", url, ErrMissingPredecessor)))
		case l.chosen[id]:
			found[id] = true
		case !before.Active && l.o.RequireActive:
			l.fault(newFault(at, place, fmt.Errorf("%s: %w; activate it, or take it out of run_after", before, ErrInactivePredecessor)))
		case !seen[id]:
			seen[id] = true
			if absent := l.absent[id]; absent != nil && !slices.Contains(absent.waiting, of.String()) {
				absent.waiting = append(absent.waiting, of.String())
			}
			l.predecessors(of, before, found, seen)
		}
	}
}

// waitsAt returns where a hook names a predecessor. What could not be read of
// run_after is not in RunAfter.
func waitsAt(h *rossum.Hook, url string) string {
	for i, element := range gjson.ParseBytes(h.Lookup("run_after")).Array() {
		if element.String() == url {
			return "run_after[" + strconv.Itoa(i) + "]"
		}
	}
	return "run_after[" + strconv.Itoa(slices.Index(h.RunAfter, url)) + "]"
}

// order returns the hooks in an order in which every hook comes after its
// predecessors: the one with the lowest id first where there is a choice.
func (a *assembly) order() []*rossum.Hook {
	done := make(map[int64]bool)
	var ordered []*rossum.Hook
	for len(ordered) < len(a.chosen) {
		next := slices.IndexFunc(a.chosen, func(h *rossum.Hook) bool {
			return !done[h.ID] && !slices.ContainsFunc(a.after[h.ID], func(id int64) bool { return !done[id] })
		})
		if next < 0 {
			first, circle := a.circle(done)
			a.fault(newFault(first, "run_after", fmt.Errorf("%w: %s", ErrCycle, circle)))
			return ordered
		}
		done[a.chosen[next].ID] = true
		ordered = append(ordered, a.chosen[next])
	}
	return ordered
}

// circle returns a hook of one circle among those that are not done, and names all of
// them.
func (a *assembly) circle(done map[int64]bool) (*rossum.Hook, string) {
	byID := make(map[int64]*rossum.Hook)
	var at int64
	for _, h := range a.chosen {
		if byID[h.ID] = h; !done[h.ID] && at == 0 {
			at = h.ID
		}
	}
	var path []int64
	for !slices.Contains(path, at) {
		path = append(path, at)
		for _, before := range a.after[at] {
			if !done[before] {
				at = before
				break
			}
		}
	}
	path = append(path[slices.Index(path, at):], at)
	names := make([]string, len(path))
	for i, id := range path {
		names[i] = byID[id].String()
	}
	text := names[0] + " runs after " + names[1]
	for _, name := range names[2:] {
		text += ", which runs after " + name
	}
	return byID[path[0]], text + "; take one of them out of run_after"
}
