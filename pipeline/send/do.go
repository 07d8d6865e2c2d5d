package send

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/limit"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Do makes a call of the export x: announced on its ledger, made once, and its reply
// noted; see [pipeline.Export.Once] for what becomes of a call that an earlier process
// had begun. An HTTP status, whatever it is, is not an error. A reply beside an error is what
// came of it: status and header, and as much of the body as arrived.
//
// The error is an [*Error] for a call that was made, also by an earlier process; or a
// [*pipeline.UnsettledError], or one that wraps [pipeline.ErrNotNoted]; or that of
// Call.Renew.
func Do(ctx context.Context, x *pipeline.Export, call *Call) (*Reply, error) {
	if err := check(x, call); err != nil {
		return nil, err
	}
	return doRenewed(ctx, x, call)
}

func do(ctx context.Context, x *pipeline.Export, call *Call) (*Reply, error) {
	if x.IsDry() { // of which no ledger hears
		return attempt(ctx, x, call, false)
	}
	act := call.act()
	act.Request = call.request()
	var reply *Reply
	answer, err := x.Once(ctx, act, func(ctx context.Context, t pipeline.Attempt) (*pipeline.Reply, error) {
		var err error
		reply, err = attempt(ctx, x, call.again(t), false)
		if reply == nil {
			return nil, err
		}
		answer := &pipeline.Reply{Status: reply.Status, Reason: reply.Reason, URL: reply.URL, Header: reply.Header, Body: reply.Body}
		if reply.fields != nil { // else they are those of Header
			answer.Value, _ = json.Marshal(reply.fields) // of texts
		}
		return answer, err
	})
	if answer != nil && answer.Recorded {
		hide(x, redact.Credentials(call.URL, call.Header))
		hide(x, redact.Sessions(answer.Header))
		reply = recorded(call, answer)
	}
	return reply, pastError(err, call, reply, x)
}

// Ask makes a call that only asks for something, and whose reply must not be kept, such as
// a request for a token: the ledger gets to know neither. It is made again when the run
// goes on after a crash. The error is an [*Error].
func Ask(ctx context.Context, x *pipeline.Export, call *Call) (*Reply, error) {
	if err := check(x, call); err != nil {
		return nil, err
	}
	if x.IsDry() {
		return attempt(ctx, x, call, true)
	}
	act := call.act()
	act.Forget, act.Request = true, call.request()
	var reply *Reply
	_, err := x.Once(ctx, act, func(ctx context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
		var err error
		if reply, err = attempt(ctx, x, call, true); reply == nil {
			return nil, err
		}
		return &pipeline.Reply{Status: reply.Status}, err
	})
	return reply, err
}

func (c *Call) act() pipeline.Act {
	a := pipeline.Act{
		Call: c.Name, Item: c.Item, What: c.What, Limit: c.Timeout, Harmless: c.Harmless, Probe: c.Probe,
		Reads: c.Method == http.MethodGet || c.Method == http.MethodHead, Repeatable: c.Retry == RetryAlways,
	}
	if a.What == "" {
		a.What = c.Method + " " + c.URL
	}
	return a
}

// request is what the ledger is given of a call.
func (c *Call) request() *pipeline.Request {
	return &pipeline.Request{Method: c.Method, URL: c.URL, Header: c.Header, Body: c.Body}
}

// again returns the call as an attempt makes it, with its key and its body.
func (c *Call) again(t pipeline.Attempt) *Call {
	if t.Key == "" && t.Body == nil && t.ContentType == "" {
		return c
	}
	made := *c
	if t.Key != "" || t.ContentType != "" {
		made = *c.copied()
		if made.Header == nil {
			made.Header = make(http.Header)
		}
	}
	if t.Key != "" {
		made.Header.Set(t.Header, t.Key)
	}
	if t.Body != nil {
		made.Body = t.Body
	}
	if t.ContentType != "" {
		made.Header.Set("Content-Type", t.ContentType)
	}
	return &made
}

// copied returns the call with a header of its own.
func (c *Call) copied() *Call {
	made := *c
	made.Header, made.spelling = c.Header.Clone(), maps.Clone(c.spelling)
	return &made
}

// traced is the header of a call with what the program's propagator adds to it, such as
// traceparent.
func (c *Call) traced(ctx context.Context) http.Header {
	carrier := make(http.Header)
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(carrier))
	if len(carrier) == 0 {
		return c.Header
	}
	for name, values := range c.Header { // what the step sets counts
		carrier[name] = values
	}
	return carrier
}

// attempt makes the call and notes it in the report, without the bodies of one that asks
// for a secret.
func attempt(ctx context.Context, x *pipeline.Export, c *Call, asks bool) (*Reply, error) {
	var record httpcall.Record
	inner := &httpcall.Call{
		Method: c.Method, URL: c.URL, Header: c.traced(ctx), Spelling: c.spelling, Timeout: c.Timeout, Idle: c.Idle,
		Retry: httpcall.Retry(c.Retry), MaxAttempts: c.MaxAttempts, NoRedirect: c.NoRedirect, KeepRedirect: c.raw,
		Redactor: redactor{x}, Observe: func(r httpcall.Record) { record = r },
	}
	if c.Body != nil {
		inner.Body = c.Body
	}
	if c.authorize != nil {
		inner.Sign = c.sign
	}
	client, rendered := pipelinerun.Caller(x)
	if !x.Allows(c.Method, c.URL) {
		ctx = limit.Without(ctx)
	}
	hide(x, redact.Credentials(c.URL, c.Header))
	got, err := client.Do(ctx, inner)
	if got != nil {
		hide(x, redact.Sessions(got.Header))
	}
	note(ctx, x, c, record, got, rendered(), asks)
	err = fromCall(err, got)
	if got == nil {
		return nil, err
	}
	return &Reply{
		Status: got.Status, Reason: got.Reason, URL: got.URL, Header: got.Header, Body: got.Body, Attempts: got.Attempts, fields: got.AsTheyCame(),
	}, err
}

