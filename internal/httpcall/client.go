// Package httpcall is the one place that sends HTTP. It decides when a call may
// be repeated, how long it may take, how much is read, where it may go, and what
// of it may be shown.
//
// The rule that matters most: a call is repeated by itself only when nothing of
// it can have reached the other side. Everything else is asked for by [Call.Retry].
//
// Repeating and waiting are done by hashicorp/go-retryablehttp, whose policy is
// replaced: its own repeats a POST as readily as a GET, and tells errors apart
// by their texts.
package httpcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/limit"
)

// Defaults of a [Client] and a [Call].
const (
	DefaultMaxReply = 64 << 20        // bytes
	DefaultTimeout  = 5 * time.Minute // for one attempt, within the context
)

// Client sends calls. It is safe for concurrent use and should be shared, since
// it keeps connections.
type Client struct {
	retrying *retryablehttp.Client
	maxReply int64
}

// Options of a [Client]; the zero value works.
type Options struct {
	// HTTP is the program's own client. Its Transport and Jar are used, its
	// Timeout and CheckRedirect are not. Through it, neither the bytes written nor the
	// spelling of a reply's headers are known, unless it is of [NewTransport]. nil means a client of our own, which
	// also refuses to talk to link-local addresses, where clouds keep credentials.
	HTTP *http.Client
	// MaxReply is the largest body of a reply in bytes, DefaultMaxReply if 0.
	MaxReply int64
}

// New returns a client.
func New(o Options) *Client {
	c := &Client{maxReply: o.MaxReply}
	if c.maxReply <= 0 {
		c.maxReply = DefaultMaxReply
	}
	if o.HTTP != nil {
		c.retrying = newRetrying(o.HTTP.Transport, o.HTTP.Jar)
	} else {
		c.retrying = ours().retrying
	}
	return c
}

// own are the clients of calls without one of the program's own.
var own struct {
	made sync.Once
	ownClients
}

type ownClients struct {
	// transport keeps the connections of all clients without one of their own, and public
	// of those whose program allows public addresses only: a connection to a private one
	// must not be taken over.
	transport, public *http.Transport
	retrying          *retryablehttp.Client // makes the calls through them
}

// ours makes them at the first call: a program that makes none carries no TLS for it.
func ours() *ownClients {
	own.made.Do(func() {
		own.transport, own.public = newTransport(), newTransport()
		own.retrying = newRetrying(own.transport, nil)
	})
	return &own.ownClients
}

// SharedClient is the client of calls without one of the program's own, for what passes
// some of its calls on.
func SharedClient() *http.Client { return &http.Client{Transport: ours().transport} }

// Reply is the answer to a call.
type Reply struct {
	Status   int
	Reason   string // the words behind the status, such as Not Found
	URL      string // that answered, behind redirects; it may carry secrets
	Header   http.Header
	fields   [][2]string   // as they came, nil if that is not known
	Body     []byte        // whole, unless Call.Stream
	Stream   io.ReadCloser // bounded by the client's MaxReply, if Call.Stream
	Length   int64         // of the body as announced, -1 if it was not
	Attempts int
}

// Record is what may be shown of a call.
type Record struct {
	Method   string
	URL      string
	Status   int // 0 if there was no reply
	Started  time.Time
	Attempts int
	Tries    []Try // the attempts that reached the transport, in their order
	Took     time.Duration
	Waited   time.Duration // until the attempts might be made; a part of Took but for what the first had waited before
	Sent     int64         // bytes of the body, of the last attempt
	Received int64         // bytes of the body
	Err      error
}

// Try is one attempt of a call, up to the header of its reply.
type Try struct {
	Started time.Time
	Took    time.Duration
	Status  int // 0 if there was no reply
}

// Error says that a call failed without a usable reply.
type Error struct {
	Method   string
	URL      string // without credentials
	Attempts int
	// Sent tells whether the other side may have got the call. If it is false,
	// the call can be made again without any risk.
	Sent bool
	Err  error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Method, e.URL, e.Err)
	if e.Attempts > 1 {
		text += fmt.Sprintf(" (%d attempts)", e.Attempts)
	}
	if e.Sent {
		return text + "; " + ErrMaybeSent.Error()
	}
	return text + "; " + ErrNotSent.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// MaybeSent returns Sent.
func (e *Error) MaybeSent() bool { return e.Sent }

// Is makes errors.Is find [ErrMaybeSent] or [ErrNotSent].
func (e *Error) Is(target error) bool {
	return target == ErrMaybeSent && e.Sent || target == ErrNotSent && !e.Sent
}

// What a failed call leaves behind at the other side.
var (
	ErrMaybeSent = errors.New("the other side may have received it")
	ErrNotSent   = errors.New("nothing was sent")
)

