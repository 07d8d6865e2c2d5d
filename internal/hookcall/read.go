// Package hookcall takes in the calls of a hook: it reads no more of a call than its bounds
// allow, nothing of one without a signature, and checks the signature of the rest.
package hookcall

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Bounds that a [Reader] has unless it is given others.
const (
	DefaultLimit   = 128 << 20 // bytes of a call
	DefaultTimeout = 30 * time.Second
)

// Refusal is the answer to a call that is not carried out.
type Refusal struct {
	Status int
	Text   string
	Cause  error // for the log, if it says more
}

// Refused makes a Refusal.
func Refused(status int, text string) *Refusal { return &Refusal{Status: status, Text: text} }

func (r *Refusal) Error() string { return r.Text }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Refuse answers a call with an error of [Reader.Read] as plain text.
func Refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if refused, ok := errors.AsType[*Refusal](err); ok {
		status = refused.Status
	}
	http.Error(w, err.Error(), status)
}

// Reader reads hook calls. It is safe for concurrent use.
type Reader struct {
	secrets  []string
	unsigned bool
	limit    int64
	timeout  time.Duration
	small    *turns        // of the small bodies that are read
	large    *turns        // and of the large ones
	waiting  chan struct{} // has room for those that wait for the turn of a large one
}

// NewReader makes a Reader of calls that are signed with one of the secrets or, if unsigned,
// that anybody makes. limit is how many bytes a call may have, and timeout how long its body
// may take to arrive; the defaults if 0.
func NewReader(secrets []string, unsigned bool, limit int64, timeout time.Duration) *Reader {
	if limit == 0 {
		limit = DefaultLimit
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	return &Reader{secrets, unsigned, limit, timeout, newTurns(smallBodies, smallRate), newTurns(largeBodies, largeRate), make(chan struct{}, waitingBodies)}
}

// Read returns the body of a call, as it was before it was compressed. The error is a
// [*Refusal].
func (c *Reader) Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !c.unsigned {
		if err := rossum.CheckSignatureHeader(r.Header); err != nil { // before anything is read
			return nil, &Refusal{Status: http.StatusUnauthorized, Text: err.Error()}
		}
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Text: "the Content-Type is not application/json"}
	}
	return c.body(w, r)
}

// Bounds of what is taken in at a time.
const (
	// freeBody is how many bytes of any body are read at once.
	freeBody = 4 << 10
	// smallBody is what most hook calls are smaller than: they have some hundred kilobytes.
	smallBody = 1 << 20
	// smallBodies and largeBodies are how many bodies are read and checked at a time.
	smallBodies = 256
	largeBodies = 4
	// waitingBodies is how many bodies of which a megabyte has arrived wait for their turn as
	// large ones. More are refused.
	waitingBodies = 64
	// smallRate and largeRate are how many bytes a second must come of a body that others
	// wait for.
	smallRate = 32 << 10
	largeRate = 256 << 10
)

// body reads the body of a call whose signature header is well-formed. It waits for its
// turn while the bound of bodies at a time is reached, no longer than a body may take.
func (c *Reader) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	isCompressed, err := compressed(r.Header)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.timeout)
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	control := http.NewResponseController(w)
	if control.SetReadDeadline(deadline) == nil { // not every server can
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	in := &intake{
		Reader: http.MaxBytesReader(w, r.Body, c.limit), c: c, ctx: ctx,
		giveUp: func() { _ = control.SetReadDeadline(time.Unix(1, 0)) },
	}
	defer in.end() // before the deadline is taken back
	body, err := readBody(in, r.ContentLength, c.limit)
	if err == nil && isCompressed && !in.large { // nobody knows how large it becomes
		err = in.takeLarge()
	}
	if err == nil {
		return c.open(r.Header, body, isCompressed)
	}
	in.end()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, c.tooLarge()
	case errors.Is(err, errNoTurn):
		w.Header().Set("Retry-After", "5")
		return nil, &Refusal{Status: http.StatusServiceUnavailable, Text: err.Error()}
	case in.late && errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Refusal{Status: http.StatusRequestTimeout, Text: "the body arrived slowly, while other calls waited to be read"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Refusal{Status: http.StatusRequestTimeout, Text: "the body did not arrive within " + c.timeout.String()}
	}
	return nil, &Refusal{Status: http.StatusBadRequest, Text: "reading the body: " + err.Error()}
}

// verify checks the signature of a body.
func (c *Reader) verify(h http.Header, body []byte) error {
	if c.unsigned {
		return nil
	}
	if err := rossum.VerifySignature(h, body, c.secrets...); err != nil {
		return &Refusal{Status: http.StatusUnauthorized, Text: err.Error()}
	}
	return nil
}

// readBody reads a body of a known length into a buffer of just that size.
func readBody(r io.Reader, length, limit int64) ([]byte, error) {
	if length <= 0 || length > limit {
		return io.ReadAll(r)
	}
	// Grow with what arrives: the length is only what the caller says.
	body := make([]byte, 0, min(length, freeBody))
	for {
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(max(length, int64(len(body))+1), 4*int64(cap(body))))
			copy(grown, body)
			body = grown
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case int64(len(body)) == length:
			return body, nil
		}
	}
}
