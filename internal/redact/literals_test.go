package redact

import (
	"slices"
	"strings"
	"testing"
)

func TestCredentialsThatSettingsHaveLiterallyAreFound(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`{"request":{"headers":{"Authorization":"Bearer literal-token"}}}`:                                                    "Bearer literal-token, literal-token",
		`{"request":{"headers":{"authorization":"Basic dXNlcjpodW50ZXIyISE="}}}`:                                              "Basic dXNlcjpodW50ZXIyISE=, dXNlcjpodW50ZXIyISE=, hunter2!!",
		`{"request":{"headers":{"X-Api-Key":"0123456789abc","Accept":"application/json"}}}`:                                   "0123456789abc",
		`{"request":{"url":"https://user:pass-word@erp.example/x?api_key=key-in-url&page=12345678"}}`:                         "pass-word, key-in-url",
		`{"auth":{"data":{"client_secret":"client-secret-1","grant_type":"client_credentials"}}}`:                             "client-secret-1",
		`{"stages":[{"call_api":[{"auth":{"consumer_secret":"consumer-1"},"request":{"params":{"token":["tokentoken"]}}}]}]}`: "consumer-1, tokentoken",
		`{"request":{"headers":{"Authorization":"Bearer {secret.token}","Cookie":"@{cookie_field}"}}}`:                        "",
		`{"auth":{"credential_key":"access_token","token_key":"some-name"},"export_reference_key":"artefact"}`:                "",
		`{"request":{"headers":{"X-Token":"short"},"url":"https://erp.example/?token={secret.token}"}}`:                       "",
		`{"request":{"url":"https://user:pass-word@[::1/x"}}`:                                                                 "pass-word",
		`{"request":{"url":"ht tp://user:pass%2Fword@erp.example%zz"}}`:                                                       "pass%2Fword, pass/word",
		`{"credentials":{"host":"user:pass-word@files.example"}}`:                                                             "pass-word",
		`{"credentials":{"endpoint":"//token-alone@files.example?sig=signature"}}`:                                            "signature",
		`{"request":{"url":"https://token-alone@erp.example/?q=12345678"}}`:                                                   "token-alone",
		`{"request":{"headers":{"Authorization":"Bearer literal-token{"}}}`:                                                   "Bearer literal-token, literal-token, Bearer literal-token{, literal-token{",
		`{"request":{"content":"{\"client_secret\":\"client-secret-1\",\"page\":\"12345678\"}"}}`:                             "client-secret-1",
		`{"auth":{"data":"grant_type=password&password=pass%2Bword&scope=everything"}}`:                                       "pass+word",
		`{"settings":{"text":"Dear customer,\nwrite to info@erp.example or see https://erp.example/?code=12345678"}}`:         "",
		`{"request":{"headers":{"Authorization":"Digest username=\"somebody\",response=\"0123456789abcdef\""}}}`: "Digest username=\"somebody\",response=\"0123456789abcdef\", " +
			"username=\"somebody\",response=\"0123456789abcdef\", 0123456789abcdef",
		`{"request":{"headers":{"X-Hub-Signature-256":"sha256=0123456789abcdef"}}}`:                                                                            "sha256=0123456789abcdef, 0123456789abcdef",
		`{"request":{"headers":{"Cookie":"theme=dark; sid=0123456789abcdef; Path=/long/path"}}}`:                                                               "theme=dark; sid=0123456789abcdef; Path=/long/path, sid=0123456789abcdef; Path=/long/path, 0123456789abcdef",
		`{"request":{"content":"<Envelope><w:UsernameToken><w:Password Type=\"#PasswordText\">pass&amp;word1</w:Password></w:UsernameToken><v>@{total}</v>"}}`: "pass&amp;word1, pass&word1",
		`{"request":{"content":"{\"client_secret\":\"client-secret-1\",\"total\":@{total}}"}}`:                                                                 "client-secret-1",
		`{"request":{"content":"{\"query\":\"mutation { login(password: \\\"pass-word-1\\\") { id } }\"}"}}`:                                                   "pass-word-1",
		`{"request":{"content":"name=@{name}&client_assertion=abc.def.ghi"}}`:                                                                                  "abc.def.ghi",
		`{"credentials":{"host_key":"-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----"}}`:                                                      "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----",
		`not JSON`: "",
	} {
		got := Literals([]byte(settings))
		slices.Sort(got)
		wanted := strings.Split(want, ", ")
		if want == "" {
			wanted = nil
		}
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %q, want %q", settings, got, wanted)
		}
	}
}
