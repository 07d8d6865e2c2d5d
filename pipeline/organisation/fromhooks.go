package organisation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// FromHooks makes a chain of an organisation's hooks, as Rossum would run them for an
// export: those that are active and listen to annotation_content.export, ordered by
// run_after. Branches that do not depend on each other run side by side; see
// [pipeline.Parallel]. With a queue in the options only its hooks count. Every hook runs
// with its own settings and secrets; see [pipeline.ForHook].
//
// The error joins all faults of all hooks. What concerns one hook is a [*Fault]: what
// could not be read of it, predecessors that are missing, an unknown extension, a
// function without a step, and what the steps find wrong with the settings. A circle,
// and two hooks that make one file, are faults of one of them that name the others.
func FromHooks(hooks []*rossum.Hook, registry *Registry, o Options) (*pipeline.Chain, error) {
	if registry == nil {
		return nil, registry.Err()
	}
	if at := slices.Index(hooks, nil); at >= 0 {
		return nil, fmt.Errorf("%w: hooks[%d] is nil", ErrNoHooks, at)
	}
	if o.Event == "" && o.Action == "" {
		o.Event, o.Action = rossum.EventAnnotationContent, rossum.ActionExport
	}
	a := &assembly{registry: registry, all: hooks, o: o, unsound: make(map[int64]bool)}
	a.fault(registry.Err())
	a.choose()
	steps := a.build()
	a.link()
	ordered := a.order()
	a.checkKeys(ordered, steps)
	if len(a.chosen) == 0 {
		a.fault(a.nothing())
	}
	chain, err := a.chain(ordered, steps)
	a.fault(err)
	if chain != nil && a.o.Check != nil && len(ordered) == len(a.chosen) { // else an order is missing
		a.faults = append(a.faults, a.compare(chain)...)
	}
	sortFaults(a.faults)
	if err := errors.Join(a.faults...); err != nil {
		if chain != nil {
			err = errors.Join(err, chain.Close())
		}
		return nil, err
	}
	return chain, nil
}

// standIn is a hook at fault while the others are checked: it may write any field, and
// makes every file that the others need.
type standIn struct{ uses []pipeline.Use }

func (standIn) Run(context.Context, *pipeline.Export) error { return nil }
func (s standIn) Uses(int64) []pipeline.Use                 { return s.uses }

// chain makes the chain. Hooks at fault have stand-ins in it.
func (a *assembly) chain(ordered []*rossum.Hook, steps map[int64]pipeline.Step) (*pipeline.Chain, error) {
	sound := maps.Clone(steps)
	missing := standIn{[]pipeline.Use{{Kind: pipeline.UseWrites, Conditional: true}}}
	for _, h := range ordered {
		if a.unsound[h.ID] {
			continue
		}
		if d, ok := pipeline.Ability[pipeline.Describer](steps[h.ID]); ok {
			for _, u := range d.Uses(rossum.IDOf(a.o.Queue)) {
				if u.Kind == pipeline.UseNeeds {
					missing.uses = append(missing.uses, pipeline.Use{Kind: pipeline.UseMakes, Name: u.Name})
				}
			}
		}
	}
	for _, h := range ordered {
		if a.unsound[h.ID] {
			sound[h.ID] = pipeline.ForHook(h, missing)
		}
	}
	arranged, err := a.arrange(ordered, sound)
	if err != nil {
		return nil, err
	}
	chain, err := pipeline.New(arranged...)
	if err != nil {
		return nil, err
	}
	return chain.WithOrigin(pipeline.Origin{Hooks: a.all, Queue: a.o.Queue, LeftOut: a.leftOut(), Graph: a.mermaid(), Timeout: a.timeout()}), nil
}

// compare returns what would fail every export of the queue.
func (a *assembly) compare(chain *pipeline.Chain) (faults []error) {
	byName := make(map[string]*rossum.Hook)
	for _, h := range a.chosen {
		byName[h.String()] = h
	}
	for _, f := range chain.Check(a.o.Check.Schema, a.o.Check.Run...) {
		if f.Severity != pipeline.SeverityError {
			if a.o.Check.Warn != nil {
				a.o.Check.Warn(f)
			}
			continue
		}
		h := byName[f.Hook]
		if h == nil { // a formula
			faults = append(faults, f)
			continue
		}
		fault := newFault(h, f.Place, &found{f})
		fault.File, fault.Line = f.File, f.Line
		faults = append(faults, fault)
	}
	return faults
}

// found is a finding whose place is named already.
type found struct{ *pipeline.Finding }

func (f *found) Error() string {
	if f.Fix == "" {
		return f.Err.Error()
	}
	return f.Err.Error() + "; " + f.Fix
}

