package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// deeperCall counts a call of a function; the end of the call takes it back.
func (r *run) deeperCall() error {
	if r.calls++; r.calls > maxCalls {
		r.calls--
		return pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	return nil
}

// newFrame makes the frame of a call.
func (c *closure) newFrame() *frame { return c.r.newFrame(c.code.size, c.frame, c) }

// done ends a call, whose frame can be used again if nothing refers to it.
func (c *closure) done(f *frame) {
	c.r.calls--
	if c.code.brief {
		c.r.spareFrame(f)
	}
}

// run executes the function in a frame whose parameters have their values.
func (c *closure) run(f *frame) (value, error) {
	r := c.r
	if c.code.f.yields {
		return c.generate(f), nil
	}
	if c.code.expr != nil {
		return c.code.expr(r, f)
	}
	ctl, err := c.code.body(r, f)
	if err != nil || ctl != returned {
		return value{}, err
	}
	v := r.ret
	r.ret = value{}
	return v, nil
}

// takes reports that a function can be called directly with n arguments by position.
func (c *code) takes(n int) bool { return c.plain && n >= c.required && n <= len(c.f.params) }

// direct calls a function that takes the arguments of the source, which are evaluated
// into its frame; those in before come first. A generator that it returns is owned by
// whoever walks over it if owned is set.
func (c *closure) direct(r *run, f *frame, args []eval, owned bool, before ...value) (value, error) {
	own := c.newFrame()
	for i, v := range before {
		own.vars[i] = variable{v, true}
	}
	n := len(before)
	for _, arg := range args {
		v, err := arg(r, f)
		if err != nil {
			return value{}, err
		}
		own.vars[n] = held(v)
		n++
	}
	v, err := c.enter(own, n)
	if owned && err == nil && c.code.f.yields {
		v.Object().(*lazy).owned = true
	}
	return v, err
}

// enter runs a call whose first n parameters have their values.
func (c *closure) enter(own *frame, n int) (value, error) {
	r := c.r
	if err := r.meter.Step(1); err != nil {
		return value{}, err
	}
	if err := r.deeperCall(); err != nil {
		return value{}, err
	}
	for ; n < len(c.defaults); n++ {
		own.vars[n] = variable{c.defaults[n], true}
	}
	v, err := c.run(own)
	c.done(own)
	return v, err
}

// call1 calls a value with one argument.
func (r *run) call1(f, arg value) (value, error) {
	if c, ok := pyvalue.As[*closure](f); ok && c.code.takes(1) {
		own := c.newFrame()
		own.vars[0] = held(arg)
		return c.enter(own, 1)
	}
	return r.call(f, &pyvalue.Call{Args: []value{arg}, Meter: r.meter})
}

// methodOf returns the function of the program that a method of an object is; nil for
// what is none.
func methodOf(v value, name string) (f *closure, self value) {
	o, ok := pyvalue.As[*instance](v)
	if !ok {
		return nil, v
	}
	found, _ := o.class.find(name, nil)
	if f, ok = pyvalue.As[*closure](found); ok {
		if _, own := o.attrs.GetStr(name); own {
			return nil, v
		}
	}
	return f, v
}

// owns notes a call whose result is used up where it stands, so that nobody else has it.
func (c *compiler) owns(x expr) {
	if call, ok := x.(*callExpr); ok {
		c.changes.owned[call] = true
	}
}
