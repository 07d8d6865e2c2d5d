package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Outcome is what is known of a run, for servers and operators.
type Outcome struct {
	RunInfo
	// Response is the answer; nil until the run has ended or waits for a verdict, and for
	// one that gave way to another.
	Response *rossum.Response
	// Error is what the run returned beside the answer, "" if nothing.
	Error  string
	Report *Report // nil until the run has ended
	// Delivered says that the answer was written to a caller.
	Delivered bool
	// Waits says that the run needs a person's [Verdict], or its hook to be called again
	// ([ErrNeedsCall]).
	Waits bool
	// Sent says what was sent until now, in a sentence.
	Sent string
}

// Failed reports whether the run has ended with an error message.
func (o *Outcome) Failed() bool { return o.Error != "" || o.Response != nil && o.Response.Failed() }

// err is what the run returned beside the answer.
func (o *Outcome) err() error {
	if o.Error == "" {
		return nil
	}
	return errors.New(o.Error)
}

// Outcome returns what is known of a run. The error wraps ErrNoRun if it is not there.
func (j *Journal) Outcome(ctx context.Context, id RunID) (Outcome, error) {
	h, err := j.load(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{RunInfo: h.RunInfo, Delivered: h.given, Waits: h.stopped, Sent: newRunLog(j, Lease{}, h.RunInfo, h).sentence()}
	if h.end != nil {
		o.Response, o.Error, o.Report = h.end.Response, h.end.Error, h.end.Report
	}
	return o, nil
}

// Latest returns the newest run of a key; ok is false if there is none.
func (j *Journal) Latest(ctx context.Context, key RunKey) (info RunInfo, ok bool, err error) {
	q := RunQuery{Organization: key.Organization, Hook: key.Hook, Annotation: key.Annotation, Event: key.Event, Limit: 1}
	if key.Organization == "" || key.Hook == "" || key.Annotation == 0 || key.Event == "" {
		q.Limit = 0 // an empty part of the key asks for any, so that the first may be another's
	}
	for found, err := range j.ledger.Find(ctx, q) {
		if err != nil && found.Key != key {
			return RunInfo{}, false, fmt.Errorf("looking for earlier exports: %w", err)
		}
		if found.Key == key {
			return found, true, err
		}
	}
	return RunInfo{}, false, nil
}

// MarkDelivered notes that the answer of a run was written to its caller.
func (j *Journal) MarkDelivered(ctx context.Context, id RunID) error {
	r, err := j.record(string(id), recordDelivered, mark{})
	if err != nil {
		return err
	}
	return j.ledger.Note(ctx, id, r)
}

// ErrNoCall means that the hook call of a run was not recorded, since its payload was not
// parsed from JSON.
var ErrNoCall = errors.New("the hook call was not recorded")

// Call returns the hook call that a run is of, without its token and secrets, and the
// path at which the hook was called. The error wraps ErrNoRun if the run is not there,
// [ErrNoCall] if its call was not recorded, and [ErrUnsettled] if it waits for a [Verdict].
func (j *Journal) Call(ctx context.Context, id RunID) (p *rossum.Payload, path string, err error) {
	b, waits, err := j.loadBeginning(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if waits {
		return nil, "", fmt.Errorf("run %s waits for a verdict: %w", id, ErrUnsettled)
	}
	if b.Payload == nil {
		return nil, "", fmt.Errorf("run %s: %w", id, ErrNoCall)
	}
	p, err = rossum.ParsePayload(b.Payload)
	return p, b.Path, err
}

// Recover goes on with every run that a process has left unended, one after the other,
// for programs without a server. choose returns the chain for a hook call, nil for one
// that is none of this program's; the call has neither token nor secrets, which the
// options must give ([WithSecrets], [WithRossum]). A run that lacks one of them is stopped,
// with [ErrNeedsCall], until its hook is called again. Runs that wait for a [Verdict] are
// left as they are. The error joins those of the runs.
func (j *Journal) Recover(ctx context.Context, choose func(p *rossum.Payload, path string) *Chain, options ...Option) (answers []Kept, err error) {
	var faults []error
	for info, err := range j.ledger.Find(ctx, RunQuery{State: RunAbandoned}) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		k, ran, err := j.recoverOne(ctx, info, choose, options)
		if err != nil {
			faults = append(faults, fmt.Errorf("going on with run %s (%s): %w", info.ID, info.Key, err))
		}
		if ran {
			answers = append(answers, k)
		}
	}
	return answers, errors.Join(faults...)
}

func (j *Journal) recoverOne(ctx context.Context, info RunInfo, choose func(*rossum.Payload, string) *Chain, options []Option) (Kept, bool, error) {
	p, path, err := j.Call(ctx, info.ID)
	if errors.Is(err, ErrNoRun) || errors.Is(err, ErrUnsettled) {
		return Kept{}, false, nil
	}
	if err != nil {
		return Kept{}, false, err
	}
	chain := choose(p, path)
	if chain == nil {
		return Kept{}, false, nil
	}
	k, err := chain.Keep(ctx, p, KeepOptions{Resume: info.ID, Path: path}, append(options[:len(options):len(options)], WithJournal(j))...)
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrEnded) && k.Run.ID == "" {
		return Kept{}, false, nil // another process was faster
	}
	return k, true, err
}
