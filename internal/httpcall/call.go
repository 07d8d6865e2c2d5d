package httpcall

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// Retry says when a call may be made again.
type Retry uint8

// The rules of repeating.
const (
	// IfNotSent repeats only when no connection was made, so that nothing can
	// have been sent. It is the rule of every call that asks for no other.
	IfNotSent Retry = iota
	// IfRefused repeats also after 429, and after 503 with Retry-After: the
	// other side says that it has not done the work.
	IfRefused
	// Always repeats also after a lost connection, a time-out, 408, 425 and
	// 5xx. It is for calls that may be made twice.
	Always
)

// Call is a call to make.
type Call struct {
	Method string
	URL    string
	Header http.Header
	// Spelling gives the names of headers in the spelling of the settings, by their
	// canonical names; may be nil.
	Spelling map[string]string
	Body     Body          // nil for none
	Timeout  time.Duration // of one attempt, DefaultTimeout if 0
	// Idle ends an attempt in which nothing was sent or received for so long, with
	// [ErrIdle]; 0 means that only Timeout does.
	Idle  time.Duration
	Retry Retry
	// MaxAttempts bounds the repeating, 4 if 0.
	MaxAttempts int
	// NoRedirect has every redirect refused, also that of a GET on the same host.
	NoRedirect bool
	// KeepRedirect has a redirect be the reply.
	KeepRedirect bool
	// Stream leaves the body of the reply to the caller, who must close it.
	Stream bool
	// Redactor cuts secrets out of errors and records; may be nil.
	Redactor Redactor
	// Rossum says that the call is one of Rossum's API, whose limit counts.
	Rossum bool
	// Sign changes the header of each attempt before it is made; may be nil.
	Sign func(context.Context, http.Header) error
	// Observe is called once with what happened; may be nil.
	Observe func(Record)
}

// Redactor cuts secrets out of what is shown.
type Redactor interface {
	URL(address string) string
	Error(err error) error
}

func (c *Call) redactor() Redactor {
	if c.Redactor == nil {
		return (*redact.Redactor)(nil)
	}
	return c.Redactor
}

// Body is the body of a call. It is opened anew for every attempt.
type Body interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	Size() int64 // in bytes, -1 if it is not known
}

// Bytes is a [Body] in memory.
type Bytes []byte

// Open returns a reader of b.
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Size returns the length of b.
func (b Bytes) Size() int64 { return int64(len(b)) }
