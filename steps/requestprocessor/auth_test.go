package requestprocessor_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// tokenAPI hands out tokens and takes those that accept says.
func tokenAPI(t testing.TB, accept func(token string) bool) *api {
	t.Helper()
	var mu sync.Mutex
	n := 0
	return serve(t, func(w http.ResponseWriter, s seen, _ int) {
		if strings.HasPrefix(s.uri, "/token") {
			mu.Lock()
			n++
			token := fmt.Sprintf("canary-token-%d", n)
			mu.Unlock()
			answer(w, 200, "application/json", `{"access_token":"`+token+`","data":{"list":[{"token":"`+token+`"}]},"expires_in":3600}`)
			return
		}
		if !accept(strings.TrimPrefix(s.auth, "Bearer ")) {
			answer(w, 401, "application/json", `{"error":"token `+strings.TrimPrefix(s.auth, "Bearer ")+` refused"}`)
			return
		}
		answer(w, 200, "application/json", `{"id":"ERP"}`)
	})
}

func everything(string) bool { return true }

const bearerAuth = `{"url":"API/token","method":"POST","content_type":"form","content":{"grant_type":"client_credentials","client_secret":"{payload.secrets.client_secret}","scope":"{field.state.value}"},"credential_key":"access_token"}`

func authorised(auth string) string {
	return `{"stages":[{"call_api":[{"name":"c","auth":` + auth +
		`,"request":{"url":"API/call","method":"POST","content":"{sequence}{token}",` +
		`"headers":{"Authorization":"Bearer {token}"}},"response_handlers":[` + toField(
		"status",
		"response",
		"$jmespath",
		"status_code",
	) + `]}]}]}`
}

func TestATokenIsHadAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ auth, want string }{
		"form":      {bearerAuth, "POST /token grant_type=client_credentials&client_secret=canary-client-secret&scope=approved"},
		"JSON":      {`{"type":"bearer","url":"API/token","method":"POST","content_type":"json","content":{"a":"{field.count}"},"credential_key":"data.list[0].token"}`, `POST /token {"a": 3}`},
		"no type":   {`{"url":"API/token","method":"PUT","content":{"a":"b c"},"credential_key":"access_token"}`, "PUT /token a=b+c"},
		"GET":       {`{"url":"API/token","method":"GET","params":{"k":"{field.number.value}"},"headers":{"X":"{field.state.value}"},"credential_key":"access_token"}`, "GET /token?k=2026%2F0042"},
		"body text": {`{"url":"API/token","method":"POST","content":"a={field.count}","credential_key":"access_token"}`, "POST /token a=3"},
	} {
		a := tokenAPI(t, everything)
		r := run(t, a, offline(), authorised(tt.auth))
		got := a.requests()
		if r.Err != nil || len(got) != 2 || got[0].String() != tt.want || got[1].auth != "Bearer canary-token-1" ||
			got[1].body != "0canary-token-1" ||
			r.Values["status"] != "200" {
			t.Errorf("%s: %v %v", name, r.Err, got)
		}
	}
}

func TestATokenIsAskedForOnceAndRenewedAfter401(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accept        func(token string) bool
		tokens, calls int // of two exports
		status        string
	}{
		"good":        {everything, 1, 2, "200"},
		"401 once":    {func(token string) bool { return token != "canary-token-1" }, 2, 3, "200"},
		"401 forever": {func(string) bool { return false }, 3, 4, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := tokenAPI(t, tt.accept)
			s := pipelinetest.Compile(t, step(t, a, authorised(bearerAuth)))
			for range 2 {
				r := runStep(t, s, offline())
				if r.Err != nil || r.Values["status"] != tt.status ||
					strings.Contains(fmt.Sprint(r.Report.Text(), r.Log, r.Response, r.Err), "canary") {
					t.Fatalf("%v %s %s %s", r.Err, r.Values["status"], r.Report.Text(), r.Log)
				}
			}
			if got := a.paths(); strings.Count(got, "/token") != tt.tokens || strings.Count(got, "/call") != tt.calls {
				t.Errorf("got %s", got)
			}
		})
	}
}

