package steps

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// sender makes the calls of the code, nil if it may make none. Code runs the same way
// again when a run goes on, so that its calls are known by their number.
func (s *Function) sender(x *pipeline.Export) func(context.Context, *formula.Call) (*formula.Reply, error) {
	if !s.HTTP {
		return nil
	}
	made := 0
	return func(ctx context.Context, c *formula.Call) (*formula.Reply, error) {
		call := &send.Call{Name: "requests", Item: made, Method: c.Method, URL: c.URL, Timeout: c.Timeout, NoRedirect: !c.Redirects, MaxAttempts: 1}
		made++
		for _, h := range c.Header {
			call.SetHeader(h[0], h[1])
		}
		call.Body = bodyOf(c.Body)
		reply, err := send.Do(ctx, x, call)
		if err != nil && !isRedirect(reply, c) {
			return nil, exception(call, err)
		}
		return &formula.Reply{Status: reply.Status, Reason: reply.Reason, URL: reply.URL, Header: reply.Fields(), Body: reply.Body, Recorded: reply.Recorded}, nil
	}
}

// bodyOf is a body of these parts, of which a document is one that is not copied.
func bodyOf(parts [][]byte) pipeline.Content {
	if len(parts) == 0 {
		return nil
	}
	var size int
	for _, p := range parts {
		size += len(p)
	}
	switch {
	case len(parts) == 1:
		return pipeline.Bytes(parts[0])
	case size < streamed:
		return pipeline.Bytes(slices.Concat(parts...))
	}
	var all httpcall.Segments
	for _, p := range parts {
		all = append(all, pipeline.Bytes(p))
	}
	return all
}

// isRedirect reports a redirect that the code did not want to be followed: it is the
// reply.
func isRedirect(reply *send.Reply, c *formula.Call) bool {
	return reply != nil && !c.Redirects && reply.Status >= 300 && reply.Status < 400
}

// exception is the error of a call as the code may catch it: only that of one that can
// be made again without any risk. Any other ends the export.
func exception(c *send.Call, err error) error {
	var failed *send.Error
	reads := c.Method == http.MethodGet || c.Method == http.MethodHead || c.Method == http.MethodOptions
	if !errors.As(err, &failed) || failed.Sent && !reads {
		return err
	}
	name := "ConnectionError"
	var slow net.Error
	switch {
	case errors.Is(err, send.ErrRedirect):
		name = "TooManyRedirects"
	case errors.Is(err, send.ErrURL):
		name = "InvalidURL"
	case errors.As(err, &slow) && slow.Timeout() && failed.Sent:
		name = "ReadTimeout"
	case errors.As(err, &slow) && slow.Timeout():
		name = "ConnectTimeout"
	}
	return &formula.CallError{Exception: name, Text: err.Error()}
}
