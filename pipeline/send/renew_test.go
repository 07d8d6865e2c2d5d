package send_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// guardedERP issues tokens, sets a cookie beside each 401, and notes what else it gets.
type guardedERP struct {
	*erp
	mu    sync.Mutex
	calls []string // token, cookie and body
	types []string
}

func newGuardedERP(t *testing.T, accepts func(token string) bool) *guardedERP {
	t.Helper()
	g, issued := &guardedERP{}, 0
	g.erp = newERP(t, func(http.ResponseWriter, *http.Request) {})
	g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.URL.Path == "/token" {
			issued++
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"token-%d"}`, issued)
			return
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		g.calls = append(g.calls, fmt.Sprintf("%s %s %s", token, r.Header.Get("Cookie"), body))
		g.types = append(g.types, r.Header.Get("Content-Type"))
		if !accepts(token) {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "other", Value: "o1", Path: "/elsewhere"})
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	return g
}

// outside is a step as somebody writes it who has package send alone.
func outside(g *guardedERP, tokens *send.Tokens, status *int) pipeline.Step {
	return step(func(ctx context.Context, x *pipeline.Export) error {
		wish := send.TokenRequest{Call: &send.Call{Method: "POST", URL: g.URL + "/token"}}
		token, err := tokens.Get(ctx, x, wish)
		if err != nil {
			return err
		}
		body, contentType, err := send.Multipart(
			x.NewID(),
			send.Part{Name: "f", FileName: "a.txt", File: true, Content: pipeline.Bytes("invoice")},
		)
		if err != nil {
			return err
		}
		call := &send.Call{Name: "create", Method: "POST", URL: g.URL + "/invoices", Body: body}
		call.SetHeader("Content-Type", contentType)
		call.SetHeader("Authorization", "Bearer "+token)
		call.Renew = func(ctx context.Context) (*send.Call, error) {
			wish.Refused = token
			if token, err = tokens.Get(ctx, x, wish); err != nil {
				return nil, err
			}
			call.SetHeader("Authorization", "Bearer "+token)
			return call, nil
		}
		reply, err := send.Do(ctx, x, call)
		if err == nil {
			*status = reply.Status
		}
		return err
	})
}

func TestACallThatATokenWasTooOldForIsMadeOnceMoreWithANewOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accepts func(string) bool
		status  int
		calls   []string // token and cookie
	}{
		"a good token":       {func(string) bool { return true }, 201, []string{"token-1 "}},
		"401 once":           {func(token string) bool { return token != "token-1" }, 201, []string{"token-1 ", "token-2 session=s1"}},
		"a second 401 stays": {func(string) bool { return false }, 401, []string{"token-1 ", "token-2 session=s1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuardedERP(t, tt.accepts)
			var status int
			journal, err := pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r := pipelinetest.Run(t, outside(g, &send.Tokens{}, &status), rossumtest.Annotation(), pipeline.WithJournal(journal))
			if r.Err != nil || status != tt.status {
				t.Errorf("status %d, %v", status, r.Err)
			}
			var bodies []string
			for i, call := range g.calls {
				token, rest, _ := strings.Cut(call, " ")
				cookie, body, _ := strings.Cut(rest, " ")
				bodies = append(bodies, body+g.types[i])
				g.calls[i] = token + " " + cookie
			}
			if !slices.Equal(g.calls, tt.calls) {
				t.Errorf("the ERP got %q", g.calls)
			}
			if bodies = slices.Compact(bodies); len(bodies) != 1 || !strings.Contains(bodies[0], "invoice") {
				t.Errorf("the bodies differ: %q", bodies)
			}
		})
	}
}

func TestACookieOfA401IsSentOnceToAProgramsClientThatKeepsCookies(t *testing.T) {
	t.Parallel()
	g := newGuardedERP(t, func(token string) bool { return token != "token-1" })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var status int
	client := &http.Client{Transport: g.Client().Transport, Jar: jar}
	if r := pipelinetest.Run(t, outside(g, &send.Tokens{}, &status), rossumtest.Annotation(), pipeline.WithHTTPClient(client)); r.Err != nil ||
		status != 201 {
		t.Fatalf("status %d, %v", status, r.Err)
	}
	if len(g.calls) != 2 || !strings.HasPrefix(g.calls[1], "token-2 session=s1 --") {
		t.Errorf("the ERP got %q", g.calls)
	}
}

func TestWhatRenewSaysOfA401Counts(t *testing.T) {
	t.Parallel()
	broken := errors.New("no token today")
	for name, tt := range map[string]struct {
		renew func(context.Context) (*send.Call, error)
		err   error
	}{
		"its error": {func(context.Context) (*send.Call, error) { return nil, broken }, broken},
		"no call":   {func(context.Context) (*send.Call, error) { return nil, nil }, nil},
		"no Renew":  {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuardedERP(t, func(string) bool { return false })
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				reply, err := send.Do(ctx, x, &send.Call{Name: "c", Method: "POST", URL: g.URL, Renew: tt.renew})
				if err == nil && reply.Status != http.StatusUnauthorized {
					t.Errorf("got %+v", reply)
				}
				return err
			}), rossumtest.Annotation())
			if !errors.Is(r.Err, tt.err) || len(g.calls) != 1 {
				t.Errorf("%d calls, %v", len(g.calls), r.Err)
			}
		})
	}
}

// TestACallThatRenewReturnsIsNotChanged: it may be shared, and sent again for another export.
func TestACallThatRenewReturnsIsNotChanged(t *testing.T) {
	t.Parallel()
	g := newGuardedERP(t, func(token string) bool { return token == "good" })
	shared := &send.Call{Method: "POST", URL: g.URL, Header: http.Header{"Authorization": {"Bearer good"}}}
	r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
		renew := func(context.Context) (*send.Call, error) { return shared, nil }
		_, err := send.Do(ctx, x, &send.Call{Name: "c", Item: 7, Method: "POST", URL: g.URL, Renew: renew})
		return err
	}), rossumtest.Annotation())
	if r.Err != nil || len(g.calls) != 2 || !strings.Contains(g.calls[1], "session=s1") {
		t.Fatalf("the ERP got %q, %v", g.calls, r.Err)
	}
	if len(shared.Header) != 1 || shared.Name != "" || shared.Item != 0 {
		t.Errorf("the call became %+v", shared)
	}
}
