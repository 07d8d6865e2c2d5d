package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

// test is a compiled expression of which only the truth counts.
type test func(r *run, f *frame) (bool, error)

// condition compiles an expression of which only the truth counts: comparisons and
// what joins them give it without making a value of it.
func (c *compiler) condition(x expr) test {
	if !c.keeps(x) {
		switch x := x.(type) {
		case *compareExpr:
			return c.compareTest(x)
		case *boolExpr:
			return c.booleanTest(x)
		case *unaryExpr:
			if x.op == "not" {
				inner := c.condition(x.x)
				return func(r *run, f *frame) (bool, error) {
					ok, err := inner(r, f)
					return !ok && err == nil, err
				}
			}
		case *callExpr:
			if t := c.emptyTest(x); t != nil {
				return t
			}
		}
	}
	v := c.expr(x)
	return func(r *run, f *frame) (bool, error) {
		v, err := v(r, f)
		return err == nil && pyvalue.Truth(v), err
	}
}

func (c *compiler) booleanTest(x *boolExpr) test {
	list := make([]test, len(x.xs))
	for i, x := range x.xs {
		list[i] = c.condition(x)
	}
	stop := x.or
	return func(r *run, f *frame) (bool, error) {
		for _, t := range list {
			if ok, err := t(r, f); err != nil || ok == stop {
				return ok, err
			}
		}
		return !stop, nil
	}
}

// emptyTest compiles is_empty and is_set; nil for another call.
func (c *compiler) emptyTest(x *callExpr) test {
	name, ok := x.f.(*nameExpr)
	if !ok || !x.plain || len(x.args) != 1 || name.name != "is_empty" && name.name != "is_set" || !c.isOuter(name.name) {
		return nil
	}
	v, want := c.expr(x.args[0].value), name.name == "is_empty"
	return func(r *run, f *frame) (bool, error) {
		v, err := v(r, f)
		if err != nil {
			return false, err
		}
		if err := r.meter.Step(1); err != nil {
			return false, err
		}
		return IsEmpty(v) == want, nil
	}
}

func (c *compiler) compareTest(x *compareExpr) test {
	first := c.expr(x.first)
	rest := make([]eval, len(x.rest))
	ops := make([]comparison, len(x.rest))
	for i, x := range x.rest {
		rest[i] = c.expr(x)
	}
	for i, op := range x.ops {
		ops[i] = comparisonOf(op)
	}
	if len(ops) == 1 {
		op, second := ops[0], rest[0]
		return func(r *run, f *frame) (bool, error) {
			a, err := first(r, f)
			if err != nil {
				return false, err
			}
			b, err := second(r, f)
			if err != nil {
				return false, err
			}
			return op(r, a, b)
		}
	}
	return func(r *run, f *frame) (bool, error) {
		a, err := first(r, f)
		if err != nil {
			return false, err
		}
		for i, op := range ops {
			b, err := rest[i](r, f)
			if err != nil {
				return false, err
			}
			if ok, err := op(r, a, b); err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, nil
	}
}

func (c *compiler) compare(x *compareExpr) eval {
	if op, ok := compareOps[x.ops[0]]; ok && len(x.ops) == 1 {
		return c.richCompare(x, op)
	}
	t := c.compareTest(x)
	return func(r *run, f *frame) (value, error) {
		ok, err := t(r, f)
		return pyvalue.Bool(ok && err == nil), err
	}
}

// richCompare compiles a comparison whose value is what a method of a class gives.
func (c *compiler) richCompare(x *compareExpr, op pyvalue.CmpOp) eval {
	first, second, test := c.expr(x.first), c.expr(x.rest[0]), comparisonOf(x.ops[0])
	return func(r *run, f *frame) (value, error) {
		a, err := first(r, f)
		if err != nil {
			return value{}, err
		}
		b, err := second(r, f)
		if err != nil {
			return value{}, err
		}
		if v, ok, err := pyvalue.Rich(op, a, b); ok {
			return v, err
		}
		ok, err := test(r, a, b)
		return pyvalue.Bool(ok && err == nil), err
	}
}

// comparison is an operator that compares.
type comparison func(r *run, a, b value) (bool, error)

var compareOps = map[string]pyvalue.CmpOp{
	"==": pyvalue.CmpEq, "!=": pyvalue.CmpNe, "<": pyvalue.CmpLt, "<=": pyvalue.CmpLe, ">": pyvalue.CmpGt, ">=": pyvalue.CmpGe,
}

func comparisonOf(name string) comparison {
	switch name {
	case "in", "not in":
		want := name == "in"
		return func(r *run, a, b value) (bool, error) { return contains(r, a, b, want) }
	case "is", "is not":
		want := name == "is"
		return func(r *run, a, b value) (bool, error) { return identical(r, a, b) == want, nil }
	}
	op := compareOps[name]
	return func(r *run, a, b value) (bool, error) {
		if err := r.meter.Step(1); err != nil {
			return false, err
		}
		return pyvalue.CompareWithin(r.meter, op, a, b)
	}
}

func contains(r *run, a, b value, want bool) (bool, error) {
	has, err := pyvalue.Contains(r.meter, b, a)
	return has == want && err == nil, err
}

// identical is Python's is, as far as values have an identity here.
func identical(r *run, a, b value) bool {
	if a.Kind() != b.Kind() || (a.Derived() != nil || b.Derived() != nil) && a.Derived() != b.Derived() {
		return false
	}
	if a.Derived() != nil {
		return true
	}
	switch a.Kind() {
	case pyvalue.KindNone:
		return true
	case pyvalue.KindList:
		return a.List() == b.List()
	case pyvalue.KindDict:
		return a.Dict() == b.Dict()
	case pyvalue.KindSet:
		return a.Set() == b.Set()
	case pyvalue.KindObject:
		return a.Object() == b.Object()
	}
	return a == b || r.equal(a, b)
}
