package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// missing is what a dry run does not know, because answers are missing.
type missing struct {
	any    string            // why fields may be anything, "" if they may not
	fields map[string]string // why, by schema_id
	files  map[string]string // why, by reference key
}

// dryBlock returns why a step cannot run, "" if it can. The caller's run is dry.
func (x *Export) dryBlock(l *link) string {
	x.run.dryMu.Lock()
	defer x.run.dryMu.Unlock()
	m := &x.run.missing
	if l.isRow() || m.any == "" && len(m.fields) == 0 && len(m.files) == 0 {
		return ""
	}
	uses, told := ownUses(l.step, x.Annotation.QueueID())
	if !told {
		if x.run.config.dry.KeepFields {
			return ""
		}
		return "not run: it does not say what it reads, and may need the answer to " + m.first()
	}
	for _, u := range uses {
		switch {
		case u.Kind == UseNeeds && m.files[u.Name] != "":
			return fmt.Sprintf("not run: it needs file %q, and with it the answer to %s", u.Name, m.files[u.Name])
		case u.Kind == UseReads && m.fields[u.Name] != "":
			return fmt.Sprintf("not run: it reads field %q, which depends on the answer to %s", u.Name, m.fields[u.Name])
		case u.Kind == UseReads && m.any != "":
			return fmt.Sprintf("not run: it reads field %q, which may depend on the answer to %s", u.Name, m.any)
		}
	}
	return ""
}

// first names one of the calls without an answer.
func (m *missing) first() string {
	if m.any != "" {
		return m.any
	}
	for _, some := range []map[string]string{m.files, m.fields} {
		for _, why := range some {
			return why
		}
	}
	return ""
}

// dryMiss notes what a step has not made, for want of the answer to a call.
func (x *Export) dryMiss(ctx context.Context, l *link, call string) {
	uses, told := ownUses(l.step, x.Annotation.QueueID())
	x.run.dryMu.Lock()
	defer x.run.dryMu.Unlock()
	m := &x.run.missing
	if m.fields == nil {
		m.fields, m.files = make(map[string]string), make(map[string]string)
	}
	var written []string
	for _, u := range uses {
		switch {
		case u.Kind == UseMakes && (slices.Contains(x.Files.Keys(), u.Name) || x.Files.recall(ctx, u.Name)):
		case u.Kind == UseMakes:
			m.files[u.Name] = call
		case u.Kind == UseWrites && u.Name != "":
			written = append(written, u.Name)
		case u.Kind == UseWrites:
			told = false
		}
	}
	if x.run.config.dry.KeepFields {
		return
	}
	if !told {
		m.any = call
	}
	for _, id := range x.withFormulas(written) {
		m.fields[id] = call
	}
}

// withFormulas adds the formula fields that depend on fields.
func (x *Export) withFormulas(ids []string) []string {
	facts, err := x.schemaFacts()
	if err != nil || facts == nil || len(ids) == 0 {
		return ids
	}
	for _, f := range facts.formulas().Affected(ids...) {
		ids = append(ids, f.SchemaID)
	}
	return ids
}

// ownUses are the uses of a step, without those of chains and branches within it, whose
// steps are asked one by one. told is false if it does not tell them.
func ownUses(s Step, queue int64) (uses []Use, told bool) {
	switch s := s.(type) {
	case *Chain, *parallel:
		return nil, true
	case *when:
		uses, told = ownUses(s.Step, queue)
		return append(s.uses(), uses...), told
	case interface{ Unwrap() Step }:
		return ownUses(s.Unwrap(), queue)
	}
	return describe(s, queue)
}

// dryEnd decides about the error of a step of a dry run. What says no more than that an
// answer is missing is not a failure.
func (x *Export) dryEnd(ctx context.Context, l *link, r *StepReport, err error) error {
	var miss *UnansweredError
	if l.isRow() || !errors.As(err, &miss) || !onlyUnanswered(err) {
		return err
	}
	call := miss.Method + " " + miss.URL
	x.dryMiss(ctx, l, call)
	r.add(func(r *StepReport) {
		r.Status = StatusUnanswered
		r.Decisions = append(r.Decisions, "ended here: a dry run has no answer to "+call)
	})
	return nil
}

// onlyUnanswered reports that every fault of an error is a missing answer.
func onlyUnanswered(err error) bool {
	for _, fault := range faultsOf(err) {
		if !errors.Is(fault, ErrUnanswered) {
			return false
		}
	}
	return true
}

// faultsOf lists the faults that an error joins: step errors, each by itself, and what
// is joined to them.
func faultsOf(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		several := false
		for _, one := range joined.Unwrap() {
			faults := faultsOf(one)
			several = several || isStepError(faults)
			all = append(all, faults...)
		}
		if several {
			return all
		}
		return []error{err} // such as a sentinel with its cause
	}
	if inner := faultsOf(errors.Unwrap(err)); isStepError(inner) {
		return inner
	}
	return []error{err}
}

func isStepError(faults []error) bool {
	for _, f := range faults {
		if _, ok := f.(*StepError); ok {
			return true
		}
	}
	return false
}

// blocked lists a step that a dry run cannot run.
func (s *scope) blocked(ctx context.Context, step *link, why string, at time.Time) {
	_, call, _ := strings.Cut(why, "the answer to ")
	s.x.dryMiss(ctx, step, call)
	s.list(&StepReport{Name: step.name, Status: StatusNotRun, Started: at, Decisions: []string{why}})
}
