package sshkey

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

const passphrase = "golden passphrase 17"

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// spoilt are forms that keys take on their way through forms and editors.
var spoilt = map[string]func(string) string{
	"as it is":               func(key string) string { return key },
	`\n for line breaks`:     func(key string) string { return strings.ReplaceAll(key, "\n", `\n`) },
	"blanks for line breaks": func(key string) string { return strings.Join(strings.Fields(key), " ") },
	"Windows' line breaks":   func(key string) string { return strings.ReplaceAll(key, "\n", "\r\n") },
	"no last line break":     strings.TrimSpace,
	"a byte order mark":      func(key string) string { return "\ufeff" + key },
	"indented":               func(key string) string { return "\n   " + strings.ReplaceAll(key, "\n", "\n   ") },
	"base64":                 func(key string) string { return base64.StdEncoding.EncodeToString([]byte(key)) },
	"base64 in lines": func(key string) string {
		text := base64.StdEncoding.EncodeToString([]byte(key))
		return text[:40] + "\n" + text[40:]
	},
	"quoted": func(key string) string { return `"` + strings.ReplaceAll(key, "\n", `\n`) + `"` },
}

func TestKeysOfEveryProgramInEveryForm(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob("testdata/*.key")
	if len(paths) < 50 {
		t.Fatalf("there are %d keys", len(paths))
	}
	for _, path := range paths {
		name := strings.TrimSuffix(path, ".key")
		if name == "testdata/dsa" {
			continue
		}
		key, want := read(t, path), strings.TrimSpace(read(t, name+".pub"))
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			for form, spoil := range spoilt {
				if form != "as it is" && strings.HasSuffix(name, "-locked") && !strings.Contains(name, "-rsa-") {
					continue // opening one takes long
				}
				signer, err := Parse(spoil(key), passphrase)
				if err != nil {
					t.Errorf("%s: %v", form, err)
					continue
				}
				if got := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); got != want {
					t.Errorf("%s: the key is %s, want %s", form, got, want)
				}
			}
			if !strings.HasSuffix(name, "-locked") {
				return
			}
			if _, err := Parse(key, ""); !errors.Is(err, ErrNoPassphrase) {
				t.Errorf("without a passphrase: %v", err)
			}
			if _, err := Parse(key, "wrong"); !errors.Is(err, ErrPassphrase) {
				t.Errorf("with a wrong passphrase: %v", err)
			}
		})
	}
}

func TestWhatIsNotAKeyIsSaidWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	key := read(t, "testdata/openssh-ed25519.key")
	ppk := read(t, "testdata/ppk3-rsa.key")
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", ErrNoKey},
		{"a password", "hunter2 hunter2", ErrNoKey},
		{"a public key", read(t, "testdata/openssh-rsa.pub"), ErrPublicKey},
		{"a public key of PKCS", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", ErrPublicKey},
		{"a DSA key", read(t, "testdata/dsa.key"), ErrDSA},
		{"half a key", key[:100], ErrNoKey},
		{"a key without its middle", key[:100] + key[200:], errNotReadable},
		{"a header alone", "PuTTY-User-Key-File-3: ssh-ed25519", errNotReadable},
		{"another comment", strings.Replace(ppk, "golden rsa", "golden", 1), errNotReadable},
		{"a key in a long text", strings.Repeat(" ", maxText) + key, errTooLong},
		{"ssh.com's key", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", ErrNoKey},
	} {
		_, err := Parse(c.text, passphrase)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestKeysThatCostTooMuchAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Argon2": strings.Replace(read(t, "testdata/ppk3-rsa-locked.key"), "Argon2-Memory: 64", "Argon2-Memory: 4000000000", 1),
		"passes": strings.Replace(read(t, "testdata/ppk3-rsa-locked.key"), "Argon2-Passes: 3", "Argon2-Passes: 4000000000", 1),
	} {
		if _, err := Parse(text, passphrase); !errors.Is(err, errTooExpensive) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reasons are all that an error may say.
var reasons = []error{
	ErrNoKey, ErrPublicKey, ErrNoPassphrase, ErrPassphrase, ErrDSA, errNotReadable, errUnsupported, errTooExpensive, errSecurityToken,
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.key")
	for _, path := range paths {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, text string) {
		signer, err := Parse(text, "")
		if (signer == nil) == (err == nil) {
			t.Errorf("%v, %v", signer, err)
		}
		if err != nil && !slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) }) {
			t.Errorf("%q is refused with %v", text, err)
		}
		theirs, unread := ssh.ParsePrivateKey([]byte(text))
		if unread != nil || errors.Is(err, ErrDSA) || strings.Contains(text, `\n`) || strings.Contains(text, `\r`) {
			return
		}
		if err != nil || !bytes.Equal(signer.PublicKey().Marshal(), theirs.PublicKey().Marshal()) {
			t.Errorf("%q is another key for x/crypto: %v", text, err)
		}
	})
}
