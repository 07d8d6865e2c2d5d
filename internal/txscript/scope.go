package txscript

import (
	"maps"
	"slices"
)

// scope knows the variables of a module, a function or a comprehension.
type scope struct {
	parent  *scope
	kind    scopeKind
	slots   map[string]int
	global  map[string]bool           // declared global
	outside map[string]bool           // declared nonlocal
	reads   map[string]bool           // variables of other scopes that the source reads or writes there
	allows  func(builtin string) bool // which builtins there are, nil for all
}

type scopeKind uint8

const (
	moduleScope scopeKind = iota
	functionScope
	compScope
	classScope
	evalScope // of a text that eval gets, or a scope within it
)

func newScope(parent *scope, kind scopeKind) *scope {
	return &scope{parent: parent, kind: kind, reads: make(map[string]bool), slots: make(map[string]int), global: make(map[string]bool), outside: make(map[string]bool)}
}

// add makes a variable of the scope, unless it was declared to be another's.
func (s *scope) add(name string) {
	if s.global[name] || s.outside[name] {
		return
	}
	if _, known := s.slots[name]; !known {
		s.slots[name] = len(s.slots)
	}
}

// note keeps that a name is used in a scope, and so in those around it.
func (s *scope) note(name string) {
	for at := s; at != nil; at = at.parent {
		if _, own := at.slots[name]; own || at.kind == evalScope {
			return
		}
		at.reads[name] = true
	}
}

func (s *scope) module() *scope {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// find returns where a variable lives: how many scopes up, and its slot.
func (s *scope) find(name string) (depth, slot int, in *scope, ok bool) {
	if s.global[name] {
		m := s.module()
		for at := s; at != m; at = at.parent {
			depth++
		}
		slot, ok = m.slots[name]
		return depth, slot, m, ok
	}
	evaluated, hidden := false, false
	for at := s; at != nil; at = at.parent {
		if at.kind == classScope && at != s { // its functions do not see it
			depth++
			continue
		}
		if slot, ok := at.slots[name]; ok && (!hidden || at.parent == nil) {
			return depth, slot, at, true
		}
		evaluated = evaluated || at.kind == evalScope
		if evaluated && at.kind == functionScope && !at.reads[name] && !at.outside[name] {
			hidden = true // a variable around the function that calls eval, and that it does not use
		}
		if at.global[name] {
			_, slot, in, ok := at.find(name)
			return depth + at.up(), slot, in, ok
		}
		depth++
	}
	return 0, 0, nil, false
}

// up is how many scopes above is the module's.
func (s *scope) up() (n int) {
	for ; s.parent != nil; s = s.parent {
		n++
	}
	return n
}

// collect adds what the statements assign to.
func (s *scope) collect(list []stmt) {
	for _, st := range list {
		s.collectOne(st)
	}
}

func (s *scope) collectOne(st stmt) {
	walk := func(xs ...expr) {
		for _, x := range xs {
			s.walruses(x)
		}
	}
	switch st := st.(type) {
	case *exprStmt:
		walk(st.x)
	case *assignStmt:
		walk(st.value)
		for _, t := range st.targets {
			s.target(t)
		}
	case *augStmt:
		walk(st.value)
		s.target(st.target)
	case *ifStmt:
		walk(st.cond)
		s.collect(st.then)
		s.collect(st.otherwise)
	case *whileStmt:
		walk(st.cond)
		s.collect(st.body)
		s.collect(st.otherwise)
	case *forStmt:
		walk(st.iter)
		s.target(st.target)
		s.collect(st.body)
		s.collect(st.otherwise)
	case *tryStmt:
		s.collect(st.body)
		for _, h := range st.handlers {
			if h.name != "" {
				s.add(h.name)
			}
			s.collect(h.body)
		}
		s.collect(st.otherwise)
		s.collect(st.finally)
	case *raiseStmt:
		walk(st.x, st.cause)
	case *returnStmt:
		walk(st.x)
	case *assertStmt:
		walk(st.cond, st.msg)
	case *defStmt:
		s.add(st.f.name)
	case *importStmt:
		for _, name := range importedNames(st) {
			s.add(name)
		}
	case *classStmt:
		s.add(st.name)
	case *withStmt:
		for _, item := range st.items {
			walk(item.x)
			if item.target != nil {
				s.target(item.target)
			}
		}
		s.collect(st.body)
	case *matchStmt:
		walk(st.subject)
		for _, k := range st.cases {
			names := make(map[string]bool)
			bindPattern(k.pattern, names)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				s.add(name)
			}
			walk(k.guard)
			s.collect(k.body)
		}
	case *delStmt:
		for _, t := range st.targets {
			s.target(t)
		}
	case *scopeStmt:
		for _, name := range st.names {
			if st.global {
				s.global[name] = true
				s.module().add(name)
			} else {
				s.outside[name] = true
			}
		}
	}
}

// target adds the names of an assignment's target.
func (s *scope) target(x expr) {
	switch x := x.(type) {
	case *nameExpr:
		s.add(x.name)
	case *starExpr:
		s.target(x.x)
	case *listExpr:
		for _, item := range x.items {
			s.target(item)
		}
	case *attrExpr:
		s.walruses(x.x)
	case *indexExpr:
		s.walruses(x.x)
		s.walruses(x.index)
	}
}

// walruses adds what := assigns to within an expression: also within a
// comprehension, which leaves it to the function around it.
func (s *scope) walruses(x expr) {
	each(x, func(x expr) bool {
		if w, ok := x.(*walrusExpr); ok {
			s.add(w.name)
		}
		_, isLambda := x.(*lambdaExpr)
		return !isLambda
	})
}

// each calls f with an expression and, while it returns true, with those within.
func each(x expr, f func(expr) bool) {
	if x == nil || !f(x) {
		return
	}
	all := func(xs ...expr) {
		for _, x := range xs {
			if x != nil {
				each(x, f)
			}
		}
	}
	switch x := x.(type) {
	case *fstringExpr:
		for _, p := range x.parts {
			if p.value != nil {
				all(p.value)
			}
			if p.spec != nil {
				all(p.spec)
			}
		}
	case *listExpr:
		all(x.items...)
	case *dictExpr:
		all(x.keys...)
		all(x.values...)
	case *compExpr:
		all(x.key, x.value)
		for _, c := range x.clauses {
			all(c.target, c.iter)
			all(c.conditions...)
		}
	case *unaryExpr:
		all(x.x)
	case *binaryExpr:
		all(x.x, x.y)
	case *boolExpr:
		all(x.xs...)
	case *compareExpr:
		all(x.first)
		all(x.rest...)
	case *ifExpr:
		all(x.cond, x.then, x.otherwise)
	case *lambdaExpr:
		for _, p := range x.f.params {
			all(p.value)
		}
		all(x.f.result)
	case *callExpr:
		all(x.f)
		for _, a := range x.args {
			all(a.value)
		}
	case *attrExpr:
		all(x.x)
	case *indexExpr:
		all(x.x, x.index)
	case *sliceExpr:
		all(x.lo, x.hi, x.step)
	case *starExpr:
		all(x.x)
	case *walrusExpr:
		all(x.x)
	case *yieldExpr:
		all(x.x)
	}
}
