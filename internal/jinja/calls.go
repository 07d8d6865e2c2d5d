package jinja

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// compiledArgs are the arguments of a call.
type compiledArgs struct {
	positional, named []expr
	names             []string
	star, starStar    expr
}

func (c *compiler) args(a arguments) (*compiledArgs, error) {
	var out compiledArgs
	var err error
	if out.positional, err = c.exprs(a.positional); err != nil {
		return nil, err
	}
	if out.named, err = c.exprs(a.named); err != nil {
		return nil, err
	}
	out.names = a.names
	if a.star != nil {
		if out.star, err = c.expr(a.star); err != nil {
			return nil, err
		}
	}
	if a.starStar != nil {
		out.starStar, err = c.expr(a.starStar)
	}
	return &out, err
}

// eval evaluates the arguments, with first in front of them.
func (a *compiledArgs) eval(f *frame, first ...value) (*pyvalue.Call, error) {
	made := &struct {
		pyvalue.Call
		few [2]value // room for the arguments of most calls
	}{Call: pyvalue.Call{Meter: f.meter, Names: a.names}}
	call := &made.Call
	switch n := len(first) + len(a.positional); {
	case n > len(made.few):
		call.Args = append(make([]value, 0, n), first...)
	case n > 0:
		call.Args = append(made.few[:0:n], first...)
	}
	for _, e := range a.positional {
		v, err := e(f)
		if err != nil {
			return nil, err
		}
		call.Args = append(call.Args, v)
	}
	for _, e := range a.named {
		v, err := e(f)
		if err != nil {
			return nil, err
		}
		call.Named = append(call.Named, v)
	}
	if a.star != nil {
		v, err := a.star(f)
		if err != nil {
			return nil, err
		}
		if err := call.Spread(v); err != nil {
			return nil, err
		}
	}
	if a.starStar != nil {
		v, err := a.starStar(f)
		if err != nil {
			return nil, err
		}
		call.Names = slices.Clone(call.Names)
		if err := call.SpreadNamed("the function", v); err != nil {
			return nil, err
		}
	}
	return call, nil
}

func (c *compiler) call(n call) (expr, error) {
	args, err := c.args(n.args)
	if err != nil {
		return nil, err
	}
	if g, ok := n.callee.(getattr); ok {
		return c.methodCall(g, args)
	}
	callee, err := c.expr(n.callee)
	return func(f *frame) (value, error) {
		fn, err := callee(f)
		if err != nil {
			return value{}, err
		}
		call, err := args.eval(f)
		if err != nil {
			return value{}, err
		}
		return f.callValue(fn, call)
	}, err
}

// methodCall calls a method without making it a value first.
func (c *compiler) methodCall(g getattr, args *compiledArgs) (expr, error) {
	object, err := c.expr(g.object)
	name, key := g.name, pyvalue.Str(g.name)
	return func(f *frame) (value, error) {
		v, err := object(f)
		if err != nil {
			return value{}, err
		}
		if pyvalue.HasMethod(v, name) {
			call, err := args.eval(f)
			if err != nil {
				return value{}, err
			}
			return pyvalue.CallMethod(f.meter, v, name, call)
		}
		fn, err := attribute(f.meter, v, name, key)
		if err != nil {
			return value{}, err
		}
		call, err := args.eval(f)
		if err != nil {
			return value{}, err
		}
		return f.callValue(fn, call)
	}, err
}

// callValue calls a value; what this package defines gets the frame as well.
func (f *frame) callValue(fn value, call *pyvalue.Call) (value, error) {
	if err := f.meter.Step(1); err != nil {
		return value{}, err
	}
	if err := f.meter.Ints(call); err != nil {
		return value{}, err
	}
	if own, ok := fn.Object().(interface {
		callIn(f *frame, c *pyvalue.Call) (value, error)
	}); ok {
		return own.callIn(f, call)
	}
	return pyvalue.CallValue(fn, call)
}

// filterFunc is a filter: the value is the first argument of the call.
type filterFunc func(f *frame, c *pyvalue.Call) (value, error)

func (c *compiler) findFilter(name string) (filterFunc, error) {
	if fn := filters()[name]; fn != nil {
		return fn, nil
	}
	if why := refusedFilters[name]; why != "" {
		return nil, c.fail("filter '%s' is not supported: %s", name, why)
	}
	if c.soft {
		return func(*frame, *pyvalue.Call) (value, error) {
			return value{}, pyvalue.Raise("TemplateRuntimeError", "No filter named %s found.", quote(name))
		}, nil
	}
	return nil, c.fail("No filter named %s.", quote(name))
}

func (c *compiler) filter(n filterExpr) (expr, error) {
	operand, err := c.expr(n.operand)
	if err != nil {
		return nil, err
	}
	args, err := c.args(n.args)
	if err != nil {
		return nil, err
	}
	fn, err := c.findFilter(n.name)
	return func(f *frame) (value, error) {
		v, err := operand(f)
		if err != nil {
			return value{}, err
		}
		return f.applyFilter(fn, args, v)
	}, err
}

func (f *frame) applyFilter(fn filterFunc, args *compiledArgs, v value) (value, error) {
	if err := f.meter.Step(1); err != nil {
		return value{}, err
	}
	call, err := args.eval(f, v)
	if err != nil {
		return value{}, err
	}
	if err := f.meter.Ints(call); err != nil {
		return value{}, err
	}
	return fn(f, call)
}

// filterChain compiles the filters of a filter block.
func (c *compiler) filterChain(n node) (func(f *frame, v value) (value, error), error) {
	fe, ok := n.(filterExpr)
	if !ok {
		return nil, c.fail("expected a filter")
	}
	inner := func(_ *frame, v value) (value, error) { return v, nil }
	if fe.operand != nil {
		var err error
		if inner, err = c.filterChain(fe.operand); err != nil {
			return nil, err
		}
	}
	args, err := c.args(fe.args)
	if err != nil {
		return nil, err
	}
	fn, err := c.findFilter(fe.name)
	return func(f *frame, v value) (value, error) {
		v, err := inner(f, v)
		if err != nil {
			return value{}, err
		}
		return f.applyFilter(fn, args, v)
	}, err
}

// testFunc is a test: the value is the first argument of the call.
type testFunc func(f *frame, c *pyvalue.Call) (bool, error)

func (c *compiler) findTest(name string) (testFunc, error) {
	if fn := tests()[name]; fn != nil {
		return fn, nil
	}
	if c.soft {
		return func(*frame, *pyvalue.Call) (bool, error) {
			return false, pyvalue.Raise("TemplateRuntimeError", "No test named %s found.", quote(name))
		}, nil
	}
	return nil, c.fail("No test named %s.", quote(name))
}

func (c *compiler) test(n testExpr) (expr, error) {
	operand, err := c.expr(n.operand)
	if err != nil {
		return nil, err
	}
	args, err := c.args(n.args)
	if err != nil {
		return nil, err
	}
	fn, err := c.findTest(n.name)
	negated := n.negated
	return func(f *frame) (value, error) {
		v, err := operand(f)
		if err != nil {
			return value{}, err
		}
		call, err := args.eval(f, v)
		if err != nil {
			return value{}, err
		}
		ok, err := fn(f, call)
		return pyvalue.Bool(ok != negated), err
	}, err
}
