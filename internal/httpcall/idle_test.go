package httpcall

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func idleServer(t *testing.T, serve http.HandlerFunc) (string, *Client) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without it a server does not notice that the client has gone
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return s.URL, New(Options{HTTP: &http.Client{Transport: transport}})
}

func TestACallEndsWhenNothingMoves(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"before the reply": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"within the reply": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, client := idleServer(t, serve)
			_, err := client.Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("x"), Idle: time.Second})
			var timeout net.Error
			var failed *Error
			if !errors.Is(err, ErrIdle) || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() || !errors.As(err, &failed) || !failed.Sent {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestACallThatMovesSlowlyDoesNotEnd(t *testing.T) {
	t.Parallel()
	url, client := idleServer(t, func(w http.ResponseWriter, r *http.Request) {
		for range 5 {
			time.Sleep(700 * time.Millisecond)
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
	})
	reply, err := client.Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes(strings.Repeat("y", 1<<20)), Idle: 3 * time.Second})
	if err != nil || string(reply.Body) != "xxxxx" {
		t.Errorf("got %v", err)
	}
	if reply.Reason != "OK" || reply.URL != url {
		t.Errorf("reason %q, url %q", reply.Reason, reply.URL)
	}
}

func TestAHostThatCannotBeReachedIsTriedOnce(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		<-release // net/http goes on dialling for those who come later
		return nil, errors.New("nobody there")
	}}
	call := &Call{Method: "POST", URL: "http://erp.example", Body: Bytes("x"), Idle: time.Second}
	_, err := New(Options{HTTP: &http.Client{Transport: transport}}).Do(t.Context(), call)
	var failed *Error
	if !errors.As(err, &failed) || failed.Sent || failed.Attempts != 1 || !errors.Is(err, ErrIdle) {
		t.Errorf("got %v", err)
	}
}

// endOnReply ends a context as soon as there is a reply.
type endOnReply struct {
	base   http.RoundTripper
	cancel context.CancelFunc
	closed chan struct{}
}

func (e *endOnReply) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := e.base.RoundTrip(r)
	if resp != nil {
		resp.Body = &closeTeller{resp.Body, e.closed}
	}
	e.cancel()
	return resp, err
}

type closeTeller struct {
	io.ReadCloser
	closed chan struct{}
}

func (c *closeTeller) Close() error {
	close(c.closed)
	return c.ReadCloser.Close()
}

func TestAReplyWhoseContextHasEndedIsClosed(t *testing.T) {
	t.Parallel()
	url, _ := idleServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	ctx, cancel := context.WithCancel(t.Context())
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ending := &endOnReply{transport, cancel, make(chan struct{})}
	if _, err := New(Options{HTTP: &http.Client{Transport: ending}}).Do(ctx, &Call{Method: "POST", URL: url}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-ending.closed:
	case <-time.After(5 * time.Second):
		t.Error("the body of the reply was not closed")
	}
}
