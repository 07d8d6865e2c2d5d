package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Chain is an ordered list of steps that are compiled, and itself a [Step]: as a part of
// another chain it is compiled again there. It does not change once it is built, and may
// be used by any number of exports at the same time.
type Chain struct {
	links  []link
	config config
	origin Origin
	flows  *flowCache
}

// New compiles steps into a chain. The steps themselves are left as they are, and may
// be a part of other chains. The error joins all faults of all steps, each a
// [*StepError].
func New(steps ...Step) (*Chain, error) {
	links, faults := compile(steps, func(i int) *StepError {
		return &StepError{Step: "#" + strconv.Itoa(i+1), Err: errors.New("the step is nil")}
	})
	if len(faults) > 0 {
		_ = closeLinks(links) // of steps that never ran
		return nil, errors.Join(faults...)
	}
	return &Chain{links: links, flows: &flowCache{}}, nil
}

// With returns a chain of the same steps that runs with further options.
func (c *Chain) With(options ...Option) *Chain {
	changed := *c
	changed.config.apply(options)
	return &changed
}

// Steps returns the steps in their order, as they were given.
func (c *Chain) Steps() []Step {
	steps := make([]Step, len(c.links))
	for i, l := range c.links {
		steps[i] = l.step
	}
	return steps
}

// Compile makes a chain of the same steps for another chain to run, which closes it.
func (c *Chain) Compile() (Program, error) {
	again, err := New(c.Steps()...)
	if err != nil {
		return nil, err
	}
	return again, nil
}

// Name returns "chain".
func (c *Chain) Name() string { return "chain" }

// ListensTo reports that a chain runs on every event: its steps decide.
func (c *Chain) ListensTo(event, action string) bool { return true }

// Close ends what the compiled steps hold: connections, goroutines. No export may run
// then or afterwards.
func (c *Chain) Close() error { return closeLinks(c.links) }

// Export runs the chain on a hook call and returns the answer. The payload must
// not be used by anybody else meanwhile.
//
// The answer is never nil. When a step fails with an error, that error is
// returned, and the answer carries an error message for it beside the messages
// and operations there were until then: what an ERP has answered is not lost.
func (c *Chain) Export(ctx context.Context, p *rossum.Payload, options ...Option) (*rossum.Response, error) {
	config := c.config
	config.apply(options)
	x, err := newExport(p, config)
	if err != nil {
		return &rossum.Response{Messages: []rossum.Message{{Type: rossum.ErrorMessage, Content: "Export failed: " + err.Error()}}}, err
	}
	return c.Resume(ctx, x)
}

// Resume runs the chain on an export that [Restore] or [NewExport] made, from
// the first step that has not run, and returns the answer as [Chain.Export]
// does.
func (c *Chain) Resume(ctx context.Context, x *Export) (*rossum.Response, error) {
	if d := x.run.config.timeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("the export took longer than %v: %w", d, context.DeadlineExceeded))
		defer cancel()
	}
	report := x.run.report
	report.LeftOut, report.Graph = c.origin.LeftOut, c.origin.Graph
	ctx, end := x.startSpan(ctx, "export", x.Annotation.ID)
	err := c.loadSecrets(ctx, x)
	if err == nil {
		err = x.fetchContent(ctx)
	}
	if err == nil {
		err = c.preflight(ctx, x)
	}
	if err == nil {
		err = c.runAll(ctx, x, true)
	}
	end(err)
	if err != nil {
		err = x.run.redactor.Error(err)
		x.Error("Export failed: %v", err)
		x.Log.ErrorContext(ctx, "export failed", "error", err)
	}
	report.redact(x.Redact)
	report.Took, report.Failed = Duration(x.Now().Sub(report.Started)), x.Failed()
	if x.run.config.report != nil {
		x.run.config.report(context.WithoutCancel(ctx), report)
	}
	return x.Response(), err
}

// Run runs the steps on x, as a step of another chain.
func (c *Chain) Run(ctx context.Context, x *Export) error { return c.runAll(ctx, x, false) }

