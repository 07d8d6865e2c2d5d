package jsontemplate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Render renders the template. The error is an [*Error], or of what Data or the
// context returned. Where the whole template is an operator whose key would
// disappear, the value is nil.
func (t *Template) Render(ctx context.Context, d *Data) (pyvalue.Value, error) {
	if err := ctx.Err(); err != nil {
		return pyvalue.None(), err
	}
	if d == nil {
		d = &Data{}
	}
	v, err := t.root.render(newRendering(ctx), &scope{data: d})
	if err != nil || v.IsUndefined() {
		return pyvalue.None(), t.placed(err)
	}
	return v, nil
}

// RenderText renders the template as a text.
func (t *Template) RenderText(ctx context.Context, d *Data) (string, error) {
	if t.lit {
		return t.text, nil
	}
	v, err := t.Render(ctx, d)
	if err != nil {
		return "", err
	}
	return Text(ctx, v)
}

type literal struct{ value pyvalue.Value }

func (l literal) render(r *rendering, _ *scope) (pyvalue.Value, error) {
	if !l.value.IsText() {
		return l.value, nil
	}
	return l.value, r.put(len(l.value.Text()))
}

type list struct{ elements []node }

func (l list) render(r *rendering, s *scope) (pyvalue.Value, error) {
	if err := r.meter.GrowTimes(len(l.elements), elementCost); err != nil {
		return pyvalue.None(), err
	}
	values := make([]pyvalue.Value, 0, len(l.elements))
	for _, e := range l.elements {
		v, err := r.below(Step{Index: len(values)}, e, s)
		if err != nil {
			return v, err
		}
		if !v.IsUndefined() {
			values = append(values, v)
		}
	}
	return pyvalue.NewList(values...), nil
}

type object struct{ members []member }

type member struct {
	key   string
	value node
}

func (o object) render(r *rendering, s *scope) (pyvalue.Value, error) {
	if err := r.meter.GrowTimes(len(o.members), memberCost); err != nil {
		return pyvalue.None(), err
	}
	made := pyvalue.NewDictSize(len(o.members))
	for _, m := range o.members {
		v, err := r.below(Step{Key: m.key}, m.value, s)
		if err != nil {
			return v, err
		}
		if v.IsUndefined() {
			continue
		}
		if err := r.put(len(m.key)); err != nil {
			return v, err
		}
		made.SetStr(m.key, v)
	}
	return made.Value(), nil
}

// joined is a string with placeholders inside other text.
type joined struct {
	place  string
	parts  []node
	depths []int // within strings of JSON, of each part; nil if none is
}

func (j joined) render(r *rendering, s *scope) (pyvalue.Value, error) {
	if r.body {
		return j.renderBody(r, s)
	}
	var b strings.Builder
	for _, p := range j.parts {
		v, err := p.render(r, s)
		if err != nil {
			return v, err
		}
		text, err := r.text(v)
		if err == nil {
			err = r.meter.Grow(int64(len(text)))
		}
		if err != nil {
			return v, &Error{j.place, "", err}
		}
		b.WriteString(text)
	}
	return pyvalue.Str(b.String()), nil
}

// text is [Text] of a value; files that it copies are counted.
func (r *rendering) text(v pyvalue.Value) (string, error) {
	text, err := Text(r.ctx, v)
	if _, isFile := File(v); isFile && err == nil {
		err = r.putFile(len(text))
	}
	return text, err
}

type secret struct{ place, name string }

func (x secret) render(r *rendering, s *scope) (pyvalue.Value, error) {
	if s.data.Secret != nil {
		if v, ok := s.data.Secret(x.name); ok {
			return pyvalue.Str(v), r.put(len(v))
		}
	}
	return pyvalue.None(), &Error{x.place, "", fmt.Errorf("the hook has no secret called %q", x.name)}
}

// file is #{file_content}, and what stands for the annotated document.
type file struct {
	place    string
	original bool
}

func (f file) render(_ *rendering, s *scope) (pyvalue.Value, error) {
	open, what := s.data.File, "#{file_content} has no file: export_reference_key is not set"
	if f.original {
		open, what = s.data.Original, "the original document is not available here"
	}
	if open == nil {
		return pyvalue.None(), &Error{f.place, "", errors.New(what)}
	}
	content, err := open()
	if err != nil {
		return pyvalue.None(), &Error{f.place, "", err}
	}
	return FileValue(content), nil
}

type resource struct{ place, name string }

func (x resource) render(_ *rendering, s *scope) (pyvalue.Value, error) {
	if x.name == "current_datetime" {
		now := time.Now
		if s.data.Now != nil {
			now = s.data.Now
		}
		return clock.Datetime(now()), nil
	}
	i := s.loop()
	if x.name == "schema_loop.index" {
		i++
	}
	return pyvalue.Int(int64(i)), nil
}
