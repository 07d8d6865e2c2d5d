package pipeline

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/outage"
)

// discreet is a ledger whose faults say in messages, reports and answers only of what kind they
// are: their words may name hosts, users and folders, and are for the log.
type discreet struct{ Ledger }

// named are the errors that a Ledger's contract names; their words are of this module.
var named = []error{ErrNoRun, ErrEnded, ErrFenced, ErrBusy, ErrStale, ErrRecordTooLarge, ErrLedgerClosed, ErrNewerFormat}

func hushed(ctx context.Context, err error) error {
	if err == nil || err == ctx.Err() || err == context.Cause(ctx) { //nolint:errorlint // it has no other words then
		return err
	}
	if slices.ContainsFunc(named, func(is error) bool { return errors.Is(err, is) }) {
		return err
	}
	return outage.Of(err)
}

func (d discreet) Claim(ctx context.Context, key RunKey, o ClaimOptions) (Claimed, error) {
	claimed, err := d.Ledger.Claim(ctx, key, o)
	return claimed, hushed(ctx, err)
}

func (d discreet) Append(ctx context.Context, l Lease, records ...Record) error {
	return hushed(ctx, d.Ledger.Append(ctx, l, records...))
}

func (d discreet) Renew(ctx context.Context, l Lease) error {
	return hushed(ctx, d.Ledger.Renew(ctx, l))
}

func (d discreet) End(ctx context.Context, l Lease, final Record) error {
	return hushed(ctx, d.Ledger.End(ctx, l, final))
}

func (d discreet) Release(ctx context.Context, l Lease) error {
	return hushed(ctx, d.Ledger.Release(ctx, l))
}

func (d discreet) Note(ctx context.Context, id RunID, r Record) error {
	return hushed(ctx, d.Ledger.Note(ctx, id, r))
}

func (d discreet) Load(ctx context.Context, id RunID) (Run, error) {
	run, err := d.Ledger.Load(ctx, id)
	return run, hushed(ctx, err)
}

func (d discreet) Find(ctx context.Context, q RunQuery) iter.Seq2[RunInfo, error] {
	return func(yield func(RunInfo, error) bool) {
		for info, err := range d.Ledger.Find(ctx, q) {
			if !yield(info, hushed(ctx, err)) {
				return
			}
		}
	}
}

func (d discreet) Wait(ctx context.Context, id RunID) (RunInfo, error) {
	info, err := d.Ledger.Wait(ctx, id)
	return info, hushed(ctx, err)
}

func (d discreet) Erase(ctx context.Context, organization string, annotation int64, except ...RunID) error {
	return hushed(ctx, d.Ledger.Erase(ctx, organization, annotation, except...))
}

func (d discreet) Expire(ctx context.Context, age time.Duration) (int, error) {
	n, err := d.Ledger.Expire(ctx, age)
	return n, hushed(ctx, err)
}
