package redact

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// What a system has in another charset is read as if it were UTF-8, or the other way round,
// and most of the secret can still be read.
func TestASecretIsFoundAfterItsLettersBeyondASCIIAreLost(t *testing.T) {
	t.Parallel()
	charsets := map[string]*charmap.Charmap{
		"Latin-1": charmap.ISO8859_1, "Latin-2": charmap.ISO8859_2, "windows-1250": charmap.Windows1250, "windows-1252": charmap.Windows1252,
		"KOI8-R": charmap.KOI8R, "CP852": charmap.CodePage852,
	}
	readings := map[string]func(string) string{
		"as it is":             func(s string) string { return s },
		"with question marks":  func(s string) string { return strings.ToValidUTF8(s, "?") },
		"with U+FFFD":          func(s string) string { return string([]rune(s)) },
		"left out":             func(s string) string { return strings.ToValidUTF8(s, "") },
		"in JSON":              func(s string) string { text, _ := json.Marshal(s); return string(text) },
		"in %q":                strconv.Quote,
		"in %+q":               func(s string) string { return fmt.Sprintf("%+q", s) },
		"as Latin-1":           func(s string) string { text, _ := charmap.ISO8859_1.NewDecoder().String(s); return text },
		"as windows-1250":      func(s string) string { text, _ := charmap.Windows1250.NewDecoder().String(s); return text },
		"as ASCII":             func(s string) string { return inEach(s, "?") },
		"as ASCII, left out":   func(s string) string { return inEach(s, "") },
		"as ASCII, in a table": func(s string) string { return inEach(s, "&#xfffd;") },
	}
	for _, secret := range []string{"pässwörd-ünd-gehëim", "Müller#42", "příliš-Heslo?ť42"} {
		r := New(secret)
		texts := map[string]string{"UTF-8": secret}
		for name, c := range charsets {
			known := strings.Map(func(letter rune) rune {
				if _, ok := c.EncodeRune(letter); !ok {
					return '?'
				}
				return letter
			}, secret)
			texts[name], _ = c.NewEncoder().String(known)
		}
		for charset, text := range texts {
			for reading, read := range readings {
				whole := "no user ž with „" + read("key="+text+".") + "“, ask"
				if got := r.String(whole); survives(got, secret) || !strings.HasPrefix(got, "no user ž with „") || !strings.HasSuffix(got, "“, ask") {
					t.Errorf("%s in %s, %s: %q, of %q", secret, charset, reading, got, whole)
				}
			}
		}
	}
}

// inEach puts a mark for each byte beyond ASCII.
func inEach(text, mark string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		if c < 0x80 {
			out.WriteByte(c)
		} else {
			out.WriteString(mark)
		}
	}
	return out.String()
}

// survives reports whether four letters of ASCII that follow one another in the secret do in
// a text.
func survives(text, secret string) bool {
	kept := inEach(secret, "")
	for i := range len(kept) - 3 {
		if strings.Contains(text, kept[i:i+4]) {
			return true
		}
	}
	return false
}

// Whatever stands for its letters, and whatever stands around it.
func FuzzLettersThatAreLost(f *testing.F) {
	f.Add("pässwörd-ünd", "key=", "\xe4", ".")
	f.Add("pass?wörd", "? ", "", "?")
	f.Add("Müllerň", "ž", "\u20ac?", "ň")
	f.Fuzz(func(t *testing.T, secret, before, mark, after string) {
		if kept(secret) == "" || len(secret) > 1000 || strings.ContainsFunc(mark, func(c rune) bool { return c < 0x80 && c != '?' }) {
			t.Skip()
		}
		r := New(secret)
		text := before + inEach(secret, mark) + after
		got := r.String(text)
		if got == text {
			t.Fatalf("%q survives in %q", secret, text)
		}
		for _, s := range r.lostSpans(text) {
			if isLost(text[s.from]) || isLost(text[s.to-1]) {
				t.Errorf("%v of %q does not begin and end with what the secret has", s, text)
			}
		}
	})
}

// Hiding what little ASCII such a secret has would hide dates and words.
func TestASecretWithLittleASCIIHidesNoOtherTexts(t *testing.T) {
	t.Parallel()
	r := New("пароль-2024", "ключ", "größe")
	for _, text := range []string{"01-2024", "Счёт-2024", "gre", "gr??e", "????"} {
		if got := r.String(text); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}

func BenchmarkATextOfLettersBeyondASCII(b *testing.B) {
	text := strings.Repeat("Příliš žluťoučký kůň úpěl ďábelské ódy? ", 25_000)
	for name, secret := range map[string]string{"a secret in ASCII": "heslo-zlutoucky", "a secret beyond ASCII": "heslo-žluťoučký"} {
		b.Run(name, func(b *testing.B) {
			r := New(secret)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_ = r.String(text)
			}
		})
	}
}
