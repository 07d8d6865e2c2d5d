package pipeline

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Bounds of what a [Handler] takes in at a time.
const (
	// readTime is how long a call's body may take: the platform's own default for a
	// whole call.
	readTime = DefaultTimeout
	// smallBody is what needs no turn: most hook calls have some hundred kilobytes.
	smallBody = 1 << 20
	// largeBodies is how many larger bodies are read and checked at a time.
	largeBodies = 4
)

// takeBody reads the body of a call whose signature header is well-formed. It waits
// for its turn when other large bodies are being read, no longer than a body may take.
func (h *handler) takeBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	deadline := time.Now().Add(readTime)
	if r.ContentLength < 0 || r.ContentLength > smallBody {
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		case <-ctx.Done():
			w.Header().Set("Retry-After", "5")
			return nil, &refusal{http.StatusServiceUnavailable, "too many large calls are being read; call again"}
		}
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(deadline) == nil { // not every server can
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, h.limit), r.ContentLength, h.limit)
	if err == nil {
		return body, h.verify(r, body)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "the body is larger than " + strconv.FormatInt(h.limit, 10) + " bytes"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, "the body did not arrive within " + readTime.String()}
	}
	return nil, &refusal{http.StatusBadRequest, "reading the body: " + err.Error()}
}

// verify checks the signature of a body.
func (h *handler) verify(r *http.Request, body []byte) error {
	if h.unsigned {
		return nil
	}
	if err := rossum.VerifySignature(r.Header, body, h.secrets...); err != nil {
		return &refusal{http.StatusUnauthorized, err.Error()}
	}
	return nil
}

// check refuses a handler that could not serve any call, or every call.
func (h *handler) check() error {
	for _, s := range h.secrets {
		if s == "" {
			return errors.New("pipeline.WithSecret: the hook's secret is empty; set it to what config.secret of the hook says")
		}
	}
	switch {
	case len(h.secrets) == 0 && !h.unsigned:
		return errors.New("a hook handler needs pipeline.WithSecret, or pipeline.WithoutSignature if calls are not signed")
	case len(h.secrets) > 0 && h.unsigned:
		return errors.New("pipeline.WithSecret and pipeline.WithoutSignature exclude each other")
	}
	return nil
}
