package oauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// algorithms are the ways of signing a JWT with an RSA key.
var algorithms = map[string]struct {
	hash crypto.Hash
	pss  bool
}{
	"PS256": {crypto.SHA256, true}, "PS384": {crypto.SHA384, true}, "PS512": {crypto.SHA512, true},
	"RS256": {crypto.SHA256, false}, "RS384": {crypto.SHA384, false}, "RS512": {crypto.SHA512, false},
}

// Algorithms lists the algorithms of [Assertion].
func Algorithms() []string { return []string{"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"} }

// Errors of a key; their texts never show a part of it.
var (
	ErrKeyTooLarge  = fmt.Errorf("the private key is too large: more than %d bits, or %d KB of text", maxKeyBits, maxKeyText>>10)
	ErrKey          = errors.New("it is not an RSA private key in PEM (PKCS#1 or PKCS#8)")
	ErrEncryptedKey = errors.New("encrypted private keys are not supported; store the key without a passphrase")
	ErrAlgorithm    = errors.New("unknown signature algorithm (expected PS256, PS384, PS512, RS256, RS384 or RS512)")
)

// Most of a private key. To sign with one of 16,384 bits takes half a second already, and
// nothing can cut that short.
const (
	maxKeyBits = 8192
	maxKeyText = 64 << 10
)

// ParseKey reads an unencrypted RSA key. A text in which line breaks have become
// \n or blanks, as happens on the way through forms, is read too.
func ParseKey(text string) (*rsa.PrivateKey, error) {
	if len(text) > maxKeyText {
		return nil, ErrKeyTooLarge
	}
	key, err := parseKey(text)
	if err == nil && key.N.BitLen() > maxKeyBits {
		return nil, ErrKeyTooLarge
	}
	return key, err
}

func parseKey(text string) (*rsa.PrivateKey, error) {
	text = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, `\r`, ""), `\n`, "\n"))
	if !strings.Contains(text, "\n") {
		text = brokenLines(text)
	}
	block, _ := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, ErrKey
	case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, ErrEncryptedKey
	case block.Type == "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, ErrKey
		}
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, ErrKey
	}
	return key, nil
}

// brokenLines puts the line breaks of a PEM text back.
func brokenLines(text string) string {
	head, rest, ok := strings.Cut(strings.TrimPrefix(text, "-----BEGIN "), "-----")
	body, _, ok2 := strings.Cut(rest, "-----END ")
	if !ok || !ok2 {
		return text
	}
	return "-----BEGIN " + head + "-----\n" + strings.Join(strings.Fields(body), "\n") + "\n-----END " + head + "-----\n"
}

// Assertion returns a signed JWT (RFC 7519) with the given key id and claims,
// which must be a JSON object.
func Assertion(key *rsa.PrivateKey, algorithm, keyID string, claims []byte) (string, error) {
	a, ok := algorithms[algorithm]
	if !ok {
		return "", fmt.Errorf("%q: %w", algorithm, ErrAlgorithm)
	}
	header, err := json.Marshal(map[string]string{"alg": algorithm, "kid": keyID, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	h := a.hash.New()
	h.Write([]byte(signed))
	var signature []byte
	if a.pss {
		signature, err = rsa.SignPSS(rand.Reader, key, a.hash, h.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, a.hash, h.Sum(nil))
	}
	if err != nil {
		return "", fmt.Errorf("signing the client assertion: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
