package requestprocessor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
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
	if r.x.IsDry() { // whose tokens must not get into the cache
		if kept := r.x.Secrets[req.secret(key)]; kept != "" && kept != refused {
			return kept, nil
		}
		token, err := req.fetch(ctx, r)
		if made, ok := pipelinerun.MadeUpToken(r.x, err); ok {
			return made, nil
		}
		r.x.Hide(token.Value)
		return token.Value, err
	}
	name := req.secret(key)
	token, fresh, err := r.p.tokens.Get(ctx, oauth.Ask{
		Key: r.x.Payload.Hook + " " + key, Now: r.x.WallTime(), Refused: refused, Kept: r.x.Secrets[name],
		Fetch: func(ctx context.Context) (oauth.Token, error) { return req.fetch(ctx, r) },
	})
	if err != nil {
		delete(r.x.Secrets, name)
		return "", err
	}
	r.x.Hide(token.Value)
	if r.x.Secrets[name] = token.Value; fresh {
		pipelinerun.KeepToken(ctx, r.x, name, token.Value)
	}
	return token.Value, nil
}

// tokenAttempts is how often a token request is made.
const tokenAttempts = 2

// fetch asks for a new token.
func (t *tokenRequest) fetch(ctx context.Context, r *run) (oauth.Token, error) {
	none := oauth.Token{}
	call, err := t.make(ctx, r.x.WallTime())
	if err != nil {
		return none, err
	}
	call.Idle, call.Retry, call.MaxAttempts = defaultTimeout, send.RetryAlways, tokenAttempts
	reply, err := send.Ask(ctx, r.x, call)
	if err != nil {
		return none, fail(t.place+".url", fmt.Errorf("asking for a token: %w", err))
	}
	mediaType := reply.Header.Get("Content-Type")
	if reply.Status < 200 || reply.Status > 299 {
		return none, fail(t.place, fmt.Errorf("the token request was answered with status %d (%s): %s", reply.Status, mediaType, r.x.Excerpt(reply.Body, maxExcerpt)))
	}
	// No error may quote the answer, which has a token in it.
	parsed := oauth.ParseReply(reply.Body, mediaType)
	answer, err := pyvalue.FromJSON(parsed.Object, true)
	if err != nil || answer.Dict() == nil {
		return none, fail(t.place, fmt.Errorf("the answer of the token request (status %d, %s, %d bytes) is not a JSON object", reply.Status, mediaType, len(reply.Body)))
	}
	roots := make(map[string]pyvalue.Value)
	for k, v := range answer.Dict().All() {
		roots[k.Text()] = v
	}
	v, err := t.credential.Resolve(ctx, &reqproc.Scope{Roots: roots})
	token := ""
	if err == nil {
		token, err = reqproc.Text(ctx, v)
	}
	if err != nil || token == "" || v.Dict() != nil || v.List() != nil {
		if parsed.Problem != "" {
			return none, fail(t.place, fmt.Errorf("the token request was answered with status %d and the error %s", reply.Status, r.x.Excerpt([]byte(parsed.Problem), maxExcerpt)))
		}
		return none, fail(t.place+".credential_key", fmt.Errorf("the answer of the token request (status %d, %s) has no token at %s", reply.Status, mediaType, t.credential))
	}
	return parsed.New(token, r.x.WallTime()), nil
}

// maxExcerpt is how much of a reply an error shows, in bytes.
const maxExcerpt = 300
