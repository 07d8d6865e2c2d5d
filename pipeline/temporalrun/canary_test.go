package temporalrun_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/canary"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// outgoing is all that a client sends to Temporal, and what the SDK logs.
type outgoing struct {
	mu      sync.Mutex
	sent    bytes.Buffer
	methods map[string]int
	logged  bytes.Buffer
}

func (o *outgoing) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logged.Write(p)
}

func (o *outgoing) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if m, ok := req.(proto.Message); ok {
		data, err := proto.Marshal(m) // texts and payloads stand in it as they are
		if err != nil {
			return err
		}
		o.mu.Lock()
		o.methods[method[strings.LastIndexByte(method, '/')+1:]]++
		o.sent.Write(data)
		o.sent.WriteString(prototext.Format(m))
		o.mu.Unlock()
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

func (o *outgoing) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(o, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (o *outgoing) texts() (sent, logged string, methods map[string]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent.String() + string(unwrapped(o.sent.Bytes())), o.logged.String(), o.methods
}

// dial makes a client all of whose calls are seen.
func (o *outgoing) dial(address string) (client.Client, error) {
	o.methods = make(map[string]int)
	return client.Dial(client.Options{
		HostPort: address, Logger: sdklog.NewStructuredLogger(o.log()),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(o.intercept)}},
	})
}

// carriedSecrets are those of a hook call and of its settings; what Temporal must not get has more.
var (
	carriedSecrets = canary.Set{"secret": canary.New("Secret"), "token": canary.New("Token"), "literal": canary.New("Literal")}
	notForTemporal = canary.Set{
		"secret": carriedSecrets["secret"], "token": carriedSecrets["token"], "literal": carriedSecrets["literal"],
		"field": canary.New("Field"), "reply": canary.New("Reply"), "host": canary.New("Host"),
	}
)

func secretInvoice() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("number", notForTemporal["field"]), rossumtest.Field("id", ""), rossumtest.Secret("password", carriedSecrets["secret"]),
		rossumtest.From("http://127.0.0.1:9", carriedSecrets["token"]), rossumtest.Set("id", 5000+annotations.Add(1)),
		rossumtest.Settings(map[string]any{"headers": map[string]string{"Authorization": "Bearer " + carriedSecrets["literal"]}}),
	)
}

// wordy fails in one of its appends, with the words of a database.
type wordy struct {
	pipeline.Ledger
	fails int32
	calls atomic.Int32
}

func (w *wordy) Append(ctx context.Context, l pipeline.Lease, r ...pipeline.Record) error {
	if w.calls.Add(1) == w.fails {
		return errors.New("failed to connect to host " + notForTemporal["host"])
	}
	return w.Ledger.Append(ctx, l, r...)
}

func allWords(x *pipeline.Export) string {
	number, _ := x.Field("number")
	return fmt.Sprintf("%s %x %s %s %s", x.Secrets["password"], x.Secrets["password"], string(x.Payload.Token), x.Payload.Settings, number.Value())
}

// waysToEnd are steps that end an export in each way, with all that they know in their words.
func waysToEnd(erp string) map[string]pipeline.Step {
	step := func(f func(ctx context.Context, x *pipeline.Export) error) pipeline.Step {
		return pipeline.Named("post b", pipeline.StepFunc(f))
	}
	all := map[string]pipeline.Step{
		"an error":  step(func(_ context.Context, x *pipeline.Export) error { return errors.New(allWords(x)) }),
		"a panic":   step(func(_ context.Context, x *pipeline.Export) error { panic(errors.New(allWords(x))) }),
		"a message": step(func(_ context.Context, x *pipeline.Export) error { x.Error("%s", allWords(x)); return nil }),
		"an error at last": pipeline.Finally(step(func(_ context.Context, x *pipeline.Export) error {
			return fmt.Errorf("at last: %w", errors.New(allWords(x)))
		})),
		"a log line": step(func(_ context.Context, x *pipeline.Export) error {
			x.Log.Error(allWords(x), "all", allWords(x), "error", errors.New(allWords(x)))
			return nil
		}),
		"the end of its time": step(func(ctx context.Context, x *pipeline.Export) error {
			<-ctx.Done()
			return fmt.Errorf("%s: %w", allWords(x), context.Cause(ctx))
		}),
	}
	for _, path := range []string{"/echo", "/refuses", "/hangs-up"} {
		all[path] = step(func(ctx context.Context, x *pipeline.Export) error { return post(ctx, x, erp, path[1:]) })
	}
	for n := range int32(5) {
		all[fmt.Sprint("the ledger, ", n+1)] = step(func(ctx context.Context, x *pipeline.Export) error { return post(ctx, x, erp, "echo") })
	}
	return all
}

// echoing answers with what it was sent.
func echoing(t *testing.T, received *atomic.Value) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		echo := notForTemporal["reply"] + r.URL.String() + fmt.Sprint(r.Header)
		received.Store(echo)
		switch r.URL.Path {
		case "/hangs-up":
			panic(http.ErrAbortHandler)
		case "/refuses":
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(echo))
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	return s
}

