package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// fstring compiles an f-string.
func (c *compiler) fstring(x *fstringExpr) eval {
	type part struct {
		text       string
		v          eval
		conversion byte
		spec       eval
	}
	parts := make([]part, len(x.parts))
	for i, p := range x.parts {
		parts[i] = part{text: p.text, conversion: p.conversion}
		if p.value != nil {
			parts[i].v = c.expr(p.value)
		}
		switch {
		case p.spec == nil:
		case len(p.spec.parts) == 1 && p.spec.parts[0].value == nil:
			text := p.spec.parts[0].text
			parts[i].spec = func(r *run, _ *frame) (value, error) { return pyvalue.Str(text), r.meter.Grow(int64(len(text))) }
		default:
			parts[i].spec = c.fstring(p.spec)
		}
	}
	return func(r *run, f *frame) (value, error) {
		var short [64]byte
		out := short[:0]
		for _, p := range parts {
			if p.v == nil {
				out = append(out, p.text...)
				continue
			}
			v, err := p.v(r, f)
			if err != nil {
				return value{}, err
			}
			if v, err = convert(r, v, p.conversion); err != nil {
				return value{}, err
			}
			spec := ""
			if p.spec != nil {
				s, err := p.spec(r, f)
				if err != nil {
					return value{}, err
				}
				spec = s.Text()
			}
			if out, err = pyvalue.AppendFormat(r.meter, out, v, spec); err != nil {
				return value{}, err
			}
		}
		if err := r.meter.Grow(int64(len(out))); err != nil {
			return value{}, err
		}
		return pyvalue.Str(string(out)), nil
	}
}

func convert(r *run, v value, conversion byte) (value, error) {
	switch conversion {
	case 's':
		text, err := pyvalue.String(r.meter, v)
		return pyvalue.Str(text), err
	case 'r':
		text, err := pyvalue.Repr(r.meter, v)
		return pyvalue.Str(text), err
	case 'a':
		text, err := pyvalue.Repr(r.meter, v)
		if err != nil {
			return value{}, err
		}
		text, err = asciiRepr(r.meter, text)
		return pyvalue.Str(text), err
	}
	return v, nil
}

// function compiles a def or a lambda to what makes a closure.
func (c *compiler) function(fn *function) eval {
	defaults := make([]eval, len(fn.params))
	for i, p := range fn.params {
		defaults[i] = c.optional(p.value)
	}
	s := newScope(c.scope, functionScope)
	code := &code{f: fn, name: c.within + fn.written, args: -1, kw: -1}
	for _, p := range fn.params {
		s.add(p.name)
	}
	if fn.varArgs != "" {
		s.add(fn.varArgs)
		code.args = s.slots[fn.varArgs]
	}
	if fn.named != "" {
		s.add(fn.named)
		code.kw = s.slots[fn.named]
	}
	s.collect(fn.body)
	if fn.result != nil {
		s.walruses(fn.result)
	}
	*c.captured = true // by the function
	captured := fn.yields
	inner := *c
	inner.scope, inner.inFunction, inner.loops, inner.captured = s, true, 0, &captured
	inner.within = code.name + ".<locals>."
	// What a function reads depends on its arguments.
	inner.options.RowFields = nil
	if fn.result != nil {
		code.expr = inner.expr(fn.result)
	} else {
		code.body = inner.block(fn.body)
	}
	c.fields, c.memos = inner.fields, inner.memos
	code.size = len(s.slots)
	code.brief, code.plain = !captured, code.args < 0 && code.kw < 0
	for _, p := range fn.params {
		code.plain = code.plain && !p.keywordOnly
		if p.value == nil {
			code.required++
		}
	}
	return func(r *run, f *frame) (value, error) {
		made := &closure{code: code, r: r, frame: f, defaults: make([]value, len(defaults))}
		for i, d := range defaults {
			var err error
			if made.defaults[i], err = d(r, f); err != nil {
				return value{}, err
			}
		}
		return pyvalue.FromObject(made), nil
	}
}
