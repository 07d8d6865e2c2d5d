package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/limit"
)

// What a failed call leaves behind at the other side. The errors of package send, of the
// Rossum client and of [Export.Once] match one of the two.
var (
	// ErrMaybeSent means that the other side may have acted on a call.
	ErrMaybeSent = httpcall.ErrMaybeSent
	// ErrNotSent means that nothing of a call can have reached the other side, so that it
	// can be made again without any risk.
	ErrNotSent = httpcall.ErrNotSent
)

// ErrUnsettled means that a process which was cut short had begun a call, so that the
// other side may have acted on it, and that nothing says whether it has. The call is not
// made again; see [UnsettledError].
var ErrUnsettled = errors.New("a run that was cut short may have sent this already; it is not sent again")

// UnsettledError says that a run cannot go on before somebody has looked into the target
// system: a call was begun and no answer to it is known. It wraps [ErrUnsettled], and
// matches [ErrMaybeSent].
type UnsettledError struct {
	Run     RunID
	Call    CallRef
	What    string    // such as POST https://erp.example/invoices
	Started time.Time // when it was sent, if it was
}

func (e *UnsettledError) Error() string {
	text := fmt.Sprintf("%s, started %s: %v. Check in the target system whether this call was carried out", e.What, e.Started.UTC().Format(time.RFC3339), ErrUnsettled)
	if e.Run != "" {
		text += fmt.Sprintf("; then record what became of it (run %s, call %s), and export again", e.Run, e.Call)
	}
	return text
}

// Unwrap returns ErrUnsettled.
func (e *UnsettledError) Unwrap() error { return ErrUnsettled }

// Is makes errors.Is find [ErrMaybeSent].
func (e *UnsettledError) Is(target error) bool { return target == ErrMaybeSent }

// CallRef names a call of a run, for a person's [Verdict].
type CallRef string

func (id callID) ref() CallRef {
	text, _ := json.Marshal(id) // of texts and numbers
	sum := sha256.Sum256(text)
	return CallRef(hex.EncodeToString(sum[:6]))
}

// Act is a call that a step is about to make; see [Export.Once].
type Act struct {
	// Call tells the call from others of the same step, such as its place in the
	// settings, and Item counts the calls of a list. They must be the same when the
	// step runs again. A step that makes a call again, with a new token for example,
	// uses the same Call and Item.
	Call string
	Item int
	// What is the call as people read it, such as POST https://erp.example/invoices.
	// Secrets are cut out of it.
	What string
	// Reads says that the call changes nothing at the other side.
	Reads bool
	// Repeatable says that the call may be made twice, as settings can say.
	Repeatable bool
	// Limit is when the call is over at the latest, 0 if that is not known.
	Limit time.Duration

	// Harmless, if not nil, reports that the other side cannot have acted, although a
	// part of the call was sent: a file of it could not be read to its end.
	Harmless func(error) bool
	// Probe, if not nil, is how the step itself finds out whether the call was made, as
	// by looking at a file. It returns the answer if it was, nil if it cannot tell, and
	// an error if it could not look.
	Probe func(ctx context.Context) (*Reply, error)

	// Request is what an HTTP call sends, for the ledger, which gets it without
	// credentials; nil for a call that is none.
	Request *Request
	// Forget keeps the call out of the ledger, which gets neither the call nor its answer:
	// a token request, whose answer is a secret. It is made again when the run goes on.
	Forget bool

	aside bool // it is about the export's own files, and no news to a person
}

// Request is what an HTTP call sends.
type Request struct {
	Method string
	URL    string
	Header http.Header
	// Body is nil for none. The ledger gets its texts, up to 1 MiB of them; of files and of
	// what has a secret in it, it gets a SHA-256, so that the call is not made again with
	// other bytes under the same key.
	Body Content
}

// Attempt is what [Export.Once] tells the function that makes a call.
type Attempt struct {
	// Key is what the other side knows a repeated call by, "" without [WithIdempotency];
	// Header is the name of its header.
	Key, Header string

	// Body, if not nil, goes out in place of the request's: it has the same bytes, or those
	// of the attempt that is made again, since the other side may refuse a key that comes
	// with others. Of a stream its last byte is withheld until the ledger knows what it held.
	Body Content
	// ContentType, if not "", is that of Body.
	ContentType string
}

