package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// serveAsync answers a hook call: with the result if it is there in time, with a
// polling address otherwise.
func (h *handler) serveAsync(w http.ResponseWriter, r *http.Request, p *rossum.Payload) {
	a, id := h.async, h.async.id(p)
	ended, mine, known, err := a.begin(r.Context(), id)
	if err != nil {
		// Nothing has run: the platform may call again.
		h.log.ErrorContext(r.Context(), "the result of an export could not be prepared", "error", err)
		refuse(w, &refusal{http.StatusServiceUnavailable, "the export service cannot keep results now"})
		return
	}
	if mine {
		ctx := context.WithoutCancel(r.Context())
		go func() {
			defer a.release(id, ended)
			h.runAsync(ctx, id, r.URL.Path, p)
		}()
	}
	if known == nil {
		known = a.wait(r.Context(), ended, h.patience(), id)
	}
	if known == nil {
		w.Header().Set("Location", a.location(id))
		writeJSON(w, http.StatusAccepted, map[string]string{"status": "running"})
		return
	}
	writeJSON(w, http.StatusOK, known)
}

// patience is how long a call is waited for.
func (h *handler) patience() time.Duration {
	late := h.timeout - min(answerTime, h.timeout/10)
	switch after := h.async.options.After; {
	case after < 0:
		return 0
	case after > 0:
		return min(after, late)
	}
	return late
}

// begin claims a run. It returns what is known of it already: the answer, or a
// channel that is closed when it ends; a channel that never closes stands for a
// run of another process. With mine the run is the caller's to start.
func (a *Async) begin(ctx context.Context, id string) (ended chan struct{}, mine bool, known *rossum.Response, err error) {
	a.sweep(ctx)
	ended, mine = a.claim(id)
	if !mine {
		return ended, false, nil, nil
	}
	created, err := a.options.Results.Create(ctx, id, Result{Seen: a.now()})
	if err == nil && created {
		return ended, true, nil, nil
	}
	a.release(id, ended)
	if err != nil {
		return nil, false, nil, err
	}
	result, err := a.load(ctx, id)
	return make(chan struct{}), false, result.Response, err
}

// claim enters a run as one of this process, unless it is one already.
func (a *Async) claim(id string) (ended chan struct{}, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ended = a.running[id]; ended != nil {
		return ended, false
	}
	ended = make(chan struct{})
	a.running[id] = ended
	return ended, true
}

func (a *Async) release(id string, ended chan struct{}) {
	a.mu.Lock()
	delete(a.running, id)
	a.mu.Unlock()
	close(ended)
}

// runAsync runs the chain and keeps its result. Before a call is sent, the store
// knows of it.
func (h *handler) runAsync(ctx context.Context, id, path string, p *rossum.Payload) {
	a := h.async
	state := &asyncState{async: a, id: id}
	wanted := h.chain.config.checkpoint
	chain := h.chain.With(WithTimeout(a.options.Timeout), WithCheckpoint(func(ctx context.Context, x *Export) error {
		if err := state.save(ctx, x.Sent); err != nil || wanted == nil {
			return err
		}
		return wanted(ctx, x)
	}))
	stop := make(chan struct{})
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		state.beat(ctx, stop)
	}()
	response := h.export(ctx, chain, path, p)
	close(stop)
	<-beating
	// The result must be kept: without it the platform would never learn of it.
	for wait := time.Second; ; wait *= 2 {
		err := a.options.Results.Save(ctx, id, Result{Response: response, Sent: state.sent, Seen: a.now()})
		if err == nil || errors.Is(err, ErrFinalResult) {
			return
		}
		h.log.ErrorContext(ctx, "the result of an export could not be kept", "error", err)
		if wait > 10*time.Second {
			return
		}
		time.Sleep(wait)
	}
}

// asyncState is what the store knows of a running export. Branches and the
// heartbeat take turns to tell it, so that no older state replaces a newer one.
type asyncState struct {
	async *Async
	id    string

	mu   sync.Mutex
	sent []Sending
}

// save keeps the calls that latest returns; nil keeps those known already.
func (s *asyncState) save(ctx context.Context, latest func() []Sending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if latest != nil {
		s.sent = latest()
	}
	if err := s.async.options.Results.Save(ctx, s.id, Result{Sent: s.sent, Seen: s.async.now()}); err != nil {
		return fmt.Errorf("noting what is about to be sent: %w", err)
	}
	return nil
}

// beat says that the run goes on.
func (s *asyncState) beat(ctx context.Context, stop chan struct{}) {
	ticker := time.NewTicker(s.async.options.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			// The next beat tries again; a checkpoint reports its own errors.
			_ = s.save(ctx, nil)
		}
	}
}

// wait waits for a run, and returns its answer, nil if it is not there yet.
func (a *Async) wait(ctx context.Context, ended chan struct{}, patience time.Duration, id string) *rossum.Response {
	if patience <= 0 {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return nil
	}
	result, err := a.options.Results.Load(context.WithoutCancel(ctx), id)
	if err != nil {
		return nil // the polling address says what is wrong
	}
	return result.Response
}
