package httpcall

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// join joins two connections until one of them ends.
func join(a, b net.Conn) {
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(a, b); _ = a.Close() })
	group.Go(func() { _, _ = io.Copy(b, a); _ = b.Close() })
	group.Wait()
}

// proxied is a client behind a proxy that serves each of its connections, after CONNECT was
// read, and the ERP that it calls.
func proxied(t *testing.T, connect func(n int32, c net.Conn, erp string)) (c *Client, address string, acted, tunnels *atomic.Int32) {
	t.Helper()
	acted, tunnels = new(atomic.Int32), new(atomic.Int32)
	erp := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		acted.Add(1)
		_, _ = io.WriteString(w, "ok")
	}))
	erp.Config.ErrorLog = log.New(io.Discard, "", 0) // of tunnels that break
	erp.StartTLS()
	t.Cleanup(erp.Close)
	proxy, _ := raw(t, func(_ int32, conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil || r.Method != http.MethodConnect {
			t.Errorf("the proxy got %v, %v", r, err)
			return
		}
		connect(tunnels.Add(1), conn, erp.Listener.Addr().String())
	})
	transport := trusting(t, erp)
	by, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport.Proxy = http.ProxyURL(by)
	return isolated(t, Options{HTTP: &http.Client{Transport: transport}}), erp.URL, acted, tunnels
}

const connected = "HTTP/1.1 200 Connection established\r\n\r\n"

// through joins a connection with the ERP.
func through(c net.Conn, erp string) {
	target, err := net.Dial("tcp", erp)
	if err != nil {
		return
	}
	_, _ = io.WriteString(c, connected)
	join(c, target)
}

func TestWhatAProxyDoesBeforeItsTunnelHasSentNothing(t *testing.T) {
	t.Parallel()
	answers := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.WriteString(c, text) }
	}
	stays := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
		}
	}
	for name, tt := range map[string]struct {
		does func(net.Conn)
		says string
	}{
		"asks for credentials":          {answers("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"), "Proxy Authentication Required"},
		"refuses":                       {answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way"), "Forbidden"},
		"cannot reach the ERP":          {answers("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "Bad Gateway"},
		"redirects":                     {answers("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n\r\n"), "Found"},
		"hangs up":                      {answers(""), "EOF"},
		"hangs up within its answer":    {answers("HTTP/1.1 200 Conn"), "EOF"},
		"hangs up after its answer":     {answers(connected), "EOF"},
		"sends a page after its answer": {answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), ""},
		"speaks another protocol":       {answers("SSH-2.0-OpenSSH\r\n\r\n"), "malformed"},
		"never answers":                 {stays(""), "longer than"},
		"is silent after its answer":    {stays(connected), "longer than"},
		"answers without end": {func(c net.Conn) {
			_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for err == nil {
				_, err = io.WriteString(c, "X-Name: "+strings.Repeat("x", 4096)+"\r\n")
			}
		}, ""},
		"shows a certificate of its own": {func(c net.Conn) {
			_, _ = io.WriteString(c, connected)
			own := httptest.NewUnstartedServer(nil)
			own.StartTLS()
			defer own.Close()
			certificate := own.TLS.Certificates[0]
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, ServerName: "elsewhere"})
			_ = s.Handshake()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, address, acted, _ := proxied(t, func(_ int32, conn net.Conn, _ string) { tt.does(conn) })
			if name == "shows a certificate of its own" {
				address = strings.Replace(address, "127.0.0.1", "localhost", 1)
			}
			_, err := c.Do(t.Context(), &Call{Method: "POST", URL: address, Body: Bytes("BODY"), MaxAttempts: 1, Timeout: 3 * time.Second})
			var failed *Error
			if !errors.As(err, &failed) || failed.Sent || acted.Load() > 0 || !strings.Contains(err.Error(), tt.says) ||
				!strings.Contains(err.Error(), "nothing was sent") {
				t.Errorf("acted %d times, %v", acted.Load(), err)
			}
		})
	}
}

func TestAPostGoesThroughAProxyThatFailedBeforeOnce(t *testing.T) {
	t.Parallel()
	c, address, acted, tunnels := proxied(t, func(n int32, conn net.Conn, erp string) {
		if n == 1 {
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\n\r\n")
			return
		}
		through(conn, erp)
	})
	reply, err := c.Do(t.Context(), &Call{Method: "POST", URL: address, Body: Bytes("BODY")})
	if err != nil || string(reply.Body) != "ok" || acted.Load() != 1 || tunnels.Load() != 2 {
		t.Errorf("acted %d times, %d tunnels, %v", acted.Load(), tunnels.Load(), err)
	}
}

// A tunnel that breaks once the request is on its way leaves open whether it arrived.
func TestAPostThroughATunnelThatBreaksMayHaveBeenReceived(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "GET"} {
		c, address, acted, tunnels := proxied(t, func(n int32, conn net.Conn, erp string) {
			if n > 1 {
				through(conn, erp)
				return
			}
			target, err := net.Dial("tcp", erp)
			if err != nil {
				return
			}
			defer target.Close()
			_, _ = io.WriteString(conn, connected)
			go func() { _, _ = io.Copy(target, conn) }()
			// The answers of the handshake pass; that of the request is never seen.
			buffer := make([]byte, 4096)
			for {
				n, err := target.Read(buffer)
				if err != nil || buffer[0] == 23 && n < 300 { // a short record of data
					return
				}
				if _, err := conn.Write(buffer[:n]); err != nil {
					return
				}
			}
		})
		call := &Call{Method: method, URL: address, Header: http.Header{"Idempotency-Key": {"k"}}}
		if method == "POST" {
			call.Body = Bytes("BODY")
		}
		_, err := c.Do(t.Context(), call)
		var failed *Error
		if method == "POST" && (!errors.As(err, &failed) || !failed.Sent || acted.Load() > 1 || tunnels.Load() != 1) {
			t.Errorf("%s acted %d times, %d tunnels, %v", method, acted.Load(), tunnels.Load(), err)
		}
	}
}
