package httpcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// idleTransport gives up on a request when nothing has moved for the given time:
// neither a connection, nor a part of the body, nor one of the reply. A large
// file over a slow line is no reason to give up.
func idleTransport(next http.RoundTripper, idle time.Duration) http.RoundTripper {
	if idle <= 0 {
		return next
	}
	return &idler{next, idle}
}

type idler struct {
	next http.RoundTripper
	idle time.Duration
}

// idleError is a time-out, for those who ask with net.Error or errors.Is.
type idleError struct{ after time.Duration }

func (e *idleError) Error() string {
	return fmt.Sprintf("%v: nothing happened for %v", ErrIdle, e.after)
}

// Timeout implements [net.Error].
func (*idleError) Timeout() bool { return true }

// Temporary implements [net.Error].
func (*idleError) Temporary() bool { return true }

// Is makes it [ErrIdle] and a deadline that has passed.
func (*idleError) Is(target error) bool {
	return target == ErrIdle || target == context.DeadlineExceeded
}

// RoundTrip implements [http.RoundTripper].
func (i *idler) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(i.idle, func() { cancel(&idleError{i.idle}) })
	watch := &watched{timer: timer, idle: i.idle, ctx: ctx, cancel: cancel}
	sent := req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		sent.Body = &movingBody{req.Body, watch, false}
		if req.GetBody != nil {
			sent.GetBody = func() (io.ReadCloser, error) {
				body, err := req.GetBody()
				if err != nil {
					return nil, err
				}
				return &movingBody{body, watch, false}, nil
			}
		}
	}
	resp, err := roundTrip(i.next, sent)
	if err != nil {
		err = watch.cause(err)
		watch.end()
		return nil, err
	}
	watch.moved()
	resp.Body = &movingBody{resp.Body, watch, true}
	return resp, nil
}

// watched is the clock of one request.
type watched struct {
	timer  *time.Timer
	idle   time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (w *watched) moved() {
	if w.ctx.Err() == nil {
		w.timer.Reset(w.idle)
	}
}

func (w *watched) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// cause says why a request ended that the clock has ended.
func (w *watched) cause(err error) error {
	if why, ok := context.Cause(w.ctx).(*idleError); ok {
		return why
	}
	return err
}

// movingBody tells the clock of every part that was read.
type movingBody struct {
	io.ReadCloser
	watch *watched
	last  bool // the request ends with this body
}

func (b *movingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.watch.moved()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.watch.cause(err)
	}
	return n, err
}

func (b *movingBody) Close() error {
	if b.last {
		b.watch.end()
	}
	return b.ReadCloser.Close()
}

// reason returns the words of a status line.
func reason(resp *http.Response) string {
	_, words, ok := strings.Cut(resp.Status, " ")
	if !ok || words == "" {
		return http.StatusText(resp.StatusCode)
	}
	return words
}
