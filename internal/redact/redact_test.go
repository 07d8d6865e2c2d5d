package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

const canary = `c4n<ry"&+/ž %x`

func TestASecretIsCutOutInEveryFormItTakes(t *testing.T) {
	t.Parallel()
	quoted, _ := json.Marshal(canary)
	for name, text := range map[string]string{
		"plain":        "before " + canary + " after",
		"JSON":         `{"k":` + string(quoted) + `}`,
		"query":        "https://erp.example/?a=" + url.QueryEscape(canary),
		"path":         "https://erp.example/" + url.PathEscape(canary),
		"HTML":         "<b>" + html.EscapeString(canary) + "</b>",
		"base64":       base64.StdEncoding.EncodeToString([]byte(canary)),
		"basic auth":   "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+canary)),
		"basic auth 1": "Basic " + base64.StdEncoding.EncodeToString([]byte("use:"+canary)),
		"basic auth 2": "Basic " + base64.StdEncoding.EncodeToString([]byte("us:"+canary)),
		"hex":          fmt.Sprintf("%x", canary),
		"HEX":          fmt.Sprintf("%X", canary),
		"hex, spaced":  fmt.Sprintf("% x", canary),
		"bytes":        fmt.Sprint([]byte(canary)),
		"upper case":   strings.ToUpper(canary),
		"lower case":   "X-KEY: " + strings.ToLower(canary),
		"query twice":  "https://a.example/?next=" + url.QueryEscape("https://b.example/?k="+url.QueryEscape(canary)),
		"JSON in JSON": fmt.Sprintf("%q", string(quoted)),
		"base64 URL":   base64.RawURLEncoding.EncodeToString([]byte("x" + canary + "y")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := New(canary).String(text)
			if !strings.Contains(got, Placeholder) || strings.Contains(strings.ToLower(got), strings.ToLower(canary[:6])) {
				t.Errorf("String(%q) = %q", text, got)
			}
		})
	}
}

func TestTheLongerOfTwoSecretsIsCutOutWhole(t *testing.T) {
	t.Parallel()
	if got := New("abcd", "abcdefgh").String("x abcdefgh y abcd z"); got != "x [secret] y [secret] z" {
		t.Errorf("got %q", got)
	}
}

func TestTextsTooShortForASecretStay(t *testing.T) {
	t.Parallel()
	if got := New("1", "de", "").String("1 de"); got != "1 de" {
		t.Errorf("got %q", got)
	}
}

