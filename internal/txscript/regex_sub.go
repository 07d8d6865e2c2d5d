package txscript

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/re"
)

// replaceAll is re.sub; its arguments are repl, string and count.
func (s *subject) replaceAll(r *run) (value, int, error) {
	with, err := s.replacement(r, s.args[0])
	if err != nil {
		return value{}, 0, err
	}
	most, _ := s.args[2].Int64()
	if most < 0 {
		return s.args[1], 0, nil
	}
	var out strings.Builder
	at, n := 0, 0
	each := s.pattern.Each
	if s.args[0].IsText() {
		each = s.pattern.EachBriefly
	}
	err = raise(each(r.meter, s.text, s.from, s.to, func(m *re.Match) (bool, error) {
		from, to := m.Span(0)
		out.WriteString(s.text.Slice(at, from))
		put, err := with(m)
		if err == nil {
			err = r.meter.Fits(int64(out.Len() + len(put)))
		}
		if err != nil {
			return false, err
		}
		out.WriteString(put)
		at = to
		n++
		return most == 0 || int64(n) < most, r.meter.Grow(int64(len(put)))
	}))
	if n == 0 {
		return s.args[1], 0, err
	}
	out.WriteString(s.text.Slice(at, s.text.Len()))
	return textOf(s.pattern, out.String()), n, err
}

// replacing is the pattern and the text to put that a run has used last, and room for
// what it works on: a formula replaces the same in every row.
type replacing struct {
	source, repl string
	pattern      *re.Pattern
	with         *re.Template
	text         re.Text
	out          []byte
}

// mostKeptRoom bounds the memory, in bytes, that a run keeps to use it again.
const mostKeptRoom = 64 << 10

// replaceText is replaceAll for a pattern, a text to put and a text that are str; done is
// false for others, and for a pattern that is none.
func (r *run) replaceText(c *pyvalue.Call) (v value, done bool, err error) {
	for _, a := range c.Args {
		if a.Kind() != pyvalue.KindStr {
			return value{}, false, nil
		}
	}
	s := r.replacing
	if s == nil {
		s = &replacing{}
		r.replacing = s
	}
	if source, repl := c.Args[0].Text(), c.Args[1].Text(); s.with == nil || s.source != source || s.repl != repl {
		*s = replacing{source: source, repl: repl, text: s.text, out: s.out}
		if s.pattern, err = re.CompileWithin(r.meter, source, 0); err != nil {
			return value{}, false, nil
		}
	}
	text := c.Args[2].Text()
	if err := r.meter.Step(1 + int64(len(text))/16); err != nil {
		return value{}, true, err
	}
	if s.with == nil {
		if s.with, err = s.pattern.Template(s.repl); err != nil {
			return value{}, true, raise(err)
		}
	}
	s.text.Reset(text)
	n, err := s.replaceAll(r)
	v = c.Args[2]
	if n > 0 {
		v = pyvalue.Str(string(s.out))
	}
	if cap(s.out)+len(text) > mostKeptRoom {
		r.replacing = nil
	}
	return v, true, err
}

// replaceAll puts the text with all that is replaced into s.out, unless nothing is.
func (s *replacing) replaceAll(r *run) (n int, err error) {
	at, out := 0, s.out[:0]
	err = s.pattern.EachBriefly(r.meter, &s.text, 0, s.text.Len(), func(m *re.Match) (bool, error) {
		from, to := m.Span(0)
		out = append(out, s.text.Slice(at, from)...)
		if err := r.meter.Fits(int64(len(out) + s.with.Size(m))); err != nil {
			return false, err
		}
		before := len(out)
		out = append(out, s.with.Expand(m)...)
		at = to
		n++
		return true, r.meter.Grow(int64(len(out) - before))
	})
	s.out = append(out, s.text.Slice(at, s.text.Len())...)
	return n, raise(err)
}

// replacement makes of a text or a function what gives the text to put.
func (s *subject) replacement(r *run, repl value) (func(m *re.Match) (string, error), error) {
	if repl.IsText() || repl.Kind() == pyvalue.KindBytes {
		t, err := templateOf(s.pattern, repl)
		if err != nil {
			return nil, raise(err)
		}
		return func(m *re.Match) (string, error) {
			if err := r.meter.Fits(int64(t.Size(m))); err != nil {
				return "", err
			}
			return t.Expand(m), nil
		}, nil
	}
	return func(m *re.Match) (string, error) {
		v, err := r.call(repl, &pyvalue.Call{Args: []value{pyvalue.FromObject(&matchValue{m})}, Meter: r.meter})
		if err != nil {
			return "", err
		}
		if v.IsNone() {
			return "", nil
		}
		switch {
		case s.pattern.Bytes() && v.Kind() == pyvalue.KindBytes:
			return string(v.Data()), nil
		case s.pattern.Bytes():
			return "", pyvalue.Raise("TypeError", "sequence item 0: expected a bytes-like object, %s found", pyvalue.TypeName(v))
		case !v.IsText():
			return "", pyvalue.Raise("TypeError", "sequence item 0: expected str instance, %s found", pyvalue.TypeName(v))
		}
		return v.Text(), nil
	}, nil
}

// templateOf reads what a match is replaced with, a text or bytes.
func templateOf(p *re.Pattern, v value) (*re.Template, error) {
	if p.Bytes() != (v.Kind() == pyvalue.KindBytes) {
		wanted := "str instance"
		if p.Bytes() {
			wanted = "a bytes-like object"
		}
		return nil, pyvalue.Raise("TypeError", "sequence item 0: expected %s, %s found", wanted, pyvalue.TypeName(v))
	}
	if p.Bytes() {
		t, err := p.BytesTemplate(v.Data())
		return t, raise(err)
	}
	t, err := p.Template(v.Text())
	return t, raise(err)
}

// substitute is Rossum's own: a pattern, what to put, and the text.
func substitute(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) > 2 && IsEmpty(c.Args[2]) {
		return pyvalue.Str(""), nil
	}
	if len(c.Args) > 2 && !c.Args[2].IsText() {
		text, err := pyvalue.String(r.meter, c.Args[2])
		if err != nil {
			return value{}, err
		}
		c.Args[2] = pyvalue.Str(text)
	}
	return reFunctions()["sub"].module(r, "substitute", c)
}
