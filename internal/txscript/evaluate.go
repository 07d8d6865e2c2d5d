package txscript

import (
	"fmt"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// evaluation is a text that a place of the source has given to eval, compiled.
type evaluation struct {
	at   *evalSite
	text string
}

// evalSite is a call of eval in the source.
type evalSite struct{ scope *scope }

// maxEvaluated bounds a text that eval gets.
const maxEvaluated = 64 << 10

// maxEvaluations bounds how many compiled texts a run keeps.
const maxEvaluations = 256

// evalCall compiles eval(text): an expression that sees the variables there, or
// those of the dicts that it is given.
func (c *compiler) evalCall(x *callExpr) eval {
	*c.captured = true // by a lambda in the text
	site, args := &evalSite{scope: c.scope}, c.arguments(x, c.values(x))
	return func(r *run, f *frame) (value, error) {
		call, err := args(r, f)
		if err != nil {
			return value{}, err
		}
		switch n := len(call.Args); {
		case len(call.Names) > 0:
			return value{}, pyvalue.Raise("TypeError", "eval() takes no keyword arguments")
		case n < 1:
			return value{}, pyvalue.Raise("TypeError", "eval expected at least 1 argument, got 0")
		case n > 3:
			return value{}, pyvalue.Raise("TypeError", "eval expected at most 3 arguments, got %d", n)
		}
		if !call.Args[0].IsText() {
			return value{}, pyvalue.Raise("TypeError", "eval() arg 1 must be a string, bytes or code object")
		}
		if r.calls++; r.calls > maxCalls {
			r.calls--
			return value{}, pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
		}
		defer func() { r.calls-- }()
		if len(call.Args) > 1 && !call.Args[1].IsNone() || len(call.Args) > 2 && !call.Args[2].IsNone() {
			return r.evalIn(call.Args[0].Text(), call.Args[1:])
		}
		return r.evalAt(site, call.Args[0].Text(), f)
	}
}

// evalAt evaluates a text among the variables of a place of the source.
func (r *run) evalAt(site *evalSite, text string, f *frame) (value, error) {
	key := evaluation{site, text}
	compute, known := r.evals[key]
	if !known {
		var err error
		if compute, err = r.compileText(text, newScope(site.scope, evalScope), r.names); err != nil {
			return value{}, err
		}
		if r.evals == nil || len(r.evals) >= maxEvaluations {
			r.evals = make(map[evaluation]eval)
		}
		r.evals[key] = compute
	}
	return compute(r, f)
}

// evalIn evaluates a text among the names of one or two dicts.
func (r *run) evalIn(text string, dicts []value) (value, error) {
	s := newScope(nil, moduleScope)
	var vars []variable
	builtinNames := func(string) bool { return true }
	for i, v := range dicts {
		if v.IsNone() {
			continue
		}
		if v.Dict() == nil {
			return value{}, pyvalue.Raise("TypeError", "%s", []string{"globals must be a real dict; try eval(expr, {}, mapping)", "locals must be a mapping"}[i])
		}
		for key, item := range v.Dict().All() {
			if !key.IsText() {
				continue
			}
			if key.Text() == "__builtins__" && item.Dict() != nil {
				builtinNames = func(name string) bool { _, ok := item.Dict().GetStr(name); return ok }
			}
			if s.add(key.Text()); s.slots[key.Text()] == len(vars) {
				vars = append(vars, variable{})
			}
			vars[s.slots[key.Text()]] = variable{item, true}
		}
	}
	s.allows = builtinNames
	compute, err := r.compileText(text, newScope(s, evalScope), nil)
	if err != nil {
		return value{}, err
	}
	return compute(r, &frame{vars: vars})
}

// compileText compiles a text that the program has made. What is no Python raises
// SyntaxError there; what is outside of the language ends the run.
func (r *run) compileText(text string, s *scope, globals []string) (compute eval, err error) {
	if len(text) > maxEvaluated {
		return nil, pyvalue.Raise("MemoryError", "eval takes at most %d bytes, not %d", maxEvaluated, len(text))
	}
	if err := r.meter.Grow(int64(len(text)) * 64); err != nil {
		return nil, err
	}
	// Compiling takes about as long as so many steps.
	if err := r.meter.Step(100 + 10*int64(len(text))); err != nil {
		return nil, err
	}
	defer func() {
		switch v := recover().(type) {
		case nil:
		case fault:
			if err = fmt.Errorf("eval: %w", v.err); !v.err.Unsupported {
				err = pyvalue.Raise("SyntaxError", "%s (<string>, line %d)", v.err.Msg, v.err.Line)
			}
		default:
			panic(v)
		}
	}()
	x := parseExpression(text)
	s.walruses(x)
	c := &compiler{options: Options{Globals: globals}, scope: s, program: &Program{at: -1}, inFunction: true, captured: new(bool)}
	c.changes = &changes{apart: true, atOnce: make(map[*compExpr]bool), owned: make(map[*callExpr]bool), slots: make(map[string]int)}
	inner := c.expr(x)
	size := len(s.slots)
	return func(r *run, f *frame) (value, error) {
		return inner(r, &frame{vars: make([]variable, size), up: f})
	}, nil
}

// recovered turns the panic that ends a compilation into its error.
func recovered(p **Program, err *error) {
	switch v := recover().(type) {
	case nil:
	case fault:
		*p, *err = nil, v.err
	default:
		panic(v)
	}
}

// Evaluates lists the settings whose text the source gives to eval, as
// eval(payload["settings"]["condition"]), with get, or by variables that stand
// for the same throughout.
func (p *Program) Evaluates() []string { return p.evaluates }

// evaluatedSettings finds them.
func evaluatedSettings(body []stmt) (names []string) {
	known := aliasesOf(body)
	visit(body, func(stmt) {}, func(x expr) {
		call, ok := x.(*callExpr)
		if !ok || len(call.args) == 0 {
			return
		}
		if f, ok := call.f.(*nameExpr); !ok || f.name != "eval" {
			return
		}
		name, on := known.keyOf(call.args[0].value)
		if settings, _ := known.keyOf(on); settings == "settings" && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// aliases are the values of variables that the source always gives the same meaning.
type aliases map[string]expr

func aliasesOf(body []stmt) aliases {
	known := make(aliases)
	visit(body, func(s stmt) {
		assign, ok := s.(*assignStmt)
		if !ok {
			return
		}
		for _, target := range assign.targets {
			if name, ok := target.(*nameExpr); ok {
				first, again := known[name.name]
				if !again {
					known[name.name] = assign.value
					continue
				}
				if key, _ := known.keyOf(first); key == "" || !known.isKey(assign.value, key) {
					known[name.name] = nil // it may be either
				}
			}
		}
	}, func(expr) {})
	return known
}

// isKey reports that an expression takes what is under a key, too.
func (a aliases) isKey(x expr, key string) bool {
	other, _ := a.keyOf(x)
	return other == key
}

// meant follows variables to their values.
func (a aliases) meant(x expr) expr {
	for range 8 { // x = y and y = x are valid, too
		name, ok := x.(*nameExpr)
		if !ok || a[name.name] == nil {
			break
		}
		x = a[name.name]
	}
	return x
}

// keyOf recognises on["key"] and on.get("key").
func (a aliases) keyOf(x expr) (key string, on expr) {
	var index expr
	switch x := a.meant(x).(type) {
	case *indexExpr:
		on, index = x.x, x.index
	case *callExpr:
		get, ok := x.f.(*attrExpr)
		if !ok || get.name != "get" || len(x.args) == 0 {
			return "", nil
		}
		on, index = get.x, x.args[0].value
	}
	if c, ok := index.(*constExpr); ok && c.v.IsText() {
		return c.v.Text(), on
	}
	return "", nil
}

// CheckExpression reports what is wrong with a text that eval gets, as far as its
// syntax and the language go. The error is a [*SyntaxError].
func CheckExpression(text string) (err error) {
	var p *Program
	defer recovered(&p, &err)
	parseExpression(text)
	return nil
}
