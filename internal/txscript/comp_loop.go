package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// compLoop is a compiled "for … in … if …" of a comprehension. Lists, which most of them walk
// over, are walked over without a function for each walk: a comprehension is often within
// a loop itself, and would make garbage each time.
type compLoop struct {
	set  setter
	cond test
	look *lookup // that chooses the elements; nil for none

	next *compLoop // within it, nil for the innermost
	iter eval      // what next walks over

	key, value eval // of the innermost
	asItIs     bool // what it yields are the elements that a lookup has chosen
}

// clauses compiles the loops of a comprehension, the innermost first.
func (c *compiler) clauses(x *compExpr) (outer *compLoop) {
	v, key := c.expr(x.value), c.optional(x.key)
	for i := len(x.clauses) - 1; i >= 0; i-- {
		cl := x.clauses[i]
		made := &compLoop{set: c.store(cl.target), look: c.lookupClause(x, i), next: outer, key: key, value: v}
		if made.look != nil {
			made.cond = made.look.all
			made.asItIs = outer == nil && len(made.look.rest) == 0 && isName(x.value, cl.target)
		} else {
			made.cond = c.conditions(cl.conditions)
		}
		if outer != nil {
			made.iter = c.walked(x.clauses[i+1].iter)
		}
		outer = made
	}
	return outer
}

// walk runs the clause, and those within it, over the elements of a value; false says that
// the consumer wants no more.
func (cl *compLoop) walk(r *run, f *frame, over value, to *taker) (more bool, err error) {
	if cl.look != nil {
		if more, done, err := cl.chosen(r, f, over, to); done || err != nil {
			return more, err
		}
	}
	if l := over.PlainList(); l != nil {
		for i := 0; i < len(l.Items); i++ { // it may grow meanwhile
			if more, err := cl.one(r, f, l.Items[i], cl.cond, to); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	}
	return cl.walkEach(r, f, over, to)
}

func (cl *compLoop) walkEach(r *run, f *frame, over value, to *taker) (more bool, err error) {
	more = true
	err = pyvalue.Each(over, func(item value) (bool, error) {
		var err error
		more, err = cl.one(r, f, item, cl.cond, to)
		return more, err
	})
	return more, err
}

// begin counts an element and sets the variable of the clause.
func (cl *compLoop) begin(r *run, f *frame, item value) error {
	if err := r.meter.Step(1); err != nil {
		return err
	}
	return cl.set(r, f, item)
}

// one runs the clause for one element.
func (cl *compLoop) one(r *run, f *frame, item value, cond test, to *taker) (more bool, err error) {
	if err := cl.begin(r, f, item); err != nil {
		return false, err
	}
	if ok, err := cond(r, f); err != nil || !ok {
		return err == nil, err
	}
	if cl.next == nil {
		key, err := cl.key(r, f)
		if err != nil {
			return false, err
		}
		v, err := cl.value(r, f)
		if err != nil {
			return false, err
		}
		return to.take(r, key, v)
	}
	over, err := cl.iter(r, f)
	if err != nil {
		return false, err
	}
	return cl.next.walk(r, f, over, to)
}

// chosen runs the clause for the elements that its lookup chooses; done is false if they
// have to be compared one by one.
func (cl *compLoop) chosen(r *run, f *frame, over value, to *taker) (more, done bool, err error) {
	found, done, err := cl.look.matches(r, f, over, func(item value) error { return cl.begin(r, f, item) })
	if err != nil || !done {
		return false, false, err
	}
	items := over.List().Items
	if cl.asItIs && to.collects() {
		return true, true, to.choose(r, items, found)
	}
	for _, i := range found {
		if more, err := cl.one(r, f, items[i], cl.look.rests, to); err != nil || !more {
			return false, true, err
		}
	}
	if passesOver(items, found) {
		err = cl.set(r, f, items[len(items)-1])
	}
	return true, true, err
}

// taker takes what a comprehension yields: the consumer of a generator, a dict, or else a
// list.
type taker struct {
	yield func(v value) (more bool, err error)
	dict  *pyvalue.Dict
	list  []value
}

// collects reports that it does nothing but put values into the list.
func (to *taker) collects() bool { return to.yield == nil && to.dict == nil }

func (to *taker) take(r *run, key, v value) (more bool, err error) {
	switch {
	case to.yield != nil:
		return to.yield(v)
	case to.dict != nil:
		if err := r.meter.Grow(48); err != nil {
			return false, err
		}
		if err := r.meter.Key(key); err != nil {
			return false, err
		}
		return true, to.dict.Set(key, v)
	}
	to.list = append(to.list, v)
	return true, r.meter.Grow(24)
}

// choose takes the elements that a lookup has found, as if one after the other.
func (to *taker) choose(r *run, items []value, found []int32) error {
	if err := r.meter.Step(int64(len(found))); err != nil {
		return err
	}
	if err := r.meter.GrowTimes(len(found), 24); err != nil {
		return err
	}
	to.list = slices.Grow(to.list, len(found))
	for _, i := range found {
		to.list = append(to.list, items[i])
	}
	return nil
}

func isName(x, target expr) bool {
	v, ok := x.(*nameExpr)
	t, isTarget := target.(*nameExpr)
	return ok && isTarget && v.name == t.name
}
