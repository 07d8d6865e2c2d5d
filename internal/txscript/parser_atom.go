package txscript

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// comprehension parses the clauses behind the first expression.
func (p *parser) comprehension(kind byte, key, x expr) expr {
	c := &compExpr{line: line(x.at()), kind: kind, key: key, value: x}
	for p.startsFor() {
		p.advance()
		cl := clause{target: p.targetList()}
		p.expect("in")
		cl.iter = p.or()
		for p.accept("if") {
			cond := p.or()
			if name, ok := cond.(*nameExpr); ok && p.accept(":=") {
				cond = &walrusExpr{name.line, name.name, p.expression()}
			}
			cl.conditions = append(cl.conditions, cond)
		}
		c.clauses = append(c.clauses, cl)
	}
	return c
}

func (p *parser) atom() expr {
	t := p.advance()
	at := line(t.line)
	switch t.kind {
	case kNumber:
		return &constExpr{at, number(t)}
	case kString, kFString:
		return p.strings(t)
	case kName:
		switch t.text {
		case "None":
			return &constExpr{at, pyvalue.None()}
		case "True", "False":
			return &constExpr{at, pyvalue.Bool(t.text == "True")}
		case "await":
			unsupported(t.line, "await")
		}
		p.pos--
		return &nameExpr{at, p.name()}
	case kOp:
		switch t.text {
		case "(":
			return p.parenthesised(at)
		case "[":
			return p.list(at)
		case "{":
			return p.dictOrSet(at)
		case "...":
			return &constExpr{at, pyvalue.FromObject(theEllipsis)}
		}
	}
	fail(t.line, "invalid syntax at %v", t)
	return nil
}

func (p *parser) parenthesised(at line) expr {
	defer p.deeper()()
	if p.accept(")") {
		return &listExpr{at, '(', nil}
	}
	if p.is("yield") {
		x := p.yield()
		p.expect(")")
		return x
	}
	x := p.starOrNamed()
	if p.startsFor() {
		x = p.comprehension('(', nil, x)
		p.expect(")")
		return x
	}
	if !p.is(",") {
		if _, star := x.(*starExpr); star {
			fail(int(at), "can't use starred expression here")
		}
		p.expect(")")
		return x
	}
	items := []expr{x}
	for p.accept(",") && !p.is(")") {
		items = append(items, p.starOrNamed())
	}
	p.expect(")")
	return &listExpr{at, '(', items}
}

func (p *parser) list(at line) expr {
	defer p.deeper()()
	x := &listExpr{at, '[', nil}
	for !p.is("]") {
		item := p.starOrNamed()
		if x.items == nil && p.startsFor() {
			c := p.comprehension('[', nil, item)
			p.expect("]")
			return c
		}
		x.items = append(x.items, item)
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	return x
}

func (p *parser) dictOrSet(at line) expr {
	defer p.deeper()()
	if p.accept("}") {
		return &dictExpr{line: at}
	}
	if !p.is("**") {
		first := p.starOrNamed()
		if !p.is(":") {
			return p.set(at, first)
		}
		p.expect(":")
		v := p.expression()
		if p.startsFor() {
			c := p.comprehension(':', first, v)
			p.expect("}")
			return c
		}
		return p.dict(&dictExpr{at, []expr{first}, []expr{v}})
	}
	d := &dictExpr{line: at}
	p.expect("**")
	d.keys, d.values = append(d.keys, nil), append(d.values, p.binary(0))
	return p.dict(d)
}

func (p *parser) dict(d *dictExpr) expr {
	for p.accept(",") && !p.is("}") {
		if p.accept("**") {
			d.keys, d.values = append(d.keys, nil), append(d.values, p.binary(0))
			continue
		}
		key := p.expression()
		p.expect(":")
		d.keys, d.values = append(d.keys, key), append(d.values, p.expression())
	}
	p.expect("}")
	return d
}

func (p *parser) set(at line, first expr) expr {
	if p.startsFor() {
		c := p.comprehension('{', nil, first)
		p.expect("}")
		return c
	}
	x := &listExpr{at, '{', []expr{first}}
	for p.accept(",") && !p.is("}") {
		x.items = append(x.items, p.starOrNamed())
	}
	p.expect("}")
	return x
}

// number returns the value of a number literal.
func number(t token) value {
	lower := strings.ToLower(t.text)
	if strings.HasSuffix(lower, "_") || strings.Contains(lower, "__") {
		fail(t.line, "invalid number %s", t.text)
	}
	isPrefixed := len(lower) > 1 && lower[0] == '0' && strings.ContainsRune("xob", rune(lower[1]))
	if !isPrefixed && strings.ContainsAny(lower, ".e") {
		v, err := pyvalue.ParseFloat(nil, lower)
		if err != nil {
			fail(t.line, "invalid number %s", t.text)
		}
		return v
	}
	v, err := pyvalue.ParseInt(nil, lower, 0)
	if err != nil {
		fail(t.line, "invalid number %s", t.text)
	}
	return v
}
