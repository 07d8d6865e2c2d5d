package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// wrap breaks a text into lines.
func wrap(text string, width int, end string) string {
	var out strings.Builder
	for len(text) > width {
		out.WriteString(text[:width] + end)
		text = text[width:]
	}
	return out.String() + text
}

const pemKey = "-----BEGIN PRIVATE KEY-----\n" +
	"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDZmade+up/bits\n" +
	"b2RlZCBsaW5lIG51bWJlciB0d28gb2YgdGhlIGtleSB0aGF0IGlzIG1hZGUgdXA+\n" +
	"bGFzdCBsaW5l/w==\n-----END PRIVATE KEY-----\n"

// forms are all the shapes in which each writer spells a secret, for every secret, each
// after prefixes of 0 to 5 bytes, as they shift base64.
func spelled(secret string) map[string]string {
	all := make(map[string]string)
	quoted, _ := json.Marshal(secret)
	var x strings.Builder
	_ = xml.EscapeText(&x, []byte(secret))
	plain := map[string]string{
		"plain": secret, "JSON": string(quoted), "XML": x.String(), "HTML": html.EscapeString(secret), "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
		"lower query": strings.ToLower(url.QueryEscape(secret)), "upper": strings.ToUpper(secret), "lower": strings.ToLower(secret),
		"hex": hex.EncodeToString(
			[]byte(secret),
		), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))), "hex with colons": strings.ReplaceAll(
			fmt.Sprintf("% x", secret), " ", ":",
		),
		"hex with blanks": fmt.Sprintf(
			"% X",
			secret,
		), "bytes": fmt.Sprint([]byte(secret)), "%q": fmt.Sprintf("%q", secret), "%x": fmt.Sprintf("%x", secret),
		"folded": wrap(secret, 9, "\r\n "),
	}
	for name, text := range plain {
		all[name] = text
	}
	for shift := range 6 {
		data := []byte("prefix"[:shift] + secret + "suffix")
		for name, e := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding} {
			text := e.EncodeToString(data)
			for _, width := range []int{0, 8, 64, 76} {
				for end, eol := range map[string]string{"LF": "\n", "CRLF": "\r\n", "blank": " ", "escaped": `\n`} {
					if width > 0 {
						all[fmt.Sprintf("base64 %s after %d, lines of %d, %s", name, shift, width, end)] = wrap(text, width, eol)
					}
				}
			}
			all[fmt.Sprintf("base64 %s after %d", name, shift)] = text
		}
	}
	return all
}

func TestNoFormOfASecretSurvives(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"c4naryC4nary", "pa\"ss<wo&rd>/+=%'é", "12345678", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==", "sk-live-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", pemKey} {
		r := New(secret)
		for name, text := range spelled(secret) {
			if strings.HasPrefix(name, "folded") && len(secret) < minLine {
				continue // too short to be told from words
			}
			message := `the system says: "` + text + `" and more`
			got := r.String(message)
			if !strings.Contains(got, Placeholder) {
				t.Errorf("%.12q as %s: %.200q survives", secret, name, text)
				continue
			}
			// What is left of the form shows less than half of the secret.
			left := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(got, `the system says: "`), `" and more`), Placeholder, "")
			if squeezed := squeeze(text); len(left) > len(squeezed)/2+12 {
				t.Errorf("%.12q as %s: %.200q is left of %.200q", secret, name, left, text)
			}
			if again := r.String(got); again != got {
				t.Errorf("%.12q as %s: redacted twice: %.200q, then %.200q", secret, name, got, again)
			}
		}
	}
}

func TestASingleLineOfAKeyIsASecret(t *testing.T) {
	t.Parallel()
	r := New(pemKey)
	for line := range strings.Lines(pemKey) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-----") {
			continue
		}
		for _, text := range []string{line, url.QueryEscape(line), strings.ReplaceAll(line, "/", `\/`), strings.ReplaceAll(pemKey, "\n", ""), strings.ReplaceAll(pemKey, "\n", " "), strings.ReplaceAll(pemKey, "\n", `\n`)} {
			if got := r.String("invalid key: " + text); strings.Contains(got, line[:12]) {
				t.Errorf("%q: %q", text, got)
			}
		}
	}
}

func TestALineOfAKeyThatIsOnOneLineIsASecret(t *testing.T) {
	t.Parallel()
	for _, end := range []string{" ", `\n`, `\r\n`} {
		r := New(strings.ReplaceAll(strings.TrimSpace(pemKey), "\n", end))
		for line := range strings.Lines(pemKey) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "-----") {
				continue
			}
			if got := r.String("invalid key: " + line); len(line) >= minLine && got != "invalid key: "+Placeholder {
				t.Errorf("%q: %q", end, got)
			}
		}
		if got := r.String(pemKey); strings.Contains(got, "MIIEv") {
			t.Errorf("%q: %q", end, got)
		}
	}
}

func TestWordsThatOnlyResembleASecretStay(t *testing.T) {
	t.Parallel()
	r := New("topsecret", pemKey, "Bearer abcdefgh")
	for _, text := range []string{"top secret", "the key\nis topsec: ret", "aGVsbG8gd29ybGQsIHRoaXMgaXMgYSB0ZXh0\nb2YgdHdvIGxpbmVz", "line 1: error: 12:30:45"} {
		if got := r.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
