// Package shadow runs a chain beside the one that Rossum hosts, without sending, and
// reports the differences: this is how a team finds out whether it can switch.
package shadow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// DefaultTimeout bounds a comparison, so that the hosted chain does not wait for long.
const DefaultTimeout = 25 * time.Second

// maxBody is how many bytes a hook call may have.
const maxBody = 128 << 20

// Options are the options of [New].
type Options struct {
	// Chain runs on every call, or the one of Queues by the number of the annotation's
	// queue.
	Chain  *pipeline.Chain
	Queues map[int64]*pipeline.Chain
	// Secrets are those of the hook. Without them Unsigned must say that calls are taken
	// from everybody.
	Secrets  []string
	Unsigned bool
	// Run are further options of the runs, such as pipeline.WithSecrets.
	Run []pipeline.Option
	// Timeout bounds a comparison, DefaultTimeout if 0; it should be below the hook's.
	Timeout time.Duration
	// Compared gets what was found. It may be called by several goroutines.
	Compared func(ctx context.Context, c *Comparison)
}

// New returns the handler of a hook that runs after the last hook of the hosted chain. It
// answers every signed call with nothing to show and nothing to change, whatever happens
// here. The caller closes the chains.
func New(o Options) (http.Handler, error) {
	var faults []error
	if (o.Chain != nil) == (len(o.Queues) > 0) {
		faults = append(faults, errors.New("shadow: give either Chain or Queues"))
	}
	if (len(o.Secrets) > 0) == o.Unsigned {
		faults = append(faults, errors.New("shadow: give the hook's secret in Secrets, or say Unsigned if calls are taken from everybody"))
	}
	if slices.Contains(o.Secrets, "") {
		faults = append(faults, errors.New("shadow: a secret is empty; is the variable that it comes from set?"))
	}
	if o.Compared == nil {
		faults = append(faults, errors.New("shadow: Compared is missing, so that nobody would get to know of differences"))
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &handler{o}, errors.Join(faults...)
}

type handler struct{ o Options }

// ServeHTTP takes a hook call.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusOK) // a health check
		return
	}
	if !h.o.Unsigned {
		if err := rossum.CheckSignatureHeader(r.Header); err != nil { // before anything is read
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if !h.o.Unsigned {
		if err := rossum.VerifySignature(r.Header, body, h.o.Secrets...); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
	}
	p, err := rossum.ParsePayload(body)
	if err != nil || p.Annotation == nil {
		http.Error(w, "the body is not a hook call with an annotation", http.StatusBadRequest)
		return
	}
	h.run(r.Context(), p)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&rossum.Response{}) // who has gone does not need it
}

