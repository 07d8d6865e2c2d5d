package send

import (
	"crypto/rsa"
	"encoding/json"
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
)

// PrivateKey is an RSA key that signs client assertions. It does not change, and shows
// nothing of itself.
type PrivateKey struct{ key *rsa.PrivateKey }

// ParsePrivateKey reads an RSA key in PEM (PKCS#1 or PKCS#8) without a passphrase. A text
// in which line breaks have become \n or blanks, as happens on the way through forms, is
// read, too. The error never quotes a part of the key.
func ParsePrivateKey(pem string) (*PrivateKey, error) {
	key, err := oauth.ParseKey(pem)
	if err != nil {
		return nil, err
	}
	return &PrivateKey{key}, nil
}

// Assertion returns a signed JWT by which a client proves in a token request that it has
// the key (RFC 7523). algorithm is RS256, RS384, RS512, PS256, PS384 or PS512; keyID is how
// the server knows the key; claims are a JSON object: iss, sub, aud, iat, exp and what the
// server wants besides. Tell [pipeline.Export.Hide] of it: whoever has it is the client
// until it expires.
func (k *PrivateKey) Assertion(algorithm, keyID string, claims json.RawMessage) (string, error) {
	var object map[string]json.RawMessage
	if json.Unmarshal(claims, &object) != nil || object == nil {
		return "", errors.New("the claims of an assertion are not a JSON object")
	}
	return oauth.Assertion(k.key, algorithm, keyID, claims)
}

// String hides the key.
func (k *PrivateKey) String() string { return "private key (hidden)" }

// GoString hides the key.
func (k *PrivateKey) GoString() string { return k.String() }