// An API that answers a 401 with the session that it wants to see gets it.
func TestTheCookieOfA401GoesAlongWithTheRetry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ headers, want string }{
		"a session":                {``, "sid=s1"},
		"a Cookie of the settings": {`,"Cookie":"mine=1"`, "mine=1"},
	} {
		a := serve(t, func(w http.ResponseWriter, s seen, n int) {
			switch {
			case strings.HasPrefix(s.uri, "/token"):
				answer(w, 200, "application/json", fmt.Sprintf(`{"access_token":"token-%d"}`, n))
			case s.header.Get("Cookie") == tt.want && len(s.header["Cookie"]) == 1 && s.auth != "Bearer token-0":
				answer(w, 200, "text/plain", "welcome")
			default:
				w.Header().Add("Set-Cookie", "sid=s1; Path=/call")
				w.Header().Add("Set-Cookie", "other=o; Path=/elsewhere")
				w.Header().Add("Set-Cookie", "foreign=f; Domain=erp.example")
				answer(w, 401, "text/plain", "sign in")
			}
		})
		settings := strings.Replace(authorised(bearerAuth), `"Authorization":"Bearer {token}"`, `"Authorization":"Bearer {token}"`+tt.headers, 1)
		r := run(t, a, offline(), settings)
		calls := a.requests()
		if r.Err != nil || len(calls) == 0 || calls[len(calls)-1].header.Get("Cookie") != tt.want {
			t.Errorf("%s: %v, %s", name, r.Err, a.paths())
		}
	}
}

func TestTokensAreSharedByEqualAuthAndKeptInTheHooksSecrets(t *testing.T) {
	t.Parallel()
	s := platform(t)
	a := tokenAPI(t, everything)
	call := func(auth string) string {
		return `{"auth":` + auth + `,"request":{"url":"API/call","method":"POST","headers":{"Authorization":"Bearer {token}"}}}`
	}
	// Auths that differ in a placeholder alone share a token; a real difference does not.
	same, other := strings.Replace(
		bearerAuth,
		"{field.state.value}",
		"approved",
		1,
	), strings.Replace(
		bearerAuth,
		"client_credentials",
		"other",
		1,
	)
	settings := `{"stages":[{"call_api":[` + strings.Join([]string{call(bearerAuth), call(bearerAuth), call(same), call(other)}, ",") + `]}]}`
	r := run(t, a, invoice(rossumtest.On(s)), settings)
	if r.Err != nil || strings.Count(a.paths(), "/token") != 2 {
		t.Errorf("%v %s", r.Err, a.paths())
	}
	saved := s.HookSecrets(rossumtest.HookID)
	if len(saved) != 2 {
		t.Fatalf("saved %v", saved)
	}
	parts := []rossumtest.Part{rossumtest.On(s)}
	for name, token := range saved {
		if !strings.HasPrefix(name, "_request_processor_token_cache_127_0_0_1_") ||
			len(name) != len("_request_processor_token_cache_127_0_0_1_")+16 {
			t.Errorf("name %s", name)
		}
		parts = append(parts, rossumtest.Secret(name, token))
	}
	// Another process finds them there.
	if r = run(t, a, invoice(parts...), settings); r.Err != nil || strings.Count(a.paths(), "/token") != 2 {
		t.Errorf("%v %s", r.Err, a.paths())
	}
}

func TestATokenThatCannotBeSavedCostsNoExport(t *testing.T) {
	t.Parallel()
	s := platform(t)
	s.Fail(rossumtest.Fault{Method: "PATCH", Path: "hooks", Status: 403})
	a := tokenAPI(t, everything)
	r := run(t, a, invoice(rossumtest.On(s)), authorised(bearerAuth))
	if r.Err != nil ||
		!strings.Contains(
			decisions(r),
			"the access token could not be saved in the hook's secrets; its secrets_schema must allow further keys",
		) ||
		r.Values["status"] != "200" {
		t.Errorf("%v\n%s", r.Err, decisions(r))
	}
}

func TestATokenThatExpiresIsNotUsedAnyMore(t *testing.T) {
	t.Parallel()
	a := tokenAPI(t, everything)
	s := pipelinetest.Compile(t, step(t, a, authorised(bearerAuth)))
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, 58 * time.Minute, 60 * time.Minute} {
		if r := runStep(t, s, offline(), pipeline.WithClock(func() time.Time { return now.Add(after) })); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if strings.Count(a.paths(), "/token") != 2 {
		t.Error(a.paths())
	}
}

func TestATokenThatIsNotHadEndsTheCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status          int
		mediaType, body string
		auth, want      string
	}{
		"refused":     {400, "application/json", `{"error":"invalid_client canary-client-secret"}`, bearerAuth, `stages[0].call_api[0].auth (c): the token request was answered with status 400 (application/json): {"error":"invalid_client [secret]"}`},
		"HTML":        {200, "text/html", "<html>", bearerAuth, "stages[0].call_api[0].auth (c): the answer to the token request (status 200, text/html, 6 bytes) is not a JSON object"},
		"no token":    {200, "application/json", `{"token":"canary-x"}`, bearerAuth, "stages[0].call_api[0].auth.credential_key (c): the answer to the token request (status 200, application/json) has no token at access_token"},
		"an object":   {200, "application/json", `{"access_token":{"a":"canary-x"}}`, bearerAuth, "has no token at access_token"},
		"null":        {200, "application/json", `{"access_token":null}`, bearerAuth, "has no token at access_token"},
		"placeholder": {200, "application/json", `{}`, strings.Replace(bearerAuth, "client_secret}", "clientsecret}", 1), `stages[0].call_api[0].auth: secret "clientsecret": the hook has no such secret; did you mean "client_secret"?`},
	} {
		a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, tt.status, tt.mediaType, tt.body) })
		r := run(t, a, offline(), authorised(tt.auth))
		if r.Err == nil || !strings.Contains(r.Err.Error(), tt.want) || strings.Contains(a.paths(), "/call") ||
			strings.Contains(fmt.Sprint(r.Err, r.Log, r.Report.Text()), "canary") {
			t.Errorf("%s: %v", name, r.Err)
		}
	}
}

// silent is a network on which nothing ever answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestATimeOutOfATokenIsNeverIgnored(t *testing.T) {
	t.Parallel()
	settings := strings.ReplaceAll(
		strings.Replace(authorised(bearerAuth), `"method":"POST","content":"{seq`, `"ignore_timeout":true,"method":"POST","content":"{seq`, 1),
		"API",
		"https://erp.example",
	)
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil, offline(), settings, pipeline.WithHTTPClient(&http.Client{Transport: silent{}}))
		if r.Err == nil || !strings.Contains(r.Err.Error(), "auth.url (c): asking for a token") ||
			!strings.Contains(r.Err.Error(), "nothing happened for 10s") {
			t.Errorf("%v", r.Err)
		}
	})
}

func TestTimeOutsAreThoseOfTheSettings(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[string]time.Duration{"": 10 * time.Second, `"timeout":25,`: 25 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			started := time.Now()
			r := run(
				t,
				nil,
				offline(),
				`{"stages":[{"call_api":[{"name":"c","request":{`+timeout+`"url":"https://erp.example","method":"POST"}}]}]}`,
				pipeline.WithHTTPClient(&http.Client{Transport: silent{}}),
			)
			if took := time.Since(started); r.Err == nil || took != want ||
				!strings.Contains(r.Err.Error(), "stages[0].call_api[0].request.url (c): POST https://erp.example/: the other side took too long") {
				t.Errorf("after %v: %v", took, r.Err)
			}
		})
	}
}

func TestRequestsAreSignedByOAuth1(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, method := range []string{"", "HMAC-SHA1"} {
		a := serve(t, nil)
		settings := `{"stages":[{"call_api":[{"name":"c","auth":{"type":"oauth1","consumer_key":"ck","consumer_secret":"{payload.secrets.client_secret}","token_key":"tk","token_secret":"canary-{field.count}","realm":"{field.state.value}","signature_method":"` + method + `"},
			"request":{"url":"API/x/{item.sku.value}?a=1","method":"POST","content_type":"form","content":{"f":"ü"},"params":{"b":"2 3"},"iterate_over":"field.lines","headers":{"Authorization":"own"}}}]}]}`
		r := run(t, a, offline(), settings, pipeline.WithClock(func() time.Time { return now }))
		if r.Err != nil || len(a.requests()) != 2 ||
			!strings.Contains(decisions(r), "the Authorization header of the request gives way to that of auth") ||
			strings.Contains(r.Report.Text(), "canary") {
			t.Fatalf("%v %s", r.Err, decisions(r))
		}
		nonces := make(map[string]bool)
		for _, s := range a.requests() {
			part := func(name string) string {
				_, rest, _ := strings.Cut(s.auth, name+`="`)
				text, _, _ := strings.Cut(rest, `"`)
				plain, _ := url.PathUnescape(text)
				return plain
			}
			nonces[part("oauth_nonce")] = true
			signer := oauth.Signer{
				ConsumerKey:    "ck",
				ConsumerSecret: "canary-client-secret",
				TokenKey:       "tk",
				TokenSecret:    "canary-3",
				Realm:          "approved",
				Method:         method,
			}
			want, err := signer.Header(t.Context(), "POST", a.URL+s.uri, pipeline.Bytes("f=%C3%BC"), part("oauth_nonce"), now)
			if err != nil || s.auth != want || !strings.HasPrefix(s.auth, `OAuth realm="approved", `) {
				t.Errorf("%s\nwant %s", s.auth, want)
			}
		}
		if len(nonces) != 2 {
			t.Error("a nonce was used twice")
		}
	}
}

