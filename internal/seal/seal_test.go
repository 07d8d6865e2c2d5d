package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/seal"
)

func key(id string, fill byte) seal.Key {
	return seal.Key{ID: id, Secret: bytes.Repeat([]byte{fill}, 32)}
}

func box(t testing.TB, current seal.Key, older ...seal.Key) *seal.Box {
	t.Helper()
	b, err := seal.New(current, older...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsSealedOpensAtItsPlaceOnly(t *testing.T) {
	t.Parallel()
	b := box(t, key("2026-11", 1))
	for _, plain := range []string{"", "x", "an invoice of ACME", strings.Repeat("long ", 100_000)} {
		sealed := b.Seal([]byte(plain), "run 1")
		if len(plain) > 3 && bytes.Contains(sealed, []byte(plain[:4])) {
			t.Error("the plain text shows")
		}
		if len(sealed) != len(plain)+b.Overhead() {
			t.Errorf("%d bytes became %d, want %d more", len(plain), len(sealed), b.Overhead())
		}
		if got, err := b.Open(sealed, "run 1"); err != nil || string(got) != plain {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if _, err := b.Open(sealed, "run 2"); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("at another place: %v", err)
		}
	}
	if bytes.Equal(b.Seal([]byte("same"), ""), b.Seal([]byte("same"), "")) {
		t.Error("two messages with one text are alike")
	}
}

func TestAnyChangedOrMissingByteIsFound(t *testing.T) {
	t.Parallel()
	b := box(t, key("a", 1), key("b", 2))
	sealed := b.Seal([]byte("ERP-1001"), "here")
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := b.Open(changed, "here"); err == nil {
			t.Errorf("byte %d changed: it opens", i)
		}
		if _, err := b.Open(sealed[:i], "here"); !errors.Is(err, seal.ErrNotAuthentic) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
}

func TestAnOlderKeyStillOpens(t *testing.T) {
	t.Parallel()
	before, after := key("old", 1), key("new", 2)
	sealed := box(t, before).Seal([]byte("text"), "")
	rotated := box(t, after, before)
	if got, err := rotated.Open(sealed, ""); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := rotated.Seal(nil, ""); !bytes.Contains(got, []byte("new")) {
		t.Error("the new key does not seal")
	}
	if _, err := box(t, after).Open(sealed, ""); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), `"old"`) {
		t.Errorf("without the old key: %v", err)
	}
	if _, err := box(t, key("old", 3)).Open(sealed, ""); !errors.Is(err, seal.ErrNotAuthentic) {
		t.Errorf("another secret under the ID: %v", err)
	}
	sealed[0] = 2
	if _, err := rotated.Open(sealed, ""); !errors.Is(err, seal.ErrNewerVersion) {
		t.Errorf("a newer form: %v", err)
	}
}

func TestKeysThatCannotSealAreRefused(t *testing.T) {
	t.Parallel()
	for want, keys := range map[string][]seal.Key{
		"ID has 1 to 64 bytes":          {{ID: "", Secret: make([]byte, 32)}},
		"not 65":                        {key(strings.Repeat("x", 65), 1)},
		"the secret has a length of 31": {{ID: "a", Secret: make([]byte, 31)}},
		`two keys have the ID "a`:       {key("a", 1), key("a", 2)},
	} {
		if _, err := seal.New(keys[0], keys[1:]...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	k := key("a", 1)
	b := box(t, k)
	sealed := b.Seal([]byte("x"), "")
	clear(k.Secret)
	if _, err := b.Open(sealed, ""); err != nil {
		t.Errorf("the caller's secret is not copied: %v", err)
	}
}

// The form is fixed: a message opens by its description, with HKDF written out.
func TestTheFormIsAsDescribed(t *testing.T) {
	t.Parallel()
	k := key("id", 7)
	sealed := box(t, k).Seal([]byte("plain"), "place")
	header := sealed[:2+2+16+12]
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	derived := mac(mac(header[4:20], k.Secret), []byte("exportpipeline seal 1"), []byte{1})
	block, err := aes.NewCipher(derived)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	place := append(append(binary.AppendUvarint(nil, uint64(len(header))), header...), "place"...)
	if got, err := gcm.Open(nil, header[20:], sealed[len(header):], place); err != nil || string(got) != "plain" {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzOpen(f *testing.F) {
	b := box(f, key("a", 1))
	f.Add(b.Seal([]byte("text"), "p"))
	f.Add([]byte{1, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		if plain, err := b.Open(data, "q"); err == nil {
			t.Errorf("%x opens as %q, and nobody sealed it", data, plain)
		}
	})
}