func (f *found) Unwrap() error { return f.Finding }

// assembly is a chain in the making.
type assembly struct {
	registry *Registry
	all      []*rossum.Hook
	o        Options

	chosen []*rossum.Hook // by id
	absent []*absence
	after  map[int64][]int64
	faults []error
	// unsound are hooks whose settings are at fault.
	unsound map[int64]bool
}

// absence is a hook that is left out.
type absence struct {
	hook    *rossum.Hook
	why     string
	other   bool     // it is for other events
	waiting []string // hooks of the chain that name it in run_after
}

func (a *assembly) fault(err error) {
	if err != nil {
		a.faults = append(a.faults, err)
	}
}

// choose keeps the hooks that this export calls.
func (a *assembly) choose() {
	for _, name := range a.o.LeaveOut {
		if !slices.ContainsFunc(a.all, func(h *rossum.Hook) bool { return isCalled(h, name) }) {
			a.fault(a.noSuchHook(name))
		}
	}
	seen := make(map[int64]*rossum.Hook)
	for _, h := range a.all {
		if other := seen[h.ID]; other != nil {
			a.fault(newFault(h, "id", fmt.Errorf("%w: %s", ErrSameID, other)))
			continue
		}
		seen[h.ID] = h
		if a.o.Queue != "" && !h.OnQueue(a.o.Queue) && !h.Unreadable("queues") {
			continue // a hook of another queue is nobody's news here
		}
		if !h.ListensTo(a.o.Event, a.o.Action) && !h.Unreadable("events") {
			a.absent = append(a.absent, &absence{hook: h, why: "listens to " + strings.Join(h.Events, ", "), other: true})
			continue
		}
		if why := a.whyNot(h); why != "" {
			a.absent = append(a.absent, &absence{hook: h, why: why})
			continue
		}
		a.chosen = append(a.chosen, h)
	}
	slices.SortStableFunc(a.chosen, func(x, y *rossum.Hook) int { return int(x.ID - y.ID) })
}

// whyNot says why a hook is left out, "" if it is not.
func (a *assembly) whyNot(h *rossum.Hook) string {
	if slices.ContainsFunc(a.o.LeaveOut, func(name string) bool { return isCalled(h, name) }) {
		return "as the options say"
	}
	if a.o.LeaveOutIf != nil {
		if why := a.o.LeaveOutIf(h); why != "" {
			return why
		}
	}
	if !h.Active && !h.Unreadable("active") {
		return "not active"
	}
	return ""
}

func (a *assembly) noSuchHook(name string) error {
	var known []string
	for _, h := range a.all {
		known = append(known, h.Name)
	}
	if near := settings.Nearest(name, known); near != "" {
		return fmt.Errorf("%w: %q; did you mean %q?", ErrLeaveOut, name, near)
	}
	return fmt.Errorf("%w: %q", ErrLeaveOut, name)
}

// nothing says why there is no hook for the export.
func (a *assembly) nothing() error {
	if a.o.Queue == "" {
		return fmt.Errorf("%w: none of the organisation's hooks (%d) is active and listens to %s.%s", ErrNoHooks, len(a.all), a.o.Event, a.o.Action)
	}
	if len(a.absent) > 0 {
		return fmt.Errorf("%w: the hooks of the queue %s are left out: %s", ErrNoHooks, a.o.Queue, a.absences())
	}
	var queues []string
	for _, h := range a.all {
		queues = append(queues, h.Queues...)
	}
	slices.Sort(queues)
	if queues = slices.Compact(queues); len(queues) == 0 {
		return fmt.Errorf("%w: none of the organisation's hooks (%d) is bound to the queue %s, nor to any other; write the queue into the hooks' queues", ErrNoHooks, len(a.all), a.o.Queue)
	}
	return fmt.Errorf("%w: none of the organisation's hooks (%d) is bound to the queue %s; they are bound to %s", ErrNoHooks, len(a.all), a.o.Queue, strings.Join(queues, ", "))
}

func (a *assembly) absences() string {
	texts := make([]string, len(a.absent))
	for i, l := range a.absent {
		texts[i] = fmt.Sprintf("%s (%s)", l.hook, l.why)
	}
	return strings.Join(texts, ", ")
}

// leftOut lists the hooks that are not part of the chain, for the report. Those for
// other events matter only if a hook of the chain waits for one.
func (a *assembly) leftOut() (list []pipeline.LeftOut) {
	for _, l := range a.absent {
		if l.other && len(l.waiting) == 0 {
			continue
		}
		why := l.why
		if len(l.waiting) > 0 {
			why += "; passed through by " + strings.Join(l.waiting, ", ")
		}
		list = append(list, pipeline.LeftOut{Hook: l.hook.String(), Why: why, Makes: a.wouldMake(l.hook)})
	}
	return list
}

