package send

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oauth"
	"github.com/exportpipeline/exportpipeline/internal/pipelinerun"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Tokens gets OAuth 2 access tokens and keeps them until they expire. It belongs to the
// program of a step and is shared by its exports; the zero value works. It is safe for
// concurrent use: of those who need the same token, one asks the server, and the others
// wait for it, each no longer than its own context.
type Tokens struct{ cache oauth.Cache }

// TokenRequest is a wish for a token.
type TokenRequest struct {
	// Call is the token request. Those whose hook, method, address, header and body are the
	// same share a token. It may be repeated.
	Call *Call
	// Make, if Call is nil, makes the token request when there is to be one, with an
	// assertion that holds for a while only, for example. Those whose hook and Key are the
	// same share a token.
	Make func(ctx context.Context, now time.Time) (*Call, error)
	Key  string
	// Read, if not nil, takes the token out of the reply to the request, which is a JSON
	// object, or was a form, whose fields have become members. Its error must not quote the
	// reply. Without it the token is access_token.
	Read func(ctx context.Context, reply *Reply, object json.RawMessage) (string, error)
	// Secret, if not "", is the name under which the token is kept in the hook's secrets,
	// for this run and, in Rossum, for later processes.
	Secret string
	// Refused is the token that the API has just turned down; it is not returned again.
	Refused string
}

// Get returns a token: one that it has got before, or that of the hook's secrets, or a new
// one. A reply is JSON, with or without a byte order mark, or a form; its access_token is
// used until shortly before expires_in (a number or a text with one), or until it is
// refused. The token is cut out of everything that is shown. One of more than 64 KB is an
// error, and so is an answer of more than 1 MB.
//
// The error is an [*Error] if the server could not be asked, and else quotes what it says.
func (t *Tokens) Get(ctx context.Context, x *pipeline.Export, r TokenRequest) (string, error) {
	if x == nil {
		return "", errors.New("asking for a token: the export is nil")
	}
	key, err := r.key(ctx, x)
	if err != nil {
		return "", err
	}
	ask := oauth.Ask{
		Key: key, Now: x.WallTime(), Refused: r.Refused,
		Fetch: func(ctx context.Context) (oauth.Token, error) { return r.fetch(ctx, x) },
	}
	if r.Secret != "" {
		ask.Kept = pipelinerun.OwnToken(x, r.Secret, key)
	}
	if x.IsDry() {
		return dryToken(ctx, x, ask)
	}
	token, fresh, err := t.cache.Get(ctx, ask)
	if err != nil {
		return "", err
	}
	x.Hide(token.Value)
	pipelinerun.Own(x, token.Value, key)
	if fresh && r.Secret != "" {
		pipelinerun.KeepToken(ctx, x, r.Secret, token.Value)
	}
	return token.Value, nil
}

// dryToken is the token of a dry run, which must not get into the cache.
func dryToken(ctx context.Context, x *pipeline.Export, ask oauth.Ask) (string, error) {
	if ask.Kept != "" && ask.Kept != ask.Refused {
		return ask.Kept, nil
	}
	token, err := ask.Fetch(ctx)
	if made, ok := pipelinerun.MadeUpToken(x, err); ok {
		return made, nil
	}
	x.Hide(token.Value)
	return token.Value, err
}

// key names the token: it belongs to the hook and to all that it is asked for with.
func (r TokenRequest) key(ctx context.Context, x *pipeline.Export) (string, error) {
	h := sha256.New()
	if r.Call == nil {
		if r.Make == nil || r.Key == "" {
			return "", errors.New("the wish for a token has neither a Call, nor Make with a Key")
		}
		fmt.Fprintf(h, "%s\n%s", x.Payload.Hook, r.Key)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	fmt.Fprintf(h, "%s\n%s %s\n%s\n", x.Payload.Hook, r.Call.Method, r.Call.URL, r.Call.Header)
	if r.Call.Body != nil {
		body, err := r.Call.Body.Open(ctx)
		if err != nil {
			return "", fmt.Errorf("reading the body of the token request: %w", err)
		}
		defer body.Close()
		if _, err := io.Copy(h, body); err != nil {
			return "", fmt.Errorf("reading the body of the token request: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fetch asks for a new token.
func (r TokenRequest) fetch(ctx context.Context, x *pipeline.Export) (none oauth.Token, err error) {
	call := r.Call
	if call == nil {
		if call, err = r.Make(ctx, x.WallTime()); err != nil {
			return none, err
		}
	}
	asked := *call
	asked.Retry = RetryAlways
	reply, err := Ask(ctx, x, &asked)
	if err != nil {
		return none, err
	}
	mediaType := reply.Header.Get("Content-Type")
	if reply.Status < 200 || reply.Status > 299 {
		return none, fmt.Errorf("the token request was answered with status %d (%s): %s", reply.Status, mediaType, x.Excerpt(reply.Body, maxExcerpt))
	}
	if len(reply.Body) > maxTokenReply {
		return none, fmt.Errorf("the answer to the token request (status %d, %s) has %d bytes; at most %d are read", reply.Status, mediaType, len(reply.Body), maxTokenReply)
	}
	answer := oauth.ParseReply(reply.Body, mediaType)
	token, err := r.read(ctx, reply, answer)
	switch {
	case len(token) > maxToken:
		return none, fmt.Errorf("the answer to the token request (status %d, %s) has a token of %d bytes; at most %d are accepted, since no server takes a longer one in a header", reply.Status, mediaType, len(token), maxToken)
	case token != "" && err == nil:
		return answer.New(token, x.WallTime()), nil
	case answer.Problem != "":
		return none, fmt.Errorf("the token request was answered with status %d and the error %s", reply.Status, x.Excerpt([]byte(answer.Problem), maxExcerpt))
	case answer.Object == nil && r.Read != nil: // nothing of the answer is quoted, which could be a token
		return none, fmt.Errorf("the answer to the token request (status %d, %s, %d bytes) is not a JSON object", reply.Status, mediaType, len(reply.Body))
	case err != nil:
		return none, err
	}
	return none, fmt.Errorf("the answer to the token request (status %d, %s) has no access_token", reply.Status, mediaType)
}

// read takes the token out of an answer, "" if there is none.
func (r TokenRequest) read(ctx context.Context, reply *Reply, answer oauth.Reply) (string, error) {
	if r.Read == nil || answer.Object == nil {
		return answer.Token, nil
	}
	return r.Read(ctx, reply, answer.Object)
}

// Bounds of a token and of the answer that has it, in bytes. Servers take headers of 8 to
// 64 KB; a token is also cut out of all that is shown, in each of its forms.
const (
	maxToken      = 64 << 10
	maxTokenReply = 1 << 20
)

// maxExcerpt is how much of a reply an error shows, in bytes.
const maxExcerpt = 300
