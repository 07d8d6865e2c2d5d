package pipeline

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	Step    string // name
	Call    string // as in [Act]
	Item    int
	What    string // such as POST https://erp.example/invoices
	Started time.Time
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
type Probe func(ctx context.Context, x *Export, q Question) (answer *Reply, there bool, err error)

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
func (x *Export) probe(ctx context.Context, p probing, c, past *madeCall) (answer *Reply, err error, done bool) {
	// How long ago it was begun is the ledger's word, not that of two clocks.
	if err := x.waitUntil(ctx, past.Started.Add(past.Limit+p.settle)); err != nil {
		if past.verdict != nil && ctx.Err() == nil {
			return x.byVerdict(c, past, *past.verdict)
		}
		return nil, fmt.Errorf("%w; waiting before the target system is asked: %w", x.unsettled(past), err), true
	}
	q := Question{Step: past.Name, Call: past.Call, Item: past.Item, What: past.What, Started: past.Started}
	if r := past.Request; r != nil {
		q.Method, q.URL, q.Header, q.Body = r.Method, r.URL, r.Header, r.text()
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
		answer = &Reply{}
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

// settle decides about a call that an earlier process had begun. With done the call is
// not made.
func (x *Export) settle(ctx context.Context, a Act, c, past *madeCall) (answer *Reply, err error, done bool) {
	if past.reply != nil {
		answer, err := past.reply.recorded()
		if past.reads && past.Aside {
			return answer, err, true // no news to anybody
		}
		x.decideCall("%s: answered in the part of the run that was cut short; the answer is that of the ledger", past)
		x.recordPast(past)
		return answer, err, true
	}
	if a.Probe != nil {
		if answer, err := a.Probe(ctx); answer != nil || err != nil {
			return x.probed(ctx, c, past, answer, err)
		}
	}
	if past.reads || a.Reads || past.Repeatable || a.Repeatable {
		x.decideCall("%s: begun in the part of the run that was cut short, and made again, since it may be repeated", past)
		return nil, nil, false
	}
	var unlike error
	if past.Key != "" && c.Key == past.Key && past.verdict == nil {
		if unlike = c.sameRequest(ctx, past); unlike == nil {
			c.unsure = true
			x.decideCall("%s: begun in the part of the run that was cut short, and made again with its idempotency key", past)
			return nil, nil, false
		}
	}
	if p, ok := x.run.config.probes[past.Name]; ok {
		return x.probe(ctx, p, c, past)
	}
	if v := past.verdict; v != nil {
		return x.byVerdict(c, past, *v)
	}
	if unlike != nil {
		return nil, fmt.Errorf("%w. Its idempotency key is not used again: %w", x.unsettled(past), unlike), true
	}
	return nil, x.unsettled(past), true
}

func (x *Export) unsettled(past *madeCall) *UnsettledError {
	return &UnsettledError{Run: x.run.log.info.ID, Call: past.ref(), What: past.What, Started: past.Started}
}

// probed does as the step's own probe says.
func (x *Export) probed(ctx context.Context, c, past *madeCall, answer *Reply, err error) (*Reply, error, bool) {
	if err != nil && past.verdict != nil {
		return x.byVerdict(c, past, *past.verdict)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; looking for it: %w", x.unsettled(past), err), true
	}
	x.decideCall("%s: done by the part of the run that was cut short, as the target shows", past)
	answer.Recorded = true
	x.noteReply(ctx, c, answer, nil)
	return answer, nil, true
}

func (x *Export) decideCall(format string, past *madeCall) { x.Decide(format, past.What) }

// sameRequest takes over what the first attempt sent: the other side may refuse a key
// that comes with other bytes.
func (c *madeCall) sameRequest(ctx context.Context, past *madeCall) error {
	if past.Request == nil || c.Request == nil {
		return nil
	}
	if past.Request.Method != c.Request.Method || past.Request.URL != c.Request.URL {
		return errors.New("the settings have changed since it was begun")
	}
	body, err := again(ctx, past.Request.Body, c.Request.Body)
	if err != nil {
		return err
	}
	request := *past.Request
	request.Body = body
	c.Request, c.repeats = &request, true
	return nil
}

// byVerdict does as a person has said.
func (x *Export) byVerdict(c, past *madeCall, v Verdict) (*Reply, error, bool) {
	if !v.There {
		x.decideCall("%s: made again, since it is not there, as a person has said", past)
		return nil, nil, false
	}
	x.decideCall("%s: it is there, as a person has said", past)
	answer := v.answer()
	x.noteReply(context.Background(), c, answer, nil)
	return answer, nil, true
}

// recordPast shows an earlier call in the report.
func (x *Export) recordPast(past *madeCall) {
	method, url, _ := strings.Cut(past.What, " ")
	r := CallReport{Method: method, URL: url, Attempts: 1, Recorded: true, Error: past.reply.Error}
	if a := past.reply.Answer; a != nil {
		r.Status, r.Took, r.Received = a.Status, Duration(a.Took), int64(len(a.Body))
	}
	x.RecordCall(r)
}
