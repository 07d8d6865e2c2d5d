package httpcall

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// Between attempts a call waits as long as its reply asks for, or else from the shorter to
// the longer of these.
const (
	retryWaitMin = 500 * time.Millisecond
	retryWaitMax = 30 * time.Second
)

// newRetrying makes the client that repeats and waits, which all calls through a transport
// share. What it has to know of one of them is in the context of its request.
func newRetrying(base http.RoundTripper, jar http.CookieJar) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: route{base},
			Jar:       jar,
			CheckRedirect: func(req *http.Request, via []*http.Request) error {
				r := runningOf(req.Context())
				err := r.redirect(req, via)
				if err == nil && jar == nil { // a jar of the program keeps the cookies itself
					r.carryCookies(req, via)
				}
				return err
			},
		},
		RetryWaitMin: retryWaitMin,
		RetryWaitMax: retryWaitMax,
		RetryMax:     math.MaxInt, // checkRetry counts
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			return runningOf(ctx).checkRetry(ctx, resp, err)
		},
		Backoff:      backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(again *http.Request) error { return runningOf(again.Context()).nextAttempt(again.Context(), again) },
	}
}

// runningKey is that of the running call in the context of its requests.
type runningKey struct{}

func runningOf(ctx context.Context) *running { return ctx.Value(runningKey{}).(*running) }

// route leads the requests of a call to the transport. It hides CloseIdleConnections from
// go-retryablehttp, which would end the connections of every other call after a failure.
type route struct{ base http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t route) RoundTrip(req *http.Request) (*http.Response, error) {
	r, base := runningOf(req.Context()), t.base
	if own := ours(); base == http.RoundTripper(own.transport) && egress.Of(req.Context()).Public {
		base = own.public
	}
	if base == nil {
		base = http.DefaultTransport
	}
	_, r.known = base.(*http.Transport)
	o := once{idleTransport(base, r.call.Idle), r}
	return o.RoundTrip(req)
}
