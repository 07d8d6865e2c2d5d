package pipeline

import (
	"context"
	"errors"
	"strings"
)

// scope is the place in the report where the steps of one chain, or the
// branches of one Parallel, are listed.
type scope struct {
	x      *Export
	parent *StepReport
	at     *position // of the chain within its own chain
}

func (x *Export) enterScope(outermost bool) *scope {
	s := &scope{x: x, parent: x.step, at: x.at}
	if outermost {
		s.parent = nil
	}
	return s
}

func (s *scope) leave() { s.x.step, s.x.at = s.parent, s.at }

func (s *scope) path(step *link) string {
	if s.at == nil {
		return step.path
	}
	return s.at.path + step.path
}

func (s *scope) list(r *StepReport) {
	if s.parent == nil {
		s.x.run.report.Steps = append(s.x.run.report.Steps, r)
		return
	}
	s.parent.add(func(p *StepReport) { p.Steps = append(p.Steps, r) })
}

func (s *scope) notRun(step *link, decisions ...string) {
	s.list(&StepReport{Name: step.name, Status: StatusNotRun, Started: s.x.WallTime(), Decisions: decisions})
}

// pathKey keeps the slash of a path for its parts.
var pathKey = strings.NewReplacer("%", "%25", "/", "%2F")

// run runs one step with everything around it: report, span, recover, ledger. A step
// that ended in a process which was cut short is not run again: the export gets what it
// had then.
func (s *scope) run(ctx context.Context, step *link) (err error) {
	x, path := s.x, s.path(step)
	if past := x.past(path); past != nil {
		return s.passed(path, past)
	}
	if ctx.Err() != nil && step.final {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), x.run.grace())
		defer cancel()
	}
	if err := x.waitForCall(ctx, path); err != nil {
		s.notRun(step, "the run waits for its hook to be called again")
		return err
	}
	if err := x.lookAgain(ctx, path); err != nil {
		s.notRun(step, "the export would fail after it")
		return err
	}
	if x.IsDry() {
		if why := x.dryBlock(step); why != "" {
			s.blocked(ctx, step, why, x.WallTime())
			return nil
		}
	}
	r := &StepReport{Name: step.name, Started: x.WallTime()}
	s.list(r)
	x.step, x.at = r, x.position(path, step.name)
	errorsBefore := countErrors(x)
	ctx, end := x.observeStep(x.holdBack(ctx, step.name, r), step.name)
	if err = s.do(ctx, step, path); errors.Is(err, ErrNoClient) && x.isBare() {
		err = x.leaveForCall(err)
	}
	if x.IsDry() {
		err = x.dryEnd(ctx, step, r, err)
	}
	failed := err != nil || countErrors(x) > errorsBefore
	end(err, failed)
	if failed && !step.isRow() {
		x.Log.ErrorContext(ctx, "step failed", "step", step.name, "took", x.WallTime().Sub(r.Started), "error", x.whyFailed(err, errorsBefore))
	}
	r.add(func(r *StepReport) {
		if r.Took = Duration(x.WallTime().Sub(r.Started)); r.Status == "" {
			r.Status = StatusDone
		}
		if err != nil {
			r.Error = x.said(err.Error())
		}
		if failed {
			r.Status = StatusFailed
		}
	})
	x.step, x.at = s.parent, s.at
	return join(err, s.noteEnd(ctx, path, r, err))
}

// do runs the program of a step. Its error names the step.
func (s *scope) do(ctx context.Context, step *link, path string) error {
	if !step.isRow() {
		s.x.diverged = true // from here on the export is not what a record says
	}
	err := s.call(ctx, step, path)
	if err == nil {
		return nil
	}
	all := wrapAll(step.name, err)
	for i, one := range all {
		all[i] = step.placed(one)
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// call runs the program of a step, and the formulas after it. A panic is an error.
func (s *scope) call(ctx context.Context, step *link, path string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.x.panicked(ctx, "step panicked: "+step.name, v)
		}
	}()
	if err := s.runWithin(ctx, step, path); err != nil {
		return err
	}
	return s.x.recompute(ctx)
}

// passed leaves a step out that has ended before.
func (s *scope) passed(path string, past *stepRecord) error {
	x := s.x
	x.Files.take(x.run.log.earlier, path)
	r := past.Report
	if r == nil {
		r = &StepReport{Status: StatusDone}
	}
	r.Earlier = true
	s.list(r)
	if err := x.restore(past); err != nil {
		return err
	}
	return errors.Join(past.failures()...)
}

// noteEnd has the ledger know that a step has ended. A step that was broken off because
// the process or its time ended, or that waits for a verdict, has not.
func (s *scope) noteEnd(ctx context.Context, path string, r *StepReport, err error) error {
	x := s.x
	if !x.run.log.isKept() || errors.Is(err, ErrUnsettled) || isLeft(ctx) {
		return nil
	}
	record, recordErr := x.record(path, r, walk(err))
	if recordErr != nil {
		return recordErr
	}
	return x.run.log.note(recordStep, record)
}

// walk lists the errors that a step has failed with.
func walk(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
