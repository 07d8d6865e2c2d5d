package shadow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Compare runs a chain dry on one hook call, and compares the requests that would leave
// with those of a recording, byte for byte. The call is the one that the first hook of the
// hosted chain has got, and the recording has what that chain has sent for it. Every
// call gets the answer of the recorded one. Files for SFTP and S3 are not compared here.
// Nothing is sent, and nothing is written in
// Rossum; with a token in the call, the document is read from there if a step wants it.
func Compare(ctx context.Context, chain *pipeline.Chain, p *rossum.Payload, r *Recording, options ...pipeline.Option) *Comparison {
	if r == nil {
		r = &Recording{}
	}
	return (&run{recording: r, options: options}).compare(ctx, chain, p)
}

// compare runs the chain beside the hosted one.
func (h *handler) compare(ctx context.Context, p *rossum.Payload) *Comparison {
	chain := h.chain(p)
	if chain == nil {
		return &Comparison{AnnotationID: p.Annotation.ID, Err: fmt.Errorf("no chain is given for queue %d", p.Annotation.QueueID())}
	}
	r := &run{beside: true, options: h.o.Run}
	if h.o.Recorded != nil {
		recording, err := h.o.Recorded(ctx, p)
		if err != nil {
			return &Comparison{AnnotationID: p.Annotation.ID, Err: fmt.Errorf("finding the recording: %w", err)}
		}
		r.recording = recording
	}
	return r.compare(ctx, chain, p)
}

// run is one comparison.
type run struct {
	beside    bool       // of a hosted chain that has filled the fields and left its files in Rossum
	recording *Recording // nil if it is not known what was sent
	options   []pipeline.Option

	mu sync.Mutex
	x  *pipeline.Export // of a step that ran, which knows the secrets
}

func (r *run) compare(ctx context.Context, chain *pipeline.Chain, p *rossum.Payload) *Comparison {
	c := &Comparison{AnnotationID: p.Annotation.ID}
	files := &hostedFiles{Store: pipeline.InRossum()}
	requests := newMatching(r.recording)
	rossumHost := ""
	if u, err := url.Parse(p.BaseURL); err == nil {
		rossumHost = u.Host
	}
	dry := pipeline.DryRun{KeepFields: r.recording == nil, Allow: func(method string, u *url.URL) bool {
		return method == http.MethodGet && u.Host == rossumHost && rossumHost != ""
	}}
	if r.recording != nil {
		dry.Reply = requests.answer
	}
	options := append(slices.Clone(r.options), pipeline.WithDetails(pipeline.Details{BodyLimit: maxShown}),
		pipeline.WithDryRun(dry), pipeline.WithMiddleware(r.note),
		pipeline.WithReport(func(_ context.Context, report *pipeline.Report) { c.Report = report }))
	if r.beside {
		options = append(options, pipeline.WithStore(files))
	}
	response, err := chain.Export(ctx, p, options...)
	c.Messages = response.Messages
	if c.Report != nil && r.beside {
		c.Fields = c.Report.Fields
	}
	c.Files, c.Compared, c.Err = files.differences, files.compared, errors.Join(err, files.err)
	if r.recording != nil {
		c.Requests, c.ComparedRequests = requests.differences(r.clean)
		c.Err = errors.Join(c.Err, notRun(c.Report))
	}
	return c
}

// note keeps an export of the run.
func (r *run) note(ctx context.Context, x *pipeline.Export, _ pipeline.StepInfo, next pipeline.StepFunc) error {
	r.mu.Lock()
	r.x = x
	r.mu.Unlock()
	return next(ctx, x)
}

// clean returns a text without secrets, whole, so that it may be cut afterwards. ok is
// false for what is too large to be shown, or if no step ran, so that no secret is known.
func (r *run) clean(data []byte) (text string, ok bool) {
	r.mu.Lock()
	x := r.x
	r.mu.Unlock()
	if x == nil {
		return "", false
	}
	return clean(x, data)
}

func clean(x *pipeline.Export, data []byte) (text string, ok bool) {
	if len(data) > maxShown {
		return "", false
	}
	shown := x.ShowReply(nil, data)
	return shown.Body, true
}

// notRun names the steps of a run with a recording that could not be run to their end.
func notRun(report *pipeline.Report) error {
	if report == nil {
		return nil
	}
	var faults []error
	for _, s := range report.All() {
		if s.Status == pipeline.StatusUnanswered || s.Status == pipeline.StatusNotRun {
			why := string(s.Status)
			if len(s.Decisions) > 0 {
				why = s.Decisions[len(s.Decisions)-1]
			}
			faults = append(faults, fmt.Errorf("step %s: %s", s.Name, why))
		}
	}
	return errors.Join(faults...)
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
		h.differences = append(h.differences, FileDifference{Key: f.Key, Difference: Difference{Hosted: -1, Here: len(f.Data)}})
	case err != nil:
		h.err = errors.Join(h.err, fmt.Errorf("reading file %q of the hosted chain: %w", f.Key, err))
	default:
		h.compared++
		if d, differs := difference(hosted.Data, f.Data, func(data []byte) (string, bool) { return clean(x, data) }); differs {
			h.differences = append(h.differences, FileDifference{Key: f.Key, Difference: d})
		}
	}
	return nil
}

// Purge removes nothing.
func (h *hostedFiles) Purge(context.Context, *pipeline.Export, ...string) (int, error) { return 0, nil }
