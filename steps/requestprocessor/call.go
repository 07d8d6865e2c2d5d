package requestprocessor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// maxItems is how many requests one call_api makes.
const maxItems = 10_000

// abandoned ends a call_api, with its items that are still to come.
type abandoned struct{ error }

func (e *abandoned) Unwrap() error { return e.error }

// call makes the requests of one call_api. The error ends the whole run; what only
// ends the call is noted among the faults.
func (r *run) call(ctx context.Context, c *call) error {
	items, err := r.items(ctx, c)
	if err != nil {
		return r.failed(ctx, c, 0, 1, fail(c.request.place+".iterate_over", err))
	}
	if items == nil {
		return nil
	}
	if missing := r.missingOf(c, len(items)); missing != nil {
		return r.failed(ctx, c, 0, len(items), missing[0])
	}
	creds, err := r.authenticate(ctx, c.auth, r.scope(c.place+".auth"))
	if err != nil {
		return r.failed(ctx, c, 0, len(items), fail(c.place+".auth", err))
	}
	if r.item = ""; c.iterate != nil {
		r.item, r.itemOrigin = c.item, r.originOf(c.iterate)
	}
	var unanswered error // of a dry run, whose items do not depend on each other
	for k := range items {
		err := r.one(ctx, c, &creds, items[k], k)
		if errors.Is(err, pipeline.ErrUnanswered) {
			unanswered = err
			continue
		}
		var gone *abandoned
		if errors.As(err, &gone) {
			return r.failed(ctx, c, k, len(items), fail(c.place, gone.error))
		}
		if err != nil {
			return err
		}
	}
	return unanswered // the calls after it may need the answer
}