// Reply is what the other side has answered. Status, headers and body are kept byte for
// byte; a step that does not speak HTTP keeps JSON in Value.
type Reply struct {
	Status int
	Reason string // the words after the status, such as Not Found
	URL    string // that answered, after redirects
	Header http.Header
	Body   []byte
	Value  json.RawMessage
	Took   time.Duration
	// Recorded says that the answer comes from the ledger: the call was made by a
	// process that was cut short.
	Recorded bool
}

// NotSent marks an error of a call of which nothing can have reached the other side.
func NotSent(err error) error {
	if err == nil {
		return nil
	}
	return &notSentError{err}
}

type notSentError struct{ error }

func (e *notSentError) Unwrap() error { return e.error }

// sentFlag is what errors of calls say of themselves.
type sentFlag interface{ MaybeSent() bool }

func maybeSent(err error) bool {
	var not *notSentError
	if errors.As(err, &not) {
		return false
	}
	var flag sentFlag
	return !errors.As(err, &flag) || flag.MaybeSent()
}

// Is makes errors.Is find [ErrNotSent].
func (e *notSentError) Is(target error) bool { return target == ErrNotSent }

// Once makes a call that must not be made twice: the ledger knows of it before send is
// called, and has the answer before the step sees it. When the run goes on after a
// crash, a call whose answer is known is not made again; its answer comes from the ledger.
// One without an answer is settled: it is made again if it only reads or may be repeated,
// or with the key under which the other side knows it ([WithIdempotency]), or a probe says
// what has become of it ([WithProbe]), or a person has said so; otherwise the error is an
// [*UnsettledError].
//
// send makes the call, once, and returns the answer, whatever its status, or an error:
// one that [NotSent] marks, or that has a method MaybeSent() bool which says false, counts
// as a call that was not made. An answer beside an error is what arrived of it. Once
// returns what send returned, or what the ledger has of it: the error of an earlier
// process is a [*RecordedError]. The error wraps [ErrNotNoted] if the ledger takes nothing;
// the call is not made then.
//
// Steps that speak HTTP call it by package send.
func (x *Export) Once(ctx context.Context, a Act, send func(context.Context, Attempt) (*Reply, error)) (*Reply, error) {
	if x.IsDry() {
		return x.dryOnce(ctx, a, send)
	}
	if ends, ok := ctx.Deadline(); ok { // no call outlives its run
		if left := max(time.Until(ends), 0); a.Limit == 0 || left < a.Limit {
			a.Limit = left
		}
	}
	if a.Forget {
		if ctx.Err() != nil {
			return nil, NotSent(context.Cause(ctx))
		}
		return x.observeCall(ctx, a, func(ctx context.Context) (*Reply, error) { return send(ctx, Attempt{}) })
	}
	c := x.newCall(a)
	if past := x.run.log.past(c.callID); past != nil {
		answer, err, done := x.settle(ctx, a, c, past)
		if done {
			return answer, err
		}
		if c.unsure {
			answer, err := x.make(ctx, a, c, send)
			if err != nil && answer == nil && !maybeSent(err) {
				// That this attempt did not arrive says nothing of the one before.
				err = fmt.Errorf("%w; making it again: %w", x.unsettled(past), err)
			}
			return answer, err
		}
	}
	return x.make(ctx, a, c, send)
}

// make announces a call, makes it, and notes what became of it.
func (x *Export) make(ctx context.Context, a Act, c *madeCall, send func(context.Context, Attempt) (*Reply, error)) (*Reply, error) {
	if ctx.Err() != nil {
		return nil, NotSent(context.Cause(ctx))
	}
	ctx, pass, err := x.enter(ctx, a)
	if err != nil {
		return nil, err
	}
	defer pass.Leave(limit.Outcome{}) // of a call that was not made
	if err := x.noteStart(); err != nil {
		return nil, NotSent(err)
	}
	if err := x.run.log.announce(ctx, c); err != nil {
		return nil, NotSent(err)
	}
	attempt := Attempt{Key: c.Key, Header: x.run.config.idempotency.Header}
	if c.Request != nil && !c.reads {
		attempt.Body = c.Request.sendAs(c.repeats, func(ctx context.Context, held []bodyPart) error { return x.run.log.noteBody(ctx, c, held) })
		if c.repeats {
			attempt.ContentType = c.Request.Header.Get("Content-Type")
		}
	}
	started := x.WallTime()
	answer, err := x.observeCall(ctx, a, func(ctx context.Context) (*Reply, error) { return send(ctx, attempt) })
	if answer != nil && answer.Took == 0 {
		answer.Took = x.WallTime().Sub(started)
	}
	if err != nil && answer == nil && isLeft(ctx) {
		return nil, err // whoever goes on with the run settles the call
	}
	if _, brokenOff := errors.AsType[*brokenOffError](err); brokenOff || err != nil && a.Harmless != nil && a.Harmless(err) {
		err = NotSent(err)
	}
	if err != nil && answer == nil && c.unsure && !maybeSent(err) {
		return nil, err // the call is as open as it was
	}
	x.noteReply(ctx, c, answer, err)
	return answer, err
}

