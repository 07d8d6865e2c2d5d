package jinja

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (p *parser) primary() (node, error) {
	t := p.cur()
	switch t.kind {
	case tokName:
		p.i++
		switch t.text {
		case "true", "True":
			return constant{pyvalue.Bool(true)}, nil
		case "false", "False":
			return constant{pyvalue.Bool(false)}, nil
		case "none", "None":
			return constant{pyvalue.None()}, nil
		}
		return nameRef{t.text}, nil
	case tokString:
		var b strings.Builder
		for p.cur().kind == tokString {
			b.WriteString(p.advance().text)
		}
		return constant{pyvalue.Str(b.String())}, nil
	case tokNumber:
		p.i++
		return constant{t.value}, nil
	case tokOp:
		switch t.text {
		case "(":
			p.i++
			e, err := p.tuple(tupleOptions{withCond: true, parentheses: true})
			if err != nil {
				return nil, err
			}
			return e, p.expectOp(")")
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	}
	return nil, p.unexpected(t)
}

func (p *parser) unexpected(t token) error {
	if t.kind == tokEOF {
		return p.fail(t.pos, "unexpected end of template")
	}
	return p.fail(t.pos, "unexpected '%s'", describe(t))
}

type tupleOptions struct {
	simple      bool // names and literals only, as on the left of a for
	withCond    bool
	parentheses bool // () is an empty tuple
	endAtIn     bool
	endAtRec    bool
}

func (p *parser) tupleEnd(o tupleOptions) bool {
	t := p.cur()
	return t.kind == tokVarEnd || t.kind == tokBlockEnd || t.kind == tokEOF || t.kind == tokOp && t.text == ")" ||
		o.endAtIn && p.isName("in") || o.endAtRec && p.isName("recursive")
}

// tuple reads one expression, or several with commas, which are a tuple.
func (p *parser) tuple(o tupleOptions) (node, error) {
	var items []node
	isTuple := false
	start := p.cur()
	for {
		if len(items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		if p.tupleEnd(o) {
			break
		}
		var item node
		var err error
		if o.simple {
			item, err = p.primary()
		} else {
			item, err = p.expression(o.withCond)
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if !p.isOp(",") {
			break
		}
		isTuple = true
	}
	if !isTuple {
		if len(items) > 0 {
			return items[0], nil
		}
		if !o.parentheses {
			return nil, p.fail(start.pos, "Expected an expression, got '%s'", describe(p.cur()))
		}
	}
	return tupleLit{items}, nil
}

func (p *parser) list() (node, error) {
	p.i++
	l := listLit{}
	for !p.isOp("]") {
		if len(l.items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		if p.isOp("]") {
			break
		}
		item, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, item)
	}
	return l, p.expectOp("]")
}

func (p *parser) dict() (node, error) {
	p.i++
	d := dictLit{}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		if p.isOp("}") {
			break
		}
		key, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		value, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, key), append(d.values, value)
	}
	return d, p.expectOp("}")
}

func (p *parser) postfix(e node) (node, error) {
	var err error
	for n := 0; err == nil && p.cur().kind == tokOp; n++ {
		if err = p.linked(n); err != nil {
			break
		}
		switch p.cur().text {
		case ".", "[":
			e, err = p.subscript(e)
		case "(":
			var args arguments
			args, err = p.arguments()
			e = call{e, args}
		default:
			return e, nil
		}
	}
	return e, err
}

func (p *parser) filters(e node) (node, error) {
	var err error
	for n := 0; err == nil; n++ {
		if err = p.linked(n); err != nil {
			break
		}
		switch {
		case p.isOp("|"):
			e, err = p.filter(e, false)
		case p.isName("is"):
			e, err = p.test(e)
		case p.isOp("("):
			var args arguments
			args, err = p.arguments()
			e = call{e, args}
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) subscript(e node) (node, error) {
	if p.advance().text == "." {
		t := p.advance()
		switch t.kind {
		case tokName:
			return getattr{e, t.text}, nil
		case tokNumber:
			if t.value.Kind() == pyvalue.KindInt {
				return getitem{e, constant{t.value}}, nil
			}
		}
		return nil, p.fail(t.pos, "expected name or number")
	}
	var items []node
	for !p.isOp("]") {
		if len(items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		item, err := p.subscribed()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if err := p.expectOp("]"); err != nil {
		return nil, err
	}
	if len(items) == 1 {
		return getitem{e, items[0]}, nil
	}
	return getitem{e, tupleLit{items}}, nil
}

func (p *parser) subscribed() (node, error) {
	var s slice
	if !p.isOp(":") {
		e, err := p.expression(true)
		if err != nil || !p.isOp(":") {
			return e, err
		}
		s.from = e
	}
	p.i++
	part := func() (node, error) {
		if p.isOp(":") || p.isOp("]") || p.isOp(",") {
			return nil, nil
		}
		return p.expression(true)
	}
	var err error
	if s.to, err = part(); err != nil {
		return nil, err
	}
	if p.skipOp(":") {
		if s.step, err = part(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (p *parser) arguments() (arguments, error) {
	open := p.advance()
	var a arguments
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.isOp(")") {
				break
			}
		}
		if err := p.argument(&a, open); err != nil {
			return a, err
		}
	}
	return a, p.expectOp(")")
}

func (p *parser) argument(a *arguments, open token) (err error) {
	invalid := func(bad bool) error {
		if bad {
			return p.fail(open.pos, "invalid syntax for function call expression")
		}
		return nil
	}
	switch {
	case p.isOp("*"):
		p.i++
		if err = invalid(a.star != nil || a.starStar != nil); err == nil {
			a.star, err = p.expression(true)
		}
	case p.isOp("**"):
		p.i++
		if err = invalid(a.starStar != nil); err == nil {
			a.starStar, err = p.expression(true)
		}
	case p.cur().kind == tokName && p.peek().kind == tokOp && p.peek().text == "=":
		if err = invalid(a.starStar != nil); err != nil {
			return err
		}
		name := p.advance().text
		p.i++
		if slices.Contains(a.names, name) {
			return p.fail(open.pos, "keyword argument repeated: %s", name)
		}
		var value node
		value, err = p.expression(true)
		a.names, a.named = append(a.names, name), append(a.named, value)
	default:
		if err = invalid(a.star != nil || a.starStar != nil || len(a.names) > 0); err != nil {
			return err
		}
		var value node
		value, err = p.expression(true)
		a.positional = append(a.positional, value)
	}
	return err
}

// filter reads a chain of filters. In a filter block the first has no | before it.
func (p *parser) filter(e node, inBlock bool) (node, error) {
	for n := 0; p.isOp("|") || inBlock; n++ {
		if err := p.linked(n); err != nil {
			return nil, err
		}
		if !inBlock {
			p.i++
		}
		t, err := p.expectName()
		if err != nil {
			return nil, err
		}
		name, err := p.dotted(t.text)
		if err != nil {
			return nil, err
		}
		f := filterExpr{operand: e, name: name}
		if p.isOp("(") {
			if f.args, err = p.arguments(); err != nil {
				return nil, err
			}
		}
		e, inBlock = f, false
	}
	return e, nil
}

func (p *parser) dotted(name string) (string, error) {
	names := []string{name}
	for p.skipOp(".") {
		t, err := p.expectName()
		if err != nil {
			return "", err
		}
		names = append(names, t.text)
	}
	return strings.Join(names, "."), nil
}

func (p *parser) test(e node) (node, error) {
	p.i++
	t := testExpr{operand: e, negated: p.skipName("not")}
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	if t.name, err = p.dotted(name.text); err != nil {
		return nil, err
	}
	cur := p.cur()
	switch {
	case p.isOp("("):
		t.args, err = p.arguments()
	case cur.kind == tokString, cur.kind == tokNumber, cur.kind == tokOp && (cur.text == "[" || cur.text == "{"),
		cur.kind == tokName && !p.isName("else", "or", "and"):
		if p.isName("is") {
			return nil, p.fail(cur.pos, "You cannot chain multiple tests with is")
		}
		var arg node
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.positional = []node{arg}
	}
	return t, err
}
