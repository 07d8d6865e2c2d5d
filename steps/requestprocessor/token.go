package requestprocessor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// tokenRequest is how a token is had, with everything filled in.
type tokenRequest struct {
	place      string // of the auth
	config     pyvalue.Value
	url        string
	credential *reqproc.Path
	// make makes the call; a client assertion in it holds for a while only.
	make func(ctx context.Context, now time.Time) (*httpcall.Call, error)
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

// tokens are the tokens that the exports of one step share, by what they were asked
// for with.
type tokens struct {
	mu    sync.Mutex
	byKey map[string]*sharedToken
}

// sharedToken is one of them.
type sharedToken struct {
	lock    chan struct{} // held by the one export that asks for it
	token   string
	expires time.Time // zero if the server did not say
}

func newTokens() *tokens { return &tokens{byKey: make(map[string]*sharedToken)} }

// maxTokens is how many tokens are kept at a time.
const maxTokens = 1000

func (t *tokens) of(key string) *sharedToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	shared := t.byKey[key]
	if shared == nil {
		if len(t.byKey) >= maxTokens {
			clear(t.byKey)
		}
		shared = &sharedToken{lock: make(chan struct{}, 1)}
		t.byKey[key] = shared
	}
	return shared
}

// get returns a token: the one kept here, that of the hook's secrets, or a new one;
// never the refused one, which the server has just turned down.
func (t *tokens) get(ctx context.Context, r *run, req *tokenRequest, refused string) (string, error) {
	key, err := req.key()
	if err != nil {
		return "", err
	}
	shared := t.of(key)
	select {
	case shared.lock <- struct{}{}:
		defer func() { <-shared.lock }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	name := req.secret(key)
	if shared.token == "" || shared.token == refused {
		shared.token, shared.expires = r.x.Secrets[name], time.Time{}
	}
	if shared.token != "" && shared.token != refused && (shared.expires.IsZero() || r.x.Now().Before(shared.expires)) {
		r.x.Hide(shared.token)
		r.x.Secrets[name] = shared.token
		return shared.token, nil
	}
	shared.token = ""
	delete(r.x.Secrets, name)
	if err := req.fetch(ctx, r, shared); err != nil {
		return "", err
	}
	r.x.Secrets[name] = shared.token
	r.saveToken(ctx, name, shared.token)
	return shared.token, nil
}

// saveToken keeps the token in the hook's secrets. That it cannot be saved costs the
// next process a token request, not this export.
func (r *run) saveToken(ctx context.Context, name, token string) {
	id := rossum.IDOf(r.x.Payload.Hook)
	if r.x.Rossum == nil || id == 0 {
		return
	}
	if err := r.x.Rossum.SetHookSecrets(ctx, id, rossum.Secrets{name: token}); err != nil {
		r.x.Log.WarnContext(ctx, "the access token could not be saved in the hook's secrets", "error", err)
		r.decide("the access token could not be saved in the hook's secrets; its secrets_schema must allow further keys: %v", err)
	}
}

// Rules of a token request.
const (
	tokenAttempts = 2
	earlier       = 30 * time.Second // before its end a token is no longer used
)

// fetch asks for a new token and puts it into shared.
func (t *tokenRequest) fetch(ctx context.Context, r *run, shared *sharedToken) error {
	call, err := t.make(ctx, r.x.Now())
	if err != nil {
		return err
	}
	call.Idle, call.Retry, call.MaxAttempts = defaultTimeout, httpcall.Always, tokenAttempts
	reply, err := r.x.Do(ctx, call)
	if err != nil {
		return fail(t.place+".url", fmt.Errorf("asking for a token: %w", err))
	}
	mediaType := reply.Header.Get("Content-Type")
	if reply.Status < 200 || reply.Status > 299 {
		return fail(t.place, fmt.Errorf("the token request was answered with status %d (%s): %s", reply.Status, mediaType, r.x.Redact(excerpt(reply.Body))))
	}
	// No error may quote the answer, which has a token in it.
	answer, err := pyvalue.FromJSON(reply.Body, true)
	if err != nil || answer.Dict() == nil {
		return fail(t.place, fmt.Errorf("the answer of the token request (status %d, %s, %d bytes) is no JSON object", reply.Status, mediaType, len(reply.Body)))
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
		return fail(t.place+".credential_key", fmt.Errorf("the answer of the token request (status %d, %s) has no token at %s", reply.Status, mediaType, t.credential))
	}
	r.x.Hide(token)
	shared.token, shared.expires = token, time.Time{}
	var life struct {
		ExpiresIn json.Number `json:"expires_in"`
	}
	if json.Unmarshal(reply.Body, &life) == nil {
		if seconds, err := life.ExpiresIn.Float64(); err == nil && seconds > 0 {
			d := time.Duration(min(seconds, 1e9) * float64(time.Second))
			shared.expires = r.x.Now().Add(d - min(earlier, d/2))
		}
	}
	return nil
}

// maxExcerpt is how much of a reply an error shows, in bytes.
const maxExcerpt = 300

// excerpt shows the beginning of a reply on one line.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), maxExcerpt)]), "")), " ")
	if text == "" {
		return "(no text)"
	}
	return text
}
