package temporalrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Worker runs the steps of exports, and the workflows, in this process, until it is stopped.
type Worker struct {
	engine *Engine
	server *hookserver.Server
	worker worker.Worker

	base    context.Context // of steps
	leave   context.CancelCauseFunc
	running sync.WaitGroup
}

// stickyTime is how long a workflow waits for the worker that has run it before any other one
// goes on with it, from its history: not long, since that worker may be dead.
const stickyTime = time.Second

// Work starts a Worker whose steps are those of the server's chains, with the server's ledger
// and options. The error says that Temporal cannot be reached.
func (e *Engine) Work(server *hookserver.Server) (*Worker, error) {
	if server == nil {
		return nil, errors.New("temporal: the server whose chains the worker is to run is nil")
	}
	w := &Worker{engine: e, server: server}
	w.base, w.leave = context.WithCancelCause(context.Background())
	w.worker = worker.New(e.client, e.o.TaskQueue, worker.Options{
		MaxConcurrentActivityExecutionSize: e.o.AtOnce,
		StickyScheduleToStartTimeout:       stickyTime,
		WorkerStopTimeout:                  e.o.StopTimeout,
	})
	w.worker.RegisterWorkflowWithOptions(export, workflow.RegisterOptions{Name: workflowName})
	w.worker.RegisterActivityWithOptions(w.step, activity.RegisterOptions{Name: activityName})
	if err := w.worker.Start(); err != nil {
		return nil, fmt.Errorf("temporal: starting the worker: %w", err)
	}
	return w, nil
}

// Stop takes no more steps, and returns when those that run have ended or, after
// [Options].StopTimeout, are handed over: another worker goes on with them. Shut the server
// down afterwards.
func (w *Worker) Stop() {
	w.worker.Stop()
	w.leave(pipeline.ErrHandedOver)
	w.running.Wait()
}

// step is the activity: it runs one step of a run, notes it, and leaves the run. Its errors have
// texts of this package only, since they are in the history.
func (w *Worker) step(ctx context.Context, p part) (done progress, err error) {
	w.running.Add(1)
	defer w.running.Done()
	log := w.engine.log.With("run", p.Run, "step", p.Step)
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "a part of an export panicked", "panic", fmt.Sprint(v))
			done, err = progress{}, again("it panicked")
		}
	}()
	token, secrets, err := w.engine.carriedOf(p.Secrets)
	if err != nil {
		log.ErrorContext(ctx, "a part of an export could not be begun", "error", err)
		if !time.Now().Before(p.Ends) {
			return progress{}, givenUp("the secrets of the hook call could not be opened before the export's time was over")
		}
		return progress{}, again("the secrets of the hook call could not be opened")
	}
	log = hiding(token, secrets, log)
	defer alive(ctx, p.Lease)()
	// A step that Temporal has given up ends in peace: the ledger has the next attempt wait.
	run, cancel := context.WithCancelCause(w.base)
	defer cancel(nil)
	late := fmt.Errorf("the export took longer than %v: %w", p.Timeout, context.DeadlineExceeded)
	if left := time.Until(p.Ends); left > 0 {
		defer time.AfterFunc(left, func() { cancel(late) }).Stop()
	}
	o, over, err := w.server.RunPart(run, hookserver.Part{Run: p.Run, Token: token, Secrets: secrets, Timeout: p.Timeout, Pause: func(step string) bool {
		if !time.Now().Before(p.Ends) {
			cancel(late) // what is left is to end the run
			return false
		}
		if done.Ran != "" || p.Step != "" && step != p.Step {
			done.Next = step
			return true
		}
		done.Ran = step
		return false
	}})
	switch {
	case err != nil:
		log.WarnContext(ctx, "a part of an export is to be done again", "error", err)
		return progress{}, again(why(err))
	case over:
		done.Next, done.Outcome = "", outcomeOf(o)
	}
	return done, nil
}

// alive tells Temporal that the activity goes on, until the returned function is called.
func alive(ctx context.Context, lease time.Duration) func() {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(max(lease/3, time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// again is the error of an activity that is to be done again.
func again(why string) error {
	return temporal.NewApplicationError("this part of the export could not be done: "+why+"; the worker's log has the cause", "again")
}

// givenUp is the error of an activity that ends its workflow. The run stays on the ledger, and the
// next call of the hook goes on with it.
func givenUp(why string) error {
	return temporal.NewNonRetryableApplicationError(why+"; the worker's log has the cause", "given up", nil)
}

// why says which kind of error it is, without a word of it.
func why(err error) string {
	switch {
	case errors.Is(err, pipeline.ErrHandedOver), errors.Is(err, hookserver.ErrShutdown):
		return "the worker stops"
	case errors.Is(err, pipeline.ErrFenced):
		return "another process has taken the run over"
	case errors.Is(err, context.DeadlineExceeded):
		return "the export's time was over before it could go on"
	case errors.Is(err, pipeline.ErrNewerFormat):
		return "the run was written by a newer version of this library"
	case errors.Is(err, pipeline.ErrNotNoted):
		return "the ledger could not be written"
	}
	return "the ledger could not be used, or no chain serves the queue"
}

func outcomeOf(o pipeline.Outcome) Outcome {
	switch {
	case o.ID == "":
		return OutcomeGone
	case o.Waits:
		return OutcomeWaits
	case o.Response == nil:
		return OutcomeReplaced
	case o.Failed():
		return OutcomeFailed
	}
	return OutcomeExported
}

// hiding is the log without what a hook call carries.
func hiding(token rossum.Secret, secrets rossum.Secrets, log *slog.Logger) *slog.Logger {
	hide := redact.New(string(token))
	hide.AddHook(secrets)
	return slog.New(hide.Handler(log.Handler()))
}
