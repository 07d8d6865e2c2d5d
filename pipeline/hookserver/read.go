package hookserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hookcall"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// read takes a call in and checks it.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (*rossum.Payload, error) {
	body, err := s.calls.Read(w, r)
	if err != nil {
		return nil, err
	}
	p, err := rossum.ParsePayload(body)
	if err != nil {
		return nil, hookcall.Refused(http.StatusBadRequest, err.Error())
	}
	if err := s.recent(p); err != nil {
		return nil, err
	}
	if err := accepts(p); err != nil {
		return p, hiding(p).Error(err)
	}
	return p, nil
}

// hiding cuts the secrets of a call out of texts: those that it carries, and the credentials
// that its settings have literally.
func hiding(p *rossum.Payload) *redact.Redactor {
	hide := redact.New(append(redact.Literals(p.Settings), string(p.Token))...)
	hide.AddHook(p.Secrets)
	return hide
}

// recent refuses a call that was not made within the last MaxAge, if there is one.
func (s *Server) recent(p *rossum.Payload) error {
	if s.o.MaxAge == 0 {
		return nil
	}
	made, err := time.Parse(time.RFC3339Nano, p.Timestamp)
	if err != nil {
		return hookcall.Refused(http.StatusForbidden, "the call's timestamp does not say when it was made, and this service accepts recent calls only")
	}
	if age := time.Since(made); age.Abs() > s.o.MaxAge {
		return hookcall.Refused(http.StatusForbidden, fmt.Sprintf("the call was made at %s, more than %s from now, and may be a replay; check the clocks, or give hookserver.Options.MaxAge more time", p.Timestamp, s.o.MaxAge))
	}
	return nil
}

func accepts(p *rossum.Payload) error {
	switch {
	case p.Annotation == nil:
		return hookcall.Refused(http.StatusBadRequest, rossum.ErrPayload.Error()+`: key "annotation" is missing`)
	case p.Event == rossum.EventAnnotationContent && p.Action == rossum.ActionExport,
		p.Event == rossum.EventAnnotationStatus && p.Action == rossum.ActionChanged:
		return nil
	}
	return hookcall.Refused(http.StatusUnprocessableEntity, fmt.Sprintf("the hook was called for %q; this one serves annotation_content.export and annotation_status.changed", p.Event+"."+p.Action))
}

// failed is the answer of an export that failed.
func failed(text string) *rossum.Response {
	return &rossum.Response{Messages: []rossum.Message{{Type: rossum.MessageError, Content: "Export failed: " + text}}}
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var r *hookcall.Refusal
	if errors.As(err, &r) {
		status = r.Status
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
