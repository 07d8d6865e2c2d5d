package pipeline

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// RunKeyOf says which runs a hook call is of: one at a time goes on.
func RunKeyOf(p *rossum.Payload) RunKey {
	return RunKey{Organization: p.BaseURL, Hook: p.Hook, Annotation: p.Annotation.ID, Event: p.Event + "." + p.Action}
}

// ErrChanged means that a run which was cut short cannot go on, since the chain or the
// annotation is another one now and nobody knows whether a call was made.
var ErrChanged = errors.New("an earlier run was cut short and cannot go on")

// ErrHandedOver as the cause of a context's end leaves the run for another process to
// go on with: it ends at its next call, and is not answered.
var ErrHandedOver = errors.New("the export service is stopping; another process goes on with this export")

// isLeft reports that the run is not this process's any more.
func isLeft(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, ErrHandedOver) || errors.Is(cause, ErrFenced) || errors.Is(cause, ErrNeedsCall)
}

// KeepOptions are the options of [Chain.Keep].
type KeepOptions struct {
	// After is the generation of the latest ended run that the caller has looked at;
	// AnyRun begins a new run whatever has ended before. See [ClaimOptions].
	After int64
	// Resume, if set, is the one run to go on with.
	Resume RunID
	// Earlier, if set, is an ended run of the same key with other content: what it had
	// sent is shown if it failed.
	Earlier RunID
	// Path is noted with the run: where the hook was called.
	Path string
	// Started, if not nil, is called with the run before its first step. It is called once,
	// by the goroutine of Keep.
	Started func(RunInfo)
	// Pause, if not nil, has the run done in parts: it is called with the key of each
	// step of the chain that is to run and has not ended before, and by true leaves the run
	// there, with all that was done on the ledger, for a later Keep with Resume to go on
	// with, in any process; Kept.Left says so. Of steps within a step only the outer one
	// counts. What begins a run, such as the checks before the first call, is done again in
	// each part, and each part waits for its turn ([InTurn]) by itself.
	Pause func(step string) bool
}

// Kept is what [Chain.Keep] did.
type Kept struct {
	Response *rossum.Response
	Run      RunInfo
	// Earlier reports that the run had been begun by a process that was cut short.
	Earlier bool
	// Stopped reports that the run waits for a person's [Verdict], or for its hook to be
	// called again ([ErrNeedsCall]).
	Stopped bool
	// Left reports that another process, or a later part, goes on with the run; there is
	// no answer.
	Left bool
}

// keep runs an export on the ledger of its journal. The error is a *BusyError if the run
// goes on elsewhere.
func (c *Chain) keep(ctx context.Context, x *Export) (Kept, error) {
	j := x.run.config.journal
	claimed, earlier, knowledge, err := c.claimInTime(ctx, x)
	if err != nil {
		return Kept{}, err
	}
	if err := j.refuseGone(ctx, x.Payload, claimed.Run); err != nil {
		return Kept{}, errors.Join(err, j.letGo(ctx, claimed.Lease))
	}
	k := Kept{Run: claimed.Run, Earlier: earlier != nil}
	x.run.log = newRunLog(j, claimed.Lease, claimed.Run, earlier)
	x.run.knowledge = knowledge
	if started := x.run.config.keep.Started; started != nil {
		started(claimed.Run)
	}
	running, stop := x.run.log.beat(ctx)
	response, runErr := c.run(running, x)
	k.Left = isLeft(running) && !errors.Is(runErr, ErrNeedsCall)
	stop()
	k.Response = response
	endCtx, cancel := j.late(ctx)
	defer cancel()
	if errors.Is(runErr, errPaused) {
		k.Left = true
		return k, x.run.log.leavePaused(endCtx)
	}
	if k.Left {
		// What it has done is on the ledger, or is done again from there.
		return k, errors.Join(runErr, j.ledger.Release(endCtx, claimed.Lease))
	}
	if isGone(x.Payload) {
		if err := x.run.config.erase(endCtx, x.Payload, claimed.Run.ID); err != nil {
			x.Error("Export failed: %v", err)
			x.Log.ErrorContext(ctx, "the records of an annotation that is gone could not be erased", "error", err)
			response, runErr = x.Response(), errors.Join(runErr, err)
			k.Response = response
		}
	}
	if k.Stopped = errors.Is(runErr, ErrUnsettled) || errors.Is(runErr, ErrChanged) || errors.Is(runErr, ErrNeedsCall); k.Stopped {
		err = errors.Join(x.run.log.write(endCtx, recordStopped, endRecord{Response: response, Error: textOf(runErr), Report: x.run.report}), j.ledger.Release(endCtx, claimed.Lease))
	} else {
		err = x.run.log.end(endCtx, endRecord{Response: response, Error: textOf(runErr), Report: x.run.report})
	}
	if err != nil {
		// The next call for the annotation goes on with the run, and makes nothing twice.
		if !k.Stopped {
			err = errors.Join(err, j.ledger.Release(endCtx, claimed.Lease))
		}
		x.Log.ErrorContext(ctx, "the end of an export could not be noted in the ledger", "error", err)
	}
	return k, runErr
}

