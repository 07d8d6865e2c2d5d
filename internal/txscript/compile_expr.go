package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

var binaryOps = map[string]pyvalue.Op{
	"+": pyvalue.OpAdd, "-": pyvalue.OpSub, "*": pyvalue.OpMul, "/": pyvalue.OpDiv, "//": pyvalue.OpFloorDiv, "%": pyvalue.OpMod, "**": pyvalue.OpPow,
	"&": pyvalue.OpAnd, "|": pyvalue.OpOr, "^": pyvalue.OpXor, "<<": pyvalue.OpLsh, ">>": pyvalue.OpRsh,
}

// keeps reports an expression that is the same in every row and worth keeping.
func (c *compiler) keeps(x expr) bool {
	return c.options.RowFields != nil && c.depth == 0 && c.worthKeeping(x) && c.invariant(x, nil)
}

// expr compiles an expression. One that is the same in every row is kept.
func (c *compiler) expr(x expr) eval {
	if !c.keeps(x) {
		if kept := c.keptCall(x); kept != nil {
			return kept
		}
		return c.plainExpr(x)
	}
	c.depth++
	compute := c.plainExpr(x)
	c.depth--
	id := c.memos
	c.memos++
	return func(r *run, f *frame) (value, error) {
		if r.kept == nil {
			return compute(r, f)
		}
		k := &r.kept[id]
		if k.ok {
			return k.v, r.meter.Step(1)
		}
		v, err := compute(r, f)
		// What could be changed in place is made anew each time.
		if err == nil && scalar(v) {
			*k = variable{v, true}
		}
		return v, err
	}
}

func scalar(v value) bool {
	switch v.Kind() {
	case pyvalue.KindList, pyvalue.KindDict, pyvalue.KindSet, pyvalue.KindTuple:
		return false
	case pyvalue.KindObject:
		switch v.Object().(type) {
		case *empty:
			return true
		}
		return clock.ClassOf(v) != nil
	}
	return true
}

func (c *compiler) plainExpr(x expr) eval {
	switch x := x.(type) {
	case *constExpr:
		v := x.v
		return func(*run, *frame) (value, error) { return v, nil }
	case *nameExpr:
		// It may reach a method that changes a list by a name that is computed.
		c.changes.seen = c.changes.seen || x.name == "getattr"
		return c.load(x)
	case *fstringExpr:
		return c.fstring(x)
	case *listExpr:
		return c.list(x)
	case *dictExpr:
		return c.dict(x)
	case *compExpr:
		return c.comprehension(x)
	case *unaryExpr:
		return c.unary(x)
	case *binaryExpr:
		op, a, b := binaryOps[x.op], c.expr(x.x), c.expr(x.y)
		return func(r *run, f *frame) (value, error) {
			u, err := a(r, f)
			if err != nil {
				return value{}, err
			}
			v, err := b(r, f)
			if err != nil {
				return value{}, err
			}
			return pyvalue.Binary(r.meter, op, u, v)
		}
	case *boolExpr:
		return c.boolean(x)
	case *compareExpr:
		return c.compare(x)
	case *ifExpr:
		cond, then, otherwise := c.condition(x.cond), c.expr(x.then), c.expr(x.otherwise)
		return func(r *run, f *frame) (value, error) {
			ok, err := cond(r, f)
			switch {
			case err != nil:
				return value{}, err
			case ok:
				return then(r, f)
			}
			return otherwise(r, f)
		}
	case *lambdaExpr:
		return c.function(x.f)
	case *callExpr:
		return c.call(x)
	case *attrExpr:
		return c.attr(x)
	case *indexExpr:
		return c.index(x)
	case *sliceExpr:
		return c.slice(x)
	case *yieldExpr:
		return c.yield(x)
	case *walrusExpr:
		v, set := c.expr(x.x), c.store(&nameExpr{x.line, x.name})
		return func(r *run, f *frame) (value, error) {
			v, err := v(r, f)
			if err != nil {
				return value{}, err
			}
			return v, set(r, f, v)
		}
	}
	fail(x.at(), "can't use starred expression here")
	return nil
}

// load compiles reading a name.
func (c *compiler) load(x *nameExpr) eval {
	name := x.name
	outer := c.outer(name, x.at())
	c.scope.note(name)
	depth, slot, in, ok := c.scope.find(name)
	if !ok {
		if _, known := c.undefined[name]; c.undefined != nil && !known && !c.defines(name) {
			c.undefined[name] = x.at()
		}
		return outer
	}
	missing := func(r *run, f *frame) (value, error) {
		switch {
		case in.kind == moduleScope:
			return outer(r, f)
		case depth == 0:
			return value{}, pyvalue.Raise("UnboundLocalError", "cannot access local variable '%s' where it is not associated with a value", name)
		}
		return value{}, pyvalue.Raise("NameError", "cannot access free variable '%s' where it is not associated with a value in enclosing scope", name)
	}
	if depth == 0 {
		return func(r *run, f *frame) (value, error) {
			if v := &f.vars[slot]; v.ok {
				return v.v, nil
			}
			return missing(r, f)
		}
	}
	return func(r *run, f *frame) (value, error) {
		at := f
		for range depth {
			at = at.up
		}
		if v := &at.vars[slot]; v.ok {
			return v.v, nil
		}
		return missing(r, f)
	}
}

