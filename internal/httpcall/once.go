package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// ErrLost means that the other side broke off a call that it may have acted on.
// net/http would make some of these again by itself (RST_STREAM and GOAWAY of
// HTTP/2: which codes depends on its release), without a bound and with POST as
// readily as with GET; others it hands out as an error of the stream.
var ErrLost = errors.New("the other side broke the call off (RST_STREAM, GOAWAY, or a lost connection)")

// maxRepeats is how often net/http may make a call again by itself that may be
// repeated; it does not wait in between.
const maxRepeats = 2

// Once returns a transport whose calls net/http does not repeat by itself, unless
// they are GET, HEAD, OPTIONS or TRACE, or nothing of them was written. It is for
// clients of other libraries; calls of a [Client] have it already.
func Once(next http.RoundTripper) http.RoundTripper { return &once{next: next} }

type once struct {
	next http.RoundTripper
	call *running // nil outside of a Client
}

// RoundTrip implements [http.RoundTripper].
func (o *once) RoundTrip(req *http.Request) (*http.Response, error) {
	next := o.next
	if next == nil {
		next = http.DefaultTransport
	}
	x := &exchange{repeatable: isSafe(req.Method), long: isLong(req.URL)}
	_, x.known = next.(*http.Transport)
	if o.call != nil {
		x.repeatable = x.repeatable || o.call.call.Retry == Always
		x.known = x.known || o.call.known
		o.call.exchange = x
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	x.cancel = cancel
	if o.call != nil {
		x.timer = time.AfterFunc(time.Until(o.call.deadline), func() { cancel(&timeoutError{o.call.timeout()}) })
	}
	sent := req.WithContext(httptrace.WithClientTrace(ctx, x.trace()))
	if !x.repeatable {
		sent.Header = withHiddenKey(sent.Header)
	}
	x.guard(sent)
	started := time.Now()
	resp, err := roundTrip(next, sent)
	o.note(started, resp)
	if err != nil {
		err = causeOf(ctx, err)
		x.end()
		return nil, err
	}
	if x.unasked() && resp.StatusCode != http.StatusRequestTimeout { // which servers send as they close an idle connection
		_ = resp.Body.Close()
		x.end()
		return nil, errUnasked
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// It has no body. net/http makes one of the connection, which no deadline ends.
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	}
	resp.Body = &endingBody{ReadCloser: resp.Body, ctx: ctx, x: x}
	resp.Request = req
	return resp, nil
}

// errUnasked is that of a reply which belongs to no call of ours. The request that has met it
// was written, and its own reply will not be known.
var errUnasked = fmt.Errorf("%w: it had sent more than its last reply before this call was made", ErrLost)

// errNoReply is that of a transport which breaks the rules of [http.RoundTripper].
var errNoReply = errors.New("the program's HTTP transport has returned neither a reply with a status nor an error")

// roundTrip is next's, of which a program may have made a poor one: a reply has a status and
// a body, and there is none beside an error.
func roundTrip(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	switch {
	case err != nil:
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	case resp == nil:
		return nil, errNoReply
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	if resp.StatusCode == 0 && resp.Proto == "" { // made by hand; a server may well say 000
		_ = resp.Body.Close()
		return nil, errNoReply
	}
	return resp, nil
}

// isLong reports a request line that net/http may write before it reports anything.
func isLong(u *url.URL) bool {
	const most = 2000
	if 3*(len(u.Path)+len(u.RawQuery)+len(u.Opaque)) < most { // even if all of it is escaped
		return false
	}
	return len(u.RequestURI()) > most
}

// end frees what a request holds.
func (x *exchange) end() {
	if x.timer != nil {
		x.timer.Stop()
	}
	x.cancel(nil)
}

// causeOf says why a request failed, if that is known better than err says.
func causeOf(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx).(type) {
	case *timeoutError:
		return cause
	default:
		if errors.Is(cause, ErrLost) || errors.Is(cause, ErrForbidden) {
			return cause
		}
	}
	if isReset(err) {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// isReset reports that the other side reset the stream of a call. The type of these
// errors is not exported; it converts itself to a struct with the same fields.
func isReset(err error) bool {
	var reset streamError
	return errors.As(err, &reset) && reset.Cause != nil && reset.Cause.Error() == "received from peer"
}

type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error, which [errors.As] asks of its targets.
func (streamError) Error() string { return "reset" }

// timeoutError is that of an attempt which took too long.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("%v: the call took longer than %v", context.DeadlineExceeded, e.after)
}

// Timeout implements [net.Error].
func (*timeoutError) Timeout() bool { return true }

// Temporary implements [net.Error].
func (*timeoutError) Temporary() bool { return true }

// Is makes it a deadline that has passed.
func (*timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// note keeps what became of an attempt.
func (o *once) note(started time.Time, resp *http.Response) {
	if o.call == nil {
		return
	}
	try := Try{Started: started, Took: time.Since(started)}
	if resp != nil {
		try.Status = resp.StatusCode
	}
	o.call.tries = append(o.call.tries, try)
}

func isSafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// withHiddenKey spells the name of an idempotency key in a way that net/http does not look
// for: it takes the header as leave to repeat a POST. Header names are the same in any case.
func withHiddenKey(h http.Header) http.Header {
	copied := false
	for _, name := range idempotencyKeys {
		values, ok := h[name]
		if !ok {
			continue
		}
		if !copied {
			h, copied = h.Clone(), true
		}
		delete(h, name)
		lower := strings.ToLower(name)
		h[lower] = append(h[lower], values...)
	}
	return h
}

// idempotencyKeys are the names that net/http looks for.
var idempotencyKeys = []string{"Idempotency-Key", "X-Idempotency-Key"}

// exchange is one request on its way through a transport, which may try it on
// several connections.
type exchange struct {
	repeatable bool // net/http may make it again
	known      bool // the transport is net/http's own, whose rules are known
	long       bool // the request line may leave before anything is reported
	cancel     context.CancelCauseFunc
	timer      *time.Timer // ends it; nil for one that has no time of its own

	mu        sync.Mutex
	traced    bool
	connected bool
	http2     bool
	conn      *conn     // nil if the connection does not count
	record    *recorder // of what comes on conn, nil without one
	kept      bool      // another request was made on it before
	refused   net.Conn  // which must not get the request
	sealed    bool      // TLS is above conn
	before    int64     // bytes that conn had written before
	wrote     bool      // of the header, at least into a buffer
	read      bool      // of the body
	lost      bool      // an earlier connection may have got it
	repeats   int
}

func (x *exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { x.set(func() { x.traced = true }) },
		GotConn: x.gotConn,
		WroteHeaderField: func(name string, _ []string) {
			x.set(func() {
				x.wrote, x.http2 = true, strings.HasPrefix(name, ":") || x.http2
				if x.refused != nil {
					_ = x.refused.Close()
				}
			})
		},
		WroteHeaders: func() { x.set(func() { x.wrote = true }) },
	}
}

func (x *exchange) set(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
}

// gotConn is called before the request is written to a connection. Where that would be a second
// one, or leads to where nothing may go, it ends the request. Over HTTP/2, net/http looks at the
// context before it writes; over HTTP/1 it writes whatever the context says, so that the
// connection is closed: at once if it is known to be of HTTP/1, which makes one request at a time,
// else when the first line of the header is in net/http's buffer.
func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.again()
	if err == nil {
		err = allowed(info.Conn)
	}
	if err != nil {
		x.cancel(err)
		x.refused = info.Conn
		if !x.http2 {
			_ = info.Conn.Close()
		}
		return
	}
	x.traced, x.connected, x.wrote = true, true, x.long
	x.kept = info.Reused
	_, x.sealed = info.Conn.(*tls.Conn)
	if x.conn = counted(info.Conn); x.conn != nil {
		x.before = x.conn.written()
		x.record = x.conn.begin(!x.sealed)
	}
}

// allowed judges where a connection leads that a program's own transport has made: to no
// address of a cloud's metadata, whatever a name was resolved to. Ours are judged before they
// are made, and by all that the program allows.
func allowed(c net.Conn) error {
	remote := c.RemoteAddr()
	if remote == nil {
		return nil // a connection of the program's own making, which does not say
	}
	if addr, err := netip.ParseAddrPort(remote.String()); err == nil {
		return egress.Policy{}.CheckAddr(addr.Addr())
	}
	return nil // not over IP
}

// fields returns the header of the reply as it came, nil if that is not known.
func (x *exchange) fields() [][2]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn == nil || x.sealed {
		return nil
	}
	return x.record.fields()
}

