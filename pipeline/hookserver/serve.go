package hookserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// ServeHTTP answers a hook call, a poll or a health check; see [Server].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if token := r.URL.Query().Get(pollKey); s.o.Async != nil && token != "" {
			s.poll(w, r, token)
			return
		}
		_ = writeJSON(w, http.StatusOK, map[string]string{"status": "ok"}) // whoever has gone does not want it
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		refuse(w, hookcall.Refused(http.StatusMethodNotAllowed, "a hook is called with POST"))
		return
	}
	p, err := s.read(w, r)
	if err == nil && s.kinds != nil && !s.kinds.serves(r.URL.Path) {
		err = hookcall.Refused(http.StatusNotFound, "there is no extension at this path")
	}
	if err != nil {
		s.log.WarnContext(r.Context(), "hook call refused", "error", err)
		refuse(w, err)
		return
	}
	s.sweep(r.Context())
	a := s.answer(r.Context(), arrived, r.URL.Path, p)
	switch {
	case a.refused != nil:
		s.log.ErrorContext(r.Context(), "an export was not begun", "annotation", p.Annotation.ID, "error", a.refused)
		refuse(w, a.refused)
	case a.response == nil:
		w.Header().Set("Location", s.location(a.run))
		_ = writeJSON(w, http.StatusAccepted, map[string]string{"status": "running"}) // who did not get it calls again
	default:
		s.deliver(w, r, http.StatusOK, a.run, a.response)
	}
}

// deliver writes an answer and notes that it was written.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, status int, run pipeline.RunID, response *rossum.Response) {
	err := writeJSON(w, status, response)
	if err != nil || r.Context().Err() != nil || run == "" || r.Method == http.MethodHead || response.Failed() {
		return // a failure is not handed out again anyway
	}
	ctx := context.WithoutCancel(r.Context())
	if err := s.journal.MarkDelivered(ctx, run); err != nil && !errors.Is(err, pipeline.ErrNoRun) {
		// It would be handed out once more: the same answer, and no second export.
		s.log.WarnContext(ctx, "that an answer was delivered could not be noted", "run", run, "error", err)
	}
}

// answered is what a call gets: an answer, the run that it is to be polled for, or a
// refusal.
type answered struct {
	run      pipeline.RunID
	response *rossum.Response
	refused  error
}

// late is how long a call can be waited for.
func (s *Server) late(p *rossum.Payload) time.Duration {
	timeout := s.o.Timeout
	if chain := s.o.Chain; timeout == 0 {
		if chain == nil {
			chain = s.o.Queues[p.Annotation.QueueID()]
		}
		if timeout = defaultTimeout; chain != nil && chain.Timeout() > 0 {
			timeout = chain.Timeout()
		}
	}
	return timeout - min(answerTime, timeout/10)
}

// patience is how long a call is waited for.
func (s *Server) patience(p *rossum.Payload) time.Duration {
	late := s.late(p)
	if s.o.Async == nil {
		return late
	}
	switch after := s.o.Async.After; {
	case after < 0:
		return 0
	case after > 0:
		return min(after, late)
	}
	return late
}

// answer has the call answered by the run that has answered it already, that goes on, or
// by a new one.
func (s *Server) answer(ctx context.Context, arrived time.Time, path string, p *rossum.Payload) answered {
	key, content := pipeline.RunKeyOf(p), p.ContentHash()
	caller := ctx
	ctx = context.WithoutCancel(ctx)
	late, cancel := context.WithTimeout(ctx, s.late(p))
	defer cancel()
	for {
		known, last, err := s.known(ctx, arrived, key, p)
		if err != nil {
			return answered{refused: unavailable(err)}
		}
		if known != nil {
			return *known
		}
		if caller.Err() != nil {
			// It has called again, and may have its answer from there: this would be a second export.
			return answered{refused: hookcall.Refused(http.StatusServiceUnavailable, "the caller has hung up before the export began; nothing was sent for this call")}
		}
		j := &job{path: path, payload: p, key: key, last: last, begun: make(chan pipeline.RunInfo, 1), done: make(chan struct{})}
		j.asked, j.answered = context.WithCancel(s.base)
		if !s.enter(func() { s.run(j) }) {
			j.answered()
			return answered{refused: hookcall.Refused(http.StatusServiceUnavailable, "the export service is shutting down; call again")}
		}
		a, again := s.await(late, j, content)
		j.answered()
		if !again {
			return a
		}
		if late.Err() != nil {
			return answered{refused: hookcall.Refused(http.StatusServiceUnavailable, "other exports of the annotation were in the way for all the time that the call had; nothing was sent for this call")}
		}
	}
}

