package pipeline

import (
	"context"
	"errors"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Begin begins a run on the ledger of [WithJournal], or takes over one that was cut short,
// and leaves it without running any step: for an engine that has the run done in parts,
// wherever it likes, each by [Chain.Keep] with KeepOptions.Resume and Pause. The hook call
// is on the ledger then, without its token and secrets. Errors are those of Keep.
func (c *Chain) Begin(ctx context.Context, p *rossum.Payload, o KeepOptions, options ...Option) (RunInfo, error) {
	if c == nil {
		return RunInfo{}, errNilChain
	}
	config := newConfig(options)
	config.keep = o
	x, err := c.newKept(p, config)
	if err != nil {
		return RunInfo{}, err
	}
	if x.run.config.journal == nil {
		return RunInfo{}, errors.New("beginning the export: there is no ledger to begin it on (pipeline.WithJournal)")
	}
	claimed, _, _, err := c.claimInTime(ctx, x)
	if err != nil {
		return RunInfo{}, x.run.shown(err)
	}
	if err := x.run.config.journal.refuseGone(ctx, x.Payload, claimed.Run); err != nil {
		return RunInfo{}, errors.Join(err, x.run.config.journal.letGo(ctx, claimed.Lease))
	}
	err = x.run.config.journal.ledger.Release(context.WithoutCancel(ctx), claimed.Lease)
	if errors.Is(err, ErrFenced) && !errors.Is(err, ErrNoRun) {
		err = nil // another process goes on with it already
	}
	return claimed.Run, err
}

// errPaused ends a part of a run.
var errPaused = errors.New("the run is left before its next step")

// pauses reports whether the run is to be left before a step of the outermost chain. Steps
// that have ended are passed, or run again with the answers of the ledger, in any part.
func (x *Export) pauses(s *scope, step *link) bool {
	pause := x.run.config.keep.Pause
	if pause == nil || !x.run.log.isKept() {
		return false
	}
	if earlier := x.run.log.earlier; earlier != nil && earlier.steps[s.path(step)] != nil {
		return false
	}
	return pause(step.key)
}

// leavePaused has the ledger know of what was done, and leaves the run.
func (l *runLog) leavePaused(ctx context.Context) error {
	return errors.Join(l.flush(ctx), l.journal.ledger.Release(ctx, l.lease))
}

// noteStopped notes that the run cannot go on in this chain, if nobody is there who would
// be answered: else each process would try it again and again.
func (c *Chain) noteStopped(ctx context.Context, x *Export, claimed Claimed, err error) error {
	if x.run.config.keep.Resume == "" || !errors.Is(err, ErrChanged) {
		return nil
	}
	err = x.run.shown(err)
	j := x.run.config.journal
	r, recordErr := j.record(placeOf(recordStopped, claimed.Run), recordStopped, endRecord{Response: failure(err), Error: textOf(err), Report: x.run.report})
	if recordErr != nil {
		return recordErr
	}
	return j.ledger.Append(context.WithoutCancel(ctx), claimed.Lease, r)
}
