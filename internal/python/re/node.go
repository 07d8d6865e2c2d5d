package re

// node is a part of a parsed pattern.
type node struct {
	kind   nodeKind
	char   rune     // literal
	negate bool     // literal, look
	class  *class   // set
	at     position // at
	group  int      // group (0 for one that captures nothing), ref, cond
	add    Flags    // group
	del    Flags    // group
	min    int      // repeat
	max    int      // repeat, -1 for without end
	mode   repeatMode
	behind bool   // look
	known  *width // group, atomic: of the body, once it has been asked for
	parts  []seq  // branch: the alternatives; others: the one body; cond: yes and, if there is one, no
}

type seq []*node

type nodeKind uint8

const (
	literal nodeKind = iota
	anyChar
	set
	at
	group
	branch
	repeat
	look
	ref
	cond
	atomic
)

type repeatMode uint8

const (
	greedy repeatMode = iota
	lazy
	possessive
)

// position is what a zero-width assertion asks for.
type position uint8

const (
	beginning     position = iota // ^
	end                           // $
	textBeginning                 // \A
	textEnd                       // \Z
	boundary                      // \b
	notBoundary                   // \B
)

// Widths saturate, as Python's do.
const maxWidth = 1<<32 - 1

// width returns how few and how many characters a sequence takes. The widths of
// groups that are closed are known.
func (s seq) width(groups []*width) width {
	var w width
	for _, n := range s {
		w = w.plus(n.width(groups))
	}
	return width{min(w.lo, maxWidth-1), min(w.hi, maxWidth)}
}

type width struct{ lo, hi int64 }

func (w width) plus(v width) width { return width{min(w.lo+v.lo, maxWidth), min(w.hi+v.hi, maxWidth)} }

func (w width) or(v width) width { return width{min(w.lo, v.lo), max(w.hi, v.hi)} }

func times(w int64, n int) int64 {
	if w == 0 || n == 0 {
		return 0
	}
	if n < 0 || int64(n) > maxWidth/w {
		return maxWidth
	}
	return w * int64(n)
}

func (n *node) width(groups []*width) width {
	switch n.kind {
	case literal, anyChar, set:
		return width{1, 1}
	case at, look:
		return width{}
	case ref:
		if w := groups[n.group]; w != nil {
			return *w
		}
		return width{}
	case branch:
		w := n.parts[0].width(groups)
		for _, alternative := range n.parts[1:] {
			w = w.or(alternative.width(groups))
		}
		return w
	case cond:
		w := n.parts[0].width(groups)
		if len(n.parts) == 1 {
			return width{0, w.hi}
		}
		return w.or(n.parts[1].width(groups))
	case repeat:
		w := n.parts[0].width(groups)
		return width{times(w.lo, n.min), times(w.hi, n.max)}
	}
	if n.known == nil {
		w := n.parts[0].width(groups)
		n.known = &w
	}
	return *n.known
}

// isUnit reports whether a node takes exactly one character.
func (n *node) isUnit() bool { return n.kind == literal || n.kind == anyChar || n.kind == set }
