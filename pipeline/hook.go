package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// SecretsOf gives the secrets of a hook, such as from a vault. It is called for every
// hook of a chain when a run starts, before anything is sent; for a chain none of whose
// steps runs as a hook ([ForHook]), it is called for the hook that was called, of which only
// ID and URL are known. nil means that it has none for this hook. Its error stops the run. It must be safe for concurrent use.
type SecretsOf func(ctx context.Context, h *rossum.Hook) (rossum.Secrets, error)

// WithSecrets gives each hook of a chain its own secrets. Without it, the secrets of
// the payload belong to the hook that was called, and every other hook has none: two
// hooks often use one name, such as api_key, for different systems. Where both give a
// secret of that name to the hook that was called, f counts.
//
// If the chain has a single hook, and the hook that was called is none of the
// organisation's, such as the one that has taken its place, the payload's secrets are
// those of the single hook.
func WithSecrets(f SecretsOf) Option { return func(c *config) { c.secrets = f } }

// Origin says which hooks a chain was made from.
type Origin struct {
	// Hooks are all hooks of the organisation, also those that are not in the chain.
	Hooks []*rossum.Hook
	// LeftOut are the hooks that are not in the chain, for the report.
	LeftOut []LeftOut
	// Graph is the order of the hooks as Mermaid text.
	Graph string
	// Queue is the URL of the queue whose hooks they are, "" for those of all queues.
	Queue string
	// Timeout bounds each run; see [WithTimeout].
	Timeout time.Duration
}

// WithOrigin returns the chain as one that was made from hooks; package organisation
// makes such chains.
func (c *Chain) WithOrigin(o Origin) *Chain {
	changed := *c
	changed.origin = o
	return &changed
}

// Timeout returns the time-out of the hooks that the chain was made from, 0 for a chain
// that was not made from hooks.
func (c *Chain) Timeout() time.Duration { return c.origin.Timeout }

// Graph returns the hooks that the chain was made from and their order as Mermaid
// text, "" for a chain that was not made from hooks.
func (c *Chain) Graph() string { return c.origin.Graph }

// ForHook makes a step run as a hook: what it sees as [Export.Secrets], and as
// settings, secrets and hook URL of the payload, is the hook's own, so that a token
// which it keeps in the secrets is kept with that hook. Reports and errors show the
// step under the hook's name. For where the secrets come from see [WithSecrets]. A nil hook
// counts as a nil step.
func ForHook(h *rossum.Hook, s Step) Step {
	if h == nil {
		return hookStep{} // which New refuses
	}
	return Keyed(strconv.FormatInt(h.ID, 10), Named(h.Name, hookStep{s, h}))
}

// hookStep is a step that runs as a hook.
type hookStep struct {
	Step
	hook *rossum.Hook
}

// Unwrap returns the step itself.
func (s hookStep) Unwrap() Step { return s.Step }

// Wrap returns the program of the step with what belongs to its hook. What it adds to
// the secrets is kept in the run: a hook runs once in it, so that nobody else uses the
// map.
func (s hookStep) Wrap(p Program) (Program, error) {
	return StepFunc(func(ctx context.Context, x *Export) error {
		payload, secrets := x.Payload, x.Secrets
		defer func() { x.Payload, x.Secrets = payload, secrets }()
		if x.run.secrets != nil { // otherwise the step runs alone, as in a test
			x.Secrets = x.run.secrets[s.hook]
		}
		url := s.hook.URL
		if url == "" {
			url = fmt.Sprintf("hooks/%d", s.hook.ID)
		}
		x.Payload = payload.ForHook(url, s.hook.Settings, x.Secrets)
		return p.Run(ctx, x)
	}), nil
}

// loadSecrets gets the secrets of every hook of the chain that the event concerns.
func (c *Chain) loadSecrets(ctx context.Context, x *Export) error {
	x.run.redactor.Add(literals(c.links)...)
	x.run.keepers.learn(c.origin.Hooks)
	steps := hookSteps(c.Steps())
	x.run.secrets = make(map[*rossum.Hook]rossum.Secrets, len(steps))
	var faults []error
	for _, s := range steps {
		secrets := make(rossum.Secrets)
		if c.ownsPayload(x.Payload.Hook, s.hook, len(steps) == 1) {
			maps.Copy(secrets, x.Payload.Secrets)
		}
		x.run.secrets[s.hook] = secrets
		if x.run.config.secrets == nil || !listensTo(s.Step, x.Payload.Event, x.Payload.Action) {
			continue
		}
		given, err := x.run.config.secrets(ctx, s.hook)
		if err != nil {
			faults = append(faults, fmt.Errorf("getting the secrets of hook %s: %w", s.hook, err))
		}
		x.run.redactor.AddHook(given)
		maps.Copy(secrets, given)
	}
	if len(steps) == 0 && x.run.config.secrets != nil {
		faults = append(faults, x.loadSecretsOfCalled(ctx))
	}
	if d := x.run.config.dry; d != nil && d.MakeUpSecrets {
		x.makeUpSecrets(steps)
	}
	return errors.Join(faults...)
}

// loadSecretsOfCalled gets the secrets of the hook that was called, which all steps of a chain
// share that was not made from hooks.
func (x *Export) loadSecretsOfCalled(ctx context.Context) error {
	called := &rossum.Hook{ID: rossum.IDOf(x.Payload.Hook), URL: x.Payload.Hook}
	given, err := x.run.config.secrets(ctx, called)
	if err != nil {
		return fmt.Errorf("getting the secrets of hook %s: %w", called.URL, err)
	}
	x.run.redactor.AddHook(given)
	maps.Copy(x.Secrets, given)
	p := *x.Payload
	p.Secrets = maps.Clone(x.Secrets)
	x.Payload = &p
	return nil
}

// ownsPayload reports whether the secrets of a payload, which was sent to the hook
// with the URL called, are those of h.
func (c *Chain) ownsPayload(called string, h *rossum.Hook, single bool) bool {
	id := rossum.IDOf(called)
	if id == h.ID {
		return true
	}
	return single && !slices.ContainsFunc(c.origin.Hooks, func(other *rossum.Hook) bool { return other.ID == id })
}

// hookSteps lists the steps that run as hooks.
func hookSteps(steps []Step) (found []hookStep) {
	for _, s := range steps {
		switch s := s.(type) {
		case hookStep:
			found = append(found, s)
		case *Chain:
			found = append(found, hookSteps(s.Steps())...)
		case *parallel:
			found = append(found, hookSteps(s.branches)...)
		case interface{ Unwrap() Step }:
			found = append(found, hookSteps([]Step{s.Unwrap()})...)
		}
	}
	return found
}
