package oauth

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

var update = flag.Bool("update", false, "write testdata/assertions.json anew")

type signatureCase struct {
	ConsumerKey     string      `json:"consumer_key"`
	ConsumerSecret  string      `json:"consumer_secret"`
	TokenKey        string      `json:"token_key"`
	TokenSecret     string      `json:"token_secret"`
	Realm           string      `json:"realm"`
	SignatureMethod string      `json:"signature_method"`
	Nonce           string      `json:"nonce"`
	Timestamp       int64       `json:"timestamp"`
	Method          string      `json:"method"`
	URL             string      `json:"url"`
	Form            [][2]string `json:"form"`
	Body            string      `json:"body"`
	Repeated        []repeated  `json:"repeated"`
	Signature       string      `json:"signature"`
}

// repeated is a field whose value is so many times some bytes, with an end.
type repeated struct {
	Name  string `json:"name"`
	Hex   string `json:"hex"`
	Times int    `json:"times"`
	End   string `json:"end"`
}

// body is what is sent, nil for nothing.
func (c *signatureCase) body(t *testing.T) Body {
	t.Helper()
	if c.Body != "" {
		return sent(c.Body)
	}
	var fields []string
	for _, f := range c.Form {
		fields = append(fields, url.QueryEscape(f[0])+"="+url.QueryEscape(f[1]))
	}
	for _, f := range c.Repeated {
		data, err := hex.DecodeString(f.Hex)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, url.QueryEscape(f.Name)+"="+strings.Repeat(url.QueryEscape(string(data)), f.Times)+url.QueryEscape(f.End))
	}
	if fields == nil {
		return nil
	}
	return sent(strings.Join(fields, "&"))
}

// sent is a form in memory.
type sent string

func (b sent) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(b))), nil
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignaturesAreThoseOfOauthlib(t *testing.T) {
	t.Parallel()
	var cases []signatureCase
	read(t, "signatures.json", &cases)
	if len(cases) < 41 {
		t.Fatalf("%d cases", len(cases))
	}
	value := regexp.MustCompile(`oauth_signature="([^"]*)"`)
	for _, c := range cases {
		s := Signer{c.ConsumerKey, c.ConsumerSecret, c.TokenKey, c.TokenSecret, c.Realm, c.SignatureMethod}
		header, err := s.Header(t.Context(), c.Method, c.URL, c.body(t), c.Nonce, time.Unix(c.Timestamp, 0))
		if err != nil {
			t.Errorf("%s %s: %v", c.Method, c.URL, err)
			continue
		}
		got, _ := url.PathUnescape(value.FindStringSubmatch(header)[1])
		if got != c.Signature || (c.Realm != "") != strings.HasPrefix(header, `OAuth realm="`+c.Realm+`", `) {
			t.Errorf("%s %s: got %s, want %s", c.Method, c.URL, header, c.Signature)
		}
	}
}

func TestASignatureNeedsAMethodAndAnAddress(t *testing.T) {
	t.Parallel()
	if _, err := (Signer{Method: "PLAINTEXT"}).Header(t.Context(), "GET", "https://a/", nil, "n", time.Unix(0, 0)); !errors.Is(
		err,
		ErrMethod,
	) {
		t.Errorf("got %v", err)
	}
	for _, address := range []string{"", "/x", "https://a/?q=%zz", "https://a b/"} {
		if _, err := (Signer{}).Header(t.Context(), "GET", address, nil, "n", time.Unix(0, 0)); err == nil {
			t.Errorf("%q is signed", address)
		}
	}
}

type assertionCase struct {
	Algorithm string          `json:"algorithm"`
	KeyID     string          `json:"kid"`
	Claims    json.RawMessage `json:"claims"`
	Token     string          `json:"token"`
}

