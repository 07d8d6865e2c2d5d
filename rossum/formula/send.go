package formula

import (
	"context"
	"errors"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// Call is a call that code makes by the module requests or urllib.request.
type Call struct {
	Method, URL string
	Header      [][2]string // in their order and spelling
	Body        [][]byte    // its parts, one after the other, which must not be changed; nil for none
	Timeout     time.Duration
	Redirects   bool // whether those are followed that may be
}

// Reply is the reply to a [Call].
type Reply struct {
	Status      int
	Reason, URL string
	Header      [][2]string // in their order and spelling
	Body        []byte
	// Recorded says that the call was made before, in a run that was cut short: what the code
	// sleeps after it is not waited for again.
	Recorded bool
}

// CallError is what a [Call] comes to that has no reply. Code can catch it as the exception
// of that name in requests.exceptions.
type CallError struct{ Exception, Text string }

func (e *CallError) Error() string { return e.Text }

// send makes the calls of a program by o.Send, and keeps whether the last reply is recorded.
func (o FunctionOptions) send(ctx context.Context, recorded *bool) func(*txscript.HTTPCall) (*txscript.HTTPReply, error) {
	return func(c *txscript.HTTPCall) (*txscript.HTTPReply, error) {
		reply, err := o.Send(ctx, (*Call)(c))
		*recorded = reply != nil && reply.Recorded
		if caught, ok := errors.AsType[*CallError](err); ok {
			err = (*txscript.HTTPError)(caught)
		}
		return (*txscript.HTTPReply)(reply), err
	}
}
