package send_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// transport answers by a function, in the time of a test.
type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r), nil
}

func answered(status int, contentType, body string) *http.Response {
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", contentType)
	rec.WriteHeader(status)
	_, _ = rec.WriteString(body)
	return rec.Result()
}

// What servers answer to a token request, and for how long the token is used then.
func TestATokenIsUsedAsLongAsItsReplySays(t *testing.T) {
	t.Parallel()
	const json, form, ever = "application/json", "application/x-www-form-urlencoded", time.Duration(0)
	for name, tt := range map[string]struct {
		reply, contentType string
		life               time.Duration // ever: until it is refused
		fails              string
	}{
		"expires_in is a number":             {`{"access_token":"T","expires_in":3600}`, json, 3570 * time.Second, ""},
		"expires_in is a text":               {`{"access_token":"T","expires_in":"3600"}`, json, 3570 * time.Second, ""},
		"expires_in is empty":                {`{"access_token":"T","expires_in":""}`, json, ever, ""},
		"expires_in is wrong":                {`{"access_token":"T","expires_in":"soon"}`, json, ever, ""},
		"expires_in is negative":             {`{"access_token":"T","expires_in":-5}`, json, ever, ""},
		"expires_in is missing":              {`{"access_token":"T"}`, json, ever, ""},
		"a short life is used by half":       {`{"access_token":"T","expires_in":20}`, json, 10 * time.Second, ""},
		"a byte order mark":                  {"\ufeff" + `{"access_token":"T","expires_in":3600}`, json, 3570 * time.Second, ""},
		"a form":                             {"access_token=T&expires_in=3600", form, 3570 * time.Second, ""},
		"an error with status 200":           {`{"error":"invalid_client","error_description":"wrong secret"}`, json, 0, "status 200 and the error invalid_client: wrong secret"},
		"an error as a form with status 200": {"error=invalid_client", form, 0, "status 200 and the error invalid_client"},
		"no token":                           {`{"token":"T"}`, json, 0, "(status 200, application/json) has no access_token"},
		"a token of more than 64 KB":         {`{"access_token":"` + strings.Repeat("T", 64<<10+1) + `"}`, json, 0, "has a token of 65537 bytes; at most 65536 are accepted"},
		"a long token in a form":             {"access_token=" + strings.Repeat("T", 64<<10+1), form, 0, "has a token of 65537 bytes; at most 65536 are accepted"},
		"an answer of more than 1 MB":        {`{"access_token":"T","x":"` + strings.Repeat("x", 1<<20) + `"}`, json, 0, "has 1048603 bytes; at most 1048576 are read"},
		"a page":                             {"<html>T</html>", "text/html", 0, "(status 200, text/html) has no access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				h := &http.Client{Transport: transport(func(*http.Request) *http.Response {
					asked++
					return answered(200, tt.contentType, tt.reply)
				})}
				var tokens send.Tokens
				get := func() error {
					r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
						token, err := tokens.Get(
							ctx,
							x,
							send.TokenRequest{Call: &send.Call{Method: "POST", URL: "https://erp.example/token"}},
						)
						if err == nil && token != "T" {
							t.Errorf("got %q", token)
						}
						return err
					}), rossumtest.Annotation(rossumtest.Offline()), pipeline.WithHTTPClient(h), pipeline.WithLogger(nil))
					return r.Err
				}
				err := get()
				if tt.fails != "" {
					if err == nil || !strings.Contains(err.Error(), tt.fails) {
						t.Errorf("got %v", err)
					}
					return
				}
				last := tt.life - time.Second
				if tt.life == ever {
					last = 1000 * time.Hour
				}
				time.Sleep(last)
				if err := errors.Join(err, get()); err != nil || asked != 1 {
					t.Errorf("%v, asked %d times after %v", err, asked, last)
				}
				time.Sleep(time.Second)
				if err := get(); err != nil || tt.life != ever && asked != 2 {
					t.Errorf("%v, asked %d times after %v", err, asked, tt.life)
				}
			})
		})
	}
}

