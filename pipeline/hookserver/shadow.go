package hookserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Comparison is what a run beside a hosted chain has found; see [Options].Shadow.
//
// The shadow's hook runs after the last hook of the hosted chain, so that the annotation
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

// shadow runs a call dry. The caller gets nothing to show and nothing to change, whatever
// happens here.
func (s *Server) shadow(w http.ResponseWriter, r *http.Request, p *rossum.Payload) {
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.late(p))
	defer cancel()
	began := s.enter(func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				s.log.ErrorContext(ctx, "a shadow run panicked", "panic", fmt.Sprint(v))
			}
		}()
		if c := s.compare(ctx, p); c != nil {
			s.o.Shadow(ctx, c)
		}
	})
	if began {
		select {
		case <-done:
		case <-ctx.Done(): // the hosted chain must not wait
		}
	}
	_ = writeJSON(w, http.StatusOK, &rossum.Response{}) // nobody needs it
}

// compare runs the chain beside the hosted one; nil if the call is no export.
func (s *Server) compare(ctx context.Context, p *rossum.Payload) *Comparison {
	if p.Event != rossum.EventAnnotationContent {
		return nil
	}
	c := &Comparison{AnnotationID: p.Annotation.ID}
	chain, release, err := s.chainFor("", p)
	if err != nil {
		c.Err = err
		return c
	}
	defer release()
	store := &hostedFiles{Store: pipeline.InRossum()}
	rossumHost := ""
	if u, err := url.Parse(p.BaseURL); err == nil {
		rossumHost = u.Host
	}
	options := append(slices.Clone(s.o.Run), pipeline.WithStore(store), pipeline.WithDetails(pipeline.Details{}),
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
