package pipeline

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Idempotency says that an ERP honours idempotency keys: it acts once on all calls that
// carry the same one.
type Idempotency struct {
	// Header is the name of the header, Idempotency-Key if "".
	Header string
	// Steps are the names of the steps whose ERP does so; nil means all.
	Steps []string

	on bool
}

// WithIdempotency has calls carry an idempotency key, and makes a call again, with its
// key and the same bytes, whose answer was lost in a crash. The key is made of the
// organisation, the hook, the annotation, the run and the identity of the call: equal
// items of one run have different keys, and a re-export that somebody asks for has new
// ones. It needs [WithJournal]; without it there is nothing that outlives a crash.
func WithIdempotency(i Idempotency) Option {
	return func(c *config) {
		c.idempotency = i
		c.idempotency.on = true
		if i.Header == "" {
			c.idempotency.Header = "Idempotency-Key"
		}
	}
}

func (i *Idempotency) applies(step string) bool {
	return i.on && (i.Steps == nil || slices.Contains(i.Steps, step))
}

// keyOf names a call for ever; "" if the run is not kept.
func (l *runLog) keyOf(id callID) string {
	run := l.info
	if run.ID == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte("exportpipeline idempotency 1"))
	for _, part := range []string{
		run.Key.Organization, run.Key.Hook, strconv.FormatInt(run.Key.Annotation, 10), run.Key.Event, strconv.FormatInt(run.Generation, 10),
		l.earlier.origin(id.Step), id.Call, strconv.Itoa(id.Item), strconv.Itoa(id.Try),
	} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	sum := h.Sum(nil)
	// In the form of a UUID, which every ERP takes.
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// Question is what a [Probe] is asked: a call was begun, and no answer is known.
type Question struct {
	Step  string // name
	Call  string // as in [Act]
	Item  int
	What  string // such as POST https://erp.example/invoices
	Begun time.Time
	// Method, URL, Header and Body are what was to be sent, without credentials; empty
	// if the step did not say, and Body also if it is a file.
	Method, URL string
	Header      http.Header
	Body        []byte
}

// Probe looks at the target system for what a call makes. There is true with the answer
// that the call would have got, as far as steps need it: its status, and the body with
// the new object's id. With there false the call is made. The error says that it can't be
// known now; the run waits then.
type Probe func(ctx context.Context, x *Export, q Question) (answer *Answer, there bool, err error)

// probing are the options of [WithProbe].
type probing struct {
	probe  Probe
	settle time.Duration
}

// WithProbe has a run that goes on after a crash ask the ERP what has become of a call
// of the named step. It is asked once the call's own time is over and settle has passed
// since: an ERP may act after its caller has gone. A person's [Verdict] counts where the
// probe fails, or cannot be asked yet.
func WithProbe(step string, settle time.Duration, p Probe) Option {
	return func(c *config) {
		probes := make(map[string]probing, len(c.probes)+1)
		for name, known := range c.probes {
			probes[name] = known
		}
		probes[step] = probing{p, settle}
		c.probes = probes
	}
}

// probe asks what has become of a call. With done it is not made.
func (x *Export) probe(ctx context.Context, p probing, c, past *madeCall) (answer *Answer, err error, done bool) {
	// How long ago it was begun is the ledger's word, not that of two clocks.
	if err := x.waitUntil(ctx, past.Begun.Add(past.Limit+p.settle)); err != nil {
		if past.verdict != nil && ctx.Err() == nil {
			return x.byVerdict(c, past, *past.verdict)
		}
		return nil, fmt.Errorf("%w; waiting before the target system is asked: %w", x.unsettled(past), err), true
	}
	q := Question{Step: past.Name, Call: past.Call, Item: past.Item, What: past.What, Begun: past.Begun}
	if r := past.Request; r != nil {
		q.Method, q.URL, q.Header, q.Body = r.Method, r.URL, r.Header, r.Body
	}
	answer, there, err := p.probe(ctx, x, q)
	switch {
	case err != nil && past.verdict != nil:
		return x.byVerdict(c, past, *past.verdict)
	case err != nil:
		return nil, fmt.Errorf("%w; asking the target system: %w", x.unsettled(past), err), true
	case !there:
		x.Decide("%s: the target system does not have it; it is made again", past.What)
		return nil, nil, false
	case answer == nil:
		answer = &Answer{}
	}
	x.Decide("%s: the target system has it", past.What)
	answer.Recorded = true
	x.noteReply(ctx, c, answer, nil)
	return answer, nil, true
}

// waitUntil waits until a time of the run's clock. It does not wait for longer than half
// of the time that the run has left, which it needs for the rest of its steps.
func (x *Export) waitUntil(ctx context.Context, t time.Time) error {
	wait := t.Sub(x.WallTime())
	if wait <= 0 {
		return nil
	}
	if ends, ok := ctx.Deadline(); ok && wait > time.Until(ends)/2 {
		return fmt.Errorf("it is asked at %s at the earliest, when the call itself must have ended; export again then", t.UTC().Format(time.TimeOnly))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

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

func (v Verdict) answer() *Answer {
	a := &Answer{Status: v.Status, Header: v.Header, Body: v.Body, Recorded: true}
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
	Run   RunInfo
	Call  CallRef
	Step  string
	What  string
	Begun time.Time
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
				if !yield(Pending{Run: info, Call: c.ref(), Step: c.Name, What: c.What, Begun: c.Begun, Over: c.Begun.Add(c.Limit), Verdict: c.verdict}, nil) {
					return
				}
			}
		}
	}
}

// isOpen reports that the other side may have acted, and nobody knows.
func (c *pastCall) isOpen() bool { return c.reply == nil && !c.Reads && !c.Repeatable }

// Settle notes a person's verdict. The run goes on with it when the hook is called again,
// or by [Recover]. The error wraps ErrNoRun if the run or the call is not there.
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
			return fmt.Errorf("settling call %s of run %s: its answer is known, or it may be repeated", call, run)
		}
		r, err := j.record(placeOf(recordVerdict, h.RunInfo), recordVerdict, verdictRecord{c.callID, v})
		if err != nil {
			return err
		}
		return j.ledger.Note(ctx, run, r)
	}
	return fmt.Errorf("settling call %s of run %s: %w", call, run, ErrNoRun)
}
