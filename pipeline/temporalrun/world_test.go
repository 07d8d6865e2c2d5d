package temporalrun_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"go.temporal.io/sdk/client"
)

// planVariable makes a process of this test one that serves; it has its plan.
const planVariable = "TEMPORALRUN_PLAN"

func TestMain(m *testing.M) {
	if text := os.Getenv(planVariable); text != "" {
		if err := serve(text); err != nil {
			panic(err)
		}
		return
	}
	code := m.Run()
	if shared.server != nil {
		_ = shared.server.Kill()
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// shared is the Temporal server of those tests that do not stop it.
var shared struct {
	once   sync.Once
	dir    string
	server *temporaltest.Server
	err    error
}

func sharedServer(t *testing.T) *temporaltest.Server {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "temporal"); shared.err == nil { //nolint:usetesting // it outlives the test
			shared.server, shared.err = temporaltest.Start(shared.dir)
		}
	})
	if errors.Is(shared.err, temporaltest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(shared.err)
	}
	must(t, shared.err)
	return shared.server
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Texts that must not be seen anywhere but on the ledger and at the ERP.
const (
	canaryField  = "CANARY-field-4711"
	canarySecret = "CANARY-secret-4712"
	canaryToken  = "CANARY-token-4713"
	canaryReply  = "CANARY-reply-4714"
)

// lease is short here, so that it is soon over for a process that was killed.
const lease = 2 * time.Second

// plan is what a replica is: a hook server and a worker.
type plan struct {
	Temporal, Queue, Folder, ERP string
	Chain                        string // a letter for each step, which posts to that path
	Keys                         bool   // the ERP honours idempotency keys
	After                        time.Duration
	Timeout, Stop                time.Duration
	AtOnce                       int    // steps of a worker
	CodecKey                     string // 32 bytes, of what travels; "" for that of the ledger

	secrets pipeline.SecretsOf                          // of the program, in the place of those that travel; nil for none
	dial    func(address string) (client.Client, error) // nil for one that logs nothing
	ledger  func(pipeline.Ledger) pipeline.Ledger       // what the folder's goes through, if not nil
	log     *slog.Logger                                // of the engine
}

// replica is a hook server and a worker.
type replica struct {
	*hookserver.Server
	worker *temporalrun.Worker
	client client.Client
	ledger pipeline.Ledger
}

func sealKey() pipeline.SealKey {
	return pipeline.SealKey{ID: "1", Secret: []byte(strings.Repeat("k", 32))}
}

func (p plan) start() (*replica, error) { return p.startWith(p.steps()) }

// startWith starts a replica with other steps than the plan's.
func (p plan) startWith(steps []pipeline.Step, run ...pipeline.Option) (*replica, error) {
	ledger, err := folderledger.Open(p.Folder, folderledger.Options{})
	if err != nil {
		return nil, err
	}
	kept := ledger
	if p.ledger != nil {
		kept = p.ledger(ledger)
	}
	journal, err := pipeline.NewJournal(kept, pipeline.JournalOptions{Key: sealKey(), Lease: lease})
	if err != nil {
		return nil, err
	}
	r := &replica{ledger: ledger}
	dial := temporaltest.Dial
	if p.dial != nil {
		dial = p.dial
	}
	if r.client, err = dial(p.Temporal); err != nil {
		return nil, err
	}
	key := sealKey()
	if p.CodecKey != "" {
		key = pipeline.SealKey{ID: "2", Secret: []byte(p.CodecKey)}
	}
	o := temporalrun.Options{ProgramSecrets: p.secrets != nil, TaskQueue: p.Queue, StopTimeout: p.Stop, AtOnce: p.AtOnce, Logger: p.log}
	if o.ProgramSecrets {
		run = append(run, pipeline.WithSecrets(p.secrets))
	} else if o.Codec, err = temporalrun.Sealed(key); err != nil {
		return nil, err
	}
	engine, err := temporalrun.New(r.client, o)
	if err != nil {
		return nil, err
	}
	chain, err := pipeline.New(steps...)
	if err != nil {
		return nil, err
	}
	run = append([]pipeline.Option{pipeline.WithLogger(nil)}, run...)
	if p.Keys {
		run = append(run, pipeline.WithIdempotency(pipeline.Idempotency{}))
	}
	async := &hookserver.Async{
		URL:     "https://exports.example.com/export",
		Key:     []byte("a key of sixteen bytes"),
		After:   p.After,
		Timeout: p.Timeout,
	}
	if r.Server, err = hookserver.New(hookserver.Options{
		Chain: chain, Unsigned: true, Journal: journal, Run: run, Engine: engine, Async: async, Timeout: 50 * time.Second, Logger: p.log,
	}); err != nil {
		return nil, err
	}
	r.worker, err = engine.Work(r.Server)
	return r, err
}

func (r *replica) stop() {
	r.worker.Stop()
	_ = r.Shutdown(context.Background())
	r.client.Close()
	_ = r.ledger.Close()
}

func (p plan) steps() (steps []pipeline.Step) {
	for name := range strings.SplitSeq(p.Chain, "") {
		step := pipeline.Named(
			"post "+name,
			pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error { return post(ctx, x, p.ERP, name) }),
		)
		if name == "f" {
			step = pipeline.Finally(step)
		}
		steps = append(steps, step)
	}
	return steps
}

