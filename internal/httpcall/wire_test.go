package httpcall

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// wireServer answers each request with the given bytes and notes what came.
func wireServer(t *testing.T, answer string) (url string, got func() string) {
	t.Helper()
	var request bytes.Buffer
	url, _ = raw(t, func(_ int32, c net.Conn) {
		buf := make([]byte, 1<<16)
		n, _ := c.Read(buf)
		request.Reset()
		request.Write(buf[:n])
		_, _ = io.WriteString(c, answer)
	})
	return url, request.String
}

func TestHeaderNamesGoOutAsTheSettingsSpellThem(t *testing.T) {
	t.Parallel()
	url, got := wireServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	header, spelling := http.Header{}, map[string]string{}
	for _, name := range []string{
		"SOAPAction", "x-apikey", "X-ID", "content-type", "user-agent", "authorization", "host", "accept-encoding", "accept",
		"idempotency-key",
	} {
		header.Set(name, "v")
		spelling[http.CanonicalHeaderKey(name)] = name
	}
	if _, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Header: header, Spelling: spelling, Body: Bytes("x")}); err != nil {
		t.Fatal(err)
	}
	sent := got()
	for _, line := range []string{
		"SOAPAction: v", "x-apikey: v", "X-ID: v", "content-type: v", "User-Agent: v", "Authorization: v", "Host: v", "Accept-Encoding: v",
		"accept: v", "idempotency-key: v",
	} {
		if strings.Count(sent, "\r\n"+line+"\r\n") != 1 || strings.Count(strings.ToLower(sent), "\r\n"+strings.ToLower(line)+"\r\n") != 1 {
			t.Errorf("%s is not sent once:\n%s", line, sent)
		}
	}
}

func TestACallSaysWhoMakesItAndWhatItCanRead(t *testing.T) {
	t.Parallel()
	url, got := wireServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if _, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: url}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"User-Agent: exportpipeline", "Accept: */*", "Accept-Encoding: gzip, deflate"} {
		if sent := got(); strings.Count(sent, "\r\n"+line+"\r\n") != 1 {
			t.Errorf("%s is not sent:\n%s", line, sent)
		}
	}
}

func compressed(t *testing.T, kind, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case "zlib":
		w = zlib.NewWriter(&b)
	case "raw deflate":
		w, _ = flate.NewWriter(&b, 6)
	default:
		w = gzip.NewWriter(&b)
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestACompressedReplyIsReadWhateverWasAskedFor(t *testing.T) {
	t.Parallel()
	const text = `{"id": 7}`
	for _, tt := range []struct{ encoding, body, want string }{
		{"gzip", compressed(t, "gzip", text), text}, {"x-gzip", compressed(t, "gzip", text), text}, {"GZIP", compressed(t, "gzip", text), text},
		{"deflate", compressed(t, "zlib", text), text}, {"deflate", compressed(t, "raw deflate", text), text},
		{"deflate, gzip", compressed(t, "gzip", compressed(t, "zlib", text)), text}, {"identity", text, text}, {"br", text, text}, {"gzip", "", ""}, {"deflate", "", ""}, {"none", text, text},
		{"gzip", compressed(t, "gzip", text) + compressed(t, "gzip", " "), text + " "}, {"gzip", compressed(t, "gzip", text) + "\x00\x00rest", text},
		{"gzip", compressed(t, "gzip", text) + "\x1f", text}, {"gzip", compressed(t, "gzip", text) + "\x1f\x8bno header", text},
		{"deflate", compressed(t, "zlib", text) + "rest", text}, {"gzip, gzip", compressed(t, "gzip", compressed(t, "gzip", text)+"x"), text},
	} {
		for _, asked := range []string{"", "gzip", "identity", "br"} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", tt.encoding)
				_, _ = io.WriteString(w, tt.body)
			})
			call := &Call{Method: "GET", URL: s.URL, Header: http.Header{}}
			if asked != "" {
				call.Header.Set("Accept-Encoding", asked)
			}
			reply, err := isolated(t, Options{}).Do(t.Context(), call)
			if err != nil || string(reply.Body) != tt.want {
				t.Errorf("%s, asked for %q: %q, %v", tt.encoding, asked, reply.Body, err)
			}
			call.Stream = true
			if reply, err = isolated(t, Options{}).Do(t.Context(), call); err != nil {
				t.Fatal(err)
			}
			streamed, err := io.ReadAll(reply.Stream)
			if _ = reply.Stream.Close(); err != nil || string(streamed) != tt.want {
				t.Errorf("%s, asked for %q, streamed: %q, %v", tt.encoding, asked, streamed, err)
			}
		}
	}
}

