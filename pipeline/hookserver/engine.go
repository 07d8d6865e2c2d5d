package hookserver

import (
	"context"
	"errors"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Engine has exports done elsewhere than in the process that was called: by Temporal, with
// package temporalrun. The server puts a hook call on the ledger ([pipeline.Chain.Begin]) and
// starts the engine on that run; the engine has it done step by step, each by [Server.RunPart]
// in whatever process; and the answer is that of the ledger. So the ledger's rules hold
// whatever the engine repeats, and all that an engine need keep is the key and id of a run.
//
// An Engine is safe for concurrent use.
type Engine interface {
	// Start has the run done, by itself from then on: what it needs has been kept when
	// Start returns nil. Of each key at most one run is in work. If it is this run, which
	// another process may have started, nothing is done and the error is nil; if it is an
	// earlier one, which has ended on the ledger, Start waits for its end.
	Start(ctx context.Context, e EngineRun) error
	// Running reports whether a run of the key is in work.
	Running(ctx context.Context, key pipeline.RunKey) (bool, error)
	// Wait returns nil when no run of the key is in work any more, whether it has ended or
	// was given up; the ledger says which.
	Wait(ctx context.Context, key pipeline.RunKey) error
}

// EngineRun is a run that an [Engine] is to have done.
type EngineRun struct {
	Run   pipeline.RunInfo
	Queue int64 // number of the annotation's queue
	// Token and Secrets are those of the hook call, empty for a run that was cut short and
	// is gone on with. They are for [Part]; an engine that can't keep them sealed must not
	// keep them.
	Token   rossum.Secret
	Secrets rossum.Secrets
	// Timeout bounds the run, and Lease is how long a process may be silent.
	Timeout, Lease time.Duration
}

// Part is a part of a run that an [Engine] has a process do; see [Server.RunPart].
type Part struct {
	Run pipeline.RunID
	// Token and Secrets are those of the [EngineRun], if the engine has kept them. What is
	// missing the program must give by pipeline.WithSecrets and pipeline.WithRossum.
	Token   rossum.Secret
	Secrets rossum.Secrets
	Timeout time.Duration
	// Pause and Started are those of [pipeline.KeepOptions].
	Pause   func(step string) bool
	Started func(pipeline.RunInfo)
}

// ErrShutdown means that the server is shutting down and has begun nothing.
var ErrShutdown = errors.New("the export service is shutting down")

// RunPart goes on with a run for an [Engine], until it is to pause. The chain, the ledger and
// the options are those of this server, which need not be mounted anywhere: every process
// that does parts of runs has one. If another process does a part of the run, RunPart waits until
// it has left the run, or its lease has ended.
//
// With over no part is to follow, and o is what the ledger has of the run: it has ended, or
// waits for a person, or is gone, as when the annotation was purged; o is zero then. An error
// means that the part is to be done again, here or elsewhere: nothing that was done is lost,
// and nothing is done twice. When ctx ends, with the cause [pipeline.ErrHandedOver], the run is left.
func (s *Server) RunPart(ctx context.Context, part Part) (o pipeline.Outcome, over bool, err error) {
	done := make(chan struct{})
	if !s.enter(func() { <-done }) {
		return o, false, ErrShutdown
	}
	defer close(done)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.base, func() { cancel(context.Cause(s.base)) })()
	paused := false
	if pause := part.Pause; pause != nil {
		part.Pause = func(step string) bool {
			paused = pause(step)
			return paused
		}
	}
	k, err := s.part(ctx, part)
	for busy, ok := errors.AsType[*pipeline.BusyError](err); ok; busy, ok = errors.AsType[*pipeline.BusyError](err) {
		if _, err := s.journal.Ledger().Wait(ctx, busy.Run.ID); err != nil && !errors.Is(err, pipeline.ErrNoRun) {
			return o, false, err
		}
		k, err = s.part(ctx, part)
	}
	switch {
	case k.Left && err == nil && paused:
		return o, false, nil
	case k.Left && err == nil:
		return o, false, pipeline.ErrHandedOver
	case k.Left:
		return o, false, err
	}
	// What counts is what the ledger has.
	o, loadErr := s.journal.Outcome(context.WithoutCancel(ctx), part.Run)
	switch {
	case errors.Is(loadErr, pipeline.ErrNoRun):
		return pipeline.Outcome{}, true, nil
	case loadErr != nil:
		return o, false, errors.Join(err, loadErr)
	case o.State == pipeline.RunEnded, o.Waits:
		return o, true, nil
	case err == nil:
		err = errors.New("the end of the export could not be noted in the ledger")
	}
	return o, false, err
}

