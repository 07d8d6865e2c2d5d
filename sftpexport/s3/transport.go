package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// ErrAnswerTooLarge means that a store's answer is longer than any that it should give.
var ErrAnswerTooLarge = errors.New("the store's answer is too large")

// Most bytes of a store's answers. A page of a listing has a thousand keys of a kilobyte
// at most.
const (
	maxAnswer      = 8 << 20
	maxErrorAnswer = 256 << 10
)

// boundedTransport asks only hosts that the program allows, and bounds the bodies of
// answers, which the client reads to their ends.
type boundedTransport struct{ http.RoundTripper }

// ipv6 stands for an IPv6 address on the way from Amazon's client to the transport: the
// client refuses requests to hosts with colons in them.
const ipv6 = "ipv6.invalid"

// withIPv6 has requests to an IPv6 address pass the client, after they were signed.
func withIPv6(stack *middleware.Stack) error {
	const id = "exportpipeline:ipv6"
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc(id, func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && strings.HasPrefix(r.URL.Host, "[") {
			r.Host = ipv6
		}
		return next.HandleDeserialize(ctx, in)
	}), middleware.After)
}

// withPlainErrors has the words of a store on one line, without what controls a terminal or
// ends a line of a log.
func withPlainErrors(stack *middleware.Stack) error {
	const id = "exportpipeline:plainErrors"
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc(id, func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if err != nil && plain(err.Error()) != err.Error() {
			err = &plainError{err}
		}
		return out, metadata, err
	}), middleware.Before)
}

// plainError is an error with a text that can be shown.
type plainError struct{ err error }

func (e *plainError) Error() string { return plain(e.err.Error()) }

func (e *plainError) Unwrap() error { return e.err }

func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// RoundTrip implements [http.RoundTripper].
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Host == ipv6 {
		r = r.WithContext(r.Context())
		r.Host = r.URL.Host
	}
	if err := egress.Of(r.Context()).CheckURL(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil || resp.Body == nil {
		return resp, err
	}
	most := int64(maxAnswer)
	if resp.StatusCode >= http.StatusMultipleChoices {
		most = maxErrorAnswer
	}
	resp.Body = &boundedBody{resp.Body, most, resp.StatusCode}
	return resp, nil
}

// boundedBody fails where a body goes on after so many bytes.
type boundedBody struct {
	io.ReadCloser
	left   int64
	status int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return n, fmt.Errorf("%w (status %d)", ErrAnswerTooLarge, b.status)
	}
	return n, err
}
