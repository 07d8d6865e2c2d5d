package httpcall

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// keeping is a server that keeps connections. It answers each GET, and does something else
// with the first POST. Posts are those of which anything has arrived.
func keeping(t *testing.T, post func(c net.Conn, r *bufio.Reader)) (url string, posts *atomic.Int32) {
	t.Helper()
	posts = new(atomic.Int32)
	url, _ = raw(t, func(_ int32, c net.Conn) { keepOne(c, posts, post) })
	return url, posts
}

// keepOne serves one of the connections of such a server.
func keepOne(c net.Conn, posts *atomic.Int32, post func(c net.Conn, r *bufio.Reader)) {
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for r := bufio.NewReader(c); ; {
		begin, err := r.Peek(4)
		if err != nil {
			return
		}
		if string(begin) == "POST" && posts.Add(1) == 1 {
			post(c, r)
			return
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// Whatever a server does to a connection that was kept, a POST of which anything has arrived
// is not made again by itself, with an idempotency key or without; with Always it is.
func TestAPostOnAKeptConnectionIsMadeOnceWhereverItBreaks(t *testing.T) {
	t.Parallel()
	whole := func(r *bufio.Reader) {
		if req, err := http.ReadRequest(r); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
	}
	answer := func(text string) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, r *bufio.Reader) { whole(r); _, _ = io.WriteString(c, text) }
	}
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	for name, tt := range map[string]struct {
		post   func(c net.Conn, r *bufio.Reader)
		status int // of a reply that there is anyway
	}{
		"closed at the first byte":             {func(net.Conn, *bufio.Reader) {}, 0},
		"reset at the first byte":              {func(c net.Conn, _ *bufio.Reader) { reset(c) }, 0},
		"closed after the header":              {func(_ net.Conn, r *bufio.Reader) { _, _ = http.ReadRequest(r) }, 0},
		"closed after the request":             {func(_ net.Conn, r *bufio.Reader) { whole(r) }, 0},
		"reset after the request":              {func(c net.Conn, r *bufio.Reader) { whole(r); reset(c) }, 0},
		"closed after the first byte of reply": {answer("H"), 0},
		"closed within the status line":        {answer("HTTP/1.1 201"), 0},
		"closed within the header":             {answer("HTTP/1.1 201 Created\r\nLocat"), 0},
		"closed after 100":                     {answer("HTTP/1.1 100 Continue\r\n\r\n"), 0},
		"closed after 103":                     {answer("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"), 0},
		"closed before the body":               {answer("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n"), 201},
		"closed within the body":               {answer("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nabc"), 201},
		"closed within a chunk":                {answer("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"), 201},
		"closed within the trailer":            {answer("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3\r\nabc\r\n0\r\nX: "), 201},
		"two lengths":                          {answer("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), 0},
		"a bad length":                         {answer("HTTP/1.1 201 Created\r\nContent-Length: 2,3\r\n\r\nabc"), 0},
		"an unknown transfer encoding":         {answer("HTTP/1.1 201 Created\r\nTransfer-Encoding: gzip\r\n\r\nabc"), 0},
		"408 that was sent before it came":     {answer("HTTP/1.1 408 Request Timeout\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"), 408},
	} {
		for _, key := range []string{"", "k"} {
			t.Run(fmt.Sprint(name, " ", key), func(t *testing.T) {
				t.Parallel()
				url, posts := keeping(t, tt.post)
				c := isolated(t, Options{})
				if _, err := c.Do(t.Context(), &Call{Method: "GET", URL: url}); err != nil {
					t.Fatal(err)
				}
				call := &Call{Method: "POST", URL: url, Body: Bytes(strings.Repeat("BODY", 1000)), Header: http.Header{}}
				if key != "" {
					call.Header.Set("Idempotency-Key", key)
				}
				reply, err := c.Do(t.Context(), call)
				var failed *Error
				if posts.Load() != 1 || err != nil && (!errors.As(err, &failed) || !failed.Sent) {
					t.Errorf("%d posts, %v, %v", posts.Load(), reply, err)
				}
				if status := statusOf(reply); status != tt.status || err == nil && status == 0 {
					t.Errorf("status %d, want %d; %v", status, tt.status, err)
				}
			})
		}
		t.Run(name+", and it may be repeated", func(t *testing.T) {
			t.Parallel()
			url, posts := keeping(t, tt.post)
			c := isolated(t, Options{})
			if _, err := c.Do(t.Context(), &Call{Method: "GET", URL: url}); err != nil {
				t.Fatal(err)
			}
			reply, err := c.Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY"), Retry: Always})
			if err != nil || reply.Status != 200 || posts.Load() != 2 {
				t.Errorf("%d posts, %v, %v", posts.Load(), reply, err)
			}
		})
	}
}

func statusOf(r *Reply) int {
	if r == nil {
		return 0
	}
	return r.Status
}

// A reply that comes before the body has been sent is the reply, whatever becomes of the rest.
func TestAReplyThatComesBeforeTheBodyIsSentIsTheReply(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"413":         "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
		"417":         "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
		"401":         "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"201":         "HTTP/1.1 201 Created\r\nLocation: /7\r\nContent-Length: 0\r\n\r\n",
		"100 and 400": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
	} {
		for _, expect := range []string{"", "100-continue"} {
			t.Run(name+" "+expect, func(t *testing.T) {
				t.Parallel()
				url, posts := keeping(t, func(c net.Conn, r *bufio.Reader) {
					_, _ = http.ReadRequest(r)
					_, _ = io.WriteString(c, answer)
					_ = c.(*net.TCPConn).CloseWrite()
					_, _ = io.Copy(io.Discard, r) // as servers do that want their reply to be read
				})
				header := http.Header{}
				if expect != "" {
					header.Set("Expect", expect)
				}
				body := Bytes(strings.Repeat("BODY", 1<<20))
				reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Body: body, Header: header})
				if want := answer[strings.LastIndex(answer, "HTTP/1.1 ")+9:][:3]; err != nil || fmt.Sprint(reply.Status) != want ||
					posts.Load() != 1 {
					t.Errorf("%d posts, %v, %v", posts.Load(), reply, err)
				}
			})
		}
	}
}

