// Package oauth signs what APIs want signed: requests by OAuth 1.0a (RFC 5849),
// and the assertions by which a client proves that it has a private key (RFC 7523).
//
// It is small and done with the standard library; its results are compared with
// those of Python's oauthlib and PyJWT.
package oauth

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- HMAC-SHA1 is what many services still ask for
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"slices"
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

// Header returns the Authorization header of one request. Parameters of the query
// are signed as they stand in the address; form are those of an urlencoded body,
// nil if it has none. The nonce must be new for each request.
func (s Signer) Header(method, address string, form [][2]string, nonce string, at time.Time) (string, error) {
	newHash, err := s.hash()
	if err != nil {
		return "", err
	}
	oauth := [][2]string{ // in oauthlib's order
		{"oauth_nonce", nonce}, {"oauth_timestamp", strconv.FormatInt(at.Unix(), 10)}, {"oauth_version", "1.0"},
		{"oauth_signature_method", s.method()}, {"oauth_consumer_key", s.ConsumerKey},
	}
	if s.TokenKey != "" { // a call with two legs has none
		oauth = append(oauth, [2]string{"oauth_token", s.TokenKey})
	}
	base, err := baseString(method, address, append(slices.Clone(oauth), form...))
	if err != nil {
		return "", err
	}
	mac := hmac.New(newHash, []byte(percent(s.ConsumerSecret)+"&"+percent(s.TokenSecret)))
	mac.Write([]byte(base))
	oauth = append(oauth, [2]string{"oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))})
	parts := make([]string, 0, len(oauth)+1)
	if s.Realm != "" {
		parts = append(parts, `realm="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.Realm)+`"`)
	}
	for _, p := range oauth {
		parts = append(parts, p[0]+`="`+percent(p[1])+`"`)
	}
	return "OAuth " + strings.Join(parts, ", "), nil
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

// baseString is what is signed: method, address without query, and all parameters
// in order (RFC 5849, 3.4.1).
func baseString(method, address string, params [][2]string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", errors.New("the address cannot be parsed")
	}
	for _, part := range strings.FieldsFunc(u.RawQuery, func(c rune) bool { return c == '&' }) {
		name, value, _ := strings.Cut(part, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err := errors.Join(err1, err2); err != nil {
			return "", errors.New("the query of the address has a broken %-escape")
		}
		params = append(params, [2]string{n, v})
	}
	encoded := make([][2]string, len(params))
	for i, p := range params {
		encoded[i] = [2]string{percent(p[0]), percent(p[1])}
	}
	slices.SortFunc(encoded, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	pairs := make([]string, len(encoded))
	for i, p := range encoded {
		pairs[i] = p[0] + "=" + p[1]
	}
	return strings.ToUpper(method) + "&" + percent(origin(u)) + "&" + percent(strings.Join(pairs, "&")), nil
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

// percent escapes everything but letters, digits and -._~ (RFC 5849, 3.6).
func percent(text string) string {
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
