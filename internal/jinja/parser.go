package jinja

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// maxNesting bounds the nesting of expressions and blocks; CPython's own limits
// are of the same size.
const maxNesting = 100

type parser struct {
	tokens []token
	i      int
	depth  int
	ends   [][]string // end tags that open blocks wait for
	open   []string
	blocks map[string]bool
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
	return &syntaxError{pos, fmt.Sprintf(format, args...)}
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

func (p *parser) expression(withCond bool) (node, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
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
	for p.skipName("if") {
		test, err := p.or()
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
	for err == nil && p.skipName("or") {
		var right node
		right, err = p.and()
		left = logical{false, left, right}
	}
	return left, err
}

func (p *parser) and() (node, error) {
	left, err := p.not()
	for err == nil && p.skipName("and") {
		var right node
		right, err = p.not()
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
	for err == nil && (p.isOp("+") || p.isOp("-")) {
		op := pyvalue.OpAdd
		if p.advance().text == "-" {
			op = pyvalue.OpSub
		}
		var right node
		right, err = p.concat()
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
	for err == nil && p.cur().kind == tokOp {
		op, ok := productOps[p.cur().text]
		if !ok {
			break
		}
		p.i++
		var right node
		right, err = p.power()
		left = binary{op, left, right}
	}
	return left, err
}

func (p *parser) power() (node, error) {
	left, err := p.unary(true)
	for err == nil && p.skipOp("**") {
		var right node
		right, err = p.unary(true)
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
	for err == nil && p.cur().kind == tokOp {
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
	for err == nil {
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
	for p.isOp("|") || inBlock {
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
	for p.skipOp(".") {
		t, err := p.expectName()
		if err != nil {
			return "", err
		}
		name += "." + t.text
	}
	return name, nil
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