// letGo hands a run over that is not begun here.
func (j *Journal) letGo(ctx context.Context, l Lease) error {
	if err := j.ledger.Release(context.WithoutCancel(ctx), l); !errors.Is(err, ErrFenced) {
		return err
	}
	return nil // it was erased, or another process has it already
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// end notes the answer.
func (l *runLog) end(ctx context.Context, e endRecord) error {
	r, err := l.journal.record(placeOf(recordEnd, l.info), recordEnd, e)
	if err != nil {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	return l.journal.ledger.End(ctx, l.lease, r)
}

// beat renews the lease until stop is called, and ends the context when the run has
// another owner.
func (l *runLog) beat(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	l.lose = cancel
	l.mu.Unlock()
	renewing := make(chan struct{}, 1) // has room for one
	var timer *time.Timer
	renewing <- struct{}{}
	timer = time.AfterFunc(l.journal.lease/3, func() {
		renewing <- struct{}{}
		defer func() { <-renewing }()
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		if err := l.journal.ledger.Renew(ctx, l.lease); errors.Is(err, ErrFenced) {
			cancel(takenOver(err))
			return
		}
		timer.Reset(l.journal.lease/3 - time.Since(began))
	})
	<-renewing
	return ctx, func() {
		cancel(nil) // which ends a renewal, too
		renewing <- struct{}{}
		timer.Stop()
		<-renewing
	}
}

// exportOnce is Export on a ledger.
func (c *Chain) exportOnce(ctx context.Context, p *rossum.Payload, config config) (*rossum.Response, error) {
	j, content, started := config.journal, p.ContentHash(), time.Now()
	last, _, err := j.Latest(ctx, RunKeyOf(p))
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotNoted, err)
		config.notBegun(ctx, p, err)
		return failure(err), err
	}
	after := last.Generation
	if last.State != RunEnded {
		after = max(after-1, 0) // its end will be news
	}
	timeout := cmp.Or(config.timeout, c.origin.Timeout)
	for {
		config.keep = KeepOptions{After: after}
		k, err := c.keepWith(ctx, p, config)
		if stale, ok := errors.AsType[*StaleError](err); ok && stale.Run.Content == content {
			if o, loadErr := j.Outcome(ctx, stale.Run.ID); loadErr == nil && o.Response != nil {
				return o.Response, o.err()
			}
		}
		busy, ok := errors.AsType[*BusyError](err)
		if !ok || j.wait(ctx, busy.Run.ID, started, timeout) != nil {
			if k.Run.ID == "" && err != nil {
				config.notBegun(ctx, p, err)
			}
			return k.Response, err
		}
		if busy.Run.Content != content {
			after = max(after, busy.Run.Generation)
		}
		if timeout > 0 {
			config.timeout = timeout - time.Since(started)
		}
	}
}

// notBegun logs why an export was not begun: the cause may be shown in the log only.
func (c *config) notBegun(ctx context.Context, p *rossum.Payload, err error) {
	log := c.log
	if log == nil {
		log = slog.Default()
	}
	log.ErrorContext(ctx, "an export was not begun", "annotation", p.Annotation.ID, "error", outage.Text(err))
}

// wait waits for the end of a run, but not longer than a time-out that has started.
func (j *Journal) wait(ctx context.Context, id RunID, started time.Time, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, started.Add(timeout))
		defer cancel()
	}
	_, err := j.ledger.Wait(ctx, id)
	if errors.Is(err, ErrNoRun) { // it was erased
		return nil
	}
	return err
}

// claimInTime claims the run within the time that it has.
func (c *Chain) claimInTime(ctx context.Context, x *Export) (Claimed, *history, []*madeCall, error) {
	if !x.run.ends.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, x.run.ends, x.run.late())
		defer cancel()
	}
	return c.claim(ctx, x)
}

