package temporalrun_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// historyOf reads the whole history of the latest workflow of a call.
func historyOf(t *testing.T, c client.Client, call *rossumtest.Call) (events []*historypb.HistoryEvent, all []byte) {
	t.Helper()
	i := c.GetWorkflowHistory(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "", false, 0)
	for i.HasNext() {
		event, err := i.Next()
		must(t, err)
		data, err := proto.Marshal(event) // texts and payloads stand in it as they are
		must(t, err)
		events, all = append(events, event), append(all, data...)
	}
	return events, append(all, unwrapped(all)...)
}

var base64Text = regexp.MustCompile(`[A-Za-z0-9+/]{16,}=*`)

// unwrapped is what stands in base64 in a text.
func unwrapped(text []byte) (all []byte) {
	for _, found := range base64Text.FindAll(text, -1) {
		data, err := base64.StdEncoding.DecodeString(string(found))
		if err == nil {
			all = append(all, data...)
		}
	}
	return all
}

// open is a codec that encrypts nothing.
type open struct{}

func (open) Encode(p []*commonpb.Payload) ([]*commonpb.Payload, error) { return p, nil }
func (open) Decode(p []*commonpb.Payload) ([]*commonpb.Payload, error) { return p, nil }

// What the tests below look for is seen if it is there.
func TestASecretThatIsNotEncryptedIsSeen(t *testing.T) {
	t.Parallel()
	c, err := sharedServer(t).Client()
	must(t, err)
	t.Cleanup(c.Close)
	engine, err := temporalrun.New(c, temporalrun.Options{Codec: open{}, TaskQueue: t.Name()})
	must(t, err)
	call := invoice()
	p := call.Payload()
	key := pipeline.RunKeyOf(p)
	must(
		t,
		engine.Start(
			t.Context(),
			hookserver.EngineRun{
				Run:     pipeline.RunInfo{ID: key.ID(1), Key: key},
				Token:   p.Token,
				Secrets: p.Secrets,
				Timeout: time.Minute,
				Lease:   time.Minute,
			},
		),
	)
	if _, all := historyOf(t, c, call); !bytes.Contains(all, []byte(canarySecret)) || !bytes.Contains(all, []byte(canaryToken)) {
		t.Error("the canaries are not seen")
	}
}

// A program may have its client encrypt whatever it sends, the memo by which a workflow is known, too.
func TestAWorkflowIsKnownThroughAClientThatEncrypts(t *testing.T) {
	t.Parallel()
	codec, err := temporalrun.Sealed(sealKey())
	must(t, err)
	c, err := client.Dial(client.Options{
		HostPort: sharedServer(t).Address(), Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec),
	})
	must(t, err)
	t.Cleanup(c.Close)
	engine, err := temporalrun.New(c, temporalrun.Options{Codec: codec, TaskQueue: t.Name()})
	must(t, err)
	call := invoice()
	key := pipeline.RunKeyOf(call.Payload())
	run := hookserver.EngineRun{Run: pipeline.RunInfo{ID: key.ID(1), Key: key}, Timeout: time.Minute, Lease: time.Minute}
	for range 2 { // as two processes do that get the same call
		if err := engine.Start(t.Context(), run); err != nil {
			t.Error(err)
		}
	}
	if _, all := historyOf(t, c, call); bytes.Contains(all, []byte(key.ID(1))) {
		t.Error("the client does not encrypt, so that this test shows nothing")
	}
}

func execution(t *testing.T, c client.Client, call *rossumtest.Call) *workflowservice.DescribeWorkflowExecutionResponse {
	t.Helper()
	d, err := c.DescribeWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "")
	must(t, err)
	return d.RawResponse
}