// Of those who need the same token one asks, and nobody waits longer than its context; who
// needs another one does not wait at all.
func TestWhoWaitsForATokenWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		h := &http.Client{Transport: transport(func(r *http.Request) *http.Response {
			if r.URL.Path == "/slow" {
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			}
			return answered(200, "application/json", `{"access_token":"T"}`)
		})}
		var tokens send.Tokens
		get := func(path string, within time.Duration) (time.Duration, error) {
			started := time.Now()
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				ctx, cancel := context.WithTimeout(ctx, within)
				defer cancel()
				_, err := tokens.Get(ctx, x, send.TokenRequest{Call: &send.Call{Method: "POST", URL: "https://erp.example" + path}})
				return err
			}), rossumtest.Annotation(rossumtest.Offline()), pipeline.WithHTTPClient(h), pipeline.WithLogger(nil))
			return time.Since(started), r.Err
		}
		first := make(chan error)
		go func() { _, err := get("/slow", time.Hour); first <- err }()
		synctest.Wait()
		if took, err := get("/slow", 3*time.Second); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if took, err := get("/quick", time.Hour); err != nil || took != 0 {
			t.Errorf("another token: %v after %v", err, took)
		}
		close(hang)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// What goes out by default, and what the settings say instead.
func TestHeadersSayWhoCallsUnlessTheSettingsDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  map[string]string
		want string
	}{
		"by default": {nil, "Accept=*/* User-Agent=exportpipeline Accept-Encoding=gzip, deflate"},
		"set":        {map[string]string{"Accept": "a/b", "User-Agent": "mine", "Accept-Encoding": "br"}, "Accept=a/b User-Agent=mine Accept-Encoding=br"},
	} {
		var got []string
		e := newERP(t, func(_ http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"Accept", "User-Agent", "Accept-Encoding"} {
				got = append(got, name+"="+strings.Join(r.Header[name], "|"))
			}
		})
		r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
			call := &send.Call{Method: "POST", URL: e.URL}
			for name, value := range tt.set {
				call.SetHeader(name, value)
			}
			_, err := send.Do(ctx, x, call)
			return err
		}), rossumtest.Annotation())
		if r.Err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, got %s", name, r.Err, got)
		}
	}
}

// Some servers compress unasked, and there are two things that are called deflate.
func TestACompressedReplyIsReadWhateverTheSettingsAskFor(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"gzip", "deflate", "identity"} {
		for _, asked := range []string{"", "identity", "br", "gzip"} {
			e := newERP(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", encoding)
				var body bytes.Buffer
				switch encoding {
				case "gzip":
					z := gzip.NewWriter(&body)
					_, _ = io.WriteString(z, "the answer")
					_ = z.Close()
				case "deflate":
					z, _ := flate.NewWriter(&body, 6)
					_, _ = io.WriteString(z, "the answer")
					_ = z.Close()
				default:
					body.WriteString("the answer")
				}
				_, _ = w.Write(body.Bytes())
			})
			for _, client := range []bool{false, true} {
				r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
					if !client {
						call := &send.Call{Method: "GET", URL: e.URL}
						if asked != "" {
							call.SetHeader("Accept-Encoding", asked)
						}
						reply, err := send.Do(ctx, x, call)
						if err == nil && string(reply.Body) != "the answer" {
							err = fmt.Errorf("got %q", reply.Body)
						}
						return err
					}
					req, err := http.NewRequestWithContext(ctx, "GET", e.URL, nil)
					if err != nil {
						return err
					}
					if asked != "" {
						req.Header.Set("Accept-Encoding", asked)
					}
					resp, err := send.Client(x).Do(req)
					if err != nil {
						return err
					}
					defer resp.Body.Close()
					if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "the answer" {
						return fmt.Errorf("got %q, %w", body, err)
					}
					return nil
				}), rossumtest.Annotation())
				if r.Err != nil {
					t.Errorf("%s, asked for %q, client %v: %v", encoding, asked, client, r.Err)
				}
			}
		}
	}
}

func TestACallIsSignedByOAuth1AnewForEachAttempt(t *testing.T) {
	t.Parallel()
	var headers []string
	e := newERP(t, func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header.Get("Authorization"))
		if len(headers) == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	signer := send.OAuth1{ConsumerKey: "ck", ConsumerSecret: "canary-cs", TokenKey: "tk", TokenSecret: "canary-ts", Realm: "R"}
	r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
		call := &send.Call{
			Name: "c", Method: "POST", URL: e.URL + "/x?q=1", Retry: send.RetryIfRefused, Body: send.URLEncoded([2]string{"f", "ü"}),
			Header: http.Header{"Content-Type": {send.FormType + "; charset=utf-8"}},
		}
		if err := signer.Sign(x, call); err != nil {
			return err
		}
		x.Info("signed with %s and %s by %v, %+v, %#v", "canary-cs", "canary-ts", signer, signer, signer)
		_, err := send.Do(ctx, x, call)
		return err
	}), rossumtest.Annotation())
	if r.Err != nil || len(headers) != 2 || headers[0] == headers[1] || !strings.HasPrefix(headers[1], `OAuth realm="R", oauth_nonce="`) {
		t.Errorf("%v, sent %q", r.Err, headers)
	}
	if text := fmt.Sprint(r.Response.Messages) + r.Report.Text(); strings.Contains(text, "canary") {
		t.Errorf("a secret is shown: %s", text)
	}
}