// claim makes this process the owner of the run: a new one, or one that was cut short.
func (c *Chain) claim(ctx context.Context, x *Export) (Claimed, *history, []*madeCall, error) {
	j, p := x.run.config.journal, x.Payload
	key, content := RunKeyOf(p), p.ContentHash()
	_, _ = rand.Read(x.run.seed[:]) // never fails, see crypto/rand
	begun := begunRecord{Request: p.RequestID, Path: x.run.config.keep.Path, Seed: x.run.seed[:], Started: x.WallTime(), Earlier: x.run.config.keep.Earlier, call: p}
	if x.run.config.keep.Resume != "" {
		begun.call = nil // the run has it
	}
	var knowledge []*madeCall
	after := x.run.config.keep.After
	for {
		first, err := j.record(key.String(), recordBegun, begun)
		if err != nil {
			return Claimed{}, nil, nil, err
		}
		o := ClaimOptions{Owner: j.owner, Lease: j.lease, Content: content, Fingerprint: c.print, After: after, Resume: x.run.config.keep.Resume, First: []Record{first}}
		claimed, err := j.ledger.Claim(ctx, key, o)
		if err != nil {
			if !errors.Is(err, ErrBusy) && !errors.Is(err, ErrStale) && !errors.Is(err, ErrEnded) && !errors.Is(err, ErrNoRun) {
				err = fmt.Errorf("%w: %w", ErrNotNoted, err)
			}
			return claimed, nil, nil, fmt.Errorf("beginning the export: %w", err)
		}
		if !claimed.TakenOver {
			if knowledge == nil {
				knowledge = j.knowledge(ctx, x.run.config.keep.Earlier)
			}
			return claimed, nil, knowledge, nil
		}
		h, err := j.loadToGoOn(ctx, claimed.Run.ID)
		if err == nil && claimed.Run.Content == content {
			var b begunRecord
			b, err = x.run.begin(j, h)
			if err = errors.Join(c.goOn(ctx, j, claimed.Lease, h), err); err == nil {
				return claimed, h, j.knowledge(ctx, b.Earlier), nil
			}
		} else if err == nil {
			err = h.giveWay(x.run.config.stopIfSent)
		}
		if errors.Is(err, ErrChanged) {
			err = fmt.Errorf("%w. %s", err, newRunLog(j, claimed.Lease, claimed.Run, h).sentence())
		}
		if err != nil {
			return claimed, nil, nil, errors.Join(err, c.noteStopped(ctx, x, claimed, err), j.ledger.Release(context.WithoutCancel(ctx), claimed.Lease))
		}
		// The annotation has changed since. What was sent is known, and told.
		knowledge = newRunLog(j, claimed.Lease, claimed.Run, h).made()
		r, err := j.record(placeOf(recordReplaced, claimed.Run), recordReplaced, mark{})
		if err == nil {
			err = j.ledger.End(ctx, claimed.Lease, r)
		}
		if errors.Is(err, ErrFenced) && !errors.Is(err, ErrNoRun) {
			continue // another process has it, and is in the way
		}
		if err != nil {
			return claimed, nil, nil, fmt.Errorf("ending the earlier export: %w", err)
		}
		begun.Earlier = claimed.Run.ID
		after = claimed.Run.Generation // who has begun anew meanwhile has exported the change
	}
}

// WithStopIfSent has an export stop, instead of beginning anew, when an earlier one of the
// same annotation was cut short after it had sent something, and the annotation has
// changed since. Without it the export begins anew, and a message says what the earlier
// one had sent; but it always stops if nobody knows whether a call was made.
func WithStopIfSent() Option { return func(c *config) { c.stopIfSent = true } }

// knowledge is what an ended run had sent that failed or gave way to another. That it cannot be read is no
// reason not to export.
func (j *Journal) knowledge(ctx context.Context, id RunID) []*madeCall {
	if id == "" {
		return nil
	}
	h, err := j.load(ctx, id)
	if err != nil || !h.replaced && (h.end == nil || h.end.Error == "" && !h.end.Response.Failed()) {
		return nil
	}
	return newRunLog(j, Lease{}, h.RunInfo, h).made()
}

// begin takes over the beginning of a run that goes on: its seed, and its time.
func (r *run) begin(j *Journal, h *history) (begunRecord, error) {
	b, err := j.beginning(h)
	if len(b.Seed) == len(r.seed) {
		copy(r.seed[:], b.Seed)
	}
	if !b.Started.IsZero() {
		r.report.Started = b.Started
	}
	return b, err
}

// giveWay says whether a run that was cut short may be followed by one with other
// content.
func (h *history) giveWay(stopIfSent bool) error {
	if made := newRunLog(nil, Lease{}, h.RunInfo, h).made(); stopIfSent && len(made) > 0 {
		return fmt.Errorf("%w, since the annotation has changed; this program does not export such an annotation anew (pipeline.WithStopIfSent)", ErrChanged)
	}
	for _, c := range h.calls {
		if c.isOpen() && c.verdict == nil {
			return fmt.Errorf("%w, since the annotation has changed: %w", ErrChanged, &UnsettledError{Run: h.ID, Call: c.ref(), What: c.What, Started: c.Started})
		}
	}
	return nil
}
