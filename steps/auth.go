package steps

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// tokenSecret is the name under which Rossum's extension keeps the token.
const tokenSecret = "access_token"

// tokenSource gets OAuth2 tokens and remembers them until they expire. It is
// shared by concurrent exports.
type tokenSource struct {
	url     *jsontemplate.Template
	method  string
	headers []header
	data    *jsontemplate.Template

	mu     sync.Mutex
	cached map[[sha256.Size]byte]cachedToken
}

type cachedToken struct {
	token   string
	expires time.Time // zero if the server did not say
}

func (a Auth) compile(faults *settings.Faults) *tokenSource {
	t := &tokenSource{cached: make(map[[sha256.Size]byte]cachedToken)}
	t.url = compileURL(faults, "auth.url", a.URL)
	t.method = compileMethod(faults, "auth.method", a.Method)
	t.headers = compileHeaders(faults, "auth.headers", a.Headers)
	if len(a.Data) > 0 && string(a.Data) != "null" {
		var err error
		t.data, err = jsontemplate.Compile(a.Data, jsontemplate.Options{Place: "auth.data"})
		faults.AddErr("", err)
	}
	return t
}

// token returns a token: the cached one, or that of the hook's secrets, or a new
// one. It is not the refused one, which the server has just turned down.
func (t *tokenSource) token(ctx context.Context, target *urls, data *jsontemplate.Data, refused string) (string, error) {
	x := target.x
	call, key, err := t.render(ctx, target, data)
	if err != nil {
		return "", err
	}
	// Only one export asks for a token; the others wait for it.
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.cached[key]
	if !ok {
		known.token = x.Secrets[tokenSecret]
	}
	if known.token != "" && known.token != refused && (known.expires.IsZero() || x.Now().Before(known.expires)) {
		x.Hide(known.token)
		x.Secrets[tokenSecret] = known.token
		return known.token, nil
	}
	fresh, err := t.fetch(ctx, x, call)
	if err != nil {
		return "", err
	}
	t.cached[key] = fresh
	x.Secrets[tokenSecret] = fresh.token
	t.save(ctx, x, fresh.token)
	return fresh.token, nil
}

// save keeps the token in the hook's secrets, as Rossum's extension does. That
// it cannot be saved costs the next process a token request, not this export.
func (t *tokenSource) save(ctx context.Context, x *pipeline.Export, token string) {
	id := rossum.IDOf(x.Payload.Hook)
	if x.Rossum == nil || id == 0 {
		return
	}
	if err := x.Rossum.SetHookSecrets(ctx, id, rossum.Secrets{tokenSecret: token}); err != nil {
		x.Log.WarnContext(ctx, "the access token could not be saved in the hook's secrets", "error", err)
		x.Decide("the access token could not be saved in the hook's secrets")
	}
}

// render makes the token request, and the key of its cache entry.
func (t *tokenSource) render(ctx context.Context, target *urls, data *jsontemplate.Data) (*httpcall.Call, [sha256.Size]byte, error) {
	call := &httpcall.Call{Method: t.method, Header: make(http.Header), Timeout: retryTimeout, Retry: httpcall.Always}
	none := [sha256.Size]byte{}
	var err error
	if call.URL, err = target.fill(ctx, t.url, data); err != nil {
		return nil, none, fmt.Errorf("auth.url: %w", err)
	}
	target.known = append(slices.Clip(target.known), address.Literals(call.URL)...)
	for _, h := range t.headers {
		value, err := h.value.RenderText(ctx, data)
		if err != nil {
			return nil, none, err
		}
		call.Header.Set(h.name, value)
	}
	var body []byte
	if t.data != nil {
		if body, err = t.body(ctx, call, data); err != nil {
			return nil, none, err
		}
		call.Body = httpcall.Bytes(body)
	}
	return call, sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", call.URL, call.Header, body)), nil
}

func (t *tokenSource) body(ctx context.Context, call *httpcall.Call, data *jsontemplate.Data) ([]byte, error) {
	v, err := t.data.Render(ctx, data)
	if err != nil {
		return nil, err
	}
	if strings.Contains(strings.ToLower(call.Header.Get("Content-Type")), "json") {
		return jsontemplate.AppendJSON(ctx, nil, v)
	}
	fields, ok := v.(*jsontemplate.Object)
	if !ok {
		text, err := jsontemplate.Text(ctx, v)
		return []byte(text), err
	}
	if call.Header.Get("Content-Type") == "" {
		call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	text, err := urlencoded(ctx, fields)
	return []byte(text), err
}

// earlier is how long before its end a token is no longer used.
const earlier = 30 * time.Second

func (t *tokenSource) fetch(ctx context.Context, x *pipeline.Export, call *httpcall.Call) (cachedToken, error) {
	reply, err := x.Do(ctx, call)
	if err != nil {
		return cachedToken{}, &pipeline.StepError{Place: "auth.url", Err: err}
	}
	if reply.Status < 200 || reply.Status > 299 {
		return cachedToken{}, &pipeline.StepError{Place: "auth", Err: fmt.Errorf("the token request was answered with status %d: %s", reply.Status, excerpt(reply.Body))}
	}
	var answer struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
	}
	// The error of encoding/json could quote the token.
	if json.Unmarshal(reply.Body, &answer) != nil || answer.AccessToken == "" {
		return cachedToken{}, &pipeline.StepError{Place: "auth", Err: fmt.Errorf("the answer of the token request (status %d, %s) has no access_token", reply.Status, reply.Header.Get("Content-Type"))}
	}
	x.Hide(answer.AccessToken)
	token := cachedToken{token: answer.AccessToken}
	if seconds, err := answer.ExpiresIn.Float64(); err == nil && seconds > 0 {
		life := time.Duration(min(seconds, 1e9) * float64(time.Second))
		token.expires = x.Now().Add(life - min(earlier, life/2))
	}
	return token, nil
}

// excerpt shows the beginning of a reply in an error, on one line.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 300)]), "")), " ")
	if text == "" {
		return "(no text)"
	}
	return text
}
