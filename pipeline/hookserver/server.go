package hookserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/ordered"
	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Server serves exports as a hook: mount it at the path of the hook's URL. It answers
//
//   - 200 with messages and operations once the chain has run, also when the export
//     failed: with any other status the platform would ignore the operations;
//   - 202 with a polling address, and 201 there, as [Async] says;
//   - 400 for a body that is not a hook call, 413 for one over the limit, 415 for a
//     content type that is not JSON or an encoding other than gzip, 422 for an event that is
//     not an export, 404 for a path or queue that nothing serves;
//   - 401 for a call whose signature is missing, before its body is read, or wrong;
//   - 403 for a call that is older than [Options].MaxAge;
//   - 408 for a body that takes too long;
//   - 503 where nothing was run: too many large bodies are being read, the ledger takes
//     nothing, or the server is shutting down. The platform calls again;
//   - 200 to GET and HEAD, for health checks; 405 to other methods.
//
// A run does not end when its caller hangs up: what was begun is finished, and what was
// not is not begun. A call for an annotation whose export goes on waits for it, and gets
// its answer if the content is the same; with other content it becomes a new run then. For
// [Options].Window after the end a call with the same content gets the same answer; later
// only a success that could not be written to its caller is handed out. An event that says
// that the annotation was purged or deleted waits for nobody, and erases what the ledger
// has of it.
//
// A Server is safe for concurrent use. End it with [Server.Shutdown].
type Server struct {
	o       Options
	journal *pipeline.Journal
	owned   bool // the journal's ledger is the server's own
	log     *slog.Logger
	kinds   *extensions
	calls   *hookcall.Reader

	base    context.Context // of runs
	leave   context.CancelCauseFunc
	mu      sync.Mutex
	closing bool
	running sync.WaitGroup
	swept   time.Time
}

// New makes a Server. The error names every option that is wrong.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	setDefault(&o.Window, defaultWindow)
	if o.Journal == nil {
		setDefault(&o.Keep, memoryKeep)
	}
	setDefault(&o.Keep, defaultKeep)
	s := &Server{o: o, journal: o.Journal, log: o.Logger, calls: hookcall.NewReader(o.SignatureSecrets, o.Unsigned, o.BodyLimit, o.ReadTimeout)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = slog.New(outage.Handler(s.log.Handler()))
	if o.Async != nil {
		async := *o.Async
		setDefault(&async.Timeout, defaultAsyncTimeout)
		if async.Key == nil {
			async.Key = []byte(rand.Text())
		}
		s.o.Async = &async
	}
	if s.journal == nil {
		var err error
		if s.journal, err = pipeline.NewJournal(pipeline.MemoryLedger(), pipeline.JournalOptions{}); err != nil {
			return nil, err
		}
		s.owned = true
	}
	s.o.Run = slices.Clone(o.Run)
	if o.Extensions != nil {
		s.kinds = newExtensions(o.Extensions)
		s.o.Run = append([]pipeline.Option{pipeline.WithStore(pipeline.InRossum()), pipeline.WithOneHookOfSeveral()}, s.o.Run...)
	}
	if len(o.SignatureSecrets) > 0 {
		s.o.Run = append(s.o.Run, pipeline.WithSignedCalls())
	}
	s.base, s.leave = context.WithCancelCause(context.Background())
	if o.Recover {
		s.running.Go(s.recoverForEver)
	}
	return s, nil
}

// chainFor returns the chain for a call, and what to do when its run has ended. The
// error may be a *hookcall.Refusal.
func (s *Server) chainFor(path string, p *rossum.Payload) (*pipeline.Chain, func(), error) {
	switch {
	case s.o.Chain != nil:
		return s.o.Chain, func() {}, nil
	case s.kinds != nil:
		return s.kinds.chain(path, p)
	}
	queue := p.Annotation.QueueID()
	if chain := s.o.Queues[queue]; chain != nil {
		return chain, func() {}, nil
	}
	return nil, nil, hookcall.Refused(http.StatusNotFound, fmt.Sprintf("no chain serves queue %d", queue))
}

// enter counts something that runs; it fails when the server is shutting down.
func (s *Server) enter(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Go(f)
	return true
}

// Shutdown stops taking calls and waits until the runs have ended. When ctx ends before,
// those that still run are handed over: they end at their next call, and another process,
// or this one when it starts again, goes on with them. Then the chains are closed. Call
// it after [http.Server.Shutdown], which does not know of runs whose callers have gone.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	if s.o.Recover {
		s.leave(pipeline.ErrHandedOver) // what has been taken up goes on elsewhere
	}
	select {
	case <-ended:
	case <-ctx.Done():
		s.leave(pipeline.ErrHandedOver)
		<-ended
	}
	s.leave(pipeline.ErrHandedOver)
	var faults []error
	if s.o.Chain != nil {
		faults = append(faults, s.o.Chain.Close())
	}
	for _, chain := range ordered.ByKey(s.o.Queues) {
		faults = append(faults, chain.Close())
	}
	if s.kinds != nil {
		faults = append(faults, s.kinds.close())
	}
	if s.owned {
		faults = append(faults, s.journal.Ledger().Close())
	}
	return errors.Join(faults...)
}
