package send

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// OAuth1 signs calls by OAuth 1.0a (RFC 5849), with the credentials of a client and of a
// token. A call of two legs has no token.
type OAuth1 struct {
	ConsumerKey, ConsumerSecret string
	TokenKey, TokenSecret       string
	Realm                       string // of the header, which does not sign it; "" for none
	Method                      string // HMAC-SHA256 if "", or HMAC-SHA1
}

// String shows no secret.
func (o OAuth1) String() string { return "OAuth 1.0a of consumer " + o.ConsumerKey }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (o OAuth1) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, o.String()) }

// LogValue implements [slog.LogValuer].
func (o OAuth1) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText keeps the secrets out of JSON and other encodings, which have what String returns.
func (o OAuth1) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Sign has a call carry an Authorization header with its signature, each attempt of it one
// of its own, since a server refuses a nonce that it has seen. It comes last: what is
// signed is the call as it is now, with the parameters of its address and, if its
// Content-Type is [FormType], those of the body of the attempt. Of these, values of more than
// 1 MiB are not held: the body is opened a few times before it is sent, and if it is not the
// same each time nothing is sent. The secrets are cut out of everything that x shows.
//
// The error says that the method of signing is not known, or that the address or a body of
// type [pipeline.Bytes] cannot be signed. For other bodies that is the error of [Do].
func (o OAuth1) Sign(x *pipeline.Export, call *Call) error {
	x.Hide(o.ConsumerSecret)
	x.Hide(o.TokenSecret)
	method, address, isForm := call.Method, call.URL, isForm(call.Header)
	authorize := func(ctx context.Context, body pipeline.Content) (string, error) {
		var form oauth.Body
		if isForm && body != nil {
			form = unnoted(body)
		}
		header, err := oauth.Signer(o).Header(ctx, method, address, form, rand.Text(), x.WallTime())
		if err != nil {
			return "", fmt.Errorf("signing by OAuth 1.0a: %w", err)
		}
		return header, nil
	}
	inMemory, _ := call.Body.(pipeline.Bytes)
	if _, err := authorize(context.Background(), inMemory); err != nil {
		return err
	}
	call.authorize = authorize
	return nil
}

func isForm(header http.Header) bool {
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), FormType)
}

// unnoted is a body for reading it before it is sent: what an attempt is given notes on the
// ledger what it held as its last byte leaves.
func unnoted(body pipeline.Content) pipeline.Content {
	if b, is := body.(interface{ Parts() []httpcall.Body }); is {
		return httpcall.Segments(b.Parts())
	}
	return body
}

// sign writes the header of an attempt.
func (c *Call) sign(ctx context.Context, header http.Header) error {
	value, err := c.authorize(ctx, c.Body)
	if err == nil {
		header.Set("Authorization", value)
	}
	return err
}
