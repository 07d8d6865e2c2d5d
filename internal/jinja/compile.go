package jinja

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// compiler turns statements and expressions into closures.
type compiler struct {
	t     *Template
	scope *scope
	root  *scope // of the template
	pos   int    // of the statement that is compiled
	// branches is how many branches of an if are around: what stands there may never be reached.
	branches int
	soft     bool // an unknown filter or test is an error only when it is reached
	// folded says that a constant is printed. Jinja2 works it out beforehand, and
	// a slice that Python refuses is Undefined then.
	folded bool
	// volatile says that an autoescape around is decided while the template runs. What
	// Jinja2 works out beforehand is escaped as the last autoescape says that it knew.
	volatile bool
	escaping bool
}

// in compiles with another scope.
func (c *compiler) in(s *scope, f func() error) error {
	saved, soft := c.scope, c.soft
	c.scope, c.soft = s, false
	err := f()
	c.scope, c.soft = saved, soft
	return err
}

func (c *compiler) fail(format string, args ...any) error {
	return &syntaxError{pos: c.pos, msg: fmt.Sprintf(format, args...), assertion: true}
}

// body compiles a list of statements.
func (c *compiler) body(list []statement) (exec, error) {
	steps := make([]exec, 0, len(list))
	for _, st := range list {
		step, err := c.statement(st)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return inTurn(steps), nil
}

// inTurn makes one step of several.
func inTurn(steps []exec) exec {
	if len(steps) == 1 {
		return steps[0]
	}
	return func(f *frame) error {
		for _, step := range steps {
			if err := step(f); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c *compiler) statement(st statement) (exec, error) {
	if a, ok := st.(at); ok {
		saved := c.pos
		c.pos = a.pos
		defer func() { c.pos = saved }()
		step, err := c.statement(a.stmt)
		return c.located(a.pos, step), err
	}
	switch st := st.(type) {
	case output:
		return c.output(st)
	case forLoop:
		return c.forLoop(st)
	case ifElse:
		return c.ifElse(st)
	case assign:
		return c.assign(st)
	case assignBlock:
		return c.assignBlock(st)
	case macro:
		return c.macroStatement(st)
	case callBlock:
		return c.callBlock(st)
	case filterBlock:
		return c.filterBlock(st)
	case with:
		return c.with(st)
	case autoescape:
		return c.autoescape(st)
	case block:
		return c.block(st)
	case loading:
		return c.loading(st)
	}
	return nil, c.fail("unknown statement")
}

// located gives an error its place, unless it has one.
func (c *compiler) located(pos int, step exec) exec {
	t := c.t
	return func(f *frame) error {
		if err := step(f); err != nil {
			return t.at(pos, err)
		}
		return nil
	}
}

func (c *compiler) output(o output) (exec, error) {
	if o.exprs == nil {
		text := o.text
		return func(f *frame) error {
			if err := f.meter.Step(1); err != nil {
				return err
			}
			f.out = append(f.out, text...)
			return f.emitted()
		}, nil
	}
	steps := make([]exec, len(o.exprs))
	for i, p := range o.exprs {
		c.pos, c.folded = p.pos, isConstant(p.expr)
		t, pos := c.t, p.pos
		if n, ok := p.expr.(filterExpr); ok && n.name == "b64encode" && !c.folded && n.args.none() {
			step, err := c.printBase64(n)
			if err != nil {
				return nil, err
			}
			steps[i] = c.located(pos, step)
			continue
		}
		e, err := c.expr(p.expr)
		c.folded = false
		if err != nil {
			return nil, err
		}
		if c.volatile && isPlainConstant(p.expr) {
			e = c.beforehand(e)
			steps[i] = func(f *frame) error {
				v, err := e(f)
				if err == nil {
					err = f.raw(v)
				}
				if err != nil {
					return t.at(pos, err)
				}
				return nil
			}
			continue
		}
		steps[i] = func(f *frame) error {
			v, err := e(f)
			if err == nil {
				err = f.print(v)
			}
			if err != nil {
				return t.at(pos, err)
			}
			return nil
		}
	}
	return inTurn(steps), nil
}

// beforehand evaluates a constant as Jinja2 does while it compiles.
func (c *compiler) beforehand(e expr) expr {
	escaping := c.escaping
	return func(f *frame) (value, error) {
		saved := f.escape
		f.escape = escaping
		v, err := e(f)
		f.escape = saved
		if err == nil && escaping {
			v, err = pyvalue.Escape(f.meter, v)
		}
		return v, err
	}
}

func (c *compiler) ifElse(s ifElse) (exec, error) {
	tests := make([]expr, len(s.tests))
	bodies := make([]exec, len(s.bodies))
	saved := c.soft
	c.soft = true
	c.branches++
	defer func() { c.soft = saved; c.branches-- }()
	for i := range s.tests {
		var err error
		if tests[i], err = c.expr(s.tests[i]); err != nil {
			return nil, err
		}
		if bodies[i], err = c.body(s.bodies[i]); err != nil {
			return nil, err
		}
	}
	orel, err := c.body(s.orel)
	if err != nil {
		return nil, err
	}
	return func(f *frame) error {
		for i, test := range tests {
			v, err := test(f)
			if err != nil {
				return err
			}
			if pyvalue.Truth(v) {
				return bodies[i](f)
			}
		}
		return orel(f)
	}, nil
}

// store compiles an assignment to a target.
func (c *compiler) store(target node) (func(f *frame, v value) error, error) {
	switch t := target.(type) {
	case nameRef:
		slot := c.scope.declare(t.name)
		return func(f *frame, v value) error {
			f.vars[slot] = v
			return nil
		}, nil
	case namespaceTarget:
		read, attr := c.name(t.name), t.attr
		return func(f *frame, v value) error {
			ns, err := read(f)
			if err != nil {
				return err
			}
			n, ok := ns.Object().(*namespace)
			if !ok {
				return pyvalue.Raise("TemplateRuntimeError", "cannot assign attribute on non-namespace object")
			}
			n.attrs.SetStr(attr, v)
			return f.meter.Grow(32)
		}, nil
	case tupleLit:
		stores := make([]func(f *frame, v value) error, len(t.items))
		for i, item := range t.items {
			var err error
			if stores[i], err = c.store(item); err != nil {
				return nil, err
			}
		}
		return func(f *frame, v value) error { return unpack(f, v, stores) }, nil
	}
	return nil, c.fail("can't assign to this expression")
}

func unpack(f *frame, v value, stores []func(f *frame, v value) error) error {
	items, ok := v.Items()
	if !ok {
		var err error
		if items, err = pyvalue.Collect(f.meter, v); err != nil {
			if e, is := err.(*pyvalue.Error); is && e.Type == "TypeError" {
				return pyvalue.Raise("TypeError", "cannot unpack non-iterable %s object", pyvalue.TypeName(v))
			}
			return err
		}
	}
	switch {
	case len(items) < len(stores):
		return pyvalue.Raise("ValueError", "not enough values to unpack (expected %d, got %d)", len(stores), len(items))
	case len(items) > len(stores):
		return pyvalue.Raise("ValueError", "too many values to unpack (expected %d)", len(stores))
	}
	for i, store := range stores {
		if err := store(f, items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) assign(a assign) (exec, error) {
	e, err := c.expr(a.value)
	if err != nil {
		return nil, err
	}
	store, err := c.store(a.target)
	if err != nil {
		return nil, err
	}
	return func(f *frame) error {
		v, err := e(f)
		if err != nil {
			return err
		}
		return store(f, v)
	}, nil
}

// knownBeforehand returns the value of a constant that Jinja2 works out while it
// compiles.
func knownBeforehand(n node, e expr, volatile bool) (value, bool) {
	if !isConstant(n) || volatile && !isPlainConstant(n) {
		return value{}, false
	}
	few := pyvalue.NewMeter(context.Background(), pyvalue.Limits{Steps: 1000, ValueBytes: 1 << 16, TotalBytes: 1 << 20})
	v, err := e(&frame{state: &state{meter: few}})
	return v, err == nil
}
