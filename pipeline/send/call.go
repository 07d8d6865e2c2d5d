package send

import (
	"context"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Retry says when a call may be made again.
type Retry uint8

// The rules of repeating.
const (
	// RetryIfNotSent repeats a call only when no connection was made, so that nothing can
	// have been sent. It is the rule of every call that asks for no other.
	RetryIfNotSent = Retry(httpcall.IfNotSent)
	// RetryIfRefused repeats a call also after status 429, and after 503 with Retry-After: the
	// other side says that it has not done the work.
	RetryIfRefused = Retry(httpcall.IfRefused)
	// RetryAlways repeats a call also after a lost connection, a time-out, and the statuses
	// 408, 425 and 5xx; and when the run goes on after a crash. It is for calls that may
	// be made twice.
	RetryAlways = Retry(httpcall.Always)
)

// Call is a call to make. Method and URL are required.
type Call struct {
	// Name tells the call from others of the same step, such as its place in the
	// settings, and Item counts the calls of a list. They must be the same when the step
	// runs again after a crash. A step that makes a call again, with a new token for
	// example, uses the same Name and Item.
	Name string
	Item int
	// What is the call as people read it, "METHOD URL" if it is "". Secrets are cut out.
	What string

	Method string
	URL    string
	// Header may be nil; see SetHeader. What it does not name is sent as Accept: */*,
	// Accept-Encoding: gzip, deflate, and User-Agent: exportpipeline; a name without values
	// is not sent at all.
	Header http.Header
	// Body is opened anew for every attempt; nil for none. Texts go on the ledger, up to
	// 1 MiB, so that a repeated call sends the same bytes; of files a SHA-256 does.
	Body pipeline.Content

	// Timeout bounds one attempt, within the context; five minutes if 0.
	Timeout time.Duration
	// Idle ends an attempt in which nothing was sent or received for so long; 0 means
	// that only Timeout does.
	Idle time.Duration
	// Retry says when the call may be made again.
	Retry Retry
	// MaxAttempts bounds the repeating, 4 if 0.
	MaxAttempts int
	// NoRedirect has every redirect refused, also that of a GET on the same host.
	NoRedirect bool

	// Renew, if not nil, returns the call with a new token, nil if there is none to be had;
	// see TokenRequest.Refused. [Do] asks for it after a reply with status 401, and makes
	// a copy of that call once, with the Name and Item of this one and, unless it has a Cookie
	// header, the cookies that the reply has set. A second 401 is the reply.
	Renew func(ctx context.Context) (*Call, error)

	// Harmless, if not nil, reports that the other side cannot have acted, although a
	// part of the call was sent: a file of it could not be read to its end.
	Harmless func(error) bool
	// Probe, if not nil, is how the step itself finds out whether a call was made of
	// which no reply is known; see [pipeline.Act].
	Probe func(ctx context.Context) (*pipeline.Reply, error)

	spelling  map[string]string
	raw       bool                                                    // redirects are replies
	authorize func(context.Context, pipeline.Content) (string, error) // makes the Authorization header of an attempt; nil for none
}

// SetHeader sets a header and keeps the spelling of its name: some servers look for
// SOAPAction or X-APIKEY. Header.Get and its like find it under any spelling.
func (c *Call) SetHeader(name, value string) {
	if c.Header == nil {
		c.Header = make(http.Header)
	}
	c.Header.Set(name, value)
	key := http.CanonicalHeaderKey(name)
	if key == name {
		delete(c.spelling, key)
		return
	}
	if c.spelling == nil {
		c.spelling = make(map[string]string)
	}
	c.spelling[key] = name
}

// Reply is the answer to a call.
type Reply struct {
	Status int
	Reason string // the words after the status, such as Not Found
	URL    string // that answered, after redirects; it may carry secrets
	Header http.Header
	Body   []byte // whole
	// Attempts is how often the call was made; 1 for a reply of the ledger.
	Attempts int
	// Recorded says that the reply comes from the ledger: the call was made by a process
	// that was cut short.
	Recorded bool

	fields [][2]string // as they came
}

// Fields returns names and values of the header as they came, in their order and
// spelling. Over HTTP/2, and through a transport that is not this module's
// ([pipeline.WithHTTPClient]), they are not known; they are sorted then, with canonical
// names.
func (r *Reply) Fields() [][2]string { return r.inner().Fields() }

// Joined returns the header as pairs of a lower_snake name and a value, in the order of
// first appearance; values of a repeated name are joined with ", ".
func (r *Reply) Joined() [][2]string { return r.inner().Joined() }

func (r *Reply) inner() *httpcall.Reply {
	inner := &httpcall.Reply{Header: r.Header}
	inner.Restore(r.fields)
	return inner
}
