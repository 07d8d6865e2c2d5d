package jinja

import (
	"regexp"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Read is a member that a template reads of a variable, or of what it holds: field.x,
// field["x"], row.y where row is an element of field.x. Conditions are not looked at.
type Read struct {
	// Path are the names from the variable on: of a row's member those of the table and
	// the member.
	Path []string
	Line int // in the template, from 1
}

// Reads lists what the template reads of one of its variables, as far as that is
// known without rendering it: through loops, set, filters that pick elements or take
// an attribute, and get. Each path comes once, with its first line.
func (t *Template) Reads(variable string) []Read {
	r := t.reader()
	return r.list[variable]
}

// Undefined lists the names that nothing defines: neither the template nor Jinja2 nor
// the known variables. They print as nothing.
func (t *Template) Undefined(known ...string) []Read {
	r := t.reader()
	var found []Read
	for _, u := range r.outside {
		if !slices.Contains(known, u.Path[0]) && !r.assigned[u.Path[0]] {
			found = append(found, u)
		}
	}
	return found
}

// Misread lists text that looks like a placeholder of JSON templates, or nearly like one of
// these: @{x}, {field.x}, {secret.x}. It is written as it stands.
func (t *Template) Misread() []Read { return t.reader().texts }

var meantAsPlaceholder = regexp.MustCompile(`@\{\s*[\w.-]+\s*\}|[@#]?\{\s*(?:secrets?|payload|field|annotation|document)\s*\.\s*[\w.-]+\s*\}`)

// text notes what looks like a placeholder in a text without any.
func (r *reader) text(text string) {
	for _, found := range meantAsPlaceholder.FindAllString(text, -1) {
		pos := min(r.pos, len(r.t.source))
		pos += max(strings.Index(r.t.source[pos:], found), 0)
		r.texts = append(r.texts, Read{[]string{found}, 1 + strings.Count(r.t.source[:pos], "\n")})
	}
}

func (t *Template) reader() *reader {
	r := &reader{t: t, list: make(map[string][]Read), assigned: make(map[string]bool), bound: []map[string]symbol{{}}}
	list, err := parse(t.source)
	if err == nil { // it has been compiled
		r.statements(list)
	}
	return r
}

// symbol is what is known of a value before anything is rendered: that it is what a
// path leads to, or an element of it. The zero value is known nothing of.
type symbol struct {
	variable string
	path     []string
	grouped  bool // its elements are groups of what the path leads to
}

func (s symbol) below(name string) symbol {
	return symbol{variable: s.variable, path: append(slices.Clone(s.path), name)}
}

func (s symbol) equal(o symbol) bool {
	return s.variable == o.variable && s.grouped == o.grouped && slices.Equal(s.path, o.path)
}

// reader walks through a template.
type reader struct {
	t        *Template
	pos      int // of the statement
	list     map[string][]Read
	outside  []Read
	texts    []Read          // that look like placeholders
	assigned map[string]bool // names that the template sets somewhere
	bound    []map[string]symbol
}

func (r *reader) line(name string) int {
	pos := min(r.pos, len(r.t.source))
	if at := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).FindStringIndex(r.t.source[pos:]); at != nil {
		pos += at[0]
	}
	return 1 + strings.Count(r.t.source[:pos], "\n")
}

func (r *reader) note(s symbol) {
	known := r.list[s.variable]
	if !slices.ContainsFunc(known, func(k Read) bool { return slices.Equal(k.Path, s.path) }) {
		r.list[s.variable] = append(known, Read{s.path, r.line(s.path[len(s.path)-1])})
	}
}

func (r *reader) inner(f func()) {
	r.bound = append(r.bound, make(map[string]symbol))
	f()
	r.bound = r.bound[:len(r.bound)-1]
}

// set binds a name; in a branch or a loop it may keep what it had before.
func (r *reader) set(target node, s symbol, certain bool) {
	switch target := target.(type) {
	case nameRef:
		r.assigned[target.name] = true
		if before, known := r.lookup(target.name); known && !certain && !before.equal(s) {
			s = symbol{}
		}
		r.bound[len(r.bound)-1][target.name] = s
	case tupleLit:
		for i, item := range target.items {
			var part symbol
			if s.grouped && i == 1 {
				part = symbol{variable: s.variable, path: s.path}
			}
			r.set(item, part, certain)
		}
	}
}

func (r *reader) lookup(name string) (symbol, bool) {
	for _, scope := range slices.Backward(r.bound) {
		if s, ok := scope[name]; ok {
			return s, true
		}
	}
	return symbol{}, false
}

func (r *reader) statements(list []statement) {
	for _, st := range list {
		if a, ok := st.(at); ok {
			r.pos = a.pos
			st = a.stmt
		}
		r.statement(st)
	}
}

func (r *reader) statement(st statement) {
	switch st := st.(type) {
	case output:
		r.text(st.text)
		for _, p := range st.exprs {
			r.pos = p.pos
			r.expr(p.expr)
		}
	case forLoop:
		items := r.expr(st.iter)
		r.inner(func() {
			r.set(st.target, items, true)
			r.set(nameRef{"loop"}, symbol{}, true)
			r.optional(st.test)
			r.statements(st.body)
		})
		r.inner(func() { r.statements(st.orel) })
	case ifElse:
		for _, test := range st.tests {
			r.expr(test)
		}
		for _, body := range append(slices.Clone(st.bodies), st.orel) {
			r.branch(body)
		}
	case assign:
		r.set(st.target, r.expr(st.value), true)
	case with:
		values := make([]symbol, len(st.values))
		for i, v := range st.values {
			values[i] = r.expr(v)
		}
		r.inner(func() {
			for i, target := range st.targets {
				r.set(target, values[i], true)
			}
			r.statements(st.body)
		})
	default:
		r.block(st)
	}
}

