package redact

import (
	"slices"
	"strings"
	"testing"
)

// Whatever the search for first bytes passes over must have no secret.
func FuzzATextThatIsPassedOverHasNoSecret(f *testing.F) {
	f.Add("the system says topsecretvalue", "topsecretvalue")
	f.Add("dG9wc2\nVjcmV0\\ndmFsdWU=", "topsecretvalue")
	f.Add("74:6f:70:73:65:63:72:65:74", "topsecret")
	f.Add(`a\nb\\tc topsecret`, "a b:c\td topsecret")
	f.Fuzz(func(t *testing.T, text, secret string) {
		r := New(secret)
		for _, text := range []string{text, text + secret, strings.Join(strings.Split(secret, ""), " ") + text} {
			if r.starts == nil || r.starts.mayBeIn(text) {
				continue
			}
			has := func(form string) bool { return strings.Contains(text, form) }
			if broken := r.foldedSpans(text); len(broken) > 0 || slices.ContainsFunc(allForms(&r.plain), has) {
				t.Errorf("%q is passed over, although it has %q", text, secret)
			}
		}
	})
}

func TestATextWithoutSecretsIsNotCopied(t *testing.T) {
	r := New("eyJhbGciOiJIUzI1NiJ9.c4nary", "another-secret-value")
	text := "POST https://erp.example/invoices: status 201 Created"
	if n := testing.AllocsPerRun(100, func() { _ = r.String(text) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestABareURLIsShownAsItIs(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://erp.example/invoices/7", "http://erp.example:8080", "https://erp.example:/a", "http://10.0.0.1/a:b", "https://a..b//c", "https://erp.example:x/",
	} {
		if !isBare(address) {
			t.Errorf("%s is not bare", address)
		}
		if got := (*Redactor)(nil).whole(address); got != address {
			t.Errorf("%s is shown as %s", address, got)
		}
	}
	for _, address := range []string{
		"https://", "http:///a", "HTTPS://erp.example", "https://u:p@erp.example", "https://erp.example?code=1", "https://erp.example/a b",
		"x",
	} {
		if isBare(address) {
			t.Errorf("%s is bare", address)
		}
	}
}
