package pipeline

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/treelimit"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Chain is an ordered list of steps that are compiled, and itself a [Step]: as a part of
// another chain it is compiled again there. It does not change once it is built, and may
// be used by any number of exports at the same time.
type Chain struct {
	links    []link
	origin   Origin
	outlines *outlineCache
	print    string // hash of the steps, their keys and settings
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
	return &Chain{links: links, outlines: &outlineCache{}, print: fingerprint(links)}, nil
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
//
// With [WithJournal] the export is kept on a ledger, and goes on where an earlier
// process was cut short in the same export; see [Chain.Keep]. It waits for an export of the
// annotation that goes on elsewhere, for as long as the run may take, and gives its answer
// if the content is the same. If one has ended elsewhere after Export was called, nothing
// is run either: the answer is that export's, or the error a [*StaleError] if the content
// is another.
func (c *Chain) Export(ctx context.Context, p *rossum.Payload, options ...Option) (*rossum.Response, error) {
	if c == nil {
		return failure(errNilChain), errNilChain
	}
	config := newConfig(options)
	if config.journal == nil || p == nil || p.Annotation == nil {
		k, err := c.keepWith(ctx, p, config)
		return k.Response, err
	}
	return c.exportOnce(ctx, p, config)
}

// Keep is Export that says which run of the ledger it was, for servers. The error is a
// [*BusyError] or a [*StaleError] if nothing was run, because the same export goes on
// elsewhere, or has ended there meanwhile. Without [WithJournal] no run is kept.
func (c *Chain) Keep(ctx context.Context, p *rossum.Payload, o KeepOptions, options ...Option) (Kept, error) {
	if c == nil {
		return Kept{Response: failure(errNilChain)}, errNilChain
	}
	config := newConfig(options)
	config.keep = o
	return c.keepWith(ctx, p, config)
}

func (c *Chain) keepWith(ctx context.Context, p *rossum.Payload, config config) (Kept, error) {
	x, err := c.newKept(p, config)
	if err != nil {
		return Kept{Response: failure(err)}, err
	}
	if x.run.config.journal == nil || x.run.config.dry != nil {
		response, err := c.run(ctx, x)
		return Kept{Response: response}, err
	}
	k, err := c.keep(ctx, x)
	if k.Response == nil && !k.Left {
		err = x.run.shown(err)
		k.Response = failure(err)
	}
	return k, err
}

// newKept makes an export that is to be kept.
func (c *Chain) newKept(p *rossum.Payload, config config) (*Export, error) {
	if config.timeout == 0 {
		config.timeout = c.origin.Timeout
	}
	x, err := newExport(p, config)
	if err == nil && config.timeout > 0 {
		x.run.ends = time.Now().Add(config.timeout) // what the ledger takes is a part of it
	}
	return x, err
}

func failure(err error) *rossum.Response {
	return &rossum.Response{Messages: []rossum.Message{{Type: rossum.MessageError, Content: "Export failed: " + err.Error()}}}
}

// run runs the whole chain and returns the answer.
func (c *Chain) run(ctx context.Context, x *Export) (*rossum.Response, error) {
	if !x.run.ends.IsZero() {
		d := time.Until(x.run.ends)
		if hasFinal(c.links) {
			d -= min(graceTime, d/6) // what Finally steps may need is a part of the time
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, x.run.late())
		defer cancel()
	}
	ctx = egress.With(treelimit.With(ctx, x.run.config.treeLimit), x.run.config.egress)
	ctx = x.holdBack(ctx, "", nil)
	report := x.run.report
	report.LeftOut, report.Graph, report.DryRun = c.origin.LeftOut, c.origin.Graph, x.IsDry()
	ctx, end := x.observeRun(ctx)
	err := x.guarded(ctx, "beginning the export panicked", func() error { return c.prepare(ctx, x) })
	before := x.fieldsBefore()
	if err == nil {
		x.tellEarlier()
		err = c.runInTurn(ctx, x)
	}
	if errors.Is(err, errPaused) {
		end(nil)
		return nil, errPaused
	}
	end(err)
	if err != nil {
		err = x.run.shown(err)
		x.Error("Export failed: %v", ended(err.Error())+" "+x.run.log.sentence())
	} else if x.Failed() && !x.IsDry() && (len(x.run.log.made()) > 0 || c.sends(x)) {
		x.Info("%s", x.run.log.sentence())
	}
	if x.run.config.details.on() {
		report.Fields, report.Messages = x.fieldsAfter(before), x.Response().Messages
	}
	report.redact(x.Redact)
	report.Took, report.Failed = Duration(x.WallTime().Sub(report.Started)), x.Failed()
	x.logRun(ctx, err)
	x.tell(context.WithoutCancel(ctx), report)
	return x.Response(), err
}

// runInTurn runs the steps when it is the export's turn.
func (c *Chain) runInTurn(ctx context.Context, x *Export) error {
	leave, err := x.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return c.runAll(ctx, x, true)
}

// sends reports whether a step of the chain says that it sends something.
func (c *Chain) sends(x *Export) bool {
	return c.outlineFor(x.target()).sends()
}

// prepare gets what the steps need, and looks whether it is all there.
func (c *Chain) prepare(ctx context.Context, x *Export) error {
	if err := c.loadSecrets(ctx, x); err != nil {
		return err
	}
	if err := x.fetchContent(ctx); err != nil {
		return err
	}
	return c.preflight(ctx, x)
}

// ended ends a text as a sentence does.
func ended(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// tell gives the report to the program. What the program does with it, a panic even,
// must not take the answer away.
func (x *Export) tell(ctx context.Context, report *Report) {
	if x.run.config.report == nil {
		return
	}
	_ = x.guarded(ctx, "the function that gets the report panicked", func() error { x.run.config.report(ctx, report); return nil })
}

// tellEarlier shows what an earlier export of the annotation has sent, that failed or was
// cut short, and is not gone on with.
func (x *Export) tellEarlier() {
	if len(x.run.knowledge) > 0 {
		x.Info("An earlier export of this annotation did not succeed. %s The annotation has changed since, so that this is a new export.", sentence(x.run.knowledge))
	}
}

// Run runs the steps on x, as a step of another chain.
func (c *Chain) Run(ctx context.Context, x *Export) error {
	switch {
	case c == nil:
		return errNilChain
	case x == nil:
		return errors.New("the export is nil")
	}
	return c.runAll(ctx, x, false)
}

var errNilChain = errors.New("the chain is nil")

func (c *Chain) runAll(ctx context.Context, x *Export, outermost bool) error {
	scope := x.enterScope(outermost)
	defer scope.leave()
	errorsBefore := countErrors(x)
	var first error
	for i := range c.links {
		s := &c.links[i]
		stopped := first != nil || countErrors(x) > errorsBefore
		if outermost && (s.final || !stopped) && listensTo(s.step, x.Payload.Event, x.Payload.Action) && x.pauses(scope, s) {
			x.run.paused = true
			return errPaused
		}
		if ctx.Err() != nil && first == nil {
			first = context.Cause(ctx)
			stopped = true
		}
		if stopped && !s.final || isLeft(ctx) {
			scope.notRun(s)
			continue
		}
		if !listensTo(s.step, x.Payload.Event, x.Payload.Action) {
			scope.notRun(s, "not for "+x.Payload.Event+"."+x.Payload.Action)
			continue
		}
		if err := scope.run(ctx, s); err != nil {
			first = join(first, err)
		}
	}
	return first
}

// join joins two errors, of which the first may be nil.
func join(first, err error) error {
	if first == nil {
		return err
	}
	return errors.Join(first, err)
}

func countErrors(x *Export) (n int) {
	for _, m := range x.Messages {
		if m.Type == rossum.MessageError {
			n++
		}
	}
	return n
}
