package pipeline

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// announcer keeps the calls of Rossum's API on the ledger: a run that goes on after a
// crash decides by what it had read before, and changes nothing twice.
type announcer struct{ x *Export }

// Announce implements [rossum.Announcer].
func (a announcer) Announce(ctx context.Context, call rossum.APICall, send func(context.Context) (*rossum.APIReply, error)) (*rossum.APIReply, error) {
	if log := a.x.run.log; !log.isKept() {
		answer, err := send(ctx)
		if call.Method != http.MethodGet && (err == nil || !errors.Is(err, ErrNotSent)) {
			log.mu.Lock()
			log.inRossum = true
			log.mu.Unlock()
		}
		return answer, err
	}
	what := call.Method + " " + call.URL
	act := Act{Call: what + a.x.run.mark(call.Body), What: what, Reads: call.Method == http.MethodGet, aside: true}
	// A second PATCH sets the same values, and what is deleted stays deleted.
	act.Repeatable = call.Method == http.MethodPatch || call.Method == http.MethodDelete
	var made *rossum.APIReply
	answer, err := a.x.Once(ctx, act, func(ctx context.Context, _ Attempt) (*Reply, error) {
		var err error
		if made, err = send(ctx); err != nil {
			return nil, err
		}
		return abridged(call.Method, made), nil
	})
	switch {
	case err != nil:
		return nil, err
	case made != nil:
		return made, nil
	case len(answer.Value) > 0:
		return sameAgain(ctx, what, answer.Value, send)
	}
	return &rossum.APIReply{Status: answer.Status, Header: answer.Header, Body: answer.Body}, nil
}

// abridged is what the ledger gets of an answer. Of a large one it gets a hash: it is read
// again when it is needed.
func abridged(method string, made *rossum.APIReply) *Reply {
	answer := &Reply{Status: made.Status, Header: http.Header{}}
	if contentType := made.Header.Get("Content-Type"); contentType != "" {
		answer.Header.Set("Content-Type", contentType)
	}
	switch {
	case made.Status < 400 && (method == http.MethodPatch || method == http.MethodDelete): // nobody reads it
	case len(made.Body) <= maxRecordedBody:
		answer.Body = made.Body
	default:
		answer.Value, _ = json.Marshal(sha256.Sum256(made.Body)) // of numbers
	}
	return answer
}

// sameAgain reads once more what was too large for the ledger.
func sameAgain(ctx context.Context, what string, sum json.RawMessage, send func(context.Context) (*rossum.APIReply, error)) (*rossum.APIReply, error) {
	made, err := send(ctx)
	if err != nil {
		return nil, err
	}
	if now, _ := json.Marshal(sha256.Sum256(made.Body)); string(now) != string(sum) {
		return nil, fmt.Errorf("%s: the answer is another one than before the run was cut short, so that the run cannot go on with it", what)
	}
	return made, nil
}

// mark tells calls with different bodies apart, without telling anything of them.
func (r *run) mark(body []byte) string {
	if body == nil {
		return ""
	}
	h := hmac.New(sha256.New, r.seed[:])
	_, _ = h.Write(body) // a hash never fails
	return " " + hex.EncodeToString(h.Sum(nil)[:8])
}
