package hookserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// pollKey is the query parameter of a polling address.
const pollKey = "poll"

// mac signs the id of a run.
func (s *Server) mac(id string) string {
	h := hmac.New(sha256.New, s.o.Async.Key)
	h.Write([]byte("poll\x00" + id))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

func (s *Server) location(id pipeline.RunID) string {
	separator := "?"
	if strings.Contains(s.o.Async.URL, "?") {
		separator = "&"
	}
	return s.o.Async.URL + separator + pollKey + "=" + string(id) + "." + s.mac(string(id))
}

// poll answers a polling address.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, token string) {
	id, signature, _ := strings.Cut(token, ".")
	if !hmac.Equal([]byte(signature), []byte(s.mac(id))) {
		// The same for everything that is not ours, so that it tells nothing.
		refuse(w, hookcall.Refused(http.StatusNotFound, "there is no export at this address"))
		return
	}
	o, err := s.journal.Outcome(r.Context(), pipeline.RunID(id))
	switch {
	case errors.Is(err, pipeline.ErrNoRun):
		refuse(w, hookcall.Refused(http.StatusGone, "the result of this export is not kept any more"))
		return
	case err != nil:
		s.log.ErrorContext(r.Context(), "a result could not be read", "run", id, "error", err)
		refuse(w, hookcall.Refused(http.StatusServiceUnavailable, "the result cannot be read now")) // the platform polls again
		return
	}
	switch answer := s.outcome(r.Context(), &o); {
	case answer == nil:
		w.Header().Set("Retry-After", "30")
		_ = writeJSON(w, http.StatusAccepted, map[string]string{"status": "running"}) // it polls again
	case o.State == pipeline.RunEnded:
		s.deliver(w, r, http.StatusCreated, o.ID, answer)
	default:
		_ = writeJSON(w, http.StatusCreated, answer) // nothing is lost with it
	}
}

// outcome is the answer of a run, nil while it goes on.
func (s *Server) outcome(ctx context.Context, o *pipeline.Outcome) *rossum.Response {
	if s.o.Engine != nil && o.Response == nil && o.State == pipeline.RunAbandoned {
		if running, err := s.o.Engine.Running(ctx, o.Key); err != nil || running { // between two parts
			return nil
		}
		// It may have ended before the engine was asked.
		now, err := s.journal.Outcome(ctx, o.ID)
		if err != nil {
			return nil // the next poll says it
		}
		*o = now
	}
	switch {
	case o.Response != nil:
		return o.Response
	case o.State == pipeline.RunEnded:
		return failed("the annotation has changed since, and is exported anew. " + o.Sent)
	case o.State == pipeline.RunLive, s.o.Recover && !o.Waits:
		return nil
	}
	return failed("the export service was stopped while it ran. " + o.Sent + " Export again: the export goes on from there, and what was sent is not sent again.")
}

// recoverForEver goes on with runs whose process has ended.
func (s *Server) recoverForEver() {
	ticker := time.NewTicker(s.journal.Lease() / 3)
	defer ticker.Stop()
	waiting := make(map[pipeline.RunID]int) // for a person, with the count of their records
	seen := make(map[pipeline.RunID]bool)
	for {
		still, sees := make(map[pipeline.RunID]int), make(map[pipeline.RunID]bool)
		for info, err := range s.journal.Ledger().Find(s.base, pipeline.RunQuery{State: pipeline.RunAbandoned}) {
			if err != nil {
				if s.base.Err() == nil {
					s.log.Error("looking for exports that were cut short", "error", err)
				}
				continue
			}
			sees[info.ID] = true
			if waiting[info.ID] == info.Count {
				still[info.ID] = info.Count
			} else if count, waits := s.takeUp(info, seen[info.ID]); waits {
				still[info.ID] = count
			}
		}
		waiting, seen = still, sees
		select {
		case <-s.base.Done():
			return
		case <-ticker.C:
		}
	}
}

// takeUp goes on with one run, or reports that it waits for a person, and how many records
// it has then. seen says that it was found cut short before.
func (s *Server) takeUp(info pipeline.RunInfo, seen bool) (count int, waits bool) {
	ctx := context.WithoutCancel(s.base)
	p, path, err := s.journal.Call(ctx, info.ID)
	if errors.Is(err, pipeline.ErrUnsettled) || errors.Is(err, pipeline.ErrNoRun) || s.base.Err() != nil {
		return info.Count, errors.Is(err, pipeline.ErrUnsettled)
	}
	if err == nil && s.byEngine(p) {
		err = s.startAgain(ctx, info, p, seen)
	} else if err == nil {
		err = s.resume(info.ID, path, p)
	}
	if err == nil || errors.Is(err, pipeline.ErrBusy) || errors.Is(err, pipeline.ErrEnded) {
		return 0, false
	}
	s.log.Error("an export that was cut short was taken up and failed", "run", info.ID, "export", info.Key.String(), "error", err)
	if !errors.Is(err, pipeline.ErrChanged) && !errors.Is(err, pipeline.ErrNoCall) {
		return 0, false
	}
	// This program cannot go on with it: each attempt would only make it longer.
	o, err := s.journal.Outcome(ctx, info.ID)
	return o.Count, err == nil
}

// resume goes on with a run in this process.
func (s *Server) resume(id pipeline.RunID, path string, p *rossum.Payload) error {
	chain, release, err := s.chainFor(path, p)
	if err != nil {
		return err
	}
	defer release()
	_, err = s.keep(chain, p, pipeline.KeepOptions{Resume: id, Path: path})
	return err
}
