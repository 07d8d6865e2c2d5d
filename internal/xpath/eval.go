package xpath

import (
	"math"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/xmldoc"
)

// value is a result: nodes, text, float or boolean.
type value interface{ isValue() }

type (
	nodes   []xmldoc.ID // in document order, each once
	text    string
	float   float64
	boolean bool
)

func (nodes) isValue()   {}
func (text) isValue()    {}
func (float) isValue()   {}
func (boolean) isValue() {}

// expr is a part of a compiled expression.
type expr interface {
	eval(r *run) value
	// isNodes reports whether eval gives nodes.
	isNodes() bool
}

// context is what an expression is evaluated for.
type context struct {
	node     xmldoc.ID
	position int
	size     int
}

// run is one evaluation.
type run struct {
	doc *xmldoc.Document
	context
	meter  Meter
	err    error
	spaces spaces
}

func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// step counts n operations and reports whether the evaluation may go on.
func (r *run) step(n int) bool {
	if r.err == nil && r.meter != nil {
		r.err = r.meter.Step(int64(n))
	}
	return r.err == nil
}

// look counts a piece of a text that has been gone over: it is a [longtext.Look].
func (r *run) look(bytes int) error {
	const perStep = 128
	r.step(bytes / perStep)
	return r.err
}

// grow counts the bytes of a text before it is made, and reports whether it may be.
func (r *run) grow(n int64) bool {
	if r.err == nil && r.meter != nil {
		r.err = r.meter.Grow(n)
	}
	return r.err == nil
}

func (t text) eval(*run) value  { return t }
func (f float) eval(*run) value { return f }
func (text) isNodes() bool      { return false }
func (float) isNodes() bool     { return false }

// group is an expression in parentheses.
type group struct{ expr }

// location is a path.
type location struct {
	absolute bool
	from     expr // nil for the context, or the root
	steps    []*step
}

func (*location) isNodes() bool { return true }

func (l *location) eval(r *run) value {
	var at nodes
	switch {
	case l.from != nil:
		at = l.from.eval(r).(nodes)
	case l.absolute:
		at = nodes{0}
	default:
		at = nodes{r.node}
	}
	for i := 0; i < len(l.steps); i++ {
		s := l.steps[i]
		// //name is descendant::name, unless positions count.
		if s == anyDepth && i+1 < len(l.steps) && l.steps[i+1].axis == child && l.steps[i+1].predicates == nil {
			i++
			s = &step{axis: descendant, test: l.steps[i].test}
			at = outermost(r.doc, at)
		}
		if at = s.take(r, at); r.err != nil || len(at) == 0 {
			return nodes(nil)
		}
	}
	return at
}

// outermost drops nodes that are within others, since their descendants are found
// anyway.
func outermost(d *xmldoc.Document, all nodes) nodes {
	if len(all) < 2 {
		return all
	}
	kept := all[:0:0]
	end := xmldoc.ID(0)
	for _, n := range all {
		if n >= end && n >= 0 {
			kept, end = append(kept, n), d.End(n)
		}
	}
	return kept
}

// filter is a set of nodes with predicates, which count positions in document order.
type filter struct {
	expr
	predicates []expr
}

func (f *filter) eval(r *run) value {
	return r.narrow(f.expr.eval(r).(nodes), f.predicates)
}

type union struct{ left, right expr }

func (*union) isNodes() bool { return true }

func (u *union) eval(r *run) value {
	left, right := u.left.eval(r).(nodes), u.right.eval(r).(nodes)
	if !r.step(len(left) + len(right)) {
		return nodes(nil)
	}
	return r.sorted(append(slices.Clone(left), right...))
}

type negative struct {
	expr
	odd bool
}

func (*negative) isNodes() bool { return false }

func (n *negative) eval(r *run) value {
	f := toNumber(r, n.expr.eval(r))
	if n.odd {
		return -f
	}
	return f
}

type operation struct {
	op          string
	left, right expr
}

func (*operation) isNodes() bool { return false }

func (o *operation) eval(r *run) value {
	r.step(1)
	switch o.op {
	case "or":
		return truth(r, o.left.eval(r)) || truth(r, o.right.eval(r))
	case "and":
		return truth(r, o.left.eval(r)) && truth(r, o.right.eval(r))
	}
	left, right := o.left.eval(r), o.right.eval(r)
	switch o.op {
	case "=", "!=", "<", "<=", ">", ">=":
		return boolean(compare(r, o.op, left, right))
	}
	a, b := toNumber(r, left), toNumber(r, right)
	switch o.op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "div":
		return a / b
	}
	return float(math.Mod(float64(a), float64(b)))
}
