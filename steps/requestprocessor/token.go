package requestprocessor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// tokenRequest is how a token is had, with everything filled in.
type tokenRequest struct {
	place      string // of the auth
	config     pyvalue.Value
	url        string
	credential *reqproc.Path
	// make makes the call; a client assertion in it holds for a while only.
	make func(ctx context.Context, now time.Time) (*send.Call, error)
}

// key names the token request: by all that was filled in.
func (t *tokenRequest) key() (string, error) {
	text, err := pyvalue.JSON{SortKeys: true}.Append(nil, nil, t.config)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

var notAlphanumeric = regexp.MustCompile(`[^A-Za-z0-9]`)

// secret is the name under which the hook's secrets keep the token.
func (t *tokenRequest) secret(key string) string {
	host := ""
	if u, err := url.Parse(t.url); err == nil {
		host = notAlphanumeric.ReplaceAllString(u.Hostname(), "_")
	}
	return "_request_processor_token_cache_" + host[:min(len(host), 32)] + "_" + key[:16]
}

// getToken returns a token: the one kept here, that of the hook's secrets, or a new one;
// never the refused one, which the server has just turned down.
func (r *run) getToken(ctx context.Context, req *tokenRequest, refused string) (string, error) {
	key, err := req.key()
	if err != nil {
		return "", err
	}
	name := req.secret(key)
	token, err := r.p.tokens.Get(ctx, r.x, send.TokenRequest{
		Key: key, Secret: name, Refused: refused, Read: req.read,
		Make: func(ctx context.Context, now time.Time) (*send.Call, error) {
			call, err := req.make(ctx, now)
			if err == nil {
				call.Idle, call.MaxAttempts = defaultTimeout, tokenAttempts
			}
			return call, err
		},
	})
	switch {
	case err == nil:
		if !r.x.IsDry() {
			r.x.Secrets[name] = token
		}
		return token, nil
	case !r.x.IsDry():
		delete(r.x.Secrets, name)
	}
	return "", req.placed(err)
}

// placed says where in the settings an error of a token request belongs.
func (t *tokenRequest) placed(err error) error {
	var placed *pipeline.StepError
	var failed *send.Error
	switch {
	case errors.As(err, &placed):
		return err
	case errors.As(err, &failed):
		return fail(t.place+".url", fmt.Errorf("asking for a token: %w", err))
	}
	return fail(t.place, err)
}

// tokenAttempts is how often a token request is made.
const tokenAttempts = 2

// read takes the token out of an answer, as credential_key has it.
func (t *tokenRequest) read(ctx context.Context, reply *send.Reply, object json.RawMessage) (string, error) {
	// No error may quote the answer, which has a token in it.
	none := fail(t.place+".credential_key", fmt.Errorf("the answer to the token request (status %d, %s) has no token at %s", reply.Status, reply.Header.Get("Content-Type"), t.credential))
	answer, err := pyvalue.FromJSON(object, true)
	if err != nil || answer.Dict() == nil {
		return "", none
	}
	roots := make(map[string]pyvalue.Value)
	for k, v := range answer.Dict().All() {
		roots[k.Text()] = v
	}
	v, err := t.credential.Resolve(ctx, &reqproc.Scope{Roots: roots})
	if err != nil || v.Dict() != nil || v.List() != nil {
		return "", none
	}
	if token, err := reqproc.Text(ctx, v); err == nil && token != "" {
		return token, nil
	}
	return "", none
}

// maxExcerpt is how much of a reply an error shows, in bytes.
const maxExcerpt = 300