// part does a part of a run.
func (s *Server) part(ctx context.Context, part Part) (k pipeline.Kept, err error) {
	p, path, err := s.journal.Call(ctx, part.Run)
	if err != nil {
		return k, err
	}
	p.Token, p.Secrets = part.Token, part.Secrets
	chain, release, err := s.chainFor(path, p)
	if err != nil {
		return k, err
	}
	defer release()
	options := append([]pipeline.Option{pipeline.WithTimeout(part.Timeout)}, s.o.Run...)
	return chain.Keep(ctx, p, pipeline.KeepOptions{Resume: part.Run, Path: path, Pause: part.Pause, Started: part.Started}, append(options, pipeline.WithJournal(s.journal))...)
}

// byEngine reports whether a call is the engine's. That an annotation is gone waits for
// nothing.
func (s *Server) byEngine(p *rossum.Payload) bool {
	return s.o.Engine != nil && p.Event == rossum.EventAnnotationContent
}

// handOver has the engine make a job's run, and waits for its end.
func (s *Server) handOver(chain *pipeline.Chain, j *job) {
	ctx, cancel := context.WithTimeout(s.base, s.late(j.payload))
	defer cancel()
	run, ours, err := s.inWork(ctx, j)
	if err == nil && !ours && run.ID != "" {
		err = &pipeline.BusyError{Run: run}
	}
	if err == nil && !ours {
		run, err = s.beginFor(ctx, chain, j)
	}
	if err != nil {
		j.kept.Response, j.err = failed(err.Error()), err
		return
	}
	j.kept.Run = run
	j.begun <- run
	if err := s.o.Engine.Wait(j.asked, j.key); err != nil {
		j.kept.Left, j.err = true, err
		return
	}
	o, err := s.journal.Outcome(s.base, run.ID)
	switch {
	case errors.Is(err, pipeline.ErrNoRun):
		j.kept.Response, j.err = failed(pipeline.ErrGone.Error()), pipeline.ErrGone
	case err != nil:
		j.err = unavailable(err)
	default:
		j.kept.Response = s.outcome(s.base, &o)
		j.kept.Left = j.kept.Response == nil // it was started again meanwhile
	}
}

// inWork looks whether the engine has a run of the job's key in work. It is ours if it is of
// the same content.
func (s *Server) inWork(ctx context.Context, j *job) (run pipeline.RunInfo, ours bool, err error) {
	last, ok, err := s.journal.Latest(ctx, j.key)
	if err != nil || !ok || last.State == pipeline.RunEnded {
		return run, false, err
	}
	running, err := s.o.Engine.Running(ctx, j.key)
	if err != nil {
		return run, false, unstarted(err)
	}
	if !running {
		return run, false, nil
	}
	return last, last.Content == j.payload.ContentHash(), nil
}

// beginFor puts a call on the ledger and starts the engine on it.
func (s *Server) beginFor(ctx context.Context, chain *pipeline.Chain, j *job) (pipeline.RunInfo, error) {
	options := append([]pipeline.Option{pipeline.WithTimeout(s.late(j.payload))}, s.o.Run...)
	o := pipeline.KeepOptions{After: j.last.Generation, Earlier: j.earlier(), Path: j.path}
	e := EngineRun{Queue: j.payload.Annotation.QueueID(), Token: j.payload.Token, Secrets: j.payload.Secrets, Timeout: s.o.Async.Timeout, Lease: s.journal.Lease()}
	var err error
	if e.Run, err = chain.Begin(ctx, j.payload, o, append(options, pipeline.WithJournal(s.journal))...); err != nil {
		return e.Run, err
	}
	if err := s.o.Engine.Start(ctx, e); err != nil {
		return e.Run, unstarted(err)
	}
	return e.Run, nil
}

func unstarted(err error) error {
	return refusedFor(outage.Of(err), "the engine that runs exports cannot be reached at the moment, so nothing was sent for this call yet; call again: ")
}

// startAgain starts the engine on a run that was begun and is not in work: its process was
// cut short before it had started the engine, or somebody has ended its work there. Once is
// seen before, since another process may be about to start it.
func (s *Server) startAgain(ctx context.Context, info pipeline.RunInfo, p *rossum.Payload, seen bool) error {
	running, err := s.o.Engine.Running(ctx, info.Key)
	if err != nil || running || !seen {
		return err
	}
	return s.o.Engine.Start(ctx, EngineRun{Run: info, Queue: p.Annotation.QueueID(), Timeout: s.o.Async.Timeout, Lease: s.journal.Lease()})
}