// refused are builtins of Python that programs may not have.
var refused = map[string]bool{
	"eval": true, "exec": true, "compile": true, "open": true, "input": true, "globals": true, "locals": true, "__import__": true, "memoryview": true,
	"complex": true, "bytearray": true, "breakpoint": true, "ExceptionGroup": true, "BaseExceptionGroup": true,
}

// defines reports a name that is not a variable and that outer finds something for.
func (c *compiler) defines(name string) bool {
	isTime := slices.Contains(timeNames, name)
	_, isBuiltin := builtins()[name]
	return isTime || isBuiltin || refused[name] || name == "TxScript" || name == "RossumPython" || slices.Contains(c.options.Globals, name)
}

// outer compiles reading a name that is not a variable: a global of the host, or a
// builtin.
func (c *compiler) outer(name string, line int) eval {
	if i := slices.Index(c.options.Globals, name); i >= 0 {
		return func(r *run, _ *frame) (value, error) { return r.host.Globals[i], nil }
	}
	if m := c.scope.module(); m.allows != nil && !m.allows(name) {
		return func(*run, *frame) (value, error) {
			return value{}, pyvalue.Raise("NameError", "name '%s' is not defined", name)
		}
	}
	switch name {
	case "datetime":
		return func(r *run, _ *frame) (value, error) { return r.clock().Datetime, nil }
	case "date":
		return func(r *run, _ *frame) (value, error) { return r.clock().Date, nil }
	case "timedelta":
		return func(r *run, _ *frame) (value, error) { return r.clock().Timedelta, nil }
	}
	if name == "TxScript" || name == "RossumPython" {
		return func(*run, *frame) (value, error) { return pyvalue.FromObject(txClass), nil }
	}
	if b, ok := builtins()[name]; ok {
		return func(*run, *frame) (value, error) { return b, nil }
	}
	if refused[name] {
		if _, _, _, isVariable := c.scope.find(name); !isVariable {
			unsupported(line, name)
		}
	}
	return func(*run, *frame) (value, error) {
		return value{}, pyvalue.Raise("NameError", "name '%s' is not defined", name)
	}
}

func (c *compiler) list(x *listExpr) eval {
	items := make([]eval, len(x.items))
	stars := make([]bool, len(x.items))
	for i, item := range x.items {
		if s, ok := item.(*starExpr); ok {
			stars[i], item = true, s.x
		}
		items[i] = c.expr(item)
	}
	kind := x.kind
	return func(r *run, f *frame) (value, error) {
		if err := r.meter.Grow(int64(24 * len(items))); err != nil {
			return value{}, err
		}
		list := make([]value, 0, len(items))
		for i, item := range items {
			v, err := item(r, f)
			if err != nil {
				return value{}, err
			}
			if !stars[i] {
				list = append(list, v)
				continue
			}
			more, err := pyvalue.Collect(r.meter, v)
			if err != nil {
				return value{}, err
			}
			list = append(list, more...)
		}
		return sequence(r.meter, kind, list)
	}
}

// sequence makes a list, tuple or set.
func sequence(m *pyvalue.Meter, kind byte, list []value) (value, error) {
	switch kind {
	case '[':
		return pyvalue.NewList(list...), nil
	case '(':
		return pyvalue.NewTuple(list...), nil
	}
	return pyvalue.NewSet(m, list...)
}

func (c *compiler) dict(x *dictExpr) eval {
	keys, values := make([]eval, len(x.keys)), make([]eval, len(x.keys))
	for i := range x.keys {
		if x.keys[i] != nil {
			keys[i] = c.expr(x.keys[i])
		}
		values[i] = c.expr(x.values[i])
	}
	return func(r *run, f *frame) (value, error) {
		if err := r.meter.Grow(int64(48 * len(keys))); err != nil {
			return value{}, err
		}
		d := pyvalue.NewDictSize(len(keys))
		for i := range keys {
			var key value
			var err error
			if keys[i] != nil {
				if key, err = keys[i](r, f); err != nil {
					return value{}, err
				}
			}
			v, err := values[i](r, f)
			if err != nil {
				return value{}, err
			}
			if keys[i] == nil {
				if !isMapping(v) {
					return value{}, pyvalue.Raise("TypeError", "'%s' object is not a mapping", pyvalue.TypeName(v))
				}
				err = pyvalue.UpdateDict(r.meter, d, v)
			} else {
				if err = r.meter.Key(key); err == nil {
					err = d.Set(key, v)
				}
			}
			if err != nil {
				return value{}, err
			}
		}
		return d.Value(), nil
	}
}

