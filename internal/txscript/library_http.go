package txscript

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// HTTPCall is a call that code makes by the module requests.
type HTTPCall struct {
	Method, URL string
	Header      [][2]string
	Body        []byte // nil for none
	Timeout     time.Duration
	Redirects   bool // those that may be followed are
}

// HTTPReply is the reply to it.
type HTTPReply struct {
	Status      int
	Reason, URL string
	Header      [][2]string
	Body        []byte
}

// HTTPError is what a call comes to that has no reply. Code can catch it as the exception
// of that name in requests.exceptions; any other error of [Host.Send] ends the run.
type HTTPError struct{ Exception, Text string }

func (e *HTTPError) Error() string { return e.Text }

// sends reports a module that needs [Options.HTTP].
func sends(module string) bool {
	first, _, _ := strings.Cut(module, ".")
	return first == "requests"
}

// libSend makes a call for the module requests. It returns the name of an exception and
// its text, or None and the parts of the reply.
func libSend(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("send", 6); err != nil {
		return value{}, err
	}
	if r.host.Send == nil {
		return value{}, errors.New("the code sends, and there is nothing here that could")
	}
	call := &HTTPCall{Method: c.Args[0].Text(), URL: c.Args[1].Text(), Redirects: pyvalue.Truth(c.Args[5])}
	if c.Args[3].Kind() == pyvalue.KindBytes {
		call.Body = append([]byte{}, c.Args[3].Data()...)
	}
	headers, _ := c.Args[2].Items()
	for _, h := range headers {
		pair, _ := h.Items()
		call.Header = append(call.Header, [2]string{pair[0].Text(), pair[1].Text()})
	}
	if !c.Args[4].IsNone() {
		seconds, ok := c.Args[4].Float64()
		if !ok || !(seconds > 0) || seconds > math.MaxInt32 {
			return value{}, pyvalue.Raise("ValueError", "timeout must be a number of seconds above 0")
		}
		call.Timeout = time.Duration(seconds * float64(time.Second))
	}
	reply, err := r.host.Send(call)
	var failed *HTTPError
	switch {
	case errors.As(err, &failed):
		return pyvalue.NewTuple(pyvalue.Str(failed.Exception), pyvalue.Str(failed.Text)), nil
	case err != nil:
		return value{}, err
	}
	if err := r.meter.Grow(int64(len(reply.Body))); err != nil {
		return value{}, err
	}
	var header []value
	for _, h := range reply.Header {
		header = append(header, pyvalue.NewTuple(pyvalue.Str(h[0]), pyvalue.Str(h[1])))
	}
	parts := pyvalue.NewTuple(pyvalue.Int(int64(reply.Status)), pyvalue.Str(reply.Reason), pyvalue.Str(reply.URL), pyvalue.NewList(header...), pyvalue.Bytes(reply.Body))
	return pyvalue.NewTuple(pyvalue.None(), parts), nil
}
