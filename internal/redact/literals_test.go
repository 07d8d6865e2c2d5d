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
