package jinja

// scope knows at compile time which names a part of the template assigns. A
// variable lives in a slot of its function's frame: the template's body, a
// macro, the body of a recursive loop.
type scope struct {
	fn     *function
	outer  *scope // within the function, or the scope that defines it
	slots  map[string]int
	isRoot bool // of its function
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
		if in.isRoot {
			up++
		}
	}
	return places
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
		case autoescape:
			s.declareAll(st.body)
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