// branch reads a body that may be passed over; what it sets is seen after it.
func (r *reader) branch(body []statement) {
	before := make(map[string]symbol)
	scope := r.bound[len(r.bound)-1]
	for name, s := range scope {
		before[name] = s
	}
	r.statements(body)
	for name, s := range scope {
		if was, known := before[name]; !known || !was.equal(s) {
			scope[name] = symbol{}
		}
	}
}

// block reads statements that have a body of their own.
func (r *reader) block(st statement) {
	switch st := st.(type) {
	case assignBlock:
		r.inner(func() { r.statements(st.body) })
		r.optional(st.filter)
		r.set(st.target, symbol{}, true)
	case macro:
		r.assigned[st.name] = true
		r.bound[len(r.bound)-1][st.name] = symbol{}
		r.macro(st)
	case callBlock:
		r.expr(st.call)
		r.macro(st.caller)
	case filterBlock:
		r.optional(st.filter)
		r.inner(func() { r.statements(st.body) })
	case autoescape:
		r.expr(st.value)
		r.statements(st.body)
	case block:
		r.inner(func() { r.statements(st.body) })
	}
}

func (r *reader) macro(m macro) {
	r.inner(func() {
		for _, name := range append(slices.Clone(m.params), "caller", "varargs", "kwargs") {
			r.bound[len(r.bound)-1][name] = symbol{}
		}
		for _, d := range m.defaults {
			r.expr(d)
		}
		r.statements(m.body)
	})
}

func (r *reader) optional(n node) {
	if n != nil {
		r.expr(n)
	}
}

// dictMethods are what an attribute of a dict means before it means a key.
var dictMethods = []string{"clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"}

// expr reads an expression and returns what is known of its value.
func (r *reader) expr(n node) symbol {
	switch n := n.(type) {
	case nameRef:
		return r.name(n.name)
	case getattr:
		return r.member(r.expr(n.object), n.name, false)
	case getitem:
		of := r.expr(n.object)
		if c, ok := n.index.(constant); ok && c.value.Kind() == pyvalue.KindStr {
			return r.member(of, c.value.Text(), true)
		}
		r.index(n.index)
		return symbol{variable: of.variable, path: of.path}
	case call:
		return r.call(n)
	case filterExpr:
		return r.filter(n)
	case condExpr:
		r.expr(n.test)
		return r.either(n.then, n.otherwise)
	case logical:
		return r.either(n.left, n.right)
	}
	r.parts(n)
	return symbol{}
}

// index reads what stands in brackets.
func (r *reader) index(n node) {
	if s, ok := n.(slice); ok {
		r.optional(s.from)
		r.optional(s.to)
		r.optional(s.step)
		return
	}
	r.expr(n)
}

// parts reads expressions whose value is another than that of their parts.
func (r *reader) parts(n node) {
	switch n := n.(type) {
	case tupleLit:
		r.all(n.items)
	case listLit:
		r.all(n.items)
	case dictLit:
		r.all(n.keys)
		r.all(n.values)
	case concat:
		r.all(n.items)
	case notExpr:
		r.expr(n.operand)
	case unary:
		r.expr(n.operand)
	case binary:
		r.expr(n.left)
		r.expr(n.right)
	case compare:
		r.expr(n.first)
		r.all(n.rest)
	case testExpr:
		r.optional(n.operand)
		r.arguments(n.args)
	}
}

func (r *reader) all(nodes []node) {
	for _, n := range nodes {
		r.optional(n)
	}
}

func (r *reader) arguments(a arguments) {
	r.all(a.positional)
	r.all(a.named)
	r.optional(a.star)
	r.optional(a.starStar)
}

// either is one of two values: known if one of them is, or both are the same.
func (r *reader) either(a, b node) symbol {
	left := r.expr(a)
	if b == nil {
		return left
	}
	right := r.expr(b)
	switch {
	case left.variable == "":
		return right
	case right.variable == "" || left.equal(right):
		return left
	}
	return symbol{}
}

func (r *reader) name(name string) symbol {
	if s, ok := r.lookup(name); ok {
		return s
	}
	if _, isGlobal := globals[name]; !isGlobal && name != "self" && !slices.ContainsFunc(r.outside, func(u Read) bool { return u.Path[0] == name }) {
		r.outside = append(r.outside, Read{[]string{name}, r.line(name)})
	}
	return symbol{variable: name}
}

// member reads a member of a value.
func (r *reader) member(of symbol, name string, item bool) symbol {
	switch {
	case of.variable == "":
		return symbol{}
	case of.grouped && name == "list":
		return symbol{variable: of.variable, path: of.path}
	case of.grouped || !item && slices.Contains(dictMethods, name):
		return symbol{}
	}
	s := of.below(name)
	r.note(s)
	return s
}

// call reads a call. Methods are no members; get reads one.
func (r *reader) call(n call) symbol {
	r.arguments(n.args)
	m, isMethod := n.callee.(getattr)
	if !isMethod {
		r.expr(n.callee)
		return symbol{}
	}
	of := r.expr(m.object)
	if m.name == "get" && len(n.args.positional) > 0 {
		if c, ok := n.args.positional[0].(constant); ok && c.value.Kind() == pyvalue.KindStr {
			return r.member(of, c.value.Text(), true)
		}
	}
	return symbol{}
}