func TestWhatCannotBeSignedIsAnErrorBeforeTheCall(t *testing.T) {
	t.Parallel()
	form := http.Header{"Content-Type": {send.FormType}}
	for want, tt := range map[string]struct {
		signer send.OAuth1
		call   send.Call
	}{
		"unknown signature method":       {send.OAuth1{Method: "PLAINTEXT"}, send.Call{Method: "GET", URL: "https://erp.example"}},
		"the address cannot be parsed":   {send.OAuth1{}, send.Call{Method: "GET", URL: "/x"}},
		"the form has a broken %-escape": {send.OAuth1{}, send.Call{Method: "POST", URL: "https://erp.example", Header: form, Body: pipeline.Bytes("a=%zz")}},
	} {
		r := pipelinetest.Run(
			t,
			step(func(_ context.Context, x *pipeline.Export) error { return tt.signer.Sign(x, &tt.call) }),
			rossumtest.Annotation(),
		)
		if r.Err == nil || !strings.Contains(r.Err.Error(), want) {
			t.Errorf("%s: got %v", want, r.Err)
		}
	}
}

// A token request with an assertion is made anew for each token, and its token is shared by
// those with the same key.
func TestATokenIsHadByAnAssertionOfAPrivateKey(t *testing.T) {
	t.Parallel()
	pem, err := os.ReadFile("../../internal/oauth/testdata/pkcs8.pem")
	if err != nil {
		t.Fatal(err)
	}
	key, err := send.ParsePrivateKey(string(pem))
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(shown, "PRIVATE") || len(shown) > 100 {
		t.Errorf("shown as %s", shown)
	}
	var claims []string
	e := newERP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"data":{"jwt":"T%d"},"expires_in":60}`, len(claims))
	})
	var tokens send.Tokens
	now := time.Unix(1764064800, 0)
	get := func(name string) string {
		var token string
		r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) (err error) {
			token, err = tokens.Get(ctx, x, send.TokenRequest{
				Key: name,
				Make: func(_ context.Context, now time.Time) (*send.Call, error) {
					jwt, err := key.Assertion("PS256", "kid", fmt.Appendf(nil, `{"iss":"me","iat":%d}`, now.Unix()))
					if err != nil {
						return nil, err
					}
					middle, _ := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
					claims = append(claims, string(middle))
					return &send.Call{Method: "POST", URL: e.URL + "/token", Body: send.URLEncoded([2]string{"assertion", jwt})}, nil
				},
				Read: func(_ context.Context, reply *send.Reply, object json.RawMessage) (string, error) {
					var answer struct{ Data struct{ JWT string } }
					if err := json.Unmarshal(object, &answer); err != nil || reply.Status != 200 {
						return "", errors.New("the answer is not that of a token request")
					}
					return answer.Data.JWT, nil
				},
			})
			return err
		}), rossumtest.Annotation(), pipeline.WithClock(func() time.Time { return now }))
		if r.Err != nil {
			t.Error(r.Err)
		}
		return token
	}
	_ = get("a") + get("a") + get("b")
	now = now.Add(time.Minute)
	_ = get("a")
	if got := strings.Join(claims, ""); got != `{"iss":"me","iat":1764064800}{"iss":"me","iat":1764064800}{"iss":"me","iat":1764064860}` {
		t.Errorf("claims %s", got)
	}
	if _, err := key.Assertion("PS256", "kid", json.RawMessage(`[]`)); err == nil {
		t.Error("claims that are a list are signed")
	}
	if _, err := key.Assertion("HS256", "kid", json.RawMessage(`{}`)); err == nil || !strings.Contains(err.Error(), "PS256") {
		t.Errorf("got %v", err)
	}
	if _, err := send.ParsePrivateKey("canary"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}
