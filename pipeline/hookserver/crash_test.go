package hookserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
	"github.com/exportpipeline/exportpipeline/steps"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// The dimensions of the table of crashes. A row is a value of each.
var (
	points = []string{
		"before the call is noted", "after the call is noted", "after the first byte", "after the ERP acted", "before the reply is noted", "after the reply is noted",
		"after the call timed out", "between steps", "in a branch", "in a Finally step", "while answering", "twice in a row", "twice at the same call",
	}
	kinds    = []string{"REST", "REST with OAuth", "multipart with 40 MB", "Request Processor", "Workday", "SFTP"}
	modes    = []string{"sync", "async"}
	heirs    = []string{"the same process again", "another process"}
	settlers = []string{"key", "probe", "verdict", "none"}
)

// crash is a row of the table.
type crash struct{ point, kind, mode, heir, settler string }

func (c crash) String() string {
	return strings.Join([]string{c.point, c.kind, c.mode, c.heir, c.settler}, ", ")
}

// isHTTP reports that the target system may honour idempotency keys.
func (c crash) isHTTP() bool { return c.kind != "Workday" && c.kind != "SFTP" }

// possible leaves out what cannot be told apart from another row: files have no first
// byte that their server could see alone, and no single call that times out.
func (c crash) possible() bool {
	return c.kind != "SFTP" || c.point != "after the first byte" && c.point != "after the call timed out"
}

