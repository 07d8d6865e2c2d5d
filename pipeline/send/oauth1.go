package send

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

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

// GoString shows no secret.
func (o OAuth1) GoString() string { return o.String() }

// Sign has a call carry an Authorization header with its signature, each attempt of it one
// of its own, since a server refuses a nonce that it has seen. It comes last: what is
// signed is the call as it is now, with the parameters of its address and, if its
// Content-Type is [FormType], those of its body, which must be [pipeline.Bytes] then. The
// secrets are cut out of everything that x shows.
//
// The error says that the method of signing is not known, or that the address or the body
// cannot be signed.
func (o OAuth1) Sign(x *pipeline.Export, call *Call) error {
	x.Hide(o.ConsumerSecret)
	x.Hide(o.TokenSecret)
	form, err := signedForm(call)
	if err != nil {
		return err
	}
	method, address := call.Method, call.URL
	header := func() (string, error) {
		return oauth.Signer(o).Header(method, address, form, rand.Text(), x.WallTime())
	}
	if _, err := header(); err != nil {
		return fmt.Errorf("signing by OAuth 1.0a: %w", err)
	}
	call.authorize = header
	return nil
}

// signedForm returns the fields of a form, as RFC 5849 has them signed.
func signedForm(call *Call) ([][2]string, error) {
	mediaType, _, _ := strings.Cut(call.Header.Get("Content-Type"), ";")
	if call.Body == nil || !strings.EqualFold(strings.TrimSpace(mediaType), FormType) {
		return nil, nil
	}
	body, ok := call.Body.(pipeline.Bytes)
	if !ok {
		return nil, fmt.Errorf("signing by OAuth 1.0a: the body of a form is a %T, not pipeline.Bytes", call.Body)
	}
	var form [][2]string
	for field := range strings.SplitSeq(string(body), "&") {
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, errors.New("signing by OAuth 1.0a: the form has a broken %-escape")
		}
		form = append(form, [2]string{name, value})
	}
	return form, nil
}

// sign writes the header of an attempt.
func (c *Call) sign(header http.Header) error {
	if c.authorize == nil {
		return nil
	}
	value, err := c.authorize()
	if err == nil {
		header.Set("Authorization", value)
	}
	return err
}