// What a reply has after its end belongs to no other call.
func TestWhatComesAfterAReplyIsNotTheNextReply(t *testing.T) {
	t.Parallel()
	const more = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nevil"
	for name, answer := range map[string]string{
		"beyond its length":             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + more,
		"after its chunks":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + more,
		"with both a length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + more,
		"after 204":                     "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok" + more,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, posts := keeping(t, func(c net.Conn, r *bufio.Reader) {
				if req, err := http.ReadRequest(r); err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
				}
				_, _ = io.WriteString(c, answer)
				_, _ = io.Copy(io.Discard, r)
			})
			c := isolated(t, Options{})
			first, err := c.Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY")})
			if err != nil || first.Status >= 300 || strings.Contains(string(first.Body), "evil") {
				t.Fatalf("%v, %v", first, err)
			}
			second, err := c.Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY")})
			if err == nil && string(second.Body) != "ok" || posts.Load() > 2 {
				t.Errorf("%d posts, %v, %v", posts.Load(), second, err)
			}
		})
	}
}

// net/http looks for what comes on a kept connection only while no request has it. Here the
// next request is written before it looks, in the clear, within TLS, and within TLS by a proxy.
func TestAReplyThatCameBeforeItsRequestIsNotItsReply(t *testing.T) {
	t.Parallel()
	const unasked = "\r\nContent-Length: 4\r\n\r\nevil"
	for name, tt := range map[string]struct {
		retry  Retry
		more   string
		status int // of the reply, 0 for an error
	}{
		"a POST":                       {IfNotSent, "HTTP/1.1 201 Created" + unasked, 0},
		"a POST that may be repeated":  {Always, "HTTP/1.1 201 Created" + unasked, 200},
		"408 for a time without calls": {IfNotSent, "HTTP/1.1 408 Request Timeout" + unasked, 408},
	} {
		answer := func(c net.Conn, r *bufio.Reader) {
			if req, err := http.ReadRequest(r); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"+tt.more)
			_, _ = io.Copy(io.Discard, r)
		}
		for way, client := range map[string]func(*testing.T) (*Client, string){
			"in the clear": func(t *testing.T) (*Client, string) {
				url, _ := keeping(t, answer)
				return isolated(t, Options{}), url
			},
			"within TLS": func(t *testing.T) (*Client, string) {
				secured := httptest.NewTLSServer(nil) // for its certificate
				t.Cleanup(secured.Close)
				var n atomic.Int32
				url, _ := raw(t, func(_ int32, c net.Conn) { keepOne(tls.Server(c, secured.TLS), &n, answer) })
				return isolated(t, Options{HTTP: &http.Client{Transport: trusting(t, secured)}}), strings.Replace(url, "http", "https", 1)
			},
			"by a proxy": func(t *testing.T) (*Client, string) {
				secured := httptest.NewTLSServer(nil)
				t.Cleanup(secured.Close)
				var n atomic.Int32
				c, url, _, _ := proxied(t, func(_ int32, c net.Conn, _ string) {
					_, _ = io.WriteString(c, connected)
					keepOne(tls.Server(c, secured.TLS), &n, answer)
				})
				return c, url
			},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				status := 0
				for range 20 { // net/http may look in time, and take another connection, which answers with 200
					c, url := client(t)
					reply, err := overtaken(t, c, url, tt.retry)
					var failed *Error
					if err != nil && (!errors.As(err, &failed) || !failed.Sent || !errors.Is(err, ErrLost)) {
						t.Errorf("%v", err)
					}
					if status = statusOf(reply); status == tt.status || status != http.StatusOK {
						break
					}
				}
				if status != tt.status {
					t.Errorf("status %d, want %d", status, tt.status)
				}
			})
		}
	}
}

// overtaken makes a call, and another one while net/http is about to keep the connection of the
// first, and returns what becomes of the second.
func overtaken(t *testing.T, c *Client, url string, retry Retry) (reply *Reply, err error) {
	t.Helper()
	done := make(chan struct{})
	second := sync.OnceFunc(func() {
		written := make(chan struct{})
		wrote := sync.OnceFunc(func() { close(written) })
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { wrote() },
		})
		go func() {
			defer close(done)
			reply, err = c.Do(ctx, &Call{Method: "POST", URL: url, Retry: retry})
		}()
		<-written
	})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{PutIdleConn: func(error) { second() }})
	first, firstErr := c.Do(ctx, &Call{Method: "POST", URL: url, Body: Bytes("BODY")})
	if firstErr != nil || first.Status != 204 {
		t.Fatalf("%v, %v", first, firstErr)
	}
	<-done
	return reply, err
}

// trusting is a transport that takes the certificate of a server.
func trusting(t *testing.T, s *httptest.Server) *http.Transport {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	transport := NewTransport(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