// rows chooses rows that together have every pair of values, and as many more as are
// wanted, by the order of the product.
func rows(atLeast int) []crash {
	var all []crash
	for _, p := range points {
		for _, k := range kinds {
			for _, m := range modes {
				for _, h := range heirs {
					for _, s := range settlers {
						if c := (crash{p, k, m, h, s}); c.possible() {
							all = append(all, c)
						}
					}
				}
			}
		}
	}
	pairs := func(c crash) []string {
		v := []string{c.point, c.kind, c.mode, c.heir, c.settler}
		var list []string
		for i := range v {
			for j := range i {
				list = append(list, v[j]+"|"+v[i])
			}
		}
		return list
	}
	covered := make(map[string]bool)
	var chosen []crash
	taken := make(map[crash]bool)
	for {
		best, most := crash{}, 0
		for _, c := range all {
			n := 0
			for _, p := range pairs(c) {
				if !covered[p] {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		if most == 0 {
			break
		}
		for _, p := range pairs(best) {
			covered[p] = true
		}
		taken[best] = true
		chosen = append(chosen, best)
	}
	for i := 0; len(chosen) < min(atLeast, len(all)); i++ {
		c := all[i*37%len(all)] // 37 and the number of rows have no divisor in common
		if !taken[c] {
			taken[c] = true
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// plan is what a child process is to do.
type plan struct {
	Dir, ERP  string
	Crash     string // point
	Kind      string
	Async     bool
	Settler   string
	Workday   workday.WSDL
	SFTP      sftpPlace
	KillKind  string // of the record, "" for none
	KillAt    int    // the n-th of its kind
	KillAfter bool
	Timeout   time.Duration // of the hook; that of a call is not longer
}

// sftpPlace is where files go.
type sftpPlace struct {
	Host, User, Key string
	Port            int
}

const (
	crashVariable = "EXPORTPIPELINE_TEST_CRASH"
	soakVariable  = "EXPORTPIPELINE_SOAK"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(crashVariable); text != "" {
		fmt.Fprintln(os.Stderr, serveCrash([]byte(text)))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// suicidal kills its process at a record.
type suicidal struct {
	pipeline.Ledger
	plan plan
	mu   sync.Mutex
	seen int
}

func (s *suicidal) Append(ctx context.Context, l pipeline.Lease, records ...pipeline.Record) error {
	due := s.due(records...)
	if due && !s.plan.KillAfter {
		die()
	}
	err := s.Ledger.Append(ctx, l, records...)
	if due {
		die()
	}
	return err
}

func (s *suicidal) End(ctx context.Context, l pipeline.Lease, r pipeline.Record) error {
	err := s.Ledger.End(ctx, l, r)
	if s.due(r) {
		die()
	}
	return err
}

func (s *suicidal) Claim(ctx context.Context, k pipeline.RunKey, o pipeline.ClaimOptions) (pipeline.Claimed, error) {
	c, err := s.Ledger.Claim(ctx, k, o)
	if err == nil && s.plan.KillKind == "claim" {
		die()
	}
	return c, err
}

func (s *suicidal) due(records ...pipeline.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if string(r.Kind) == s.plan.KillKind {
			if s.seen++; s.seen == s.plan.KillAt {
				return true
			}
		}
	}
	return false
}

func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // the end is on its way
}

func crashKey() pipeline.JournalOptions {
	return pipeline.JournalOptions{Key: pipeline.Key{ID: "test", Secret: []byte(strings.Repeat("s", 32))}, Lease: 3 * time.Second}
}

// serveCrash is the child process.
func serveCrash(text []byte) error {
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	folder, err := pipeline.FolderLedger(p.Dir, pipeline.FolderOptions{})
	if err != nil {
		return err
	}
	journal, err := pipeline.NewJournal(&suicidal{Ledger: folder, plan: p}, crashKey())
	if err != nil {
		return err
	}
	chain, err := crashedChain(p)
	if err != nil {
		return err
	}
	o := hookserver.Options{Chain: chain, Secrets: []string{secret}, Journal: journal, Timeout: p.Timeout, Run: crashOptions(p)}
	if p.Async {
		o.Async = &hookserver.Async{URL: publicURL, Key: asyncKey, After: -1, Timeout: p.Timeout}
	}
	h, err := hookserver.New(o)
	if err != nil {
		return err
	}
	server := httptest.NewServer(h)
	fmt.Println(server.URL)
	select {}
}

// crashedChain is the chain of a row: the kind's own step, a submission, a notification.
func crashedChain(p plan) (*pipeline.Chain, error) {
	rest := func(name, path string) *steps.RESTExport {
		return &steps.RESTExport{Request: steps.Request{URL: p.ERP + path, Content: "the invoice"}, PayloadKey: name}
	}
	create := rest("create", "/create")
	var step pipeline.Step = create
	switch p.Kind {
	case "REST with OAuth":
		create.Auth = &steps.Auth{URL: p.ERP + "/token", Data: json.RawMessage(`{"grant_type":"client_credentials"}`)}
	case "multipart with 40 MB":
		create.Request.Content, create.Request.FileKey, create.Request.FileContent = "", "file", "#{original_file}"
	case "Request Processor":
		processor := &steps.RequestProcessor{}
		err := processor.UnmarshalJSON([]byte(`{"stages":[{"call_api":[{"name":"create","request":{"url":"` + p.ERP + `/create/{item.sku.value}","method":"POST","content":"x","iterate_over":"field.lines"},
			"response_handlers":[{"target_type":"schema_id","target_key":"id_{sequence}","value":{"response.body":{"$jmespath":"id"}}}]}]}]}`))
		if err != nil {
			return nil, err
		}
		step = processor
	case "Workday":
		step = &workday.Step{Configurations: []workday.Configuration{{
			WSDL: p.Workday, ResultSchemaID: "erp_id",
			Request: workday.Request{Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: json.RawMessage(`{"Add_Only": true, "Supplier_Invoice_Data": {
				"Submit": true, "Invoice_Date": "2026-03-31", "Suppliers_Invoice_Number": "@{document_id}", "Control_Amount_Total": 12.5,
				"Company_Reference": {"ID": [{"type": "Organization_Reference_ID", "_value_1": "CO-1"}]}, "Supplier_Reference": {"ID": [{"type": "Supplier_ID", "_value_1": "S-1"}]}}}`)},
		}}}
	case "SFTP":
		c := sftpexport.Credentials{Type: "sftp", Host: p.SFTP.Host, Username: p.SFTP.User, HostKey: p.SFTP.Key, Port: sftpexport.Port(p.SFTP.Port)}
		step = &sftpexport.Step{Credentials: c, Path: "/out", Exports: []sftpexport.Object{{Type: "document", Name: "invoice"}}}
	}
	step = pipeline.Named("create", step)
	if p.Crash == "in a branch" {
		if p.Kind == "SFTP" { // whose server does not wait for the other branch
			row, err := pipeline.New(sleeps(700*time.Millisecond), step)
			if err != nil {
				return nil, err
			}
			step = pipeline.Named("row", row)
		}
		step = pipeline.Parallel(step, pipeline.Named("other", rest("other", "/other")))
	}
	all := []pipeline.Step{step}
	if create == step || slices.Contains([]string{"REST", "REST with OAuth", "multipart with 40 MB"}, p.Kind) {
		all = append(all, &steps.Extract{Sources: []steps.Source{{Key: "create", Rules: []steps.Rule{{Path: "id", Target: "erp_id"}}}}})
	}
	return pipeline.New(append(all, pipeline.Named("submit", rest("submit", "/submit")), pipeline.Finally(pipeline.Named("notify", rest("notify", "/notify"))))...)
}

// lateHeader marks a reply that comes after its call has timed out. That it is the reply
// which ends the call, and no clock, makes sure that the ERP has acted.
const lateHeader = "Test-Late"

// lateReplies are not received.
type lateReplies struct{ http.RoundTripper }

func (l lateReplies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil && resp.Header.Get(lateHeader) != "" {
		_ = resp.Body.Close()
		return nil, os.ErrDeadlineExceeded
	}
	return resp, err
}

// crashOptions say how lost answers are settled.
func crashOptions(p plan) []pipeline.Option {
	options := []pipeline.Option{pipeline.WithOriginal(pipeline.Bytes("%PDF"))}
	if p.Kind == "multipart with 40 MB" {
		options[0] = pipeline.WithOriginal(pipeline.Bytes(strings.Repeat("forty MB", 5<<20)))
	}
	if p.Crash == "after the call timed out" {
		options = append(options, pipeline.WithHTTPClient(&http.Client{Transport: lateReplies{http.DefaultTransport}}))
	}
	switch p.Settler {
	case "key":
		names := []string{"submit", "notify", "other"}
		if p.Kind != "Workday" && p.Kind != "SFTP" {
			names = append(names, "create")
		}
		options = append(options, pipeline.WithIdempotency(pipeline.Idempotency{Steps: names}))
	case "probe":
		for _, step := range []string{"create", "notify"} {
			options = append(options, pipeline.WithProbe(step, 0, func(ctx context.Context, _ *pipeline.Export, q pipeline.Question) (*pipeline.Answer, bool, error) {
				return askERP(ctx, p.ERP, q)
			}))
		}
	}
	return options
}

// askERP asks what the ERP has.
func askERP(ctx context.Context, erp string, q pipeline.Question) (*pipeline.Answer, bool, error) {
	what := "/" + q.Step
	if i := strings.Index(q.What, erp); i >= 0 {
		what, _, _ = strings.Cut(q.What[i+len(erp):], " ")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, erp+"/has"+what, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusNotFound {
		return nil, false, err
	}
	return &pipeline.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, true, nil
}

// world is what the processes of a row talk to, and what it counts.
type world struct {
	t        *testing.T
	row      crash
	patience time.Duration // how long the first process takes at most
	dir      string
	erp      *httptest.Server
	tenant   *workdaytest.Tenant
	files    *sftptest.Server

	mu     sync.Mutex
	acts   map[string]int
	keys   map[string]bool
	tokens int
	victim *osexec.Cmd // is killed at the row's point, once
	late   bool        // the call has timed out
	other  chan struct{}
	once   sync.Once // closes other
}

// target is the path of the call that the row is about.
func (c crash) target() string {
	switch {
	case c.point == "in a Finally step":
		return "/notify"
	case c.kind == "Request Processor":
		return "/create/B"
	}
	return "/create"
}

// byERP reports that it is the ERP which sees the moment at which the process dies.
func (c crash) byERP() bool {
	switch c.point {
	case "after the first byte", "in a Finally step":
		return true
	case "after the ERP acted", "in a branch", "twice in a row", "twice at the same call":
		return c.kind != "SFTP" // whose server acts when it renames
	}
	return false
}

// diesAgain is whether the second process gets as far as the point of the first.
func (c crash) diesAgain() bool {
	switch c.point {
	case "twice in a row":
		return true
	case "twice at the same call": // made again with its key, or its outcome seen and noted
		return c.kind == "SFTP" || c.settler == "key" && c.isHTTP()
	}
	return false
}

func newWorld(t *testing.T, c crash) *world {
	w := &world{t: t, row: c, dir: t.TempDir(), acts: make(map[string]int), keys: make(map[string]bool), other: make(chan struct{})}
	w.erp = httptest.NewServer(http.HandlerFunc(w.serveERP))
	t.Cleanup(w.erp.Close)
	switch c.kind {
	case "Workday":
		w.tenant = workdaytest.New()
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
	due := w.row.byERP() && path == w.row.target() && w.row.kind != "Workday" && w.isAlive() || w.row.point == "in a Finally step" && path == "/notify" && w.isAlive()
	if due && w.row.point == "after the first byte" {
		w.kill()
		panic(http.ErrAbortHandler)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the call did not arrive
	}
	w.act(path, r.Header.Get("Idempotency-Key"))
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

// act does what a call asks for, once for each key.
func (w *world) act(path, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key == "" || !w.keys[path+key] {
		w.acts[path]++
		w.keys[path+key] = true
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
	p := plan{Dir: w.dir, ERP: w.erp.URL, Crash: w.row.point, Kind: w.row.kind, Async: w.row.mode == "async", Settler: w.row.settler, Timeout: 2 * time.Minute}
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
func (w *world) ask(address string, request string) (answer rossum.Response, ok bool) {
	w.t.Helper()
	body := w.call().With(rossumtest.Request(request)).Bytes()
	client := &http.Client{Timeout: 5 * time.Minute} // a process that dies resets the connection
	defer client.CloseIdleConnections()
	for until := time.Now().Add(5 * time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, address, strings.NewReader(string(body)))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		rossum.Sign(req.Header, body, secret)
		status, location, text, err := do(client, req)
		for status == http.StatusAccepted && err == nil {
			time.Sleep(20 * time.Millisecond)
			_, query, _ := strings.Cut(location, "?")
			if req, err = http.NewRequestWithContext(w.t.Context(), http.MethodGet, address+"?"+query, nil); err == nil {
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
	ledger, err := pipeline.FolderLedger(w.dir, pipeline.FolderOptions{})
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

// isOpen is the rule: whether nobody can know, from the ledger alone, if the call was
// made.
func (c crash) isOpen() bool {
	switch c.point {
	case "before the call is noted", "after the reply is noted", "after the call timed out", "between steps", "while answering":
		return false
	}
	return true
}

// acted is whether the target system had acted on the call when the process died.
func (c crash) acted() bool {
	return c.point == "after the call timed out" || c.isOpen() && c.point != "after the call is noted" && c.point != "after the first byte"
}

// settles is the rule: whether the run goes on to its end without a person. That a call
// timed out is an outcome: the export fails and says so.
func (c crash) settles() bool {
	aboutFile := c.kind == "SFTP" && c.point != "in a Finally step"
	switch {
	case !c.isOpen(), c.settler == "probe":
		return true
	case aboutFile && c.acted():
		return true // the file is there, with its content
	case c.settler == "key":
		return c.isHTTP() || c.point == "in a Finally step"
	}
	return false
}

// succeeds is the rule: whether the export succeeds in the end.
func (c crash) succeeds() bool {
	return c.point != "after the call timed out" && (c.settles() || c.settler == "verdict")
}

// TestTheTableOfCrashes kills a process at each point of each kind of export, and looks
// at what the next process makes of it. The outcome is derived from the rules above. With
// EXPORTPIPELINE_SOAK set it takes every row of the product.
func TestTheTableOfCrashes(t *testing.T) {
	t.Parallel()
	all := rows(150)
	switch {
	case os.Getenv(soakVariable) != "":
		all = rows(1 << 20)
	case testing.Short():
		all = all[:20]
	}
	slots := make(chan struct{}, 8)
	for _, c := range all {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			done := sync.OnceFunc(func() { <-slots }) // also for one that only waits from now on
			defer done()
			for patience := 10 * time.Second; !play(t, c, patience, done); patience *= 4 {
				t.Logf("this machine needs more than %v until the first process is killed", patience)
			}
		})
	}
}

// play plays a row. If the first process had no time to get to the point where it is
// killed it reports false.
func play(t *testing.T, c crash, patience time.Duration, waits func()) bool {
	w := newWorld(t, c)
	w.patience = patience
	second := ""
	if c.heir == "another process" && c.point != "twice in a row" {
		_, second = w.start(w.plan())
	}
	victim, first := w.start(w.deadly())
	if c.byERP() {
		w.dies(victim)
	}
	// While it answers, a poll may be faster than the end of the process.
	if answer, lived := w.ask(first, "first"); lived && c.point != "while answering" {
		if strings.Contains(messages(answer), "took longer than") && patience < 2*time.Minute {
			return false
		}
		t.Fatalf("it was not killed: %+v, %v", answer, w.acts)
	}
	if c.point == "twice in a row" || c.point == "twice at the same call" {
		w.kills(c)
	}
	if second == "" {
		_, second = w.start(w.plan())
	}
	if c.settler == "probe" {
		waits()
	}
	w.check(w.goesOn(second))
	return true
}

// dies has the ERP kill a process.
func (w *world) dies(victim *osexec.Cmd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.victim = victim
}

// kills kills the process that goes on.
func (w *world) kills(c crash) {
	w.t.Helper()
	p := w.plan()
	switch {
	case c.point == "twice in a row":
		p.KillKind = "claim"
	case !c.byERP():
		p = w.deadly()
	}
	p.Timeout = w.plan().Timeout
	victim, address := w.start(p)
	if c.point == "twice at the same call" && c.byERP() {
		w.dies(victim)
	}
	if answer, lived := w.ask(address, "first again"); lived == c.diesAgain() {
		w.t.Fatalf("it was killed a second time: %v, want %v: %s", !lived, c.diesAgain(), messages(answer))
	}
	w.dies(nil)
}

// goesOn calls the hook again, and again after a verdict.
func (w *world) goesOn(address string) rossum.Response {
	answer, lived := w.ask(address, "repeat")
	if !lived {
		w.t.Fatal("the second process died")
	}
	if w.row.settles() {
		return answer
	}
	if text := messages(answer); !answer.Failed() || !strings.Contains(text, "may have sent this already") || !strings.Contains(text, "Look into the target system") {
		w.t.Errorf("nobody can know, and the answer is %s", text)
	}
	if again, _ := w.ask(address, "repeat once more"); !again.Failed() {
		w.t.Errorf("the second time it goes on: %s", messages(again))
	}
	if w.row.settler != "verdict" {
		return answer
	}
	if n := w.settle(); n != 1 {
		w.t.Errorf("%d calls wait for a verdict", n)
	}
	answer, lived = w.ask(address, "after the verdict")
	if !lived {
		w.t.Fatal("the second process died")
	}
	return answer
}

func messages(r rossum.Response) string {
	text, _ := json.Marshal(r.Messages) // of texts
	return string(text)
}

// check looks at the answer and at what the target systems have done.
func (w *world) check(answer rossum.Response) {
	c := w.row
	create := []string{"/create"}
	if c.kind == "Request Processor" {
		create = []string{"/create/A", "/create/B", "/create/C"}
	}
	succeeds := c.succeeds()
	if c.point == "after the call timed out" && !strings.Contains(messages(answer), "no answer, it may have been received") {
		w.t.Errorf("it is not said that the call may have been received: %s", messages(answer))
	}
	if answer.Failed() == succeeds {
		w.t.Errorf("success %v expected: %s", succeeds, messages(answer))
	}
	paths := append(create, "/submit", "/notify")
	if c.point == "in a branch" {
		paths = append(paths, "/other")
	}
	for _, path := range paths {
		want, n := 1, w.count(path)
		if !succeeds {
			if path != c.target() { // what comes later may not have been made
				if n > 1 {
					w.t.Errorf("%s: %d times", path, n)
				}
				continue
			}
			if want = 0; c.acted() {
				want = 1
			}
		}
		if n != want {
			w.t.Errorf("%s: %d times, want %d", path, n, want)
		}
	}
	if operations, _ := json.Marshal(answer.Operations); succeeds && c.kind != "SFTP" && !strings.Contains(string(operations), "ERP/create") && !strings.Contains(string(operations), "SUPPLIER_INVOICE-1") {
		w.t.Errorf("the ERP's number is lost: %s", operations)
	}
}
