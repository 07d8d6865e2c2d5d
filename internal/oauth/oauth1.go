// Package oauth signs what APIs want signed: requests by OAuth 1.0a (RFC 5849),
// and the assertions by which a client proves that it has a private key (RFC 7523).
//
// It is small and done with the standard library; its results are compared with
// those of Python's oauthlib and PyJWT.
package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- HMAC-SHA1 is what many services still ask for
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Signature methods of OAuth 1.0a.
const (
	HMACSHA256 = "HMAC-SHA256"
	HMACSHA1   = "HMAC-SHA1"
)

// Signer signs requests by OAuth 1.0a with the credentials of a client and of a
// token. It may be used by several goroutines.
type Signer struct {
	ConsumerKey, ConsumerSecret string
	TokenKey, TokenSecret       string
	Realm                       string // of the header; "" for none. It is not signed.
	Method                      string // HMACSHA256 if ""
}

// ErrMethod means that a signature method is not known.
var ErrMethod = errors.New("unknown signature method (expected HMAC-SHA256 or HMAC-SHA1)")

// Header returns the Authorization header of one request. Parameters of the query are
// signed as they stand in the address, and so are the fields of form, an urlencoded body;
// nil if the request has none. It is read as often as it takes to sign it without holding
// its long values, and [ErrChanged] says that it was not the same each time. The nonce must
// be new for each request.
func (s Signer) Header(ctx context.Context, method, address string, form Body, nonce string, at time.Time) (string, error) {
	newHash, err := s.hash()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("the address cannot be parsed")
	}
	oauth := s.own(nonce, at)
	var signed parameters
	for _, p := range oauth {
		signed.list = append(signed.list, parameter{name: []byte(p[0]), value: []byte(p[1])})
	}
	if err := signed.addQuery(u.RawQuery); err != nil {
		return "", err
	}
	if err := signed.addForm(ctx, form, maxHeld); err != nil {
		return "", err
	}
	mac := hmac.New(newHash, []byte(percent(s.ConsumerSecret)+"&"+percent(s.TokenSecret)))
	_, _ = io.WriteString(mac, strings.ToUpper(method)+"&"+percent(origin(u))+"&") // RFC 5849, 3.4.1.1
	if err := signed.write(ctx, mac); err != nil {
		return "", err
	}
	return s.header(append(oauth, [2]string{"oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))})), nil
}

// own are the parameters of the protocol, in oauthlib's order.
func (s Signer) own(nonce string, at time.Time) [][2]string {
	list := [][2]string{
		{"oauth_nonce", nonce}, {"oauth_timestamp", strconv.FormatInt(at.Unix(), 10)}, {"oauth_version", "1.0"},
		{"oauth_signature_method", s.method()}, {"oauth_consumer_key", s.ConsumerKey},
	}
	if s.TokenKey != "" { // a call with two legs has none
		list = append(list, [2]string{"oauth_token", s.TokenKey})
	}
	return list
}

// header writes the header of these parameters.
func (s Signer) header(oauth [][2]string) string {
	parts := make([]string, 0, len(oauth)+1)
	if s.Realm != "" {
		parts = append(parts, `realm="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.Realm)+`"`)
	}
	for _, p := range oauth {
		parts = append(parts, p[0]+`="`+percent(p[1])+`"`)
	}
	return "OAuth " + strings.Join(parts, ", ")
}

func (s Signer) method() string {
	if s.Method == "" {
		return HMACSHA256
	}
	return s.Method
}

func (s Signer) hash() (func() hash.Hash, error) {
	switch s.method() {
	case HMACSHA256:
		return sha256.New, nil
	case HMACSHA1:
		return sha1.New, nil
	}
	return nil, fmt.Errorf("%q: %w", s.Method, ErrMethod)
}

// origin is the address as it is signed: lower case, without a default port.
func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path
}