// However an export ends, nothing that leaves for Temporal (what starts a workflow, its memo and
// attributes, heartbeats, results, failures) has a secret, a field, a reply or the words of the
// ledger, and neither the SDK's log at debug nor the worker's shows a secret. This holds for
// secrets of the hook call, which travel encrypted, and for those of a program, with which
// nothing is encrypted.
func TestNothingThatLeavesForTemporalShowsASecret(t *testing.T) {
	t.Parallel()
	if blind := notForTemporal.Blind(); blind != "" {
		t.Fatal(blind)
	}
	address := sharedServer(t).Address()
	for given, secrets := range map[string]pipeline.SecretsOf{
		"travelling": nil,
		"the program's": func(context.Context, *rossum.Hook) (rossum.Secrets, error) {
			return rossum.Secrets{"password": carriedSecrets["secret"]}, nil
		},
	} {
		t.Run(given, func(t *testing.T) {
			t.Parallel()
			var received atomic.Value
			erp := echoing(t, &received)
			var mu sync.Mutex
			seen := make(map[string]int)
			for name, step := range waysToEnd(erp.URL) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					for method, n := range leaves(t, address, name, step, secrets) {
						mu.Lock()
						seen[method] += n
						mu.Unlock()
					}
				})
			}
			t.Cleanup(func() {
				for _, method := range []string{
					"StartWorkflowExecution", "RecordActivityTaskHeartbeat", "RespondActivityTaskCompleted", "RespondActivityTaskFailed",
					"RespondWorkflowTaskCompleted",
				} {
					if seen[method] == 0 {
						t.Errorf("no %s was seen: %v", method, seen)
					}
				}
				want := carriedSecrets["secret"]
				if secrets == nil {
					want += carriedSecrets["token"] // which the steps of a program's secrets do without
				}
				if text, _ := received.Load().(string); !strings.Contains(text, want) || !strings.Contains(text, notForTemporal["field"]) {
					t.Errorf("the ERP was not sent the secrets: %s", text)
				}
			})
		})
	}
}

// leaves plays an export that ends in one way, says what of it should not have left, and returns
// how often each method of Temporal was called.
func leaves(t *testing.T, address, name string, step pipeline.Step, secrets pipeline.SecretsOf) map[string]int {
	t.Helper()
	var out outgoing
	p := plan{
		Temporal: address, Queue: strings.ReplaceAll(t.Name(), "/", "-"), Folder: t.TempDir(), After: 40 * time.Second,
		Timeout: 20 * time.Second, dial: out.dial, log: out.log(), secrets: secrets,
	}
	var n int32
	if _, err := fmt.Sscanf(name, "the ledger, %d", &n); err == nil {
		p.ledger = func(l pipeline.Ledger) pipeline.Ledger { return &wordy{Ledger: l, fails: n} }
	}
	if name == "the end of its time" {
		p.Timeout = 2 * time.Second
	}
	first := pipeline.Named("post a", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }))
	r, err := p.startWith([]pipeline.Step{first, step}, pipeline.WithLogger(out.log()))
	must(t, err)
	t.Cleanup(r.stop)
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	call := secretInvoice()
	_, _, answer := ask(t, s.URL, call)
	carried := carriedSecrets.Search()
	if found := carried(texts(answer)); found != "" {
		t.Errorf("the answer shows %s", found)
	}
	_ = r.client.GetWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "").Get(t.Context(), nil)
	_, history := historyOf(t, r.client, call)
	sent, logged, methods := out.texts()
	for what, text := range map[string]string{"request": sent, "history": string(history)} {
		if found := notForTemporal.Search()(text); found != "" {
			t.Errorf("a %s has %s", what, found)
		}
	}
	if found := carried(logged); found != "" {
		t.Errorf("the log shows %s", found)
	}
	if !strings.Contains(logged, "Started Worker") {
		t.Errorf("the SDK's log is not seen: %s", logged)
	}
	return methods
}

// What the test above looks for is seen if it leaves.
func TestASecretThatLeavesForTemporalIsSeen(t *testing.T) {
	t.Parallel()
	var out outgoing
	c, err := out.dial(sharedServer(t).Address())
	must(t, err)
	t.Cleanup(c.Close)
	engine, err := temporalrun.New(c, temporalrun.Options{Codec: open{}, TaskQueue: t.Name()})
	must(t, err)
	p := secretInvoice().Payload()
	key := pipeline.RunKeyOf(p)
	must(t, engine.Start(t.Context(), hookserver.EngineRun{Run: pipeline.RunInfo{ID: key.ID(1), Key: key}, Token: p.Token, Secrets: p.Secrets, Timeout: time.Minute, Lease: time.Minute}))
	sent, _, _ := out.texts()
	for _, name := range []string{"secret", "token"} {
		if (canary.Set{name: carriedSecrets[name]}).Search()(sent) == "" {
			t.Errorf("the %s is not seen", name)
		}
	}
	data, err := converter.GetDefaultDataConverter().ToPayload(carriedSecrets["secret"])
	must(t, err)
	if carriedSecrets.Search()(prototext.Format(data)) == "" {
		t.Error("a secret in a payload is not seen")
	}
}
