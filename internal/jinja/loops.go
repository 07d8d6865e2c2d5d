package jinja

import (
	"iter"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// loopCode is a compiled for.
type loopCode struct {
	store      func(f *frame, v value) error
	test       expr // nil if there is none
	body, orel exec
	reset      []int // slots of the body's own variables
	resetElse  []int
	loop       int // slot of the loop variable, -1 if the body does not use it
	fn         *function
}

func (c *compiler) forLoop(n forLoop) (exec, error) {
	iter, err := c.expr(n.iter)
	if err != nil {
		return nil, err
	}
	code := &loopCode{loop: -1}
	inner := c.scope.inner()
	if n.recursive {
		inner = c.scope.newFunction()
	}
	code.fn = inner.fn
	inner.declareTarget(n.target)
	if _, ok := inner.slots["loop"]; ok {
		return nil, c.fail("Can't assign to special loop variable in for-loop")
	}
	testScope := inner
	if n.recursive || mentions(n.body, "loop") || n.test != nil && mentions([]statement{n.test}, "loop") {
		code.loop = inner.declare("loop")
	}
	inner.analyse(n.body)
	err = c.in(inner, func() (err error) {
		if code.store, err = c.store(n.target); err != nil {
			return err
		}
		code.body, err = c.body(n.body)
		return err
	})
	if err == nil && n.test != nil {
		err = c.in(testScope, func() (err error) { code.test, err = c.expr(n.test); return err })
	}
	if err != nil {
		return nil, err
	}
	code.reset = inner.resetSlots()
	otherwise := c.scope.inner()
	if n.recursive {
		otherwise = inner
	}
	otherwise.analyse(n.orel)
	if err := c.in(otherwise, func() (err error) { code.orel, err = c.body(n.orel); return err }); err != nil {
		return nil, err
	}
	code.resetElse = otherwise.resetSlots()
	if n.recursive {
		return func(f *frame) error {
			v, err := iter(f)
			if err != nil {
				return err
			}
			return code.run(f.newFrame(code.fn.size, f), v, &recursion{code, f}, 0)
		}, nil
	}
	return func(f *frame) error {
		v, err := iter(f)
		if err != nil {
			return err
		}
		return code.run(f, v, nil, 0)
	}, nil
}

// recursion lets a recursive loop call itself.
type recursion struct {
	code *loopCode
	home *frame
}

func (code *loopCode) run(f *frame, iterable value, again *recursion, depth int) error {
	loop, err := newLoop(f, iterable)
	if err != nil {
		return err
	}
	loop.again, loop.depth0 = again, depth
	if code.test != nil {
		if err := code.filter(f, loop); err != nil {
			return err
		}
	}
	var self value
	if code.loop >= 0 {
		self = pyvalue.FromObject(loop)
	}
	for loop.next() {
		if err := f.meter.Step(1); err != nil {
			return err
		}
		for _, slot := range code.reset {
			f.vars[slot] = missing
		}
		if code.loop >= 0 {
			f.vars[code.loop] = self
		}
		if err := code.store(f, loop.current); err != nil {
			return err
		}
		if err := code.body(f); err != nil {
			return err
		}
	}
	for _, slot := range code.reset {
		f.vars[slot] = missing
	}
	if loop.index0 >= 0 {
		return nil
	}
	for _, slot := range code.resetElse {
		f.vars[slot] = missing
	}
	return code.orel(f)
}

// filter keeps the items that the loop's own if lets pass. Jinja2 filters before
// it counts, so that loop.length and loop.last know only those.
func (code *loopCode) filter(f *frame, loop *loopState) error {
	var kept []value
	hidden := pyvalue.Undefined("The 'loop' object is not available in a loop's filter expression; 'loop' is undefined")
	for loop.next() {
		if err := f.meter.Step(1); err != nil {
			return err
		}
		for _, slot := range code.reset {
			f.vars[slot] = missing
		}
		if code.loop >= 0 {
			f.vars[code.loop] = hidden
		}
		if err := code.store(f, loop.current); err != nil {
			return err
		}
		v, err := code.test(f)
		if err != nil {
			return err
		}
		if pyvalue.Truth(v) {
			if err := f.meter.Grow(24); err != nil {
				return err
			}
			kept = append(kept, loop.current)
		}
	}
	*loop = loopState{items: kept, n: len(kept), index0: -1, again: loop.again, depth0: loop.depth0}
	return nil
}

// loopState is a running loop, and what templates know as loop.
type loopState struct {
	items    []value
	list     *pyvalue.List  // iterated itself, since it may grow meanwhile
	span     *pyvalue.Range // counted through, since it may be endless
	n        int
	index0   int
	current  value
	changed  value
	compared bool
	again    *recursion
	depth0   int
}

func newLoop(f *frame, iterable value) (*loopState, error) {
	l := &loopState{index0: -1}
	if list := iterable.List(); list != nil {
		l.list = list
		return l, nil
	}
	if items, ok := iterable.Items(); ok {
		l.items, l.n = items, len(items)
		return l, nil
	}
	if r, ok := iterable.Object().(*pyvalue.Range); ok {
		l.span, l.n = r, r.PyLen()
		return l, nil
	}
	items, err := pyvalue.Collect(f.meter, iterable)
	l.items, l.n = items, len(items)
	return l, err
}

func (l *loopState) length() int {
	if l.list != nil {
		return len(l.list.Items)
	}
	return l.n
}

func (l *loopState) at(i int) value {
	if l.list != nil {
		return l.list.Items[i]
	}
	if l.span != nil {
		return l.span.At(i)
	}
	return l.items[i]
}

func (l *loopState) next() bool {
	if l.index0+1 >= l.length() {
		return false
	}
	l.index0++
	l.current = l.at(l.index0)
	return true
}

func (l *loopState) PyType() string        { return "LoopContext" }
func (l *loopState) qualifiedName() string { return "jinja2.runtime.LoopContext" }
func (l *loopState) PyLen() int            { return l.length() }

func (l *loopState) PyRepr() string {
	return "<LoopContext " + strconv.Itoa(l.index0+1) + "/" + strconv.Itoa(l.length()) + ">"
}

// PyIter goes on with the loop, as iterating over the loop object does.
func (l *loopState) PyIter() iter.Seq[value] {
	return func(yield func(value) bool) {
		for l.next() {
			if !yield(pyvalue.NewTuple(l.current, pyvalue.FromObject(l))) {
				return
			}
		}
	}
}

// PyAttr gives loop.index and its kind.
func (l *loopState) PyAttr(name string) (value, bool) {
	number := func(i int) (value, bool) { return pyvalue.Int(int64(i)), true }
	switch name {
	case "index":
		return number(l.index0 + 1)
	case "index0":
		return number(l.index0)
	case "revindex":
		return number(l.length() - l.index0)
	case "revindex0":
		return number(l.length() - l.index0 - 1)
	case "length":
		return number(l.length())
	case "depth":
		return number(l.depth0 + 1)
	case "depth0":
		return number(l.depth0)
	case "first":
		return pyvalue.Bool(l.index0 == 0), true
	case "last":
		return pyvalue.Bool(l.index0+1 >= l.length()), true
	case "previtem":
		if l.index0 == 0 {
			return pyvalue.Undefined("there is no previous item"), true
		}
		return l.at(l.index0 - 1), true
	case "nextitem":
		if l.index0+1 >= l.length() {
			return pyvalue.Undefined("there is no next item"), true
		}
		return l.at(l.index0 + 1), true
	case "cycle":
		return pyvalue.NewBuiltin("cycle", l.cycle), true
	case "changed":
		return pyvalue.NewBuiltin("changed", l.change), true
	}
	return value{}, false
}

func (l *loopState) cycle(c *pyvalue.Call) (value, error) {
	if len(c.Args) == 0 {
		return value{}, pyvalue.Raise("TypeError", "no items for cycling given")
	}
	return c.Args[l.index0%len(c.Args)], nil
}

func (l *loopState) change(c *pyvalue.Call) (value, error) {
	now := pyvalue.NewTuple(c.Args...)
	if l.compared {
		same, err := pyvalue.EqualWithin(c.Meter, l.changed, now)
		if same || err != nil {
			return pyvalue.Bool(false), err
		}
	}
	l.changed, l.compared = now, true
	return pyvalue.Bool(true), nil
}

// callIn runs a recursive loop once more, over other items.
func (l *loopState) callIn(f *frame, c *pyvalue.Call) (value, error) {
	if l.again == nil {
		return value{}, pyvalue.Raise("TypeError", "The loop must have the 'recursive' marker to be called recursively.")
	}
	if len(c.Args) != 1 {
		return value{}, pyvalue.Raise("TypeError", "LoopContext.__call__() takes 2 positional arguments but %d were given", len(c.Args)+1)
	}
	if err := f.enter(); err != nil {
		return value{}, err
	}
	defer f.leave()
	inner := f.newFrame(l.again.code.fn.size, l.again.home)
	text, err := inner.captured(func(f *frame) error { return l.again.code.run(f, c.Args[0], l.again, l.depth0+1) })
	return f.markup(text), err
}
