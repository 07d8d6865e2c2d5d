package txscript

import (
	"slices"
	"strings"
)

type parser struct {
	tokens   []token
	pos      int
	depth    int
	links    int       // of the statement's long chains of operators, and the branches around it
	branches int       // that the statement is within, of long chains of them
	inside   *function // that is being parsed, nil outside of functions
	// private is the name of the class around without underscores at its beginning: names
	// with two of them become its own. It is "" outside of classes.
	private string
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) advance() token {
	t := p.tokens[p.pos]
	if t.kind != kEOF {
		p.pos++
	}
	return t
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == kOp || t.kind == kName) && t.text == text
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(text string) token {
	t := p.peek()
	if !p.accept(text) {
		fail(t.line, "expected %q, found %v", text, t)
	}
	return t
}

var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
	"finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
}

// name reads an identifier.
func (p *parser) name() string { return p.mangled(p.plainName()) }

func (p *parser) plainName() string {
	t := p.advance()
	if t.kind != kName || slices.Contains(keywords, t.text) {
		fail(t.line, "expected a name, found %v", t)
	}
	return t.text
}

// mangled returns a name as it is within the class around: __x of a class A is _A__x.
func (p *parser) mangled(name string) string { return mangled(name, p.private) }

func mangled(name, class string) string {
	if class == "" || !strings.HasPrefix(name, "__") || strings.HasSuffix(name, "__") {
		return name
	}
	return "_" + class + name
}

// deeper bounds the nesting of what is parsed by recursion.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxNesting {
		fail(p.peek().line, "too deeply nested")
	}
	return func() { p.depth-- }
}

// maxLinks bounds the operators in a row of a statement, each of which is a level of the tree
// that is walked later: CPython refuses some thousands, and a goroutine whose stack is full
// ends the process.
const maxLinks = 50_000

// linked counts the nth operator of a chain, if it is not a short one.
func (p *parser) linked(n int) {
	if n < maxNesting {
		return
	}
	if p.links++; p.links > maxLinks {
		fail(p.peek().line, "more than %d operators or branches in a row", maxLinks)
	}
}

// program parses a whole source.
func (p *parser) program() []stmt {
	var body []stmt
	for p.peek().kind != kEOF {
		if p.peek().kind == kNewline {
			p.advance()
			continue
		}
		body = append(body, p.statement()...)
	}
	return body
}

// block parses what stands behind a colon.
func (p *parser) block() []stmt {
	defer p.deeper()()
	p.expect(":")
	if p.peek().kind != kNewline {
		return p.simpleLine()
	}
	p.advance()
	if t := p.advance(); t.kind != kIndent {
		fail(t.line, "expected an indented block")
	}
	var body []stmt
	for p.peek().kind != kDedent && p.peek().kind != kEOF {
		if p.peek().kind == kNewline {
			p.advance()
			continue
		}
		body = append(body, p.statement()...)
	}
	p.advance()
	return body
}

func (p *parser) statement() []stmt {
	p.links = p.branches
	t := p.peek()
	if t.kind == kIndent {
		fail(t.line, "unexpected indent")
	}
	if t.kind == kOp && t.text == "@" {
		return []stmt{p.decorated()}
	}
	if t.kind != kName {
		return p.simpleLine()
	}
	at := line(t.line)
	switch t.text {
	case "if":
		return []stmt{p.ifStatement()}
	case "while":
		p.advance()
		s := &whileStmt{line: at, cond: p.namedExpr(), body: p.block()}
		s.otherwise = p.elseBlock()
		return []stmt{s}
	case "for":
		p.advance()
		s := &forStmt{line: at, target: p.targetList()}
		p.expect("in")
		s.iter, s.body = p.exprList(), p.block()
		s.otherwise = p.elseBlock()
		return []stmt{s}
	case "try":
		return []stmt{p.tryStatement()}
	case "def":
		return []stmt{p.definition()}
	case "class":
		return []stmt{p.class()}
	case "with":
		return []stmt{p.with()}
	case "async":
		unsupported(t.line, "async")
	case "match":
		if p.startsMatch() {
			return []stmt{p.match()}
		}
	}
	return p.simpleLine()
}

func (p *parser) elseBlock() []stmt {
	if p.accept("else") {
		return p.block()
	}
	return nil
}

func (p *parser) ifStatement() stmt {
	defer p.deeper()()
	defer func(around int) { p.branches = around }(p.branches)
	branch := func() *ifStmt {
		at := line(p.advance().line) // if or elif
		return &ifStmt{line: at, cond: p.namedExpr(), then: p.block()}
	}
	first := branch()
	last := first
	for n := 0; p.is("elif"); n++ {
		p.links = p.branches // the statements of the branch before have counted theirs
		p.linked(n)
		p.branches = p.links
		next := branch()
		last.otherwise, last = []stmt{next}, next
	}
	if p.accept("else") {
		last.otherwise = p.block()
	}
	return first
}

func (p *parser) tryStatement() stmt {
	s := &tryStmt{line: line(p.advance().line), body: p.block()}
	for p.is("except") {
		h := handler{line: line(p.advance().line)}
		if p.is("*") {
			unsupported(int(h.line), "except*")
		}
		if !p.is(":") {
			h.class = p.expression()
			if p.accept("as") {
				h.name = p.name()
			}
		}
		h.body = p.block()
		s.handlers = append(s.handlers, h)
	}
	if s.handlers != nil {
		s.otherwise = p.elseBlock()
	}
	if p.accept("finally") {
		s.finally = p.block()
	} else if s.handlers == nil {
		fail(p.peek().line, "expected except or finally")
	}
	return s
}

