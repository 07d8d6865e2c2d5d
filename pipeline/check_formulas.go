package pipeline

import (
	"errors"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// written are the schema_ids that a flow writes, with whether that is certain.
type written map[string]bool

func (w written) ids(certain bool) (ids []string) {
	for id, is := range w {
		if is || !certain {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// formulas looks at the formulas that are computed again because of what the flow
// writes: one that cannot be computed would end the export after its first call.
func (j *judge) formulas(f *flow, o Formulas) {
	if o.Off || j.facts == nil || len(f.writes) == 0 && !f.unclear {
		return
	}
	set := j.facts.formulas()
	certain, due := set.Affected(f.writes.ids(true)...), set.Affected(f.writes.ids(false)...)
	if f.unclear {
		due = set.Formulas() // a step does not say what it writes
	}
	for _, one := range due {
		severity := SeverityWarning
		if !o.Tolerate && slices.ContainsFunc(certain, func(c formula.Formula) bool { return c.SchemaID == one.SchemaID }) {
			severity = SeverityError
		}
		for _, fault := range Faults(one.Err) {
			j.formula(severity, one.SchemaID, fault, "the export writes fields that it depends on; change the formula, or tolerate it (pipeline.Formulas)")
		}
		for _, warning := range one.Warnings {
			j.formula(SeverityWarning, one.SchemaID, warning, "")
		}
	}
}

func (j *judge) formula(s Severity, schemaID string, err error, fix string) {
	found := &Finding{Severity: s, Step: "formula fields", Name: schemaID, Cause: err, Fix: fix}
	var at *formula.Error
	if errors.As(err, &at) && at.Line > 0 {
		found.TextLine = at.Line
	}
	j.findings = append(j.findings, found)
}