// unasked reports a reply that had come before the request was written. net/http closes a kept
// connection on which something comes, but not if the next request gets it at the same moment.
// Of a connection that a program's own transport has made that is not known.
func (x *exchange) unasked() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn == nil || !x.kept || x.http2 || !x.record.unasked() {
		return false
	}
	_ = x.conn.Close()
	return true
}

// again decides whether what was given out may be given out a second time.
func (x *exchange) again() error {
	given := x.wrote
	if !x.traced {
		given = x.read
	}
	if x.conn != nil && x.conn.written() == x.before {
		given = false // whatever the transport believes
	}
	switch {
	case !given:
		return nil
	case x.known && !x.http2:
		// Over HTTP/1, net/http repeats a GET, and else only a request of which it
		// has written nothing to a connection that was kept.
		x.lost = x.lost || x.repeatable
	case x.repeatable && x.repeats < maxRepeats:
		x.repeats++
		x.lost = true
	default:
		return ErrLost
	}
	x.wrote, x.read, x.connected = false, false, false
	return nil
}

// sent reports whether the other side may have got a part of the request.
func (x *exchange) sent() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case !x.traced, x.lost: // a transport that reports nothing proves nothing
		return true
	case !x.connected:
		return false
	case x.conn != nil && x.sealed: // the end of TLS is written, too
		return x.wrote && x.conn.written() > x.before
	case x.conn != nil:
		return x.conn.written() > x.before
	}
	// Over HTTP/2, net/http returns from a call that was canceled while another goroutine may
	// be about to write its header: that none is reported as written proves nothing.
	return true
}

