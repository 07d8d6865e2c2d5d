package xpath

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// step is one part of a location path.
type step struct {
	axis       axis
	test       test
	predicates []expr
}

type axis uint8

const (
	child axis = iota
	attribute
	self
	parent
	ancestor
	ancestorOrSelf
	descendant
	descendantOrSelf
	following
	followingSibling
	preceding
	precedingSibling
	namespace
)

var axes = map[string]axis{
	"child": child, "attribute": attribute, "self": self, "parent": parent, "ancestor": ancestor, "ancestor-or-self": ancestorOrSelf,
	"descendant": descendant, "descendant-or-self": descendantOrSelf, "following": following, "following-sibling": followingSibling,
	"preceding": preceding, "preceding-sibling": precedingSibling, "namespace": namespace,
}

// backwards reports whether positions on the axis count towards the beginning.
func (a axis) backwards() bool {
	return a == ancestor || a == ancestorOrSelf || a == preceding || a == precedingSibling
}

// anyDepth is what // stands for.
var anyDepth = &step{axis: descendantOrSelf, test: test{kind: anyNode}}

// test is a node test.
type test struct {
	kind          testKind
	prefix, local string
}

type testKind uint8

const (
	_ testKind = iota
	anyNode
	texts
	comments
	instructions
	principal // *: elements, or attributes on the attribute axis
	inSpace   // prefix:*
	named
)

var nodeTypes = map[string]testKind{"node": anyNode, "text": texts, "comment": comments, "processing-instruction": instructions}

// fits tests a node. space is the namespace of the test's prefix.
func (t test) fits(d *xmldoc.Document, n xmldoc.ID, a axis, space string) bool {
	kind := d.Kind(n)
	switch t.kind {
	case anyNode:
		return true
	case texts:
		return kind == xmldoc.Text
	case comments:
		return kind == xmldoc.Comment
	case instructions:
		return kind == xmldoc.Instruction && (t.local == "" || d.Name(n).Local == t.local)
	}
	wanted := xmldoc.Element
	if a == attribute {
		wanted = xmldoc.Attribute
	}
	if kind != wanted {
		return false
	}
	switch name := d.Name(n); t.kind {
	case principal:
		return true
	case inSpace:
		return name.Space == space
	default:
		return name.Local == t.local && name.Space == space
	}
}

// walk calls f with the nodes of an axis, in the order in which positions count.
// It ends early when f returns false.
func walk(d *xmldoc.Document, a axis, n xmldoc.ID, f func(xmldoc.ID) bool) {
	switch a {
	case self:
		f(n)
	case child:
		for c := d.FirstChild(n); c != xmldoc.None && f(c); c = d.Next(c) {
		}
	case attribute:
		if d.Kind(n) == xmldoc.Element {
			from, to := d.Attributes(n)
			for ; from < to && f(from); from++ {
			}
		}
	case parent:
		if up := d.Parent(n); up != xmldoc.None {
			f(up)
		}
	case ancestor, ancestorOrSelf:
		if a == ancestor {
			n = d.Parent(n)
		}
		for ; n != xmldoc.None && f(n); n = d.Parent(n) {
		}
	case descendant, descendantOrSelf:
		if a == descendantOrSelf && !f(n) {
			return
		}
		forward(d, n+1, d.End(n), f)
	case following:
		if d.Kind(n) == xmldoc.Attribute {
			n = d.Parent(n) // what is within the element does not follow, as libxml2 has it
		}
		forward(d, d.End(n), xmldoc.ID(d.Len()), f)
	case followingSibling:
		for n = d.Next(n); n != xmldoc.None && f(n); n = d.Next(n) {
		}
	case preceding:
		backward(d, n, f)
	case precedingSibling:
		for n = d.Previous(n); n != xmldoc.None && f(n); n = d.Previous(n) {
		}
	}
}

// forward visits what is no attribute in a range of nodes.
func forward(d *xmldoc.Document, from, to xmldoc.ID, f func(xmldoc.ID) bool) {
	for from < to {
		if d.Kind(from) == xmldoc.Attribute {
			_, from = d.Attributes(from - 1) // it is the first one of the element before
			continue
		}
		if !f(from) {
			return
		}
		from++
	}
}

// backward visits what ends before a node begins, the nearest first.
func backward(d *xmldoc.Document, n xmldoc.ID, f func(xmldoc.ID) bool) {
	if d.Kind(n) == xmldoc.Attribute {
		n = d.Parent(n)
	}
	for before := n - 1; before > 0; before-- {
		if d.Kind(before) == xmldoc.Attribute {
			before = d.Parent(before) // its other attributes are passed over, too
		}
		if d.End(before) <= n && !f(before) {
			return
		}
	}
}

// bytesOfNode is what a node takes in a list.
const bytesOfNode = 4

// take goes one step on from each of the nodes.
func (s *step) take(r *run, from nodes) nodes {
	space := ""
	if s.test.prefix != "" {
		var ok bool
		if space, ok = r.doc.Namespace(s.test.prefix); !ok {
			r.fail(&PrefixError{s.test.prefix})
			return nil
		}
	}
	var all nodes
	ordered := true
	for _, n := range from {
		found := s.from(r, n, space)
		if r.err != nil {
			return nil
		}
		if len(found) == 0 {
			continue
		}
		if s.axis.backwards() {
			slices.Reverse(found)
		}
		ordered = ordered && (len(all) == 0 || r.compare(found[0], all[len(all)-1]) > 0)
		if room := cap(all) - len(all); room < len(found) && !r.grow(bytesOfNode*int64(len(all)+len(found))) {
			return nil
		}
		all = append(all, found...)
	}
	if !ordered {
		all = r.sorted(all)
	}
	return all
}

// from goes one step on from one node; the order is that of positions.
func (s *step) from(r *run, n xmldoc.ID, space string) nodes {
	if of, isSpace := r.spaceNode(n); isSpace || s.axis == namespace {
		return r.narrow(s.spaces(r, n, of, space), s.predicates)
	}
	var found nodes
	visited := 0
	most := s.limit()
	walk(r.doc, s.axis, n, func(at xmldoc.ID) bool {
		if visited++; visited&1023 == 0 && !r.step(1024) {
			return false
		}
		if s.test.fits(r.doc, at, s.axis, space) {
			found = append(found, at)
		}
		return most < 0 || len(found) < most
	})
	r.step(visited&1023 + 1)
	return r.narrow(found, s.predicates)
}

// narrow filters nodes by predicates, one after the other.
func (r *run) narrow(found nodes, predicates []expr) nodes {
	for _, p := range predicates {
		found = r.keep(found, p)
	}
	return found
}

// limit returns how many nodes the first predicate can need, -1 for all.
func (s *step) limit() int {
	if len(s.predicates) > 0 {
		if f, ok := s.predicates[0].(float); ok && f >= 1 && f < 1<<20 {
			return int(f)
		}
	}
	return -1
}

// keep filters nodes by a predicate: a number is a position.
func (r *run) keep(found nodes, p expr) nodes {
	kept := found[:0:0]
	before := r.context
	defer func() { r.context = before }()
	for i, n := range found {
		if r.err != nil {
			return nil
		}
		r.context = context{n, i + 1, len(found)}
		v := p.eval(r)
		if f, ok := v.(float); ok && float64(f) == float64(i+1) || !ok && bool(truth(r, v)) {
			kept = append(kept, n)
		}
	}
	return kept
}
