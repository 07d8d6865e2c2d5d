package jmespath

import (
	"strconv"
)

var power = map[tokenKind]int{
	tokPipe: 1, tokOr: 2, tokAnd: 3, tokCompare: 5, tokFlatten: 9, tokStar: 20, tokFilter: 21, tokDot: 40, tokNot: 45,
	tokLBrace: 50, tokLBracket: 55, tokLParen: 60,
}

// projectionStop is the power below which a token ends a projection.
const projectionStop = 10

type parser struct {
	expression string
	tokens     []token
	i          int
	depth      int
	made       int // lists and objects that the expression makes
}

func (p *parser) cur() token { return p.tokens[p.i] }

func (p *parser) peek() token { return p.tokens[min(p.i+1, len(p.tokens)-1)] }

func (p *parser) advance() token {
	t := p.tokens[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) fail(t token, msg string) error { return &Error{p.expression, t.pos, msg} }

func (p *parser) match(kind tokenKind) error {
	if p.cur().kind != kind {
		return p.fail(p.cur(), "expected "+string(kind)+", got "+p.cur().describe())
	}
	p.advance()
	return nil
}

// expression_ reads an expression whose operators bind more tightly than least.
func (p *parser) expression_(least int) (evaluator, error) {
	if p.depth++; p.depth > maxNested {
		return nil, p.fail(p.cur(), "nested too deeply")
	}
	defer func() { p.depth-- }()
	t := p.advance()
	left, err := p.prefix(t)
	for err == nil && least < power[p.cur().kind] {
		before := t
		t = p.advance()
		left, err = p.infix(t, before, left)
	}
	return left, err
}

func (p *parser) prefix(t token) (evaluator, error) {
	switch t.kind {
	case tokLiteral:
		return constant(t.value), nil
	case tokName:
		if p.cur().kind == tokLParen {
			p.advance()
			return p.call(t)
		}
		return field(t.text), nil
	case tokQuoted:
		if p.cur().kind == tokLParen {
			return nil, p.fail(t, "a quoted identifier cannot be the name of a function")
		}
		return field(t.text), nil
	case tokStar:
		right := evaluator(identity)
		var err error
		if p.cur().kind != tokRBracket {
			right, err = p.projected(power[tokStar])
		}
		return valueProjection(identity, right), err
	case tokFilter:
		return p.filter(identity)
	case tokLBrace:
		return p.hash()
	case tokLParen:
		e, err := p.expression_(0)
		if err != nil {
			return nil, err
		}
		return e, p.match(tokRParen)
	case tokFlatten:
		right, err := p.projected(power[tokFlatten])
		return projection(flatten(identity), right), err
	case tokNot:
		e, err := p.expression_(power[tokNot])
		return not(e), err
	case tokLBracket:
		return p.bracket()
	case tokCurrent:
		return identity, nil
	}
	if t.kind == tokEOF {
		return nil, p.fail(t, "unexpected end of the expression")
	}
	return nil, p.fail(t, "unexpected "+t.describe())
}

func (p *parser) bracket() (evaluator, error) {
	switch cur := p.cur().kind; {
	case cur == tokNumber || cur == tokColon:
		return p.indexed(identity)
	case cur == tokStar && p.peek().kind == tokRBracket:
		p.i += 2
		right, err := p.projected(power[tokStar])
		return projection(identity, right), err
	}
	return p.list()
}

func (p *parser) infix(t, before token, left evaluator) (evaluator, error) {
	switch t.kind {
	case tokDot:
		if p.cur().kind == tokStar {
			p.advance()
			right, err := p.projected(power[tokDot])
			return valueProjection(left, right), err
		}
		right, err := p.afterDot(power[tokDot])
		return sub(left, right), err
	case tokPipe:
		right, err := p.expression_(power[tokPipe])
		return sub(left, right), err
	case tokOr, tokAnd:
		right, err := p.expression_(power[t.kind])
		return either(left, right, t.kind == tokAnd), err
	case tokFilter:
		return p.filter(left)
	case tokCompare:
		right, err := p.expression_(power[tokCompare])
		return comparison(t.text, left, right), err
	case tokFlatten:
		right, err := p.projected(power[tokFlatten])
		return projection(flatten(left), right), err
	case tokLBracket:
		if cur := p.cur().kind; cur == tokNumber || cur == tokColon {
			return p.indexed(left)
		}
		if err := p.match(tokStar); err != nil {
			return nil, err
		}
		if err := p.match(tokRBracket); err != nil {
			return nil, err
		}
		right, err := p.projected(power[tokStar])
		return projection(left, right), err
	}
	return nil, p.fail(t, "unexpected "+t.describe())
}

// indexed reads what stands in brackets after left: an index or a slice.
func (p *parser) indexed(left evaluator) (evaluator, error) {
	if p.cur().kind == tokNumber && p.peek().kind != tokColon {
		i, _ := p.advance().value.Int64()
		return sub(left, index(i)), p.match(tokRBracket)
	}
	var parts [3]value
	at := 0
	start := p.cur()
	for p.cur().kind != tokRBracket {
		switch t := p.advance(); {
		case t.kind == tokColon && at < 2:
			at++
		case t.kind == tokNumber && parts[at].IsNone() && p.cur().kind != tokNumber:
			parts[at] = t.value
		default:
			return nil, p.fail(t, "unexpected "+t.describe())
		}
	}
	p.advance()
	if step, ok := parts[2].Int64(); ok && step == 0 {
		return nil, p.fail(start, "slice step cannot be zero")
	}
	right, err := p.projected(power[tokStar])
	return projection(sub(left, slice(parts[0], parts[1], parts[2])), right), err
}

// projected reads what is applied to each element of a projection.
func (p *parser) projected(least int) (evaluator, error) {
	switch cur := p.cur(); {
	case power[cur.kind] < projectionStop:
		return identity, nil
	case cur.kind == tokLBracket || cur.kind == tokFilter:
		return p.expression_(least)
	case cur.kind == tokDot:
		p.advance()
		return p.afterDot(least)
	default:
		return nil, p.fail(cur, "unexpected "+cur.describe())
	}
}

func (p *parser) afterDot(least int) (evaluator, error) {
	switch cur := p.cur(); cur.kind {
	case tokName, tokQuoted, tokStar:
		return p.expression_(least)
	case tokLBracket:
		p.advance()
		return p.list()
	case tokLBrace:
		p.advance()
		return p.hash()
	default:
		return nil, p.fail(cur, "expected an identifier, [ or { after the dot, got "+cur.describe())
	}
}

func (p *parser) filter(left evaluator) (evaluator, error) {
	condition, err := p.expression_(0)
	if err != nil {
		return nil, err
	}
	if err := p.match(tokRBracket); err != nil {
		return nil, err
	}
	right := evaluator(identity)
	if p.cur().kind != tokFlatten {
		right, err = p.projected(power[tokFilter])
	}
	return filterProjection(left, right, condition), err
}

func (p *parser) list() (evaluator, error) {
	p.made++
	var items []evaluator
	for {
		e, err := p.expression_(0)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if p.cur().kind == tokRBracket {
			p.advance()
			return multiList(items), nil
		}
		if err := p.match(tokComma); err != nil {
			return nil, err
		}
	}
}

func (p *parser) hash() (evaluator, error) {
	p.made++
	var keys []string
	var items []evaluator
	for {
		key := p.advance()
		if key.kind != tokName && key.kind != tokQuoted {
			return nil, p.fail(key, "expected a key, got "+key.describe())
		}
		if err := p.match(tokColon); err != nil {
			return nil, err
		}
		e, err := p.expression_(0)
		if err != nil {
			return nil, err
		}
		keys, items = append(keys, key.text), append(items, e)
		if p.cur().kind == tokRBrace {
			p.advance()
			return multiHash(keys, items), nil
		}
		if err := p.match(tokComma); err != nil {
			return nil, err
		}
	}
}

// call reads the arguments of a function.
func (p *parser) call(name token) (evaluator, error) {
	fn, known := functions()[name.text]
	if !known {
		return nil, p.fail(name, "unknown function "+name.text+"()")
	}
	var args []argument
	for p.cur().kind != tokRParen {
		if len(args) > 0 {
			if err := p.match(tokComma); err != nil {
				return nil, err
			}
		}
		var a argument
		if p.cur().kind == tokExpref {
			p.advance()
			a.isExpression = true
		}
		var err error
		if a.eval, err = p.expression_(0); err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	p.advance()
	if len(args) < len(fn.params) || len(args) > len(fn.params) && !fn.variadic {
		return nil, p.fail(name, name.text+"() takes "+fn.arity()+", not "+strconv.Itoa(len(args)))
	}
	return fn.bind(name.text, args), nil
}
