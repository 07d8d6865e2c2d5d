package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrMaybeSent means that an earlier run of this export, which was cut short,
// had begun a call, so that the other side may have acted on it. The call is
// not made again.
var ErrMaybeSent = errors.New("an earlier run that was cut short may have sent this already; it is not sent again")

// Sending is an entry of the journal: a call that must not be made twice.
type Sending struct {
	Step  string    `json:"step"`
	What  string    `json:"what"` // such as POST https://erp.example/invoices
	Begun time.Time `json:"begun"`
	Ended bool      `json:"ended"` // the other side's answer is known
	// Repeatable says that the call may be made again: its settings allow that.
	Repeatable bool `json:"repeatable,omitempty"`
	path       string
}

// journal lists the calls of a run. A checkpoint saves it before the first byte
// of a call is sent.
type journal struct {
	mu      sync.Mutex
	entries []*Sending
	earlier map[string]*Sending // of the run that was cut short, by path
}

// Begin announces a call that must not be made twice. If a checkpoint is wanted
// it is saved now, so that the call is known even if this process ends. When an
// earlier run has begun the same call of the same step, the error wraps
// [ErrMaybeSent] and the call must not be made. Call end with nil when the
// answer is known, or with notSent when nothing can have reached the other side.
func (x *Export) Begin(ctx context.Context, what string) (end func(notSent bool), err error) {
	return x.begin(ctx, what, false)
}

// BeginRepeatable is Begin for a call that may be made twice, as settings can say. It
// is announced like every other, so that a run which is cut short says that it was
// sent; but it is made again when the run goes on.
func (x *Export) BeginRepeatable(ctx context.Context, what string) (end func(notSent bool), err error) {
	return x.begin(ctx, what, true)
}

func (x *Export) begin(ctx context.Context, what string, repeatable bool) (end func(notSent bool), err error) {
	j := &x.run.journal
	what = x.Redact(what)
	entry := &Sending{Step: x.stepName(), What: what, Begun: x.Now(), Repeatable: repeatable, path: x.path + "|" + what}
	j.mu.Lock()
	if past := j.earlier[entry.path]; past != nil && !past.Repeatable {
		j.mu.Unlock()
		return nil, fmt.Errorf("%s, begun %s: %w", past.What, past.Begun.UTC().Format(time.RFC3339), ErrMaybeSent)
	}
	j.entries = append(j.entries, entry)
	j.mu.Unlock()
	if err := x.checkpoint(ctx); err != nil {
		j.remove(entry)
		return nil, err
	}
	return func(notSent bool) {
		if notSent {
			j.remove(entry)
			return
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		entry.Ended = true
	}, nil
}

func (j *journal) remove(gone *Sending) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, e := range j.entries {
		if e == gone {
			j.entries = append(j.entries[:i:i], j.entries[i+1:]...)
			return
		}
	}
}

// Sent lists the calls that this export has begun, oldest first, those of an
// earlier run that was cut short included.
func (x *Export) Sent() []Sending {
	j := &x.run.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Sending, len(j.entries))
	for i, e := range j.entries {
		list[i] = *e
	}
	return list
}

func (x *Export) stepName() string {
	if x.step == nil {
		return ""
	}
	return x.step.Name
}
