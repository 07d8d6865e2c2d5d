package hookserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// refusal is an answer to a call that is not carried out.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// read takes a call in and checks it.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (*rossum.Payload, error) {
	if !s.o.Unsigned {
		if err := rossum.CheckSignatureHeader(r.Header); err != nil { // before anything is read
			return nil, &refusal{http.StatusUnauthorized, err.Error()}
		}
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, &refusal{http.StatusUnsupportedMediaType, "the Content-Type is not application/json"}
	}
	body, err := s.body(w, r)
	if err != nil {
		return nil, err
	}
	p, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	return p, accepts(p)
}

// Bounds of what is taken in at a time.
const (
	// smallBody is what needs no turn: most hook calls have some hundred kilobytes.
	smallBody = 1 << 20
	// largeBodies is how many larger bodies are read and checked at a time.
	largeBodies = 4
)

// body reads the body of a call whose signature header is well-formed. It waits for its
// turn when other large bodies are being read, no longer than a body may take.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	isCompressed, err := compressed(r.Header)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(s.o.ReadTimeout)
	if isCompressed || r.ContentLength < 0 || r.ContentLength > smallBody {
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		select {
		case s.large <- struct{}{}:
			defer func() { <-s.large }()
		case <-ctx.Done():
			w.Header().Set("Retry-After", "5")
			return nil, &refusal{http.StatusServiceUnavailable, "too many large calls are being read; call again"}
		}
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(deadline) == nil { // not every server can
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, s.o.BodyLimit), r.ContentLength, s.o.BodyLimit)
	if err == nil {
		return s.open(r, body, isCompressed)
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, s.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, "the body did not arrive within " + s.o.ReadTimeout.String()}
	}
	return nil, &refusal{http.StatusBadRequest, "reading the body: " + err.Error()}
}

// verify checks the signature of a body.
func (s *Server) verify(r *http.Request, body []byte) error {
	if s.o.Unsigned {
		return nil
	}
	if err := rossum.VerifySignature(r.Header, body, s.o.Secrets...); err != nil {
		return &refusal{http.StatusUnauthorized, err.Error()}
	}
	return nil
}

// readBody reads a body of a known length into a buffer of just that size.
func readBody(r io.Reader, length, limit int64) ([]byte, error) {
	if length <= 0 || length > limit {
		return io.ReadAll(r)
	}
	// Grow with what arrives: the length is only what the caller says.
	body := make([]byte, 0, min(length, 1<<20))
	for {
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(max(length, int64(len(body))+1), 4*int64(cap(body))))
			copy(grown, body)
			body = grown
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case int64(len(body)) == length:
			return body, nil
		}
	}
}

func accepts(p *rossum.Payload) error {
	switch {
	case p.Annotation == nil:
		return &refusal{http.StatusBadRequest, rossum.ErrPayload.Error() + `: key "annotation" is missing`}
	case p.Event == rossum.EventAnnotationContent && p.Action == rossum.ActionExport,
		p.Event == rossum.EventAnnotationStatus && p.Action == rossum.ActionChanged:
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, fmt.Sprintf("the hook was called for %q; this one serves annotation_content.export and annotation_status.changed", p.Event+"."+p.Action)}
}

// failed is the answer of an export that failed.
func failed(text string) *rossum.Response {
	return &rossum.Response{Messages: []rossum.Message{{Type: rossum.MessageError, Content: "Export failed: " + text}}}
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var r *refusal
	if errors.As(err, &r) {
		status = r.status
	}
	_ = writeJSON(w, status, failed(err.Error())) // whoever has gone does not want it
}

// writeJSON leaves <, > and & as they are: messages may hold HTML. The error says that
// the caller did not get the answer.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	body := []byte(nil)
	if err := e.Encode(v); err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"messages":[{"type":"error","content":"Export failed: internal error."}]}`)
	} else {
		body = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
