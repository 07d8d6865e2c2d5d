package jsontemplate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Render renders the template. The error is an [*Error], or of what Data or the
// context returned. Where the whole template is an operator whose key would
// disappear, the value is nil.
func (t *Template) Render(ctx context.Context, d *Data) (Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d == nil {
		d = &Data{}
	}
	v, err := t.root.render(&rendering{ctx: ctx}, &scope{data: d})
	if err != nil {
		return nil, err
	}
	if _, gone := v.(omitted); gone {
		return nil, nil
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

type literal struct{ value Value }

func (l literal) render(*rendering, *scope) (Value, error) { return l.value, nil }

type list struct{ elements []node }

func (l list) render(r *rendering, s *scope) (Value, error) {
	values := make([]Value, 0, len(l.elements))
	for _, e := range l.elements {
		v, err := r.below(Step{Index: len(values)}, e, s)
		if err != nil {
			return nil, err
		}
		if _, gone := v.(omitted); !gone {
			values = append(values, v)
		}
	}
	return values, nil
}

type object struct{ members []member }

type member struct {
	key   string
	value node
}

func (o object) render(r *rendering, s *scope) (Value, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	made := &Object{Members: make([]Member, 0, len(o.members))}
	for _, m := range o.members {
		v, err := r.below(Step{Key: m.key}, m.value, s)
		if err != nil {
			return nil, err
		}
		if _, gone := v.(omitted); !gone {
			made.Members = append(made.Members, Member{m.key, v})
		}
	}
	return made, nil
}

// joined is a string with placeholders inside other text.
type joined struct {
	place string
	parts []node
}

func (j joined) render(r *rendering, s *scope) (Value, error) {
	if r.body {
		return j.renderBody(r, s)
	}
	var b strings.Builder
	for _, p := range j.parts {
		v, err := p.render(r, s)
		if err != nil {
			return nil, err
		}
		text, err := Text(r.ctx, v)
		if err != nil {
			return nil, &Error{j.place, "", err}
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

type secret struct{ place, name string }

func (x secret) render(_ *rendering, s *scope) (Value, error) {
	if s.data.Secret != nil {
		if v, ok := s.data.Secret(x.name); ok {
			return v, nil
		}
	}
	return nil, &Error{x.place, "", fmt.Errorf("the hook has no secret called %q", x.name)}
}

// file is #{file_content}, and what stands for the annotated document.
type file struct {
	place    string
	original bool
}

func (f file) render(_ *rendering, s *scope) (Value, error) {
	open, what := s.data.File, "#{file_content} has no file: export_reference_key is not set"
	if f.original {
		open, what = s.data.Original, "the original document is not available here"
	}
	if open == nil {
		return nil, &Error{f.place, "", errors.New(what)}
	}
	content, err := open()
	if err != nil {
		return nil, &Error{f.place, "", err}
	}
	return content, nil
}

type resource struct{ place, name string }

func (x resource) render(_ *rendering, s *scope) (Value, error) {
	if x.name == "current_datetime" {
		now := time.Now
		if s.data.Now != nil {
			now = s.data.Now
		}
		return now().UTC(), nil
	}
	i := s.loop()
	if x.name == "schema_loop.index" {
		i++
	}
	return json.Number(strconv.Itoa(i)), nil
}