func unavailable(err error) error {
	return refusedFor(err, "the export service cannot record exports at the moment, so nothing was sent: ")
}

// refusedFor asks the caller to call again, because of a fault whose words are for the log.
func refusedFor(err error, text string) error {
	return &hookcall.Refusal{Status: http.StatusServiceUnavailable, Text: text + err.Error(), Cause: err}
}

// known returns the answer that the last run has given to the same content, if it is to
// be given again, and that run. The window is that of the call's arrival, so that the call
// gets the answer also if this process stood still since.
func (s *Server) known(ctx context.Context, arrived time.Time, key pipeline.RunKey, p *rossum.Payload) (*answered, pipeline.RunInfo, error) {
	info, ok, err := s.journal.Latest(ctx, key)
	if err != nil || !ok || info.State != pipeline.RunEnded {
		return nil, pipeline.RunInfo{}, err
	}
	if info.Content != p.ContentHash() {
		known, err := s.overtaken(ctx, info, p)
		return known, info, err
	}
	age := info.Seen.Sub(info.Ended)
	o, err := s.journal.Outcome(ctx, info.ID)
	if errors.Is(err, pipeline.ErrNoRun) { // erased meanwhile
		return nil, info, nil
	}
	if err != nil {
		return nil, info, err
	}
	if o.Response != nil && (age < s.o.Window+time.Since(arrived) || !o.Failed() && !o.Delivered) {
		return &answered{run: info.ID, response: o.Response}, info, nil
	}
	return nil, info, nil
}

// overtaken refuses a call that the platform made before the one whose export, of other
// content, has ended: the annotation has changed since this one was made.
func (s *Server) overtaken(ctx context.Context, last pipeline.RunInfo, p *rossum.Payload) (*answered, error) {
	made, err := time.Parse(time.RFC3339Nano, p.Timestamp)
	if err != nil {
		return nil, nil // nothing says when it was made
	}
	by, _, err := s.journal.Call(ctx, last.ID)
	if errors.Is(err, pipeline.ErrNoRun) || errors.Is(err, pipeline.ErrNoCall) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if then, err := time.Parse(time.RFC3339Nano, by.Timestamp); err != nil || !then.After(made) {
		return nil, nil
	}
	return &answered{response: failed("the annotation has been exported with other content since this export was asked for. Nothing was sent for this one; export again if the annotation is to be exported once more.")}, nil
}

// job is a run that a call has asked for.
type job struct {
	path    string
	payload *rossum.Payload
	key     pipeline.RunKey
	last    pipeline.RunInfo      // that has ended, if one has
	begun   chan pipeline.RunInfo // one, if it begins
	// asked ends when the call is answered: who waits for what an engine does need not then.
	asked    context.Context
	answered context.CancelFunc
	done     chan struct{} // closed when the rest is set
	kept     pipeline.Kept
	err      error
}

// earlier is the last run if the annotation has changed since.
func (j *job) earlier() pipeline.RunID {
	if j.last.Content == j.payload.ContentHash() {
		return ""
	}
	return j.last.ID
}

// run makes a job's run.
func (s *Server) run(j *job) {
	defer close(j.done)
	defer func() {
		// A panic outside of the steps must not take the answer with it.
		if v := recover(); v != nil {
			s.log.Error("export panicked", "panic", hiding(j.payload).String(fmt.Sprint(v)))
			j.kept.Response, j.err = failed("internal error; see the log of the export service."), pipeline.ErrPanic
		}
	}()
	chain, release, err := s.chainFor(j.path, j.payload)
	if err != nil {
		err = hiding(j.payload).Error(err)
		j.kept.Response, j.err = failed(err.Error()), err
		s.log.Error("the settings of a hook are unusable", "hook", j.payload.Hook, "error", err)
		return
	}
	defer release()
	if s.byEngine(j.payload) {
		s.handOver(chain, j)
		return
	}
	j.kept, j.err = s.keep(chain, j.payload, pipeline.KeepOptions{After: j.last.Generation, Earlier: j.earlier(), Path: j.path, Started: func(i pipeline.RunInfo) { j.begun <- i }})
}

