package httpcall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/internal/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// isolated returns a client whose connections end with the test.
func isolated(t *testing.T, o Options) *Client {
	t.Helper()
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: transport}
	}
	return New(o)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestBodyHeadersAndStatusArrive(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Got", fmt.Sprint(r.Method, " ", r.ContentLength, " ", r.Header.Get("X-Sent"), " ", r.Host))
		w.WriteHeader(422)
		_, _ = w.Write(body)
	})
	var record Record
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{
		Method: "POST", URL: s.URL + "/a?token=abc", Header: http.Header{"x-sent": {"yes"}, "Host": {"erp.example"}},
		Body: Bytes("hello"), Observe: func(r Record) { record = r },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.Header.Get("X-Got"); reply.Status != 422 || string(reply.Body) != "hello" || got != "POST 5 yes erp.example" {
		t.Errorf("got %d %q %q", reply.Status, reply.Body, got)
	}
	if record.URL != s.URL+"/a?token="+redact.Placeholder || record.Status != 422 || record.Sent != 5 || record.Received != 5 ||
		record.Attempts != 1 {
		t.Errorf("record %+v", record)
	}
}

func TestWhatHappensAfterEachStatusDependsOnTheRule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		retry      Retry
		status     int
		retryAfter string
		calls      int32
	}{
		{IfNotSent, 429, "0", 1}, {IfNotSent, 503, "0", 1}, {IfNotSent, 500, "", 1}, {IfNotSent, 401, "", 1},
		{IfRefused, 429, "0", 3}, {IfRefused, 503, "0", 3}, {IfRefused, 503, "", 1}, {IfRefused, 502, "0", 1},
		{Always, 429, "0", 3}, {Always, 503, "0", 3}, {Always, 502, "0", 3}, {Always, 408, "0", 3}, {Always, 500, "0", 3}, {Always, 400, "0", 1}, {Always, 501, "0", 1},
	} {
		t.Run(fmt.Sprint(tt.retry, tt.status, tt.retryAfter), func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != "again" {
					t.Errorf("attempt %d has body %q", calls.Load()+1, body)
				}
				calls.Add(1)
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				w.WriteHeader(tt.status)
			})
			reply, err := isolated(
				t,
				Options{},
			).Do(t.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes("again"), Retry: tt.retry, MaxAttempts: 3})
			if err != nil {
				t.Fatal(err)
			}
			if calls.Load() != tt.calls || reply.Status != tt.status || reply.Attempts != int(tt.calls) {
				t.Errorf("%d calls (want %d), status %d, attempts %d", calls.Load(), tt.calls, reply.Status, reply.Attempts)
			}
		})
	}
}

// closedAddress returns an address that nobody listens on.
func closedAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.Port()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func TestAServerThatIsDownGotNothingSoTheCallIsRepeated(t *testing.T) {
	t.Parallel()
	_, err := isolated(
		t,
		Options{},
	).Do(t.Context(), &Call{Method: "POST", URL: "http://" + closedAddress(t), Body: Bytes("x"), MaxAttempts: 2})
	var failed *Error
	if !errors.As(err, &failed) || failed.Sent || failed.Attempts != 2 || !strings.HasSuffix(err.Error(), "nothing was sent") {
		t.Errorf("got %v", err)
	}
}

// raw serves each connection with f, on bare TCP.
func raw(t *testing.T, f func(n int32, c net.Conn)) (url string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(connections.Add(1), c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String(), connections
}

func readRequest(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 4096)
	for total := []byte(nil); !bytes.Contains(total, []byte("BODY")); {
		n, err := c.Read(buf)
		if total = append(total, buf[:n]...); err != nil {
			return
		}
	}
}

func TestACallThatWasSentIsNotRepeatedWhenTheConnectionIsLost(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"before the reply":   "",
		"inside the headers": "HTTP/1.1 200 OK\r\nContent-Le",
		"inside the body":    "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":",
		"broken chunks":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"no HTTP at all":     "SSH-2.0-OpenSSH\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, connections := raw(t, func(_ int32, c net.Conn) { readRequest(c); _, _ = io.WriteString(c, answer) })
			_, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY")})
			var failed *Error
			if !errors.As(err, &failed) || !failed.Sent || connections.Load() != 1 ||
				!strings.HasSuffix(err.Error(), "the other side may have received it") {
				t.Errorf("%d connections, error %v", connections.Load(), err)
			}
		})
	}
}

