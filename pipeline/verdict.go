package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"
)

// Verdict is what a person says of a call that was begun and whose answer is not known,
// having looked into the target system.
type Verdict struct {
	// There says that the other side has acted on it. Without it the call is made.
	There bool `json:"there"`
	// Status and Body are what the lost answer would have told the steps, such as 201
	// and {"id": 7}. 200 if Status is 0.
	Status int         `json:"status,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
	// By is who says so, for the report.
	By string `json:"by,omitempty"`
}

func (v Verdict) answer() *Reply {
	a := &Reply{Status: v.Status, Header: v.Header, Body: v.Body, Recorded: true}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.Header == nil {
		a.Header = http.Header{}
	}
	return a
}

// Pending is a call of a run that was cut short, of which nobody knows whether it was
// made.
type Pending struct {
	Run     RunInfo
	Call    CallRef
	Step    string
	What    string
	Started time.Time
	// Over is when the call has ended at the latest: who looks for it earlier may miss it.
	// The target system may need some time more.
	Over time.Time
	// Verdict is what a person has said of it, nil if nothing.
	Verdict *Verdict
}

// Pending lists the calls that wait for a verdict, those of the newest runs first.
func (j *Journal) Pending(ctx context.Context, q RunQuery) iter.Seq2[Pending, error] {
	q.State = 0
	return func(yield func(Pending, error) bool) {
		for info, err := range j.ledger.Find(ctx, q) {
			if info.State == RunEnded {
				continue
			}
			var h *history
			if err == nil {
				h, err = j.load(ctx, info.ID)
			}
			if errors.Is(err, ErrNoRun) || err == nil && info.State == RunLive && !h.stopped {
				continue // erased meanwhile, or it goes on
			}
			if err != nil {
				if !yield(Pending{Run: info}, err) {
					return
				}
				continue
			}
			for _, c := range h.calls {
				if !c.isOpen() {
					continue
				}
				if !yield(Pending{Run: info, Call: c.ref(), Step: c.Name, What: c.What, Started: c.Started, Over: c.Started.Add(c.Limit), Verdict: c.verdict}, nil) {
					return
				}
			}
		}
	}
}

// isOpen reports that the other side may have acted, and nobody knows.
func (c *pastCall) isOpen() bool { return c.reply == nil && !c.Reads && !c.Repeatable }

// Settle notes a person's verdict. The run goes on with it when the hook is called again,
// or by [Journal.Recover]. The error wraps ErrNoRun if the run or the call is not there.
func (j *Journal) Settle(ctx context.Context, run RunID, call CallRef, v Verdict) error {
	h, err := j.load(ctx, run)
	if err != nil {
		return fmt.Errorf("settling a call: %w", err)
	}
	for _, c := range h.calls {
		if c.ref() != call {
			continue
		}
		if !c.isOpen() {
			return fmt.Errorf("settling call %s of run %s: it needs no verdict, since its answer is known or it may be repeated", call, run)
		}
		r, err := j.record(placeOf(recordVerdict, h.RunInfo), recordVerdict, verdictRecord{c.callID, v})
		if err != nil {
			return err
		}
		return j.ledger.Note(ctx, run, r)
	}
	return fmt.Errorf("settling a call: %w", &noSuchCall{run, call})
}

// noSuchCall is the error of a verdict on a call that the run has not made.
type noSuchCall struct {
	run  RunID
	call CallRef
}

func (e *noSuchCall) Error() string { return fmt.Sprintf("run %s has no call %s", e.run, e.call) }

// Is makes errors.Is find [ErrNoRun].
func (e *noSuchCall) Is(target error) bool { return target == ErrNoRun }
