package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// planned is a file that an export puts.
type planned struct {
	file  File
	place string // in the settings
	rule  int    // index of its rule
}

// plan is what an export puts, in the order in which the files get their names.
type plan struct {
	step    *Step
	c       *compiled
	x       *pipeline.Export
	sources []sourced
	counts  map[string]string // directory to its number
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
	p := &plan{step: s, c: c, x: x, counts: make(map[string]string)}
	data := x.TemplateData()
	var faults []error
	for i := range c.rules {
		r := &c.rules[i]
		if r.condition != nil {
			text, err := r.condition.RenderText(ctx, data)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			if text = strings.TrimSpace(text); text == "" || strings.EqualFold(text, "false") {
				x.Decide("%s: skipped: condition is %q", settings.Join(r.place, "condition"), text)
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
		files = append(files, planned{file, s.object.place, s.rule})
	}
	if len(faults) == 0 {
		if done, err = p.doneFiles(directories, files); err != nil {
			faults = append(faults, err)
		}
	}
	seen := make(map[string]string)
	for _, f := range append(files[:len(files):len(files)], done...) {
		path := f.file.Path()
		if other, twice := seen[path]; twice {
			faults = append(faults, &FileError{Op: "naming", Path: path, Place: f.place, Err: fmt.Errorf("%s gets the same name", other)})
		}
		seen[path] = f.place
	}
	return files, done, errors.Join(faults...)
}

func (p *plan) variables(directory string, schemaIDs map[string]string) *variables {
	seq := p.counts[directory]
	if seq == "" {
		seq = "1" // until the number is taken
	}
	// The time is that of the beginning, so that an export that was cut short and
	// goes on later gives its files the same names.
	return &variables{x: p.x, now: p.x.Report().Started.UTC(), schemaIDs: schemaIDs, seq: seq}
}

func (p *plan) directory(r *rule) (string, error) {
	rendered, err := r.directory.render(p.variables("", r.schemaIDs))
	if err != nil {
		return "", err
	}
	segments, err := splitPath(rendered)
	if err != nil {
		return "", &NameError{Place: r.directory.place, Err: err}
	}
	directory := strings.Join(segments, "/")
	if strings.HasPrefix(rendered, "/") && p.step.Credentials.Type != "s3" {
		return "/" + directory, nil // keys of S3 begin without a slash
	}
	return directory, nil
}

func (p *plan) name(directory string, s *sourced) (File, error) {
	o := s.object
	rendered, err := o.name.render(p.variables(directory, o.schemaIDs))
	if err != nil {
		return File{}, err
	}
	if !strings.HasSuffix(strings.ToLower(rendered), strings.ToLower(s.extra)) {
		rendered += s.extra
	}
	segments, err := splitPath(rendered)
	if err == nil && len(segments) == 0 {
		err = errNothingLeft
	}
	if err != nil {
		return File{}, &NameError{Place: o.name.place, Err: err}
	}
	for _, parent := range segments[:len(segments)-1] {
		directory = joinPath(directory, parent)
	}
	return File{
		Directory: directory, Name: segments[len(segments)-1], Content: s.content, Collision: o.collision,
		MayMakeDirectory: p.step.CreateDirectories == nil || *p.step.CreateDirectories,
	}, nil
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
		v := p.variables(directory, r.schemaIDs)
		targets := []planned{{file: File{Directory: directory}}}
		if r.done.uses(fileName) {
			targets = files
		}
		for _, f := range targets {
			if f.file.Name != "" && f.rule != i {
				continue
			}
			v.fileName = f.file.Name
			rendered, err := r.done.render(v)
			if err == nil {
				rendered, err = safeName(rendered)
			}
			if err != nil {
				return nil, &NameError{Place: r.done.place, Err: err}
			}
			file := File{
				Directory: f.file.Directory, Name: rendered, Content: pipeline.Bytes(nil), Collision: r.collision,
				MayMakeDirectory: p.step.CreateDirectories == nil || *p.step.CreateDirectories,
			}
			done = append(done, planned{file, r.done.place, i})
		}
	}
	return done, nil
}

// count takes a number in every directory whose names want one.
func (p *plan) count(ctx context.Context, d Destination) (taken bool, err error) {
	for i := range p.sources {
		s := &p.sources[i]
		r := &p.c.rules[s.rule]
		if !s.object.name.uses("seq") && (r.done == nil || !r.done.uses("seq")) {
			continue
		}
		directory, err := p.directory(r)
		if err != nil {
			return taken, err
		}
		if p.counts[directory] != "" {
			continue
		}
		n, err := d.Count(ctx, directory, p.step.CreateDirectories == nil || *p.step.CreateDirectories)
		if err != nil {
			return taken, &pipeline.StepError{Step: p.step.Name(), Place: s.object.name.place, Err: err}
		}
		p.counts[directory], taken = fmt.Sprint(n), true
	}
	return taken, nil
}
