package hookserver_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// world is what the processes of a row talk to, and what it counts.
type world struct {
	t        *testing.T
	row      crash
	patience time.Duration // how long the first process takes at most
	dir      string
	erp      *httptest.Server
	tenant   *workdaytest.Tenant
	files    *sftptest.Server

	mu      sync.Mutex
	acts    map[string]int
	keys    map[string]string
	tokens  int
	victim  *osexec.Cmd   // is killed at the row's point, once
	late    bool          // the call has timed out
	held    chan struct{} // if not nil the creation is answered when it is closed
	arrived chan struct{} // gets something when the creation has arrived then
	other   chan struct{}
	once    sync.Once // closes other
}

func newWorld(t *testing.T, c crash) *world {
	w := &world{t: t, row: c, dir: t.TempDir(), acts: make(map[string]int), keys: make(map[string]string), other: make(chan struct{})}
	w.erp = httptest.NewServer(http.HandlerFunc(w.serveERP))
	t.Cleanup(w.erp.Close)
	switch c.kind {
	case "Workday":
		w.tenant = workdaytest.NewTenant()
		t.Cleanup(w.tenant.Close)
		if c.point == "after the call timed out" {
			w.tenant.Next(func(out http.ResponseWriter, r *http.Request) {
				out.Header().Set(lateHeader, "yes")
				w.tenant.ServeHTTP(out, r)
			})
		}
		if c.byERP() && c.point != "in a Finally step" {
			w.tenant.Next(func(out http.ResponseWriter, r *http.Request) {
				if c.point != "after the first byte" {
					w.tenant.ServeHTTP(httptest.NewRecorder(), r)
				}
				w.kill()
				panic(http.ErrAbortHandler)
			})
		}
	case "SFTP":
		var err error
		if w.files, err = sftptest.NewServer(t.TempDir()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.files.Close() })
	}
	return w
}

// kill kills the victim, unless it is dead.
func (w *world) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.victim != nil {
		_ = w.victim.Process.Kill()
		_, _ = w.victim.Process.Wait()
		w.victim = nil
	}
}

func (w *world) isAlive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.victim != nil
}

func (w *world) serveERP(out http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if what, asked := strings.CutPrefix(path, "/has"); asked {
		w.has(out, what)
		return
	}
	if path == "/token" {
		w.mu.Lock()
		w.tokens++
		n := w.tokens
		w.mu.Unlock()
		_, _ = fmt.Fprintf(out, `{"access_token":"token-%d","expires_in":3600}`, n)
		return
	}
	if w.row.kind == "REST with OAuth" && path == "/create" && r.Header.Get("Authorization") == "Bearer token-1" {
		out.WriteHeader(http.StatusUnauthorized)
		return
	}
	due := w.row.byERP() && path == w.row.target() && w.row.kind != "Workday" && w.isAlive() ||
		w.row.point == "in a Finally step" && path == "/notify" && w.isAlive()
	if due && w.row.point == "after the first byte" {
		w.kill()
		panic(http.ErrAbortHandler)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err != nil {
		return // the call did not arrive
	}
	w.act(path, r.Header.Get("Idempotency-Key"), fmt.Sprintf("%s %x", r.Header.Get("Content-Type"), sum.Sum(nil)))
	if path == "/create" && w.held != nil {
		select {
		case w.arrived <- struct{}{}:
		default:
		}
		<-w.held
	}
	if path == "/other" {
		defer w.once.Do(func() { close(w.other) })
	}
	if due {
		if w.row.point == "in a branch" {
			<-w.other
			time.Sleep(100 * time.Millisecond) // the other branch ends
		}
		w.kill()
		panic(http.ErrAbortHandler)
	}
	if w.isLate(path) {
		out.Header().Set(lateHeader, "yes")
	}
	out.Header().Set("Location", path+"/7")
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(out, `{"id":"ERP%s"}`, path)
}

// isLate reports that a call times out: the first to the target of such a row.
func (w *world) isLate(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := w.row.point == "after the call timed out" && path == w.row.target() && !w.late
	w.late = w.late || late
	return late
}

// act does what a call asks for, once for each key, which must not come with another body.
func (w *world) act(path, key, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.keys[path+key]
	if key != "" && known != "" && known != body {
		w.t.Errorf("%s was sent again under its key as %s, and was %s", path, body, known)
	}
	if key == "" || known == "" {
		w.acts[path]++
		w.keys[path+key] = body
	}
}

// count is how often the target system has acted on a path.
func (w *world) count(path string) int {
	switch {
	case w.tenant != nil && path == "/create":
		return len(w.tenant.Invoices())
	case w.files != nil && path == "/create":
		found, _ := filepath.Glob(filepath.Join(w.files.Dir, "out", "invoice*")) // of a pattern that is right
		return len(found)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acts[path]
}

const workdayReply = `<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Body><wd:Submit_Supplier_Invoice_Response xmlns:wd="urn:com.workday/bsvc">` +
	`<wd:Supplier_Invoice_Reference><wd:ID wd:type="WID">1</wd:ID><wd:ID wd:type="Supplier_Invoice_Reference_ID">SUPPLIER_INVOICE-1</wd:ID></wd:Supplier_Invoice_Reference></wd:Submit_Supplier_Invoice_Response></soap-env:Body></soap-env:Envelope>`

// lost is the answer that a call would have got.
func (w *world) lost(path string) (status int, header http.Header, body string) {
	if w.row.kind == "Workday" && path == "/create" {
		return http.StatusOK, http.Header{"Content-Type": {"text/xml"}}, workdayReply
	}
	return http.StatusCreated, http.Header{"Content-Type": {"application/json"}}, `{"id":"ERP` + path + `"}`
}

func (w *world) has(out http.ResponseWriter, path string) {
	if w.count(path) == 0 {
		out.WriteHeader(http.StatusNotFound)
		return
	}
	status, header, body := w.lost(path)
	for name, values := range header {
		out.Header()[name] = values
	}
	out.WriteHeader(status)
	_, _ = io.WriteString(out, body)
}

// plan says when the first process dies, if no ERP sees to it.
func (w *world) plan() plan {
	p := plan{
		Dir:     w.dir,
		ERP:     w.erp.URL,
		Crash:   w.row.point,
		Kind:    w.row.kind,
		Async:   w.row.mode == "async",
		Settler: w.row.settler,
		Timeout: 2 * time.Minute,
	}
	if w.tenant != nil {
		p.Workday = w.tenant.Coordinates()
	}
	if w.files != nil {
		c := w.files.Credentials()
		p.SFTP = sftpPlace{c.Host, c.Username, c.HostKey, int(c.Port)}
	}
	return p
}

func (w *world) deadly() plan {
	p := w.plan()
	if w.row.settler == "probe" {
		p.Timeout = w.patience // the probe is asked when the call's own time is over
	}
	if w.row.byERP() {
		return p
	}
	nth, creates := 1, 1 // the call that the row is about, and how many the kind makes
	switch w.row.kind {
	case "REST with OAuth":
		nth, creates = 2, 2
	case "Request Processor":
		nth, creates = 2, 3
	}
	p.KillKind, p.KillAt = "call", nth
	switch w.row.point {
	case "after the call is noted":
		p.KillAfter = true
	case "before the reply is noted", "after the ERP acted", "twice in a row", "twice at the same call":
		p.KillKind = "reply"
	case "in a branch":
		p.KillKind, p.KillAt = "reply", 2 // after that of the other branch
	case "after the reply is noted", "after the call timed out":
		p.KillKind, p.KillAfter = "reply", true
	case "between steps":
		p.KillAt = creates + 1
	case "while answering":
		p.KillKind, p.KillAt = "end", 1
	}
	return p
}

// start starts a process and returns its address.
func (w *world) start(p plan) (*osexec.Cmd, string) {
	w.t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		w.t.Fatal(err)
	}
	child := osexec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashVariable+"="+string(text))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = child.Process.Kill()
		_, _ = child.Process.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	return child, strings.TrimSpace(address)
}

