package xpath

import (
	"cmp"
	mathbits "math/bits"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// spaceNode is a node of the namespace axis: a namespace that is in force for an element.
type spaceNode struct {
	of   xmldoc.ID
	name *xmldoc.Name // Local is the prefix, Space the namespace
}

// spaces are the namespace nodes that an evaluation has met. The document has no nodes for
// them, so they get the IDs below [xmldoc.None] here.
type spaces struct {
	met []spaceNode
	of  map[xmldoc.ID]nodes // by element
}

const firstSpace = xmldoc.None - 1

// spaceNode returns the namespace node of an ID; ok is false for nodes of the document.
func (r *run) spaceNode(n xmldoc.ID) (s spaceNode, ok bool) {
	if n > firstSpace {
		return spaceNode{}, false
	}
	return r.spaces.met[firstSpace-n], true
}

// namespaces returns the namespace nodes of an element, in libxml2's order.
func (r *run) namespaces(n xmldoc.ID) nodes {
	if found, ok := r.spaces.of[n]; ok || n < 0 || r.doc.Kind(n) != xmldoc.Element {
		return found
	}
	const costOfSpace = 4
	var found nodes
	for _, name := range r.doc.Scope(n) {
		if !r.step(costOfSpace) {
			return nil
		}
		found = append(found, firstSpace-xmldoc.ID(len(r.spaces.met)))
		r.spaces.met = append(r.spaces.met, spaceNode{n, name})
	}
	if r.spaces.of == nil {
		r.spaces.of = make(map[xmldoc.ID]nodes)
	}
	r.spaces.of[n] = found
	return found
}

// spaces goes one step on along the namespace axis, or from a namespace node: of an element
// it is as near as an attribute.
func (s *step) spaces(r *run, n xmldoc.ID, of spaceNode, space string) nodes {
	var found nodes
	if s.axis == namespace {
		for _, at := range r.namespaces(n) {
			name := r.spaces.met[firstSpace-at].name
			if s.test.kind == anyNode || s.test.kind == principal || s.test.kind == inSpace || s.test.kind == named && s.test.local == name.Local {
				found = append(found, at)
			}
		}
		return found
	}
	if (s.axis == self || s.axis == ancestorOrSelf || s.axis == descendantOrSelf) && s.test.kind == anyNode {
		found = append(found, n)
	}
	axis := s.axis
	switch axis {
	case parent:
		axis = self
	case ancestor:
		axis = ancestorOrSelf
	case ancestorOrSelf, following, preceding:
	default:
		return found
	}
	walk(r.doc, axis, of.of, func(at xmldoc.ID) bool {
		if s.test.fits(r.doc, at, axis, space) {
			found = append(found, at)
		}
		return r.step(1)
	})
	return found
}

// compare orders nodes as the document is, the namespaces of an element before its
// attributes. (Where namespaces are united with other nodes, libxml2's order is not that of
// the document.)
func (r *run) compare(a, b xmldoc.ID) int {
	if a >= 0 && b >= 0 {
		return cmp.Compare(a, b)
	}
	place := func(n xmldoc.ID) xmldoc.ID {
		if s, ok := r.spaceNode(n); ok {
			return s.of
		}
		return n
	}
	if c := cmp.Compare(place(a), place(b)); c != 0 {
		return c
	}
	switch {
	case a >= 0:
		return -1
	case b >= 0:
		return 1
	}
	return cmp.Compare(b, a) // as they were met
}

// sorted puts nodes into the order of the document, each once.
func (r *run) sorted(all nodes) nodes {
	if len(r.spaces.met) == 0 {
		if len(all) > manyNodes {
			return r.marked(all)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	compared := 0
	slices.SortFunc(all, func(a, b xmldoc.ID) int {
		if compared++; compared&1023 == 0 {
			r.step(1024)
		}
		if r.err != nil {
			return 0
		}
		return r.compare(a, b)
	})
	return slices.Compact(all)
}

// manyNodes is how many nodes are sorted without a look.
const manyNodes = 1 << 16

// marked sorts nodes by a bit for each node of the document, which takes a time that grows
// with their number alone.
func (r *run) marked(all nodes) nodes {
	const bits = 64
	marks := make([]uint64, r.doc.Len()/bits+1)
	for some := range slices.Chunk(all, manyNodes) {
		if !r.step(len(some)) {
			return nil
		}
		for _, n := range some {
			marks[n/bits] |= 1 << (n % bits)
		}
	}
	sorted := all[:0]
	for i, word := range marks {
		for ; word != 0; word &= word - 1 {
			sorted = append(sorted, xmldoc.ID(i*bits+mathbits.TrailingZeros64(word)))
		}
	}
	return sorted
}
