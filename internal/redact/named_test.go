package redact

import (
	"strings"
	"testing"
)

func TestValuesThatAreSecretsByTheirNamesAreHidden(t *testing.T) {
	t.Parallel()
	r := New("known-secret")
	for text, want := range map[string]string{
		`{"error":"x","refresh_token":"0123456789","id":"01234567"}`:            `{"error":"x","refresh_token":"[secret]","id":"01234567"}`,
		`{"refresh_token" : "01234\"56789"}`:                                    `{"refresh_token" : "[secret]"}`,
		`{"refresh_token":"cut off he`:                                          `{"refresh_token":"[secret]`,
		`"{\"client_secret\":\"0123456789\"}"`:                                  `"{\"client_secret\":\"[secret]\"}"`,
		`see https://s.example/a?se=1&sig=0123456789%3D&x=1 now`:                `see https://s.example/a?se=1&sig=[secret]&x=1 now`,
		`<a href="https://s.example/?X-Amz-Signature=0123456789&amp;x=y">`:      `<a href="https://s.example/?X-Amz-Signature=[secret]&amp;x=y">`,
		`/callback?code=0123456789abcdef#id_token=0123456789`:                   `/callback?code=[secret]#id_token=[secret]`,
		`<w:Password Type="#PasswordText"> 0123456789 </w:Password>`:            `<w:Password Type="#PasswordText"> [secret] </w:Password>`,
		`&lt;w:BinarySecurityToken&gt;0123456789&lt;/w:BinarySecurityToken&gt;`: `&lt;w:BinarySecurityToken&gt;[secret]&lt;/w:BinarySecurityToken&gt;`,
		`{"token":"short"} ?token=short <token>short</token>`:                   `{"token":"short"} ?token=short <token>short</token>`,
		`?code=1234 ?key=0123456789 {"key":"0123456789"}`:                       `?code=1234 ?key=0123456789 {"key":"0123456789"}`,
		`{"token":null,"password":{"min":"0123456789"}}`:                        `{"token":null,"password":{"min":"0123456789"}}`,
		`the password: 0123456789 is a text`:                                    `the password: 0123456789 is a text`,
		`<token/>0123456789 </token>0123456789 <!token>0123456789`:              `<token/>0123456789 </token>0123456789 <!token>0123456789`,
		`{"token":"known-secret"}`:                                              `{"token":"[secret]"}`,
		`{"token":"[secret]"} ?token=[secret] <token>[secret]</token>`:          `{"token":"[secret]"} ?token=[secret] <token>[secret]</token>`,
	} {
		if got := r.String(text); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}

// What went over the rest of the text for each name took hours for these.
func TestNamesAreLookedAtInATimeThatGrowsWithTheText(t *testing.T) {
	t.Parallel()
	var r Redactor
	for _, part := range []string{"?a=", "?sig=" + Placeholder, `"a":`, `"token":"`, `"token":"` + Placeholder, "<token>", "<token>>", "<a", "a=", "://?sig=", "://:@"} {
		text := strings.Repeat(part, 4<<20/len(part))
		if got := r.String(text); len(got) == 0 {
			t.Errorf("nothing is left of %q", part)
		}
	}
}
