package txscript

import (
	"slices"
)

// Reads is what a source reads of fields and of the rows of tables, as far as its
// text says.
type Reads struct {
	// Fields are read by name: field.x and getattr(field, "x").
	Fields []string
	// Missing are those among them whose absence ends the program whenever it runs,
	// Guarded those whose absence it is written for: by hasattr, getattr with a default,
	// vars, or a try that catches AttributeError.
	Missing, Guarded map[string]bool
	// Undefined are the names that nothing defines, in the order of the source, without
	// those that a try which catches NameError is written for.
	Undefined []Undefined
	// Attrs are the attributes that are read of anything but the fields, columns of
	// rows among them.
	Attrs map[string]bool
	// Passed is set if the fields themselves are given to a variable or a function,
	// so that Attrs may be fields of the header.
	Passed bool
	// Computed is set if attributes are read under names that the text does not show
	// where they are read; Texts are the texts in the source, names among them.
	Computed bool
	Texts    map[string]bool
}

// Undefined is a name that neither the source nor the language nor the host defines.
type Undefined struct {
	Name string
	Line int
	// Certain is set if it ends the program whenever that runs.
	Certain bool
}

// Reads tells what the source reads.
func (p *Program) Reads() *Reads { return p.reads }

// ReadsOf tells what a source reads that cannot be compiled, by its words alone: x.y
// is taken for what it looks like wherever it stands. fields is the name whose
// attributes are fields.
func ReadsOf(source, fields string) (out *Reads) {
	out = newReads()
	tokens := wordsOf(source)
	for i, t := range tokens {
		switch {
		case t.kind == kString:
			out.Texts[t.text] = true
		case t.kind == kName && t.text == "getattr":
			out.Computed = true
		case t.kind == kFString:
			inner := ReadsOf(t.text, fields)
			out.Fields = append(out.Fields, inner.Fields...)
			for name := range inner.Attrs {
				out.Attrs[name] = true
			}
		case t.kind != kName || i < 2 || tokens[i-1].text != ".":
		case tokens[i-2].text == fields && (i < 3 || tokens[i-3].text != "."):
			out.Fields = append(out.Fields, t.text)
		default:
			out.Attrs[t.text] = true
		}
	}
	return out
}

// wordsOf splits a source that may be no Python into tokens.
func wordsOf(source string) []token {
	l := newLexer(source, 1)
	for whole := false; !whole && l.pos < len(l.src); {
		whole = func() (whole bool) {
			defer func() {
				if recover() != nil { // what cannot be read is passed over
					l.pos++
				}
			}()
			l.all()
			return true
		}()
	}
	return l.tokens
}

func newReads() *Reads {
	return &Reads{Missing: make(map[string]bool), Guarded: make(map[string]bool), Attrs: make(map[string]bool), Texts: make(map[string]bool)}
}

// reader collects what a source reads.
type reader struct {
	fields string
	via    []string
	out    *Reads
	known  map[string]bool // of out.Fields
	// undefined are the lines in which names are read that nothing defines.
	undefined map[string]int
}

// surroundings of a place in the source.
type surroundings struct {
	maybe   bool // it is not executed in every run
	guarded bool // AttributeError is caught
	unnamed bool // NameError is caught
}

func readsOf(body []stmt, o Options, undefined map[string]int) *Reads {
	r := &reader{o.Fields, o.Via, newReads(), make(map[string]bool), undefined}
	r.stmts(body, surroundings{})
	return r.out
}

func (r *reader) field(name string, at surroundings) {
	if !r.known[name] {
		r.known[name] = true
		r.out.Fields = append(r.out.Fields, name)
	}
	if at.guarded {
		r.out.Guarded[name] = true
	} else if !at.maybe {
		r.out.Missing[name] = true
	}
}

func (r *reader) stmts(list []stmt, at surroundings) {
	for _, st := range list {
		r.stmt(st, at)
	}
}

func (r *reader) stmt(st stmt, at surroundings) {
	maybe := surroundings{true, at.guarded, at.unnamed}
	switch st := st.(type) {
	case *ifStmt:
		r.expr(st.cond, at)
		r.stmts(st.then, maybe)
		r.stmts(st.otherwise, maybe)
	case *whileStmt:
		r.expr(st.cond, at)
		r.stmts(st.body, maybe)
		r.stmts(st.otherwise, maybe)
	case *forStmt:
		r.exprs(at, st.iter, st.target)
		r.stmts(st.body, maybe)
		r.stmts(st.otherwise, maybe)
	case *tryStmt:
		inner := at
		for _, h := range st.handlers {
			inner.guarded = inner.guarded || catches(h.class, "AttributeError")
			inner.unnamed = inner.unnamed || catches(h.class, "NameError")
			r.expr(h.class, maybe)
			r.stmts(h.body, maybe)
		}
		r.stmts(st.body, inner)
		r.stmts(st.otherwise, maybe)
		r.stmts(st.finally, at)
	case *matchStmt:
		r.expr(st.subject, at)
		for _, k := range st.cases {
			eachOf(k.pattern, func(x expr) { r.expr(x, maybe) })
			r.exprs(maybe, k.guard)
			r.stmts(k.body, maybe)
		}
	case *defStmt:
		for _, p := range st.f.params {
			r.expr(p.value, at)
		}
		r.stmts(st.f.body, maybe)
	default:
		visitOne(st, func(x expr) { r.expr(x, at) }, func(list []stmt) { r.stmts(list, maybe) })
	}
}

