package txscript

import "strings"

// decorated parses a function or class with its decorators.
func (p *parser) decorated() stmt {
	var decorators []expr
	for p.accept("@") {
		decorators = append(decorators, p.namedExpr())
		if t := p.advance(); t.kind != kNewline {
			fail(t.line, "invalid syntax at %v", t)
		}
	}
	t := p.peek()
	switch {
	case p.is("def"):
		d := p.definition().(*defStmt)
		d.decorators = decorators
		return d
	case p.is("class"):
		k := p.class().(*classStmt)
		k.decorators = decorators
		return k
	case p.is("async"):
		unsupported(t.line, "async")
	}
	fail(t.line, "invalid syntax at %v", t)
	return nil
}

// class parses a class.
func (p *parser) class() stmt {
	at := line(p.advance().line)
	k := &classStmt{line: at, name: p.name()}
	if p.is("(") {
		for _, a := range p.call(nil).(*callExpr).args {
			switch {
			case a.name == "total": // of a TypedDict, which is a dict at run time
				continue
			case a.name == "metaclass" && isABCMeta(a.value):
				k.bases = append(k.bases, a.value) // it does here what ABC does
				continue
			case a.name == "metaclass" || a.stars > 0:
				unsupported(int(at), "a class with "+a.name+" among its bases")
			case a.name != "":
				k.named = append(k.named, a)
				continue
			}
			k.bases = append(k.bases, a.value)
		}
	}
	defer func(outer *function, private string) { p.inside, p.private = outer, private }(p.inside, p.private)
	p.inside, p.private = nil, strings.TrimLeft(k.name, "_")
	k.body = p.block()
	return k
}

// isABCMeta reports ABCMeta or abc.ABCMeta.
func isABCMeta(x expr) bool {
	switch x := x.(type) {
	case *nameExpr:
		return x.name == "ABCMeta"
	case *attrExpr:
		return x.name == "ABCMeta"
	}
	return false
}

// with parses with a as b, c as d, in brackets or not.
func (p *parser) with() stmt {
	s := &withStmt{line: line(p.advance().line)}
	brackets := p.is("(") && p.bracketedItems()
	if brackets {
		p.expect("(")
	}
	for {
		item := withItem{x: p.expression()}
		if p.accept("as") {
			item.target = p.starTarget()
			p.checkTarget(item.target, true)
		}
		if s.items = append(s.items, item); !p.accept(",") || brackets && p.is(")") {
			break
		}
	}
	if brackets {
		p.expect(")")
	}
	s.body = p.block()
	return s
}

// bracketedItems reports whether the bracket ahead holds the items of a with, not an
// expression: it holds an as, or a colon follows it.
func (p *parser) bracketedItems() bool {
	depth := 0
	for i := p.pos; i < len(p.tokens); i++ {
		t := p.tokens[i]
		switch {
		case t.kind == kOp && (t.text == "(" || t.text == "[" || t.text == "{"):
			depth++
		case t.kind == kOp && (t.text == ")" || t.text == "]" || t.text == "}"):
			if depth--; depth == 0 {
				return false
			}
		case t.kind == kName && t.text == "as" && depth == 1:
			return true
		}
	}
	return false
}
