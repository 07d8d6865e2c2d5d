package rossum

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"
)

// Headers in which Rossum signs the body of a hook call. The older one is
// looked at only where the newer one is missing.
const (
	SignatureHeader       = "X-Rossum-Signature-SHA256" // sha256=<hex>
	LegacySignatureHeader = "X-Elis-Signature"          // sha1=<hex>
)

// Errors of [VerifySignature].
var (
	ErrNoSignature    = errors.New("the hook call is not signed")
	ErrWrongSignature = errors.New("the signature of the hook call is wrong")
)

// Sign sets both signature headers of a request that carries body, as the
// platform does for a hook with that secret. Tests use it.
func Sign(h http.Header, body []byte, secret string) {
	h.Set(SignatureHeader, "sha256="+hex.EncodeToString(mac(sha256.New, body, secret)))
	h.Set(LegacySignatureHeader, "sha1="+hex.EncodeToString(mac(sha1.New, body, secret)))
}

// VerifySignature checks a hook call's signature in constant time against any
// of the secrets; several are for the days of a rotation. It returns
// [ErrNoSignature] or [ErrWrongSignature]. A call that carries the newer header
// is judged by it alone.
func VerifySignature(h http.Header, body []byte, secrets ...string) error {
	sum, method, err := signature(h)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		// An empty secret would accept what anybody can compute.
		if secret != "" && hmac.Equal(sum, mac(method, body, secret)) {
			return nil
		}
	}
	return ErrWrongSignature
}

// CheckSignatureHeader returns what can be said about a call's signature before its
// body is read: [ErrNoSignature], or [ErrWrongSignature] for a header that no
// signature can be. [VerifySignature] must follow.
func CheckSignatureHeader(h http.Header) error {
	_, _, err := signature(h)
	return err
}

// signature reads the header that a call is judged by.
func signature(h http.Header) (sum []byte, method func() hash.Hash, err error) {
	method, prefix, header := sha256.New, "sha256=", h.Get(SignatureHeader)
	if header == "" {
		method, prefix, header = sha1.New, "sha1=", h.Get(LegacySignatureHeader)
	}
	if header == "" {
		return nil, nil, ErrNoSignature
	}
	hexSum, ok := strings.CutPrefix(header, prefix)
	sum, err = hex.DecodeString(hexSum)
	if !ok || err != nil || len(sum) != method().Size() {
		return nil, nil, ErrWrongSignature
	}
	return sum, method, nil
}

func mac(method func() hash.Hash, body []byte, secret string) []byte {
	m := hmac.New(method, []byte(secret))
	m.Write(body)
	return m.Sum(nil)
}
