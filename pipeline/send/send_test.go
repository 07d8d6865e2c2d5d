package send_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// erp notes the calls that it gets and answers as it is told to.
type erp struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
}

func newERP(t *testing.T, answer http.HandlerFunc) *erp {
	t.Helper()
	e := &erp{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		e.calls = append(e.calls, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *erp) got() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.calls, ", ")
}

func created(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-NetSuite-Id", "7")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"id":7}`)
}

func step(f func(ctx context.Context, x *pipeline.Export) error) pipeline.Step {
	return pipeline.Named("ERP", pipeline.StepFunc(f))
}

func TestACallIsMadeOnceAndItsReplyIsRead(t *testing.T) {
	t.Parallel()
	e := newERP(t, created)
	r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
		call := &send.Call{Name: "create", Method: "POST", URL: e.URL + "/invoices?key=k", Body: pipeline.Bytes("invoice")}
		call.SetHeader("SOAPAction", "create")
		reply, err := send.Do(ctx, x, call)
		if err != nil {
			return err
		}
		if reply.Status != 201 || reply.Reason != "Created" || string(reply.Body) != `{"id":7}` || reply.Attempts != 1 || reply.Recorded {
			t.Errorf("got %+v", reply)
		}
		if joined := fmt.Sprint(reply.Joined()); !strings.Contains(joined, "[x_netsuite_id 7]") {
			t.Errorf("header %s", joined)
		}
		return nil
	}), rossumtest.Annotation())
	if r.Err != nil || e.got() != "POST /invoices?key=k invoice" {
		t.Fatalf("%v, the ERP got %s", r.Err, e.got())
	}
	if c := r.Report.Steps[0].Calls; len(c) != 1 || c[0].Status != 201 || c[0].Sent != 7 || c[0].Received != 8 ||
		c[0].URL != e.URL+"/invoices?key=[secret]" {
		t.Errorf("report %+v", c)
	}
}

// A process ends after its calls; another one goes on with the run.
func TestACallOfAnEarlierProcessIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, x *pipeline.Export, url, body string) (status int, reply string, err error){
		"Do": func(ctx context.Context, x *pipeline.Export, url, body string) (int, string, error) {
			reply, err := send.Do(ctx, x, &send.Call{Name: body, Method: "POST", URL: url, Body: pipeline.Bytes(body)})
			if err != nil {
				return 0, "", err
			}
			return reply.Status, string(reply.Body), nil
		},
		"Client": func(ctx context.Context, x *pipeline.Export, url, body string) (int, string, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
			if err != nil {
				return 0, "", err
			}
			reply, err := send.Client(x).Do(req)
			if err != nil {
				return 0, "", err
			}
			defer reply.Body.Close()
			data, err := io.ReadAll(reply.Body)
			return reply.StatusCode, string(data), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t, created)
			ledger := pipeline.MemoryLedger()
			var got []string
			export := func(crash bool) error {
				t.Helper()
				ctx, end := context.WithCancelCause(t.Context())
				chain, err := pipeline.New(step(func(ctx context.Context, x *pipeline.Export) error {
					for _, body := range []string{"one", "two"} {
						status, reply, err := do(ctx, x, e.URL+"/invoices", body)
						if err != nil {
							return err
						}
						got = append(got, fmt.Sprint(status, reply))
					}
					if crash {
						end(pipeline.ErrHandedOver)
					}
					return context.Cause(ctx)
				}))
				if err != nil {
					return err
				}
				j, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
				if err != nil {
					return err
				}
				_, err = chain.Export(ctx, rossumtest.Annotation(rossumtest.Offline()).Payload(), pipeline.WithJournal(j))
				return err
			}
			if err := export(true); !errors.Is(err, pipeline.ErrHandedOver) {
				t.Fatal(err)
			}
			if err := export(false); err != nil {
				t.Fatal(err)
			}
			if e.got() != "POST /invoices one, POST /invoices two" || len(got) != 4 || got[0] != got[2] || got[1] != got[3] {
				t.Errorf("the ERP got %s; the steps got %q", e.got(), got)
			}
		})
	}
}

func TestAnErrorSaysWhetherTheOtherSideMayHaveTheCall(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.NotFoundHandler())
	refusing.Close()
	cut := newERP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "{")
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			panic(http.ErrAbortHandler)
		}
	})
	for _, tt := range []struct {
		name, url string
		sent      bool
		status    int
		text      string
	}{
		{"nobody listens", refusing.URL, false, 0, "; nothing was sent"},
		{"no address", "ftp://erp", false, 0, "it does not begin with http:// or https://; nothing was sent"},
		{"a cloud's metadata", "http://169.254.169.254/", false, 0, "is link-local or belongs to a cloud; nothing was sent"},
		{"the connection ends", cut.URL, true, 0, "EOF; the other side may have received it"},
		{"the reply ends early", cut.URL + "/cut", true, 201, "; the other side may have received it"},
		{"a redirect", cut.URL + "/moved", true, 302, "; the other side may have received it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				_, err := send.Do(ctx, x, &send.Call{Name: "create", Method: "POST", URL: tt.url, Body: pipeline.Bytes("invoice"), MaxAttempts: 1})
				return err
			}), rossumtest.Annotation())
			var failed *send.Error
			if !errors.As(r.Err, &failed) || failed.Sent != tt.sent || failed.Status != tt.status || failed.Method != "POST" ||
				failed.Attempts != 1 {
				t.Fatalf("got %v, %+v", r.Err, failed)
			}
			if errors.Is(r.Err, pipeline.ErrMaybeSent) != tt.sent || errors.Is(r.Err, pipeline.ErrNotSent) == tt.sent ||
				!strings.HasSuffix(r.Err.Error(), tt.text) {
				t.Errorf("got %v", r.Err)
			}
		})
	}
}