// wouldMake lists the files of a hook that is left out.
func (a *assembly) wouldMake(h *rossum.Hook) (keys []string) {
	s, err := a.registry.step(h, a.all)
	if err != nil || isNil(s) {
		return nil
	}
	keys = makes(s)
	if d, ok := pipeline.Ability[pipeline.Describer](s); ok {
		for _, u := range d.Uses(rossum.IDOf(a.o.Queue)) {
			if u.Kind == pipeline.UseMakes {
				keys = append(keys, u.Name)
			}
		}
	}
	return keys
}

// build makes the steps by hook id. Hooks that the registry does not know are left
// out, if that is wanted.
func (a *assembly) build() map[int64]pipeline.Step {
	steps := make(map[int64]pipeline.Step)
	var kept []*rossum.Hook
	for _, h := range a.chosen {
		s, err := a.registry.step(h, a.all)
		if a.o.LeaveOutUnknown && (errors.Is(err, ErrUnknownExtension) || errors.Is(err, ErrNoFunction)) {
			a.absent = append(a.absent, &absence{hook: h, why: reason(err)})
			continue
		}
		kept = append(kept, h)
		if isNil(s) {
			s = nil
		}
		if err == nil && s == nil {
			err = errors.New("what is registered for it made no step")
		}
		faults := unreadable(h)
		faults = addFaults(faults, faultsOf(h, err))
		if s != nil {
			s = pipeline.ForHook(h, s)
			faults = addFaults(faults, faultsOf(h, check(s))) // of what could be decoded
		}
		a.faults = append(a.faults, faults...)
		if steps[h.ID] = s; s == nil || len(faults) > 0 {
			a.unsound[h.ID] = true
		}
	}
	a.chosen = kept
	return steps
}

// unreadable returns what could not be read of a hook.
func unreadable(h *rossum.Hook) (faults []error) {
	for _, f := range h.Faults {
		faults = append(faults, newFault(h, f.Place, f))
	}
	return faults
}

// addFaults adds what a later look at a hook found, of which not everything could be
// read before: not what only follows from that.
func addFaults(earlier, later []error) []error {
	all := earlier
	for _, err := range later {
		follows := slices.ContainsFunc(earlier, func(d error) bool {
			first, ok := d.(*Fault)
			second, both := err.(*Fault)
			return ok && both && (strings.HasPrefix(first.Place, second.Place) || strings.HasPrefix(second.Place, first.Place))
		})
		if !follows {
			all = append(all, err)
		}
	}
	return all
}

// reason is why a hook is not known, in a few words.
func reason(err error) string {
	if errors.Is(err, ErrNoFunction) {
		return "its code cannot be run"
	}
	return ErrUnknownExtension.Error()
}

// checkKeys refuses two hooks that make a file under one key.
func (a *assembly) checkKeys(hooks []*rossum.Hook, steps map[int64]pipeline.Step) {
	made := make(map[string]*rossum.Hook)
	for _, h := range hooks {
		for _, key := range makes(steps[h.ID]) {
			if other := made[key]; other != nil {
				a.fault(newFault(h, "settings", fmt.Errorf("%w: hook %s also makes the one with the key %q; give one of them another key", ErrSameKey, other, key)))
				continue
			}
			made[key] = h
		}
	}
}

// makes returns the reference keys that a step makes.
func makes(s pipeline.Step) []string {
	if isNil(s) {
		return nil
	}
	if m, ok := pipeline.Ability[pipeline.Maker](s); ok {
		return m.Makes()
	}
	return nil
}

// check compiles a step alone, so that its faults are known before the chain is made,
// and its hook with them.
func check(s pipeline.Step) error {
	compiler, ok := pipeline.Ability[pipeline.Compiler](s)
	if !ok {
		if v, ok := pipeline.Ability[pipeline.Validator](s); ok {
			return v.Validate()
		}
		return nil
	}
	program, err := compiler.Compile()
	if closer, ok := program.(pipeline.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// timeout is the longest time-out of the hooks: the chain does the work of all of
// them, but is called as one.
func (a *assembly) timeout() (longest time.Duration) {
	for _, h := range a.chosen {
		longest = max(longest, h.Timeout())
	}
	return longest
}

// isNil reports a step that is nil, or a nil pointer.
func isNil(s pipeline.Step) bool {
	v := reflect.ValueOf(s)
	return s == nil || v.Kind() == reflect.Pointer && v.IsNil()
}