func (w *world) call() *rossumtest.Call {
	c := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", "INV-1"), rossumtest.Field("erp_id", ""),
		rossumtest.Field("id_0", ""), rossumtest.Field("id_1", ""), rossumtest.Field("id_2", ""),
		rossumtest.Table("lines", rossumtest.Row("sku", "A"), rossumtest.Row("sku", "B"), rossumtest.Row("sku", "C")),
		rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password))
	if w.files != nil {
		for name, value := range w.files.Secrets() {
			c.With(rossumtest.Secret(name, value))
		}
	}
	return c
}

// ask calls the hook until there is an answer. ok is false if the process died.
func (w *world) ask(ctx context.Context, address string, request string) (answer rossum.Response, ok bool) {
	w.t.Helper()
	body := w.call().With(rossumtest.Request(request)).Bytes()
	client := &http.Client{Timeout: 5 * time.Minute} // a process that dies resets the connection
	defer client.CloseIdleConnections()
	for until := time.Now().Add(5 * time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(body)))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		rossum.Sign(req.Header, body, secret)
		status, location, text, err := do(client, req)
		for status == http.StatusAccepted && err == nil {
			time.Sleep(20 * time.Millisecond)
			_, query, _ := strings.Cut(location, "?")
			if req, err = http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query, nil); err == nil {
				status, _, text, err = do(client, req)
			}
		}
		if err != nil {
			return answer, false
		}
		if status == http.StatusServiceUnavailable {
			continue
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			w.t.Fatalf("status %d: %s", status, text)
		}
		return answer, true
	}
	w.t.Fatal("there is no answer")
	return answer, false
}

func do(client *http.Client, req *http.Request) (status int, location string, body []byte, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Location"), body, err
}

// settle gives a person's verdicts, which are true.
func (w *world) settle() (n int) {
	w.t.Helper()
	ledger, err := folderledger.Open(w.dir, folderledger.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer ledger.Close()
	journal, err := pipeline.NewJournal(ledger, crashKey())
	if err != nil {
		w.t.Fatal(err)
	}
	for p, err := range journal.Pending(w.t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		path := w.row.target()
		if strings.HasSuffix(p.What, "/other") { // of the other branch, under way as well
			path = "/other"
		}
		v := pipeline.Verdict{There: w.count(path) > 0}
		var body string
		v.Status, v.Header, body = w.lost(path)
		v.Body = []byte(body)
		if err := journal.Settle(w.t.Context(), p.Run.ID, p.Call, v); err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}