func TestARetryAsksForWhatTheCallMayRepeat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		retry send.Retry
		first int // status; 0 breaks the connection off
		calls int
	}{
		{"busy, not asked for", send.RetryIfNotSent, 429, 1},
		{"busy", send.RetryIfRefused, 429, 2},
		{"an error, only if refused", send.RetryIfRefused, 500, 1},
		{"an error", send.RetryAlways, 500, 2},
		{"a lost connection", send.RetryAlways, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			e := newERP(t, func(w http.ResponseWriter, r *http.Request) {
				once.Do(func() {
					if tt.first == 0 {
						panic(http.ErrAbortHandler)
					}
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(tt.first)
				})
			})
			r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
				_, err := send.Do(ctx, x, &send.Call{Name: "create", Method: "POST", URL: e.URL, Body: pipeline.Bytes("invoice"), Retry: tt.retry})
				return err
			}), rossumtest.Annotation())
			if calls := strings.Count(e.got(), "POST"); r.Err != nil || calls != tt.calls {
				t.Errorf("%d calls, %v", calls, r.Err)
			}
		})
	}
}

func TestAHeaderIsSentInTheSpellingThatItWasSetIn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	head := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buffer := make([]byte, 4096)
		n, _ := c.Read(buffer)
		head <- string(buffer[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nX-oDD: 1\r\n\r\n")
	}()
	r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) error {
		call := &send.Call{Method: "GET", URL: "http://" + l.Addr().String()}
		call.SetHeader("X-APIKEY", "old")
		call.SetHeader("x-apikey", "k-1")
		if call.Header.Get("X-Apikey") != "k-1" {
			t.Errorf("header %v", call.Header)
		}
		reply, err := send.Do(ctx, x, call)
		if err == nil && fmt.Sprint(reply.Fields()) != "[[X-oDD 1]]" {
			t.Errorf("reply %v", reply.Fields())
		}
		return err
	}), rossumtest.Annotation())
	if got := <-head; r.Err != nil || !strings.Contains(got, "\r\nx-apikey: k-1\r\n") {
		t.Errorf("%v, sent %q", r.Err, got)
	}
}

func TestFormsAreWrittenAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	if got := string(send.URLEncoded([2]string{"b", "x y&"}, [2]string{"a", "ü"}, [2]string{"b", ""})); got != "b=x+y%26&a=%C3%BC&b=" {
		t.Errorf("got %s", got)
	}
	body, contentType, err := send.Multipart("B", send.Part{Name: "vendor", Content: pipeline.Bytes("Acme")},
		send.Part{Name: "file", File: true, FileName: `in"voice.pdf`, ContentType: "application/pdf", Content: pipeline.Bytes("%PDF")})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := body.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(opened)
	want := "--B\r\nContent-Disposition: form-data; name=\"vendor\"\r\n\r\nAcme\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in%22voice.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--B--\r\n"
	if err != nil || string(data) != want || body.Size() != int64(len(want)) || contentType != "multipart/form-data; boundary=B" {
		t.Errorf("%v %s %d %q", err, contentType, body.Size(), data)
	}
	for _, p := range []send.Part{{Name: "a\nb", Content: pipeline.Bytes("")}, {Name: "a", FileName: "\r", File: true, Content: pipeline.Bytes("")}, {Name: "a"}} {
		if _, _, err := send.Multipart("B", p); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

func TestATokenIsAskedForOnceAndKeptUntilItExpires(t *testing.T) {
	t.Parallel()
	n := 0
	e := newERP(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":"3600"}`, n)
	})
	var tokens send.Tokens
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	get := func(refused string) string {
		t.Helper()
		var got string
		r := pipelinetest.Run(t, step(func(ctx context.Context, x *pipeline.Export) (err error) {
			call := &send.Call{Method: "POST", URL: e.URL, Body: send.URLEncoded([2]string{"grant_type", "client_credentials"})}
			got, err = tokens.Get(ctx, x, send.TokenRequest{Call: call, Refused: refused})
			x.Info("%s", got)
			return err
		}), rossumtest.Annotation(), pipeline.WithClock(func() time.Time { return now }))
		if r.Err != nil || strings.Contains(fmt.Sprint(r.Response.Messages), "token-") {
			t.Errorf("%v, %v", r.Err, r.Response.Messages)
		}
		return got
	}
	first := get("")
	if first != "token-1" || get("") != "token-1" {
		t.Errorf("got %s; the server was asked: %s", first, e.got())
	}
	if got := get("token-1"); got != "token-2" {
		t.Errorf("after it was refused: %s", got)
	}
	now = now.Add(3560 * time.Second)
	if got := get(""); got != "token-2" {
		t.Errorf("before it expires: %s", got)
	}
	now = now.Add(15 * time.Second)
	if got := get(""); got != "token-3" {
		t.Errorf("shortly before it expires: %s", got)
	}
}