// noteReply notes what became of a call. That it cannot be noted yet does not make the call
// fail: it goes with the next write, without which no further call is made.
func (x *Export) noteReply(ctx context.Context, c *madeCall, answer *Reply, err error) {
	if noteErr := x.run.log.answered(ctx, c, replyOf(x, c.callID, answer, err)); noteErr != nil && err == nil {
		x.Decide("the answer to %s could not be noted yet: %v", c.What, noteErr)
		x.Log.ErrorContext(ctx, "an answer could not be noted in the ledger", "call", c.What, "error", noteErr)
	}
}

// newCall makes the identity of a call, and what is announced of it.
func (x *Export) newCall(a Act) *madeCall {
	id := callID{Call: a.Call, Item: a.Item}
	name := ""
	if x.at != nil {
		id.Step, name = x.at.path, x.at.name
		id.Try = x.at.try(a.Call, a.Item)
	}
	c := &madeCall{made: time.Now(), reads: a.Reads, callRecord: callRecord{
		callID: id, Name: name, What: x.Redact(a.What), Started: x.WallTime(), Limit: a.Limit, Reads: a.Reads, Repeatable: a.Repeatable, Aside: a.aside,
	}}
	if x.run.log.isKept() {
		c.Request = a.Request.record(x.Redact)
	}
	// What has a probe of its own and speaks no HTTP, such as a file, carries no key.
	byKey := !a.Reads && !a.aside && (a.Probe == nil || a.Request != nil)
	if i := x.run.config.idempotency; byKey && i.applies(name) {
		c.Key = x.run.log.keyOf(id)
	}
	return c
}

func replyOf(x *Export, id callID, answer *Reply, err error) *replyRecord {
	r := &replyRecord{callID: id, At: x.WallTime(), Fence: x.run.log.lease.Fence}
	if answer != nil {
		r.Answer = &recordedAnswer{Status: answer.Status, Reason: answer.Reason, URL: x.Redact(answer.URL), Header: answer.Header, Body: answer.Body, Value: answer.Value, Took: answer.Took}
	}
	if err != nil {
		if r.Answer != nil && len(r.Answer.Body) > maxRecordedBody { // it was too long
			r.Answer.Body = r.Answer.Body[:maxRecordedBody]
		}
		r.Error, r.Sent, r.Timeout = x.said(err.Error()), maybeSent(err), isTimeout(err)
	}
	return r
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// RecordedError is the error of a call that an earlier process made.
type RecordedError struct {
	Text string // without secrets
	Sent bool   // the other side may have acted on the call

	timeout bool
}

func (e *RecordedError) Error() string { return e.Text }

// MaybeSent returns Sent.
func (e *RecordedError) MaybeSent() bool { return e.Sent }

// Timeout reports whether the call took too long.
func (e *RecordedError) Timeout() bool { return e.timeout }

// Is makes errors.Is find [ErrMaybeSent] or [ErrNotSent].
func (e *RecordedError) Is(target error) bool {
	return target == ErrMaybeSent && e.Sent || target == ErrNotSent && !e.Sent
}

// recorded returns what the ledger has of a call.
func (r *replyRecord) recorded() (*Reply, error) {
	var answer *Reply
	if a := r.Answer; a != nil {
		answer = &Reply{Status: a.Status, Reason: a.Reason, URL: a.URL, Header: a.Header, Body: a.Body, Value: a.Value, Took: a.Took, Recorded: true}
	}
	if r.Error != "" {
		return answer, &RecordedError{r.Error, r.Sent, r.Timeout}
	}
	return answer, nil
}
