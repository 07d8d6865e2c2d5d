package txscript

import "slices"

type (
	matchStmt struct {
		line
		subject expr
		cases   []matchCase
	}
	matchCase struct {
		pattern pattern
		guard   expr // nil for none
		body    []stmt
	}
	// pattern is what comes after case: one of the types below.
	pattern interface{ at() int }

	anyPattern  struct{ line } // _
	namePattern struct {       // it matches everything, or what is within, and keeps it
		line
		name   string
		within pattern // nil for everything
	}
	valuePattern struct {
		line
		x    expr
		same bool // it is compared with is
	}
	orPattern struct {
		line
		list []pattern
	}
	sequencePattern struct {
		line
		items []pattern
		star  int // the place of the one with a star, -1 for none
	}
	mappingPattern struct {
		line
		keys []expr
		list []pattern
		rest string // the name after **
	}
	classPattern struct {
		line
		class expr
		names []string // of those that are given by name: the last ones of list
		list  []pattern
	}
)

// startsMatch reports whether the name match ahead begins a statement: the line ends
// in a colon, and an indented case follows it.
func (p *parser) startsMatch() bool {
	end := p.pos + 1
	for p.tokens[end].kind != kNewline && p.tokens[end].kind != kEOF {
		end++
	}
	if end < p.pos+3 || end+2 >= len(p.tokens) {
		return false
	}
	colon, first := p.tokens[end-1], p.tokens[end+2]
	return colon.kind == kOp && colon.text == ":" && p.tokens[end+1].kind == kIndent && first.kind == kName && first.text == "case"
}

// match parses a match statement.
func (p *parser) match() stmt {
	defer p.deeper()()
	m := &matchStmt{line: line(p.advance().line)}
	m.subject = p.exprListStar()
	if star, ok := m.subject.(*starExpr); ok {
		fail(star.at(), "can't use starred expression here")
	}
	p.expect(":")
	p.pos += 2 // the end of the line, and the indentation
	for p.peek().kind != kDedent {
		at := p.expect("case")
		k := matchCase{pattern: p.casePattern()}
		everything := bindPattern(k.pattern, make(map[string]bool))
		if p.accept("if") {
			k.guard, everything = p.namedExpr(), false
		}
		k.body = p.block()
		if m.cases = append(m.cases, k); everything && p.peek().kind != kDedent {
			fail(at.line, "a pattern that matches everything makes remaining patterns unreachable")
		}
		for p.peek().kind == kNewline {
			p.advance()
		}
	}
	p.advance()
	return m
}

// casePattern parses what comes after case: a pattern, or several with commas.
func (p *parser) casePattern() pattern {
	at := line(p.peek().line)
	s := &sequencePattern{line: at, star: -1}
	p.sequenceItem(s)
	if !p.is(",") && s.star < 0 {
		return s.items[0]
	}
	if !p.is(",") {
		fail(int(at), "can't use starred expression here")
	}
	for p.accept(",") && !p.is(":") && !p.is("if") {
		p.sequenceItem(s)
	}
	return s
}

func (p *parser) sequenceItem(s *sequencePattern) {
	t := p.peek()
	if !p.accept("*") {
		s.items = append(s.items, p.asPattern())
		return
	}
	if s.star >= 0 {
		fail(t.line, "multiple starred expressions in sequence pattern")
	}
	s.star = len(s.items)
	s.items = append(s.items, p.capture())
}

// capture parses a name, or _.
func (p *parser) capture() pattern {
	at := line(p.peek().line)
	name := p.name()
	if name == "_" {
		return &anyPattern{at}
	}
	return &namePattern{line: at, name: name}
}

func (p *parser) asPattern() pattern {
	defer p.deeper()()
	at := line(p.peek().line)
	x := p.closedPattern()
	if p.is("|") {
		or := &orPattern{at, []pattern{x}}
		for p.accept("|") {
			or.list = append(or.list, p.closedPattern())
		}
		x = or
	}
	if p.accept("as") {
		name := p.name()
		if name == "_" {
			fail(int(at), "cannot use '_' as a target")
		}
		return &namePattern{at, name, x}
	}
	return x
}

func (p *parser) closedPattern() pattern {
	t := p.peek()
	at := line(t.line)
	switch {
	case t.kind == kNumber, p.is("-"):
		x := p.signed()
		if p.is("+") || p.is("-") {
			unsupported(t.line, "a complex number")
		}
		return &valuePattern{line: at, x: x}
	case t.kind == kString:
		return &valuePattern{line: at, x: p.atom()}
	case t.kind == kFString:
		fail(t.line, "patterns may only match literals and attribute lookups")
	case p.is("None"), p.is("True"), p.is("False"):
		return &valuePattern{at, p.atom(), true}
	case p.accept("("):
		return p.sequence(at, ")")
	case p.accept("["):
		return p.sequence(at, "]")
	case p.accept("{"):
		return p.mapping(at)
	}
	if next := p.tokens[p.pos+1]; next.kind != kOp || next.text != "." && next.text != "(" {
		return p.capture()
	}
	var x expr = &nameExpr{at, p.name()}
	for p.accept(".") {
		x = &attrExpr{at, x, p.name()}
	}
	if p.accept("(") {
		return p.classOf(at, x)
	}
	return &valuePattern{line: at, x: x}
}

// signed parses a number, which may have a minus.
func (p *parser) signed() expr {
	t := p.peek()
	if p.is("-") && p.tokens[p.pos+1].kind != kNumber || t.kind != kNumber && !p.is("-") {
		fail(t.line, "invalid syntax at %v", t)
	}
	return p.unary()
}

// sequence parses patterns up to a bracket: in round ones, one without a comma is
// that pattern itself.
func (p *parser) sequence(at line, end string) pattern {
	s := &sequencePattern{line: at, star: -1}
	comma := false
	for !p.is(end) {
		p.sequenceItem(s)
		if !p.accept(",") {
			comma = comma || len(s.items) != 1
			break
		}
		comma = true
	}
	p.expect(end)
	if end == ")" && !comma && len(s.items) == 1 && s.star < 0 {
		return s.items[0]
	}
	return s
}

func (p *parser) mapping(at line) pattern {
	m := &mappingPattern{line: at}
	for !p.is("}") {
		t := p.peek()
		if m.rest != "" {
			fail(t.line, "double star pattern '**%s' must be the last", m.rest)
		}
		if p.accept("**") {
			if m.rest = p.name(); m.rest == "_" {
				fail(t.line, "invalid syntax at %v", t)
			}
		} else {
			key, ok := p.closedPattern().(*valuePattern)
			if !ok {
				fail(t.line, "mapping pattern keys may only match literals and attribute lookups")
			}
			p.expect(":")
			m.keys, m.list = append(m.keys, key.x), append(m.list, p.asPattern())
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect("}")
	return m
}

func (p *parser) classOf(at line, x expr) pattern {
	k := &classPattern{line: at, class: x}
	for !p.is(")") {
		t := p.peek()
		if next := p.tokens[p.pos+1]; t.kind == kName && next.kind == kOp && next.text == "=" {
			name := p.name()
			if slices.Contains(k.names, name) {
				fail(t.line, "attribute name repeated in class pattern: %s", name)
			}
			k.names = append(k.names, name)
			p.expect("=")
		} else if k.names != nil {
			fail(t.line, "positional patterns follow keyword patterns")
		}
		if k.list = append(k.list, p.asPattern()); !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return k
}
