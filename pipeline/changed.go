package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place of a step in a chain.
type pathOf struct {
	path   string
	unsure bool // another step has the same name
	row    bool // it is a chain or a Parallel
}

// paths lists all steps in the order in which they end.
func (c *Chain) paths(above string) []pathOf { return pathsOf(c.links, above) }

func pathsOf(links []link, above string) []pathOf {
	var all []pathOf
	for _, l := range links {
		path := above + l.path
		switch p := l.program.(type) {
		case *Chain:
			all = append(all, pathsOf(p.links, path)...)
		case branches:
			all = append(all, pathsOf(p, path)...)
		}
		all = append(all, pathOf{path, l.unsure, l.isRow()})
	}
	return all
}

// rowOf is the path of the chain or Parallel that a step is in, and keyIn its key there.
// A path without a slash, which only a damaged ledger has, is in no row.
func rowOf(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }
func keyIn(path string) string { return path[max(0, strings.LastIndexByte(path, '/')):] }

// goOn has the chain go on with a run that another chain has begun, if that is possible.
func (c *Chain) goOn(ctx context.Context, j *Journal, lease Lease, h *history) error {
	if h.Fingerprint == c.print {
		return nil
	}
	moves, err := c.fits(h)
	if err != nil {
		return err
	}
	now := chainRecord{c.print, moves}
	r, err := j.record(placeOf(recordChain, h.RunInfo), recordChain, now)
	if err != nil {
		return err
	}
	if err := j.ledger.Append(ctx, lease, r); err != nil {
		return fmt.Errorf("%w: %w", ErrNotNoted, err)
	}
	h.become(now)
	return nil
}

// fits says whether the chain can go on with a run: the steps that have ended, or may
// have sent something, must be there, in their order, and known for sure. A step that
// is in another row now, such as a branch of a Parallel, is known by its key.
func (c *Chain) fits(h *history) ([]movedStep, error) {
	paths := c.paths("")
	find := func(path string) int { return slices.IndexFunc(paths, func(p pathOf) bool { return p.path == path }) }
	touched := h.touched()
	last := make(map[string]int) // place of the last step, by the row
	var moves []movedStep
	for _, old := range touched {
		at := find(old)
		if at < 0 {
			at = onlyOne(paths, old)
			if at >= 0 && slices.Contains(touched, paths[at].path) {
				at = -1 // it is another step
			}
			if at >= 0 {
				moves = append(moves, movedStep{From: old, To: paths[at].path})
			}
		}
		if at >= 0 && (paths[at].unsure || slices.Contains(touched, old+"#2")) {
			return nil, fmt.Errorf("%w: the chain has changed, and several of its steps have the name of step %s; give each a name of its own", ErrChanged, old)
		}
		row := rowOf(old)
		if at >= 0 && rowOf(paths[at].path) != row && row == "" { // it counts where it is now
			first, _, _ := strings.Cut(paths[at].path[1:], "/")
			at = find("/" + first)
		} else if at >= 0 && rowOf(paths[at].path) != row {
			continue // what was in a row of its own may go anywhere
		}
		before := last[row]
		if last[row] = at; at < before {
			return nil, fmt.Errorf("%w: the chain has changed, and its step %s, which had ended or may have sent something, is no longer there or has moved", ErrChanged, old)
		}
	}
	return moves, nil
}

// onlyOne finds the one step with the key of a path, -1 if there is none or several.
func onlyOne(paths []pathOf, old string) int {
	found := -1
	for i, p := range paths {
		if p.row || keyIn(p.path) != keyIn(old) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// touched lists the steps, without those that are chains or a Parallel, that have ended,
// in that order, and then those that may have sent something.
func (h *history) touched() []string {
	all := slices.Clone(h.order)
	for _, c := range newRunLog(nil, Lease{}, h.RunInfo, h).made() {
		if c.Step != "" && !slices.Contains(all, c.Step) {
			all = append(all, c.Step)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(path string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, path+"/") })
	})
}

// become has the history be one of a run in another chain. What the export was like when
// a step had ended that is in another row now counts no more: the step runs again, with
// the answers that it had got.
func (h *history) become(c chainRecord) {
	h.Fingerprint = c.Fingerprint
	for _, m := range c.Moves {
		for _, call := range h.calls {
			if call.Step == m.From {
				call.Step = m.To
			}
		}
		if at, ok := h.started[m.From]; ok {
			h.started[m.To] = at
		}
		for path := m.From; path != ""; path = rowOf(path) { // the rows that it was in, too
			h.forget(path)
		}
		if h.origins == nil {
			h.origins = make(map[string]string)
		}
		h.origins[m.To] = h.origin(m.From)
	}
}

// forget drops that a step has ended.
func (h *history) forget(path string) {
	if h.steps[path] != nil {
		delete(h.steps, path)
		h.order = slices.DeleteFunc(h.order, func(other string) bool { return other == path })
	}
}

// origin is where a step was when the run began: what it draws by chance, and the keys of
// its calls, are made from that.
func (h *history) origin(path string) string {
	if h != nil && h.origins[path] != "" {
		return h.origins[path]
	}
	return path
}

// fingerprint is a hash of steps, their keys and settings.
func fingerprint(links []link) string {
	h := sha256.New()
	writeLinks(h.Write, links)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func writeLinks(write func([]byte) (int, error), links []link) {
	for _, l := range links {
		settings, err := json.Marshal(l.innermost())
		if err != nil {
			settings = nil // a function: its key stands for it
		}
		_, _ = write([]byte(strconv.Quote(l.key) + fmt.Sprintf("%T", l.innermost()) + string(settings)))
		switch p := l.program.(type) {
		case *Chain:
			writeLinks(write, p.links)
		case branches:
			writeLinks(write, p)
		}
		_, _ = write([]byte(";"))
	}
}
