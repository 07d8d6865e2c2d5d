package httpcall

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Types and flags of HTTP/2 frames (RFC 9113, section 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	flagEndStream                                                   = 1
	protocolError, internalError, refusedStream, cancelStream       = 1, 2, 7, 8
)

func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload []byte) {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	head = binary.BigEndian.AppendUint32(head, stream)
	_, _ = w.Write(append(head, payload...))
}

// http2Server acts on each request that has arrived whole, and then breaks it off.
func http2Server(t *testing.T, early bool, breakOff func(w io.Writer, stream uint32)) (string, *http.Client, *atomic.Int32) {
	t.Helper()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	t.Cleanup(certificate.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificate.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	acted := new(atomic.Int32)
	var conns sync.WaitGroup
	ended, end := context.WithCancel(context.Background())
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ended, func() { _ = c.Close() })
			conns.Go(func() { serveFrames(c, early, acted, breakOff) })
		}
	})
	trusting := certificate.Client().Transport.(*http.Transport).Clone()
	trusting.ForceAttemptHTTP2 = true
	t.Cleanup(func() { _ = l.Close(); end(); trusting.CloseIdleConnections(); conns.Wait() })
	return "https://" + l.Addr().String() + "/invoices", &http.Client{Transport: trusting}, acted
}

func serveFrames(c net.Conn, early bool, acted *atomic.Int32, breakOff func(io.Writer, uint32)) {
	defer c.Close()
	r := bufio.NewReader(c)
	if _, err := io.ReadFull(r, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	writeFrame(c, frameSettings, 0, 0, nil)
	for {
		var head [9]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, r, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			return
		}
		whole := head[4]&flagEndStream != 0 && head[3] <= frameHeaders
		if whole || early && head[3] == frameHeaders {
			acted.Add(1)
			breakOff(c, binary.BigEndian.Uint32(head[5:]))
		}
	}
}

var brokenOff = map[string]func(w io.Writer, stream uint32){
	"RST_STREAM": func(w io.Writer, stream uint32) {
		writeFrame(w, frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, protocolError))
	},
	"RST_STREAM, internal": func(w io.Writer, stream uint32) {
		writeFrame(w, frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, internalError))
	},
	"RST_STREAM, cancel": func(w io.Writer, stream uint32) {
		writeFrame(w, frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, cancelStream))
	},
	"REFUSED_STREAM": func(w io.Writer, stream uint32) {
		writeFrame(w, frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, refusedStream))
	},
	"GOAWAY": func(w io.Writer, _ uint32) { writeFrame(w, frameGoAway, 0, 0, make([]byte, 8)) },
}

func TestOverHTTP2ACallThatActedIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, breakOff := range brokenOff {
		for _, tt := range []struct {
			method string
			body   Body
			early  bool // broken off before the body
		}{
			{"POST", Bytes(strings.Repeat("x", 100)), false}, {"POST", Bytes(strings.Repeat("x", 1<<20)), true}, {"POST", nil, false},
			{"PUT", Bytes("x"), false}, {"PUT", nil, false}, {"DELETE", nil, false}, {"PATCH", Bytes("x"), false},
		} {
			t.Run(name+" "+tt.method, func(t *testing.T) {
				t.Parallel()
				url, client, acted := http2Server(t, tt.early, breakOff)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := New(Options{HTTP: client}).Do(ctx, &Call{Method: tt.method, URL: url, Body: tt.body, Header: http.Header{"Idempotency-Key": {"k"}}})
				var failed *Error
				if acted.Load() != 1 || !errors.As(err, &failed) || !failed.Sent || ctx.Err() != nil {
					t.Errorf("acted %d times, %v", acted.Load(), err)
				}
			})
		}
	}
}

func TestOverHTTP2WhatMayBeRepeatedIsRepeatedAFewTimesOnly(t *testing.T) {
	t.Parallel()
	for name, breakOff := range brokenOff {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, client, acted := http2Server(t, false, breakOff)
			_, err := New(Options{HTTP: client}).Do(t.Context(), &Call{Method: "PUT", URL: url, Body: Bytes("x"), Retry: Always, MaxAttempts: 2})
			if n := acted.Load(); n < 2 || n > 2*(1+maxRepeats) {
				t.Errorf("acted %d times, %v", n, err)
			}
		})
	}
}

