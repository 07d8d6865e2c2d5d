package sftpexport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// planned is a file that an export puts.
type planned struct {
	file  File
	place string        // in the settings
	rule  int           // index of its rule
	read  *atomic.Int64 // bytes, of a content whose size is not known
}

// count counts the bytes of a file whose size is not known.
func (f *planned) count() {
	if f.read == nil && f.file.Content.Size() < 0 {
		f.read = new(atomic.Int64)
		f.file.Content = countedContent{f.file.Content, f.read}
	}
}

// sent is how many bytes of the file were sent, or would have been.
func (f *planned) sent() int64 {
	if f.read != nil {
		return f.read.Load()
	}
	return f.file.Content.Size()
}

// countedContent counts what was read since it was opened last.
type countedContent struct {
	pipeline.Content
	read *atomic.Int64
}

// Open implements [pipeline.Content].
func (c countedContent) Open(ctx context.Context) (io.ReadCloser, error) {
	r, err := c.Content.Open(ctx)
	if err != nil {
		return nil, err
	}
	c.read.Store(0)
	return countedReader{r, c.read}, nil
}

type countedReader struct {
	io.ReadCloser
	read *atomic.Int64
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.read.Add(int64(n))
	return n, err
}

// plan is what an export puts, in the order in which the files get their names.
type plan struct {
	step    *Step
	c       *compiled
	x       *pipeline.Export
	sources []sourced
	counts  map[string]int64 // directory to its number
	system  System
	changed []string // values that are not used as they are, for the report
}

// sourced is an object whose content is there.
type sourced struct {
	object  *object
	rule    int
	content pipeline.Content
	extra   string
}

// plan gathers the contents of the rules that are due.
func (s *Step) plan(ctx context.Context, x *pipeline.Export, c *compiled) (*plan, error) {
	p := &plan{step: s, c: c, x: x, counts: make(map[string]int64), system: SystemUnix}
	data := exporttemplate.Data(x)
	var faults []error
	for i := range c.rules {
		r := &c.rules[i]
		if r.condition != nil {
			text, err := r.condition.RenderText(ctx, data)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			if !jsontemplate.Truth(text) {
				x.Decide("%s: skipped: condition is %q", settings.Join(r.place, "condition"), strings.TrimSpace(text))
				continue
			}
		}
		for j := range r.objects {
			o := &r.objects[j]
			content, extra, err := s.content(ctx, x, o)
			switch {
			case err != nil:
				faults = append(faults, &pipeline.StepError{Step: s.Name(), Place: o.place, Key: o.Key, Err: err})
			case content != nil:
				p.sources = append(p.sources, sourced{o, i, content, extra})
			}
		}
	}
	return p, errors.Join(faults...)
}

// files names the files, and refuses two with one name. Done files come last.
func (p *plan) files() (files, done []planned, err error) {
	var faults []error
	p.changed = nil
	directories := make(map[int]string)
	for i := range p.sources {
		s := &p.sources[i]
		directory, ok := directories[s.rule]
		if !ok {
			if directory, err = p.directory(&p.c.rules[s.rule]); err != nil {
				faults = append(faults, err)
				continue
			}
			directories[s.rule] = directory
		}
		file, err := p.name(directory, s)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		files = append(files, planned{file: file, place: s.object.place, rule: s.rule})
	}
	if len(faults) == 0 {
		if done, err = p.doneFiles(directories, files); err != nil {
			faults = append(faults, err)
		}
	}
	seen := make(map[string]string)
	for _, f := range append(files[:len(files):len(files)], done...) {
		path := f.file.Path()
		other, twice := seen[path]
		if twice && f.file.Collision != CollisionNumber {
			faults = append(faults, &FileError{Op: "naming", Path: path, Place: f.place, Err: fmt.Errorf("%s gets the same name; %s", other, howToTellApart)})
		}
		seen[path] = f.place
	}
	return files, done, errors.Join(faults...)
}

func (p *plan) variables(directory string, named map[string]Variable) *variables {
	count := max(1, p.counts[directory]) // 1 until the number is taken
	// The time is that of the beginning, so that an export that was cut short and
	// goes on later gives its files the same names.
	return &variables{x: p.x, now: p.x.Report().Started.UTC(), named: named, count: count}
}

func (p *plan) directory(r *rule) (string, error) {
	pieces, err := r.directory.render(p.variables("", r.named))
	if err != nil {
		return "", err
	}
	segments, err := p.path(r.directory.place, pieces, true)
	if err != nil {
		return "", err
	}
	directory := strings.Join(segments, "/")
	isAbsolute := len(pieces) > 0 && pieces[0].Variable == "" && strings.HasPrefix(pieces[0].Text, "/")
	if isAbsolute && p.step.Credentials.Type != "s3" {
		return "/" + directory, nil // keys of S3 begin without a slash
	}
	return directory, nil
}

