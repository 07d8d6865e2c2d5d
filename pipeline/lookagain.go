package pipeline

import (
	"context"
	"sync"
)

// openChecks are findings of the check at the beginning of a run that depended on
// conditions which could not be decided yet.
type openChecks struct {
	chain *Chain
	mu    sync.Mutex // of the report's findings
}

// lookAgain repeats the check before a step that may send something, where something was
// left open: when a condition holds now, the call behind it must not be made if a later
// step is known to fail then. It returns a [*CheckError]. Steps that run after a failure,
// and those of a run that an earlier process has begun, are let alone.
func (x *Export) lookAgain(ctx context.Context, path string) error {
	open := x.run.open
	if open == nil || x.Annotation.Content == nil {
		return nil
	}
	outline := open.chain.outlineFor(x.target())
	at := outline.find(path)
	if at == nil || at.final || !at.calls() {
		return nil
	}
	facts, err := x.schemaFacts()
	if err != nil {
		return err
	}
	j := x.newJudge(ctx, facts)
	j.leftOut = open.chain.origin.LeftOut
	j.judge(open.chain.flowFrom(outline, path), x.run.config.formulas)
	if j.findings.Err() == nil {
		return nil
	}
	open.note(x.run.report, j.findings)
	return &CheckError{Findings: j.findings, Started: len(x.run.log.made()) > 0}
}

// note puts the errors in the place of the warnings that they were at the beginning.
func (o *openChecks) note(r *Report, found Findings) {
	o.mu.Lock()
	defer o.mu.Unlock()
	earlier := make(map[subject][]int)
	for i, f := range r.Findings {
		earlier[f.about()] = append(earlier[f.about()], i)
	}
	for _, f := range found {
		if f.Severity != SeverityError {
			continue
		}
		known := earlier[f.about()]
		for _, i := range known {
			r.Findings[i] = f
		}
		if known == nil {
			earlier[f.about()] = []int{len(r.Findings)}
			r.Findings = append(r.Findings, f)
		}
	}
}
