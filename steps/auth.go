package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/address"
	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
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

	tokens *send.Tokens
}

func (a Auth) compile(faults *settings.Faults) *tokenSource {
	t := &tokenSource{tokens: &send.Tokens{}}
	t.url = compileURL(faults, "auth.url", a.URL)
	t.method = compileMethod(faults, "auth.method", a.Method)
	t.headers = compileHeaders(faults, "auth.headers", a.Headers)
	t.data = compileData(faults, "auth.data", a.Data)
	return t
}

// token returns a token: the cached one, or that of the hook's secrets, or a new
// one. It is not the refused one, which the server has just turned down.
func (t *tokenSource) token(ctx context.Context, target *urls, data *jsontemplate.Data, refused string) (string, error) {
	call, err := t.render(ctx, target, data)
	if err != nil {
		return "", err
	}
	token, err := t.tokens.Get(ctx, target.x, send.TokenRequest{Call: call, Secret: tokenSecret, Refused: refused})
	var failed *send.Error
	switch {
	case errors.As(err, &failed):
		return "", &pipeline.StepError{Place: "auth.url", Err: err}
	case err != nil && ctx.Err() == nil:
		return "", &pipeline.StepError{Place: "auth", Err: err}
	}
	return token, err
}

// render makes the token request.
func (t *tokenSource) render(ctx context.Context, target *urls, data *jsontemplate.Data) (*send.Call, error) {
	call := &send.Call{Method: t.method, Header: make(http.Header), Timeout: retryTimeout}
	var err error
	if call.URL, err = target.fill(ctx, t.url, data); err != nil {
		return nil, fmt.Errorf("auth.url: %w", err)
	}
	target.known = append(slices.Clip(target.known), address.Literals(call.URL)...)
	for _, h := range t.headers {
		if err := h.set(ctx, call, "auth.headers", data, target.x); err != nil {
			return nil, err
		}
	}
	if t.data != nil {
		body, err := t.body(ctx, call, data, target.x)
		if err != nil {
			return nil, err
		}
		call.Body = pipeline.Bytes(body)
	}
	return call, nil
}

func (t *tokenSource) body(ctx context.Context, call *send.Call, data *jsontemplate.Data, x *pipeline.Export) ([]byte, error) {
	v, in, err := t.data.RenderBody(ctx, data, false)
	if err != nil {
		return nil, err
	}
	exporttemplate.NoteJSON(x, "auth.data", in)
	if strings.Contains(strings.ToLower(call.Header.Get("Content-Type")), "json") && !v.IsText() {
		return jsontemplate.AppendJSON(ctx, nil, v)
	}
	fields := v.Dict()
	if fields == nil {
		text, err := jsontemplate.Text(ctx, v)
		return []byte(text), err
	}
	if call.Header.Get("Content-Type") == "" {
		call.Header.Set("Content-Type", send.FormType)
	}
	form, err := formBody(ctx, fields)
	if err != nil {
		return nil, err
	}
	return jsontemplate.ReadAll(ctx, form)
}
