package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// exprList parses expressions with commas between them, which are a tuple.
func (p *parser) exprList() expr {
	x := p.exprListStar()
	if _, star := x.(*starExpr); star {
		fail(x.at(), "can't use starred expression here")
	}
	return x
}

// exprListStar parses what may stand on either side of an assignment.
func (p *parser) exprListStar() expr {
	at := line(p.peek().line)
	if p.is("yield") {
		return p.yield()
	}
	first := p.starOrNamed()
	if !p.is(",") {
		return first
	}
	items := []expr{first}
	for p.accept(",") {
		if p.ends() || p.is("=") || p.is(")") || p.is("]") || p.is(":") {
			break
		}
		items = append(items, p.starOrNamed())
	}
	return &listExpr{at, '(', items}
}

// yield parses yield, and yield from.
func (p *parser) yield() expr {
	t := p.advance()
	if p.inside == nil {
		fail(t.line, "'yield' outside function")
	}
	p.inside.yields = true
	x := &yieldExpr{line: line(t.line)}
	if x.from = p.accept("from"); x.from {
		x.x = p.expression()
	} else if !p.ends() && !p.is(")") && !p.is("]") && !p.is("}") && !p.is("=") {
		x.x = p.exprListStar()
	}
	return x
}

func (p *parser) starOrNamed() expr {
	if t := p.peek(); p.accept("*") {
		return &starExpr{line(t.line), p.binary(0)}
	}
	return p.namedExpr()
}

// namedExpr parses an expression or name := expression.
func (p *parser) namedExpr() expr {
	x := p.expression()
	if name, ok := x.(*nameExpr); ok && p.accept(":=") {
		return &walrusExpr{name.line, name.name, p.expression()}
	}
	return x
}

// expression parses one expression, the conditional one included.
func (p *parser) expression() expr {
	defer p.deeper()()
	var whole expr
	rest := &whole // of a chain of conditions
	for n := 0; ; n++ {
		p.linked(n)
		t := p.peek()
		if t.kind == kName && t.text == "lambda" {
			*rest = p.lambda()
			return whole
		}
		x := p.or()
		if !p.accept("if") {
			*rest = x
			return whole
		}
		choice := &ifExpr{line: line(t.line), cond: p.or(), then: x}
		p.expect("else")
		*rest, rest = choice, &choice.otherwise
	}
}

func (p *parser) lambda() expr {
	at := line(p.advance().line)
	f := &function{name: "<lambda>", written: "<lambda>"}
	p.params(f, ":", false)
	p.expect(":")
	f.result = p.expression()
	return &lambdaExpr{at, f}
}

func (p *parser) or() expr { return p.boolean("or", p.and) }

func (p *parser) and() expr { return p.boolean("and", p.not) }

func (p *parser) boolean(word string, operand func() expr) expr {
	at := line(p.peek().line)
	x := operand()
	if !p.is(word) {
		return x
	}
	list := []expr{x}
	for p.accept(word) {
		list = append(list, operand())
	}
	return &boolExpr{at, word == "or", list}
}

func (p *parser) not() expr {
	if t := p.peek(); p.accept("not") {
		defer p.deeper()()
		return &unaryExpr{line(t.line), "not", p.not()}
	}
	return p.comparison()
}

func (p *parser) comparison() expr {
	x := p.binary(0)
	c := &compareExpr{line: line(x.at()), first: x}
	for {
		op := ""
		switch t := p.peek(); {
		case t.kind == kOp && (t.text == "<" || t.text == ">" || t.text == "<=" || t.text == ">=" || t.text == "==" || t.text == "!="):
			op = p.advance().text
		case p.accept("in"):
			op = "in"
		case p.is("not") && p.tokens[p.pos+1].kind == kName && p.tokens[p.pos+1].text == "in":
			p.pos += 2
			op = "not in"
		case p.accept("is"):
			if op = "is"; p.accept("not") {
				op = "is not"
			}
		}
		if op == "" {
			break
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.binary(0))
	}
	if c.ops == nil {
		return x
	}
	return c
}

