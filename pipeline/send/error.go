package send

import (
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Causes that an [Error] wraps, besides those of net, crypto/tls and context.
var (
	ErrRedirect  = httpcall.ErrRedirect  // a redirect that is not followed
	ErrTooLarge  = httpcall.ErrTooLarge  // the reply is
	ErrForbidden = httpcall.ErrForbidden // the address is link-local, or belongs to a cloud
	ErrHeader    = httpcall.ErrHeader    // it is invalid
	ErrURL       = httpcall.ErrURL       // it is invalid
	ErrIdle      = httpcall.ErrIdle      // the other side took longer than Call.Idle
)

// Error says that a call failed without a usable reply. No secret is in it. It matches
// [pipeline.ErrMaybeSent] or [pipeline.ErrNotSent]: what the failed call leaves behind at
// the other side.
type Error struct {
	Method string
	URL    string // without credentials
	// Status is that of a reply whose body did not come whole, or of a redirect that was
	// not followed; 0 if there was no reply.
	Status   int
	Attempts int
	// Sent says whether the other side may have got the call. If it is false, the call
	// can be made again without any risk.
	Sent bool
	Err  error // cause
}

func (e *Error) Error() string {
	return (&httpcall.Error{Method: e.Method, URL: e.URL, Attempts: e.Attempts, Sent: e.Sent, Err: e.Err}).Error()
}

func (e *Error) Unwrap() error { return e.Err }

// MaybeSent returns Sent.
func (e *Error) MaybeSent() bool { return e.Sent }

// Is makes errors.Is find [pipeline.ErrMaybeSent] or [pipeline.ErrNotSent].
func (e *Error) Is(target error) bool {
	return target == pipeline.ErrMaybeSent && e.Sent || target == pipeline.ErrNotSent && !e.Sent
}

// fromCall makes the public error of one of the sender's.
func fromCall(err error, reply *httpcall.Reply) error {
	var failed *httpcall.Error
	if !errors.As(err, &failed) {
		return err
	}
	e := &Error{Method: failed.Method, URL: failed.URL, Attempts: failed.Attempts, Sent: failed.Sent, Err: failed.Err}
	var elsewhere *httpcall.RedirectError
	switch {
	case reply != nil:
		e.Status = reply.Status
	case errors.As(err, &elsewhere):
		e.Status = elsewhere.Status
	}
	return e
}
