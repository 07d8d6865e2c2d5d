package steps_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// system answers token requests with a token of its own and notes what it is sent.
func system(t *testing.T, token, contentType string) (string, func() string) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got = append(got, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")))
		mu.Unlock()
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte(token))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string { mu.Lock(); defer mu.Unlock(); return strings.Join(got, ", ") }
}

func authorisedCall(url string) *steps.RESTExport {
	return &steps.RESTExport{
		Request: steps.Request{URL: url + "/invoices", Headers: map[string]string{"Authorization": "Bearer {secret.access_token}"}},
		Auth:    &steps.Auth{URL: url + "/token", Data: json.RawMessage(`{"grant_type":"client_credentials"}`)},
	}
}

// In a chain composed in Go all steps share the secrets, and the name access_token.
func TestATokenGoesToNoOtherSystem(t *testing.T) {
	t.Parallel()
	erpURL, erpGot := system(t, `{"access_token":"tok-erp-1"}`, "application/json")
	archiveURL, archiveGot := system(t, `{"access_token":"tok-archive-1"}`, "application/json")
	plainURL, plainGot := system(t, "", "")
	plain := &steps.RESTExport{Request: steps.Request{URL: plainURL + "/x", Headers: map[string]string{"X-Id": "1"}}}
	r := run(t, rossumtest.Annotation(), authorisedCall(erpURL), authorisedCall(archiveURL), plain, authorisedCall(erpURL))
	if r.err != nil {
		t.Fatal(r.err)
	}
	if got := erpGot(); got != "POST /token, POST /invoices Bearer tok-erp-1, POST /token, POST /invoices Bearer tok-erp-1" {
		t.Errorf("the ERP got %s", got)
	}
	if got := archiveGot(); got != "POST /token, POST /invoices Bearer tok-archive-1" {
		t.Errorf("the archive got %s", got)
	}
	if got := plainGot(); got != "POST /x" {
		t.Errorf("the third system got %s", got)
	}
}

func TestATokenOfTheSecretsIsUsedByOneSystemOnly(t *testing.T) {
	t.Parallel()
	erpURL, erpGot := system(t, `{"access_token":"tok-erp-1"}`, "application/json")
	archiveURL, archiveGot := system(t, `{"access_token":"tok-archive-1"}`, "application/json")
	r := run(t, rossumtest.Annotation(rossumtest.Secret("access_token", "tok-saved-1")), authorisedCall(erpURL), authorisedCall(archiveURL))
	if r.err != nil || erpGot() != "POST /invoices Bearer tok-saved-1" || archiveGot() != "POST /token, POST /invoices Bearer tok-archive-1" {
		t.Errorf("%v; the ERP got %s, the archive %s", r.err, erpGot(), archiveGot())
	}
}

// A text that is JSON already goes out as it is written, whatever the Content-Type says.
func TestATokenRequestSendsItsTextAsItIs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ contentType, data, want string }{
		{"application/json", `"{\"grant_type\": \"client_credentials\"}"`, `{"grant_type": "client_credentials"}`},
		{"application/vnd.erp+json; charset=utf-8", `"{\"key\":\"{secret.key}\"}"`, `{"key":"k-1"}`},
		{"application/json", `{"grant_type": "client_credentials", "n": 1}`, `{"grant_type":"client_credentials","n":1}`},
		{"application/json", `["a"]`, `["a"]`},
		{"text/plain", `"a=b"`, "a=b"},
		{"", `"grant_type=client_credentials&scope=a b"`, "grant_type=client_credentials&scope=a b"},
	} {
		var body string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				data, _ := io.ReadAll(r.Body)
				body = string(data)
				_, _ = w.Write([]byte(`{"access_token":"t-1"}`))
			}
		}))
		step := authorisedCall(s.URL)
		step.Auth.Data = json.RawMessage(tt.data)
		if tt.contentType != "" {
			step.Auth.Headers = map[string]string{"Content-Type": tt.contentType}
		}
		if r := run(t, rossumtest.Annotation(rossumtest.Secret("key", "k-1")), step); r.err != nil || body != tt.want {
			t.Errorf("%s: sent %q, want %q; %v", tt.data, body, tt.want, r.err)
		}
		s.Close()
	}
}