// isMapping reports a dict, or an object that has keys.
func isMapping(v value) bool {
	if v.Dict() != nil {
		return true
	}
	_, err := getAttr(v, "keys")
	return err == nil && v.Kind() == pyvalue.KindObject
}

var unaryMethods = map[string]string{"-": "__neg__", "+": "__pos__", "~": "__invert__"}

// invokeSpecial calls a method that Python calls by itself, if the value's class is one
// of the program that has it.
func invokeSpecial(r *run, v value, name string, args ...value) (value, bool, error) {
	f, ok, err := special(v, name)
	if !ok || err != nil {
		return value{}, ok || err != nil, err
	}
	made, err := r.call(f, &pyvalue.Call{Args: args, Meter: r.meter})
	return made, true, err
}

func positive(_ *pyvalue.Meter, v value) (value, error) { return pyvalue.Pos(v) }

func (c *compiler) unary(x *unaryExpr) eval {
	if x.op == "not" {
		cond := c.condition(x.x)
		return func(r *run, f *frame) (value, error) {
			ok, err := cond(r, f)
			return pyvalue.Bool(!ok), err
		}
	}
	apply := map[string]func(*pyvalue.Meter, value) (value, error){"-": pyvalue.Neg, "+": positive, "~": pyvalue.Invert}[x.op]
	v := c.expr(x.x)
	op := x.op
	return func(r *run, f *frame) (value, error) {
		v, err := v(r, f)
		if err != nil {
			return value{}, err
		}
		if v.Kind() == pyvalue.KindObject || v.Derived() != nil {
			if own, has, err := invokeSpecial(r, v, unaryMethods[op]); has {
				return own, err
			}
		}
		return apply(r.meter, v)
	}
}

func (c *compiler) boolean(x *boolExpr) eval {
	list := make([]eval, len(x.xs))
	for i, x := range x.xs {
		list[i] = c.expr(x)
	}
	stop := x.or
	return func(r *run, f *frame) (v value, err error) {
		for _, x := range list {
			if v, err = x(r, f); err != nil || pyvalue.Truth(v) == stop {
				return v, err
			}
		}
		return v, nil
	}
}

func (c *compiler) index(x *indexExpr) eval {
	on := c.expr(x.x)
	if s, ok := x.index.(*sliceExpr); ok {
		lo, hi, step := c.optional(s.lo), c.optional(s.hi), c.optional(s.step)
		return func(r *run, f *frame) (value, error) {
			v, err := on(r, f)
			if err != nil {
				return value{}, err
			}
			var bounds [3]value
			for i, b := range []eval{lo, hi, step} {
				if bounds[i], err = b(r, f); err != nil {
					return value{}, err
				}
			}
			return pyvalue.Slice(r.meter, v, bounds[0], bounds[1], bounds[2])
		}
	}
	index := c.expr(x.index)
	if k, ok := x.index.(*constExpr); ok && k.v.Kind() == pyvalue.KindStr && !c.changes.apart {
		return c.member(on, k.v)
	}
	return func(r *run, f *frame) (value, error) {
		v, err := on(r, f)
		if err != nil {
			return value{}, err
		}
		key, err := index(r, f)
		if err != nil {
			return value{}, err
		}
		return getItem(r, v, key)
	}
}

// member compiles v["key"], which is looked for first where a dict had it the last time:
// those of one list are alike.
func (c *compiler) member(on eval, key value) eval {
	at, text := c.changes.members, key.Text()
	c.changes.members++
	return func(r *run, f *frame) (value, error) {
		v, err := on(r, f)
		if err != nil {
			return value{}, err
		}
		if v.Derived() == nil {
			if d := v.Dict(); d != nil {
				if found, ok := d.GetStrNear(text, &r.near[at]); ok {
					return found, nil
				}
			}
		}
		return getItem(r, v, key)
	}
}

func (c *compiler) optional(x expr) eval {
	if x == nil {
		return func(*run, *frame) (value, error) { return value{}, nil }
	}
	return c.expr(x)
}

// slice compiles a slice as a key.
func (c *compiler) slice(x *sliceExpr) eval {
	bounds := [3]eval{c.optional(x.lo), c.optional(x.hi), c.optional(x.step)}
	return func(r *run, f *frame) (value, error) {
		var s pyvalue.Slicing
		for i, b := range bounds {
			var err error
			if s[i], err = b(r, f); err != nil {
				return value{}, err
			}
		}
		return pyvalue.FromObject(&s), nil
	}
}
