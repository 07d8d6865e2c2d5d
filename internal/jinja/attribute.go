package jinja

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (c *compiler) getattr(n getattr) (expr, error) {
	object, err := c.expr(n.object)
	name := n.name
	key := pyvalue.Str(name)
	isItem := !pyvalue.HasMethod(pyvalue.NewDict().Value(), name)
	site := c.t.sites
	c.t.sites++
	return func(f *frame) (value, error) {
		v, err := object(f)
		if err != nil {
			return value{}, err
		}
		if err := f.meter.Step(1); err != nil {
			return value{}, err
		}
		if d := v.Dict(); d != nil && isItem {
			if site < len(f.near) { // else it is a constant, which is worked out beforehand
				// The rows of a table have their keys in the same order.
				if found, ok := d.GetStrNear(name, &f.near[site]); ok {
					return found, nil
				}
			} else if found, ok := d.GetStr(name); ok {
				return found, nil
			}
		}
		return attribute(f.meter, v, name, key)
	}, err
}

// attribute is v.name as Jinja2 has it: an attribute, or else an item.
func attribute(m *pyvalue.Meter, v value, name string, key value) (value, error) {
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if a, ok := attr(v, name); ok {
		return a, nil
	}
	if item, ok, err := item(m, v, key); ok || err != nil {
		return item, err
	}
	return withoutAttribute(v, name), nil
}

// withoutAttribute is what an attribute is that a value does not have.
func withoutAttribute(v value, name string) value {
	if len(name) > maxHint {
		name = strings.ToValidUTF8(name[:maxHint], "") + "…"
	}
	return pyvalue.Undefined(quote(typeRepr(v)) + " has no attribute " + quote(name))
}

// maxHint is how much of a name or key the error of a value has that is undefined. It is made
// beforehand, for each value, and is hardly ever seen.
const maxHint = 1000

// withoutElement is what an element is that a value does not have.
func withoutElement(v, key value) value {
	text, err := pyvalue.Repr(pyvalue.NewMeter(context.Background(), pyvalue.Limits{Steps: maxHint, ValueBytes: maxHint}), key)
	if err != nil {
		text = "under a key that is too long to be shown"
	}
	return pyvalue.Undefined(typeRepr(v) + " has no element " + text)
}

// attr returns an attribute that templates may reach: a method of a builtin
// class, or what an object of this package offers. Names with an underscore at
// the front are out of reach.
func attr(v value, name string) (value, bool) {
	if name == "__class__" && !isOwnObject(v) {
		return pyvalue.ClassNameOf(v), true
	}
	if k, ok := v.Object().(*pyvalue.ClassName); ok {
		return k.PyAttr(name)
	}
	if name == "" || name[0] == '_' {
		return value{}, false
	}
	if m, ok := pyvalue.Method(v, name); ok {
		return m, true
	}
	if n, ok := pyvalue.NumberAttr(v, name); ok {
		return n, true
	}
	if o, ok := v.Object().(interface {
		PyAttr(name string) (value, bool)
	}); ok {
		return o.PyAttr(name)
	}
	return value{}, false
}

// isOwnObject reports whether a value is none of Python's own classes.
func isOwnObject(v value) bool {
	_, isRange := v.Object().(*pyvalue.Range)
	return v.Object() != nil && !isRange || v.Kind() == pyvalue.KindMarkup
}

// item is v[key], and false if Python raises an error instead.
func item(m *pyvalue.Meter, v, key value) (found value, ok bool, err error) {
	if d := v.Dict(); d != nil && key.IsText() {
		found, ok = d.GetStr(key.Text())
		return found, ok, nil
	}
	found, err = pyvalue.GetItem(m, v, key)
	var raised *pyvalue.Error
	if errors.As(err, &raised) {
		return value{}, false, nil
	}
	return found, err == nil, err
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
		return subscript(f.meter, v, key)
	}, err
}

// subscript is v[key] as Jinja2 has it: an item, or else an attribute.
func subscript(m *pyvalue.Meter, v, key value) (value, error) {
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	if found, ok, err := item(m, v, key); ok || err != nil {
		return found, err
	}
	if key.IsText() {
		if a, ok := attr(v, key.Text()); ok {
			return a, nil
		}
		return withoutAttribute(v, key.Text()), nil
	}
	return withoutElement(v, key), nil
}

// isConstant reports what Jinja2 evaluates beforehand where it is printed: an
// expression without variables and calls.
func isConstant(n node) bool { return constantBut(n, true) }

// isPlainConstant reports what Jinja2 evaluates beforehand also where autoescape is
// decided while the template runs: filters and tests are not.
func isPlainConstant(n node) bool { return constantBut(n, false) }

func constantBut(n node, filters bool) bool {
	isConstant := func(n node) bool { return constantBut(n, filters) }
	all := func(nodes ...node) bool {
		return !slices.ContainsFunc(nodes, func(n node) bool { return !isConstant(n) })
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
		if left, ok := n.left.(constant); ok && pyvalue.Truth(left.value) != n.and {
			return true // the other side is not looked at
		}
		return all(n.left, n.right)
	case condExpr:
		if test, ok := n.test.(constant); ok && pyvalue.Truth(test.value) {
			return isConstant(n.then)
		} else if ok {
			return n.otherwise != nil && isConstant(n.otherwise)
		}
		return all(n.test, n.then, n.otherwise)
	case getattr:
		return isConstant(n.object)
	case getitem:
		return all(n.object, n.index)
	case slice:
		return all(n.from, n.to, n.step)
	case testExpr:
		return filters && isConstant(n.operand) && all(n.args.positional...)
	case filterExpr:
		switch n.name {
		case "map", "select", "reject", "selectattr", "rejectattr":
			return false // they need the template's context
		}
		return filters && isConstant(n.operand) && all(n.args.positional...) && all(n.args.named...) && n.args.star == nil && n.args.starStar == nil
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