// items are what the request is made for: one, or the elements of a list; nil if
// there is none.
func (r *run) items(ctx context.Context, c *call) ([]pyvalue.Value, error) {
	if c.iterate == nil {
		return []pyvalue.Value{pyvalue.None()}, nil
	}
	v, err := c.iterate.Resolve(ctx, r.scope(c.place))
	if errors.Is(err, reqproc.ErrNotThere) && c.iterate.Root() != "field" {
		r.decide("skipped %s (%s): %v", c.place, c.name, err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f, ok := v.Object().(*reqproc.Fetched); ok {
		if v, err = f.Plain(ctx); err != nil {
			return nil, err
		}
	}
	list, isList := v.Items()
	if e, ok := v.Object().(reqproc.Elements); ok {
		if l, ok := e.(*nodeList); ok && l.column {
			return nil, fmt.Errorf("%s is a column or the field within a repeated one, not a list by itself; write %s.all_values", c.iterate, c.iterate)
		}
		list, isList = e.Elements(), true
	}
	switch {
	case isList && len(list) == 0, v.IsNone(), v.IsText() && v.Text() == "":
		r.decide("skipped %s (%s): %s is empty", c.place, c.name, c.iterate)
		return nil, nil
	case len(list) > maxItems:
		return nil, fmt.Errorf("%s has %d elements, more than the limit of %d", c.iterate, len(list), maxItems)
	case isList:
		return list, nil
	}
	return []pyvalue.Value{v}, nil
}

// failed notes a fault of a call, for the items from one to before another. The
// error is not nil if the run must end.
func (r *run) failed(ctx context.Context, c *call, from, to int, fault *pipeline.StepError) error {
	fault = named(fault, c.name)
	for k := from; k < to; k++ {
		r.forget(c, k)
	}
	if ctx.Err() != nil || errors.Is(fault, pipeline.ErrUnsettled) {
		return fault
	}
	r.x.Log.ErrorContext(ctx, "a call failed", "place", fault.Place, "call", c.name, "error", fault.Err)
	r.faults = append(r.faults, fault)
	return nil
}

// one makes one request and hands its reply to the handlers.
func (r *run) one(ctx context.Context, c *call, creds *credentials, item pyvalue.Value, sequence int) error {
	s := r.scope(c.place).With("sequence", pyvalue.Int(int64(sequence)))
	if c.iterate != nil {
		s.Roots[c.item] = item
	}
	out, err := r.prepare(ctx, c, creds, s)
	if err != nil {
		return &abandoned{err}
	}
	var renew func(context.Context) (*send.Call, error)
	if creds.request != nil {
		renew = func(ctx context.Context) (*send.Call, error) { return r.renewed(ctx, c, creds, s, sequence) }
	}
	reply, err := r.send(ctx, c, out.call, renew, sequence)
	if gone, ok := errors.AsType[*abandoned](err); ok {
		return gone
	}
	if err != nil {
		return r.noReply(ctx, c, sequence, err)
	}
	r.look(ctx, c, reply)
	r.handle(ctx, c, reply, sequence)
	return nil
}

// renewed is the request with a new token.
func (r *run) renewed(ctx context.Context, c *call, creds *credentials, s *reqproc.Scope, sequence int) (_ *send.Call, err error) {
	r.decide("%s (%s): status 401, one more try with a new token", c.place, c.name)
	if creds.token, err = r.getToken(ctx, creds.request, creds.token); err != nil {
		return nil, &abandoned{fail(c.place+".auth", err)}
	}
	out, err := r.prepare(ctx, c, creds, s)
	if err != nil {
		return nil, &abandoned{err}
	}
	announced(c, out.call, sequence)
	return out.call, nil
}

// noReply says what follows from a request that was not answered.
func (r *run) noReply(ctx context.Context, c *call, sequence int, err error) error {
	var fatal *fatalError
	if errors.As(err, &fatal) {
		r.forget(c, sequence)
		return named(fail(c.request.place+".url", fatal.error), c.name)
	}
	if c.request.ignoreTimeout && ctx.Err() == nil && isTimeout(err) {
		r.forget(c, sequence)
		r.x.Log.WarnContext(ctx, "a time-out is ignored", "place", c.place, "call", c.name, "error", err)
		r.decide("%s (%s): the time-out is ignored, as ignore_timeout says: %v", c.place, c.name, err)
		return nil
	}
	return r.failed(ctx, c, sequence, sequence+1, fail(c.request.place+".url", err))
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// prepare fills the request in and signs it.
func (r *run) prepare(ctx context.Context, c *call, creds *credentials, s *reqproc.Scope) (*outgoing, error) {
	if creds.request != nil {
		s = s.With("token", pyvalue.Str(creds.token))
	}
	out, err := c.request.fill(ctx, r, s)
	if err != nil {
		return nil, err
	}
	out.call.Idle = c.request.timeout
	if signs, ok := c.auth.(*oauth1); ok {
		err = signs.sign(r, creds.signer, out)
	}
	return out, err
}

// fatalError ends the run: an earlier run may have sent the call, or what was sent
// can no longer be noted.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 5

// send makes the request. A redirect with status 307 or 308 on the same origin, which
// asks for the same request elsewhere, is followed as a call of its own; every other
// redirect of a request that does more than read is an error.
//
// renew makes the request again with a new token, once; it is nil if there is none.
func (r *run) send(ctx context.Context, c *call, call *send.Call, renew func(context.Context) (*send.Call, error), sequence int) (*reply, error) {
	made := call // last
	renewOnce := func(ctx context.Context) (*send.Call, error) {
		again, err := renew(ctx)
		if renew = nil; err == nil {
			made = again
		}
		return again, err
	}
	var cookies httpcall.Cookies
	client, _ := pipelinerun.Sender(r.x)
	for range maxRedirects {
		if made.Renew = nil; renew != nil {
			made.Renew = renewOnce
		}
		reply, err := r.sendOnce(ctx, c, made, sequence)
		var elsewhere *httpcall.RedirectError
		if !keepsRequest(err) || !errors.As(err, &elsewhere) {
			return reply, err
		}
		from, err1 := url.Parse(made.URL)
		to, err2 := url.Parse(elsewhere.URL)
		if err1 != nil || err2 != nil || from.Scheme != to.Scheme || from.Host != to.Host || to.User != nil {
			return nil, err
		}
		r.decide("%s (%s): status %d, sent again to %s", c.place, c.name, elsewhere.Status, r.x.Redact(elsewhere.URL))
		again := *made
		again.URL = elsewhere.URL
		if client == nil || client.Jar == nil { // which keeps them itself
			cookies.Add(from, elsewhere.Header)
			again.Header = withCookies(made.Header, cookies.Header(to))
		}
		made = &again
	}
	return r.sendOnce(ctx, c, made, sequence)
}

// withCookies returns a header with these cookies in place of those it has, as Python's
// requests follows a redirect.
func withCookies(header http.Header, cookies string) http.Header {
	header = header.Clone()
	maps.DeleteFunc(header, func(name string, _ []string) bool { return strings.EqualFold(name, "Cookie") })
	if cookies == "" {
		return header
	}
	if header == nil {
		header = make(http.Header)
	}
	header.Set("Cookie", cookies)
	return header
}

// keepsRequest reports whether an error is a redirect that asks for the same request
// elsewhere: whoever answers so has not done it.
func keepsRequest(err error) bool {
	var elsewhere *httpcall.RedirectError
	return errors.As(err, &elsewhere) && (elsewhere.Status == http.StatusTemporaryRedirect || elsewhere.Status == http.StatusPermanentRedirect)
}

// sendOnce makes the request, of which the ledger knows before its first byte goes out.
func (r *run) sendOnce(ctx context.Context, c *call, call *send.Call, sequence int) (*reply, error) {
	announced(c, call, sequence)
	started := r.x.WallTime()
	got, err := send.Do(ctx, r.x, call)
	switch {
	case errors.Is(err, pipeline.ErrUnsettled), errors.Is(err, pipeline.ErrNotNoted), errors.Is(err, pipeline.ErrUnanswered):
		return nil, &fatalError{err}
	case err != nil:
		return nil, err
	}
	return &reply{excerpt: func() string { return r.x.Excerpt(got.Body, maxExcerpt) }, Reply: got, took: r.x.WallTime().Sub(started), mediaType: got.Header.Get("Content-Type")}, nil
}

// announced says how the ledger, and people, know a request.
func announced(c *call, made *send.Call, sequence int) {
	made.Name, made.Item, made.Harmless = c.place, sequence, keepsRequest
	made.What = made.Method + " " + made.URL + " (" + c.place
	if c.iterate != nil {
		made.What += fmt.Sprintf(", item %d", sequence)
	}
	made.What += ")"
}

// look notes what the settings do not look at themselves: a status that is none of
// success, and with debugging the whole reply.
func (r *run) look(ctx context.Context, c *call, reply *reply) {
	if r.p.debugging {
		r.x.Log.InfoContext(ctx, "reply", "place", c.place, "call", c.name, "status", reply.Status, "took", reply.took.String(),
			"media_type", reply.mediaType, "bytes", len(reply.Body), "body", r.x.Redact(limited(reply.Body, maxDebug)))
	}
	if reply.Status < 400 {
		return
	}
	r.decide("%s (%s): the API answered with status %d, which by itself does not fail the export: %s", c.place, c.name, reply.Status, r.x.Excerpt(reply.Body, maxExcerpt))
	if !c.looks && !r.warned[c] {
		r.warned[c] = true // for the first item of many
		r.x.Warn("%s: the API answered with status %d: %s", nameOf(c), reply.Status, r.x.Excerpt(reply.Body, maxExcerpt))
	}
}

// maxDebug is how much of a reply debugging logs, in bytes.
const maxDebug = 16 << 10

func limited(body []byte, most int) string {
	if len(body) <= most {
		return string(body)
	}
	return fmt.Sprintf("%s… (%d bytes)", body[:most], len(body))
}

func nameOf(c *call) string {
	if c.name != "" {
		return c.name
	}
	return c.place
}