// post sends the field, and the document if there is one, to a path of the ERP.
func post(ctx context.Context, x *pipeline.Export, erp, name string) error {
	field, err := x.Field("number")
	if err != nil {
		return err
	}
	call := &send.Call{
		Name: name, Method: http.MethodPost, URL: fmt.Sprintf(
			"%s/%s?annotation=%d&number=%s", erp, name, x.Annotation.ID, field.Value(),
		), Timeout: time.Minute,
		Body: pipeline.Bytes(fmt.Sprintf(`{"number":%q,"document":%d}`, field.Value(), len(x.Secrets["password"]))),
	}
	call.SetHeader("Authorization", "Bearer "+x.Secrets["password"]+string(x.Payload.Token))
	reply, err := send.Do(ctx, x, call)
	if err != nil {
		return err
	}
	if reply.Status >= 400 {
		return fmt.Errorf("the ERP answers %d: %s", reply.Status, reply.Body)
	}
	x.Info("%s: %s", name, reply.Body)
	return x.Set("id", string(reply.Body))
}

// serve serves a plan in a process of its own until it is killed.
func serve(text string) error {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	r, err := p.start()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // its end of the pipe is gone with the test
		os.Exit(0)
	}()
	return http.Serve(l, r)
}

// process is a replica in a process of its own.
type process struct {
	cmd     *exec.Cmd
	address string
}

func (p plan) process(t *testing.T) *process {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	text, err := json.Marshal(p)
	must(t, err)
	c := &process{cmd: exec.CommandContext(context.Background(), self)}
	c.cmd.Env, c.cmd.Stderr = append(os.Environ(), planVariable+"="+string(text)), os.Stderr
	hold, err := c.cmd.StdinPipe()
	must(t, err)
	out, err := c.cmd.StdoutPipe()
	must(t, err)
	must(t, c.cmd.Start())
	t.Cleanup(func() { _ = hold.Close(); c.kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	c.address = "http://" + strings.TrimSpace(line)
	return c
}

func (c *process) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// erp counts what it has acted on, by path and annotation.
type erp struct {
	*httptest.Server
	honours bool
	status  atomic.Int32 // that it answers, 201 if 0

	mu   sync.Mutex
	acts map[string]int
	keys map[string]bool
	hold map[string]chan struct{} // paths whose answers wait until it is closed
	at   chan string              // gets a path when its answer waits
}

func newERP(t *testing.T, honours bool, held ...string) *erp {
	e := &erp{
		honours: honours,
		acts:    make(map[string]int),
		keys:    make(map[string]bool),
		hold:    make(map[string]chan struct{}),
		at:      make(chan string, 100),
	}
	for _, path := range held {
		e.hold[path] = make(chan struct{})
	}
	e.Server = httptest.NewServer(e)
	t.Cleanup(func() {
		e.release()
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

func (e *erp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	e.mu.Lock()
	key := r.URL.Path + r.Header.Get("Idempotency-Key")
	if !e.honours || !e.keys[key] {
		e.acts[r.URL.Path]++
		e.keys[key] = true
	}
	hold := e.hold[r.URL.Path]
	e.mu.Unlock()
	if hold != nil {
		e.at <- r.URL.Path
		<-hold
	}
	if status := int(e.status.Load()); status != 0 {
		w.WriteHeader(status)
	}
	_, _ = fmt.Fprintf(w, "%s %s", canaryReply, r.URL.Path)
}

// release answers what waits.
func (e *erp) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for path, hold := range e.hold {
		close(hold)
		delete(e.hold, path)
	}
}

// count is how often each path was acted on, such as /a:1 /b:1.
func (e *erp) count() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, path := range []string{"/a", "/b", "/c", "/d", "/f", "/x"} {
		if n := e.acts[path]; n > 0 {
			all = append(all, fmt.Sprintf("%s:%d", path, n))
		}
	}
	return strings.Join(all, " ")
}

var annotations atomic.Int64

// planned makes what a test needs of its own: a plan on the shared server.
func planned(t *testing.T, e *erp, chain string) plan {
	t.Helper()
	return plan{
		Temporal: sharedServer(t).Address(),
		Queue:    t.Name(),
		Folder:   t.TempDir(),
		ERP:      e.URL,
		Chain:    chain,
		Keys:     e.honours,
		After:    40 * time.Second,
	}
}

func (p plan) replica(t *testing.T) *replica {
	t.Helper()
	r, err := p.start()
	must(t, err)
	t.Cleanup(r.stop)
	return r
}

// invoice is the hook call of another annotation.
func invoice() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("number", canaryField), rossumtest.Field("id", ""), rossumtest.Secret("password", canarySecret),
		rossumtest.From("http://127.0.0.1:9", canaryToken), rossumtest.Set("id", 5000+annotations.Add(1)),
	)
}

// ask calls the hook at an address.
func ask(t *testing.T, address string, c *rossumtest.Call) (status int, location string, answer rossum.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(string(c.Bytes())))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", answer
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&answer) // a running export answers another object
	return resp.StatusCode, resp.Header.Get("Location"), answer
}

// poll asks at a polling address until the export has ended.
func poll(t *testing.T, address, location string) rossum.Response {
	t.Helper()
	_, query, _ := strings.Cut(location, "?")
	for range 600 {
		resp, err := http.Get(address + "?" + query)
		if err == nil && resp.StatusCode == http.StatusCreated {
			var answer rossum.Response
			must(t, json.NewDecoder(resp.Body).Decode(&answer))
			_ = resp.Body.Close()
			return answer
		}
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusAccepted {
				t.Fatalf("polling: %d", resp.StatusCode)
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal("the export did not end within two minutes of polling")
	return rossum.Response{}
}

func texts(r rossum.Response) string {
	var all []string
	for _, m := range r.Messages {
		all = append(all, string(m.Type)+": "+m.Content)
	}
	return strings.Join(all, "\n")
}
