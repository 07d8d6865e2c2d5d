package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestSecretsThatOverlapAreCutOutTogether(t *testing.T) {
	if got := New("abcd1234", "1234wxyz").String("abcd1234wxyz"); got != Placeholder {
		t.Errorf("got %q", got)
	}
}

func TestASecretIsFoundAsEachWriterEscapesIt(t *testing.T) {
	plain := func(s string) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(s)
		return strings.TrimSpace(b.String())
	}
	var x bytes.Buffer
	_ = xml.EscapeText(&x, []byte("pa\"ss\nword"))
	for name, tt := range map[string][2]string{
		"JSON without HTML escapes, backslash": {`pa\ss<word>`, plain(`pa\ss<word>`)},
		"JSON without HTML escapes, newline":   {"pa\nss<word>", plain("pa\nss<word>")},
		"JSON of Python (ASCII)":               {"heslo-žluť", `"heslo-\u017elu\u0165"`},
		"JSON escaped slash":                   {"pass/word+x", `"pass\/word+x"`},
		"HTML of Python":                       {`pa"ss'word`, "pa&quot;ss&#x27;word"},
		"XML named":                            {`pa"ss'word`, "pa&quot;ss&apos;word"},
		"encoding/xml":                         {"pa\"ss\nword", x.String()},
		"text node of XML":                     {`pa"ss<word`, `pa"ss&lt;word`},
		"URL lower-case hex":                   {"pass/word+x=", "pass%2fword%2bx%3d"},
		"URL of Python's quote":                {"pass/word+x=", "pass/word%2Bx%3D"},
		"URL of encodeURIComponent":            {"pass word!(x)", "pass%20word!(x)"},
		"base64 of a secret of 4 bytes":        {"wxyz", base64.StdEncoding.EncodeToString([]byte("wxyz"))},
		"basic auth with 4 bytes":              {"wxyz", base64.StdEncoding.EncodeToString([]byte("u:wxyz"))},
	} {
		if got := New(tt[0]).String(tt[1]); !strings.Contains(got, Placeholder) {
			t.Errorf("%s: %q survives as %q", name, tt[0], got)
		}
	}
}

type jsonError struct{ s string }

func (jsonError) Error() string                  { return "failed" }
func (e jsonError) MarshalJSON() ([]byte, error) { return json.Marshal(e.s) }

func TestLogsHideWhatASensitiveNameHolds(t *testing.T) {
	for name, a := range map[string]slog.Attr{
		"error with MarshalJSON":    slog.Any("err", jsonError{"topsecret"}),
		"number under a password":   slog.Int("password", 73915),
		"slice under a token":       slog.Any("token", []string{"73915"}),
		"key":                       slog.String("topsecret", "v"),
		"group name":                slog.Group("topsecret", "a", 1),
		"map with a sensitive name": slog.Any("h", map[string]string{"Authorization": "Bearer 73915"}),
		"group under a secret":      slog.Group("credentials", "user", "73915"),
		"header value in slice":     slog.Any("hs", []http.Header{{"Authorization": {"73915"}}}),
	} {
		for kind, h := range map[string]func(*bytes.Buffer) slog.Handler{
			"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
			"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(New("topsecret").Handler(h(&b))).Info("m", a)
			line := b.String()[strings.Index(b.String(), "INFO"):]
			if strings.Contains(line, "topsecret") || strings.Contains(line, "73915") {
				t.Errorf("%s, %s: %s", name, kind, line)
			}
		}
	}
}

func TestAddressesThatAreNoURLsShowNoPassword(t *testing.T) {
	for _, u := range []string{"https://erp.example/#access_token=hunter", "http://user:p%zzhunter@erp.example/", "http://erp.example/%zz?token=hunter", "//user:hunter@erp.example/", "https://erp.example/cb?x=1;token=hunter"} {
		if got := New().URL(u); strings.Contains(got, "hunter") {
			t.Errorf("URL(%q) = %q", u, got)
		}
	}
}

func TestAPlaceholderIsNotTakenForASecret(t *testing.T) {
	r := New("secret")
	if got := r.String(r.String("a secret b")); got != "a [secret] b" {
		t.Errorf("got %q", got)
	}
}
