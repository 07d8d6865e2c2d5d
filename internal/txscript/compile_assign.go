package txscript

import (
	"errors"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (c *compiler) assign(s *assignStmt) exec {
	x := c.expr(s.value)
	sets := make([]setter, len(s.targets))
	for i, t := range s.targets {
		sets[i] = c.store(t)
	}
	if len(sets) == 1 {
		set := sets[0]
		return func(r *run, f *frame) (control, error) {
			v, err := x(r, f)
			if err != nil {
				return goOn, err
			}
			return goOn, set(r, f, v)
		}
	}
	return func(r *run, f *frame) (control, error) {
		v, err := x(r, f)
		for _, set := range sets {
			if err != nil {
				break
			}
			err = set(r, f, v)
		}
		return goOn, err
	}
}

// setter stores a value in a target.
type setter func(r *run, f *frame, v value) error

func (c *compiler) store(x expr) setter {
	switch x := x.(type) {
	case *nameExpr:
		depth, slot, _, ok := c.scope.find(x.name)
		if !ok {
			fail(x.at(), "cannot assign to %s here", x.name)
		}
		if depth == 0 {
			return func(_ *run, f *frame, v value) error {
				f.vars[slot] = held(v)
				return nil
			}
		}
		return func(_ *run, f *frame, v value) error {
			for range depth {
				f = f.up
			}
			f.vars[slot] = held(v)
			return nil
		}
	case *attrExpr:
		return c.storeAttr(x)
	case *indexExpr:
		c.changes.seen = true
		on, index := c.expr(x.x), c.expr(x.index)
		return func(r *run, f *frame, v value) error {
			container, err := on(r, f)
			if err != nil {
				return err
			}
			key, err := index(r, f)
			if err != nil {
				return err
			}
			return setItem(r, container, key, v)
		}
	case *listExpr:
		return c.unpack(x)
	}
	fail(x.at(), "cannot assign to this expression")
	return nil
}

func (c *compiler) storeAttr(x *attrExpr) setter {
	on := c.expr(x.x)
	name := x.name
	if inner, ok := x.x.(*attrExpr); ok && name == "all_values" {
		// fields.x.all_values = […]
		fields := c.expr(inner.x)
		return func(r *run, f *frame, v value) error {
			o, err := fields(r, f)
			if err != nil {
				return err
			}
			if s, ok := o.Object().(interface {
				SetAllValues(schemaID string, v []value) error
			}); ok {
				items, err := pyvalue.Collect(r.meter, v)
				if err != nil {
					return err
				}
				for _, item := range items {
					if err := r.keeps(item); err != nil {
						return err
					}
				}
				return s.SetAllValues(inner.name, items)
			}
			return pyvalue.Raise("AttributeError", "'%s' object attribute '%s' is read-only", pyvalue.TypeName(o), name)
		}
	}
	return func(r *run, f *frame, v value) error {
		o, err := on(r, f)
		if err != nil {
			return err
		}
		if err := r.keeps(v); err != nil {
			return err
		}
		return setAttr(o, name, v)
	}
}

// keeps counts what a field or an attribute keeps of a text, which may be a copy, and the
// JSON of it.
func (r *run) keeps(v value) error {
	const few = 256
	if !v.IsText() || len(v.Text()) < few {
		return nil
	}
	return r.meter.Grow(2 * int64(len(v.Text())))
}

func setAttr(o value, name string, v value) error {
	if s, ok := o.Object().(Fields); ok {
		return s.SetField(name, v)
	}
	if d := o.Derived(); d != nil {
		return setDerived(o, d, name, v)
	}
	if s, ok := o.Object().(interface {
		PySetAttr(name string, v value) error
	}); ok {
		return s.PySetAttr(name, v)
	}
	return pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", pyvalue.TypeName(o), name)
}

// unpack stores the elements of a value in several targets.
func (c *compiler) unpack(x *listExpr) setter {
	sets := make([]setter, len(x.items))
	star := -1
	for i, item := range x.items {
		if s, ok := item.(*starExpr); ok {
			star, item = i, s.x
		}
		sets[i] = c.store(item)
	}
	return func(r *run, f *frame, v value) error {
		var few [4]value
		items, err := r.parts(v, few[:0])
		if err != nil {
			var e *pyvalue.Error
			if errors.As(err, &e) && e.Type == "TypeError" {
				return pyvalue.Raise("TypeError", "cannot unpack non-iterable %s object", pyvalue.TypeName(v))
			}
			return err
		}
		want := len(sets)
		switch {
		case star < 0 && len(items) > want:
			return pyvalue.Raise("ValueError", "too many values to unpack (expected %d)", want)
		case star < 0 && len(items) < want:
			return pyvalue.Raise("ValueError", "not enough values to unpack (expected %d, got %d)", want, len(items))
		case star >= 0 && len(items) < want-1:
			return pyvalue.Raise("ValueError", "not enough values to unpack (expected at least %d, got %d)", want-1, len(items))
		}
		for i, set := range sets {
			var item value
			switch {
			case star < 0 || i < star:
				item = items[i]
			case i == star:
				item = pyvalue.NewList(slices.Clone(items[i : len(items)-(want-1-i)])...)
			default:
				item = items[len(items)-(want-i)]
			}
			if err := set(r, f, item); err != nil {
				return err
			}
		}
		return nil
	}
}

// parts returns the elements of a value, in room if that is enough: most of what is taken
// apart is a tuple of two.
func (r *run) parts(v value, room []value) ([]value, error) {
	if items, ok := v.Items(); ok && v.Derived() == nil && len(items) <= cap(room) {
		return append(room, items...), nil
	}
	return pyvalue.Collect(r.meter, v)
}

// unsupportedOperand begins what CPython says where an operator does not fit.
const unsupportedOperand = "unsupported operand type(s) for "

// notRepeated reports a value that CPython takes for a kind of sequence that
// cannot be repeated, so that it does not try *= the other way round.
func notRepeated(v value) bool {
	switch v.Object().(type) {
	case Fields, *empty:
		return true
	}
	return v.Kind() == pyvalue.KindDict || v.Kind() == pyvalue.KindSet
}

// inPlace changes a value by an operator; done is false for one that has to be made anew.
func (r *run) inPlace(op pyvalue.Op, old, v value) (made value, done bool, err error) {
	if userClassOf(old) != nil {
		made, ok, err := invokeSpecial(r, old, "__i"+strings.TrimPrefix(pyvalue.OperatorMethod(op, false), "__"), v)
		if ok && (err != nil || !isNotImplemented(made)) {
			return made, true, err
		}
	}
	if l := old.List(); l != nil && op == pyvalue.OpAdd {
		items, err := pyvalue.Collect(r.meter, v)
		if err != nil {
			return value{}, true, err
		}
		l.Items = append(l.Items, items...)
		return old, true, nil
	}
	if d := old.Dict(); d != nil && op == pyvalue.OpOr {
		return old, true, pyvalue.UpdateDict(r.meter, d, v)
	}
	return value{}, false, nil
}

func (c *compiler) augmented(s *augStmt) exec {
	_, isElement := s.target.(*indexExpr)
	c.changes.seen = c.changes.seen || s.op == "+" || isElement
	op, x := binaryOps[s.op], c.expr(s.value)
	apply := func(r *run, old, v value) (value, error) {
		if !old.IsNumber() || old.Derived() != nil { // numbers are the commonest
			if made, done, err := r.inPlace(op, old, v); done {
				return made, err
			}
		}
		made, err := pyvalue.Binary(r.meter, op, old, v)
		if err == nil {
			return made, nil
		}
		var e *pyvalue.Error
		if errors.As(err, &e) && e.Type == "TypeError" {
			if rest, ok := strings.CutPrefix(e.Msg, unsupportedOperand); ok {
				_, types, _ := strings.Cut(rest, ": ")
				err = pyvalue.Raise("TypeError", "%s%s=: %s", unsupportedOperand, s.op, types)
			} else if s.op == "*" && notRepeated(old) {
				err = pyvalue.Raise("TypeError", "%s*=: '%s' and '%s'", unsupportedOperand, pyvalue.TypeName(old), pyvalue.TypeName(v))
			}
		}
		return made, err
	}
	if t, ok := s.target.(*indexExpr); ok {
		on, index := c.expr(t.x), c.expr(t.index)
		return func(r *run, f *frame) (control, error) {
			container, err := on(r, f)
			if err != nil {
				return goOn, err
			}
			key, err := index(r, f)
			if err != nil {
				return goOn, err
			}
			old, err := getItem(r, container, key)
			if err != nil {
				return goOn, err
			}
			v, err := x(r, f)
			if err != nil {
				return goOn, err
			}
			if v, err = apply(r, old, v); err != nil {
				return goOn, err
			}
			return goOn, setItem(r, container, key, v)
		}
	}
	get, set := c.expr(s.target), c.store(s.target)
	return func(r *run, f *frame) (control, error) {
		old, err := get(r, f)
		if err != nil {
			return goOn, err
		}
		v, err := x(r, f)
		if err != nil {
			return goOn, err
		}
		if v, err = apply(r, old, v); err != nil {
			return goOn, err
		}
		return goOn, set(r, f, v)
	}
}
