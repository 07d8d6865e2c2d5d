package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// maxRecordedBody is how many bytes of a body the ledger keeps. A larger one is made
// again by the step when it has to be sent again.
const maxRecordedBody = 1 << 20

// Send makes an HTTP call of one of this module's steps by [Export.Once]. Act.What is the
// method and the URL if it is "". An HTTP status, whatever it is, is no error; the error
// is an *httpcall.Error, also for a call of the ledger, or one of Once.
func (x *Export) Send(ctx context.Context, a Act, call *httpcall.Call) (*httpcall.Reply, error) {
	if a.What == "" {
		a.What = call.Method + " " + call.URL
	}
	if call.Method == http.MethodGet || call.Method == http.MethodHead {
		a.Reads = true
	}
	if a.Limit == 0 {
		a.Limit = call.Timeout
	}
	a.request = x.sentRequest(call)
	var reply *httpcall.Reply
	answer, err := x.Once(ctx, a, func(ctx context.Context, t Attempt) (*Answer, error) {
		if t.Key != "" {
			call.Header.Set(t.Header, t.Key)
		}
		if t.again != nil && !t.again.Made {
			call.Body = httpcall.Bytes(t.again.Body)
			if contentType := t.again.Header.Get("Content-Type"); contentType != "" {
				call.Header.Set("Content-Type", contentType)
			}
		}
		var err error
		reply, err = x.Do(ctx, call)
		if reply == nil {
			return nil, err
		}
		fields, _ := json.Marshal(reply.Fields()) // of texts
		return &Answer{Status: reply.Status, Reason: reply.Reason, URL: reply.URL, Header: reply.Header, Body: reply.Body, Value: fields}, err
	})
	var past *pastError
	if errors.As(err, &past) {
		err = past.asCall(call, x)
	}
	if answer != nil && answer.Recorded {
		reply = &httpcall.Reply{
			Status: answer.Status, Reason: answer.Reason, URL: answer.URL, Header: answer.Header, Body: answer.Body,
			Length: int64(len(answer.Body)), Attempts: 1,
		}
		if reply.URL == "" {
			reply.URL = call.URL
		}
		var fields [][2]string
		if json.Unmarshal(answer.Value, &fields) == nil { // a person's verdict has none
			reply.Restore(fields)
		}
	}
	return reply, err
}

// asCall makes the error of a recorded call what it was.
func (e *pastError) asCall(call *httpcall.Call, x *Export) error {
	made := &httpcall.Error{Method: call.Method, URL: x.run.redactor.URL(call.URL), Attempts: 1, Sent: e.sent}
	inner := *e
	// The text was made of these parts.
	inner.text = strings.TrimPrefix(inner.text, made.Method+" "+made.URL+": ")
	inner.text = strings.TrimSuffix(strings.TrimSuffix(inner.text, "; the other side may have received it"), "; nothing was sent")
	made.Err = &inner
	return made
}

// sentRequest is what the ledger gets to know of a call: nothing that proves who made it.
func (x *Export) sentRequest(call *httpcall.Call) *sentRequest {
	r := &sentRequest{Method: call.Method, URL: x.Redact(call.URL), Header: make(http.Header)}
	for name, values := range call.Header {
		if text := strings.Join(values, "\x00"); x.Redact(text) == text && !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "Cookie") {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	switch body := call.Body.(type) {
	case nil:
	case httpcall.Bytes:
		text := string(body)
		if r.Made = len(body) > maxRecordedBody || x.Redact(text) != text; !r.Made {
			r.Body = body
		}
	default:
		r.Made = true
	}
	return r
}