// Causes that [Error] wraps, besides those of net, crypto/tls and context.
var (
	ErrRedirect  = errors.New("redirect that is not followed")
	ErrTooLarge  = errors.New("reply is too large")
	ErrForbidden = egress.ErrForbidden
	ErrHeader    = errors.New("invalid header")
	ErrURL       = errors.New("invalid URL")
	ErrIdle      = errors.New("the other side took too long")
	// ErrNotMade is the error of a transport that makes no calls, such as that of a dry
	// run: nothing was sent, and there is no use in another attempt.
	ErrNotMade = errors.New("the call was not made")
)

// Do makes the call. An HTTP status, whatever it is, is no error; a redirect
// that is not followed is. The error is an [*Error]. A reply beside it is what came of it:
// status and header, and as much of the body as arrived.
func (c *Client) Do(ctx context.Context, call *Call) (*Reply, error) {
	r := &running{call: call, started: time.Now()}
	reply, err := c.do(ctx, r)
	if err != nil {
		err = r.fail(ctx, err)
	}
	if call.Observe != nil {
		record := Record{
			Method: call.Method, URL: call.redactor().URL(call.URL), Attempts: int(r.attempts.Load()),
			Started: r.started, Tries: r.tries, Took: time.Since(r.started), Waited: r.waited, Sent: r.written.Load(), Err: err,
		}
		if reply != nil {
			record.Status, record.Received = reply.Status, int64(len(reply.Body))
		}
		call.Observe(record)
	}
	return reply, err
}

// running is a call while it is made.
type running struct {
	call     *Call
	url      *url.URL // that of the call
	started  time.Time
	deadline time.Time // of the current attempt
	attempts atomic.Int32
	tries    []Try
	known    bool      // the transport is net/http's own
	exchange *exchange // of the current attempt, nil before it begins
	everSent bool      // in any attempt
	refused  error     // a redirect of the current attempt that is not followed
	cookies  Cookies   // of the redirects of the current attempt
	written  atomic.Int64
	pass     *limit.Pass // of the current attempt
	outcome  limit.Outcome
	waited   time.Duration
}

func (c *Client) do(ctx context.Context, r *running) (*Reply, error) {
	call := r.call
	var err error
	if r.url, err = check(ctx, call); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	req, err := r.request(context.WithValue(ctx, runningKey{}, r))
	if err != nil {
		return nil, err
	}
	defer func() { r.pass.Leave(r.outcome) }() // a stream is read after that
	for {
		if err := r.nextAttempt(ctx, req.Request); err != nil {
			return nil, err
		}
		resp, err := c.retrying.Do(req)
		if err != nil {
			if resp != nil { // the context ended after the reply had begun
				_ = resp.Body.Close()
			}
			return nil, err
		}
		reply, err := c.read(resp, r)
		if r.refused != nil {
			reply.closeStream() // nobody reads a page that points elsewhere
			return reply, r.refused
		}
		if err == nil || !r.repeatCut(err) {
			return reply, err
		}
		r.pass.Leave(r.outcome)
		if err := sleep(ctx, backoff(retryWaitMin, retryWaitMax, int(r.attempts.Load())-1, nil)); err != nil {
			return reply, err
		}
	}
}

// repeatCut decides whether a call is made again whose reply ended too early.
func (r *running) repeatCut(err error) bool {
	return r.call.Retry == Always && !errors.Is(err, ErrTooLarge) && r.mayRepeat()
}

// mayRepeat reports whether the call has attempts left.
func (r *running) mayRepeat() bool { return int(r.attempts.Load()) < attempts(r.call) }

func (r *running) nextAttempt(ctx context.Context, req *http.Request) error {
	var err error
	if r.pass, err = limit.Enter(ctx, r.url, r.call.Rossum); err != nil {
		return err
	}
	r.waited += r.pass.Waited
	if r.call.Sign != nil {
		if err := r.call.Sign(ctx, req.Header); err != nil {
			return err
		}
	}
	r.exchange, r.refused, r.cookies, r.outcome = nil, nil, Cookies{}, limit.Outcome{}
	r.attempts.Add(1)
	r.deadline = time.Now().Add(r.timeout())
	return nil
}

// timeout is that of one attempt.
func (r *running) timeout() time.Duration {
	if r.call.Timeout > 0 {
		return r.call.Timeout
	}
	return DefaultTimeout
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func attempts(call *Call) int {
	if call.MaxAttempts > 0 {
		return call.MaxAttempts
	}
	return 4
}

// fail makes the error of a call.
func (r *running) fail(ctx context.Context, err error) error {
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	if cause := context.Cause(ctx); ctx.Err() != nil && cause != nil {
		err = cause
	}
	return &Error{
		Method: r.call.Method, URL: r.call.redactor().URL(r.call.URL), Attempts: max(1, int(r.attempts.Load())),
		Sent: r.everSent, Err: r.call.redactor().Error(Advised(withoutURL(err))),
	}
}

// withoutURL takes the layer off that would print the URL with its secrets.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