func TestNothingOfADocumentOrSecretIsInAHistory(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int32
		kills  bool
	}{
		"exported":               {0, false},
		"failed by the ERP":      {http.StatusUnprocessableEntity, false},
		"waits for a person":     {0, true},
		"the time-out is passed": {-2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t, false)
			if tt.kills || tt.status == -2 {
				e.hold["/b"] = make(chan struct{})
			}
			e.status.Store(max(tt.status, 0))
			p := planned(t, e, "ab")
			p.Queue = strings.ReplaceAll(p.Queue, "/", "-")
			if tt.status == -2 {
				p.Timeout = 2 * time.Second
			}
			call := invoice()
			var r *replica
			var address string
			if tt.kills {
				p.After = time.Second
				victim := p.process(t)
				_, location, _ := ask(t, victim.address, call)
				<-e.at
				victim.kill()
				r, address = serving(t, p)
				e.release()
				poll(t, address, location)
			} else {
				r, address = serving(t, p)
				if status, _, answer := ask(t, address, call); status != http.StatusOK {
					t.Fatal(status, texts(answer))
				}
			}
			must(t, r.client.GetWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "").Get(t.Context(), nil))
			events, all := historyOf(t, r.client, call)
			described, err := proto.Marshal(execution(t, r.client, call))
			must(t, err)
			all = append(all, described...)
			for _, canary := range []string{canaryField, canarySecret, canaryToken, canaryReply, e.URL} {
				if bytes.Contains(all, []byte(canary)) {
					t.Errorf("the history has %s", canary)
				}
			}
			if !bytes.Contains(all, []byte("post a")) || len(events) < 8 {
				t.Errorf("a history of %d events without the key of a step", len(events))
			}
			if tt.status == 0 && !tt.kills && e.count() != "/a:1 /b:1" { // they were needed
				t.Error(e.count())
			}
		})
	}
}

func TestAWorkflowShowsAnnotationQueueAndOutcome(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	r, address := serving(t, planned(t, e, "a"))
	for status, want := range map[int32]temporalrun.Outcome{0: temporalrun.OutcomeExported, http.StatusBadRequest: temporalrun.OutcomeFailed} {
		e.status.Store(status)
		call := invoice()
		_, _, _ = ask(t, address, call)
		must(t, r.client.GetWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "").Get(t.Context(), nil))
		info := execution(t, r.client, call).GetWorkflowExecutionInfo()
		for where, fields := range map[string]map[string]*commonpb.Payload{
			"search attributes": info.GetSearchAttributes().GetIndexedFields(), "memo": info.GetMemo().GetFields(),
		} {
			var annotation, queue int64
			var outcome temporalrun.Outcome
			for name, into := range map[string]any{
				temporalrun.AttributeAnnotation: &annotation, temporalrun.AttributeQueue: &queue, temporalrun.AttributeOutcome: &outcome,
			} {
				if err := converter.GetDefaultDataConverter().FromPayload(fields[name], into); err != nil {
					t.Errorf("%s, %s: %v", where, name, err)
				}
			}
			if p := call.Payload(); annotation != p.Annotation.ID || queue != p.Annotation.QueueID() || outcome != want {
				t.Errorf(
					"%s: annotation %d, queue %d, outcome %s; want %d, %d, %s",
					where,
					annotation,
					queue,
					outcome,
					p.Annotation.ID,
					p.Annotation.QueueID(),
					want,
				)
			}
		}
		query := fmt.Sprintf(
			"%s = %d AND %s = '%s'",
			temporalrun.AttributeAnnotation,
			call.Payload().Annotation.ID,
			temporalrun.AttributeOutcome,
			want,
		)
		found := 0
		for n := 0; n < 100 && found == 0; n++ { // what can be searched follows what happens
			l, err := r.client.ListWorkflow(
				t.Context(),
				&workflowservice.ListWorkflowExecutionsRequest{Namespace: client.DefaultNamespace, Query: query},
			)
			must(t, err)
			found = len(l.GetExecutions())
			time.Sleep(100 * time.Millisecond)
		}
		if found != 1 {
			t.Errorf("%s: %d workflows", query, found)
		}
	}
}

