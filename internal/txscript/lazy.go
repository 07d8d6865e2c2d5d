package txscript

import (
	"errors"
	"iter"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// lazy is something that can be walked over once: a generator, map, filter, zip,
// enumerate, reversed, or an iterator.
type lazy struct {
	r     *run
	class string
	each  pyvalue.Walk
	// function is set for a generator made by a function, held for what a variable has: they
	// stay where they are when a loop leaves them. The others are walked over in one go,
	// unless next has begun.
	function, held bool
	owned          bool // nobody else has it than who walks over it, or asks for its first element

	at     func(i int) (value, bool) // of an iterator over a sequence, which needs no coroutine
	passed int

	pull    func() (value, bool) // once it has begun
	stop    func()
	running bool
	done    bool
	err     error // that ended it
	sent    value // what send gave
	thrown  error // what throw gave
	result  value // what the function returned
}

// errStopped ends the function of a generator that nobody asks any more.
var errStopped = errors.New("the generator is closed")

// PyType implements [pyvalue.Object].
func (l *lazy) PyType() string { return l.class }

// PyRepr prints it without its address.
func (l *lazy) PyRepr() string { return "<" + l.class + " object>" }

// PyAttr returns the methods of a generator.
func (l *lazy) PyAttr(name string) (value, bool) {
	if l.function && name == "throw" {
		return pyvalue.FromObject(&builtin{name, l.throw}), true
	}
	if !l.function || name != "send" && name != "close" {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
		if name == "close" {
			return value{}, l.close()
		}
		if err := c.Exactly("generator.send", 1); err != nil {
			return value{}, err
		}
		if l.pull == nil && !c.Args[0].IsNone() {
			return value{}, pyvalue.Raise("TypeError", "can't send non-None value to a just-started generator")
		}
		l.sent = c.Args[0]
		v, ok, err := l.next()
		if err == nil && !ok {
			err = l.ended()
		}
		return v, err
	}}), true
}

// throw raises an exception where the generator waits.
func (l *lazy) throw(r *run, c *pyvalue.Call) (value, error) {
	e, ok := first(c.Args).Object().(*exception)
	if k, isClass := first(c.Args).Object().(interface {
		PyCall(c *pyvalue.Call) (value, error)
	}); isClass && !ok {
		made, err := k.PyCall(&pyvalue.Call{Args: c.Args[1:], Meter: r.meter})
		if err != nil {
			return value{}, err
		}
		e, ok = made.Object().(*exception)
	}
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "exceptions must be classes or instances deriving from BaseException, not %s", pyvalue.TypeName(first(c.Args)))
	}
	if l.pull == nil || l.done { // it has not begun, or is at its end
		l.done = true
		return value{}, &raisedError{e}
	}
	l.thrown = &raisedError{e}
	v, ok, err := l.next()
	if err == nil && !ok {
		err = l.ended()
	}
	return v, err
}

// close raises GeneratorExit where the generator waits, which must let it through.
func (l *lazy) close() error {
	if l.pull == nil || l.done {
		l.done = true
		return nil
	}
	l.thrown = &raisedError{newException("GeneratorExit")}
	_, yielded, err := l.next()
	if yielded {
		return pyvalue.Raise("RuntimeError", "generator ignored GeneratorExit")
	}
	if e := caught(err); e != nil && derives(e.class, "GeneratorExit") {
		return nil
	}
	return err
}

// delegate is yield from another generator: it gets what is sent and thrown.
func (r *run) delegate(f *frame, l *lazy) (value, error) {
	v, ok, err := l.next()
	for err == nil && ok {
		if err = r.meter.Step(1); err != nil {
			break
		}
		sent, stopped := f.generator(v)
		e := caught(stopped)
		switch {
		case stopped != nil && e == nil:
			return value{}, stopped // nobody asks any more
		case e != nil && derives(e.class, "GeneratorExit"):
			if err = l.close(); err == nil {
				err = stopped
			}
			return value{}, err
		case e != nil:
			l.thrown = stopped
		default:
			l.sent = sent
		}
		v, ok, err = l.next()
	}
	return l.result, err
}

// ended is the StopIteration at the end.
func (l *lazy) ended() error {
	if l.result.IsNone() {
		return &pyvalue.Error{Type: "StopIteration"}
	}
	e := newException("StopIteration", l.result)
	e.attrs = map[string]value{"value": l.result}
	return &raisedError{e}
}

// PyWalk yields what is left.
func (l *lazy) PyWalk() (pyvalue.Walk, error) { return l.walk, nil }

func (l *lazy) walk(yield func(value) (bool, error)) error {
	end, err := l.r.deeper()
	if err != nil {
		return err
	}
	defer end()
	if !l.function && !l.held && l.pull == nil {
		if l.done {
			return nil
		}
		l.done = true
		return l.each(yield)
	}
	if l.owned && !l.held && l.pull == nil && !l.done && !l.running {
		return l.push(yield)
	}
	for {
		v, ok, err := l.next()
		if err != nil || !ok {
			return err
		}
		if more, err := yield(v); err != nil || !more {
			return err
		}
	}
}