func TestWithRetryAlwaysALostConnectionIsRepeated(t *testing.T) {
	t.Parallel()
	url, connections := raw(t, func(n int32, c net.Conn) {
		readRequest(c)
		if n == 2 {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: url, Body: Bytes("BODY"), Retry: Always})
	if err != nil || string(reply.Body) != "ok" || connections.Load() != 2 {
		t.Errorf("%d connections, reply %v, error %v", connections.Load(), reply, err)
	}
}

func TestASlowReplyEndsWithTheTimeoutAndMayHaveBeenReceived(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{"before the header": "", "within the body": "half of"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = io.WriteString(w, begin)
					_ = http.NewResponseController(w).Flush()
				}
				<-release
			})
			defer close(release)
			reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "POST", URL: s.URL, Timeout: time.Second})
			var failed *Error
			var timeout net.Error
			if !errors.As(
				err, &failed,
			) || !failed.Sent || !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "the call took longer than 1s") {
				t.Errorf("the error does not say how long the call may take: %v", err)
			}
			if (reply != nil) != (begin != "") {
				t.Errorf("the reply is %v", reply)
			}
		})
	}
}

// What one call knows must not reach another, although both share a client.
func TestCallsSideBySideKeepTheirOwnRules(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/there", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	client := isolated(t, Options{})
	var wait sync.WaitGroup
	for i := range 24 {
		wait.Go(func() {
			call := &Call{Method: "GET", URL: s.URL + "/moved", MaxAttempts: 1, NoRedirect: i%3 == 0, KeepRedirect: i%3 == 1}
			reply, err := client.Do(t.Context(), call)
			status := map[int]int{0: http.StatusFound, 1: http.StatusFound, 2: http.StatusServiceUnavailable}[i%3]
			if reply == nil || reply.Status != status || errors.Is(err, ErrRedirect) != (i%3 == 0) || reply.Attempts != 1 {
				t.Errorf("call %d: %+v, %v", i, reply, err)
			}
		})
	}
	wait.Wait()
}

func TestTheContextEndsACallWithItsCause(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	why := errors.New("the hook's time is up")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, why)
	defer cancel()
	_, err := isolated(t, Options{}).Do(ctx, &Call{Method: "GET", URL: s.URL, Retry: Always})
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestAReplyLargerThanTheLimitIsAnError(t *testing.T) {
	t.Parallel()
	for name, announce := range map[string]bool{"announced": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if announce {
					w.Header().Set("Content-Length", "1073741824")
				}
				block := make([]byte, 1<<16)
				for range 1 << 14 {
					if _, err := w.Write(block); err != nil {
						return
					}
				}
			})
			_, err := isolated(t, Options{MaxReply: 1 << 20}).Do(t.Context(), &Call{Method: "GET", URL: s.URL})
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAReplyOfExactlyTheLimitIsTaken(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "12345") })
	reply, err := isolated(t, Options{MaxReply: 5}).Do(t.Context(), &Call{Method: "GET", URL: s.URL})
	if err != nil || string(reply.Body) != "12345" {
		t.Errorf("got %v, %v", reply, err)
	}
}

func TestARedirectTakesCredentialsToNoOtherHost(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int32
	thief := serve(t, func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
		}
	})
	get := func(method, path string) (*Reply, error) {
		return isolated(
			t,
			Options{},
		).Do(t.Context(), &Call{Method: method, URL: s.URL + path, Header: http.Header{"Authorization": {"Bearer t"}}, Retry: Always})
	}
	for _, tt := range [][2]string{{"GET", "/out"}, {"POST", "/out"}, {"POST", "/here"}, {"GET", "/loop"}} {
		if _, err := get(tt[0], tt[1]); !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: got %v", tt, err)
		}
	}
	if _, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: s.URL + "/here", NoRedirect: true}); !errors.Is(
		err,
		ErrRedirect,
	) {
		t.Errorf("NoRedirect: got %v", err)
	}
	if stolen.Load() != 0 {
		t.Error("the other host was called")
	}
	if reply, err := get("GET", "/here"); err != nil || string(reply.Body) != "Bearer t" {
		t.Errorf("on the same host: %v, %v", reply, err)
	}
}

func TestWhatMustNotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, name, value string
		want             error
	}{
		{"ftp://erp.example", "", "", ErrURL}, {"erp.example/x", "", "", ErrURL}, {"http://", "", "", ErrURL}, {"http://%zz", "", "", ErrURL}, {"http://a b/", "", "", ErrURL},
		{"http://169.254.169.254/latest", "", "", ErrForbidden}, {"http://[fe80::1]/", "", "", ErrForbidden}, {"http://[::ffff:169.254.169.254]/", "", "", ErrForbidden}, {"http://0.0.0.0/", "", "", ErrForbidden},
		{"http://erp.example", "X-A", "a\r\nX-B: c", ErrHeader}, {"http://erp.example", "X-A", "a\x00", ErrHeader}, {"http://erp.example", "X A", "a", ErrHeader}, {"http://erp.example", "X:A", "a", ErrHeader},
	} {
		call := &Call{Method: "POST", URL: tt.url, Retry: Always}
		if tt.name != "" {
			call.Header = http.Header{tt.name: {tt.value}}
		}
		_, err := isolated(t, Options{}).Do(t.Context(), call)
		var failed *Error
		if !errors.Is(err, tt.want) || !errors.As(err, &failed) || failed.Sent {
			t.Errorf("%v: got %v", tt, err)
		}
	}
	for address, want := range map[string]bool{"169.254.1.1:80": true, "10.0.0.1:80": false, "[fe80::1%eth0]:80": true, "127.0.0.1:80": false} {
		if err := (egress.Policy{}).Control("tcp", address, nil); errors.Is(err, ErrForbidden) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if (egress.Policy{}).CheckAddr(netip.MustParseAddr("::1")) != nil {
		t.Error("loopback is forbidden")
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	_, err := isolated(t, Options{}).Do(t.Context(), &Call{
		Method: "POST", URL: "http://user:topsecret@" + closedAddress(t) + "/topsecret?access_token=abc", MaxAttempts: 1,
		Redactor: redact.New("topsecret"),
	})
	if text := err.Error(); strings.Contains(text, "topsecret") || strings.Contains(text, "abc") {
		t.Error(text)
	}
}

func TestAStreamIsSentWithoutBeingHeld(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, r.ContentLength)
	})
	for _, announced := range []int64{size, -1} {
		opened := 0
		reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "PUT", URL: s.URL, Body: zeros{size, announced, &opened}})
		if err != nil || string(reply.Body) != fmt.Sprint(size, announced) || opened != 1 {
			t.Errorf("got %v, %v, opened %d times", reply, err, opened)
		}
	}
}

