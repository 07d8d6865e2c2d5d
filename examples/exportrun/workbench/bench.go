package workbench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Place is what the workbench works on.
type Place struct {
	Title   string // of the page, such as the queue's name
	Payload []byte // the body of a hook call
	File    string // where the payload came from
	// Hooks are those that Chain is made of, and Shown those of the queue that the page
	// lists, in the order in which they run.
	Hooks, Shown []*rossum.Hook
	Kind         func(h *rossum.Hook) string // names the extension of a hook; may be nil
	// Chain makes the chain of all hooks, checked; its error joins all faults.
	Chain func(hooks []*rossum.Hook, warn func(*pipeline.Finding)) (*pipeline.Chain, error)
	// Alone makes a chain of one hook, which does not wait for others.
	Alone func(h *rossum.Hook) (*pipeline.Chain, error)
	// Run are the options of every run, made anew for each.
	Run func() []pipeline.Option
	// Answer makes what answers the calls of one dry run; nil if there are no answers.
	Answer     func() func(pipeline.DryCall) (pipeline.DryReply, bool)
	KeepFields bool // see [pipeline.DryRun]
}

// Bench edits and tries the hooks of a place. It is safe for concurrent use.
type Bench struct {
	load func() (*Place, error)

	mu        sync.Mutex
	place     *Place
	documents map[int64]*document
	data      []datum
	pages     pages
}

// New makes a Bench of what load reads. It is called again when the page is loaded again.
func New(load func() (*Place, error)) (*Bench, error) {
	b := &Bench{load: load}
	return b, b.reload()
}

// reload reads everything again.
func (b *Bench) reload() error {
	place, err := b.load()
	if err != nil {
		return err
	}
	documents := make(map[int64]*document)
	var faults []error
	for _, h := range place.Shown {
		text, err := os.ReadFile(h.File)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		documents[h.ID] = &document{h, text}
	}
	data, err := dataOf(place.Payload)
	if err = errors.Join(append(faults, err)...); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.place, b.documents, b.data = place, documents, data
	return nil
}

// work is what one request works with.
func (b *Bench) work() (*Place, map[int64]*document) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.place, maps.Clone(b.documents)
}

// errNoHook means that the page asks for a hook that it was not shown.
var errNoHook = errors.New("there is no such hook; load the page again")

// errChanged means that somebody else has written the file.
var errChanged = errors.New("the file has changed on the disk since it was opened, and is left as it is; load the page again to take its changes over")

// save writes the edit of a hook to its file.
func (b *Bench) save(id int64, e edit) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.documents[id]
	if d == nil {
		return errNoHook
	}
	now, err := os.ReadFile(d.hook.File)
	if err != nil {
		return err
	}
	if string(now) != string(d.text) {
		return errChanged
	}
	h, err := d.edited(e)
	if err != nil {
		return err
	}
	text, err := d.with(e)
	if err != nil {
		return err
	}
	if string(text) != string(d.text) {
		if err := replaceFile(h.File, text); err != nil {
			return err
		}
	}
	b.documents[id] = &document{h, text}
	b.place = b.place.with(map[int64]*rossum.Hook{id: h})
	return nil
}

// replaceFile puts a file in the place of another, whole or not at all.
func replaceFile(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".exportrun-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// with is the place with other hooks in the place of those with the same ids.
func (p *Place) with(edited map[int64]*rossum.Hook) *Place {
	now := *p
	for _, list := range []*[]*rossum.Hook{&now.Hooks, &now.Shown} {
		*list = slices.Clone(*list)
		for i, h := range *list {
			if e := edited[h.ID]; e != nil {
				(*list)[i] = e
			}
		}
	}
	return &now
}

// maxRun bounds a dry run: a template may go round for ever.
const maxRun = 30 * time.Second

// run runs a chain dry on the payload and returns its report, beside the error of the
// run, which the report has as well.
func (p *Place) run(ctx context.Context, chain *pipeline.Chain, options ...pipeline.Option) (*pipeline.Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxRun, fmt.Errorf("the run was ended after %s", maxRun))
	defer cancel()
	payload, err := rossum.ParsePayload(p.Payload)
	if err != nil {
		return nil, err
	}
	var report *pipeline.Report
	dry := pipeline.DryRun{MakeUpSecrets: true, KeepFields: p.KeepFields}
	if p.Answer != nil {
		dry.Reply = p.Answer()
	}
	options = append(append(options, p.Run()...), pipeline.WithLogger(slog.New(slog.DiscardHandler)))
	_, err = chain.Export(ctx, payload, append(options, pipeline.WithDryRun(dry), pipeline.WithDetails(pipeline.Details{BodyLimit: maxShown}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))...)
	return report, err
}

// maxShown is how much of a file or a body is shown, in bytes.
const maxShown = 4 << 20
