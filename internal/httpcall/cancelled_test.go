package httpcall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A call that ends at any moment must not say that nothing was sent where the other side acts on it.
func TestACallThatEndedBeforeItWasSentReachesNobody(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]struct {
		secure, http2 bool
		own           bool
	}{
		"our own":     {own: true},
		"a program's": {},
		"TLS":         {secure: true},
		"HTTP/2":      {secure: true, http2: true},
	} {
		for _, body := range []Body{nil, Bytes("number,amount\n1,2\n")} {
			t.Run(fmt.Sprintf("%s/body=%t", name, body != nil), func(t *testing.T) {
				t.Parallel()
				testEnding(t, o.secure, o.http2, o.own, body)
			})
		}
	}
}

// countConnections counts those that a server has open.
func countConnections(s *httptest.Server) *atomic.Int64 {
	open := new(atomic.Int64)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	return open
}

func testEnding(t *testing.T, secure, http2, own bool, body Body) {
	t.Helper()
	var mu sync.Mutex
	acted := make(map[string]int)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		acted[r.Header.Get("Number")]++
		mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	open := countConnections(s)
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that end while they are made
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	defer s.Close()
	var transport *http.Transport
	if own {
		transport = NewTransport(nil)
	} else {
		transport = s.Client().Transport.(*http.Transport).Clone()
		transport.DialContext = (&net.Dialer{}).DialContext
		if !http2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
	}
	c := New(Options{HTTP: &http.Client{Transport: transport}})
	defer transport.CloseIdleConnections()
	outcomes := make(map[string]error)
	var calls sync.WaitGroup
	workers, each := 4, 400
	if secure && !http2 {
		each = 60 // most of them make a connection
	}
	for w := range workers {
		calls.Go(func() {
			for i := range each {
				number := fmt.Sprintf("%d-%d", w, i)
				ctx, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(time.Duration(rand.Int64N(int64(600*time.Microsecond))), cancel)
				_, err := c.Do(ctx, &Call{Method: "POST", URL: s.URL, Header: http.Header{"Number": {number}}, Body: body})
				timer.Stop()
				cancel()
				mu.Lock()
				outcomes[number] = err
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	for open.Load() > 0 { // until the server has read each connection to its end
		transport.CloseIdleConnections()
		time.Sleep(time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	var ok, sent, not int
	for number, err := range outcomes {
		switch {
		case err == nil:
			ok++
		case errors.Is(err, ErrMaybeSent):
			sent++
		default:
			not++
			if acted[number] > 0 {
				t.Errorf("%s: %v, and the server acted on it", number, err)
			}
		}
		if acted[number] > 1 {
			t.Errorf("%s was acted on %d times", number, acted[number])
		}
	}
	t.Logf("%d answered, %d maybe sent, %d not sent", ok, sent, not)
}
