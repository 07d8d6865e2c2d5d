package httpcall

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// metadataConn leads to the metadata of a cloud, and notes that something was written to it.
type metadataConn struct {
	net.Conn
	written, open *atomic.Int64
	closed        sync.Once
}

func (c *metadataConn) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func (*metadataConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("169.254.169.254:80"))
}

func (c *metadataConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// net/http writes a request while its context is canceled, so that a connection which is refused
// when it has been made has to be closed before anything is written to it.
func TestARefusedConnectionGetsNoByte(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	var written, open atomic.Int64
	own := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		if err == nil {
			open.Add(1)
		}
		return &metadataConn{Conn: c, written: &written, open: &open}, err
	}}
	t.Cleanup(own.CloseIdleConnections)
	for _, path := range []string{"/latest/meta-data", "/" + strings.Repeat("a", 10_000)} {
		for range 500 {
			req := httptest.NewRequest(http.MethodPost, "http://turned.test"+path, nil)
			req.RequestURI = ""
			if resp, err := Once(own).RoundTrip(req.WithContext(t.Context())); !errors.Is(err, ErrForbidden) {
				t.Fatalf("answered %v, %v; want %v", resp, err, ErrForbidden)
			}
		}
	}
	for open.Load() > 0 && written.Load() == 0 { // a write that goes on by itself fails after that
		own.CloseIdleConnections()
		time.Sleep(time.Millisecond)
	}
	if n := written.Load(); n != 0 {
		t.Errorf("%d bytes were written to the refused connections", n)
	}
}

// repeatingTransport makes a call that failed again, as libraries of programs do.
type repeatingTransport struct{ next http.RoundTripper }

func (r repeatingTransport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for range 3 {
		if resp, err = r.next.RoundTrip(req); err == nil {
			break
		}
	}
	return resp, err
}

func TestATransportThatRepeatsByItselfDoesNotPostTwice(t *testing.T) {
	t.Parallel()
	var acted atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		acted.Add(1)
		panic(http.ErrAbortHandler) // the reply is lost
	}))
	t.Cleanup(s.Close)
	const posts = 500
	for range posts {
		inner := &http.Transport{}
		req := httptest.NewRequest(http.MethodPost, s.URL, nil)
		req.RequestURI = ""
		if resp, err := Once(repeatingTransport{inner}).RoundTrip(req.WithContext(t.Context())); err == nil {
			t.Fatalf("answered %v; want an error", resp)
		}
		inner.CloseIdleConnections()
	}
	if n := acted.Load(); n > posts {
		t.Errorf("the server acted on %d of %d posts", n, posts)
	}
}
