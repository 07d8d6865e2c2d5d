// Package seal encrypts what leaves the program's memory for a store: AES-256-GCM
// under keys that have names, so that a new key can take over while what an older
// one sealed still opens.
//
// A sealed message is
//
//	version (1 byte, 1) | length of the key's ID (1 byte) | ID | salt (16 bytes) | nonce (12 bytes) | ciphertext and tag
//
// The key of each message is derived from the secret and the random salt (HKDF
// with SHA-256), so that no number of messages under one secret makes nonces meet.
// Everything before the ciphertext is authenticated, and so is what the caller
// says of the message's place: a message that was moved elsewhere doesn't open.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Key is a secret with a name. The name is written beside what it sealed.
type Key struct {
	ID     string // 1 to 64 bytes
	Secret []byte // at least 32 bytes that nobody can guess
}

// Sizes in bytes.
const (
	MinSecret = 32
	maxID     = 64
	saltSize  = 16
	nonceSize = 12
	tagSize   = 16
	version   = 1
)

var (
	// ErrUnknownKey means that none of the keys has the ID that a message names.
	ErrUnknownKey = errors.New("sealed with a key that this program does not have")
	// ErrNotAuthentic means that a message was changed, cut or moved, or that its
	// key's secret is another one.
	ErrNotAuthentic = errors.New("changed since it was sealed, or sealed with another secret")
	// ErrNewerVersion means that a message has a form that this version doesn't know.
	ErrNewerVersion = errors.New("sealed by a newer version of this library")
)

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	current string
	secrets map[string][]byte
}

// New makes a Box that seals with current and opens what current and older sealed.
// It keeps copies of the secrets. The error names a key that is too short, has no
// usable ID, or has the ID of another one.
func New(current Key, older ...Key) (*Box, error) {
	b := &Box{current: current.ID, secrets: make(map[string][]byte)}
	for _, k := range append([]Key{current}, older...) {
		switch {
		case k.ID == "" || len(k.ID) > maxID:
			return nil, fmt.Errorf("a key's ID has 1 to %d bytes, not %d", maxID, len(k.ID))
		case len(k.Secret) < MinSecret:
			return nil, fmt.Errorf("key %q: the secret has a length of %d; at least %d bytes are needed (openssl rand -hex 32 makes one)", k.ID, len(k.Secret), MinSecret)
		case b.secrets[k.ID] != nil:
			return nil, fmt.Errorf("two keys have the ID %q", k.ID)
		}
		b.secrets[k.ID] = bytes.Clone(k.Secret)
	}
	return b, nil
}

// Overhead is by how many bytes Seal makes a message longer.
func (b *Box) Overhead() int { return 2 + len(b.current) + saltSize + nonceSize + tagSize }

// Seal returns the sealed plain text. place says where it belongs, and Open must be
// given the same.
func (b *Box) Seal(plain []byte, place string) []byte {
	header := make([]byte, 0, b.Overhead()+len(plain))
	header = append(header, version, byte(len(b.current)))
	header = append(header, b.current...)
	random := len(header)
	header = header[:random+saltSize+nonceSize]
	_, _ = rand.Read(header[random:]) // never fails, see crypto/rand
	salt, nonce := header[random:random+saltSize], header[random+saltSize:]
	aead, err := derive(b.secrets[b.current], salt)
	if err != nil {
		panic("seal: " + err.Error()) // the sizes are constants
	}
	return aead.Seal(header, nonce, plain, additional(header, place))
}

// Open returns what was sealed, for the same place. The error wraps ErrUnknownKey,
// with the key's ID, ErrNotAuthentic or ErrNewerVersion. The plain text is the
// caller's; sealed is not changed.
func (b *Box) Open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < 2 {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNotAuthentic, len(sealed))
	}
	if sealed[0] != version {
		if sealed[0] > version {
			return nil, fmt.Errorf("%w (form %d)", ErrNewerVersion, sealed[0])
		}
		return nil, fmt.Errorf("%w: its form is %d", ErrNotAuthentic, sealed[0])
	}
	random := 2 + int(sealed[1])
	start := random + saltSize + nonceSize
	if len(sealed) < start+tagSize {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNotAuthentic, len(sealed))
	}
	id := string(sealed[2:random])
	secret := b.secrets[id]
	if secret == nil {
		return nil, fmt.Errorf("%w: key %q", ErrUnknownKey, id)
	}
	aead, err := derive(secret, sealed[random:random+saltSize])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, sealed[random+saltSize:start], sealed[start:], additional(sealed[:start], place))
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", id, ErrNotAuthentic)
	}
	return plain, nil
}

func derive(secret, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, "exportpipeline seal 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// additional is what is authenticated beside the text: the header, whose length is
// told first, and the place.
func additional(header []byte, place string) []byte {
	data := binary.AppendUvarint(nil, uint64(len(header)))
	return append(append(data, header...), place...)
}
