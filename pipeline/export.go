package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/outage"
	"github.com/exportpipeline/exportpipeline/internal/redact"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Export is one annotation on its way out: what the steps of a chain read and
// change. It belongs to one run, and within it to one goroutine at a time;
// branches of [Parallel] get an Export each.
type Export struct {
	// Payload is the hook call. Its token and secrets are for sending only.
	Payload *rossum.Payload
	// Annotation is the payload's annotation. Every change to its content is
	// recorded and becomes an operation of the answer.
	Annotation *rossum.Annotation
	// Files are the artefacts and replies by reference key.
	Files *Files
	// Secrets are the hook's secrets. A secret that a step adds, such as a new
	// access token, must also be given to Hide.
	Secrets rossum.Secrets
	// Messages are shown on the annotation; add to them with Error, Warn, Info.
	Messages []rossum.Message
	// Log is never nil; it cuts secrets out of what is logged.
	Log *slog.Logger
	// Rossum is the client of the platform's API, nil if the payload carries no
	// token or the program wants none.
	Rossum *rossum.Client

	run      *run
	step     *StepReport
	at       *position // nil outside of a chain
	diverged bool      // it is not, any more, what a step of an earlier process left
}

// run is what all branches of an export share.
type run struct {
	config    config
	redactor  *redact.Redactor
	log       *runLog
	seed      [32]byte  // of random numbers
	ends      time.Time // when all must have ended, zero if that is not bounded
	report    *Report
	secrets   map[*rossum.Hook]rossum.Secrets // of the hooks that steps run as
	knowledge []*madeCall                     // of an earlier export that was cut short and is given up
	keepers   keepers
	relations relations
	paused    bool        // it is left before a step, for another part to go on
	untraced  bool        // nobody gets its spans
	open      *openChecks // nil if all is decided that was found to be wrong
	bare      bool        // the payload has neither token nor secrets
	bareChain *Chain      // whose steps may lack secrets; nil if none does

	callerOnce sync.Once
	caller     *httpcall.Client // makes the calls of steps

	dryMu   sync.Mutex
	missing missing // of a dry run
}

// NewExport makes an export of a payload, as a chain does. Tests of a step use
// it, or package pipelinetest, which does more. The error says that the payload
// has no annotation, or an unusable base URL.
func NewExport(p *rossum.Payload, options ...Option) (*Export, error) {
	return newExport(p, newConfig(options))
}

func newExport(p *rossum.Payload, c config) (*Export, error) {
	wired.Do(wire)
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	if p == nil || p.Annotation == nil {
		return nil, fmt.Errorf("%w: key \"annotation\" is missing", rossum.ErrPayload)
	}
	if err := c.expected(p); err != nil {
		return nil, err
	}
	r := &run{config: c, redactor: redact.New(append(redact.Literals(p.Settings), string(p.Token))...), log: newRunLog(nil, Lease{}, RunInfo{}, nil)}
	_, _ = rand.Read(r.seed[:]) // never fails, see crypto/rand
	r.redactor.AddHook(p.Secrets)
	r.bare = p.Token == "" && len(p.Secrets) == 0
	x := &Export{Payload: p, Annotation: p.Annotation, Secrets: maps.Clone(p.Secrets), run: r, Rossum: c.client}
	if x.Secrets == nil {
		x.Secrets = make(rossum.Secrets)
	}
	log := c.log
	if log == nil {
		log = slog.Default()
	}
	x.Log = slog.New(outage.Handler(r.redactor.Handler(log.Handler()))).With("annotation", p.Annotation.ID, "request", p.RequestID)
	x.Files = newFiles(x, c.store)
	r.report = &Report{RequestID: p.RequestID, AnnotationID: p.Annotation.ID, Started: x.WallTime()}
	r.report.Gone = isGone(p)
	if x.Rossum != nil && !x.Allows(http.MethodGet, x.Rossum.BaseURL()) {
		x.Rossum = nil // the program's own client would make its calls
	}
	if x.Rossum == nil && !c.noClient && p.BaseURL != "" && p.Token != "" {
		var err error
		if x.Rossum, err = rossum.NewClient(p.BaseURL, p.Token, rossum.ClientOptions{HTTPClient: x.Transport()}); err != nil {
			return nil, fmt.Errorf("%w: %w", rossum.ErrPayload, err)
		}
	}
	if x.Rossum != nil {
		x.Rossum = x.Rossum.Announced(announcer{x})
	}
	if err := x.refuseFormulas(); err != nil {
		return nil, err
	}
	return x, nil
}

// RecordCall notes a call in the report. Steps that send by package send
// need not: it does so itself.
func (x *Export) RecordCall(c CallReport) {
	if c.Attempts > 1 && !c.Recorded {
		x.run.config.metrics().retries.Add(context.Background(), int64(c.Attempts-1))
	}
	c.URL, c.Error = x.said(c.URL), x.said(c.Error)
	x.step.add(func(s *StepReport) { s.Calls = append(s.Calls, c) })
}

func (x *Export) fileMade(f *File) {
	r := x.detailed(FileReport{Key: f.Key, Name: f.Name, Size: len(f.Data)}, f)
	x.step.add(func(s *StepReport) { s.Files = append(s.Files, r) })
}

