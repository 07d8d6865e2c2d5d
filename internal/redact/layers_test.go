package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// alone are writers that are not layers: what they write is listed as forms of a secret.
var alone = map[string]bool{
	"bytes in JSON": true, "bytes in Python": true, "bytes in Go": true, "hex and dashes": true, "Latin-1": true, "read as Latin-1": true,
}

// each spells every character, or every byte, by a format.
func each[T byte | rune](format string, all []T) string {
	var out strings.Builder
	for _, c := range all {
		fmt.Fprintf(&out, format, c)
	}
	return out.String()
}

// writers are what spells a text so that another system may read it.
var writers = map[string]func(string) string{
	"as it is": func(s string) string { return s },
	"JSON":     func(s string) string { out, _ := json.Marshal(s); return string(out) },
	"XML": func(s string) string {
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(s))
		return out.String()
	},
	"HTML":   html.EscapeString,
	"query":  func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"path":   url.PathEscape,
	"hex":    func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":    func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 of URLs": func(s string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("x" + s))
	},
	"base64 after two bytes":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("u:" + s)) },
	"decimal references":       func(s string) string { return each("&#%d;", []rune(s)) },
	"hexadecimal references":   func(s string) string { return each("&#x%x;", []rune(s)) },
	"HEXADECIMAL references":   func(s string) string { return each("&#X%X;", []rune(s)) },
	"bytes in JSON":            func(s string) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(s)), "[]"), " ", ",") },
	"bytes in Python":          func(s string) string { return strings.ReplaceAll(fmt.Sprint([]byte(s)), " ", ", ") },
	"bytes in Go":              func(s string) string { return fmt.Sprintf("%#v", []byte(s)) },
	"hex and dashes":           func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% X", s), " ", "-") },
	"Latin-1":                  latin1,
	"read as Latin-1":          func(s string) string { return each("%c", []byte(s)) },
	"percent of all":           func(s string) string { return each("%%%02x", []byte(s)) },
	"Python's bytes":           func(s string) string { return each(`\x%02x`, []byte(s)) },
	"literals of Go":           func(s string) string { return strings.Trim(fmt.Sprintf("%+q", s), `"`) },
	"quoted-printable":         quotedPrintable,
	"references beyond ASCII":  func(s string) string { return beyondASCII("&#%d;", html.EscapeString(s)) },
	"\\u of every UTF-16 unit": func(s string) string { return each(`\u%04X`, utf16s(s)) },
}

func latin1(s string) string {
	var out []byte
	for _, c := range s {
		if c > 0xff {
			return s
		}
		out = append(out, byte(c))
	}
	return string(out)
}

func quotedPrintable(s string) string {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	half := strings.LastIndexByte(out.String()[:out.Len()/2], '=')
	if half < 0 {
		half = out.Len() / 2
	}
	return out.String()[:half] + "=\r\n" + out.String()[half:] // the end of a line falls into the secret
}

func beyondASCII(format, s string) string {
	var out strings.Builder
	for _, c := range s {
		if c < 0x80 {
			out.WriteRune(c)
			continue
		}
		fmt.Fprintf(&out, format, c)
	}
	return out.String()
}

func utf16s(s string) (all []rune) {
	for _, c := range s {
		if c > 0xffff {
			c -= 0x10000
			all = append(all, 0xd800+c>>10, 0xdc00+c&0x3ff)
			continue
		}
		all = append(all, c)
	}
	return all
}

var layered = []string{"c4naryC4nary", "pa\"ss<wo&rd>/+=%'é", "key-🔑-of 4", "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA==", pemKey}

func TestASecretIsFoundUnderTwoEncodings(t *testing.T) {
	t.Parallel()
	for _, secret := range layered {
		r := New(secret)
		for _, outer := range slices.Sorted(maps.Keys(writers)) {
			for _, inner := range slices.Sorted(maps.Keys(writers)) {
				if alone[outer] && inner != "as it is" || alone[inner] && outer != "as it is" {
					continue
				}
				text := writers[outer](writers[inner](secret))
				got := r.String(`it says "` + text + `", and more`)
				left := strings.NewReplacer(`it says "`, "", `", and more`, "", Placeholder, "").Replace(got)
				marks := len(writers[outer]("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----")) * 2
				if secret != pemKey {
					marks = len(text)/3 + 12
				}
				if !strings.Contains(got, Placeholder) || len(left) > marks {
					t.Errorf("%.12q as %s of %s: %.200q", secret, outer, inner, got)
				}
				if !strings.HasPrefix(got, `it says "`) || !strings.HasSuffix(got, `", and more`) {
					t.Errorf("%.12q as %s of %s: too much went: %.200q", secret, outer, inner, got)
				}
			}
		}
	}
}

func TestWhatAnotherSystemHasCutOffASecretIsHidden(t *testing.T) {
	t.Parallel()
	const secret = "sk-live-0123456789abcdef"
	r := New(secret)
	for text, want := range map[string]string{
		"invalid key sk-live-0123":                           "invalid key [secret]",
		"the key sk-live-01234… is unknown":                  "the key [secret]… is unknown",
		"the key sk-live-01234... is unknown":                "the key [secret]... is unknown",
		"the key sk-live-**** is unknown":                    "the key [secret]**** is unknown",
		"the key " + hex.EncodeToString([]byte(secret[:14])): "the key [secret]",
		"no sk-live, and sk-live keys":                       "no sk-live, and sk-live keys",
		"sk-live-0 is not the key":                           "sk-live-0 is not the key",
	} {
		if got := r.String(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEncodedTextsWithoutASecretStay(t *testing.T) {
	t.Parallel()
	r := New(layered...)
	for inner, write := range writers {
		for outer, again := range writers {
			text := again(write("the invoice 2026-0042 of <Müller & Söhne> is 100% \"late\"\n"))
			if got := r.String(text); got != text {
				t.Errorf("%s of %s: %q became %q", outer, inner, text, got)
			}
		}
	}
}

// FuzzASecretUnderEncodings writes a secret by two writers, among anything.
func FuzzASecretUnderEncodings(f *testing.F) {
	names := slices.Sorted(maps.Keys(writers))
	for i := range names {
		f.Add("pa\"ss<wo&rd>/+=%'é", "a%", "&b=", byte(i), byte(i/3))
	}
	f.Fuzz(func(t *testing.T, secret, before, after string, outer, inner byte) {
		if len(secret) < MinLength || strings.Contains(Placeholder, secret) {
			t.Skip()
		}
		text := before + writers[names[int(outer)%len(names)]](writers[names[int(inner)%len(names)]](secret)) + after
		got := New(secret).String(text)
		for _, l := range append(layers(got), layer{text: got}) {
			if strings.Contains(strings.ReplaceAll(l.text, Placeholder, "\x00"), secret) && !strings.Contains(secret, "\x00") {
				t.Errorf("%q survives in %q of %q", secret, got, text)
			}
		}
	})
}