// guard lets the body be given out again only as [exchange.again] says.
func (x *exchange) guard(req *http.Request) {
	if req.Body == nil || req.Body == http.NoBody {
		return
	}
	req.Body = &guardedBody{req.Body, x}
	open := req.GetBody
	if open == nil {
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		x.mu.Lock()
		err := x.again()
		x.mu.Unlock()
		if err != nil {
			return nil, err
		}
		body, err := open()
		if err != nil {
			return nil, err
		}
		return &guardedBody{body, x}, nil
	}
}

// guardedBody notes that something of it was read.
type guardedBody struct {
	io.ReadCloser
	x *exchange
}

func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.x.set(func() { b.x.read = true })
	}
	return n, err
}

// endingBody ends a request when its reply has been read.
type endingBody struct {
	io.ReadCloser
	ctx context.Context // of the request
	x   *exchange
	err error // that reading has ended with, which ends the context
}

func (b *endingBody) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if err = context.Cause(b.ctx); err == nil { // what has arrived is not read to its end, either
		n, err = b.ReadCloser.Read(p)
	}
	if err != nil {
		if late, ok := errors.AsType[*timeoutError](context.Cause(b.ctx)); ok && !errors.Is(err, io.EOF) {
			err = late
		}
		b.err = err
		b.x.end()
	}
	return n, err
}

func (b *endingBody) Close() error {
	defer b.x.end()
	return b.ReadCloser.Close()
}