func TestAClientOfAStepDoesNotRepeatAPost(t *testing.T) {
	t.Parallel()
	for name, breakOff := range brokenOff {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, client, acted := http2Server(t, false, breakOff)
			client.Transport = Once(client.Transport)
			resp, err := client.Post(url, "text/plain", strings.NewReader("x"))
			if err == nil {
				_ = resp.Body.Close()
			}
			if acted.Load() != 1 || !errors.Is(err, ErrLost) {
				t.Errorf("acted %d times, %v", acted.Load(), err)
			}
		})
	}
}

// readingTransport reads the body before it hands a request on, as recorders do.
type readingTransport struct{ next http.RoundTripper }

func (r readingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	return r.next.RoundTrip(req)
}

func TestATransportMayReadTheBodyBeforeItSends(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := New(Options{HTTP: &http.Client{Transport: readingTransport{s.Client().Transport}}})
	if _, err := c.Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("BODY")}); err != nil {
		t.Error(err)
	}
}

// closingServer answers each call, and closes the connection after a moment, so that
// it ends just when the next call comes.
func closingServer(t *testing.T) (url string, acted *sync.Map) {
	t.Helper()
	acted = new(sync.Map)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n, _ := acted.LoadOrStore(r.Header.Get("X-Call"), new(atomic.Int32))
		n.(*atomic.Int32).Add(1)
	}))
	s.Config.IdleTimeout = time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, acted
}

func TestNoCallActsTwiceWhenTheServerClosesConnectionsAsCallsArrive(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]*http.Client{"own transport": nil, "the program's": {Transport: &http.Transport{}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, acted := closingServer(t)
			c := isolated(t, Options{HTTP: program})
			methods := []string{"POST", "PUT", "DELETE", "PATCH"}
			for i := range 1000 {
				id := string(rune('a'+i%26)) + time.Duration(i).String()
				call := &Call{Method: methods[i%4], URL: url, Header: http.Header{"X-Call": {id}, "Idempotency-Key": {id}}}
				if i%3 != 0 {
					call.Body = Bytes("BODY")
				}
				_, err := c.Do(t.Context(), call)
				n := int32(0)
				if counted, ok := acted.Load(id); ok {
					n = counted.(*atomic.Int32).Load()
				}
				var failed *Error
				if errors.As(err, &failed) && !failed.Sent && n > 0 || n > 1 || err == nil && n != 1 {
					t.Fatalf("call %d acted %d times, %v", i, n, err)
				}
				time.Sleep(time.Millisecond - time.Duration(i%7)*50*time.Microsecond)
			}
		})
	}
}

// A connection that is dead before a byte of the call was written.
type deadConn struct{ net.Conn }

func (deadConn) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestACallOfWhichNoByteWasWrittenWasNotSent(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	dial, dials := transport.DialContext, 0
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if dials++; err == nil && dials == 1 {
			inner := c.(*conn)
			inner.Conn = deadConn{inner.Conn}
		}
		return c, err
	}
	c := New(Options{HTTP: &http.Client{Transport: transport}})
	_, err := c.Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("BODY"), MaxAttempts: 1})
	var failed *Error
	if !errors.As(err, &failed) || failed.Sent {
		t.Errorf("got %v", err)
	}
	dials = 0
	reply, err := c.Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("BODY")})
	if err != nil || reply.Attempts != 2 {
		t.Errorf("the call of which nothing was written is not made again: %v", err)
	}
}

func TestACallEndedBeforeItsFirstByteWasNotSent(t *testing.T) {
	t.Parallel()
	opened := errors.New("the document is not there")
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: unopened{opened}})
	var failed *Error
	if !errors.As(err, &failed) || failed.Sent || !errors.Is(err, opened) {
		t.Errorf("got %v", err)
	}
}

type unopened struct{ err error }

func (u unopened) Open(context.Context) (io.ReadCloser, error) { return nil, u.err }

func (unopened) Size() int64 { return 7 }

// tunnel is a connection of a program's own dialler that does not know its address.
type tunnel struct{ net.Conn }

func (tunnel) RemoteAddr() net.Addr { return nil }

func TestAConnectionThatDoesNotKnowItsAddressIsUsed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	t.Cleanup(server.Close)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return tunnel{c}, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	reply, err := New(Options{HTTP: &http.Client{Transport: transport}}).Do(t.Context(), &Call{Method: http.MethodPost, URL: server.URL})
	if err != nil || reply.Status != http.StatusCreated {
		t.Errorf("got %+v, %v", reply, err)
	}
}
