package components_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/steps/requestprocessor"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// literalHeaders are the ways in which a header has a credential.
func literalHeaders(secret string) map[string][2]string {
	basic := base64.StdEncoding.EncodeToString([]byte("somebody:" + secret))
	return map[string][2]string{
		"Basic": {"Authorization", "Basic " + basic}, "Basic of a proxy": {"Proxy-Authorization", "Basic " + basic},
		"Digest":     {"Authorization", `Digest username="somebody", realm="x", nonce="n", uri="/x", response="` + secret + `"`},
		"OAuth 1.0a": {"Authorization", `OAuth oauth_consumer_key="k", oauth_token="` + secret + `", oauth_signature="s"`},
		"AWS":        {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + secret},
		"HMAC":       {"Authorization", "HMAC somebody:" + secret}, "Token": {"Authorization", "Token token=" + secret}, "ApiKey": {"Authorization", "ApiKey " + secret},
		"cookies": {"Cookie", "theme=dark; JSESSIONID=" + secret + "; x=y"}, "CSRF": {"X-CSRF-Token", secret}, "XSRF": {"X-XSRF", secret},
		"session of AWS": {"X-Amz-Security-Token", secret}, "signature of a webhook": {"X-Hub-Signature-256", "sha256=" + secret},
		"secret of a webhook": {"X-Webhook-Secret", secret}, "Azure's functions": {"X-Functions-Key", secret}, "another key": {"X-Auth-Key", secret},
		"access key": {"X-Access-Key", secret}, "signed request": {"Signature", `keyId="k",algorithm="rsa-sha256",headers="date",signature="` + secret + `"`},
	}
}

// literalParameters are names of parameters of an address that are credentials.
var literalParameters = []string{
	"X-Amz-Signature", "X-Amz-Security-Token", "x-amz-credential", "sig", "X-Goog-Signature", "Signature", "access_token", "refresh_token", "id_token", "code",
	"assertion", "client_assertion", "SAMLResponse", "jwt", "password", "passwd", "pwd", "api_key", "apikey", "key", "client_secret", "code_verifier", "csrf",
}

// literalBodies are bodies that have a credential by its name.
func literalBodies(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	marked := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(secret)
	return map[string]string{
		"JSON": `{"user":{"password":` + string(quoted) + `}}`, "JSON with a field": `{"client_secret":` + string(quoted) + `,"total":@{found}}`,
		"GraphQL":   `{"query":"mutation { login(password: \"` + secret + `\") { id } }"}`,
		"variables": `{"query":"mutation($p:String){x(p:$p)}","variables":{"password":` + string(quoted) + `}}`,
		"form":      "grant_type=refresh_token&refresh_token=" + url.QueryEscape(secret), "form with a field": "x=@{found}&client_assertion=" + url.QueryEscape(secret),
		"WS-Security": `<e:Envelope xmlns:e="x"><e:Header><w:Security><w:UsernameToken><w:Username>u</w:Username><w:Password Type="#PasswordText">` + marked +
			`</w:Password></w:UsernameToken></w:Security></e:Header><e:Body><t>@{found}</t></e:Body></e:Envelope>`,
		"binary token": `<w:BinarySecurityToken ValueType="#X509v3">` + marked + `</w:BinarySecurityToken>`,
		"SAML":         `<s:Assertion xmlns:s="x">` + marked + `</s:Assertion>`, "session": `<sessionId>` + marked + `</sessionId>`,
	}
}

// withLiterals are components whose settings have a credential literally, by its place.
func withLiterals(t *testing.T, base, secret string) map[string][]pipeline.Step {
	t.Helper()
	all := make(map[string][]pipeline.Step)
	add := func(place string, r steps.Request) {
		r.Method = "POST"
		all["REST, "+place] = []pipeline.Step{&steps.RESTExport{
			Request: r, HeadersKey: "h", PayloadKey: "p", StatusCodes: &steps.StatusCodes{Error: []int{401, 500}, Warning: []int{200, 403, 422, 400}},
		}}
		if strings.Contains(place, "GraphQL") || strings.Contains(place, "variables") {
			return // its braces are placeholders there
		}
		var processor requestprocessor.Step
		content, err := json.Marshal(map[string]any{"debugging": true, "stages": []any{map[string]any{"call_api": []any{map[string]any{
			"name": "c", "request": map[string]any{"url": r.URL, "method": "POST", "timeout": 1, "headers": r.Headers, "content": strings.ReplaceAll(r.Content, "@{found}", "1")},
			"response_handlers": []any{map[string]any{"target_type": "schema_id", "target_key": "found", "value": map[string]any{"response.body": map[string]any{"$jmespath": "id"}}}},
		}}}}})
		if err == nil {
			err = json.Unmarshal(content, &processor)
		}
		if err != nil {
			t.Fatal(err)
		}
		all["processor, "+place] = []pipeline.Step{&processor}
	}
	for scheme, h := range literalHeaders(secret) {
		add("header "+scheme, steps.Request{URL: base + "/x", Headers: map[string]string{h[0]: h[1]}, Content: "x"})
	}
	for _, name := range literalParameters {
		add("parameter "+name, steps.Request{URL: base + "/x?a=b&" + name + "=" + url.QueryEscape(secret), Content: "x"})
	}
	for kind, body := range literalBodies(secret) {
		add("body "+kind, steps.Request{URL: base + "/x", Content: body})
	}
	return all
}