func TestWithoutSearchAttributesTheMemoHasThem(t *testing.T) {
	t.Parallel()
	sharedServer(t) // or skip
	server, err := temporaltest.StartWithoutAttributes(t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = server.Kill() })
	e := newERP(t, false)
	p := planned(t, e, "a")
	p.Temporal = server.Address()
	r, address := serving(t, p)
	call := invoice()
	if status, _, answer := ask(t, address, call); status != http.StatusOK || answer.Failed() {
		t.Fatal(status, texts(answer))
	}
	must(t, r.client.GetWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "").Get(t.Context(), nil))
	info := execution(t, r.client, call).GetWorkflowExecutionInfo()
	if outcome := info.GetMemo().GetFields()[temporalrun.AttributeOutcome]; string(outcome.GetData()) != `"exported"` ||
		info.GetSearchAttributes().GetIndexedFields()[temporalrun.AttributeOutcome] != nil {
		t.Errorf("memo %s, search attributes %v", outcome, info.GetSearchAttributes())
	}
	for range 2 { // those that are there stay
		must(t, temporalrun.RegisterAttributes(t.Context(), r.client, client.DefaultNamespace))
	}
	var said bytes.Buffer
	codec, err := temporalrun.Sealed(sealKey())
	must(t, err)
	engine, err := temporalrun.New(r.client, temporalrun.Options{Codec: codec, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	must(t, err)
	key := pipeline.RunKeyOf(invoice().Payload())
	must(
		t,
		engine.Start(t.Context(), hookserver.EngineRun{Run: pipeline.RunInfo{ID: key.ID(1), Key: key}, Timeout: time.Minute, Lease: time.Minute}),
	)
	if !strings.Contains(said.String(), "have search attributes") {
		t.Error(said.String())
	}
}

// The history of an export is replayed by the workflow of today.
func TestAHistoryIsReplayed(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	r, address := serving(t, planned(t, e, "abf"))
	call := invoice()
	_, _, _ = ask(t, address, call)
	must(t, r.client.GetWorkflow(t.Context(), temporalrun.WorkflowID(pipeline.RunKeyOf(call.Payload())), "").Get(t.Context(), nil))
	events, _ := historyOf(t, r.client, call)
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(temporalrun.Export, workflow.RegisterOptions{Name: temporalrun.WorkflowName})
	must(t, replayer.ReplayWorkflowHistory(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), &historypb.History{Events: events}))
}

// large is an original document and a file made of it, both beyond all of Temporal's limits.
const large = 40_000_000

func TestALargeDocumentIsNotInAHistory(t *testing.T) {
	t.Parallel()
	received := make(chan int64, 10)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int64
		buffer := make([]byte, 1<<20)
		for {
			read, err := r.Body.Read(buffer)
			if n += int64(read); err != nil {
				break
			}
		}
		received <- n
		_, _ = w.Write(bytes.Repeat([]byte("r"), 3<<20))
	}))
	t.Cleanup(target.Close)
	document := pipeline.Bytes(bytes.Repeat([]byte("x"), large))
	upload := func(name string) pipeline.Step {
		return pipeline.Named("upload "+name, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			data, err := x.ReadOriginal(ctx)
			if err != nil {
				return err
			}
			if err := x.Files.Put(ctx, pipeline.File{Key: name, Data: data}); err != nil {
				return err
			}
			reply, err := send.Do(
				ctx,
				x,
				&send.Call{Name: name, Method: http.MethodPost, URL: target.URL + "/" + name, Body: pipeline.Bytes(data), Timeout: time.Minute},
			)
			if err != nil {
				return err
			}
			return x.Files.Put(ctx, pipeline.File{Key: name + " reply", Data: reply.Body})
		}))
	}
	p := planned(t, newERP(t, false), "a")
	r, err := p.startWith([]pipeline.Step{upload("first"), upload("second")}, pipeline.WithOriginal(document))
	must(t, err)
	t.Cleanup(r.stop)
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	call := invoice()
	if status, _, answer := ask(t, s.URL, call); status != http.StatusOK || answer.Failed() {
		t.Fatal(status, texts(answer))
	}
	events, all := historyOf(t, r.client, call)
	largest := 0
	for _, event := range events {
		largest = max(largest, proto.Size(event))
	}
	if len(received) != 2 || <-received != large || largest > 4<<10 {
		t.Errorf("%d uploads; the largest event has %d bytes, the history %d", len(received)+1, largest, len(all))
	}
}
