package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// tests are all tests of a stock environment.
func tests() map[string]testFunc { return testsOnUse.Get(makeTests) }

var testsOnUse onuse.Value[map[string]testFunc]

func makeTests() map[string]testFunc {
	kind := func(ok func(v value) bool) testFunc {
		return func(_ *frame, c *pyvalue.Call) (bool, error) {
			return ok(c.Args[0]), c.Check("test", 1, "value")
		}
	}
	all := map[string]testFunc{
		"boolean":   kind(func(v value) bool { return v.Kind() == pyvalue.KindBool }),
		"callable":  kind(func(v value) bool { return pyvalue.Callable(v) || v.IsUndefined() }), // calling it raises,
		"defined":   kind(func(v value) bool { return !v.IsUndefined() }),
		"undefined": kind(value.IsUndefined),
		"none":      kind(value.IsNone),
		"true":      kind(func(v value) bool { return v.Kind() == pyvalue.KindBool && pyvalue.Truth(v) }),
		"false":     kind(func(v value) bool { return v.Kind() == pyvalue.KindBool && !pyvalue.Truth(v) }),
		"integer":   kind(func(v value) bool { return v.Kind() == pyvalue.KindInt }),
		"float":     kind(func(v value) bool { return v.Kind() == pyvalue.KindFloat }),
		"number":    kind(value.IsNumber),
		"string":    kind(value.IsText),
		"mapping":   kind(func(v value) bool { return v.Kind() == pyvalue.KindDict }),
		"escaped":   kind(func(v value) bool { return v.Kind() == pyvalue.KindMarkup }),
		"iterable":  kind(func(v value) bool { _, err := pyvalue.All(v); return err == nil }),
		"sequence":  kind(isSequence),
		"lower":     textTest("islower"), "upper": textTest("isupper"),
		"odd": testOdd(1), "even": testOdd(0), "divisibleby": testDivisible,
		"in": func(f *frame, c *pyvalue.Call) (bool, error) {
			if err := c.Check("test_in", 2, "value", "seq"); err != nil {
				return false, err
			}
			return pyvalue.Contains(f.meter, argument(c, 1, "seq", value{}), c.Args[0])
		},
		"sameas": func(_ *frame, c *pyvalue.Call) (bool, error) {
			if err := c.Check("test_sameas", 2, "value", "other"); err != nil {
				return false, err
			}
			a, b := c.Args[0], argument(c, 1, "other", value{})
			return a == b || a.Kind() == b.Kind() && (a.Kind() == pyvalue.KindStr || a.Kind() == pyvalue.KindInt) && pyvalue.Equal(a, b), nil
		},
		"filter": func(_ *frame, c *pyvalue.Call) (bool, error) { return filters()[c.Args[0].Text()] != nil, nil },
		"test":   func(_ *frame, c *pyvalue.Call) (bool, error) { return tests()[c.Args[0].Text()] != nil, nil },
	}
	for op, names := range map[pyvalue.CmpOp][]string{
		pyvalue.CmpEq: {"==", "eq", "equalto"}, pyvalue.CmpNe: {"!=", "ne"}, pyvalue.CmpLt: {"<", "lt", "lessthan"},
		pyvalue.CmpLe: {"<=", "le"}, pyvalue.CmpGt: {">", "gt", "greaterthan"}, pyvalue.CmpGe: {">=", "ge"},
	} {
		for _, name := range names {
			all[name] = func(f *frame, c *pyvalue.Call) (bool, error) {
				if len(c.Args) != 2 || len(c.Names) > 0 {
					return false, pyvalue.Raise("TypeError", "%s expected 2 arguments, got %d", name, len(c.Args))
				}
				return pyvalue.CompareWithin(f.meter, op, c.Args[0], c.Args[1])
			}
		}
	}
	return all
}

func isSequence(v value) bool {
	switch v.Kind() {
	case pyvalue.KindStr, pyvalue.KindMarkup, pyvalue.KindBytes, pyvalue.KindList, pyvalue.KindTuple, pyvalue.KindDict:
		return true
	case pyvalue.KindObject:
		_, sized := v.Object().(interface{ PyLen() int })
		_, indexed := v.Object().(interface {
			PyItem(key value) (value, error)
		})
		return sized && indexed
	case pyvalue.KindUndefined:
		return true // it has a length, and a way to be indexed, which raises
	}
	return false
}

func textTest(method string) testFunc {
	return func(f *frame, c *pyvalue.Call) (bool, error) {
		text, err := pyvalue.String(f.meter, c.Args[0])
		if err != nil {
			return false, err
		}
		v, err := pyvalue.CallMethod(f.meter, pyvalue.Str(text), method, &pyvalue.Call{})
		return pyvalue.Truth(v), err
	}
}

func testOdd(rest int64) testFunc {
	return func(f *frame, c *pyvalue.Call) (bool, error) {
		v, err := pyvalue.Binary(f.meter, pyvalue.OpMod, c.Args[0], pyvalue.Int(2))
		return pyvalue.Equal(v, pyvalue.Int(rest)), err
	}
}

func testDivisible(f *frame, c *pyvalue.Call) (bool, error) {
	if err := c.Check("test_divisibleby", 2, "value", "num"); err != nil {
		return false, err
	}
	v, err := pyvalue.Binary(f.meter, pyvalue.OpMod, c.Args[0], argument(c, 1, "num", value{}))
	return pyvalue.Equal(v, pyvalue.Int(0)), err
}
