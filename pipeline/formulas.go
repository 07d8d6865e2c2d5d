package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/rossumrun"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// Formulas say how formula fields are computed again after each step that changed
// a field, as the platform does between two hooks. The zero value is what a run
// does without [WithFormulas].
//
// The language of formulas is some 5 MB of a program. One that never needs it can be built
// without, with the build tag exportpipeline_noformulas (go build -tags). An export whose
// schema has formula fields is refused then, before it is begun, unless Off is set. Steps
// that use the language, such as steps.Evaluate, bring it all the same.
type Formulas struct {
	// Schema has the formulas; nil means the schema that the hook sideloads, and
	// without that there are none.
	Schema *rossum.Schema
	// Queues are schemas by the number of the queue, for runs of several queues; that of an
	// annotation's queue counts before Schema.
	Queues map[int64]*rossum.Schema
	// Tolerate goes on, with a warning on the annotation, when a formula that is due
	// fails or is outside of the supported language; its field keeps its value. By
	// default the export stops. A formula that nothing of the export changes is never
	// due, whatever is wrong with it.
	Tolerate bool
	// Off computes nothing: formula fields keep the values of the hook call.
	Off bool
}

// WithFormulas sets how formula fields are computed. What formulas show
// (show_error and the like) is noted in the report: on the platform it does not
// decide about an export either.
func WithFormulas(f Formulas) Option {
	facts, byQueue := newSchemaFacts(f.Schema), make(map[int64]*schemaFacts)
	for queue, schema := range f.Queues {
		if schema != nil {
			byQueue[queue] = newSchemaFacts(schema)
		}
	}
	return func(c *config) { c.formulas, c.schema, c.schemas = f, facts, byQueue }
}

// recompute computes the formulas that depend on what the step has changed.
//
// It is not for the program to ask for the language of formulas: one that forgot to would
// send what formulas gave before the step, without an error.
func (x *Export) recompute(ctx context.Context) error {
	c := x.Annotation.Content
	if c == nil || x.run.config.formulas.Off {
		return nil
	}
	changed := rossumrun.TakeWritten(c)
	if changed == nil {
		return nil
	}
	facts, err := x.schemaFacts()
	if err != nil || facts == nil {
		return err
	}
	if err := facts.needsLanguage(x.run.config.formulas); err != nil {
		return err
	}
	r, err := facts.formulas().Run(ctx, c, changed, formula.Options{Tolerate: x.run.config.formulas.Tolerate, Annotation: x.Annotation, Now: x.Now, NewID: x.NewID})
	rossumrun.TakeWritten(c) // what formulas wrote has been followed up
	if r != nil && r.Runs > 0 {
		x.step.add(func(s *StepReport) {
			s.Computed = append(s.Computed, r.Computed...)
			s.FormulaRuns += r.Runs
		})
	}
	if err != nil {
		return fmt.Errorf("computing formula fields: %w", err)
	}
	for _, circle := range r.Circles {
		x.Decide("formulas that need each other's values were computed in the schema's order, from the values at hand: %s", strings.Join(circle, ", "))
	}
	for _, m := range r.Messages {
		x.Decide("a formula shows, %s: %s", m.Type, m.Content)
	}
	for _, fault := range r.Faults {
		x.Warn("A formula field was not computed: %s", strings.ReplaceAll(fault.Error(), "\n", " "))
	}
	return nil
}

// languageFix says what to do about needsLanguage.
const languageFix = "build it without the tag, or set pipeline.Formulas.Off if nothing that is sent depends on formulas"

// needsLanguage is the error of runs whose formula fields a program without the language
// cannot compute.
func (f *schemaFacts) needsLanguage(o Formulas) error {
	if hasLanguage || f == nil || o.Off {
		return nil
	}
	for field := range f.schema.All() {
		if field.Category == "datapoint" && strings.TrimSpace(field.Formula) != "" {
			return fmt.Errorf("the program was built without the language of formulas (build tag exportpipeline_noformulas), "+
				"and cannot compute the schema's formula fields, such as %s", field.ID)
		}
	}
	return nil
}

// refuseFormulas refuses a run before it is on the ledger, so that one which another
// program has begun there is left to that.
func (x *Export) refuseFormulas() error {
	if hasLanguage || isGone(x.Payload) {
		return nil
	}
	facts, err := x.schemaFacts()
	if err != nil {
		return err
	}
	if err := facts.needsLanguage(x.run.config.formulas); err != nil {
		return fmt.Errorf("%w; %s", err, languageFix)
	}
	return nil
}