// run compares and reports, for no longer than the hosted chain may wait.
func (h *handler) run(ctx context.Context, p *rossum.Payload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.o.Timeout)
	done := make(chan struct{})
	go func() {
		defer cancel()
		defer close(done)
		defer func() { _ = recover() }() // of the program's own function, which must not end the server
		if c := h.compare(ctx, p); c != nil {
			h.o.Compared(ctx, c)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (h *handler) chain(p *rossum.Payload) *pipeline.Chain {
	if h.o.Chain != nil {
		return h.o.Chain
	}
	return h.o.Queues[p.Annotation.QueueID()]
}

// Comparison is what a run beside a hosted chain has found.
//
// The hook runs after the last hook of the hosted chain, so that the annotation
// has the fields which that chain has filled, and Rossum has its files and replies. The
// chain runs dry on them: every request is rendered and none is made, replies are those
// that the hosted chain has kept in Rossum, and fields that depend on other replies keep
// their values. What the chain makes is compared with what the hosted one has left, byte
// for byte. Rossum is only read. Since conditions see the fields as they are at the end,
// a call that was due in the beginning may look as if it were not; the report shows which
// calls were rendered.
type Comparison struct {
	AnnotationID int64
	// Files are the files that differ.
	Files []FileDifference
	// Fields are those that would get another value: Before is that of the hosted chain.
	Fields []pipeline.FieldReport
	// Messages are what the chain would show.
	Messages []rossum.Message
	// Report has every step, with the requests that would have left, without secrets.
	Report *pipeline.Report
	// Compared counts the files that were compared, and Err says why nothing, or not
	// everything, could be.
	Compared int
	Err      error
}

// FileDifference says how a file differs.
type FileDifference struct {
	Key string
	// Hosted and Here are the sizes in bytes, -1 for a file that one of them has not.
	Hosted, Here int
	// Offset is the first byte that differs, and Line the line that it is in, from 1.
	Offset, Line int
	// HostedText and HereText are what stands there, a few dozen bytes.
	HostedText, HereText string
}

// String says the difference in a line.
func (d FileDifference) String() string {
	switch {
	case d.Hosted < 0:
		return fmt.Sprintf("file %q: the hosted chain has not made it", d.Key)
	case d.Here < 0:
		return fmt.Sprintf("file %q: made by the hosted chain only", d.Key)
	}
	return fmt.Sprintf("file %q differs at byte %d, line %d: hosted %q, here %q (%d and %d bytes)", d.Key, d.Offset, d.Line, d.HostedText, d.HereText, d.Hosted, d.Here)
}

// Same reports that no difference was found, and that everything was compared.
func (c *Comparison) Same() bool {
	return c.Err == nil && len(c.Files) == 0 && len(c.Fields) == 0
}

// Text says what was found in a few lines.
func (c *Comparison) Text() string {
	var b strings.Builder
	if c.Same() {
		fmt.Fprintf(&b, "annotation %d: the same, with %s compared\n", c.AnnotationID, plural(c.Compared, "file"))
	} else {
		fmt.Fprintf(&b, "annotation %d: %s\n", c.AnnotationID, plural(len(c.Files)+len(c.Fields), "difference"))
	}
	for _, f := range c.Files {
		fmt.Fprintf(&b, "  %v\n", f)
	}
	for _, f := range c.Fields {
		fmt.Fprintf(&b, "  field %q: hosted %q, here %q\n", f.SchemaID, f.Before, f.After)
	}
	for _, m := range c.Messages {
		fmt.Fprintf(&b, "  would show %s: %s\n", m.Type, m.Content)
	}
	if c.Err != nil {
		fmt.Fprintf(&b, "  not compared to the end: %v\n", c.Err)
	}
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// compare runs the chain beside the hosted one; nil if the call is no export.
func (h *handler) compare(ctx context.Context, p *rossum.Payload) *Comparison {
	if p.Event != rossum.EventAnnotationContent {
		return nil
	}
	c := &Comparison{AnnotationID: p.Annotation.ID}
	chain := h.chain(p)
	if chain == nil {
		c.Err = fmt.Errorf("no chain is given for queue %d", p.Annotation.QueueID())
		return c
	}
	store := &hostedFiles{Store: pipeline.InRossum()}
	rossumHost := ""
	if u, err := url.Parse(p.BaseURL); err == nil {
		rossumHost = u.Host
	}
	options := append(slices.Clone(h.o.Run), pipeline.WithStore(store), pipeline.WithDetails(pipeline.Details{}),
		pipeline.WithDryRun(pipeline.DryRun{KeepFields: true, Lets: func(method string, u *url.URL) bool {
			return method == http.MethodGet && u.Host == rossumHost && rossumHost != ""
		}}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { c.Report = r }))
	response, err := chain.Export(ctx, p, options...)
	c.Messages = response.Messages
	if c.Report != nil {
		c.Fields = c.Report.Fields
	}
	c.Files, c.Compared, c.Err = store.differences, store.compared, errors.Join(err, store.err)
	return c
}

// hostedFiles compares the files of a run with those that the hosted chain has left in
// Rossum, which it only reads.
type hostedFiles struct {
	pipeline.Store

	mu          sync.Mutex
	differences []FileDifference
	compared    int
	err         error
}

// Put compares a file.
func (h *hostedFiles) Put(ctx context.Context, x *pipeline.Export, f *pipeline.File) error {
	hosted, err := h.Store.Load(ctx, x, f.Key)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case errors.Is(err, pipeline.ErrNoFile):
		h.differences = append(h.differences, FileDifference{Key: f.Key, Hosted: -1, Here: len(f.Data)})
	case err != nil:
		h.err = errors.Join(h.err, fmt.Errorf("reading file %q of the hosted chain: %w", f.Key, err))
	default:
		h.compared++
		if d, differs := difference(hosted.Data, f.Data); differs {
			d.Key = f.Key
			d.HostedText, d.HereText = x.Redact(d.HostedText), x.Redact(d.HereText)
			h.differences = append(h.differences, d)
		}
	}
	return nil
}

// Purge removes nothing.
func (h *hostedFiles) Purge(context.Context, *pipeline.Export, ...string) (int, error) { return 0, nil }

// excerpt is how many bytes of a difference are shown.
const excerpt = 40

// difference finds the first byte in which two files differ.
func difference(hosted, here []byte) (d FileDifference, differs bool) {
	if bytes.Equal(hosted, here) {
		return d, false
	}
	at := 0
	for at < len(hosted) && at < len(here) && hosted[at] == here[at] {
		at++
	}
	show := func(data []byte) string { return string(data[at:min(len(data), at+excerpt)]) }
	return FileDifference{
		Hosted: len(hosted), Here: len(here), Offset: at, Line: bytes.Count(here[:at], []byte("\n")) + 1,
		HostedText: show(hosted), HereText: show(here),
	}, true
}
