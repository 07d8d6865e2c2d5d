package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

const hookSecret = "hook-secret-of-the-test"

// caller is what somebody sends to the entrance, and the status of the answer; 0 for none.
type caller struct {
	name   string
	send   func(w io.Writer)
	status int
}

// headed writes the head of a call; signed is what its signature is of, nil for none.
func headed(w io.Writer, header string, signed []byte) {
	h := make(http.Header)
	if signed != nil {
		rossum.Sign(h, signed, hookSecret)
	}
	fmt.Fprintf(w, "POST /export HTTP/1.1\r\nHost: exports.example\r\nConnection: close\r\n%s", header)
	_ = h.Write(w)
	_, _ = io.WriteString(w, "\r\n")
}

func called(header string, body, signed []byte) func(io.Writer) {
	return func(w io.Writer) {
		headed(w, fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n%s", len(body), header), signed)
		_, _ = w.Write(body)
	}
}

func onlyHead(header string, signed []byte) func(io.Writer) {
	return func(w io.Writer) { headed(w, "Content-Type: application/json\r\n"+header, signed) }
}

// endless writes until nobody reads any more.
func endless(header, text string, signed []byte) func(io.Writer) {
	return func(w io.Writer) {
		headed(w, "Content-Type: application/json\r\n"+header, signed)
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
	}
}

// signedAs changes the signatures of a call.
func signedAs(body []byte, change func(http.Header)) func(io.Writer) {
	return func(w io.Writer) {
		h := make(http.Header)
		rossum.Sign(h, body, hookSecret)
		change(h)
		var signatures bytes.Buffer
		_ = h.Write(&signatures)
		called(signatures.String(), body, nil)(w)
	}
}

// numbered gives the annotation of a call another id.
func numbered(body []byte, id string) string {
	known := regexp.MustCompile(fmt.Sprintf(`"id":%d\b`, rossumtest.AnnotationID))
	return known.ReplaceAllString(string(body), `"id":`+id)
}

func callers() []caller {
	good := rossumtest.Annotation(rossumtest.Field("found", ""), rossumtest.Offline(), rossumtest.Request("now")).Bytes()
	stamp := []byte(time.Now().UTC().Format(time.RFC3339Nano))
	good = bytes.Replace(good, []byte("2026-11-24T10:00:00.000000Z"), stamp, 1)
	signed := func(body string) func(io.Writer) { return called("", []byte(body), []byte(body)) }
	old := bytes.Replace(good, stamp, []byte("2020-01-01T00:00:00.000000Z"), 1)
	packed := []byte(gzipped(string(good)))
	other := []byte("another body")
	return []caller{
		{"makes a call as Rossum does", called("", good, good), 200},
		{"makes it again later", called("", old, old), 403},
		{"signs nothing", called("", good, nil), 401},
		{"signs another body", called("", good, other), 401},
		{"signs nothing, and sends a body without end", endless("Content-Length: 99999999999\r\n", strings.Repeat(" ", 4096), nil), 401},
		{"sends a body without end", endless("Content-Length: 99999999999\r\n", strings.Repeat(" ", 4096), other), 413},
		{"sends chunks without end", endless("Transfer-Encoding: chunked\r\n", "1000\r\n"+strings.Repeat(" ", 4096)+"\r\n", other), 413},
		{"sends a line of a chunk without end", endless("Transfer-Encoding: chunked\r\n", strings.Repeat("1", 4096), other), 400},
		{"announces a body and sends none", onlyHead("Content-Length: 1000\r\n", other), 408},
		{"announces chunks and sends none", onlyHead("Transfer-Encoding: chunked\r\n", other), 408},
		{"announces two lengths", onlyHead("Content-Length: 1\r\nContent-Length: 2\r\n", other), 400},
		{"announces both a length and chunks", onlyHead("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", other), 401},
		{"announces a negative length", onlyHead("Content-Length: -5\r\n", other), 400},
		{"asks for an unknown transfer encoding", onlyHead("Transfer-Encoding: gzip\r\n", other), 501},
		{"sends a gzip bomb", called("Content-Encoding: gzip\r\n", []byte(bomb), []byte(bomb)), 413},
		{"sends a gzip bomb that is signed wrongly", called("Content-Encoding: gzip\r\n", []byte(bomb), other), 413},
		{"sends gzip", called("Content-Encoding: gzip\r\n", packed, packed), 200},
		{"sends gzip that is cut short", called("Content-Encoding: gzip\r\n", packed[:len(packed)-7], packed[:len(packed)-7]), 400},
		{"sends gzip within gzip", called("Content-Encoding: gzip, gzip\r\n", packed, packed), 415},
		{"sends another encoding", called("Content-Encoding: zstd\r\n", good, good), 415},
		{"sends a header of 2 MB", called("X: "+strings.Repeat("x", 2<<20)+"\r\n", good, good), 431},
		{"sends headers without end", func(w io.Writer) {
			_, _ = io.WriteString(w, "POST /export HTTP/1.1\r\nHost: exports.example\r\n")
			for {
				if _, err := io.WriteString(w, "X-Name: value\r\n"); err != nil {
					return
				}
			}
		}, 431},
		{"puts a line break into a header", called("X: a\rb\r\n", good, good), 400},
		{"nests half a million levels", signed(strings.Repeat("[", 500_000)), 400},
		{
			"nests within the call",
			signed(
				strings.Replace(
					string(good),
					`"settings":`,
					`"metadata_of_the_test":`+strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_000)+`,"settings":`,
					1,
				),
			),
			400,
		},
		{"sends nothing", signed(""), 400},
		{"sends a list", signed("[]"), 400},
		{"sends a call that is cut short", signed(string(good[:len(good)/2])), 400},
		{"sends something after the call", signed(string(good) + "{}"), 400},
		{"sends bytes that are not text", signed("\xff\xfe\x00"), 400},
		{"sends a form", func(w io.Writer) {
			headed(w, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n", []byte("a=b"))
			_, _ = io.WriteString(w, "a=b")
		}, 415},
		{"signs with a digest in capitals", signedAs(good, func(h http.Header) {
			h.Set(rossum.SignatureHeader, "sha256="+strings.ToUpper(h.Get(rossum.SignatureHeader)[7:]))
		}), 200},
		{"signs with the name of the digest in capitals", signedAs(good, func(h http.Header) {
			h.Set(rossum.SignatureHeader, "SHA256="+h.Get(rossum.SignatureHeader)[7:])
		}), 401},
		{"signs in the older header only", signedAs(good, func(h http.Header) { h.Del(rossum.SignatureHeader) }), 200},
		{"signs with the older digest in the newer header", signedAs(good, func(h http.Header) {
			h.Set(rossum.SignatureHeader, h.Get(rossum.LegacySignatureHeader))
		}), 401},
		{"signs rightly in the older header and wrongly in the newer", signedAs(good, func(h http.Header) {
			h.Set(rossum.SignatureHeader, "sha256="+strings.Repeat("0", 64))
		}), 401},
		{"signs twice, wrongly first", signedAs(good, func(h http.Header) {
			h[rossum.SignatureHeader] = []string{"sha256=" + strings.Repeat("0", 64), h.Get(rossum.SignatureHeader)}
		}), 401},
		{"signs with two digests in one header", signedAs(good, func(h http.Header) {
			h.Set(rossum.SignatureHeader, "sha256="+strings.Repeat("0", 64)+", "+h.Get(rossum.SignatureHeader))
		}), 401},
		{"signs in a trailer", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: "+rossum.SignatureHeader+"\r\n", nil)
			trailer := make(http.Header)
			rossum.Sign(trailer, good, hookSecret)
			fmt.Fprintf(w, "%x\r\n%s\r\n0\r\n", len(good), good)
			_ = trailer.Write(w)
			_, _ = io.WriteString(w, "\r\n")
		}, 401},
		{"sends chunks and a trailer", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n", good)
			fmt.Fprintf(w, "%x;name=value\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", len(good), good)
		}, 200},
		{"sends a chunk with an extension without end", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", good)
			fmt.Fprintf(w, "%x;%s\r\n%s\r\n0\r\n\r\n", len(good), strings.Repeat("x", 8<<10), good)
		}, 400},
		{"sends chunks of one byte with long extensions", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", good)
			for _, c := range good {
				fmt.Fprintf(w, "1;%s\r\n%c\r\n", strings.Repeat("x", 2<<10), c)
			}
			_, _ = io.WriteString(w, "0\r\n\r\n")
		}, 400},
		{"sends a trailer without end", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", good)
			fmt.Fprintf(w, "%x\r\n%s\r\n0\r\n", len(good), good)
			for {
				if _, err := io.WriteString(w, "X-Name: "+strings.Repeat("x", 1<<10)+"\r\n"); err != nil {
					return
				}
			}
		}, 400},
		{"waits to be told to continue, and signs nothing", onlyHead("Content-Length: 10\r\nExpect: 100-continue\r\n", nil), 401},
		{"expects something unknown", onlyHead("Content-Length: 10\r\nExpect: 200-ok\r\n", other), 417},
		{"hides a call within the body of one that is not signed", func(w io.Writer) {
			_, _ = io.WriteString(
				w,
				"POST /export HTTP/1.1\r\nHost: exports.example\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			)
		}, 401},
		{"sends the next call along, unsigned", func(w io.Writer) {
			var all bytes.Buffer
			called("", good, good)(&all)
			called("", old, nil)(&all)
			_, _ = w.Write(bytes.Replace(all.Bytes(), []byte("Connection: close\r\n"), nil, 1))
		}, 200},
		{"hangs up within the body", func(w io.Writer) {
			headed(w, "Content-Type: application/json\r\nContent-Length: 1000\r\n", good)
			_, _ = w.Write(good[:100])
			_ = w.(*net.TCPConn).CloseWrite()
		}, 400},
		{"announces more than it sends", func(w io.Writer) {
			headed(w, fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(good)+1), good)
			_, _ = w.Write(good)
			_ = w.(*net.TCPConn).CloseWrite()
		}, 400},
		{"speaks HTTP/1.0", func(w io.Writer) {
			var all bytes.Buffer
			called("", good, good)(&all)
			_, _ = w.Write(bytes.Replace(all.Bytes(), []byte("HTTP/1.1"), []byte("HTTP/1.0"), 1))
		}, 200},
		{"speaks HTTP/2 in the clear", func(w io.Writer) { _, _ = io.WriteString(w, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") }, 405},
		{"names no host", func(w io.Writer) { _, _ = io.WriteString(w, "POST /export HTTP/1.1\r\nContent-Length: 0\r\n\r\n") }, 400},
		{"asks for what it may do", func(w io.Writer) {
			_, _ = io.WriteString(w, "OPTIONS /export HTTP/1.1\r\nHost: exports.example\r\nConnection: close\r\n\r\n")
		}, 405},
		{"asks for its own request", func(w io.Writer) {
			_, _ = io.WriteString(w, "TRACE /export HTTP/1.1\r\nHost: exports.example\r\nConnection: close\r\n\r\n")
		}, 405},
		{"asks for a tunnel", func(w io.Writer) {
			_, _ = io.WriteString(w, "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\nConnection: close\r\n\r\n")
		}, 405},
		{"sends deflate", called("Content-Encoding: deflate\r\n", packed, packed), 415},
		{"sends brotli within gzip", called("Content-Encoding: br, gzip\r\n", packed, packed), 415},
		{"encodes twice in two headers", called("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", packed, packed), 415},
		{
			"names a key of the call twice",
			signed(strings.Replace(string(good), `"event":`, `"event":"annotation_content","event":`, 1)),
			400,
		},
		{
			"names a key of the annotation twice",
			signed(strings.Replace(string(good), `"annotation":{`, `"annotation":{"id":1,"id":2,`, 1)),
			400,
		},
		{"begins with a byte order mark", signed("\ufeff" + string(good)), 400},
		{"numbers the annotation beyond 64 bits", signed(numbered(good, "99999999999999999999")), 400},
		{"numbers the annotation with a fraction", signed(numbered(good, "1.5")), 400},
		{"numbers the annotation as a text", signed(numbered(good, `"1"`)), 400},
		{"numbers the annotation with an exponent without end", signed(numbered(good, "1e"+strings.Repeat("9", 100_000))), 400},
		{"calls for another event", signed(strings.Replace(string(good), `"export"`, `"started"`, 1)), 422},
		{"uses another method", func(w io.Writer) {
			_, _ = io.WriteString(w, "PUT /export HTTP/1.1\r\nHost: exports.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}, 405},
		{"speaks another protocol", func(w io.Writer) { _, _ = io.WriteString(w, "SSH-2.0-OpenSSH_9.9\r\n\r\n") }, 400},
	}
}

// TestWhateverIsSentToTheEntranceIsAnswered plays each caller. The answer comes although
// the call never ends, and only calls that may be made run an export, once each.
func TestWhateverIsSentToTheEntranceIsAnswered(t *testing.T) {
	t.Parallel()
	atOnce(t, 8, func(yield func(name string, play func() string)) {
		for _, c := range callers() {
			yield(c.name, func() string { return knock(t, c) })
		}
	})
}

func knock(t *testing.T, c caller) string {
	var exports atomic.Int32
	chain, err := pipeline.New(pipeline.StepFunc(func(_ context.Context, _ *pipeline.Export) error { exports.Add(1); return nil }))
	if err != nil {
		return err.Error()
	}
	patience := time.Minute // also for the machine that plays the caller
	if c.status == http.StatusRequestTimeout {
		patience = time.Second
	}
	server, err := hookserver.New(hookserver.Options{
		Chain: chain, SignatureSecrets: []string{hookSecret}, BodyLimit: 1 << 20, ReadTimeout: patience, MaxAge: time.Hour,
	})
	if err != nil {
		return err.Error()
	}
	s := httptest.NewUnstartedServer(server)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		return err.Error()
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(conn)
	}()
	answer := readAnswer(conn)
	_ = conn.Close()
	<-sent
	status, want := 0, int32(0)
	_, _ = fmt.Sscanf(answer, "HTTP/1.%d %d", new(int), &status)
	if c.status == http.StatusOK {
		want = 1
	}
	switch {
	case status != c.status:
		return fmt.Sprintf("the answer is %q, want the status %d", answer[:min(len(answer), 300)], c.status)
	case exports.Load() != want:
		return fmt.Sprintf("%d exports have run, want %d", exports.Load(), want)
	case strings.Contains(answer, hookSecret) || strings.Contains(answer, "panic"):
		return "the answer shows too much: " + answer
	}
	return ""
}

// readAnswer reads until the head of the answer has come, whatever comes after it.
func readAnswer(c net.Conn) string {
	var all []byte
	part := make([]byte, 4096)
	for !bytes.Contains(all, []byte("\r\n\r\n")) {
		n, err := c.Read(part)
		all = append(all, part[:n]...)
		if err != nil {
			break
		}
	}
	return string(all)
}
