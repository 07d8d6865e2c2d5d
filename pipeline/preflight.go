package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// preflight looks at the chain and the annotation before the first step runs. Its
// error says all that would fail for certain; what may fail is in the report.
func (c *Chain) preflight(ctx context.Context, x *Export) error {
	if x.Annotation.Content == nil || x.Payload.Event == rossum.EventAnnotationStatus {
		return nil // not an export
	}
	facts, err := x.schemaFacts()
	if err != nil {
		return err
	}
	f := c.flowFrom(c.outlineFor(x.target()), "")
	j := x.newJudge(ctx, facts)
	j.leftOut = c.origin.LeftOut
	j.judge(f, x.run.config.formulas)
	x.run.report.Findings = j.findings
	if j.findings.Err() != nil && !x.goesOn() {
		scope := x.enterScope(true)
		for i := range c.links {
			scope.notRun(&c.links[i])
		}
		return &CheckError{Findings: j.findings}
	}
	if x.isBare() {
		x.run.bareChain = c
	}
	if j.open && !x.goesOn() {
		x.run.open = &openChecks{chain: c}
	}
	if facts == nil && !x.run.config.formulas.Off {
		if why := f.needsSchema(); len(why) > 0 {
			x.Warn("The hook call carries no schema, so that fields have no types and formula fields are not computed again: %s. "+
				"Add \"schemas\" to the hook's sideload.", strings.Join(why, "; "))
		}
	}
	return nil
}

func (x *Export) target() target {
	return target{queue: x.Annotation.QueueID(), event: x.Payload.Event, action: x.Payload.Action}
}

// goesOn reports whether the run was begun by an earlier process: what has begun goes on.
func (x *Export) goesOn() bool { return x.run.log.earlier != nil }

// newJudge judges by what the export holds now.
func (x *Export) newJudge(ctx context.Context, facts *schemaFacts) *judge {
	return &judge{alone: x.run.config.alone, world: &world{
		facts: facts, content: x.Annotation.Content, files: x.Files.all(), stored: x.stored(ctx), secrets: x.secretsFor,
		skipped: func(key string) bool { _, ok := x.Files.Skipped(key); return ok },
		holds:   func(h *rossum.Hook, c *Condition) (bool, error) { return c.Holds(ctx, x.as(h)) },
	}}
}

// as returns the export as a hook's step sees it, for looking only.
func (x *Export) as(h *rossum.Hook) *Export {
	view := *x
	view.step = nil
	if h != nil {
		view.Secrets = x.secretsFor(h)
		view.Payload = x.Payload.ForHook(h.URL, h.Settings, view.Secrets)
	}
	return &view
}

// stored returns what looks for a file of an earlier export, nil if there is no store.
// It is asked only for files that no step makes. A store that cannot be asked now may
// have the file later.
func (x *Export) stored(ctx context.Context) func(key string) bool {
	if x.run.config.store == nil {
		return nil
	}
	return func(key string) bool {
		_, err := x.Files.Get(ctx, key)
		return !errors.Is(err, ErrNoFile)
	}
}

// secretsFor returns the secrets of a hook, or those of the export for a step that
// runs as none.
func (x *Export) secretsFor(h *rossum.Hook) rossum.Secrets {
	if h == nil {
		return x.Secrets
	}
	return x.run.secrets[h]
}

// CheckError means that an export was not started, or not continued, because it would
// fail. It wraps every [*Finding] that is an error.
type CheckError struct {
	Findings Findings
	// Started reports that steps had run by the time it was known, so that calls may have
	// been made. The step that follows was not started.
	Started bool
}

// Error lists what was found, one on a line.
func (e *CheckError) Error() string {
	if e.Started {
		return "nothing more was sent, since the export would fail:\n" + e.Findings.Err().Error()
	}
	return "nothing was sent, since the export would fail:\n" + e.Findings.Err().Error()
}

// Unwrap returns the findings that are errors.
func (e *CheckError) Unwrap() []error { return Faults(e.Findings.Err()) }

// needsSchema says why a run needs a schema: the types of fields decide what happens,
// or a field that may be a formula decides about a call after others were written.
func (f *flow) needsSchema() (why []string) {
	writes := make(map[string]bool)
	for _, u := range f.uses {
		if u.Kind == UseWrites {
			writes[u.Name] = true
		}
	}
	for _, u := range f.uses {
		text := ""
		switch {
		case u.Kind == UseTypes:
			text = fmt.Sprintf("%s depends on the types of fields", u.step)
		case u.Kind == UseReads && u.Steers && u.before.written && !writes[u.Name]:
			text = fmt.Sprintf("%s reads %s, which keeps its value if it is a formula", u.step, u.Name)
		}
		if text != "" && !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	return why
}

// outlineCache keeps the outlines of a chain, one for each queue that it exports from, and
// their flows.
type outlineCache struct {
	mu    sync.Mutex
	m     map[target]*outline
	flows map[flowKey]*flow
	size  int // of the flows
}

type flowKey struct {
	outline *outline
	from    string
}

const (
	// maxOutlines is how many queues are kept at a time.
	maxOutlines = 256
	// maxFlowSize bounds the flows that are kept, by their [flow.size].
	maxFlowSize = 1 << 17
)

func (c *Chain) outlineFor(t target) *outline {
	cache := c.outlines
	if cache == nil {
		return newOutline(c, t)
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	o := cache.m[t]
	if o == nil {
		o = newOutline(c, t)
		if cache.m == nil || len(cache.m) >= maxOutlines {
			cache.m, cache.flows, cache.size = make(map[target]*outline), nil, 0
		}
		cache.m[t] = o
	}
	return o
}

// flowFrom returns the flow of an outline, which nobody may change.
func (c *Chain) flowFrom(o *outline, from string) *flow {
	cache := c.outlines
	if cache == nil {
		return o.flow(from)
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	key := flowKey{o, from}
	f := cache.flows[key]
	if f == nil {
		f = o.flow(from)
		size := f.size()
		if cache.size += size; cache.flows == nil || cache.size > maxFlowSize {
			cache.flows, cache.size = make(map[flowKey]*flow), size
		}
		cache.flows[key] = f
	}
	return f
}

// size is about how many words a flow is long, most of which are in the progress before
// each step.
func (f *flow) size() int {
	n := len(f.uses)
	for i, u := range f.uses {
		if p := u.before; i == 0 || p != f.uses[i-1].before {
			n += len(p.made) + len(p.learnt) + len(p.removed) + len(p.wrote)
		}
	}
	return n
}
