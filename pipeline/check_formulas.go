package pipeline

import (
	"errors"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// formulas looks at the formulas that are computed again because of what the flow
// writes: one that cannot be computed would end the export after its first call.
func (j *judge) formulas(f *flow, o Formulas) {
	if o.Off || j.facts == nil {
		return
	}
	if err := j.facts.needsLanguage(o); err != nil {
		j.findings = append(j.findings, &Finding{Severity: SeverityError, Step: "formula fields", Err: err, Fix: languageFix})
		return
	}
	if !j.facts.flawed() {
		return
	}
	certainly, possibly := j.written(f)
	if len(possibly) == 0 && !f.unclear {
		return
	}
	set := j.facts.formulas()
	certain, due := set.Affected(certainly...), set.Affected(possibly...)
	if f.unclear {
		due = set.Formulas() // a step does not say what it writes
	}
	for _, one := range due {
		severity, fix := SeverityWarning, "the export may write fields that it depends on; "
		if slices.ContainsFunc(certain, func(c formula.Formula) bool { return c.SchemaID == one.SchemaID }) {
			fix = "the export writes fields that it depends on; "
			if !o.Tolerate {
				severity = SeverityError
			}
		}
		fix += "change the formula"
		if !o.Tolerate {
			fix += ", or let the export go on with a warning (pipeline.Formulas.Tolerate, exportrun -tolerate)"
		}
		for _, fault := range Faults(one.Err) {
			j.formula(severity, one.SchemaID, fault, fix)
		}
		for _, warning := range one.Warnings {
			j.formula(SeverityWarning, one.SchemaID, warning, "")
		}
	}
}

// written are the schema_ids of the fields that a flow writes.
func (j *judge) written(f *flow) (certainly, possibly []string) {
	for _, u := range f.uses {
		if u.Kind != UseWrites || u.Name == "" {
			continue
		}
		possibly = append(possibly, u.Name)
		if !u.Optional && !u.aside && j.chance(u) == surely {
			certainly = append(certainly, u.Name)
		}
	}
	return certainly, possibly
}

func (j *judge) formula(s Severity, schemaID string, err error, fix string) {
	found := &Finding{Severity: s, Step: "formula fields", Name: schemaID, Err: err, Fix: fix}
	var at *formula.Error
	if errors.As(err, &at) && at.Line > 0 {
		found.TextLine = at.Line
	}
	found.File, found.Line = j.facts.schema.FormulaPosition(schemaID, found.TextLine)
	if f := j.facts.schema.Field(schemaID); f.FormulaFile != "" {
		found.TextLine = 0 // it is the line of the file
	}
	j.findings = append(j.findings, found)
}
