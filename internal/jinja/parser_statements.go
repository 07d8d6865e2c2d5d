package jinja

import (
	"slices"
	"strings"
)

// parse parses a whole template.
func parse(source string) ([]statement, error) {
	tokens, err := tokenize(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, blocks: make(map[string]bool)}
	list, err := p.body(nil)
	if err == nil {
		err = p.twice
	}
	return list, err
}

// body reads statements up to one of the end tags, which it leaves.
func (p *parser) body(ends []string) ([]statement, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if ends != nil {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var list []statement
	for {
		t := p.cur()
		switch t.kind {
		case tokData:
			p.i++
			list = append(list, output{text: t.text})
		case tokVarBegin:
			p.i++
			e, err := p.tuple(tupleOptions{withCond: true})
			if err != nil {
				return nil, err
			}
			list = append(list, output{exprs: []positioned{{t.pos, e}}})
			if p.cur().kind != tokVarEnd {
				return nil, p.expected(p.cur(), "end of print statement")
			}
			p.i++
		case tokBlockBegin:
			p.i++
			if ends != nil && p.isName(ends...) {
				return list, nil
			}
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			if s != nil {
				list = append(list, at{t.pos, s})
			}
			if err := p.blockEnd(); err != nil {
				return nil, err
			}
		case tokEOF:
			if ends != nil {
				return nil, p.missingEnd()
			}
			return list, nil
		default:
			return nil, p.unexpected(t)
		}
	}
}

func (p *parser) expected(t token, what string) error {
	if t.kind == tokEOF {
		return p.fail(t.pos, "unexpected end of template, expected '%s'.", what)
	}
	return p.fail(t.pos, "expected token '%s', got '%s'", what, describe(t))
}

func (p *parser) blockEnd() error {
	if p.cur().kind != tokBlockEnd {
		return p.expected(p.cur(), "end of statement block")
	}
	p.i++
	return nil
}

// expecting describes the innermost open block, as Jinja2's messages do.
func (p *parser) expecting() string {
	var b strings.Builder
	if n := len(p.ends); n > 0 {
		quoted := make([]string, len(p.ends[n-1]))
		for i, e := range p.ends[n-1] {
			quoted[i] = "'" + e + "'"
		}
		b.WriteString(" Jinja was looking for the following tags: " + strings.Join(quoted, " or ") + ".")
	}
	if n := len(p.open); n > 0 {
		b.WriteString(" The innermost block that needs to be closed is '" + p.open[n-1] + "'.")
	}
	return b.String()
}

func (p *parser) missingEnd() error {
	return p.fail(p.cur().pos, "Unexpected end of template.%s", p.expecting())
}

func (p *parser) statement() (statement, error) {
	t := p.cur()
	if t.kind != tokName {
		return nil, p.fail(t.pos, "tag name expected")
	}
	parse := map[string]func() (statement, error){
		"for": p.forLoop, "if": p.ifElse, "set": p.set, "macro": p.macroBlock, "call": p.callBlock, "filter": p.filterBlock,
		"with": p.with, "autoescape": p.autoescape, "block": p.block, "print": p.print,
		"include": p.loading(t.text), "import": p.loading(t.text), "from": p.loading(t.text), "extends": p.loading(t.text),
	}[t.text]
	if parse == nil {
		return nil, p.unknownTag(t)
	}
	p.i++
	p.open = append(p.open, t.text)
	s, err := parse()
	if err == nil {
		p.open = p.open[:len(p.open)-1]
	}
	return s, err
}

func (p *parser) unknownTag(t token) error {
	switch t.text {
	case "endraw":
		return p.fail(t.pos, "Encountered unknown tag 'endraw'.")
	}
	text := "Encountered unknown tag '" + t.text + "'."
	if len(p.ends) > 0 {
		for _, ends := range p.ends {
			if slices.Contains(ends, t.text) {
				text = "Unexpected end of block: encountered '" + t.text + "'."
			}
		}
		text += p.expecting()
	}
	return p.fail(t.pos, "%s", text)
}

// until reads the body of a block up to one of the end tags, and the tag.
func (p *parser) until(ends ...string) ([]statement, string, error) {
	p.skipOp(":")
	if err := p.blockEnd(); err != nil {
		return nil, "", err
	}
	body, err := p.body(ends)
	if err != nil {
		return nil, "", err
	}
	return body, p.advance().text, nil
}

func (p *parser) target(withTuple, withNamespace bool, o tupleOptions) (node, error) {
	t := p.cur()
	if withNamespace && t.kind == tokName && p.peek().kind == tokOp && p.peek().text == "." {
		p.i += 2
		attr, err := p.expectName()
		return namespaceTarget{t.text, attr.text}, err
	}
	var e node
	var err error
	if withTuple {
		o.simple = true
		e, err = p.tuple(o)
	} else {
		e, err = p.primary()
	}
	if err != nil {
		return nil, err
	}
	return e, p.assignable(t, e)
}

func (p *parser) assignable(t token, e node) error {
	switch e := e.(type) {
	case nameRef:
		return nil
	case tupleLit:
		for _, item := range e.items {
			if err := p.assignable(t, item); err != nil {
				return err
			}
		}
		return nil
	case constant:
		return p.fail(t.pos, "can't assign to 'const'")
	}
	return p.fail(t.pos, "can't assign to this expression")
}

func (p *parser) forLoop() (statement, error) {
	f := forLoop{}
	var err error
	if f.target, err = p.target(true, false, tupleOptions{endAtIn: true}); err != nil {
		return nil, err
	}
	if !p.skipName("in") {
		return nil, p.expected(p.cur(), "in")
	}
	if f.iter, err = p.tuple(tupleOptions{endAtRec: true}); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if f.test, err = p.expression(true); err != nil {
			return nil, err
		}
	}
	f.recursive = p.skipName("recursive")
	var end string
	if f.body, end, err = p.until("endfor", "else"); err != nil {
		return nil, err
	}
	if end == "else" {
		f.orel, _, err = p.until("endfor")
	}
	return f, err
}

func (p *parser) ifElse() (statement, error) {
	s := ifElse{}
	for {
		test, err := p.tuple(tupleOptions{})
		if err != nil {
			return nil, err
		}
		body, end, err := p.until("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.tests, s.bodies = append(s.tests, test), append(s.bodies, body)
		switch end {
		case "elif":
			continue
		case "else":
			s.orel, _, err = p.until("endif")
		}
		return s, err
	}
}

func (p *parser) set() (statement, error) {
	target, err := p.target(true, true, tupleOptions{})
	if err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		value, err := p.tuple(tupleOptions{withCond: true})
		return assign{target, value}, err
	}
	a := assignBlock{target: target}
	if p.isOp("|") {
		if a.filter, err = p.filter(nil, false); err != nil {
			return nil, err
		}
	}
	a.body, _, err = p.until("endset")
	return a, err
}

func (p *parser) print() (statement, error) {
	o := output{}
	for p.cur().kind != tokBlockEnd {
		if len(o.exprs) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		pos := p.cur().pos
		e, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		o.exprs = append(o.exprs, positioned{pos, e})
	}
	if len(o.exprs) == 0 {
		return nil, p.fail(p.cur().pos, "expected an expression")
	}
	return o, nil
}
