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
	f := c.flowFor(target{queue: x.Annotation.QueueID(), event: x.Payload.Event, action: x.Payload.Action})
	j := &judge{alone: x.run.config.alone, world: &world{
		facts: facts, content: x.Annotation.Content, files: x.Files.Keys(), stored: x.stored(ctx),
		secrets: x.secretsFor,
	}}
	j.judge(f, x.run.config.formulas)
	x.run.report.Findings = j.findings
	if err := j.findings.Err(); err != nil && x.run.log.earlier == nil { // what has begun goes on
		scope := x.enterScope(true)
		for i := range c.links {
			scope.notRun(&c.links[i])
		}
		return &CheckError{j.findings}
	}
	if facts == nil && !x.run.config.formulas.Off {
		if why := f.needsSchema(); len(why) > 0 {
			x.Warn("The hook call carries no schema, so that fields have no types and formula fields are not computed again: %s. "+
				"Add \"schemas\" to the hook's sideload.", strings.Join(why, "; "))
		}
	}
	return nil
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

// CheckError means that an export was not begun, since it would fail: nothing was
// sent. It wraps every [*Finding] that is an error.
type CheckError struct{ Findings Findings }

// Error lists what was found, one on a line.
func (e *CheckError) Error() string {
	return "nothing was sent, since the export would fail:\n" + e.Findings.Err().Error()
}

// Unwrap returns the findings that are errors.
func (e *CheckError) Unwrap() []error { return Faults(e.Findings.Err()) }

// needsSchema says why a run needs a schema: the types of fields decide what happens,
// or a field that may be a formula decides about a call after others were written.
func (f *flow) needsSchema() (why []string) {
	for i := range f.uses {
		u := &f.uses[i]
		text := ""
		switch _, written := f.writes[u.Name]; {
		case u.Kind == UseTypes:
			text = fmt.Sprintf("%s depends on the types of fields", u.step)
		case u.Kind == UseReads && u.Steers && u.before.written && !written:
			text = fmt.Sprintf("%s reads %s, which keeps its value if it is a formula", u.step, u.Name)
		}
		if text != "" && !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	return why
}

// flowCache keeps the flows of a chain, one for each queue that it exports from.
type flowCache struct {
	mu sync.Mutex
	m  map[target]*flow
}

// maxFlows is how many queues are kept at a time.
const maxFlows = 256

func (c *Chain) flowFor(t target) *flow {
	cache := c.flows
	if cache == nil {
		return newFlow(c, t)
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	f := cache.m[t]
	if f == nil {
		f = newFlow(c, t)
		if cache.m == nil || len(cache.m) >= maxFlows {
			cache.m = make(map[target]*flow)
		}
		cache.m[t] = f
	}
	return f
}