// Replies after golang/oauth2#239, #274 and others.
func TestTokensAreTakenFromTheRepliesThatServersSend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reply, contentType, fails string }{
		{`{"access_token":"tok-erp-1","expires_in":""}`, "application/json", ""},
		{`{"access_token":"tok-erp-1","expires_in":" 3600 "}`, "application/json", ""},
		{`{"access_token":"tok-erp-1","expires_in":{}}`, "application/json", ""},
		{"\ufeff" + `{"access_token":"tok-erp-1"}`, "application/json", ""},
		{"access_token=tok-erp-1&expires_in=60", "application/x-www-form-urlencoded", ""},
		{`{"error":"invalid_client","error_description":"The secret\nis wrong."}`, "application/json", "auth: the token request was answered with status 200 and the error invalid_client: The secret is wrong."},
		{`error=invalid_client`, "application/x-www-form-urlencoded", "status 200 and the error invalid_client"},
		{`{"token":"tok-erp-1"}`, "application/json", "the answer to the token request (status 200, application/json) has no access_token"},
	} {
		url, got := system(t, tt.reply, tt.contentType)
		r := run(t, rossumtest.Annotation(), authorisedCall(url))
		if tt.fails != "" {
			if r.err == nil || !strings.Contains(r.err.Error(), tt.fails) || strings.Contains(r.err.Error(), "tok-erp") {
				t.Errorf("%s: %v", tt.reply, r.err)
			}
			continue
		}
		if r.err != nil || got() != "POST /token, POST /invoices Bearer tok-erp-1" {
			t.Errorf("%s: %v, got %s", tt.reply, r.err, got())
		}
	}
}

func TestATokenIsSavedOnlyInTheRossumThatTheProgramExpects(t *testing.T) {
	t.Parallel()
	platform := rossumtest.NewServer()
	t.Cleanup(platform.Close)
	hook := func(origin string) *rossum.Hook {
		return &rossum.Hook{ID: rossumtest.HookID, URL: fmt.Sprintf("%s/api/v1/hooks/%d", origin, rossumtest.HookID), Name: "ERP"}
	}
	for _, tt := range []struct {
		name          string
		options       []pipeline.Option
		learnt        string
		saved, failed bool
	}{
		{name: "nothing is known, and it is on this machine", saved: true},
		{name: "the program's option", options: []pipeline.Option{pipeline.WithRossumOrigin(platform.URL)}, saved: true},
		{name: "the program's option says another", options: []pipeline.Option{pipeline.WithRossumOrigin("https://acme.rossum.app/api/v1")}, failed: true},
		{name: "the hooks say so", learnt: platform.URL, saved: true},
		{name: "the hooks say another", learnt: "https://acme.rossum.app"},
	} {
		url, got := system(t, fmt.Sprintf(`{"access_token":"tok-%s"}`, tt.name), "application/json")
		var s pipeline.Step = authorisedCall(url)
		if tt.learnt != "" {
			h := hook(tt.learnt)
			chain, err := pipeline.New(pipeline.ForHook(h, s))
			if err != nil {
				t.Fatal(err)
			}
			s = chain.WithOrigin(pipeline.Origin{Hooks: []*rossum.Hook{h}})
			_, err = s.(*pipeline.Chain).Export(t.Context(), rossumtest.Annotation(rossumtest.On(platform)).Payload())
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		} else if r := pipelinetest.Run(t, s, rossumtest.Annotation(rossumtest.On(platform)), tt.options...); (r.Err != nil) != tt.failed {
			t.Errorf("%s: %v", tt.name, r.Err)
		}
		saved := platform.HookSecrets(rossumtest.HookID)["access_token"] == "tok-"+tt.name
		if saved != tt.saved || (got() == "") != tt.failed {
			t.Errorf("%s: saved %v, the ERP got %s", tt.name, saved, got())
		}
	}
}
