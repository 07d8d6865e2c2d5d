package temporalrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// Defaults of [Options].
const (
	defaultTaskQueue   = "exports"
	defaultAtOnce      = 100
	defaultStopTimeout = 20 * time.Second
)

// Options are the options of [New]. Codec or ProgramSecrets must be set.
type Options struct {
	// Codec encrypts token and secrets of each hook call, which travel in the workflow's
	// history then; see [Sealed].
	Codec converter.PayloadCodec
	// ProgramSecrets says that they do not travel: the options of every worker's server give
	// what its chains need, by pipeline.WithSecrets and pipeline.WithRossum.
	ProgramSecrets bool

	TaskQueue string // "exports" if ""
	Namespace string // of the client, for its search attributes; "default" if ""
	// AtOnce is how many steps a [Worker] runs at once, 100 if 0.
	AtOnce int
	// StopTimeout is how long a [Worker] that stops waits for the steps that it runs,
	// 20 seconds if 0. Those that last longer are handed over.
	StopTimeout time.Duration
	// Logger gets a line for each activity that could not do its part and will be done again,
	// with its cause, which Temporal doesn't get; nil for none.
	Logger *slog.Logger
}

// Engine has exports run as Temporal workflows. It is safe for concurrent use.
type Engine struct {
	client client.Client
	o      Options
	log    *slog.Logger

	mu         sync.Mutex
	looked     bool // whether the search attributes are there
	attributes bool
}

var _ hookserver.Engine = (*Engine)(nil)

// New makes an Engine, which uses the client until the program ends it. Nothing is sent. The
// error names every option that is wrong.
func New(c client.Client, o Options) (*Engine, error) {
	var faults []error
	if v := reflect.ValueOf(c); c == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		faults = append(faults, errors.New("temporal: the client is nil"))
	}
	switch {
	case o.Codec == nil && !o.ProgramSecrets:
		faults = append(faults, errors.New("temporal: how steps get the secrets of a hook call is missing; set Codec, which encrypts them, or ProgramSecrets if the program gives them by pipeline.WithSecrets"))
	case o.Codec != nil && o.ProgramSecrets:
		faults = append(faults, errors.New("temporal: both Codec and ProgramSecrets are set; keep one"))
	}
	if o.AtOnce < 0 {
		faults = append(faults, fmt.Errorf("temporal: AtOnce is %d", o.AtOnce))
	}
	if o.StopTimeout < 0 {
		faults = append(faults, fmt.Errorf("temporal: StopTimeout is %v", o.StopTimeout))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if o.TaskQueue == "" {
		o.TaskQueue = defaultTaskQueue
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	if o.AtOnce == 0 {
		o.AtOnce = defaultAtOnce
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = defaultStopTimeout
	}
	e := &Engine{client: c, o: o, log: o.Logger}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.log = slog.New(outage.Handler(e.log.Handler()))
	return e, nil
}

// WorkflowID returns the id of the workflow that runs the exports of a key, one at a time,
// such as export-314528-hook-7-…: annotation, hook, and a hash of the whole key.
func WorkflowID(key pipeline.RunKey) string {
	hash := strings.TrimSuffix(string(key.ID(0)), "-0")
	return fmt.Sprintf("export-%d-hook-%d-%s", key.Annotation, rossum.IDOf(key.Hook), hash)
}

// Start implements [hookserver.Engine].
func (e *Engine) Start(ctx context.Context, r hookserver.EngineRun) error {
	o := order{Run: r.Run.ID, Timeout: r.Timeout, Lease: r.Lease}
	var err error
	if o.Secrets, err = e.sealed(r); err != nil {
		return err
	}
	for {
		o.Attributes = e.hasAttributes(ctx)
		_, err := e.client.ExecuteWorkflow(ctx, e.startOptions(r, o.Attributes), workflowName, o)
		if _, refused := errors.AsType[*serviceerror.InvalidArgument](err); refused && o.Attributes {
			e.forgetAttributes() // they are gone
			continue
		}
		if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); !taken {
			return err
		}
		ours, err := e.inWork(ctx, r.Run)
		if ours || err != nil {
			return err
		}
		// It is that of an earlier run, which has ended on the ledger.
		if err := e.Wait(ctx, r.Run.Key); err != nil {
			return err
		}
	}
}