func TestACompressedReplyIsBoundedAndItsDamageIsAnError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		compressed(t, "gzip", strings.Repeat("0", 1<<20)): ErrTooLarge.Error(), "not compressed": "gzip", compressed(t, "gzip", "text")[:15]: "EOF",
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, body)
		})
		_, err := isolated(t, Options{MaxReply: 1 << 16}).Do(t.Context(), &Call{Method: "POST", URL: s.URL})
		var failed *Error
		if !errors.As(err, &failed) || !failed.Sent || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "status 201") {
			t.Errorf("%q: %v", body[:10], err)
		}
	}
}

func TestHeadersOfAReplyKeepTheirOrderAndSpelling(t *testing.T) {
	t.Parallel()
	const interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
	const head = "HTTP/1.1 201 Created\r\nX-b: 2\r\nx-A:  1 \r\nSet-Cookie: a=1\r\nX-b: 3\r\nX-Folded: a\r\n b\r\nset-cookie: b=2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
	url, _ := wireServer(t, interim+head+"ok")
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("x")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(reply.Fields()), "[[X-b 2] [x-A 1] [Set-Cookie a=1] [X-b 3] [X-Folded a b] [set-cookie b=2] [Content-Length 2] [Connection close]]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOnAKeptConnectionEachReplyHasItsOwnHeaders(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["x-number"] = []string{r.Header.Get("X-Number")}
				_, _ = io.WriteString(w, strings.Repeat("x-number: wrong\r\n\r\n", 5000))
			}))
			t.Cleanup(s.Close)
			dialled := 0
			transport := NewTransport(&tls.Config{InsecureSkipVerify: true})
			t.Cleanup(transport.CloseIdleConnections)
			count := func(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
				return func(ctx context.Context, n, a string) (net.Conn, error) { dialled++; return dial(ctx, n, a) }
			}
			transport.DialContext, transport.DialTLSContext = count(transport.DialContext), count(transport.DialTLSContext)
			c := New(Options{HTTP: &http.Client{Transport: transport}})
			const calls = 5
			for i := range calls {
				reply, err := c.Do(t.Context(), &Call{Method: "GET", URL: s.URL, Header: http.Header{"X-Number": {fmt.Sprint(i)}}})
				if err != nil {
					t.Fatal(err)
				}
				if got := reply.Fields()[0]; got != [2]string{"x-number", fmt.Sprint(i)} {
					t.Errorf("reply %d: %v", i, got)
				}
			}
			if dialled >= calls { // under load, net/http may give one up
				t.Errorf("%d connections, none was kept", dialled)
			}
		})
	}
}

func TestWithoutAConnectionOfOurOwnHeadersAreSorted(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header()["b-x"] = []string{"1", "2"} })
	reply, err := New(
		Options{HTTP: &http.Client{Transport: roundTripper(s.Client().Transport.RoundTrip)}},
	).Do(t.Context(), &Call{Method: "GET", URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(reply.Fields()[:2]); got != "[[B-X 1] [B-X 2]]" {
		t.Errorf("got %v", got)
	}
}

// headerOf is the header of a reply as the standard library reads it, that of interim replies
// passed over; nil if it reads none.
func headerOf(data []byte) textproto.MIMEHeader {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return nil
		}
		h, err := r.ReadMIMEHeader()
		if err != nil {
			return nil
		}
		for name := range h {
			if strings.TrimRight(name, " \t") != name {
				return nil // which the standard library leaves in the name
			}
		}
		_, status, _ := strings.Cut(line, " ")
		if status = strings.TrimLeft(status, " "); len(status) < 3 || status[0] != '1' || strings.HasPrefix(status, "101") {
			return h
		}
	}
}

// FuzzHeaderRecorder reads replies in pieces of any size: the header is the same, and that
// which the standard library reads.
func FuzzHeaderRecorder(f *testing.F) {
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"), 3)
	f.Add([]byte("HTTP/1.1 200 OK\nX-b: 2\nX-b:1\r\nx-A:\t1 \r\nX-Folded: a\r\n\t b \r\nempty:\r\n\r\n"), 1)
	f.Add([]byte("HTTP/1.1  101 Switching Protocols\r\nUpgrade: x\r\n\r\nA: b\r\n\r\n"), 7)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		whole, parts := &recorder{on: true}, &recorder{on: true}
		whole.add(data)
		for piece := range slices.Chunk(data, 1+step&7) {
			parts.add(piece)
		}
		fields := whole.fields()
		if !slices.Equal(fields, parts.fields()) {
			t.Errorf("%q: %q in one part, %q in several", data, fields, parts.fields())
		}
		want := headerOf(data)
		if want == nil || len(data) > maxRecorded {
			return
		}
		got := make(textproto.MIMEHeader)
		for _, field := range fields {
			got.Add(field[0], field[1])
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: %q, and %q for the standard library", data, got, want)
		}
	})
}