func (p *plan) name(directory string, s *sourced) (File, error) {
	o := s.object
	pieces, err := o.name.render(p.variables(directory, o.named))
	if err != nil {
		return File{}, err
	}
	for _, extra := range []naming.Piece{{Text: o.extension}, {Text: s.extra, Variable: "document.original_file_name"}} {
		if !strings.HasSuffix(strings.ToLower(textOf(pieces)), strings.ToLower(extra.Text)) {
			pieces = append(pieces, extra)
		}
	}
	segments, err := p.path(o.name.place, pieces, false)
	if err != nil {
		return File{}, err
	}
	for _, parent := range segments[:len(segments)-1] {
		directory = naming.Join(directory, parent)
	}
	return File{
		Directory: directory, Name: segments[len(segments)-1], Content: s.content, Collision: o.collision,
		MayMakeDirectory: p.step.CreateDirectories == nil || *p.step.CreateDirectories,
	}, nil
}

// path makes the parts of a path, and notes what it changes.
func (p *plan) path(place string, pieces []naming.Piece, split bool) ([]string, error) {
	n := naming.Namer{Unix: p.system == SystemUnix, Split: split, Changed: func(variable, value, used string) {
		if variable != "" {
			variable = "{" + variable + "}: "
		}
		p.changed = append(p.changed, fmt.Sprintf("%s: %s%q is written %q", place, variable, value, used))
	}}
	segments, err := n.Segments(pieces)
	var wrong *naming.Error
	switch {
	case errors.As(err, &wrong):
		return nil, &NameError{place, wrong.Variable, wrong.Err}
	case err == nil && len(segments) == 0 && !split:
		err = &NameError{Place: place, Err: naming.ErrNothingLeft}
	}
	return segments, err
}

func textOf(pieces []naming.Piece) string {
	var text strings.Builder
	for _, p := range pieces {
		text.WriteString(p.Text)
	}
	return text.String()
}

// doneFiles are empty. There is one for each rule that wants one, or for each of
// its files if the name tells them apart.
func (p *plan) doneFiles(directories map[int]string, files []planned) (done []planned, err error) {
	for i := range p.c.rules {
		r := &p.c.rules[i]
		directory, due := directories[i]
		if r.done == nil || !due {
			continue
		}
		v := p.variables(directory, r.named)
		targets := []planned{{file: File{Directory: directory}}}
		if r.done.uses(fileName) {
			targets = files
		}
		for _, f := range targets {
			if f.file.Name != "" && f.rule != i {
				continue
			}
			v.fileName = f.file.Name
			pieces, err := r.done.render(v)
			if err != nil {
				return nil, err
			}
			segments, err := p.path(r.done.place, pieces, false)
			if err != nil {
				return nil, err
			}
			file := File{
				Directory: f.file.Directory, Name: segments[0], Content: pipeline.Bytes(nil), Collision: r.collision,
				MayMakeDirectory: p.step.CreateDirectories == nil || *p.step.CreateDirectories,
			}
			done = append(done, planned{file: file, place: r.done.place, rule: i})
		}
	}
	return done, nil
}

// count takes a number in every directory whose names want one.
func (p *plan) count(ctx context.Context, d Destination) error {
	for i := range p.sources {
		s := &p.sources[i]
		if !p.counted(s) {
			continue
		}
		r := &p.c.rules[s.rule]
		directory, err := p.directory(r)
		if err != nil {
			return err
		}
		if p.counts[directory] != 0 {
			continue
		}
		if p.counts[directory], err = p.number(ctx, d, directory); err != nil {
			return &pipeline.StepError{Step: p.step.Name(), Place: s.object.name.place, Err: err}
		}
	}
	return nil
}

// number takes the next number of a directory. A run that goes on has it from the ledger,
// so that its files keep their names.
func (p *plan) number(ctx context.Context, d Destination, directory string) (n int64, err error) {
	act := pipeline.Act{
		Call: "number " + directory, What: fmt.Sprintf("take the next number of %q at %s", directory, p.step.Credentials.address()),
		Reads: true, // a number that is taken and not used is no more than a gap
	}
	answer, err := p.x.Once(ctx, act, func(ctx context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
		n, err := d.Count(ctx, directory, p.step.CreateDirectories == nil || *p.step.CreateDirectories)
		if err != nil {
			return nil, err
		}
		value, _ := json.Marshal(n) // of a number
		return &pipeline.Reply{Value: value}, nil
	})
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(answer.Value, &n); err != nil {
		return 0, fmt.Errorf("the ledger has no number of %q: %w", directory, err)
	}
	return n, nil
}

// counted reports whether the name of a file has a number that is counted.
func (p *plan) counted(s *sourced) bool {
	r := &p.c.rules[s.rule]
	return s.object.name.counts(s.object.named) || r.done != nil && r.done.counts(r.named)
}

// usesCount reports whether a name has a number that is counted at the destination.
func (p *plan) usesCount() bool {
	for i := range p.sources {
		if p.counted(&p.sources[i]) {
			return true
		}
	}
	return false
}
