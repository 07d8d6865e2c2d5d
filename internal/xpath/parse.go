package xpath

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how deeply expressions may be nested.
const maxDepth = 200

type parser struct {
	source string
	tokens []token
	depth  int
}

// binary lists the operators, those that bind least first.
var binary = [][]string{{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"}}

func (p *parser) fault(t token, format string, args ...any) error {
	return &Error{p.source, t.at, fmt.Sprintf(format, args...)}
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) take() token {
	t := p.tokens[0]
	if t.kind != endToken {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the operator if it comes next.
func (p *parser) accept(op string) bool {
	if t := p.peek(); t.kind != operator || t.text != op {
		return false
	}
	p.take()
	return true
}

func (p *parser) expect(op string) error {
	if p.accept(op) {
		return nil
	}
	return p.unexpected(p.peek(), fmt.Sprintf("expected %q", op))
}

func (p *parser) unexpected(t token, wanted string) error {
	if t.kind == endToken {
		return p.fault(t, "the expression ends there; %s", wanted)
	}
	return p.fault(t, "unexpected %q; %s", t.text, wanted)
}

func (p *parser) expression() (expr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, p.fault(p.peek(), "the expression is nested too deeply")
	}
	return p.level(0)
}

// level reads operators of one rank, which group from the left.
func (p *parser) level(rank int) (expr, error) {
	if rank == len(binary) {
		return p.unary()
	}
	left, err := p.level(rank + 1)
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		if t.kind != operator || !slices.Contains(binary[rank], t.text) {
			return left, nil
		}
		p.take()
		right, err := p.level(rank + 1)
		if err != nil {
			return nil, err
		}
		left = &operation{t.text, left, right}
	}
}

func (p *parser) unary() (expr, error) {
	minus := 0
	for p.accept("-") {
		minus++
	}
	e, err := p.union()
	if err != nil || minus == 0 {
		return e, err
	}
	return &negative{e, minus%2 == 1}, nil
}

func (p *parser) union() (expr, error) {
	left, err := p.path()
	if err != nil {
		return nil, err
	}
	for p.peek().kind == operator && p.peek().text == "|" {
		t := p.take()
		right, err := p.path()
		if err != nil {
			return nil, err
		}
		if !left.isNodes() || !right.isNodes() {
			return nil, p.fault(t, "only sets of nodes can be united")
		}
		left = &union{left, right}
	}
	return left, nil
}

// path reads a location path, or a filter expression with a path after it.
func (p *parser) path() (expr, error) {
	t := p.peek()
	if t.kind == operator && (t.text == "/" || t.text == "//") {
		p.take()
		l := &location{absolute: true}
		if t.text == "//" {
			p.accept("/") // libxml2 takes /// for //
			l.steps = append(l.steps, anyDepth)
		} else if !p.startsStep() {
			return l, nil
		}
		return p.steps(l)
	}
	if p.startsStep() {
		return p.steps(&location{})
	}
	first, err := p.primary()
	if err != nil {
		return nil, err
	}
	var predicates []expr
	if predicates, err = p.predicates(); err != nil {
		return nil, err
	}
	next := p.peek()
	continues := next.kind == operator && (next.text == "/" || next.text == "//")
	if (continues || predicates != nil) && !first.isNodes() {
		return nil, p.fault(t, "this is not a set of nodes, so nothing can be selected from it")
	}
	if predicates != nil {
		first = &filter{first, predicates}
	}
	if !continues {
		return first, nil
	}
	l := &location{from: first}
	if p.take(); next.text == "//" {
		l.steps = append(l.steps, anyDepth)
	}
	return p.steps(l)
}

// startsStep reports whether a step of a path comes next, not a function.
func (p *parser) startsStep() bool {
	switch t := p.peek(); t.kind {
	case operator:
		return t.text == "." || t.text == ".." || t.text == "@"
	case name:
		if after := p.tokens[1]; after.kind == operator && after.text == "(" {
			return nodeTypes[t.text] != 0
		}
		return true
	}
	return false
}

func (p *parser) steps(l *location) (expr, error) {
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		l.steps = append(l.steps, s)
		switch {
		case p.accept("//"):
			l.steps = append(l.steps, anyDepth)
		case !p.accept("/"):
			return l, nil
		}
	}
}

func (p *parser) step() (*step, error) {
	switch {
	case p.accept("."):
		return &step{axis: self, test: test{kind: anyNode}}, nil
	case p.accept(".."):
		return &step{axis: parent, test: test{kind: anyNode}}, nil
	}
	s := &step{axis: child}
	if p.accept("@") {
		s.axis = attribute
	} else if next := p.tokens[min(1, len(p.tokens)-1)]; p.peek().kind == name && next.kind == operator && next.text == "::" {
		t := p.take()
		p.take()
		var ok bool
		if s.axis, ok = axes[t.text]; !ok {
			return nil, p.fault(t, "%q is not an axis that is known here", t.text)
		}
	}
	t := p.take()
	if t.kind != name {
		return nil, p.unexpected(t, "expected the name of an element or attribute, or *")
	}
	var err error
	if s.test, err = p.nodeTest(t); err != nil {
		return nil, err
	}
	s.predicates, err = p.predicates()
	return s, err
}

func (p *parser) nodeTest(t token) (test, error) {
	kind := nodeTypes[t.text]
	if kind != 0 && p.accept("(") {
		n := test{kind: kind}
		if kind == instructions && p.peek().kind == literal {
			n.local = p.take().text
		}
		return n, p.expect(")")
	}
	prefix, local, prefixed := strings.Cut(t.text, ":")
	switch {
	case t.text == "*":
		return test{kind: principal}, nil
	case !prefixed:
		return test{kind: named, local: t.text}, nil
	case local == "*":
		return test{kind: inSpace, prefix: prefix}, nil
	}
	return test{kind: named, prefix: prefix, local: local}, nil
}

func (p *parser) predicates() (list []expr, err error) {
	for p.accept("[") {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (p *parser) primary() (expr, error) {
	t := p.take()
	switch t.kind {
	case literal:
		return text(t.text), nil
	case number:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil && f == 0 {
			return nil, p.fault(t, "%q is not a number", t.text)
		}
		return float(f), nil
	case name:
		if p.accept("(") {
			return p.call(t)
		}
	case operator:
		if t.text == "(" {
			e, err := p.expression()
			if err != nil {
				return nil, err
			}
			return &group{e}, p.expect(")")
		}
	}
	return nil, p.unexpected(t, "expected a path, a function, a text or a number")
}

func (p *parser) call(t token) (expr, error) {
	f, ok := functions()[t.text]
	if !ok {
		return nil, p.fault(t, "there is no function %s() in XPath 1.0", t.text)
	}
	var args []expr
	for !p.accept(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		return nil, p.fault(t, "%s() does not take %d arguments", t.text, len(args))
	}
	if f.nodes {
		for _, a := range args {
			if !a.isNodes() {
				return nil, p.fault(t, "%s() takes a set of nodes", t.text)
			}
		}
	}
	return &call{t.text, f, args}, nil
}