// push walks over a generator that nobody else has without stopping it at each element:
// what its elements are for runs within the yield of its function. None of that may show
// there: an exception passes by the function, and calls are counted from where the walk
// is. Who leaves the walk closes the generator, since nobody else can go on with it: its
// function sees GeneratorExit, and what it raises then is lost.
func (l *lazy) push(yield func(value) (bool, error)) error {
	r := l.r
	if err := r.deeperCall(); err != nil {
		return err
	}
	before := r.calls - 1
	l.running, l.done = true, true
	var outside error
	var result value
	left := false
	err := l.each(func(v value) (bool, error) {
		if left {
			return false, errStopped // it goes on in spite of GeneratorExit
		}
		depth := r.calls - before
		r.calls -= depth
		more, err := yield(v)
		r.calls += depth
		if more && err == nil {
			return true, nil
		}
		left, outside, result = true, err, r.ret
		switch {
		case err != nil && caught(err) == nil:
			return false, errStopped
		case err == nil && !l.function:
			return false, nil
		}
		return false, &raisedError{newException("GeneratorExit")}
	})
	l.running = false
	r.calls--
	if !left {
		return err
	}
	r.ret = result
	if outside == nil && !errors.Is(err, errStopped) && caught(err) == nil {
		return err // the run ends
	}
	return outside
}

// first returns the first element of a generator that nobody else has.
func (l *lazy) first() (v value, ok bool, err error) {
	err = l.push(func(item value) (bool, error) {
		v, ok = item, true
		return false, nil
	})
	return v, ok, err
}

// next returns the next element; ok is false at the end.
func (l *lazy) next() (v value, ok bool, err error) {
	r := l.r
	if l.done {
		return value{}, false, nil
	}
	if l.running {
		return value{}, false, pyvalue.Raise("ValueError", "generator already executing")
	}
	if l.at != nil {
		v, ok = l.at(l.passed)
		l.passed++
		l.done = !ok
		return v, ok, nil
	}
	if l.pull == nil {
		if err := r.meter.Grow(8 << 10); err != nil { // what a coroutine takes
			return value{}, false, err
		}
		l.begin()
	}
	walks, calls := r.walks, r.calls
	if err := r.deeperCall(); err != nil {
		return value{}, false, err
	}
	l.running = true
	v, ok = l.pull()
	r.walks, r.calls = walks, calls
	l.running = false
	if !ok {
		l.done, err, l.err = true, l.err, nil
	}
	return v, ok, err
}

func (l *lazy) begin() {
	l.pull, l.stop = iter.Pull(func(yield func(value) bool) {
		l.err = l.each(func(v value) (bool, error) {
			if !yield(v) {
				return false, errStopped
			}
			return true, nil
		})
	})
	l.r.stops = append(l.r.stops, l.stop)
}

// close ends the generators that have begun and are not at their end.
func (r *run) close() {
	for _, stop := range r.stops {
		stop()
	}
	clear(r.stops)
	r.stops = r.stops[:0]
}

// generate makes the generator that a call of a function with yield returns.
func (c *closure) generate(f *frame) value {
	r := c.r
	l := &lazy{r: r, class: "generator", function: true}
	l.each = func(yield func(value) (bool, error)) error {
		f.generator = func(v value) (value, error) {
			more, err := yield(v)
			if err == nil && !more {
				err = errStopped
			}
			sent := l.sent
			l.sent = value{}
			if err == nil && l.thrown != nil {
				err, l.thrown = l.thrown, nil
			}
			return sent, err
		}
		ctl, err := c.code.body(r, f)
		if err == nil && ctl == returned {
			l.result, r.ret = r.ret, value{}
		}
		if e := caught(err); e != nil && derives(e.class, "StopIteration") {
			err = pyvalue.Raise("RuntimeError", "generator raised StopIteration")
		}
		return err
	}
	return pyvalue.FromObject(l)
}

// yield compiles yield and yield from.
func (c *compiler) yield(x *yieldExpr) eval {
	if !c.inFunction || c.scope.kind != functionScope {
		fail(x.at(), "'yield' outside function")
	}
	if x.from {
		c.owns(x.x)
	}
	v := c.optional(x.x)
	if !x.from {
		return func(r *run, f *frame) (value, error) {
			v, err := v(r, f)
			if err != nil {
				return value{}, err
			}
			return f.generator(v)
		}
	}
	return func(r *run, f *frame) (value, error) {
		over, err := v(r, f)
		if err != nil {
			return value{}, err
		}
		if l, ok := over.Object().(*lazy); ok && l.function {
			return r.delegate(f, l)
		}
		err = pyvalue.Each(over, func(item value) (bool, error) {
			if err := r.meter.Step(1); err != nil {
				return false, err
			}
			_, err := f.generator(item)
			return true, err
		})
		return value{}, err
	}
}

// deeper counts one more walk within a walk. A coroutine that stops within one leaves
// it counted, so the end sets what was before.
func (r *run) deeper() (end func(), err error) {
	before := r.walks
	if before >= maxWalks {
		return nil, pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	r.walks++
	return func() { r.walks = before }, nil
}

// held returns a value as that of a variable.
func held(v value) variable {
	if l, ok := pyvalue.As[*lazy](v); ok {
		l.held = true
	}
	return variable{v, true}
}

// iterator makes what iter returns for something that can be walked over.
func (r *run) iterator(v value) (value, error) {
	l := &lazy{r: r, class: "iterator", each: func(yield func(value) (bool, error)) error { return pyvalue.Each(v, yield) }}
	if list := v.PlainList(); list != nil {
		l.held = true
		l.at = func(i int) (value, bool) {
			if i >= len(list.Items) {
				return value{}, false
			}
			return list.Items[i], true
		}
	}
	return pyvalue.FromObject(l), pyvalue.Iterable(v)
}

// lazy makes a lazy value that walks over others.
func (r *run) lazy(class string, each pyvalue.Walk) value {
	return pyvalue.FromObject(&lazy{r: r, class: class, each: each})
}
