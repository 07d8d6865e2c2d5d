package requestprocessor

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// run is the work on one export.
type run struct {
	x     *pipeline.Export
	p     *program
	known address.Known // hosts that settings and auth requests name
	// item is the name of the item of the iteration that runs, "" if none does.
	item       string
	itemOrigin origin

	properties *pyvalue.Dict
	origins    map[string]origin // of the properties
	writes     map[string]*written
	order      []string // schema_ids in the order of their first write
	faults     faults
	warned     map[*call]bool

	described map[string]described
	listed    map[string][]pyvalue.Value // relations by source
	fetched   map[string]*reqproc.Fetched
	kept      int // bytes in fetched
	fetches   int
	clients   map[string]*rossum.Client // by origin
	decisions int
}

// maxDecisions is how many decisions of a run the report takes: a table of thousands
// of rows must not make it unreadable.
const maxDecisions = 1000

// decide notes a decision in the report.
func (r *run) decide(format string, args ...any) {
	if r.decisions++; r.decisions <= maxDecisions {
		r.x.Decide(format, args...)
	}
}

func newRun(x *pipeline.Export, p *program) *run {
	return &run{
		known: p.known,
		x:     x, p: p, properties: pyvalue.NewDict(), origins: make(map[string]origin), writes: make(map[string]*written), warned: make(map[*call]bool), listed: make(map[string][]pyvalue.Value),
		fetched: make(map[string]*reqproc.Fetched), clients: make(map[string]*rossum.Client),
	}
}

// Run runs the stages. A call that fails does not keep the later ones from being
// made, as in Rossum's engine: conditions of the settings decide about them. The
// error tells of all that failed, and is a [*pipeline.StepError] with the place in
// the settings.
func (s *Step) Run(ctx context.Context, x *pipeline.Export) error {
	p := s.compiled
	if p == nil {
		var err error
		if p, err = s.compile(); err != nil {
			return err
		}
	}
	if x.Annotation.Content == nil && x.Annotation.ContentURL != "" && x.Rossum != nil {
		if err := x.Rossum.FetchContent(ctx, x.Annotation); err != nil {
			return err
		}
	}
	if x.Annotation.Content == nil {
		return pipeline.ErrNoContent
	}
	for _, secret := range p.literals {
		x.Hide(secret)
	}
	r := newRun(x, p)
	if early := append(r.missingTargets(ctx), r.untyped()...); early != nil {
		return early.err()
	}
	err := r.stages(ctx)
	r.collapse()
	if more := r.decisions - maxDecisions; more > 0 {
		r.x.Decide("and %d decisions more", more)
	}
	if err != nil {
		r.faults = append(r.faults, fail("", err))
	}
	return r.faults.err()
}

// stages runs the stages. An error ends the run.
func (r *run) stages(ctx context.Context) error {
	for _, st := range r.p.stages {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		due, err := r.due(ctx, st)
		if err != nil {
			return err
		}
		if !due {
			continue
		}
		for _, c := range st.contents {
			if err := r.get(ctx, c); err != nil {
				return err
			}
		}
		for _, c := range st.calls {
			if err := r.call(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// scope is what templates can name, besides what a place adds.
func (r *run) scope(place string) *reqproc.Scope {
	return &reqproc.Scope{
		Roots: map[string]pyvalue.Value{
			"payload":  pyvalue.FromObject(payloadRoot{r}),
			"field":    pyvalue.FromObject(fieldRoot{r}),
			"property": pyvalue.FromObject(propertyRoot{r.properties}),
		},
		Fetch: r.fetch,
		Raw: func(p *reqproc.Path, text string) bool {
			return p.Root() == "field" && pipelinerun.IsRaw(r.x, p.Name(1), text)
		},
		Note: func(format string, args ...any) { r.decide("%s: %s", place, fmt.Sprintf(format, args...)) },
	}
}

// quiet is the scope of conditions: nothing is fetched, and what is not there counts
// as null.
func (r *run) quiet(place string) *reqproc.Scope {
	s := r.scope(place)
	s.Fetch, s.Lenient = nil, true
	return s
}

// propertyRoot is {property}.
type propertyRoot struct{ d *pyvalue.Dict }

var (
	_ reqproc.Members = propertyRoot{}
	_ reqproc.Plain   = propertyRoot{}
)

// PyType implements [pyvalue.Object].
func (propertyRoot) PyType() string { return "property" }

// Plain returns all properties.
func (p propertyRoot) Plain(ctx context.Context) (pyvalue.Value, error) {
	return reqproc.Simple(ctx, p.d.Value())
}

// Member returns a property.
func (p propertyRoot) Member(_ context.Context, name string) (pyvalue.Value, error) {
	if v, ok := p.d.GetStr(name); ok {
		return v, nil
	}
	return pyvalue.Value{}, fmt.Errorf("%w: property.%s was not set in this run; the stage that sets it may have been skipped, or its call may have failed", reqproc.ErrNotThere, name)
}

// due reports whether all conditions of a stage are true.
func (r *run) due(ctx context.Context, st *stage) (bool, error) {
	for _, g := range st.evaluate {
		ok, why, err := g.condition.Holds(ctx, r.quiet(g.place))
		if err != nil {
			return false, named(fail(g.place+".condition", err), g.name)
		}
		if !ok {
			r.decide("skipped %s: %s (%s): %s", st.place, g.place, g.name, why)
			return false, nil
		}
	}
	return true, nil
}

// written are the values that handlers have written to one field.
type written struct{ values []pyvalue.Value }
