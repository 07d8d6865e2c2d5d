package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// CompileExpression compiles a text as eval does: one expression, whose value
// [Program.Run] returns. The error is a [*SyntaxError]. Names that can't exist, and
// attributes that no value there can have, are errors, too.
func CompileExpression(source string, o Options) (p *Program, err error) {
	defer recovered(&p, &err)
	x := parseExpression(source)
	s := &strict{options: o, own: newScope(nil, moduleScope)}
	s.expr(x)
	return compile([]stmt{&exprStmt{line(x.at()), x}}, o), nil
}

// parseExpression parses a text that is one expression.
func parseExpression(source string) expr {
	p := &parser{tokens: lex(strings.TrimLeft(source, " \t"), 1)}
	if p.peek().kind == kEOF || p.peek().kind == kNewline {
		fail(1, "invalid syntax: there is no expression")
	}
	x := p.exprList()
	if _, named := x.(*walrusExpr); named {
		fail(x.at(), "invalid syntax")
	}
	for p.peek().kind == kNewline {
		p.advance()
	}
	if t := p.peek(); t.kind != kEOF {
		fail(t.line, "invalid syntax at %v", t)
	}
	return x
}

// strict looks for names that can't exist.
type strict struct {
	options Options
	own     *scope // variables of comprehensions, lambdas and :=
}

func (s *strict) expr(x expr) {
	s.own.walruses(x)
	each(x, func(x expr) bool {
		switch x := x.(type) {
		case *compExpr:
			for _, c := range x.clauses {
				s.own.target(c.target)
			}
		case *lambdaExpr:
			for _, p := range x.f.params {
				s.own.add(p.name)
			}
			for _, name := range []string{x.f.varArgs, x.f.named} {
				s.own.add(name)
			}
		}
		return true
	})
	each(x, func(x expr) bool {
		switch x := x.(type) {
		case *nameExpr:
			s.name(x)
		case *attrExpr:
			s.attr(x)
		}
		return true
	})
}

func (s *strict) name(x *nameExpr) {
	_, isOwn := s.own.slots[x.name]
	_, isBuiltin := builtins()[x.name]
	isTime := slices.Contains(timeNames, x.name)
	if isOwn || isBuiltin || isTime || refused[x.name] || x.name == "eval" || slices.Contains(s.options.Globals, x.name) {
		return
	}
	hint := ""
	if near := nearest(x.name, s.options.Globals); near != "" {
		hint = " (did you mean " + near + "?)"
	}
	fail(x.at(), "name '%s' is not defined%s", x.name, hint)
}

// attr checks attributes of literals, of globals whose attributes are known, and of
// fields.
func (s *strict) attr(x *attrExpr) {
	switch on := x.x.(type) {
	case *constExpr:
		if _, err := getAttr(on.v, x.name); err != nil {
			fail(x.at(), "'%s' object has no attribute '%s'", pyvalue.TypeName(on.v), x.name)
		}
	case *nameExpr:
		known, ok := s.options.Attributes[on.name]
		if ok && !slices.Contains(known, x.name) {
			fail(x.at(), "'%s' has no attribute '%s' (it has %s)", on.name, x.name, strings.Join(known, ", "))
		}
	}
	r := &reader{fields: s.options.Fields, via: s.options.Via}
	field, ok := x.x.(*attrExpr)
	if ok && r.isFields(field.x) && !r.isFields(x) && !fieldAttrs()[x.name] {
		fail(x.at(), "the value of field.%s has no attribute '%s'", field.name, x.name)
	}
}

// fieldAttrs are the attributes that the value of some field has.
func fieldAttrs() map[string]bool {
	all := map[string]bool{"all_values": true, "attr": true, "id": true, "value": true, "rir_confidence": true}
	for _, v := range []value{pyvalue.Str(""), pyvalue.Float(0), pyvalue.Int(0), pyvalue.NewList()} {
		for _, name := range pyvalue.MethodNames(v) {
			all[name] = true
		}
	}
	for _, name := range clock.Attributes() {
		all[name] = true
	}
	for _, name := range []string{"real", "imag", "numerator", "denominator", "__class__", "__doc__"} {
		all[name] = true
	}
	return all
}

// nearest returns the name that differs least, "" if none is near.
func nearest(name string, among []string) string {
	for _, other := range among {
		if strings.EqualFold(name, other) || len(name) > 2 && (strings.HasPrefix(other, name) || strings.HasPrefix(name, other)) {
			return other
		}
	}
	return ""
}
