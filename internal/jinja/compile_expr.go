package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
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
		return nil, c.fail("a slice stands where a value must")
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
	if len(places) == 0 {
		return outside
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
			if err := d.Set(k, v); err != nil {
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
	return pyvalue.Compare(compareOps[op], a, b)
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
	apply := pyvalue.Pos
	if n.minus {
		apply = pyvalue.Neg
	}
	return func(f *frame) (value, error) {
		v, err := e(f)
		if err != nil {
			return value{}, err
		}
		return apply(v)
	}, err
}

func (c *compiler) concat(n concat) (expr, error) {
	items, err := c.exprs(n.items)
	return func(f *frame) (value, error) {
		values := make([]value, len(items))
		markup := f.escape
		for i, e := range items {
			var err error
			if values[i], err = e(f); err != nil {
				return value{}, err
			}
			markup = markup || values[i].Kind() == pyvalue.KindMarkup && f.escape
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

func (c *compiler) getattr(n getattr) (expr, error) {
	object, err := c.expr(n.object)
	name := n.name
	key := pyvalue.Str(name)
	isItem := !pyvalue.HasMethod(pyvalue.NewDict().Value(), name)
	return func(f *frame) (value, error) {
		v, err := object(f)
		if err != nil {
			return value{}, err
		}
		if err := f.meter.Step(1); err != nil {
			return value{}, err
		}
		if d := v.Dict(); d != nil && isItem {
			if found, ok := d.GetStr(name); ok {
				return found, nil
			}
		}
		return attribute(v, name, key)
	}, err
}

// attribute is v.name as Jinja2 has it: an attribute, or else an item.
func attribute(v value, name string, key value) (value, error) {
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if a, ok := attr(v, name); ok {
		return a, nil
	}
	if item, ok := item(v, key); ok {
		return item, nil
	}
	return pyvalue.Undefined(quote(typeRepr(v)) + " has no attribute " + quote(name)), nil
}

// attr returns an attribute that templates may reach: a method of a builtin
// class, or what an object of this package offers. Names with an underscore at
// the front are out of reach.
func attr(v value, name string) (value, bool) {
	if name == "" || name[0] == '_' {
		return value{}, false
	}
	if m, ok := pyvalue.Method(v, name); ok {
		return m, true
	}
	if o, ok := v.Object().(interface {
		PyAttr(name string) (value, bool)
	}); ok {
		return o.PyAttr(name)
	}
	return value{}, false
}

func item(v, key value) (value, bool) {
	if d := v.Dict(); d != nil && key.IsText() {
		return d.GetStr(key.Text())
	}
	found, err := pyvalue.GetItem(v, key)
	return found, err == nil
}

// typeRepr names an object as the messages of Undefined do.
func typeRepr(v value) string {
	switch v.Kind() {
	case pyvalue.KindNone:
		return "None"
	case pyvalue.KindMarkup:
		return "markupsafe.Markup object"
	}
	if o, ok := v.Object().(interface{ qualifiedName() string }); ok {
		return o.qualifiedName() + " object"
	}
	return pyvalue.TypeName(v) + " object"
}

func (c *compiler) getitem(n getitem) (expr, error) {
	object, err := c.expr(n.object)
	if err != nil {
		return nil, err
	}
	if s, ok := n.index.(slice); ok {
		return c.slice(object, s)
	}
	index, err := c.expr(n.index)
	return func(f *frame) (value, error) {
		v, err := object(f)
		if err != nil {
			return value{}, err
		}
		key, err := index(f)
		if err != nil {
			return value{}, err
		}
		if err := f.meter.Step(1); err != nil {
			return value{}, err
		}
		return subscript(v, key)
	}, err
}

// subscript is v[key] as Jinja2 has it: an item, or else an attribute.
func subscript(v, key value) (value, error) {
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if found, ok := item(v, key); ok {
		return found, nil
	}
	if key.IsText() {
		if a, ok := attr(v, key.Text()); ok {
			return a, nil
		}
		return pyvalue.Undefined(quote(typeRepr(v)) + " has no attribute " + quote(key.Text())), nil
	}
	text, err := pyvalue.Repr(nil, key)
	return pyvalue.Undefined(typeRepr(v) + " has no element " + text), err
}

// isConstant reports what Jinja2 evaluates beforehand where it is printed: an
// expression without variables and calls.
func isConstant(n node) bool {
	all := func(nodes ...node) bool {
		for _, n := range nodes {
			if !isConstant(n) {
				return false
			}
		}
		return true
	}
	switch n := n.(type) {
	case nil, constant:
		return true
	case unary:
		return isConstant(n.operand)
	case notExpr:
		return isConstant(n.operand)
	case binary:
		return all(n.left, n.right)
	case tupleLit:
		return all(n.items...)
	case listLit:
		return all(n.items...)
	case dictLit:
		return all(n.keys...) && all(n.values...)
	case concat:
		return all(n.items...)
	case compare:
		return isConstant(n.first) && all(n.rest...)
	case logical:
		return all(n.left, n.right)
	case condExpr:
		return all(n.test, n.then, n.otherwise)
	case getattr:
		return isConstant(n.object)
	case getitem:
		return all(n.object, n.index)
	case slice:
		return all(n.from, n.to, n.step)
	case testExpr:
		return isConstant(n.operand) && all(n.args.positional...)
	case filterExpr:
		switch n.name {
		case "map", "select", "reject", "selectattr", "rejectattr":
			return false // they need the template's context
		}
		return isConstant(n.operand) && all(n.args.positional...) && all(n.args.named...) && n.args.star == nil && n.args.starStar == nil
	}
	return false
}

func (c *compiler) slice(object expr, s slice) (expr, error) {
	folded := c.folded
	parts := make([]expr, 3)
	for i, n := range []node{s.from, s.to, s.step} {
		parts[i] = func(*frame) (value, error) { return pyvalue.None(), nil }
		if n != nil {
			var err error
			if parts[i], err = c.expr(n); err != nil {
				return nil, err
			}
		}
	}
	return func(f *frame) (value, error) {
		v, err := object(f)
		if err != nil {
			return value{}, err
		}
		var bounds [3]value
		for i, p := range parts {
			if bounds[i], err = p(f); err != nil {
				return value{}, err
			}
		}
		sliced, err := pyvalue.Slice(f.meter, v, bounds[0], bounds[1], bounds[2])
		if e, ok := err.(*pyvalue.Error); ok && folded && e.Type == "TypeError" {
			// What Jinja2 works out beforehand becomes Undefined instead of raising.
			return pyvalue.Undefined(typeRepr(v) + " has no element slice"), nil
		}
		return sliced, err
	}, nil
}