// catches reports a class, or one of several, that an exception is of.
func catches(class expr, exception string) bool {
	switch x := class.(type) {
	case nil:
		return true
	case *nameExpr:
		return derives(exception, x.name)
	case *listExpr:
		return slices.ContainsFunc(x.items, func(one expr) bool { return catches(one, exception) })
	}
	return false
}

func (r *reader) exprs(at surroundings, xs ...expr) {
	for _, x := range xs {
		r.expr(x, at)
	}
}

// name notes a name that nothing defines.
func (r *reader) name(x *nameExpr, at surroundings) {
	if line, ok := r.undefined[x.name]; ok && !at.unnamed {
		delete(r.undefined, x.name) // once is enough
		r.out.Undefined = append(r.out.Undefined, Undefined{x.name, line, !at.maybe})
	}
}

func (r *reader) isFields(x expr) bool {
	if inner, ok := x.(*attrExpr); ok && inner.name == r.fields {
		n, ok := inner.x.(*nameExpr)
		return ok && slices.Contains(r.via, n.name)
	}
	n, ok := x.(*nameExpr)
	return ok && n.name == r.fields && r.fields != ""
}

func (r *reader) expr(x expr, at surroundings) {
	maybe := surroundings{true, at.guarded, at.unnamed}
	switch x := x.(type) {
	case nil:
	case *constExpr:
		if x.v.IsText() {
			r.out.Texts[x.v.Text()] = true
		}
	case *nameExpr:
		r.out.Passed = r.out.Passed || r.isFields(x)
		r.name(x, at)
	case *attrExpr:
		if r.isFields(x.x) {
			r.field(x.name, at)
			return
		}
		if r.isFields(x) {
			r.out.Passed = true
			return
		}
		r.out.Attrs[x.name] = true
		r.expr(x.x, at)
	case *callExpr:
		r.call(x, at)
	case *compareExpr:
		r.membership(x)
		r.expr(x.first, at)
		r.expr(x.rest[0], at)
		r.exprs(maybe, x.rest[1:]...)
	case *boolExpr:
		r.expr(x.xs[0], at)
		r.exprs(maybe, x.xs[1:]...)
	case *ifExpr:
		r.expr(x.cond, at)
		r.exprs(maybe, x.then, x.otherwise)
	case *lambdaExpr:
		for _, p := range x.f.params {
			r.expr(p.value, at)
		}
		r.expr(x.f.result, maybe)
	case *compExpr:
		r.expr(x.clauses[0].iter, at)
		for i, c := range x.clauses {
			if i > 0 {
				r.expr(c.iter, maybe)
			}
			r.expr(c.target, maybe)
			r.exprs(maybe, c.conditions...)
		}
		r.exprs(maybe, x.key, x.value)
	default:
		each(x, func(inner expr) bool {
			if inner != x {
				r.expr(inner, at)
			}
			return inner == x
		})
	}
}

// membership recognises "x" in vars(field).
func (r *reader) membership(x *compareExpr) {
	name, ok := x.first.(*constExpr)
	call, isCall := x.rest[0].(*callExpr)
	if !ok || !isCall || !name.v.IsText() || x.ops[0] != "in" && x.ops[0] != "not in" {
		return
	}
	if f, ok := call.f.(*nameExpr); ok && (f.name == "vars" || f.name == "dir") && len(call.args) == 1 && r.isFields(call.args[0].value) {
		r.field(name.v.Text(), surroundings{guarded: true})
	}
}

func (r *reader) call(x *callExpr, at surroundings) {
	f, ok := x.f.(*nameExpr)
	if !ok || len(x.args) == 0 {
		f = &nameExpr{}
	}
	rest := x.args
	switch f.name {
	case "getattr", "hasattr", "setattr":
		if len(x.args) < 2 {
			break
		}
		onFields := r.isFields(x.args[0].value)
		name, known := x.args[1].value.(*constExpr)
		switch {
		case !known || !name.v.IsText():
			r.out.Computed = true
		case onFields && (f.name == "hasattr" || len(x.args) > 2):
			r.field(name.v.Text(), surroundings{guarded: true})
		case onFields:
			r.field(name.v.Text(), at)
		default:
			r.out.Attrs[name.v.Text()] = true
		}
		if onFields {
			rest = x.args[1:]
		}
	case "vars", "dir":
		r.out.Computed = true
		if r.isFields(x.args[0].value) {
			rest = x.args[1:]
		}
	case "attrgetter":
		r.out.Computed = true
	default:
		r.expr(x.f, at)
	}
	for _, a := range rest {
		r.expr(a.value, at)
	}
}

// Uses reports whether the source uses a name for anything but an argument of
// from_payload; a source that calls eval may use every name.
func (p *Program) Uses(name string) bool { return p.uses[name] || p.uses["eval"] }

// FirstParam returns the name of the first parameter of a function of the module, ""
// if it has none.
func (p *Program) FirstParam(function string) string { return p.params[function] }

func namesUsed(body []stmt) (uses map[string]bool, params map[string]string) {
	uses, params = make(map[string]bool), make(map[string]string)
	given := make(map[expr]bool)
	visit(body, func(st stmt) {
		switch st := st.(type) {
		case *defStmt:
			if f := st.f; len(f.params) > 0 {
				params[f.name] = f.params[0].name
			} else if f.varArgs != "" {
				params[f.name] = f.varArgs
			}
		}
	}, func(x expr) {
		switch x := x.(type) {
		case *callExpr:
			if f, ok := x.f.(*attrExpr); ok && f.name == "from_payload" {
				for _, a := range x.args {
					given[a.value] = true
				}
			}
		case *nameExpr:
			uses[x.name] = uses[x.name] || !given[x]
		}
	})
	return uses, params
}
