package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Registry says which step stands for which hook: by a part of config.url for
// Rossum's hosted extensions, by name or id for an organisation's functions.
// The zero value is empty and ready to use. Fill it before the first FromHooks.
type Registry struct {
	webhooks  []webhookKind
	functions map[string]func(*rossum.Hook) (Step, error)
	fallback  func(*rossum.Hook) (Step, error)
}

type webhookKind struct {
	part string
	make func(*rossum.Hook) (Step, error)
}

// Webhook registers an extension: every webhook whose config.url contains part
// becomes what f makes of the hook's settings. Of several parts that fit, the
// longest counts.
func (r *Registry) Webhook(part string, f func(*rossum.Hook) (Step, error)) {
	r.webhooks = append(r.webhooks, webhookKind{part, f})
}

// Function registers a step for a function hook, or for any other hook that
// should not be what its kind says, by the hook's name or id.
func (r *Registry) Function(nameOrID string, f func(*rossum.Hook) (Step, error)) {
	if r.functions == nil {
		r.functions = make(map[string]func(*rossum.Hook) (Step, error))
	}
	r.functions[nameOrID] = f
}

// Functions registers what makes a step of a function hook that has no step of
// its own, for example an interpreter of its code. Its error means that the
// hook cannot be run.
func (r *Registry) Functions(f func(*rossum.Hook) (Step, error)) { r.fallback = f }

// Errors of [FromHooks]; match them with errors.Is.
var (
	ErrUnknownExtension   = errors.New("unknown extension")
	ErrNoFunction         = errors.New("function hook without a step")
	ErrCycle              = errors.New("run_after goes round in a circle")
	ErrMissingPredecessor = errors.New("predecessor is missing")
	ErrNoHooks            = errors.New("no hook for this export")
	// ErrInactivePredecessor means that a hook waits for one that is switched off;
	// see [SkipInactive].
	ErrInactivePredecessor = errors.New("predecessor is not active")
	// ErrSameKey means that two hooks make a file under the same reference key.
	ErrSameKey = errors.New("two hooks make the same file")
)

// step makes the step of a hook.
func (r *Registry) step(h *rossum.Hook) (Step, error) {
	if f := r.functions[strconv.FormatInt(h.ID, 10)]; f != nil {
		return f(h)
	}
	if f := r.functions[h.Name]; f != nil {
		return f(h)
	}
	if h.Type == "function" {
		if r.fallback != nil {
			return r.fallback(h)
		}
		return nil, fmt.Errorf("%w: register one with Registry.Function(%q, …) or by its id", ErrNoFunction, h.Name)
	}
	kind := r.kind(h.Config.URL)
	if kind == nil {
		return nil, fmt.Errorf("%w: config.url %q contains none of %s", ErrUnknownExtension, h.Config.URL, strings.Join(r.Kinds(), ", "))
	}
	return kind.make(h)
}

// kind finds the extension that an address stands for, nil if there is none.
func (r *Registry) kind(address string) (best *webhookKind) {
	for i, k := range r.webhooks {
		if strings.Contains(address, k.part) && (best == nil || len(k.part) > len(best.part)) {
			best = &r.webhooks[i]
		}
	}
	return best
}

// Kinds lists the parts of addresses that extensions are registered for.
func (r *Registry) Kinds() []string {
	kinds := make([]string, len(r.webhooks))
	for i, k := range r.webhooks {
		kinds[i] = k.part
	}
	return kinds
}

// FromHooks makes a chain of an organisation's hooks, as Rossum would run them
// for an export: those that are active and listen to annotation_content.export,
// ordered by run_after. Branches that do not depend on each other run side by
// side; see [Parallel]. With [OnQueue] only hooks of that queue count.
//
// The error joins all faults, each naming its hook: a cycle, a predecessor that
// is missing or switched off, an unknown extension, a function without a step, two
// hooks that make one file, and what the steps find wrong with their settings.
func FromHooks(hooks []*rossum.Hook, registry *Registry, options ...FromHooksOption) (*Chain, error) {
	a := &assembly{registry: registry, event: rossum.EventAnnotationContent, action: rossum.ActionExport}
	for _, o := range options {
		o(a)
	}
	a.choose(hooks)
	if len(a.chosen) == 0 {
		return nil, fmt.Errorf("%w: none of %d hooks is active and listens to %s.%s%s", ErrNoHooks, len(hooks), a.event, a.action, a.onQueue())
	}
	a.link(hooks)
	levels := a.order()
	steps := a.build()
	if err := errors.Join(a.faults...); err != nil {
		return nil, err
	}
	chain, err := New(a.arrange(levels, steps)...)
	if err != nil {
		return nil, err
	}
	if err := a.checkKeys(levels, steps); err != nil {
		return nil, err
	}
	chain.leftOut, chain.graph = a.leftOut, a.mermaid()
	chain.config.timeout = a.timeout()
	return chain, nil
}

// FromHooksOption narrows what [FromHooks] takes.
type FromHooksOption func(*assembly)