// levels are the binary operators, those that bind least first.
var levels = [][]string{{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"}}

func (p *parser) binary(level int) expr {
	if level == len(levels) {
		return p.unary()
	}
	x := p.binary(level + 1)
	for n := 0; ; n++ {
		p.linked(n)
		t := p.peek()
		found := ""
		for _, op := range levels[level] {
			if t.kind == kOp && t.text == op {
				found = op
			}
		}
		if found == "" {
			return x
		}
		if found == "@" {
			unsupported(t.line, "the operator @")
		}
		p.advance()
		x = &binaryExpr{line(t.line), found, x, p.binary(level + 1)}
	}
}

func (p *parser) unary() expr {
	t := p.peek()
	if t.kind == kOp && (t.text == "-" || t.text == "+" || t.text == "~") {
		defer p.deeper()()
		p.advance()
		x := p.unary()
		if c, ok := x.(*constExpr); ok && t.text == "-" && c.v.IsNumber() {
			if v, err := pyvalue.Neg(nil, c.v); err == nil {
				return &constExpr{line(t.line), v}
			}
		}
		return &unaryExpr{line(t.line), t.text, x}
	}
	x := p.postfix()
	if p.accept("**") {
		defer p.deeper()()
		return &binaryExpr{line(t.line), "**", x, p.unary()}
	}
	return x
}

// postfix parses an atom with calls, attributes and subscripts behind it.
func (p *parser) postfix() expr {
	x := p.atom()
	for n := 0; ; n++ {
		t := p.peek()
		at := line(t.line)
		switch {
		case p.accept("."):
			x = &attrExpr{at, x, p.name()}
		case p.is("("):
			x = p.call(x)
		case p.accept("["):
			x = &indexExpr{at, x, p.subscript()}
			p.expect("]")
		default:
			return x
		}
		if n > 10*maxNesting {
			fail(t.line, "too many calls in a row")
		}
	}
}

func (p *parser) call(f expr) expr {
	defer p.deeper()()
	c := &callExpr{line: line(p.expect("(").line), f: f, plain: true}
	for !p.is(")") {
		t := p.peek()
		a := argument{}
		switch {
		case p.accept("**"):
			a.stars, a.value = 2, p.expression()
		case p.accept("*"):
			a.stars, a.value = 1, p.expression()
		case t.kind == kName && p.tokens[p.pos+1].kind == kOp && p.tokens[p.pos+1].text == "=":
			a.name = p.plainName() // Python does not mangle it
			p.expect("=")
			a.value = p.expression()
		default:
			a.value = p.namedExpr()
			if p.startsFor() {
				if len(c.args) > 0 {
					fail(t.line, "a generator expression must be the only argument, or stand in brackets")
				}
				a.value = p.comprehension('(', nil, a.value)
			}
			if n := len(c.args); n > 0 && c.args[n-1].name != "" {
				fail(t.line, "positional argument follows keyword argument")
			}
		}
		c.plain = c.plain && a.stars == 0 && a.name == ""
		c.args = append(c.args, a)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return c
}

func (p *parser) subscript() expr {
	at := line(p.peek().line)
	first := p.subscriptItem()
	if !p.is(",") {
		return first
	}
	items := []expr{first}
	for p.accept(",") {
		if p.is("]") {
			break
		}
		items = append(items, p.subscriptItem())
	}
	return &listExpr{at, '(', items}
}

func (p *parser) subscriptItem() expr {
	s := &sliceExpr{line: line(p.peek().line)}
	if !p.is(":") {
		x := p.namedExpr()
		if !p.is(":") {
			return x
		}
		s.lo = x
	}
	p.expect(":")
	if !p.is(":") && !p.is("]") && !p.is(",") {
		s.hi = p.expression()
	}
	if p.accept(":") && !p.is("]") && !p.is(",") {
		s.step = p.expression()
	}
	return s
}

// startsFor reports a clause of a comprehension.
func (p *parser) startsFor() bool {
	if p.is("async") {
		unsupported(p.peek().line, "async")
	}
	return p.is("for")
}
