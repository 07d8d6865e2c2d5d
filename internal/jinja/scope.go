package jinja

// scope knows at compile time which names a part of the template assigns. A
// variable lives in a slot of its function's frame: the template's body, a
// macro, the body of a recursive loop.
type scope struct {
	fn     *function
	outer  *scope // within the function, or the scope that defines it
	slots  map[string]int
	isRoot bool        // of its function
	list   []statement // its body
	// isBlock says that the scope is a block's, which looks names up when it runs.
	isBlock bool
	params  map[string]bool // of a macro: they hide what is around also while they are not set
	// own are names that are set in this scope before they are read in it, and
	// that no scope around knows. Jinja2 takes them for the template's own: until
	// they are set they are undefined, also where a variable of that name comes
	// from outside.
	own map[string]bool
}

// function is what has a frame of its own.
type function struct{ size int }

func (f *function) slot() int {
	f.size++
	return f.size - 1
}

// place is where a name may be found: so many frames up, in that slot.
type place struct{ up, slot int }

// find lists the places where a name may be set, innermost first.
func (s *scope) find(name string) []place {
	var places []place
	up := 0
	for in := s; in != nil; in = in.outer {
		if slot, ok := in.slots[name]; ok {
			places = append(places, place{up, slot})
		}
		if in.isBlock && in.own[name] {
			break // what is around has another variable of this name
		}
		if in.isRoot {
			up++
		}
	}
	return places
}

// declaring is the innermost scope that has a name.
func (s *scope) declaring(name string) *scope {
	for in := s; ; in = in.outer {
		if _, ok := in.slots[name]; ok {
			return in
		}
	}
}

func (s *scope) declare(name string) int {
	if slot, ok := s.slots[name]; ok {
		return slot
	}
	slot := s.fn.slot()
	s.slots[name] = slot
	return slot
}

// inner makes a scope within the same function.
func (s *scope) inner() *scope { return &scope{fn: s.fn, outer: s, slots: make(map[string]int)} }

// newFunction makes the scope of a function that is defined here.
func (s *scope) newFunction() *scope {
	return &scope{fn: &function{}, outer: s, slots: make(map[string]int), isRoot: true}
}

// declareAll enters what a list of statements assigns in its own scope.
func (s *scope) declareAll(list []statement) {
	for _, st := range list {
		if a, ok := st.(at); ok {
			st = a.stmt
		}
		switch st := st.(type) {
		case assign:
			s.declareTarget(st.target)
		case assignBlock:
			s.declareTarget(st.target)
		case macro:
			s.declare(st.name)
		case ifElse:
			for _, body := range st.bodies {
				s.declareAll(body)
			}
			s.declareAll(st.orel)
		}
	}
}

func (s *scope) declareTarget(target node) {
	switch t := target.(type) {
	case nameRef:
		s.declare(t.name)
	case tupleLit:
		for _, item := range t.items {
			s.declareTarget(item)
		}
	}
}

// analyse enters what a body assigns, and works out which names are its own.
func (s *scope) analyse(list []statement) {
	s.list = list
	s.declareAll(list)
	s.own = make(map[string]bool)
	for name := range s.slots {
		s.own[name] = setsBeforeReading(list, name) && (s.isBlock || !s.outer.knows(name))
	}
}

// knows reports whether the scope, or one around it, sets or reads a name.
func (s *scope) knows(name string) bool {
	for in := s; in != nil; in = in.outer {
		if _, ok := in.slots[name]; ok {
			return true
		}
		if readsAnywhere(in.list, name) {
			return true
		}
		if in.isBlock {
			break
		}
	}
	return false
}

// uses tells what one statement does with a name in its own scope, without the
// scopes within it. branches says that it may do so in some branches only.
func uses(st statement, name string) (reads, sets, branches bool) {
	if a, ok := st.(at); ok {
		st = a.stmt
	}
	var exprs []statement
	switch st := st.(type) {
	case output:
		for _, p := range st.exprs {
			exprs = append(exprs, p.expr)
		}
	case assign:
		exprs, sets = append(exprs, st.value), targets(st.target, name)
		if n, ok := st.target.(namespaceTarget); ok && n.name == name {
			reads = true
		}
	case assignBlock:
		sets = targets(st.target, name)
	case macro:
		sets = st.name == name
	case forLoop:
		exprs = append(exprs, st.iter)
	case ifElse:
		for i, test := range st.tests {
			exprs = append(exprs, test)
			branches = branches || usesAny(st.bodies[i], name)
		}
		branches = branches || usesAny(st.orel, name)
	case callBlock:
		exprs = append(exprs, st.call)
	case filterBlock:
		exprs = append(exprs, st.filter)
	case with:
		for _, v := range st.values {
			exprs = append(exprs, v)
		}
	}
	return reads || mentions(exprs, name), sets, branches
}

func usesAny(list []statement, name string) bool {
	for _, st := range list {
		if reads, sets, branches := uses(st, name); reads || sets || branches {
			return true
		}
	}
	return false
}

func readsAnywhere(list []statement, name string) bool {
	for _, st := range list {
		if reads, _, branches := uses(st, name); reads || branches {
			return true
		}
	}
	return false
}

func setsBeforeReading(list []statement, name string) bool {
	for _, st := range list {
		switch reads, sets, branches := uses(st, name); {
		case reads || branches:
			return false
		case sets:
			return true
		}
	}
	return false
}

func targets(target node, name string) bool {
	s := &scope{fn: &function{}, slots: make(map[string]int)}
	s.declareTarget(target)
	_, ok := s.slots[name]
	return ok
}

// ownName reports whether a name that is found nowhere is the template's own.
func (s *scope) ownName(name string) bool {
	for in := s; in != nil; in = in.outer {
		if in.own[name] {
			return true
		}
		if in.isBlock {
			return false
		}
	}
	return false
}