// OnQueue takes only hooks that are bound to the queue with the given URL.
func OnQueue(url string) FromHooksOption { return func(a *assembly) { a.queue = url } }

// SkipInactive lets hooks wait for what an inactive predecessor waits for. Without
// it such a predecessor is a fault: what it did may be missing further on.
func SkipInactive() FromHooksOption { return func(a *assembly) { a.skipInactive = true } }

// OnEvent takes hooks of another event than annotation_content.export.
func OnEvent(event, action string) FromHooksOption {
	return func(a *assembly) { a.event, a.action = event, action }
}

// assembly is a chain in the making.
type assembly struct {
	registry      *Registry
	queue         string
	event, action string
	skipInactive  bool

	chosen  []*rossum.Hook // by id
	after   map[int64][]int64
	leftOut []LeftOut
	faults  []error
}

func (a *assembly) onQueue() string {
	if a.queue == "" {
		return ""
	}
	return " on queue " + a.queue
}

// choose keeps the hooks that this export calls.
func (a *assembly) choose(hooks []*rossum.Hook) {
	for _, h := range hooks {
		switch {
		case a.queue != "" && !h.OnQueue(a.queue):
			continue // a hook of another queue is nobody's news here
		case !h.Active:
			a.leftOut = append(a.leftOut, LeftOut{h.String(), "not active"})
		case !h.ListensTo(a.event, a.action):
			a.leftOut = append(a.leftOut, LeftOut{h.String(), "listens to " + strings.Join(h.Events, ", ")})
		default:
			a.chosen = append(a.chosen, h)
		}
	}
	slices.SortStableFunc(a.chosen, func(x, y *rossum.Hook) int { return int(x.ID - y.ID) })
}

// link works out which chosen hook comes after which. A predecessor that is
// there but left out is passed through: what it waited for counts.
func (a *assembly) link(hooks []*rossum.Hook) {
	all := make(map[int64]*rossum.Hook, len(hooks))
	for _, h := range hooks {
		if all[h.ID] != nil {
			a.faults = append(a.faults, fmt.Errorf("hook %s: another hook has the same id", h))
		}
		all[h.ID] = h
	}
	chosen := make(map[int64]bool)
	for _, h := range a.chosen {
		chosen[h.ID] = true
	}
	a.after = make(map[int64][]int64)
	for _, h := range a.chosen {
		found := make(map[int64]bool)
		a.predecessors(h, h, all, chosen, found, map[int64]bool{})
		a.after[h.ID] = slices.Sorted(maps.Keys(found))
	}
}

func (a *assembly) predecessors(of, h *rossum.Hook, all map[int64]*rossum.Hook, chosen, found, seen map[int64]bool) {
	for _, url := range h.RunAfter {
		id := rossum.IDOf(url)
		before := all[id]
		switch {
		case before == nil:
			a.faults = append(a.faults, fmt.Errorf("hook %s: run_after names %s: %w", of, url, ErrMissingPredecessor))
		case chosen[id]:
			found[id] = true
		case !before.Active && !a.skipInactive:
			a.faults = append(a.faults, fmt.Errorf("hook %s: run_after names %s: %w; activate it, take it out of run_after, or skip it with pipeline.SkipInactive", of, before, ErrInactivePredecessor))
		case !seen[id]:
			seen[id] = true
			a.predecessors(of, before, all, chosen, found, seen)
		}
	}
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
			a.faults = append(a.faults, fmt.Errorf("%w: %s", ErrCycle, a.circle(done)))
			return ordered
		}
		done[a.chosen[next].ID] = true
		ordered = append(ordered, a.chosen[next])
	}
	return ordered
}

// circle names the hooks of one circle among those that are not done.
func (a *assembly) circle(done map[int64]bool) string {
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
	return strings.Join(names, " runs after ")
}

// build makes the steps by hook id.
func (a *assembly) build() map[int64]Step {
	steps := make(map[int64]Step)
	for _, h := range a.chosen {
		s, err := a.registry.step(h)
		if err != nil {
			for _, e := range wrapAll(h.Name, err) {
				a.faults = append(a.faults, fmt.Errorf("hook %s: %w", h, e))
			}
			continue
		}
		steps[h.ID] = Named(h.Name, s)
	}
	return steps
}

// checkKeys refuses two hooks that make a file under one key.
func (a *assembly) checkKeys(hooks []*rossum.Hook, steps map[int64]Step) error {
	made := make(map[string]*rossum.Hook)
	var faults []error
	for _, h := range hooks {
		for _, key := range makes(steps[h.ID]) {
			if other := made[key]; other != nil {
				faults = append(faults, fmt.Errorf("hooks %s and %s: %w under the key %q; give one of them another key", other, h, ErrSameKey, key))
				continue
			}
			made[key] = h
		}
	}
	return errors.Join(faults...)
}

// timeout is the longest time-out of the hooks: the chain does the work of all
// of them, but is called as one.
func (a *assembly) timeout() (longest time.Duration) {
	for _, h := range a.chosen {
		longest = max(longest, h.Timeout())
	}
	return longest
}