// keep runs a chain.
func (s *Server) keep(chain *pipeline.Chain, p *rossum.Payload, o pipeline.KeepOptions) (pipeline.Kept, error) {
	timeout := s.late(p)
	if s.o.Async != nil {
		timeout = s.o.Async.Timeout
	}
	options := append([]pipeline.Option{pipeline.WithTimeout(timeout)}, s.o.Run...)
	return chain.Keep(s.base, p, o, append(options, pipeline.WithJournal(s.journal))...)
}

// await waits for a job, and for what is in its way. With again the call is looked at
// anew.
func (s *Server) await(late context.Context, j *job, content string) (a answered, again bool) {
	wait := time.NewTimer(s.patience(j.payload))
	defer wait.Stop()
	polled := s.o.Async != nil && s.o.Async.After < 0 // whatever the run takes
	running := pipeline.RunID("")
	begun := j.begun
	for {
		select {
		case <-j.done:
			if polled {
				// It may have begun and ended before this was looked at.
				select {
				case i := <-begun:
					return answered{run: i.ID}, false
				default:
				}
			}
			return s.ended(late, j, content)
		case i := <-begun:
			if polled {
				return answered{run: i.ID}, false
			}
			running, begun = i.ID, nil
		case <-wait.C:
			if s.o.Async != nil && running != "" {
				return answered{run: running}, false
			}
			if s.o.Async == nil {
				// The run ends with its own time-out, which is the same.
				<-j.done
				return s.ended(late, j, content)
			}
		}
	}
}

// ended says what follows from the end of a job.
func (s *Server) ended(late context.Context, j *job, content string) (a answered, again bool) {
	var busy *pipeline.BusyError
	switch {
	case errors.As(j.err, &busy):
		return s.busy(late, j.payload, busy.Run, content)
	case errors.Is(j.err, pipeline.ErrStale):
		return answered{}, true
	case j.kept.Left && errors.Is(j.err, pipeline.ErrFenced) && !errors.Is(j.err, pipeline.ErrNoRun):
		return answered{}, true // it goes on elsewhere
	case j.kept.Left && errors.Is(j.err, pipeline.ErrNoRun):
		return answered{response: failed(pipeline.ErrGone.Error())}, false // it was erased while it ran
	case j.kept.Left && s.byEngine(j.payload) && s.base.Err() == nil:
		return answered{run: j.kept.Run.ID}, false
	case j.kept.Left:
		return answered{refused: hookcall.Refused(http.StatusServiceUnavailable, "the export service is shutting down; call again")}, false
	case errors.Is(j.err, pipeline.ErrNotNoted) && j.kept.Run.ID == "":
		return answered{refused: refusedFor(j.err, "")}, false
	}
	var refused *hookcall.Refusal
	if errors.As(j.err, &refused) {
		return answered{refused: refused}, false
	}
	return answered{run: j.kept.Run.ID, response: j.kept.Response}, false
}

// busy waits for the run that is in the way.
func (s *Server) busy(late context.Context, p *rossum.Payload, running pipeline.RunInfo, content string) (answered, bool) {
	if s.o.Async != nil && running.Content == content {
		ctx, cancel := context.WithTimeout(late, s.patience(p))
		defer cancel()
		late = ctx
	}
	var err error
	if s.byEngine(p) {
		err = s.o.Engine.Wait(late, running.Key)
	}
	if err == nil {
		_, err = s.journal.Ledger().Wait(late, running.ID)
	}
	switch {
	case err == nil, errors.Is(err, pipeline.ErrNoRun):
		return answered{}, true
	case late.Err() == nil:
		return answered{refused: unavailable(outage.Of(err))}, false
	case s.o.Async != nil && running.Content == content:
		return answered{run: running.ID}, false
	}
	return answered{response: failed("another export of this annotation is still running, started " + running.Started.UTC().Format(time.RFC3339) + ". Nothing was sent for this one; export again when that one has ended.")}, false
}

// sweep forgets old runs, from time to time.
func (s *Server) sweep(ctx context.Context) {
	s.mu.Lock()
	due := time.Since(s.swept) >= s.o.Keep/100
	if due {
		s.swept = time.Now()
	}
	s.mu.Unlock()
	if !due {
		return
	}
	// What cannot be removed now is removed the next time.
	if _, err := s.journal.Ledger().Expire(context.WithoutCancel(ctx), s.o.Keep); err != nil {
		s.log.WarnContext(ctx, "old runs could not be removed from the ledger", "error", err)
	}
}
