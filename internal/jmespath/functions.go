package jmespath

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// argument of a call: a value, or an expression that the function applies.
type argument struct {
	eval         evaluator
	isExpression bool
}

// function describes a function: the types that each parameter takes ("" for
// any), and whether the last one may be repeated.
type function struct {
	params   [][]string
	variadic bool
	apply    func(r *run, args []value, by evaluator) (value, error)
}

func (f function) arity() string {
	text := strconv.Itoa(len(f.params)) + " arguments"
	if len(f.params) == 1 {
		text = "1 argument"
	}
	if f.variadic {
		text = "at least " + text
	}
	return text
}

// typeOf names a value's type as type() does.
func typeOf(v value) string {
	switch v.Kind() {
	case pyvalue.KindBool:
		return "boolean"
	case pyvalue.KindInt, pyvalue.KindFloat:
		return "number"
	case pyvalue.KindStr:
		return "string"
	case pyvalue.KindList:
		return "array"
	case pyvalue.KindDict:
		return "object"
	}
	switch p, ok := v.Part(); {
	case ok && p.IsList():
		return "array"
	case ok:
		return "object"
	}
	return "null"
}

func (r *run) accepts(types []string, v value) (bool, error) {
	if len(types) == 0 {
		return true, nil
	}
	t := typeOf(v)
	for _, want := range types {
		if want == t {
			return true, nil
		}
		if of, ok := strings.CutPrefix(want, "array-"); ok && t == "array" {
			items, _ := list(v)
			if err := r.meter.Step(int64(len(items)) / 16); err != nil {
				return false, err
			}
			if !slices.ContainsFunc(items, func(item value) bool { return typeOf(item) != of }) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (f function) bind(name string, args []argument) evaluator {
	return func(r *run, v value) (value, error) {
		values := make([]value, len(args))
		var by evaluator
		for i, a := range args {
			types := f.params[min(i, len(f.params)-1)]
			if wantsExpression := slices.Contains(types, "expression"); wantsExpression != a.isExpression {
				return value{}, wrongType(name, i, types, "expression")
			}
			if a.isExpression {
				by = a.eval
				continue
			}
			var err error
			if values[i], err = a.eval(r, v); err == nil {
				values[i], err = r.argument(name, values[i])
			}
			if err != nil {
				return value{}, err
			}
			if ok, err := r.accepts(types, values[i]); err != nil {
				return value{}, err
			} else if !ok {
				return value{}, wrongType(name, i, types, typeOf(values[i]))
			}
		}
		if err := r.meter.Step(1); err != nil {
			return value{}, err
		}
		return f.apply(r, values, by)
	}
}

// argument returns an argument as the function wants it: most look at the items of a list
// or the members of an object alone.
func (r *run) argument(function string, v value) (value, error) {
	switch {
	case !r.parts || function == "length":
		return v, nil
	case function == "contains" || function == "to_string":
		return r.whole(v)
	}
	return r.opened(v)
}

func wrongType(name string, i int, types []string, got string) error {
	return pyvalue.Raise("JMESPathTypeError", "in function %s(): argument %d is of type %s, expected one of %s", name, i+1, got, strings.Join(types, ", "))
}

var (
	anyType     []string
	number      = []string{"number"}
	text        = []string{"string"}
	array       = []string{"array"}
	object      = []string{"object"}
	expressions = []string{"expression"}
	numbers     = []string{"array-number"}
	comparables = []string{"array-number", "array-string"}
)

var functionTable onuse.Value[map[string]function]

func functions() map[string]function { return functionTable.Get(makeFunctions) }

func makeFunctions() map[string]function {
	return map[string]function{
		"abs": {[][]string{number}, false, func(_ *run, a []value, _ evaluator) (value, error) {
			if negative, _ := pyvalue.Compare(pyvalue.CmpLt, a[0], pyvalue.Int(0)); negative {
				return pyvalue.Neg(nil, a[0])
			}
			if a[0].Kind() == pyvalue.KindFloat && !pyvalue.Truth(a[0]) {
				return pyvalue.Float(0), nil // of -0.0, too
			}
			return a[0], nil
		}},
		"avg":       {[][]string{numbers}, false, average},
		"ceil":      {[][]string{number}, false, rounded(math.Ceil)},
		"floor":     {[][]string{number}, false, rounded(math.Floor)},
		"contains":  {[][]string{{"array", "string"}, anyType}, false, contains},
		"ends_with": {[][]string{text, text}, false, textual(strings.HasSuffix)}, "starts_with": {[][]string{text, text}, false, textual(strings.HasPrefix)},
		"join": {[][]string{text, {"array-string"}}, false, func(r *run, a []value, _ evaluator) (value, error) {
			return pyvalue.CallMethod(r.meter, a[0], "join", &pyvalue.Call{Args: a[1:]})
		}},
		"keys": {[][]string{object}, false, func(r *run, a []value, _ evaluator) (value, error) {
			if err := r.growItems(a[0].Dict().Len()); err != nil {
				return value{}, err
			}
			return pyvalue.NewList(a[0].Dict().Keys()...), nil
		}},
		"values": {[][]string{object}, false, func(r *run, a []value, _ evaluator) (value, error) {
			if err := r.growItems(a[0].Dict().Len()); err != nil {
				return value{}, err
			}
			items := make([]value, 0, a[0].Dict().Len())
			for _, v := range a[0].Dict().All() {
				items = append(items, v)
			}
			return pyvalue.NewList(items...), nil
		}},
		"length": {[][]string{{"string", "array", "object"}}, false, func(r *run, a []value, _ evaluator) (value, error) {
			if p, ok := a[0].Part(); ok {
				n, err := p.Len(r.meter)
				return pyvalue.Int(int64(n)), err
			}
			n, err := pyvalue.Len(a[0])
			return pyvalue.Int(int64(n)), err
		}},
		"map": {[][]string{expressions, array}, false, mapped},
		"max": {[][]string{comparables}, false, extreme(pyvalue.CmpGt)}, "min": {[][]string{comparables}, false, extreme(pyvalue.CmpLt)},
		"max_by": {[][]string{array, expressions}, false, extremeBy(pyvalue.CmpGt)}, "min_by": {[][]string{array, expressions}, false, extremeBy(pyvalue.CmpLt)},
		"merge": {[][]string{object}, true, func(r *run, a []value, _ evaluator) (value, error) {
			merged := pyvalue.NewDict()
			for _, o := range a {
				for k, v := range o.Dict().All() {
					const bytesOfMember = 64
					if err := r.meter.Grow(bytesOfMember); err != nil {
						return value{}, err
					}
					_ = merged.Set(k, v) // it was a key before
				}
			}
			return merged.Value(), nil
		}},
		"not_null": {[][]string{anyType}, true, func(_ *run, a []value, _ evaluator) (value, error) {
			for _, v := range a {
				if !v.IsNone() {
					return v, nil
				}
			}
			return value{}, nil
		}},
		"reverse": {[][]string{{"array", "string"}}, false, func(r *run, a []value, _ evaluator) (value, error) {
			return pyvalue.Slice(r.meter, a[0], value{}, value{}, pyvalue.Int(-1))
		}},
		"sort": {[][]string{{"array-string", "array-number"}}, false, func(r *run, a []value, _ evaluator) (value, error) {
			sorted, err := pyvalue.Sorted(r.meter, a[0].List().Items, nil, false)
			return pyvalue.NewList(sorted...), err
		}},
		"sort_by": {[][]string{array, expressions}, false, sortBy},
		"sum": {[][]string{numbers}, false, func(r *run, a []value, _ evaluator) (value, error) {
			return sum(r, a[0].List().Items)
		}},
		"to_array": {[][]string{anyType}, false, func(_ *run, a []value, _ evaluator) (value, error) {
			if a[0].List() != nil {
				return a[0], nil
			}
			return pyvalue.NewList(a[0]), nil
		}},
		"to_number": {[][]string{anyType}, false, toNumber},
		"to_string": {[][]string{anyType}, false, func(r *run, a []value, _ evaluator) (value, error) {
			if a[0].IsText() {
				return a[0], nil
			}
			out, err := pyvalue.JSON{ItemSeparator: ",", KeySeparator: ":"}.Append(r.meter, nil, a[0])
			return pyvalue.Str(string(out)), err
		}},
		"type": {[][]string{anyType}, false, func(_ *run, a []value, _ evaluator) (value, error) {
			if t := typeOf(a[0]); t != "null" || a[0].IsNone() {
				return pyvalue.Str(t), nil
			}
			return pyvalue.None(), nil // of bytes, which JSON does not have
		}},
	}
}

// growItems counts a list of n items before it is made.
func (r *run) growItems(n int) error {
	const bytesOfItem = 24
	return r.meter.Grow(bytesOfItem * int64(n))
}

func sum(r *run, items []value) (value, error) {
	total := pyvalue.Int(0)
	for _, v := range items {
		var err error
		if total, err = pyvalue.Binary(r.meter, pyvalue.OpAdd, total, v); err != nil {
			return value{}, err
		}
	}
	return total, nil
}

func average(r *run, a []value, _ evaluator) (value, error) {
	items := a[0].List().Items
	if len(items) == 0 {
		return value{}, nil
	}
	total, err := sum(r, items)
	if err != nil {
		return value{}, err
	}
	return pyvalue.Binary(r.meter, pyvalue.OpDiv, total, pyvalue.Int(int64(len(items))))
}

func rounded(f func(float64) float64) func(*run, []value, evaluator) (value, error) {
	return func(_ *run, a []value, _ evaluator) (value, error) {
		if a[0].Kind() == pyvalue.KindInt {
			return a[0], nil
		}
		n, _ := a[0].Float64()
		return pyvalue.FloatToInt(f(n))
	}
}

func contains(r *run, a []value, _ evaluator) (value, error) {
	if a[0].IsText() && !a[1].IsText() {
		return value{}, wrongType("contains", 1, text, typeOf(a[1]))
	}
	ok, err := pyvalue.Contains(r.meter, a[0], a[1])
	return pyvalue.Bool(ok), err
}

func textual(f func(string, string) bool) func(*run, []value, evaluator) (value, error) {
	return func(_ *run, a []value, _ evaluator) (value, error) {
		return pyvalue.Bool(f(a[0].Text(), a[1].Text())), nil
	}
}

func mapped(r *run, a []value, by evaluator) (value, error) {
	items := a[1].List().Items
	if err := r.growItems(len(items)); err != nil {
		return value{}, err
	}
	out := make([]value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = by(r, item); err != nil {
			return value{}, err
		}
	}
	return pyvalue.NewList(out...), nil
}

func extreme(better pyvalue.CmpOp) func(*run, []value, evaluator) (value, error) {
	return func(r *run, a []value, _ evaluator) (value, error) {
		items := a[0].List().Items
		if len(items) == 0 {
			return value{}, nil
		}
		best := items[0]
		for _, v := range items[1:] {
			is, err := pyvalue.CompareWithin(r.meter, better, v, best)
			if err != nil {
				return value{}, err
			}
			if is {
				best = v
			}
		}
		return best, nil
	}
}

// keys evaluates the expression for each item; all must be numbers, or all texts.
func keys(r *run, name string, items []value, by evaluator) ([]value, error) {
	if err := r.growItems(len(items)); err != nil {
		return nil, err
	}
	out := make([]value, len(items))
	for i, item := range items {
		k, err := by(r, item)
		if err != nil {
			return nil, err
		}
		t := typeOf(k)
		if t != "number" && t != "string" || i > 0 && t != typeOf(out[0]) {
			return nil, pyvalue.Raise("JMESPathTypeError", "in function %s(): the expression gives a %s, expected numbers or texts only", name, t)
		}
		out[i] = k
	}
	return out, nil
}

func extremeBy(better pyvalue.CmpOp) func(*run, []value, evaluator) (value, error) {
	return func(r *run, a []value, by evaluator) (value, error) {
		items := a[0].List().Items
		ks, err := keys(r, "max_by or min_by", items, by)
		if err != nil || len(items) == 0 {
			return value{}, err
		}
		best := 0
		for i := range items {
			is, err := pyvalue.CompareWithin(r.meter, better, ks[i], ks[best])
			if err != nil {
				return value{}, err
			}
			if is {
				best = i
			}
		}
		return items[best], nil
	}
}

func sortBy(r *run, a []value, by evaluator) (value, error) {
	items := a[0].List().Items
	ks, err := keys(r, "sort_by", items, by)
	if err != nil {
		return value{}, err
	}
	next := 0
	sorted, err := pyvalue.Sorted(r.meter, items, func(value) (value, error) {
		next++
		return ks[next-1], nil
	}, false)
	return pyvalue.NewList(sorted...), err
}

func toNumber(r *run, a []value, _ evaluator) (value, error) {
	switch {
	case a[0].IsText():
		if v, err := pyvalue.ParseInt(r.meter, a[0].Text(), 10); err == nil {
			return v, nil
		}
		v, err := pyvalue.ParseFloat(r.meter, a[0].Text())
		if _, raised := err.(*pyvalue.Error); raised {
			return value{}, nil
		}
		return v, err
	case isActualNumber(a[0]):
		return a[0], nil
	}
	return value{}, nil
}
