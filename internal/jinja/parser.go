package jinja

import (
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// maxNesting bounds the nesting of expressions and blocks; CPython's own limits
// are of the same size.
const maxNesting = 100

// maxChain bounds the operators, filters, attributes and calls in a row, each of which is a
// level of the tree that is walked later. Jinja2 makes nested brackets of them, of which
// CPython takes 200. maxLinks bounds those of one expression, chains within chains included,
// that are not in a short chain.
const (
	maxChain = 1000
	maxLinks = 5000
)

type parser struct {
	tokens []token
	i      int
	depth  int
	inner  int        // expressions around the one that is being read, and that one
	links  int        // of the outermost one's long chains
	ends   [][]string // end tags that open blocks wait for
	open   []string
	blocks map[string]bool
	twice  error // that a block is defined twice, which Jinja2 finds once all is parsed
}

func (p *parser) cur() token  { return p.tokens[p.i] }
func (p *parser) peek() token { return p.tokens[min(p.i+1, len(p.tokens)-1)] }

func (p *parser) advance() token {
	t := p.tokens[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) fail(pos int, format string, args ...any) error {
	return &syntaxError{pos: pos, msg: fmt.Sprintf(format, args...)}
}

func (p *parser) isOp(op string) bool {
	t := p.cur()
	return t.kind == tokOp && t.text == op
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) isName(names ...string) bool {
	t := p.cur()
	return t.kind == tokName && slices.Contains(names, t.text)
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.i++
		return true
	}
	return false
}

// describe names a token as Jinja2's messages do.
func describe(t token) string {
	switch t.kind {
	case tokEOF:
		return "end of template"
	case tokBlockEnd:
		return "end of statement block"
	case tokVarEnd:
		return "end of print statement"
	case tokData:
		return "template data / text"
	case tokString:
		return "string"
	case tokNumber:
		return "integer"
	}
	return t.text
}

func (p *parser) expectOp(op string) error {
	if p.skipOp(op) {
		return nil
	}
	t := p.cur()
	if t.kind == tokEOF {
		return p.fail(t.pos, "unexpected end of template, expected '%s'.", op)
	}
	return p.fail(t.pos, "expected token '%s', got '%s'", op, describe(t))
}

func (p *parser) expectName() (token, error) {
	t := p.cur()
	if t.kind != tokName {
		return t, p.fail(t.pos, "expected token 'name', got '%s'", describe(t))
	}
	p.i++
	return t, nil
}

func (p *parser) nest() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.cur().pos, "nested deeper than %d levels", maxNesting)
	}
	return nil
}

// linked says of the nth operator of a chain whether there may be another.
func (p *parser) linked(n int) error {
	if n < maxNesting {
		return nil
	}
	if p.links++; n > maxChain || p.links > maxLinks {
		return p.fail(p.cur().pos, "more than %d operators, filters, attributes or calls in a row", maxChain)
	}
	return nil
}

func (p *parser) expression(withCond bool) (node, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	if p.inner++; p.inner == 1 {
		p.links = 0
	}
	defer func() { p.depth--; p.inner-- }()
	if withCond {
		return p.conditional()
	}
	return p.or()
}

func (p *parser) conditional() (node, error) {
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	for n := 1; p.skipName("if"); n++ {
		test, err := p.or()
		if err == nil {
			err = p.linked(n)
		}
		if err != nil {
			return nil, err
		}
		var otherwise node
		if p.skipName("else") {
			if err := p.nest(); err != nil {
				return nil, err
			}
			otherwise, err = p.conditional()
			p.depth--
			if err != nil {
				return nil, err
			}
		}
		e = condExpr{test, e, otherwise}
	}
	return e, nil
}

func (p *parser) or() (node, error) {
	left, err := p.and()
	for n := 1; err == nil && p.skipName("or"); n++ {
		var right node
		if right, err = p.and(); err == nil {
			err = p.linked(n)
		}
		left = logical{false, left, right}
	}
	return left, err
}

func (p *parser) and() (node, error) {
	left, err := p.not()
	for n := 1; err == nil && p.skipName("and"); n++ {
		var right node
		if right, err = p.not(); err == nil {
			err = p.linked(n)
		}
		left = logical{true, left, right}
	}
	return left, err
}

func (p *parser) not() (node, error) {
	if p.skipName("not") {
		if err := p.nest(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		operand, err := p.not()
		return notExpr{operand}, err
	}
	return p.compare()
}

func (p *parser) compare() (node, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := compare{first: first}
	for {
		op := ""
		switch t := p.cur(); {
		case t.kind == tokOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
			op = t.text
			p.i++
		case p.skipName("in"):
			op = "in"
		case p.isName("not") && p.peek().kind == tokName && p.peek().text == "in":
			op = "not in"
			p.i += 2
		}
		if op == "" {
			break
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, right)
	}
	if len(c.ops) == 0 {
		return first, nil
	}
	return c, nil
}

func (p *parser) sum() (node, error) {
	left, err := p.concat()
	for n := 1; err == nil && (p.isOp("+") || p.isOp("-")); n++ {
		op := pyvalue.OpAdd
		if p.advance().text == "-" {
			op = pyvalue.OpSub
		}
		var right node
		if right, err = p.concat(); err == nil {
			err = p.linked(n)
		}
		left = binary{op, left, right}
	}
	return left, err
}

func (p *parser) concat() (node, error) {
	first, err := p.product()
	if err != nil || !p.isOp("~") {
		return first, err
	}
	c := concat{[]node{first}}
	for p.skipOp("~") {
		item, err := p.product()
		if err != nil {
			return nil, err
		}
		c.items = append(c.items, item)
	}
	return c, nil
}

var productOps = map[string]pyvalue.Op{"*": pyvalue.OpMul, "/": pyvalue.OpDiv, "//": pyvalue.OpFloorDiv, "%": pyvalue.OpMod}

func (p *parser) product() (node, error) {
	left, err := p.power()
	for n := 1; err == nil && p.cur().kind == tokOp; n++ {
		op, ok := productOps[p.cur().text]
		if !ok {
			break
		}
		p.i++
		var right node
		if right, err = p.power(); err == nil {
			err = p.linked(n)
		}
		left = binary{op, left, right}
	}
	return left, err
}

func (p *parser) power() (node, error) {
	left, err := p.unary(true)
	for n := 1; err == nil && p.skipOp("**"); n++ {
		var right node
		if right, err = p.unary(true); err == nil {
			err = p.linked(n)
		}
		left = binary{pyvalue.OpPow, left, right}
	}
	return left, err
}

func (p *parser) unary(withFilter bool) (node, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var e node
	var err error
	if p.isOp("-") || p.isOp("+") {
		minus := p.advance().text == "-"
		e, err = p.unary(false)
		e = unary{minus, e}
	} else {
		if e, err = p.primary(); err == nil {
			e, err = p.postfix(e)
		}
	}
	if err != nil || !withFilter {
		return e, err
	}
	return p.filters(e)
}