func (p *parser) definition() stmt {
	at := line(p.advance().line)
	written := p.plainName()
	f := &function{name: p.mangled(written), written: written}
	p.expect("(")
	p.params(f, ")", true)
	p.expect(")")
	if p.accept("->") {
		p.expression() // an annotation says nothing at run time
	}
	defer func(outer *function) { p.inside = outer }(p.inside)
	p.inside = f
	f.body = p.block()
	return &defStmt{line: at, f: f}
}

// params parses the parameters of a function.
func (p *parser) params(f *function, end string, annotated bool) {
	keywordOnly, optional := false, false
	names := make(map[string]bool)
	for !p.is(end) {
		t := p.peek()
		switch {
		case p.accept("**"):
			f.named = p.name()
			p.annotation(annotated)
		case p.accept("*"):
			if keywordOnly {
				fail(t.line, "* twice among the parameters")
			}
			if keywordOnly = true; !p.is(",") {
				f.varArgs = p.name()
				p.annotation(annotated)
			}
		case p.accept("/"):
			for i := range f.params {
				f.params[i].positional = true
			}
		default:
			x := param{name: p.name(), keywordOnly: keywordOnly}
			p.annotation(annotated)
			if p.accept("=") {
				x.value, optional = p.expression(), true
			} else if optional && !keywordOnly {
				fail(t.line, "parameter %s without a default follows one with a default", x.name)
			}
			if names[x.name] {
				fail(t.line, "two parameters are called %s", x.name)
			}
			names[x.name] = true
			f.params = append(f.params, x)
		}
		if f.named != "" && !p.is(end) {
			p.accept(",")
			if !p.is(end) {
				fail(t.line, "parameters after **%s", f.named)
			}
			return
		}
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) annotation(allowed bool) {
	if allowed && p.accept(":") {
		p.expression()
	}
}

// simpleLine parses the simple statements of a line.
func (p *parser) simpleLine() []stmt {
	var list []stmt
	for {
		list = append(list, p.simple()...)
		if !p.accept(";") {
			break
		}
		if k := p.peek().kind; k == kNewline || k == kEOF {
			break
		}
	}
	switch t := p.peek(); t.kind {
	case kNewline:
		p.advance()
	case kEOF:
	default:
		fail(t.line, "invalid syntax at %v", t)
	}
	return list
}

func (p *parser) simple() []stmt {
	t := p.peek()
	at := line(t.line)
	if t.kind == kName {
		switch t.text {
		case "pass", "break", "continue":
			p.advance()
			return []stmt{&simpleStmt{at, t.text}}
		case "return":
			p.advance()
			s := &returnStmt{line: at}
			if !p.ends() {
				s.x = p.exprList()
			}
			return []stmt{s}
		case "raise":
			p.advance()
			s := &raiseStmt{line: at}
			if !p.ends() {
				s.x = p.expression()
				if p.accept("from") {
					s.cause = p.expression()
				}
			}
			return []stmt{s}
		case "import", "from":
			return p.imports()
		case "global", "nonlocal":
			p.advance()
			s := &scopeStmt{line: at, global: t.text == "global", names: []string{p.name()}}
			for p.accept(",") {
				s.names = append(s.names, p.name())
			}
			return []stmt{s}
		case "del":
			p.advance()
			s := &delStmt{line: at, targets: []expr{p.target()}}
			for p.accept(",") && !p.ends() {
				s.targets = append(s.targets, p.target())
			}
			return []stmt{s}
		case "assert":
			p.advance()
			s := &assertStmt{line: at, cond: p.expression()}
			if p.accept(",") {
				s.msg = p.expression()
			}
			return []stmt{s}
		}
	}
	return p.exprOrAssign()
}

func (p *parser) ends() bool {
	k := p.peek().kind
	return k == kNewline || k == kEOF || p.is(";")
}

func (p *parser) imports() []stmt {
	at := line(p.peek().line)
	var list []stmt
	if p.accept("import") {
		for {
			module := p.dotted()
			var name string
			if p.accept("as") {
				name = p.name()
			} else {
				name, _, _ = strings.Cut(module, ".") // import a.b binds a
			}
			list = append(list, &importStmt{at, module, "", name})
			if !p.accept(",") {
				return list
			}
		}
	}
	p.expect("from")
	module := p.dotted()
	p.expect("import")
	if p.accept("*") {
		return []stmt{&importStmt{at, module, "*", ""}}
	}
	open := p.accept("(")
	for {
		attr := p.name()
		name := attr
		if p.accept("as") {
			name = p.name()
		}
		list = append(list, &importStmt{at, module, attr, name})
		if !p.accept(",") || open && p.is(")") {
			break
		}
	}
	if open {
		p.expect(")")
	}
	return list
}

func (p *parser) dotted() string {
	names := []string{p.name()}
	for p.accept(".") {
		names = append(names, p.name())
	}
	return strings.Join(names, ".")
}

var augmented = []string{"+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^=", ">>=", "<<="}
