package xmldoc

import "iter"

// Meter bounds how much an evaluation may do. *pyvalue.Meter is one.
type Meter interface {
	// Step counts n operations. Its error ends the evaluation.
	Step(n int64) error
	// Grow counts bytes that are about to be used. Its error ends the evaluation.
	Grow(n int64) error
}

// Tree is what a path is followed in: elements, and what else may be among them.
type Tree[N comparable] interface {
	// Children yields what is in an element, in order.
	Children(n N) iter.Seq[N]
	// Descendants yields what is below an element, in the order of the document.
	Descendants(n N) iter.Seq[N]
	// Tag returns the name of an element, and false for a comment or an instruction.
	Tag(n N) (Name, bool)
	// Parent returns the element around one, within the one that the search began at.
	Parent(n N) (N, bool)
	// Attribute returns the value of an element's first attribute whose name fits.
	Attribute(n N, fits func(Name) bool) (string, bool)
	// Content returns all text in an element.
	Content(n N) string
}

// Find returns the elements that the path finds, seen from an element, in the order
// in which ElementTree finds them. An element can be found more than once. The error
// is the meter's; nil bounds nothing.
func (p *Path) Find(d *Document, from ID, meter Meter) (found []ID, err error) {
	s := Search[ID]{Tree: documentTree{d, from}, Meter: meter}
	for n := range s.Find(p, from) {
		const bytesOfID = 4
		if len(found) == cap(found) && !s.grow(bytesOfID*max(8, 2*len(found))) {
			break
		}
		found = append(found, n)
	}
	if s.Err() != nil {
		return nil, s.Err()
	}
	return found, nil
}

// Search is one evaluation of a path.
type Search[N comparable] struct {
	Tree  Tree[N]
	Meter Meter // nil bounds nothing
	err   error
}

// Err is the meter's error, which ended the search.
func (s *Search[N]) Err() error { return s.err }

// step counts n operations and reports whether the search may go on.
func (s *Search[N]) step(n int) bool {
	if s.err == nil && s.Meter != nil {
		s.err = s.Meter.Step(int64(n))
	}
	return s.err == nil
}

// grow counts bytes and reports whether they may be used.
func (s *Search[N]) grow(n int) bool {
	if s.err == nil && s.Meter != nil {
		s.err = s.Meter.Grow(int64(n))
	}
	return s.err == nil
}

// bytesOfEntry is what an element takes in a map.
const bytesOfEntry = 128

// Find yields what a path finds, as it is found.
func (s *Search[N]) Find(p *Path, from N) iter.Seq[N] {
	if len(p.parts) == 0 {
		return func(func(N) bool) {}
	}
	found := func(yield func(N) bool) { yield(from) }
	for i := range p.parts {
		found = s.follow(&p.parts[i], found)
	}
	return found
}

func (s *Search[N]) follow(p *part, from iter.Seq[N]) iter.Seq[N] {
	switch p.kind {
	case isItself:
		return from
	case isParent:
		return s.parents(from)
	case isChild, isAnyChild:
		return func(yield func(N) bool) {
			for n := range from {
				for c := range s.children(p, n) {
					if !yield(c) {
						return
					}
				}
			}
		}
	case isDescendant, isAnyDescendant:
		return func(yield func(N) bool) {
			for n := range from {
				if !s.descend(p, n, yield) {
					return
				}
			}
		}
	case isAtPosition:
		return s.atPosition(p.position, from)
	}
	return func(yield func(N) bool) {
		for n := range from {
			if s.step(1) && s.has(p, n) && !yield(n) {
				return
			}
		}
	}
}

// children yields the children that a part asks for.
func (s *Search[N]) children(p *part, of N) iter.Seq[N] {
	return func(yield func(N) bool) {
		for c := range s.Tree.Children(of) {
			if !s.step(1) || s.fits(p, c) && !yield(c) {
				return
			}
		}
	}
}

func (s *Search[N]) fits(p *part, n N) bool {
	if p.kind == isAnyChild || p.kind == isAnyDescendant {
		return true
	}
	name, isElement := s.Tree.Tag(n)
	return isElement && p.tag.fits(name)
}

