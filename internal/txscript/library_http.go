package txscript

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// HTTPCall is a call that code makes by the module requests or urllib.request.
type HTTPCall struct {
	Method, URL string
	Header      [][2]string
	Body        [][]byte // its parts, one after the other, which must not be changed; nil for none
	Timeout     time.Duration
	Redirects   bool // those that may be followed are
}

// HTTPReply is the reply to it.
type HTTPReply struct {
	Status      int
	Reason, URL string
	Header      [][2]string
	Body        []byte
	Recorded    bool
}

// HTTPError is what a call comes to that has no reply. Code can catch it as the exception
// of that name in requests.exceptions; any other error of [Host.Send] ends the run.
type HTTPError struct{ Exception, Text string }

func (e *HTTPError) Error() string { return e.Text }

// sends reports a module that needs [Options.HTTP].
func sends(module string) bool {
	first, _, _ := strings.Cut(module, ".")
	return first == "requests" || first == "urllib3" || module == "urllib.request"
}

// libQuote escapes bytes for an address or a form, but for those that are kept.
func libQuote(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("quote", 2); err != nil {
		return value{}, err
	}
	if c.Args[0].Kind() != pyvalue.KindBytes {
		return value{}, pyvalue.Raise("TypeError", "quote_from_bytes() expected bytes")
	}
	data, kept := c.Args[0].Data(), [256]bool{}
	for _, k := range c.Args[1].Text() {
		if k < 0x80 { // as CPython leaves others out
			kept[k] = true
		}
	}
	size := len(data)
	for _, b := range data {
		if !kept[b] {
			size += 2
		}
	}
	if err := r.meter.Grow(int64(size)); err != nil {
		return value{}, err
	}
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	out.Grow(size)
	for _, b := range data {
		if kept[b] {
			out.WriteByte(b)
		} else {
			out.WriteString("%")
			out.WriteByte(digits[b>>4])
			out.WriteByte(digits[b&15])
		}
	}
	return pyvalue.Str(out.String()), nil
}

// libSleep waits for so many seconds. Code that asks another system again and again until it
// is ready sleeps between its calls; that of formulas, which calls nobody, does not wait.
func libSleep(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("sleep", 1); err != nil {
		return value{}, err
	}
	seconds, ok := c.Args[0].Float64()
	switch {
	case !ok:
		return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
	case math.IsNaN(seconds):
		return value{}, pyvalue.Raise("ValueError", "Invalid value NaN (not a number)")
	case seconds < 0:
		return value{}, pyvalue.Raise("ValueError", "sleep length must be non-negative")
	case seconds >= math.MaxInt64/1e9:
		return value{}, pyvalue.Raise("OverflowError", "timestamp too large to convert to C _PyTime_t")
	case r.host.Wait == nil:
		return pyvalue.None(), nil
	}
	d := time.Duration(seconds * float64(time.Second))
	if err := r.host.Wait(d); err != nil {
		return value{}, err
	}
	r.slept += d
	return pyvalue.None(), nil
}

// libSend makes a call for the modules requests and urllib.request. It returns the name of an exception and
// its text, or None and the parts of the reply.
func libSend(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("send", 6); err != nil {
		return value{}, err
	}
	if r.host.Send == nil {
		return value{}, errors.New("the code sends, and there is nothing here that could")
	}
	call := &HTTPCall{Method: c.Args[0].Text(), URL: c.Args[1].Text(), Redirects: pyvalue.Truth(c.Args[5])}
	if parts, several := c.Args[3].Items(); several {
		for _, p := range parts {
			call.Body = append(call.Body, p.Data())
		}
	} else if c.Args[3].Kind() == pyvalue.KindBytes {
		call.Body = [][]byte{c.Args[3].Data()}
	}
	headers, _ := c.Args[2].Items()
	for _, h := range headers {
		pair, _ := h.Items()
		call.Header = append(call.Header, [2]string{pair[0].Text(), string(pair[1].Data())})
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
