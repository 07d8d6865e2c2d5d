package jinja

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// signature reads the parameters of a macro.
func (p *parser) signature(m *macro) error {
	if err := p.expectOp("("); err != nil {
		return err
	}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return err
			}
		}
		t, err := p.expectName()
		if err != nil {
			return err
		}
		if slices.Contains(m.params, t.text) {
			return &syntaxError{pos: t.pos, msg: "duplicate argument " + quote(t.text) + " in the macro", python: true}
		}
		m.params = append(m.params, t.text)
		if p.skipOp("=") {
			value, err := p.expression(true)
			if err != nil {
				return err
			}
			m.defaults = append(m.defaults, value)
		} else if len(m.defaults) > 0 {
			return p.fail(t.pos, "non-default argument follows default argument")
		}
	}
	return p.expectOp(")")
}

func (p *parser) macroBlock() (statement, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	m := macro{name: name.text}
	if err := p.signature(&m); err != nil {
		return nil, err
	}
	m.body, _, err = p.until("endmacro")
	return m, err
}

func (p *parser) callBlock() (statement, error) {
	c := callBlock{}
	var err error
	if p.isOp("(") {
		if err = p.signature(&c.caller); err != nil {
			return nil, err
		}
	}
	pos := p.cur().pos
	e, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	invoked, ok := e.(call)
	if !ok {
		return nil, p.fail(pos, "expected call")
	}
	c.call = invoked
	c.caller.body, _, err = p.until("endcall")
	return c, err
}

func (p *parser) filterBlock() (statement, error) {
	f, err := p.filter(nil, true)
	if err != nil {
		return nil, err
	}
	body, _, err := p.until("endfilter")
	return filterBlock{f, body}, err
}

func (p *parser) with() (statement, error) {
	w := with{}
	for p.cur().kind != tokBlockEnd {
		if len(w.targets) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		target, err := p.target(true, false, tupleOptions{})
		if err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		value, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		w.targets, w.values = append(w.targets, target), append(w.values, value)
	}
	var err error
	w.body, _, err = p.until("endwith")
	return w, err
}

func (p *parser) autoescape() (statement, error) {
	value, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	body, _, err := p.until("endautoescape")
	return autoescape{value, body}, err
}

func (p *parser) block() (statement, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	if p.blocks[name.text] && p.twice == nil {
		p.twice = &syntaxError{pos: name.pos, msg: "block " + quote(name.text) + " defined twice", assertion: true}
	}
	p.blocks[name.text] = true
	if p.isOp("-") {
		return nil, p.fail(p.cur().pos, "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	b := block{name: name.text, scoped: p.skipName("scoped"), required: p.skipName("required")}
	body, _, err := p.until("endblock")
	if err == nil {
		p.skipName(name.text)
	}
	if b.body = body; err == nil && b.required && !isBlank(body) {
		err = p.fail(name.pos, "Required blocks can only contain comments or whitespace")
	}
	return b, err
}

// isBlank reports whether a body prints nothing but white space.
func isBlank(body []statement) bool {
	for _, st := range body {
		if a, ok := st.(at); ok {
			st = a.stmt
		}
		if o, ok := st.(output); !ok || o.exprs != nil || strings.TrimFunc(o.text, ucd.IsSpace) != "" {
			return false
		}
	}
	return true
}

// loading reads the rest of a statement that loads another template.
func (p *parser) loading(tag string) func() (statement, error) {
	return func() (statement, error) {
		if _, err := p.expression(true); err != nil {
			return nil, err
		}
		for t := p.cur(); t.kind == tokName || t.kind == tokOp && t.text == ","; t = p.cur() {
			p.i++
		}
		return loading{tag}, nil
	}
}