// descend yields what a part asks for below an element, and reports whether more is wanted.
func (s *Search[N]) descend(p *part, of N, yield func(N) bool) bool {
	for n := range s.Tree.Descendants(of) {
		if !s.step(1) || s.fits(p, n) && !yield(n) {
			return false
		}
	}
	return true
}

// has evaluates a predicate but that of a position.
func (s *Search[N]) has(p *part, n N) bool {
	switch p.kind {
	case hasAttribute:
		v, ok := s.Tree.Attribute(n, func(name Name) bool { return !s.step(1) || p.tag.fits(name) })
		return ok && s.step(len(p.value)/16) && (p.compare == "" || (v == p.value) == (p.compare == "='"))
	case hasText:
		return s.hasText(p, n)
	}
	for c := range s.children(p, n) {
		if p.kind == hasChild || s.hasText(p, c) {
			return true
		}
	}
	return false
}

func (s *Search[N]) hasText(p *part, n N) bool {
	return s.step(1+len(p.value)/16) && (s.Tree.Content(n) == p.value) == (p.compare == "='")
}

func (s *Search[N]) parents(from iter.Seq[N]) iter.Seq[N] {
	return func(yield func(N) bool) {
		seen := make(map[N]bool)
		for n := range from {
			up, ok := s.Tree.Parent(n)
			if !s.step(1) || !ok || seen[up] {
				continue
			}
			if !s.grow(bytesOfEntry) {
				return
			}
			seen[up] = true
			if !yield(up) {
				return
			}
		}
	}
}

// place is where elements of one name are: the children of an element.
type place[N comparable] struct {
	parent       N
	space, local string
}

// atPosition keeps what is the nth of its parent's children of the same name; from
// the end if n is negative.
func (s *Search[N]) atPosition(n int, from iter.Seq[N]) iter.Seq[N] {
	return func(yield func(N) bool) {
		type nth struct {
			n     N
			found bool
		}
		known := make(map[place[N]]nth)
		for at := range from {
			up, ok := s.Tree.Parent(at)
			if !s.step(1) || !ok {
				continue
			}
			name, _ := s.Tree.Tag(at)
			p := place[N]{up, name.Space, name.Local}
			wanted, ok := known[p]
			if !ok {
				if !s.grow(bytesOfEntry) {
					return
				}
				wanted.n, wanted.found = s.nth(p, n)
				known[p] = wanted
			}
			if wanted.found && wanted.n == at && !yield(at) {
				return
			}
		}
	}
}

// nth returns the element at a position among those of a place.
func (s *Search[N]) nth(p place[N], n int) (at N, found bool) {
	if n < 0 {
		for range s.of(p) {
			n++
		}
		if n < 0 {
			return at, false
		}
	}
	for c := range s.of(p) {
		if n--; n < 0 {
			return c, true
		}
	}
	return at, false
}

// of yields the elements of a place.
func (s *Search[N]) of(p place[N]) iter.Seq[N] {
	return func(yield func(N) bool) {
		for c := range s.Tree.Children(p.parent) {
			if !s.step(1) {
				return
			}
			name, isElement := s.Tree.Tag(c)
			if isElement && name.Space == p.space && name.Local == p.local && !yield(c) {
				return
			}
		}
	}
}

// documentTree is what a search sees of a document.
type documentTree struct {
	*Document
	from ID
}

// Children implements [Tree].
func (t documentTree) Children(n ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for c := t.FirstChild(n); c != None; c = t.Next(c) {
			if t.Kind(c) == Element && !yield(c) {
				return
			}
		}
	}
}

// Descendants implements [Tree].
func (t documentTree) Descendants(n ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for at := n + 1; at < t.End(n); at++ {
			if t.Kind(at) == Element && !yield(at) {
				return
			}
		}
	}
}

// Tag implements [Tree].
func (t documentTree) Tag(n ID) (Name, bool) { return t.Name(n), true }

// Parent implements [Tree].
func (t documentTree) Parent(n ID) (ID, bool) { return t.Document.Parent(n), n != t.from }

// Attribute implements [Tree].
func (t documentTree) Attribute(n ID, fits func(Name) bool) (string, bool) {
	from, to := t.Attributes(n)
	for a := from; a < to; a++ {
		if fits(t.Name(a)) {
			return t.Value(a), true
		}
	}
	return "", false
}

// Content implements [Tree].
func (t documentTree) Content(n ID) string { return t.Value(n) }