type zeros struct {
	size, announced int64
	opened          *int
}

func (z zeros) Size() int64 { return z.announced }

func (z zeros) Open(context.Context) (io.ReadCloser, error) {
	*z.opened++
	return io.NopCloser(io.LimitReader(zeroReader{}, z.size)), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAReplyCanBeStreamed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "streamed") })
	reply, err := isolated(t, Options{}).Do(t.Context(), &Call{Method: "GET", URL: s.URL, Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Stream.Close()
	if body, err := io.ReadAll(reply.Stream); err != nil || string(body) != "streamed" {
		t.Errorf("got %q, %v", body, err)
	}
	for range 2 { // as bufio and decoders do, which ask again
		if n, err := reply.Stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the end: %d bytes, %v, want EOF", n, err)
		}
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 0 ": 0, "Tue, 24 Nov 2026 12:00:09 GMT": 9 * time.Second, "Tue, 24 Nov 2026 11:00:00 GMT": 0,
		"": -1, "-1": -1, "soon": -1, "99999999999999999999": -1,
	} {
		got, ok := retryAfter(header, now)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestTheWaitBetweenAttemptsIsTheOneAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, calls := time.Now(), 0
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			calls++
			resp := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"20"}}, Body: http.NoBody, Request: r}
			if calls == 3 {
				resp.StatusCode = 200
			}
			return resp, nil
		})
		c := New(Options{HTTP: &http.Client{Transport: transport}})
		reply, err := c.Do(t.Context(), &Call{Method: "POST", URL: "https://erp.example", Retry: IfRefused})
		if err != nil || reply.Status != 200 || time.Since(started) != 40*time.Second {
			t.Errorf("%v, %v after %v", reply, err, time.Since(started))
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"7", "0", "-1", " 7 ", "1.5", "99999999999999999999", "9223372036854775807", "Tue, 24 Nov 2026 12:00:09 GMT", "Tuesday, 24-Nov-26 12:00:09 GMT"} {
		f.Add(header)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		wait, ok := retryAfter(header, now)
		if ok && wait < 0 {
			t.Errorf("%q: %v", header, wait)
		}
		if seconds, err := strconv.ParseUint(header, 10, 31); err == nil && (!ok || wait != time.Duration(seconds)*time.Second) {
			t.Errorf("%q: %v, %t", header, wait, ok)
		}
		if date, err := http.ParseTime(header); err == nil && date.Sub(now) < 1<<62 && (!ok || wait != max(0, date.Sub(now))) {
			t.Errorf("%q: %v, %t, want %v", header, wait, ok, date.Sub(now))
		}
	})
}

// BenchmarkSmallPost prints how many times as long as bare net/http a small
// POST takes.
func BenchmarkSmallPost(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer s.Close()
	c := New(Options{HTTP: s.Client()})
	body := []byte(`{"number":"1"}`)
	var bare, ours time.Duration
	round := func() {
		start := time.Now()
		resp, err := s.Client().Post(s.URL, "application/json", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		bare += time.Since(start)
		start = time.Now()
		if _, err := c.Do(b.Context(), &Call{Method: "POST", URL: s.URL, Body: Bytes(body), Header: http.Header{"Content-Type": {"application/json"}}}); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	for range 50 { // connections and caches are warm then
		round()
	}
	bare, ours = 0, 0
	for b.Loop() {
		for range 20 {
			round()
		}
	}
	b.ReportMetric(float64(ours)/float64(bare), "x-vs-net/http")
}

func Example() {
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }))
	defer erp.Close()
	reply, err := New(Options{}).Do(context.Background(), &Call{Method: "POST", URL: erp.URL, Body: Bytes(`{}`)})
	fmt.Println(reply.Status, err)
	// Output: 201 <nil>
}
