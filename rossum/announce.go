package rossum

import (
	"context"
	"net/http"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// Announcer has each call of a client made, so that it can be noted before its first byte
// and its answer before anything reads it. Calls whose answer is a stream are not
// announced. It must be safe for concurrent use.
type Announcer interface {
	// Announce makes the call by send, once, or returns the answer that the call has got
	// earlier. An answer has any status; the error is that of send, or says why the call
	// is not made.
	Announce(ctx context.Context, call APICall, send func(context.Context) (*APIReply, error)) (*APIReply, error)
}

// APICall is a call of Rossum's API.
type APICall struct {
	Method string
	URL    string
	Body   []byte // JSON, which may hold secrets; nil for a call without one, and for a document
}

// APIReply is what Rossum's API has answered.
type APIReply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Announced returns a client that has its calls made by a. It shares everything else with
// c.
func (c *Client) Announced(a Announcer) *Client {
	announced := *c
	announced.announcer = a
	return &announced
}

// call makes a call, through the announcer if there is one.
func (c *Client) call(ctx context.Context, call *httpcall.Call) (*httpcall.Reply, error) {
	if c.announcer == nil || call.Stream {
		return c.calls.Do(ctx, call)
	}
	body, _ := call.Body.(httpcall.Bytes)
	answer, err := c.announcer.Announce(ctx, APICall{call.Method, call.URL, body}, func(ctx context.Context) (*APIReply, error) {
		reply, err := c.calls.Do(ctx, call)
		if err != nil {
			return nil, err
		}
		return &APIReply{reply.Status, reply.Header, reply.Body}, nil
	})
	if err != nil {
		return nil, err
	}
	return &httpcall.Reply{Status: answer.Status, Header: answer.Header, Body: answer.Body, URL: call.URL}, nil
}