func TestURLsLoseUserPasswordAndSensitiveParameters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://u:p@erp.example/a?b=1&access_token=x&sig=y": "https://…@erp.example/a?b=1&access_token=[secret]&sig=[secret]",
		"https://erp.example/a?b=1#c":                        "https://erp.example/a?b=1#c",
		"https://erp.example/topsecretpath":                  "https://erp.example/[secret]path",
		"::not a url topsecret":                              "::not a url [secret]",
		"https://erp.example/a?token=x?y&b=1":                "https://erp.example/a?token=[secret]&b=1",
		"https://erp.example/a?b=1?api_key=x?y&c=2":          "https://erp.example/a?b=1?api_key=[secret]&c=2",
		"https://erp.example/a?b?c=1?d":                      "https://erp.example/a?b?c=1?d",
	} {
		if got := New("topsecret").URL(in); got != want {
			t.Errorf("URL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHeadersKeepTheirNamesAndLoseTheirSecrets(t *testing.T) {
	t.Parallel()
	h := http.Header{
		"Location":      {"https://h/a?token=x?y&b=1?api_key=z?z#c"},
		"Authorization": {"Bearer x"}, "Ocp-Apim-Subscription-Key": {"k"}, "X-Trace": {"a topsecret b"}, "Accept": {"*/*"},
	}
	got := fmt.Sprint(New("topsecret").Header(h))
	if want := "map[Accept:[*/*] Authorization:[[secret]] Location:[https://h/a?token=[secret]&b=1?api_key=[secret]#c] " +
		"Ocp-Apim-Subscription-Key:[[secret]] X-Trace:[a [secret] b]]"; got != want {
		t.Errorf("got %s", got)
	}
	if h.Get("Authorization") != "Bearer x" {
		t.Error("the original header was changed")
	}
}

func TestErrorsLoseSecretsAndKeepTheirChain(t *testing.T) {
	t.Parallel()
	err := New("topsecret").Error(fmt.Errorf("opening topsecret: %w", fs.ErrNotExist))
	if err.Error() != "opening [secret]: file does not exist" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if New("x").Error(nil) != nil {
		t.Error("nil became an error")
	}
}

type oddError struct{ secret string }

func (e *oddError) Error() string { return "odd " + e.secret }

func TestNothingThatAnErrorUnwrapsToShowsASecret(t *testing.T) {
	t.Parallel()
	inner := &oddError{"topsecret"}
	for name, err := range map[string]error{
		"wrapped":        fmt.Errorf("a: %w", fmt.Errorf("b topsecret: %w", inner)),
		"behind a text":  fmt.Errorf("a%.0w", inner),
		"joined":         errors.Join(fs.ErrExist, fmt.Errorf("c: %w", inner)),
		"wrapped join":   fmt.Errorf("d: %w", errors.Join(errors.New("topsecret"), inner)),
		"several causes": fmt.Errorf("e: %w, %w", fs.ErrExist, inner),
	} {
		before := err.Error()
		clean := New("topsecret").Error(err)
		var odd *oddError
		if !errors.Is(clean, inner) || !errors.As(clean, &odd) || err.Error() != before {
			t.Errorf("%s: the chain is broken: %v", name, clean)
		}
		texts := 0
		var walk func(error)
		walk = func(e error) {
			texts++
			if text := fmt.Sprintf("%v %+v %q %s", e, e, e, e); strings.Contains(text, "topsecret") {
				t.Errorf("%s: %s", name, text)
			}
			switch w := e.(type) {
			case interface{ Unwrap() error }:
				if next := w.Unwrap(); next != nil {
					walk(next)
				}
			case interface{ Unwrap() []error }:
				for _, next := range w.Unwrap() {
					walk(next)
				}
			}
		}
		if walk(clean); texts < 2 {
			t.Errorf("%s: there is nothing below %v", name, clean)
		}
	}
}

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", v.s)) }

func TestLogsHaveNoSecretInAnyKindOfAttribute(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(New("topsecret").Handler(slog.NewJSONHandler(&out, nil)))
	log.With("with", "topsecret").WithGroup("g").Error("message topsecret",
		"text", "topsecret", "err", errors.New("topsecret"), "valuer", valuer{"topsecret"},
		"any", map[string]any{"k": []string{"topsecret"}}, "struct", struct{ S string }{"topsecret"},
		"bytes", []byte("topsecret"), "header", http.Header{"Authorization": {"y"}}, "password", "short",
		slog.Group("group", "deep", "topsecret"), "number", 42)
	if got := out.String(); strings.Contains(got, "topsecret") || strings.Contains(got, "short") || !strings.Contains(got, `"number":42`) {
		t.Error(got)
	}
	if strings.Contains(out.String(), base64.StdEncoding.EncodeToString([]byte("topsecret"))) {
		t.Error("the secret is readable in base64: " + out.String())
	}
}

func TestSecretsMayBeAddedWhileOthersRead(t *testing.T) {
	t.Parallel()
	r := New()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 50 {
				secret := fmt.Sprintf("secret-%d-%d", i, j)
				r.Add(secret)
				if got := r.String("a " + secret + " b"); got != "a [secret] b" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wait.Wait()
}

func FuzzNoSecretSurvives(f *testing.F) {
	f.Add("topsecret", "a", "b")
	f.Add("aaaa", "aa", "aa")
	f.Add("[secret]", "", "")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < MinLength || strings.Contains(Placeholder, secret) {
			t.Skip()
		}
		got := New(secret).String(before + secret + after)
		if strings.Contains(strings.ReplaceAll(got, Placeholder, "\x00"), secret) && !strings.Contains(secret, "\x00") {
			t.Errorf("%q survives in %q", secret, got)
		}
	})
}

func Example() {
	r := New("hunter2!")
	fmt.Println(r.String("login with hunter2! failed"))
	fmt.Println(r.URL("https://erp.example/v1?token=abc&page=2"))
	// Output:
	// login with [secret] failed
	// https://erp.example/v1?token=[secret]&page=2
}

// FuzzURL shows addresses of all kinds. Neither a password nor the value of a sensitive
// parameter is in what is shown; the quick way for bare addresses
// shows what the other one does.
func FuzzURL(f *testing.F) {
	const password, value = "c4n4ry-p4ssw0rd", "c4n4ry-v4lu3"
	for _, seed := range [][6]string{
		{"https", "u", "@erp.example/a", "access_token", "b=1&", "#c"}, {"HTTP", "", "@[::1]:8080", "API-Key", "", "&x"}, {"ftp", "u%40x", "@h", "sig", "a;", ";b"},
		{"sftp", "u:", "x@h/%zz", "code", "%zz=1&", ""}, {"postgres", "user", "@/db", "passwor%64", "a&&", "#access_token=x"}, {"x", "ü ", "@h\x00", "a", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	var none *Redactor
	f.Fuzz(func(t *testing.T, scheme, user, host, name, query, end string) {
		if strings.ContainsAny(scheme+user, "/?#@") || strings.ContainsAny(name, "&;#=") {
			return
		}
		sensitive := name
		if plain, err := url.QueryUnescape(name); err == nil {
			sensitive = plain
		}
		for _, address := range []string{
			scheme + "://" + user + ":" + password + "@" + host + "?" + query + name + "=" + value + end, scheme + "://" + user + host + "?" + query + name + "=" + value + end,
			scheme + "://" + user + ":" + password + "@" + host, scheme + user + host + query + end,
		} {
			shown := none.URL(address)
			if strings.Contains(shown, password) {
				t.Errorf("%q shows its password: %q", address, shown)
			}
			if strings.Contains(shown, value) && SensitiveName(sensitive) && !strings.Contains(query+user+host, "#") && (query == "" || strings.HasSuffix(query, "&")) {
				t.Errorf("%q shows the value of %q: %q", address, sensitive, shown)
			}
			if whole := none.whole(address); whole != shown {
				t.Errorf("%q is shown as %q, and in the long way as %q", address, shown, whole)
			}
		}
	})
}
