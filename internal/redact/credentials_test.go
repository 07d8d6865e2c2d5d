package redact

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestCredentialsOfACallAreFound(t *testing.T) {
	t.Parallel()
	got := Credentials("https://user:pass%2Fword@erp.example/x?api_key=key-in-url&code=2026-0042", http.Header{
		"Authorization": {"Bearer of-a-program"}, "Proxy-Authorization": {"Basic dXNlcjpodW50ZXIyISE="}, "X-Api-Key": {"0123456789"}, "X-Csrf-Token": {"Required"},
		"Cookie": {"lang=de-DE-standard; sid=0123456789abcdef"}, "Idempotency-Key": {"0123456789abcdef"}, "Accept": {"application/json"},
	})
	slices.Sort(got)
	if want := "0123456789 0123456789abcdef dXNlcjpodW50ZXIyISE= hunter2!! key-in-url of-a-program pass/word"; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
}

func TestSessionsOfAReplyAreFound(t *testing.T) {
	t.Parallel()
	got := Sessions(http.Header{
		"Set-Cookie":   {"JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly", "sap-usercontext=sap-client=100", "until=2026-11-26T00:00:00", "theme=light"},
		"X-Csrf-Token": {"tok3n-against-forgery"}, "X-Token-Expires": {"2026-11-26T00:00:00"}, "Etag": {`"0123456789abcdef"`},
	})
	slices.Sort(got)
	if want := []string{"0123456789ABCDEF", "tok3n-against-forgery"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// What an address in a text lets others do is hidden, whoever has made it; what else it has
// is not.
func TestAddressesInTextsShowNoCredentials(t *testing.T) {
	t.Parallel()
	const signed = "https://bucket.s3.example/a.pdf?X-Amz-Credential=AKIA%2F20261126&X-Amz-Expires=600&X-Amz-Signature=0123456789abcdef"
	for text, want := range map[string]string{
		`Get "` + signed + `": EOF`:                                      `Get "https://bucket.s3.example/a.pdf?X-Amz-Credential=AKIA%2F20261126&X-Amz-Expires=600&X-Amz-Signature=[secret]": EOF`,
		"invalid proxy address http://me:pa-ss@proxy:3128":               "invalid proxy address http://me:[secret]@proxy:3128",
		"see https://erp.example/i?code=2026-0042&key=123456789&page=2":  "see https://erp.example/i?code=2026-0042&key=123456789&page=2",
		"see https://erp.example/i?token=short":                          "see https://erp.example/i?token=short",
		"<a href='https://a.example/?b=1&amp;sig=0123456789abcdef'>":     "<a href='https://a.example/?b=1&amp;sig=[secret]'>",
		`{"next":"https://a.example/?b=1\u0026access_token=0123456789"}`: `{"next":"https://a.example/?b=1\u0026access_token=[secret]"}`,
		"https://a.example/?token=[secret] and https://b@c.example/":     "https://a.example/?token=[secret] and https://b@c.example/",
	} {
		for name, r := range map[string]*Redactor{"without secrets": New(), "with a secret": New("another-secret")} {
			if got := r.String(text); got != want {
				t.Errorf("%s: %s\nwant %s", name, got, want)
			}
		}
	}
	if got := New().String("https://a.example/login?next=" + url.QueryEscape(signed)); strings.Contains(got, "0123456789abcdef") {
		t.Error(got)
	}
}