func (c *Chain) runAll(ctx context.Context, x *Export, outermost bool) error {
	scope := x.enterScope(outermost)
	defer scope.leave()
	errorsBefore := countErrors(x)
	var first error
	if outermost && x.run.restored {
		// What an earlier part of the run has failed with still holds.
		errorsBefore, first = 0, x.run.failure()
	}
	for i := range c.links {
		s := &c.links[i]
		if outermost && i < x.run.done {
			continue
		}
		stopped := first != nil || countErrors(x) > errorsBefore
		if ctx.Err() != nil && first == nil {
			first = context.Cause(ctx)
			stopped = true
		}
		if stopped && !s.final {
			scope.notRun(s)
			continue
		}
		if !listensTo(s.step, x.Payload.Event, x.Payload.Action) {
			scope.notRun(s, "not for "+x.Payload.Event+"."+x.Payload.Action)
			continue
		}
		err := scope.run(ctx, s)
		if first == nil {
			first = err
		} else if err != nil {
			first = errors.Join(first, err)
		}
		if outermost {
			x.run.done = i + 1
			x.run.note(err)
			if err := x.checkpoint(context.WithoutCancel(ctx)); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}

func countErrors(x *Export) (n int) {
	for _, m := range x.Messages {
		if m.Type == rossum.ErrorMessage {
			n++
		}
	}
	return n
}

// scope is the place in the report where the steps of one chain, or the
// branches of one Parallel, are listed.
type scope struct {
	x      *Export
	parent *StepReport
	path   string
}

func (x *Export) enterScope(outermost bool) *scope {
	s := &scope{x: x, parent: x.step, path: x.path}
	if outermost {
		s.parent = nil
	}
	return s
}

func (s *scope) leave() { s.x.step, s.x.path = s.parent, s.path }

func (s *scope) list(r *StepReport) {
	if s.parent == nil {
		s.x.run.report.Steps = append(s.x.run.report.Steps, r)
		return
	}
	s.parent.add(func(p *StepReport) { p.Steps = append(p.Steps, r) })
}

func (s *scope) notRun(step *link, decisions ...string) {
	s.list(&StepReport{Name: step.name, Status: NotRun, Started: s.x.Now(), Decisions: decisions})
}

// pathKey keeps the slash of a path for its parts.
var pathKey = strings.NewReplacer("%", "%25", "/", "%2F")

// graceTime is what a Finally step gets after the context of the export ended.
const graceTime = 5 * time.Second

// run runs one step with everything around it: report, span, recover.
func (s *scope) run(ctx context.Context, step *link) (err error) {
	if ctx.Err() != nil && step.final {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer cancel()
	}
	x, name := s.x, step.name
	r := &StepReport{Name: name, Started: x.Now()}
	s.list(r)
	x.step, x.path = r, s.path+"/"+pathKey.Replace(step.key)
	errorsBefore := countErrors(x)
	ctx, end := x.startSpan(ctx, name, x.Annotation.ID)
	defer func() {
		if v := recover(); v != nil {
			// A stack belongs in the log, where an operator sees it.
			x.Log.ErrorContext(ctx, "step panicked", "step", name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = &StepError{Step: name, Err: fmt.Errorf("%w: %v", ErrPanic, v)}
		}
		end(err)
		r.add(func(r *StepReport) {
			r.Took, r.Status = Duration(x.Now().Sub(r.Started)), Done
			if err != nil {
				r.Error = x.Redact(err.Error())
			}
			if err != nil || countErrors(x) > errorsBefore {
				r.Status = Failed
			}
		})
		x.run.progress.end(x.path)
		x.step, x.path = s.parent, s.path
	}()
	if err := step.program.Run(ctx, x); err != nil {
		return wrap(name, err)
	}
	return wrap(name, x.recompute(ctx))
}

// ErrPanic means that a step panicked: a defect of the step.
var ErrPanic = errors.New("the step panicked")
