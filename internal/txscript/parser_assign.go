package txscript

import (
	"slices"
	"strings"
)

// exprOrAssign parses a statement that is an expression or assigns the value of one.
func (p *parser) exprOrAssign() []stmt {
	t := p.peek()
	at := line(t.line)
	x := p.exprListStar()
	switch next := p.peek(); {
	case next.kind == kOp && slices.Contains(augmented, next.text):
		p.advance()
		p.checkTarget(x, false)
		return []stmt{&augStmt{at, x, strings.TrimSuffix(next.text, "="), p.exprList()}}
	case p.is("@="):
		unsupported(next.line, "the operator @")
	case p.is(":"):
		p.advance()
		p.checkTarget(x, false)
		note := &annotationStmt{line: at, kind: p.expression()}
		if name, ok := x.(*nameExpr); ok {
			note.name = name.name
		}
		if !p.accept("=") {
			return []stmt{note}
		}
		return []stmt{note, &assignStmt{at, []expr{x}, p.exprListStar()}}
	case p.is("="):
		targets := []expr{x}
		for p.accept("=") {
			targets = append(targets, p.exprListStar())
		}
		last := len(targets) - 1
		for _, target := range targets[:last] {
			p.checkTarget(target, true)
		}
		return []stmt{&assignStmt{at, targets[:last], targets[last]}}
	}
	if star, ok := x.(*starExpr); ok {
		fail(star.at(), "can't use starred expression here")
	}
	return []stmt{&exprStmt{at, x}}
}

// checkTarget refuses what nothing can be assigned to.
func (p *parser) checkTarget(x expr, lists bool) {
	switch x := x.(type) {
	case *nameExpr, *attrExpr, *indexExpr:
		return
	case *listExpr:
		if lists && x.kind != '{' {
			stars := 0
			for _, item := range x.items {
				if star, ok := item.(*starExpr); ok {
					if stars++; stars > 1 {
						fail(x.at(), "multiple starred expressions in assignment")
					}
					item = star.x
				}
				p.checkTarget(item, true)
			}
			return
		}
	}
	fail(x.at(), "cannot assign to this expression")
}

func (p *parser) target() expr {
	x := p.postfix()
	p.checkTarget(x, true)
	return x
}

// targetList parses the target of a for.
func (p *parser) targetList() expr {
	at := line(p.peek().line)
	items := []expr{p.starTarget()}
	comma := false
	for p.accept(",") {
		if comma = true; p.is("in") {
			break
		}
		items = append(items, p.starTarget())
	}
	if !comma {
		p.checkTarget(items[0], true)
		return items[0]
	}
	x := &listExpr{at, '(', items}
	p.checkTarget(x, true)
	return x
}

func (p *parser) starTarget() expr {
	if t := p.peek(); p.accept("*") {
		return &starExpr{line(t.line), p.postfix()}
	}
	return p.postfix()
}
