package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (c *compiler) exprs(nodes []node) ([]expr, error) {
	list := make([]expr, len(nodes))
	for i, n := range nodes {
		var err error
		if list[i], err = c.expr(n); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// expr compiles an expression.
func (c *compiler) expr(n node) (expr, error) {
	switch n := n.(type) {
	case constant:
		v := n.value
		return func(*frame) (value, error) { return v, nil }, nil
	case nameRef:
		return c.name(n.name), nil
	case tupleLit:
		return c.sequence(n.items, pyvalue.NewTuple)
	case listLit:
		return c.sequence(n.items, pyvalue.NewList)
	case dictLit:
		return c.dict(n)
	case condExpr:
		return c.conditional(n)
	case logical:
		return c.logical(n)
	case notExpr:
		e, err := c.expr(n.operand)
		return func(f *frame) (value, error) {
			v, err := e(f)
			return pyvalue.Bool(!pyvalue.Truth(v)), err
		}, err
	case compare:
		return c.compare(n)
	case binary:
		return c.binary(n)
	case unary:
		return c.unary(n)
	case concat:
		return c.concat(n)
	case getattr:
		return c.getattr(n)
	case getitem:
		return c.getitem(n)
	case call:
		return c.call(n)
	case filterExpr:
		return c.filter(n)
	case testExpr:
		return c.test(n)
	case slice:
		return nil, &syntaxError{pos: c.pos, msg: "a slice is not a value", python: true}
	}
	return nil, c.fail("unknown expression")
}

// name compiles the reading of a variable: the innermost scope that has set it,
// then the variables given to the template, then the globals.
func (c *compiler) name(name string) expr {
	places := c.scope.find(name)
	index := c.t.contextIndex(name)
	global, isGlobal := globals[name]
	undefined := pyvalue.Undefined(quote(name) + " is undefined")
	outside := func(f *frame) (value, error) {
		if v := f.context[index]; v != missing {
			return v, nil
		}
		if isGlobal {
			return global, nil
		}
		return undefined, nil
	}
	if name == "self" {
		self := pyvalue.FromObject(&selfObject{c.t.blocks})
		outside = func(*frame) (value, error) { return self, nil }
	}
	if len(places) == 0 {
		return outside
	}
	if at := c.scope.declaring(name); at.params[name] {
		places, outside = places[:1], func(*frame) (value, error) { return undefined, nil }
	}
	if c.scope.ownName(name) {
		outside = func(*frame) (value, error) { return undefined, nil }
	}
	if len(places) == 1 && places[0].up == 0 {
		slot := places[0].slot
		return func(f *frame) (value, error) {
			if v := f.vars[slot]; v != missing {
				return v, nil
			}
			return outside(f)
		}
	}
	return func(f *frame) (value, error) {
		at, up := f, 0
		for _, p := range places {
			for ; up < p.up && at != nil; up++ {
				at = at.parent
			}
			if at == nil {
				break
			}
			if v := at.vars[p.slot]; v != missing {
				return v, nil
			}
		}
		return outside(f)
	}
}

func (c *compiler) sequence(nodes []node, make_ func(...value) value) (expr, error) {
	items, err := c.exprs(nodes)
	return func(f *frame) (value, error) {
		if err := f.meter.Grow(int64(24 * len(items))); err != nil {
			return value{}, err
		}
		values := make([]value, len(items))
		for i, e := range items {
			var err error
			if values[i], err = e(f); err != nil {
				return value{}, err
			}
		}
		return make_(values...), nil
	}, err
}

func (c *compiler) dict(n dictLit) (expr, error) {
	keys, err := c.exprs(n.keys)
	if err != nil {
		return nil, err
	}
	values, err := c.exprs(n.values)
	return func(f *frame) (value, error) {
		if err := f.meter.Grow(int64(96 * len(keys))); err != nil {
			return value{}, err
		}
		d := pyvalue.NewDictSize(len(keys))
		for i := range keys {
			k, err := keys[i](f)
			if err != nil {
				return value{}, err
			}
			v, err := values[i](f)
			if err != nil {
				return value{}, err
			}
			if err := d.SetWithin(f.meter, k, v); err != nil {
				return value{}, err
			}
		}
		return d.Value(), nil
	}, err
}

func (c *compiler) conditional(n condExpr) (expr, error) {
	saved := c.soft
	c.soft = true
	defer func() { c.soft = saved }()
	test, err := c.expr(n.test)
	if err != nil {
		return nil, err
	}
	then, err := c.expr(n.then)
	if err != nil {
		return nil, err
	}
	undefined := pyvalue.Undefined("the inline if-expression on line " + c.t.lineText(c.pos) + " evaluated to false and no else section was defined.")
	otherwise := func(*frame) (value, error) { return undefined, nil }
	if n.otherwise != nil {
		if otherwise, err = c.expr(n.otherwise); err != nil {
			return nil, err
		}
	}
	return func(f *frame) (value, error) {
		v, err := test(f)
		if err != nil {
			return value{}, err
		}
		if pyvalue.Truth(v) {
			return then(f)
		}
		return otherwise(f)
	}, nil
}

func (c *compiler) logical(n logical) (expr, error) {
	left, err := c.expr(n.left)
	if err != nil {
		return nil, err
	}
	right, err := c.expr(n.right)
	and := n.and
	return func(f *frame) (value, error) {
		v, err := left(f)
		if err != nil || pyvalue.Truth(v) != and {
			return v, err
		}
		return right(f)
	}, err
}

var compareOps = map[string]pyvalue.CmpOp{"==": pyvalue.CmpEq, "!=": pyvalue.CmpNe, "<": pyvalue.CmpLt, "<=": pyvalue.CmpLe, ">": pyvalue.CmpGt, ">=": pyvalue.CmpGe}

func compareValues(f *frame, op string, a, b value) (bool, error) {
	if err := f.meter.Step(1); err != nil {
		return false, err
	}
	switch op {
	case "in", "not in":
		has, err := pyvalue.Contains(f.meter, b, a)
		return has == (op == "in"), err
	}
	return pyvalue.CompareWithin(f.meter, compareOps[op], a, b)
}

func (c *compiler) compare(n compare) (expr, error) {
	first, err := c.expr(n.first)
	if err != nil {
		return nil, err
	}
	rest, err := c.exprs(n.rest)
	ops := n.ops
	return func(f *frame) (value, error) {
		left, err := first(f)
		if err != nil {
			return value{}, err
		}
		for i, op := range ops {
			right, err := rest[i](f)
			if err != nil {
				return value{}, err
			}
			ok, err := compareValues(f, op, left, right)
			if err != nil || !ok {
				return pyvalue.Bool(false), err
			}
			left = right
		}
		return pyvalue.Bool(true), nil
	}, err
}

func (c *compiler) binary(n binary) (expr, error) {
	left, err := c.expr(n.left)
	if err != nil {
		return nil, err
	}
	right, err := c.expr(n.right)
	op := n.op
	return func(f *frame) (value, error) {
		a, err := left(f)
		if err != nil {
			return value{}, err
		}
		b, err := right(f)
		if err != nil {
			return value{}, err
		}
		return pyvalue.Binary(f.meter, op, a, b)
	}, err
}

func (c *compiler) unary(n unary) (expr, error) {
	e, err := c.expr(n.operand)
	apply := func(_ *pyvalue.Meter, v value) (value, error) { return pyvalue.Pos(v) }
	if n.minus {
		apply = pyvalue.Neg
	}
	return func(f *frame) (value, error) {
		v, err := e(f)
		if err != nil {
			return value{}, err
		}
		return apply(f.meter, v)
	}, err
}

// concat joins texts. Safe ones stay so, and have the others escaped, only where
// autoescape is known to be on, and not all of it is known beforehand.
func (c *compiler) concat(n concat) (expr, error) {
	items, err := c.exprs(n.items)
	escaping := c.escaping && !c.volatile && !isConstant(n)
	return func(f *frame) (value, error) {
		values := make([]value, len(items))
		markup := false
		for i, e := range items {
			var err error
			if values[i], err = e(f); err != nil {
				return value{}, err
			}
			markup = markup || escaping && values[i].Kind() == pyvalue.KindMarkup
		}
		return joinTexts(f, values, markup)
	}, err
}

func joinTexts(f *frame, values []value, markup bool) (value, error) {
	var out []byte
	for _, v := range values {
		var err error
		if markup {
			if v, err = pyvalue.Escape(f.meter, v); err != nil {
				return value{}, err
			}
		}
		if out, err = pyvalue.AppendStr(f.meter, out, v); err != nil {
			return value{}, err
		}
	}
	if err := f.meter.Grow(int64(len(out))); err != nil {
		return value{}, err
	}
	if markup {
		return pyvalue.Markup(string(out)), nil
	}
	return pyvalue.Str(string(out)), nil
}