// Set writes a value to the one datapoint with the schema_id. The error says
// that there is none, or that it is in a table.
func (x *Export) Set(schemaID, value string) error {
	n, err := x.Field(schemaID)
	if err != nil {
		return err
	}
	return n.SetValue(value)
}

// ErrNoContent means that the payload carries no content tree.
var ErrNoContent = errors.New("the payload has no annotation content")

// Field returns the one datapoint with the schema_id; see [rossum.Content.Field].
func (x *Export) Field(schemaID string) (*rossum.Node, error) {
	if x.Annotation.Content == nil {
		return nil, ErrNoContent
	}
	return x.Annotation.Content.Field(schemaID)
}

// fetchContent loads the content tree of an export whose payload carries only
// its address.
func (x *Export) fetchContent(ctx context.Context) error {
	isExport := x.Payload.Event == "" || x.Payload.Event == rossum.EventAnnotationContent
	if !isExport || x.Annotation.Content != nil || x.Annotation.ContentURL == "" {
		return nil
	}
	if x.Rossum == nil {
		return fmt.Errorf("fetching the content of the annotation: %w", ErrNoClient)
	}
	return x.Rossum.FetchContent(ctx, x.Annotation)
}

// Hide tells the export of a secret that it did not know yet: from then on it
// is cut out of messages, logs, errors and the report.
func (x *Export) Hide(secret string) { x.run.redactor.Add(secret) }

// Redact cuts every known secret out of a text.
func (x *Export) Redact(text string) string { return x.run.redactor.String(text) }

// Excerpt returns the beginning of what another system has sent, on one line and of about
// that many bytes, as errors and messages show it. Secrets are cut out before it is cut
// off, so that no half of one is left.
func (x *Export) Excerpt(data []byte, most int) string {
	looked := 4 * most // blanks go, and many texts are indented
	text := string(data[:min(len(data), looked+redact.Beyond+1)])
	text, _ = redact.Beginning(text, looked, func(text string) string {
		return x.Redact(strings.ToValidUTF8(x.Redact(text), "")) // a secret may be in Latin-1, or have odd bytes in it
	})
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "(no text)"
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// RedactError returns an error whose text, and the texts of what it wraps, have no known
// secret. errors.Is and errors.As find in it what they find in err.
func (x *Export) RedactError(err error) error { return x.run.redactor.Error(err) }

// Transport returns the [http.Client] that the program wants calls to go
// through; nil if it has no wish.
func (x *Export) Transport() *http.Client {
	if x.IsDry() {
		return &http.Client{Transport: &dryTransport{x: x, notes: true}}
	}
	return x.run.config.httpClient
}

// Report returns what happened so far. After the chain has returned it is
// complete and does not change any more.
func (x *Export) Report() *Report { return x.run.report }

// Original returns the bytes of the annotated document: those given by
// [WithOriginal], or else a stream from Rossum.
func (x *Export) Original() (Content, error) {
	switch {
	case x.run.config.original != nil:
		return x.run.config.original, nil
	case x.Payload.Document == nil:
		return nil, errors.New("reading the original document: the payload has no document")
	case x.Rossum == nil && x.IsDry():
		return nil, &UnansweredError{http.MethodGet, x.Payload.Document.Content}
	case x.Rossum == nil:
		return nil, errors.New("reading the original document: no Rossum client, since the payload has no token or base URL (pipeline.WithOriginal gives the document, and so does exportrun run -original)")
	}
	return x.Rossum.DocumentContent(x.Payload.Document.ID), nil
}

// ReadOriginal returns the bytes of the annotated document, which must not be changed. A
// document beyond Rossum's limit of 40 MB is an error.
func (x *Export) ReadOriginal(ctx context.Context) ([]byte, error) {
	content, err := x.Original()
	if err != nil {
		return nil, err
	}
	if b, ok := content.(Bytes); ok {
		return b, nil
	}
	data, err := readContent(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("reading the original document: %w", err)
	}
	if len(data) > rossum.MaxDocumentSize {
		return nil, errors.New("reading the original document: it is larger than Rossum's limit of 40 MB")
	}
	return data, nil
}

// readContent reads a content up to a byte more than a document may have, into memory of
// the right size where that is known.
func readContent(ctx context.Context, content Content) ([]byte, error) {
	var r io.ReadCloser
	var err error
	size := content.Size()
	if sized, ok := content.(interface {
		OpenSized(ctx context.Context) (io.ReadCloser, int64, error)
	}); ok {
		r, size, err = sized.OpenSized(ctx)
	} else {
		r, err = content.Open(ctx)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer
	if size > 0 && size <= rossum.MaxDocumentSize {
		out.Grow(int(size) + bytes.MinRead)
	}
	_, err = out.ReadFrom(io.LimitReader(r, rossum.MaxDocumentSize+1))
	return out.Bytes(), err
}

// Response returns what the hook would answer now.
func (x *Export) Response() *rossum.Response {
	r := &rossum.Response{Messages: make([]rossum.Message, len(x.Messages))}
	for i, m := range x.Messages {
		m.Content = x.said(m.Content) // secrets may have been learnt since
		r.Messages[i] = m
	}
	if x.Annotation.Content != nil {
		r.Operations = x.Annotation.Content.Operations()
	}
	return r
}

// Format implements [fmt.Formatter], so that printing an export shows neither
// secrets nor data.
func (x *Export) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "export(annotation %d)", x.Annotation.ID)
}
