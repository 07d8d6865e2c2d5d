package httpcall

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
)

// A transport that does not honour httptrace proves nothing about what was sent.
func TestAPostIsNotRepeatedThroughATransportThatReportsNoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			calls++
			return nil, io.ErrUnexpectedEOF
		})
		_, err := New(
			Options{HTTP: &http.Client{Transport: rt}},
		).Do(t.Context(), &Call{Method: "POST", URL: "https://erp.example", Body: Bytes("BODY")})
		if calls != 1 || strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("POST sent %d times; %v", calls, err)
		}
	})
}

func TestTheReplyOfTheLastAttemptKeepsItsBody(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":"why"}`)
		})
		reply, err := isolated(
			t,
			Options{},
		).Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("BODY"), Retry: Always, MaxAttempts: 2})
		if err != nil || string(reply.Body) != `{"error":"why"}` {
			t.Errorf("%d: body %q, %v", status, reply.Body, err)
		}
		reply, err = isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("BODY"), Retry: Always, MaxAttempts: 1})
		if err != nil || string(reply.Body) != `{"error":"why"}` {
			t.Errorf("%d, one attempt: body %q, %v", status, reply.Body, err)
		}
	}
}

func TestAHostHeaderWithoutValuesIsNoPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	_, _ = isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: s.URL, Header: http.Header{"Host": {}}})
}

func TestReadingOnAfterTheLimitGivesTheErrorAgain(t *testing.T) {
	t.Parallel()
	l := &limitedBody{ReadCloser: io.NopCloser(strings.NewReader("123456789")), left: 3, limit: 3}
	buf := make([]byte, 16)
	for range 3 {
		if n, err := l.Read(buf); n < 0 {
			t.Errorf("Read returned %d, %v", n, err)
		}
	}
}

func TestTheLargestLimitIsNoOverflow(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "x") })
	_, _ = isolated(t, Options{MaxReply: math.MaxInt64}).Do(t.Context(), &Call{Method: "GET", URL: s.URL})
}

func TestErrorsOfBadURLsShowNoPassword(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://user:p%zzhunter@erp.example/", "http://user:hunter@erp.example:port/", "http://erp.example/%zz?token=hunter", "http://user:hunter/x@erp.example/"} {
		_, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: u})
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s", err)
		}
	}
}

func TestAnIdempotencyKeyIsNoLeaveToRepeatAPost(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var posts atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if req.Method == "POST" {
					posts.Add(1)
					break
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	c, u := isolated(t, Options{}), "http://"+l.Addr().String()
	if _, err := c.Do(t.Context(), &Call{Method: "GET", URL: u}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), &Call{Method: "POST", URL: u, Body: Bytes("BODY"), Header: http.Header{"Idempotency-Key": {"k"}}})
	if posts.Load() != 1 {
		t.Errorf("POST sent %d times, %v", posts.Load(), err)
	}
}

func TestWithRetryAlwaysAReplyCutInItsBodyIsRepeated(t *testing.T) {
	t.Parallel()
	url, conns := raw(t, func(n int32, c net.Conn) {
		buf := make([]byte, 4096)
		_, _ = c.Read(buf)
		if n == 1 {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	})
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: url, Retry: Always})
	if err != nil || string(reply.Body) != "ok" {
		t.Errorf("after %d connections: %v", conns.Load(), err)
	}
}

func TestAddressesOfCloudsAreRefused(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"169.254.169.254", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "100.100.100.200", "::a9fe:a9fe", "2002:a9fe:a9fe::1", "168.63.129.16", "255.255.255.255", "0.0.0.1"} {
		if (egress.Policy{}).CheckAddr(netip.MustParseAddr(a)) == nil {
			t.Errorf("%s is allowed", a)
		}
	}
}

func TestACallIsNotRepeatedSoonerThanAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			calls++
			return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"3600"}}, Body: http.NoBody, Request: r}, nil
		})
		_, err := New(Options{HTTP: &http.Client{Transport: rt}}).Do(t.Context(), &Call{Method: "GET", URL: "https://erp.example", Retry: Always})
		if calls > 1 {
			t.Errorf("%d calls although asked to wait an hour, %v", calls, err)
		}
	})
}

func TestAFailureLeavesIdleConnectionsOpen(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(500)
		}
	})
	tr := newTransport()
	t.Cleanup(tr.CloseIdleConnections)
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, n, a string) (net.Conn, error) { conns.Add(1); return dial(ctx, n, a) }
	c := New(Options{HTTP: &http.Client{Transport: tr}})
	for i := range 6 {
		path := "/"
		if i%2 == 1 {
			path = "/bad"
		}
		if _, err := c.Do(t.Context(), &Call{Method: "GET", URL: s.URL + path, Retry: Always, MaxAttempts: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections for 6 calls one after the other", conns.Load())
	}
}

func TestTwoSpellingsOfAHeaderBothArrive(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, len(r.Header.Values("X-A"))) })
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: s.URL, Header: http.Header{"x-a": {"1"}, "X-A": {"2"}}})
	if err != nil || string(reply.Body) != "2" {
		t.Errorf("%s of 2 values, %v", reply.Body, err)
	}
}

// A proxy resolves names and spellings by itself, so that nothing of a call to a cloud's
// metadata may reach it.
func TestNoSpellingOfMetadataReachesAProxy(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(at)}
	t.Cleanup(transport.CloseIdleConnections)
	client := New(Options{HTTP: &http.Client{Transport: transport}})
	for _, host := range []string{
		"169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "169。254。169。254", "１６９.254.169.254", "1\u200b69.254.169.254", "[::ffff:a9fe:a9fe]",
		"[64:ff9b::a9fe:a9fe]", "[2001:db8::5efe:a9fe:a9fe]", "metadata.google.internal.", "erp.example@169.254.169.254", "erp.example:80@2852039166", "user:erp.example%2f@0xa9fea9fe",
		"erp.example%23@169.254.169.254",
	} {
		for _, scheme := range []string{"http", "https"} {
			_, err := client.Do(t.Context(), &Call{Method: "GET", URL: scheme + "://" + host + "/latest/meta-data/"})
			if err == nil || arrived.Load() > 0 {
				t.Errorf("%s://%s: %v, %d calls have arrived", scheme, host, err, arrived.Swap(0))
			}
		}
	}
	if _, err := client.Do(t.Context(), &Call{Method: "GET", URL: "http://erp.example/"}); err != nil || arrived.Load() != 1 {
		t.Errorf("another call does not: %v", err)
	}
}

// Nobody has asked for another protocol, so that the connection is of no more use: a peer
// that keeps it open must not hold the call past its deadline.
func TestAReplyThatSwitchesProtocolsHasNoBody(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]bool{"read": false, "streamed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left := make(chan error, 1)
			url, _ := raw(t, func(_ int32, c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nnot HTTP")
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // in which a call that hangs shows
				_, err := io.Copy(io.Discard, c)
				left <- err
			})
			reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY"), Stream: stream})
			if err != nil || reply.Status != http.StatusSwitchingProtocols {
				t.Fatalf("%+v, %v", reply, err)
			}
			body := reply.Body
			if stream {
				if body, err = io.ReadAll(reply.Stream); err != nil {
					t.Error(err)
				}
				if err := reply.Stream.Close(); err != nil {
					t.Error(err)
				}
			}
			if len(body) > 0 {
				t.Errorf("the body is %q", body)
			}
			if err, timeout := <-left, net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("the connection stays open")
			}
		})
	}
}
