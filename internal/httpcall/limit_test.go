package httpcall_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/limit"
)

// counter is a limiter that lets all pass, and notes what it hears.
type counter struct {
	mu      sync.Mutex
	entered []limit.Target
	left    []limit.Outcome
	refuse  error
}

func (c *counter) Enter(_ context.Context, t limit.Target) (func(limit.Outcome), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	c.entered = append(c.entered, t)
	return func(o limit.Outcome) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.left = append(c.left, o)
	}, nil
}

// roundTrip answers by a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(status int, retryAfter string) *http.Response {
	rec := httptest.NewRecorder()
	if retryAfter != "" {
		rec.Header().Set("Retry-After", retryAfter)
	}
	rec.WriteHeader(status)
	return rec.Result()
}

func TestEveryAttemptEntersTheLimitAndLeavesItWithWhatCameOfIt(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	for name, tt := range map[string]struct {
		call    httpcall.Call
		replies []any
		left    string
	}{
		"a reply":               {httpcall.Call{}, []any{reply(201, "")}, "[{201 0s}]"},
		"an error":              {httpcall.Call{}, []any{lost}, "[{0 0s}]"},
		"refused once":          {httpcall.Call{Retry: httpcall.IfRefused}, []any{reply(429, "7"), reply(200, "")}, "[{429 7s} {200 0s}]"},
		"refused, not repeated": {httpcall.Call{}, []any{reply(429, "7")}, "[{429 7s}]"},
		"busy":                  {httpcall.Call{Retry: httpcall.Always}, []any{reply(503, ""), reply(503, "2"), reply(200, "")}, "[{503 0s} {503 2s} {200 0s}]"},
		"other with a wish":     {httpcall.Call{}, []any{reply(200, "9")}, "[{200 0s}]"},
		"lost and repeated":     {httpcall.Call{Retry: httpcall.Always, MaxAttempts: 2}, []any{lost, lost}, "[{0 0s} {0 0s}]"},
		"a stream":              {httpcall.Call{Stream: true}, []any{reply(200, "")}, "[{200 0s}]"},
		"a redirect":            {httpcall.Call{KeepRedirect: true}, []any{reply(302, "")}, "[{302 0s}]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var c counter
				n := 0
				h := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					n++
					if err, ok := tt.replies[n-1].(error); ok {
						return nil, err
					}
					return tt.replies[n-1].(*http.Response), nil
				})}
				ctx := limit.With(t.Context(), limit.Scope{Limiter: &c, Organization: "https://acme.rossum.app", Step: "s"})
				call := tt.call
				call.Method, call.URL = "POST", "https://ERP.example:443/x"
				got, _ := httpcall.New(httpcall.Options{HTTP: h}).Do(ctx, &call)
				if fmt.Sprint(c.left) != tt.left || len(c.entered) != len(c.left) {
					t.Errorf("entered %v, left %v, want %s", c.entered, c.left, tt.left)
				}
				if want := (limit.Target{Organization: "https://acme.rossum.app", Origin: "https://erp.example", Step: "s"}); c.entered[0] != want {
					t.Errorf("target %+v", c.entered[0])
				}
				if got != nil && got.Stream != nil {
					_ = got.Stream.Close()
				}
			})
		})
	}
}

func TestWhatALimiterRefusesIsNotSent(t *testing.T) {
	t.Parallel()
	c := counter{refuse: errors.New("the database is away")}
	h := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { t.Error("it was sent"); return nil, nil })}
	ctx := limit.With(t.Context(), limit.Scope{Limiter: &c})
	_, err := httpcall.New(httpcall.Options{HTTP: h}).Do(ctx, &httpcall.Call{Method: "POST", URL: "https://erp.example"})
	if !errors.Is(err, httpcall.ErrNotSent) || !errors.Is(err, c.refuse) {
		t.Errorf("got %v", err)
	}
}

// waits adds up how long calls were held back.
type waits struct{ sum atomic.Int64 }

// Add implements [limit.Waits].
func (w *waits) Add(d time.Duration) { w.sum.Add(int64(d)) }

func TestWaitingIsNoPartOfAnAttemptsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(9 * time.Second):
				return reply(200, ""), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})}
		l := limit.New(func(limit.Target) (string, limit.Limit) { return "erp", limit.Limit{AtOnce: 1} })
		var told waits
		var mu sync.Mutex
		ctx := limit.With(t.Context(), limit.Scope{Limiter: l, Waited: &told})
		var all sync.WaitGroup
		var waited []string
		for range 3 {
			all.Go(func() {
				_, err := httpcall.New(httpcall.Options{HTTP: h}).Do(ctx, &httpcall.Call{
					Method: "POST", URL: "https://erp.example", Timeout: 10 * time.Second,
					Observe: func(r httpcall.Record) { mu.Lock(); waited = append(waited, r.Waited.String()); mu.Unlock() },
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if strings.Join(waited, " ") != "0s 9s 18s" || told.sum.Load() != int64(27*time.Second) {
			t.Errorf("waited %v, told %v", waited, time.Duration(told.sum.Load()))
		}
	})
}

func TestARequestOfAnotherLibraryLeavesWhenItsReplyIsRead(t *testing.T) {
	t.Parallel()
	var c counter
	rt := httpcall.Limited(roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/lost" {
			return nil, errors.New("lost")
		}
		return reply(503, "4"), nil
	}))
	ctx := limit.With(t.Context(), limit.Scope{Limiter: &c})
	for path, want := range map[string]string{"/lost": "[{0 0s}]", "/": "[{503 4s}]"} {
		c.left = nil
		req, err := http.NewRequestWithContext(ctx, "GET", "https://bucket.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := rt.RoundTrip(req); err == nil {
			if len(c.left) != 0 {
				t.Error("it has left before its reply was read")
			}
			_ = resp.Body.Close()
			_ = resp.Body.Close()
		}
		if fmt.Sprint(c.left) != want {
			t.Errorf("%s: %v", path, c.left)
		}
	}
}
