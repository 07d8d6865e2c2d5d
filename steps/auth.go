package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
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

	cached *oauth.Cache
}

func (a Auth) compile(faults *settings.Faults) *tokenSource {
	t := &tokenSource{cached: &oauth.Cache{}}
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
	token, fresh, err := t.cached.Get(ctx, oauth.Ask{
		Key: key, Now: x.WallTime(), Refused: refused, Kept: x.OwnToken(tokenSecret, key),
		Fetch: func(ctx context.Context) (oauth.Token, error) { return t.fetch(ctx, x, call) },
	})
	if err != nil {
		return "", err
	}
	x.Hide(token.Value)
	x.Own(token.Value, key)
	if fresh {
		x.KeepToken(ctx, tokenSecret, token.Value)
	}
	return token.Value, nil
}

// render makes the token request, and its key: a token belongs to the hook and to all
// that it was asked for with.
func (t *tokenSource) render(ctx context.Context, target *urls, data *jsontemplate.Data) (*httpcall.Call, string, error) {
	call := &httpcall.Call{Method: t.method, Header: make(http.Header), Timeout: retryTimeout, Retry: httpcall.Always}
	var err error
	if call.URL, err = target.fill(ctx, t.url, data); err != nil {
		return nil, "", fmt.Errorf("auth.url: %w", err)
	}
	target.known = append(slices.Clip(target.known), address.Literals(call.URL)...)
	for _, h := range t.headers {
		value, err := h.value.RenderText(ctx, data)
		if err != nil {
			return nil, "", err
		}
		set(call, h, value)
	}
	var body []byte
	if t.data != nil {
		if body, err = t.body(ctx, call, data); err != nil {
			return nil, "", err
		}
		call.Body = httpcall.Bytes(body)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s %s\n%s\n%s", target.x.Payload.Hook, call.Method, call.URL, call.Header, body))
	return call, hex.EncodeToString(sum[:]), nil
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

func (t *tokenSource) fetch(ctx context.Context, x *pipeline.Export, call *httpcall.Call) (oauth.Token, error) {
	reply, err := x.Do(ctx, call)
	if err != nil {
		return oauth.Token{}, &pipeline.StepError{Place: "auth.url", Err: err}
	}
	if reply.Status < 200 || reply.Status > 299 {
		return oauth.Token{}, &pipeline.StepError{Place: "auth", Err: fmt.Errorf("the token request was answered with status %d: %s", reply.Status, excerpt(reply.Body))}
	}
	mediaType := reply.Header.Get("Content-Type")
	answer := oauth.ParseReply(reply.Body, mediaType)
	switch {
	case answer.Problem != "":
		return oauth.Token{}, &pipeline.StepError{Place: "auth", Err: fmt.Errorf("the token request was answered with status %d and the error %s", reply.Status, excerpt([]byte(x.Redact(answer.Problem))))}
	case answer.Token == "": // nothing of the answer is quoted, which could be a token
		return oauth.Token{}, &pipeline.StepError{Place: "auth", Err: fmt.Errorf("the answer of the token request (status %d, %s) has no access_token", reply.Status, mediaType)}
	}
	return answer.New(answer.Token, x.WallTime()), nil
}

// excerpt shows the beginning of a reply in an error, on one line.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 300)]), "")), " ")
	if text == "" {
		return "(no text)"
	}
	return text
}