// hide has the export hide what it does not know yet, such as the key of a program's own
// step, or the cookie of a session: systems repeat them in what they answer.
func hide(x *pipeline.Export, secrets []string) {
	for _, s := range secrets {
		if x.Redact(s) == s {
			x.Hide(s)
		}
	}
}

// note notes a call in the report. rendered is the body of one that was not made.
func note(ctx context.Context, x *pipeline.Export, c *Call, r httpcall.Record, got *httpcall.Reply, rendered []byte, asks bool) {
	report := pipeline.CallReport{
		Method: r.Method, URL: r.URL, Status: r.Status, Started: r.Started, Attempts: r.Attempts,
		Took: pipeline.Duration(r.Took), Waited: pipeline.Duration(r.Waited), Sent: r.Sent, Received: r.Received,
	}
	if len(r.Tries) > 1 {
		for _, t := range r.Tries {
			report.Tries = append(report.Tries, pipeline.TryReport{Started: t.Started, Took: pipeline.Duration(t.Took), Status: t.Status})
		}
	}
	if r.Err != nil {
		report.Error = r.Err.Error()
	}
	body := c.Body
	if report.Dry = !x.Allows(c.Method, c.URL); report.Dry {
		report.Error = "" // of a call that nobody made
		body = pipeline.Bytes(rendered)
	}
	report.Request = x.ShowRequest(ctx, c.Header, body)
	if got != nil {
		report.Reply = x.ShowReply(got.Header, got.Body)
	}
	if asks {
		report.Request.Hide("the body of a token request is not shown")
		report.Reply.Hide("the answer to a token request is not shown")
	}
	x.RecordCall(report)
}

// redactor is an export as the sender knows it.
type redactor struct{ x *pipeline.Export }

func (r redactor) URL(address string) string { return r.x.Redact((*redact.Redactor)(nil).URL(address)) }

func (r redactor) Error(err error) error { return r.x.RedactError(err) }

// recorded makes the reply of one of the ledger.
func recorded(call *Call, a *pipeline.Reply) *Reply {
	reply := &Reply{Status: a.Status, Reason: a.Reason, URL: a.URL, Header: a.Header, Body: a.Body, Attempts: 1, Recorded: true}
	if reply.URL == "" {
		reply.URL = call.URL
	}
	_ = json.Unmarshal(a.Value, &reply.fields) // a person's verdict has none
	return reply
}

// pastError makes the error of a recorded call what it was.
func pastError(err error, call *Call, reply *Reply, x *pipeline.Export) error {
	var past *pipeline.RecordedError
	if !errors.As(err, &past) {
		return err
	}
	made := &Error{Method: call.Method, URL: redactor{x}.URL(call.URL), Attempts: 1, Sent: past.Sent}
	if reply != nil {
		made.Status = reply.Status
	}
	inner := *past
	// The text was made of these parts.
	inner.Text = strings.TrimPrefix(inner.Text, made.Method+" "+made.URL+": ")
	inner.Text = strings.TrimSuffix(strings.TrimSuffix(inner.Text, "; "+pipeline.ErrMaybeSent.Error()), "; "+pipeline.ErrNotSent.Error())
	made.Err = &inner
	if elsewhere := redirectOf(reply); elsewhere != "" && strings.HasPrefix(inner.Text, ErrRedirect.Error()) {
		text := strings.TrimPrefix(inner.Text, ErrRedirect.Error()+": ")
		made.Err = &httpcall.RedirectError{Status: reply.Status, URL: elsewhere, Header: reply.Header, Text: text}
	}
	return made
}

// redirectOf returns where a recorded reply points to, "" if it is not a redirect.
func redirectOf(r *Reply) string {
	if r == nil || r.Status < 300 || r.Status > 399 {
		return ""
	}
	from, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	to, err := from.Parse(r.Header.Get("Location"))
	if err != nil {
		return ""
	}
	return to.String()
}

// check refuses what cannot be sent at all.
func check(x *pipeline.Export, call *Call) error {
	switch {
	case x == nil:
		return errors.New("sending: the export is nil")
	case call == nil:
		return errors.New("sending: the call is nil")
	}
	if err := httpcall.Fits(call.URL, call.Header); err != nil {
		return &Error{Method: call.Method, URL: hostOf(call.URL), Err: err}
	}
	return nil
}

// hostOf is what is shown of a URL that is too long: its beginning, up to the path.
func hostOf(address string) string {
	scheme, rest, found := strings.Cut(address[:min(len(address), 1000)], "://")
	end := strings.IndexAny(rest, "/?#")
	if !found || end < 0 {
		return "…"
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest[:end], '@')+1:end] + "/…"
}
