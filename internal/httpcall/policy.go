package httpcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/limit"
	"github.com/exportpipeline/exportpipeline/internal/ordered"
)

// checkRetry decides whether the call is made again. While it waits for that, others may
// make theirs.
func (r *running) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	r.outcome = outcomeOf(resp)
	again, err := r.repeat(ctx, resp, err)
	if again = again && r.mayRepeat(); again {
		r.pass.Leave(r.outcome)
	}
	return again, err
}

func (r *running) repeat(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if errors.Is(err, ErrNotMade) {
		return false, err
	}
	sent := resp != nil || r.exchange != nil && r.exchange.sent()
	if errors.Is(err, ErrNotSent) { // a transport of the program has refused the call
		return false, err
	}
	r.everSent = r.everSent || sent
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		if permanent(err) || r.call.Retry != Always && errors.Is(err, ErrIdle) {
			return false, err // whoever says how long to wait does not want to wait four times
		}
		if !sent || r.call.Retry == Always {
			return true, nil
		}
		return false, err
	}
	// go-retryablehttp drains the reply if it does repeat: the last one is the
	// caller's, with its body.
	return r.repeatStatus(resp), nil
}

// permanent reports an error that a second attempt cannot mend.
func permanent(err error) bool {
	for _, sentinel := range []error{ErrRedirect, ErrForbidden, ErrHeader, ErrURL} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return isCertificateError(err)
}

func (r *running) repeatStatus(resp *http.Response) bool {
	asked := resp.Header.Get("Retry-After")
	if wait, ok := retryAfter(asked, time.Now()); ok && wait > maxWait {
		return false // sooner than asked would be refused again
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return r.call.Retry != IfNotSent
	case http.StatusServiceUnavailable:
		return r.call.Retry == Always || r.call.Retry == IfRefused && asked != ""
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return r.call.Retry == Always
	}
	return false
}

// maxWait bounds what a Retry-After can ask for; a call that would have to wait
// longer is not repeated.
const maxWait = 2 * time.Minute

// backoff waits as the other side asks, or else twice as long each time, with
// jitter so that many exports do not come back at once.
func backoff(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			return min(wait, maxWait)
		}
	}
	wait := min(most, least<<min(attempt, 10))
	return wait/2 + time.Duration(rand.Int64N(int64(wait/2)+1))
}

// retryAfter reads both forms of the header: seconds, and a date.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if header = strings.TrimSpace(header); header == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}

// outcomeOf is what a limiter hears of an attempt.
func outcomeOf(resp *http.Response) limit.Outcome {
	if resp == nil {
		return limit.Outcome{}
	}
	o := limit.Outcome{Status: resp.StatusCode}
	if o.Status == http.StatusTooManyRequests || o.Status == http.StatusServiceUnavailable {
		o.Wait, _ = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return o
}

// maxRedirects is how many redirects a GET follows.
const maxRedirects = 5

// RedirectError is a redirect that was not followed. It is an [ErrRedirect].
type RedirectError struct {
	Status int
	URL    string      // where it points to; it may carry secrets
	Header http.Header // of the reply
	Text   string      // what is wrong with it
}

func (e *RedirectError) Error() string { return ErrRedirect.Error() + ": " + e.Text }

// Format implements [fmt.Formatter], so that no verb shows more than the text.
func (e *RedirectError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// Is makes errors.Is find [ErrRedirect].
func (e *RedirectError) Is(target error) bool { return target == ErrRedirect }

// refused makes the error of a redirect to req, which names its status.
func refused(req *http.Request, format string, args ...any) error {
	e := &RedirectError{URL: req.URL.String(), Text: fmt.Sprintf(format, args...)}
	if req.Response != nil {
		e.Status, e.Header = req.Response.StatusCode, req.Response.Header
		e.Text = fmt.Sprintf("status %d %s", e.Status, e.Text)
	}
	return e
}

// redirect is the rule for the redirects of a call. One that is not followed is the reply,
// beside its error: whoever answers a POST so may have acted on it.
func (r *running) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case r.call.KeepRedirect:
		return http.ErrUseLastResponse
	case r.call.NoRedirect:
		r.refused = refused(req, "points from %s to %s", origin(via[len(via)-1].URL), origin(req.URL))
	default:
		r.refused = checkRedirect(req, via)
	}
	if r.refused != nil {
		return http.ErrUseLastResponse
	}
	return nil
}

// checkRedirect follows a redirect only for GET and HEAD, and only on the same
// host: on another one, credentials and document would go to a stranger.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from, first := via[len(via)-1].URL, via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return refused(req, "of a %s points to host %s", first.Method, req.URL.Host)
	case req.URL.Host != from.Host || req.URL.Scheme != from.Scheme:
		return refused(req, "points from %s to %s", origin(from), origin(req.URL))
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	}
	return nil
}

// SameOrigin is a rule for the redirects of a client that is not a [Client]: they
// are followed on the same host and with the same scheme only, so that neither
// credentials nor documents go to a stranger or lose their encryption.
func SameOrigin(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case origin(req.URL) != origin(from):
		return fmt.Errorf("%w: from %s to %s", ErrRedirect, origin(from), origin(req.URL))
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	}
	return nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// check looks for what must not be sent, and returns the URL.
func check(ctx context.Context, call *Call) (*url.URL, error) {
	if err := Fits(call.URL, call.Header); err != nil {
		return nil, err
	}
	u, err := url.Parse(call.URL)
	switch {
	case err != nil:
		// The cause quotes parts of the URL, which may be parts of a password.
		return nil, fmt.Errorf("%w: it cannot be parsed; check its host, port and %%-escapes", ErrURL)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: it does not begin with http:// or https://", ErrURL)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%w: it has no host", ErrURL)
	}
	if err := egress.Of(ctx).CheckURL(u); err != nil {
		return nil, err
	}
	for name, values := range ordered.ByKey(call.Header) {
		if !validName(name) {
			return nil, fmt.Errorf("%w: %q is not a header name", ErrHeader, name)
		}
		for _, v := range values {
			if i := strings.IndexFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }); i >= 0 {
				return nil, fmt.Errorf("%w: the value of %s has the control character %q", ErrHeader, name, v[i])
			}
		}
	}
	return u, nil
}

func validName(name string) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) {
			return false
		}
	}
	return name != ""
}