func TestAssertionsAreThoseThatPyJWTHasSeen(t *testing.T) {
	t.Parallel()
	pem, err := os.ReadFile("testdata/pkcs8.pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(string(pem))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		var made []assertionCase
		for _, algorithm := range Algorithms() {
			c := assertionCase{
				Algorithm: algorithm,
				KeyID:     "cert-ü\"1",
				Claims: json.RawMessage(
					`{"iss":"client","scope":["rest_webservices"],"aud":"https://erp.example/token","iat":1764064800,"exp":1764068400}`,
				),
			}
			if c.Token, err = Assertion(key, c.Algorithm, c.KeyID, c.Claims); err != nil {
				t.Fatal(err)
			}
			made = append(made, c)
		}
		data, _ := json.MarshalIndent(made, "", " ")
		if err := os.WriteFile("testdata/assertions.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var cases []assertionCase
	read(t, "assertions.json", &cases)
	if len(cases) != len(Algorithms()) {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		var compact json.RawMessage
		if compact, err = json.Marshal(c.Claims); err != nil {
			t.Fatal(err)
		}
		token, err := Assertion(key, c.Algorithm, c.KeyID, compact)
		if err != nil {
			t.Fatal(err)
		}
		got, want := strings.Split(token, "."), strings.Split(c.Token, ".")
		if got[0] != want[0] || got[1] != want[1] || len(got[2]) != len(want[2]) {
			t.Errorf("%s: %s", c.Algorithm, token)
		}
		if random := strings.HasPrefix(c.Algorithm, "PS"); random != (got[2] != want[2]) {
			t.Errorf("%s: signature %s", c.Algorithm, got[2])
		}
	}
	if _, err := Assertion(key, "HS256", "k", nil); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("got %v", err)
	}
}

func TestKeysAreReadInTheFormsTheyComeIn(t *testing.T) {
	t.Parallel()
	text := func(name string) string {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	pkcs8 := text("pkcs8.pem")
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"PKCS#8":             {pkcs8, nil},
		"PKCS#1":             {text("pkcs1.pem"), nil},
		"escaped breaks":     {strings.ReplaceAll(pkcs8, "\n", `\n`), nil},
		"blanks":             {strings.ReplaceAll(pkcs8, "\n", " "), nil},
		"Windows":            {strings.ReplaceAll(pkcs8, "\n", "\r\n"), nil},
		"encrypted PKCS#8":   {text("encrypted.pem"), ErrEncryptedKey},
		"encrypted PKCS#1":   {text("encrypted1.pem"), ErrEncryptedKey},
		"elliptic curve":     {text("ec.pem"), ErrKey},
		"nothing":            {"", ErrKey},
		"not PEM":            {"canary", ErrKey},
		"broken":             {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", ErrKey},
		"broken PKCS#1":      {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", ErrKey},
		"a head and no body": {"-----BEGIN RSA PRIVATE KEY-----", ErrKey},
		"text around it":     {strings.Repeat(" ", maxKeyText) + pkcs8, ErrKeyTooLarge},
		"as much as allowed": {strings.Repeat("\n", maxKeyText-len(pkcs8)) + pkcs8, nil},
		"many bits":          {text("large.pem"), ErrKeyTooLarge},
	} {
		key, err := ParseKey(tt.text)
		if !errors.Is(err, tt.want) || (err == nil) != (key != nil) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----")
	for _, text := range fuzzing.Files(f, "internal/oauth/testdata/*.pem") {
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(text)
		if (key == nil) == (err == nil) {
			t.Fatalf("%v, %v", key, err)
		}
		if err != nil {
			if !errors.Is(err, ErrKey) && !errors.Is(err, ErrEncryptedKey) && !errors.Is(err, ErrKeyTooLarge) {
				t.Errorf("%q is refused with %v", text, err)
			}
			fuzzing.CheckMessage(t, err.Error())
		}
	})
}

// After nemiro-net/nemiro.oauth#13: what oauthlib sends without a token.
func TestACallOfTwoLegsHasNoToken(t *testing.T) {
	t.Parallel()
	s := Signer{ConsumerKey: "con", ConsumerSecret: "s", Realm: "TSTDRV1"}
	got, err := s.Header(
		t.Context(),
		"POST",
		"https://tstdrv1.restlets.api.example.com/app/site/hosting/restlet.nl",
		nil,
		"n0nce",
		time.Unix(1764000000, 0),
	)
	want := `OAuth realm="TSTDRV1", oauth_nonce="n0nce", oauth_timestamp="1764000000", oauth_version="1.0", oauth_signature_method="HMAC-SHA256", ` +
		`oauth_consumer_key="con", oauth_signature="YePtVjFdLe0shDityFdE%2Bw2H16itQ3yFydZbC7qIYnE%3D"`
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}