func TestA401OfOAuth1IsNotTriedAgain(t *testing.T) {
	t.Parallel()
	a := serve(t, func(w http.ResponseWriter, _ seen, _ int) { answer(w, 401, "text/plain", "no") })
	r := run(
		t,
		a,
		offline(),
		`{"stages":[{"call_api":[{"name":"c","auth":{"type":"oauth1","consumer_key":"a","consumer_secret":"b",`+
			`"token_key":"c","token_secret":"d"},"request":{"url":"API","method":"GET"}}]}]}`,
	)
	if r.Err != nil || len(a.requests()) != 1 ||
		!strings.Contains(fmt.Sprint(r.Response.Messages), "c: the API answered with status 401: no") {
		t.Errorf("%v %v", r.Err, r.Response.Messages)
	}
}

func TestATokenIsHadWithASignedAssertion(t *testing.T) {
	t.Parallel()
	pem, err := os.ReadFile("../../internal/oauth/testdata/pkcs8.pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := oauth.ParseKey(string(pem))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ extra, claims, form, algorithm string }{
		"defaults":   {"", `{"aud":"API/token","exp":1795518000,"iat":1795514400,"iss":"canary-client","scope":["rest_webservices"]}`, "client_credentials||urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "PS256"},
		"grant type": {`,"grant_type":"g"`, `{"aud":"API/token","exp":1795518000,"iat":1795514400,"iss":"canary-client","scope":["rest_webservices"]}`, "g||urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "PS256"},
		"all": {`,"scope":"a b","signature_algorithm":"RS512","assertion_expiry":60,"audience":"https://aud.example","credential_key":"data.list[0].token","grant_type":"g","client_assertion_type":"t","additional_claims":{"sub":"{field.state.value}","iss":"other"},"additional_token_params":{"p":"{field.count}","grant_type":"last"}`,
			`{"aud":"https://aud.example","exp":1795514460,"iat":1795514400,"iss":"other","scope":"a b","sub":"approved"}`, "last|3|t", "RS512"},
	} {
		a := tokenAPI(t, everything)
		settings := authorised(
			`{"type":"oauth2_private_certificate","url":"API/token","client_id":"{payload.secrets.client_id}",` +
				`"certificate_id":"kid-1","private_certificate":"{payload.secrets.key}"` + tt.extra + `}`,
		)
		r := run(
			t,
			a,
			offline(rossumtest.Secret("client_id", "canary-client"), rossumtest.Secret("key", string(pem))),
			settings,
			pipeline.WithClock(func() time.Time { return now }),
		)
		if r.Err != nil || len(a.requests()) != 2 || a.requests()[1].auth != "Bearer canary-token-1" {
			t.Fatalf("%s: %v %v", name, r.Err, a.paths())
		}
		form, _ := url.ParseQuery(a.requests()[0].body)
		if got := form.Get("grant_type") + "|" + form.Get("p") + "|" + form.Get("client_assertion_type"); got != tt.form {
			t.Errorf("%s: form %s", name, got)
		}
		parts := strings.Split(form.Get("client_assertion"), ".")
		header, _ := base64.RawURLEncoding.DecodeString(parts[0])
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		sorted, _ := json.Marshal(claims)
		if string(sorted) != strings.Replace(tt.claims, "API", a.URL, 1) || !strings.Contains(string(header), `"kid":"kid-1"`) ||
			!strings.Contains(string(header), `"alg":"`+tt.algorithm+`"`) || len(signature) != key.Size() {
			t.Errorf("%s: header %s\nclaims %s\nwant   %s", name, header, sorted, tt.claims)
		}
		var _ *rsa.PrivateKey = key
		if strings.Contains(fmt.Sprint(r.Report.Text(), r.Log), form.Get("client_assertion")) {
			t.Errorf("%s: the assertion is shown", name)
		}
	}
	r := run(
		t,
		tokenAPI(t, everything),
		offline(rossumtest.Secret("key", "canary-not-a-key")),
		authorised(
			`{"type":"oauth2_private_certificate","url":"API/token","client_id":"c","certificate_id":"kid-1",`+
				`"private_certificate":"{payload.secrets.key}"}`,
		),
	)
	if r.Err == nil ||
		!strings.Contains(
			r.Err.Error(),
			"stages[0].call_api[0].auth.private_certificate (c): it is not an RSA private key in PEM (PKCS#1 or PKCS#8)",
		) ||
		strings.Contains(r.Err.Error(), "canary") {
		t.Errorf("got %v", r.Err)
	}
}