func (e *Engine) startOptions(r hookserver.EngineRun, attributes bool) client.StartWorkflowOptions {
	o := client.StartWorkflowOptions{
		ID:                                       WorkflowID(r.Run.Key),
		TaskQueue:                                e.o.TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("export of annotation %d", r.Run.Key.Annotation),
		Memo: map[string]any{
			memoRun: r.Run.ID, memoChain: r.Run.Fingerprint, memoHook: r.Run.Key.Hook, AttributeAnnotation: r.Run.Key.Annotation, AttributeQueue: r.Queue,
		},
	}
	if attributes {
		o.TypedSearchAttributes = temporal.NewSearchAttributes(annotationKey.ValueSet(r.Run.Key.Annotation), queueKey.ValueSet(r.Queue))
	}
	return o
}

// The names of what a workflow's memo has beside the search attributes.
const (
	memoRun   = "run"   // id on the ledger
	memoChain = "chain" // fingerprint of the chain that the run was begun in
	memoHook  = "hook"
)

// inWork reports whether the workflow that is open is that of a run.
func (e *Engine) inWork(ctx context.Context, run pipeline.RunInfo) (bool, error) {
	d, err := e.client.DescribeWorkflow(ctx, WorkflowID(run.Key), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false, nil
	}
	var id pipeline.RunID
	if err := d.GetMemoValue(memoRun, &id); err != nil { // by the client's converter, which may encrypt it
		return false, fmt.Errorf("reading the memo of workflow %s: %w", WorkflowID(run.Key), err)
	}
	return id == run.ID, nil
}

// Running implements [hookserver.Engine].
func (e *Engine) Running(ctx context.Context, key pipeline.RunKey) (bool, error) {
	d, err := e.client.DescribeWorkflow(ctx, WorkflowID(key), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, nil
	}
	return err == nil && d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, err
}

// retryPause is between two looks at a server that could not be reached.
const retryPause = time.Second

// Wait implements [hookserver.Engine].
func (e *Engine) Wait(ctx context.Context, key pipeline.RunKey) error {
	for {
		err := e.client.GetWorkflow(ctx, WorkflowID(key), "").Get(ctx, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		_, closed := errors.AsType[*temporal.WorkflowExecutionError](err)
		_, gone := errors.AsType[*serviceerror.NotFound](err)
		if err == nil || closed || gone {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(retryPause):
		}
	}
}

// carried is what a hook call has for sending only.
type carried struct {
	Token   string            `json:"token,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"`
}

// carriedOf opens what sealed has sealed.
func (e *Engine) carriedOf(sealed []byte) (token rossum.Secret, secrets rossum.Secrets, err error) {
	if len(sealed) == 0 {
		return "", nil, nil
	}
	data, err := e.open(sealed)
	if err != nil {
		return "", nil, err
	}
	var c carried
	if err := json.Unmarshal(data, &c); err != nil {
		return "", nil, errors.New("the secrets of the hook call could not be read") // the cause would show them
	}
	secrets = make(rossum.Secrets, len(c.Secrets))
	for name, value := range c.Secrets {
		secrets[name] = value
	}
	return rossum.Secret(c.Token), secrets, nil
}

// sealed is what a hook call has for sending only, by the program's codec; nil without one.
func (e *Engine) sealed(r hookserver.EngineRun) ([]byte, error) {
	if e.o.Codec == nil || r.Token == "" && len(r.Secrets) == 0 {
		return nil, nil
	}
	c := carried{Token: string(r.Token), Secrets: r.Secrets}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, errors.New("the secrets of the hook call could not be written")
	}
	return e.seal(data)
}
