package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// annotated is a name that a class body gives a type to: a field of a dataclass.
type annotated struct {
	name string
	kind string // of the type, the last name of it: ClassVar, InitVar or KW_ONLY count
}

// classStatement compiles class Name(bases): body.
func (c *compiler) classStatement(s *classStmt) exec {
	bases := make([]eval, len(s.bases))
	for i, b := range s.bases {
		bases[i] = c.expr(b)
	}
	named := c.arguments(&callExpr{line: s.line, args: s.named}, c.values(&callExpr{line: s.line, args: s.named}))
	*c.captured = true // by its methods
	inner := *c
	inner.scope, inner.inFunction, inner.loops = newScope(c.scope, classScope), true, 0
	inner.options.RowFields = nil
	inner.within = c.within + s.name + "."
	inner.scope.collect(s.body)
	for name := range inner.scope.slots {
		if slices.Contains(refusedMethods, name) {
			unsupported(s.at(), "the method "+name)
		}
	}
	body := inner.block(s.body)
	c.fields, c.memos = inner.fields, inner.memos
	slots := inner.scope.slots
	names := make([]string, len(slots))
	for name, slot := range slots {
		names[slot] = name
	}
	fields := annotatedNames(s.body)
	doc := docOf(s.body)
	decorate := c.decorated(s.decorators, &nameExpr{s.line, s.name})
	return func(r *run, f *frame) (control, error) {
		k := &userClass{name: s.name, r: r, attrs: pyvalue.NewDict(), annotated: fields, doc: doc}
		for _, b := range bases {
			base, err := b(r, f)
			if err != nil {
				return goOn, err
			}
			if err := k.derive(base); err != nil {
				return goOn, err
			}
		}
		if err := k.linearise(); err != nil {
			return goOn, err
		}
		own := &frame{vars: make([]variable, len(names)), up: f}
		if _, err := body(r, own); err != nil {
			return goOn, err
		}
		for i, v := range own.vars {
			if v.ok {
				k.own(v.v)
				k.attrs.SetStr(names[i], v.v)
			}
		}
		k.unhash()
		if err := k.restrict(false); err != nil {
			return goOn, err
		}
		if err := k.nameParts(); err != nil {
			return goOn, err
		}
		if err := k.makeMembers(); err != nil {
			return goOn, err
		}
		call, err := named(r, f)
		if err != nil {
			return goOn, err
		}
		if err := k.announce(call); err != nil {
			return goOn, err
		}
		return goOn, decorate(r, f, pyvalue.FromObject(k))
	}
}

// refusedMethods are what a class cannot define here.
var refusedMethods = []string{"__getattribute__", "__del__", "__prepare__"}

// decorated stores what the decorators make of a function or class.
func (c *compiler) decorated(decorators []expr, target expr) setter {
	calls := make([]eval, len(decorators))
	for i, d := range decorators {
		calls[i] = c.expr(d)
	}
	set := c.store(target)
	return func(r *run, f *frame, v value) error {
		for i := len(calls) - 1; i >= 0; i-- {
			d, err := calls[i](r, f)
			if err != nil {
				return err
			}
			if v, err = r.call(d, &pyvalue.Call{Args: []value{v}, Meter: r.meter}); err != nil {
				return err
			}
		}
		return set(r, f, v)
	}
}

// annotatedNames lists the names that a class body gives a type to, in order.
func annotatedNames(body []stmt) (list []annotated) {
	for _, st := range body {
		a, ok := st.(*annotationStmt)
		if !ok {
			continue
		}
		kind := a.kind
		if i, ok := kind.(*indexExpr); ok {
			kind = i.x
		}
		n, ok := kind.(*nameExpr)
		attr, isAttr := kind.(*attrExpr)
		of := ""
		switch {
		case ok:
			of = n.name
		case isAttr:
			of = attr.name
		}
		list = append(list, annotated{a.name, of})
	}
	return list
}

// docOf returns the text that a body begins with, None if there is none.
func docOf(body []stmt) value {
	if len(body) > 0 {
		if s, ok := body[0].(*exprStmt); ok {
			if c, ok := s.x.(*constExpr); ok && c.v.IsText() {
				return c.v
			}
		}
	}
	return value{}
}

// superCall compiles super(): the methods of the classes after the one that the
// method around is of.
func (c *compiler) superCall(x *callExpr) eval {
	if len(x.args) != 0 && len(x.args) != 2 {
		fail(x.at(), "super() takes no argument, or a class and an object")
	}
	args := c.arguments(x, c.values(x))
	return func(r *run, f *frame) (value, error) {
		call, err := args(r, f)
		if err != nil {
			return value{}, err
		}
		if len(call.Args) == 2 {
			k, ok := call.Args[0].Object().(*userClass)
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "super() argument 1 must be a type, not %s", pyvalue.TypeName(call.Args[0]))
			}
			return pyvalue.FromObject(&superObject{k, call.Args[1]}), nil
		}
		for ; f != nil; f = f.up {
			if f.function != nil && f.function.owner != nil {
				if len(f.function.code.f.params) == 0 || !f.vars[0].ok {
					break
				}
				return pyvalue.FromObject(&superObject{f.function.owner, f.vars[0].v}), nil
			}
		}
		return value{}, pyvalue.Raise("RuntimeError", "super(): no arguments")
	}
}

// with compiles with a as b, …: body.
func (c *compiler) with(s *withStmt, at int) exec {
	if at == len(s.items) {
		return c.block(s.body)
	}
	item := s.items[at]
	manager := c.expr(item.x)
	var set setter
	if item.target != nil {
		set = c.store(item.target)
	}
	body := c.with(s, at+1)
	return func(r *run, f *frame) (control, error) {
		m, err := manager(r, f)
		if err != nil {
			return goOn, err
		}
		enter, exit, err := managerOf(m)
		if err != nil {
			return goOn, err
		}
		v, err := r.call(enter, &pyvalue.Call{Meter: r.meter})
		if err == nil && set != nil {
			err = set(r, f, v)
		}
		if err != nil {
			return goOn, err
		}
		ctl, err := body(r, f)
		args := []value{{}, {}, {}}
		if e := caught(err); e != nil {
			args[0], args[1] = classOf(pyvalue.FromObject(e)), pyvalue.FromObject(e)
		} else if err != nil {
			return ctl, err // the run ends
		}
		kept := r.ret
		swallow, exitErr := r.call(exit, &pyvalue.Call{Args: args, Meter: r.meter})
		switch {
		case exitErr != nil:
			return goOn, exitErr
		case err != nil && pyvalue.Truth(swallow):
			return goOn, nil
		}
		r.ret = kept
		return ctl, err
	}
}

// managerOf returns what a with calls at its beginning and end.
func managerOf(m value) (enter, exit value, err error) {
	if o, ok := m.Object().(*localContext); ok {
		enter, exit = o.managed()
		return enter, exit, nil
	}
	enter, ok1, err := special(m, "__enter__")
	if err != nil {
		return value{}, value{}, err
	}
	exit, ok2, err := special(m, "__exit__")
	if err == nil && (!ok1 || !ok2) {
		err = pyvalue.Raise("TypeError", "'%s' object does not support the context manager protocol", pyvalue.TypeName(m))
	}
	return enter, exit, err
}