// No output of an export shows a credential that its settings have literally, wherever it is
// in a request, and however the other side repeats that.
func TestNoOutputShowsACredentialOfTheSettingsByItsPlace(t *testing.T) {
	t.Parallel()
	for _, failure := range []string{"refuses", "fails", "answers at length", "redirects", "says so in headers", "succeeds"} {
		s := newEchoing(t, misbehave[failure])
		t.Run(failure, func(t *testing.T) {
			t.Parallel()
			for place, step := range withLiterals(t, s.URL, canaries["literal"]) {
				if !gates(5, failure, place) {
					continue
				}
				for _, found := range outputs(t, step) {
					if form := shown(found.Text); form != "" {
						t.Errorf("%s: the %s shows %s", place, found.Name, form)
						break
					}
				}
			}
		})
	}
}

// newEchoing is a system that repeats what it is sent, after it has answered what must go well:
// with a token, and with a WSDL.
func newEchoing(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, echo string)) *httptest.Server {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"access_token":"`+canaries["oauth"]+`","refresh_token":"`+canaries["refresh"]+`"}`)
			return
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, workdaytest.TenantName):
			at := s.URL + "/ccx/service/" + workdaytest.TenantName + "/Resource_Management/" + workdaytest.APIVersion
			_, _ = w.Write(soapAddress.ReplaceAll(workdaytest.WSDL(), []byte("${1}"+at+"${2}")))
			return
		}
		echo := fmt.Sprint(r.URL.String(), " ", r.Header, " ", string(body))
		if _, password, ok := r.BasicAuth(); ok {
			echo += password
		}
		for name, value := range ownHeaders() {
			w.Header().Set(name, value)
		}
		answer(w, r, echo)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// ownHeaders are those of a reply that has credentials of its own in them.
func ownHeaders() map[string]string {
	secret := canaries["reply"]
	return map[string]string{
		"Set-Cookie": "JSESSIONID=" + secret + "; Path=/", "X-CSRF-Token": secret, "X-Amz-Security-Token": secret,
		"Content-Location": "https://store.example/x?X-Amz-Signature=" + secret + "&x=y", "Authentication-Info": `nextnonce="n", token="t"`,
		"Link": `<https://store.example/x?se=1&sig=` + secret + `>; rel="next"`, "Location": "/callback?code=" + secret + "#id_token=" + secret,
	}
}

// ownReplies are what systems say with credentials of their own, by what they are.
func ownReplies() map[string][2]string {
	secret := canaries["reply"]
	address := "https://store.example/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + secret + "&X-Amz-Security-Token=" + secret
	return map[string][2]string{
		"tokens":              {"application/json", `{"error":"invalid_scope","refresh_token":"` + secret + `","id_token":"` + secret + `","device_code":"x"}`},
		"a presigned address": {"application/json", `{"error":{"message":"gone","href":"` + address + `"}}`},
		"an address in text":  {"text/plain", "The file has moved to " + address + " and is no longer here."},
		"an address in HTML":  {"text/html", `<html><body><a href="` + strings.ReplaceAll(address, "&", "&amp;") + `">here</a></body></html>`},
		"a SAS in XML":        {"application/xml", `<Error><Code>X</Code><Url>https://a.blob.example/c?sv=1&amp;sig=` + secret + `</Url></Error>`},
		"a SOAP fault": {"text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>` +
			`no: &lt;w:BinarySecurityToken&gt;` + secret + `&lt;/w:BinarySecurityToken&gt;</faultstring></e:Fault></e:Body></e:Envelope>`},
	}
}

// No output shows a credential that a system gives in a reply, unless a message is made of it:
// in cookies, tokens of other kinds, and addresses that are signed.
func TestNoOutputShowsACredentialOfAReplyByItsPlace(t *testing.T) {
	t.Parallel()
	for what, reply := range ownReplies() {
		for _, status := range []int{200, 302, 400, 401, 500} {
			s := newEchoing(t, func(w http.ResponseWriter, _ *http.Request, _ string) {
				w.Header().Set("Content-Type", reply[0])
				w.WriteHeader(status)
				_, _ = io.WriteString(w, reply[1])
			})
			t.Run(fmt.Sprint(what, " with ", status), func(t *testing.T) {
				t.Parallel()
				for component, step := range canarySteps(t, s.URL) {
					if !gates(4, what, fmt.Sprint(status), component) {
						continue
					}
					for _, found := range outputs(t, step) {
						if form := shown(found.Text); form != "" {
							t.Errorf("%s: the %s shows %s", component, found.Name, form)
							break
						}
					}
				}
			})
		}
	}
}
