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
