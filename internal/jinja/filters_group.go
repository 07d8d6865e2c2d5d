package jinja

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

func filterSort(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_sort", 1, "value", "reverse", "case_sensitive", "attribute"); err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	lower := !pyvalue.Truth(argument(c, 2, "case_sensitive", pyvalue.Bool(false)))
	key, err := multiGetter(f, argument(c, 3, "attribute", value{}), lower)
	if err != nil {
		return value{}, err
	}
	sorted, err := pyvalue.Sorted(f.meter, items, key, pyvalue.Truth(argument(c, 1, "reverse", pyvalue.Bool(false))))
	return pyvalue.NewList(sorted...), err
}

// multiGetter is attributeGetter for 'a,b', which gives a list.
func multiGetter(f *frame, attribute value, lower bool) (func(value) (value, error), error) {
	names := []value{attribute}
	if attribute.IsText() {
		names = nil
		for _, name := range strings.Split(attribute.Text(), ",") {
			names = append(names, pyvalue.Str(name))
		}
	}
	getters := make([]func(value) (value, error), len(names))
	for i, name := range names {
		var err error
		if getters[i], err = attributeGetter(f, name, lower); err != nil {
			return nil, err
		}
	}
	return func(v value) (value, error) {
		keys := make([]value, len(getters))
		for i, get := range getters {
			var err error
			if keys[i], err = get(v); err != nil {
				return value{}, err
			}
		}
		return pyvalue.NewList(keys...), nil
	}, nil
}

func filterDictsort(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_dictsort", 1, "value", "case_sensitive", "by", "reverse"); err != nil {
		return value{}, err
	}
	by, err := textArgument(f, c, 2, "by", "key")
	if err != nil {
		return value{}, err
	}
	if by != "key" && by != "value" {
		return value{}, pyvalue.Raise("FilterArgumentError", `You can only sort by either "key" or "value"`)
	}
	v := c.Args[0]
	if v.IsUndefined() {
		return value{}, pyvalue.Raise("UndefinedError", "%s", v.Hint())
	}
	d := v.Dict()
	if d == nil {
		return value{}, pyvalue.Raise("AttributeError", "'%s' object has no attribute 'items'", pyvalue.TypeName(v))
	}
	sensitive := pyvalue.Truth(argument(c, 1, "case_sensitive", pyvalue.Bool(false)))
	var pairs []value
	for k, item := range d.All() {
		pairs = append(pairs, pyvalue.NewTuple(k, item))
	}
	sorted, err := pyvalue.Sorted(f.meter, pairs, func(p value) (value, error) {
		items, _ := p.Items()
		k := items[0]
		if by == "value" {
			k = items[1]
		}
		if !sensitive && k.IsText() {
			k = pyvalue.Str(ucd.Lower(k.Text()))
		}
		return k, nil
	}, pyvalue.Truth(argument(c, 3, "reverse", pyvalue.Bool(false))))
	return pyvalue.NewList(sorted...), err
}

// group is a row of what groupby returns: a tuple with names.
func newGroup(grouper value, list []value) value {
	return pyvalue.FromObject(&namedTuple{"_GroupTuple", []string{"grouper", "list"}, []value{grouper, pyvalue.NewList(list...)}})
}

func filterGroupby(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("sync_do_groupby", 2, "value", "attribute", "default", "case_sensitive"); err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	sensitive := pyvalue.Truth(argument(c, 3, "case_sensitive", pyvalue.Bool(false)))
	whole, err := attributeGetter(f, argument(c, 1, "attribute", value{}), false, given(c, 2, "default")...)
	if err != nil {
		return value{}, err
	}
	folded := func(v value) (value, error) {
		k, err := whole(v)
		if err == nil && !sensitive && k.IsText() {
			k = pyvalue.Str(ucd.Lower(k.Text()))
		}
		return k, err
	}
	if items, err = pyvalue.Sorted(f.meter, items, folded, false); err != nil {
		return value{}, err
	}
	var groups []value
	for from := 0; from < len(items); {
		key, err := folded(items[from])
		if err != nil {
			return value{}, err
		}
		to := from + 1
		for ; to < len(items); to++ {
			other, err := folded(items[to])
			if err != nil {
				return value{}, err
			}
			same, err := pyvalue.EqualWithin(f.meter, key, other)
			if err != nil {
				return value{}, err
			}
			if !same {
				break
			}
		}
		if !sensitive {
			// The name of a group is spelt as in its first member.
			if key, err = whole(items[from]); err != nil {
				return value{}, err
			}
		}
		groups = append(groups, newGroup(key, items[from:to:to]))
		from = to
	}
	return pyvalue.NewList(groups...), nil
}

// given returns an argument, or nothing if it is missing or None.
func given(c *pyvalue.Call, at int, name string) []value {
	if v, ok := c.Arg(at, name); ok && !v.IsNone() {
		return []value{v}
	}
	return nil
}

func filterUnique(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_unique", 1, "value", "case_sensitive", "attribute"); err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	get, err := attributeGetter(f, argument(c, 2, "attribute", value{}), !pyvalue.Truth(argument(c, 1, "case_sensitive", pyvalue.Bool(false))))
	if err != nil {
		return value{}, err
	}
	seen := pyvalue.NewDict()
	var kept []value
	for _, item := range items {
		key, err := get(item)
		if err != nil {
			return value{}, err
		}
		_, known, err := seen.GetWithin(f.meter, key)
		if err != nil {
			return value{}, err
		}
		if !known {
			kept = append(kept, item)
			_ = seen.Set(key, value{}) // Get has hashed it
		}
	}
	return newIterator("generator", kept), nil
}

func filterExtreme(name string, better pyvalue.CmpOp) filterFunc {
	return func(f *frame, c *pyvalue.Call) (value, error) {
		if err := c.Check("do_"+name, 1, "value", "case_sensitive", "attribute"); err != nil {
			return value{}, err
		}
		items, err := pyvalue.Collect(f.meter, c.Args[0])
		if err != nil {
			return value{}, err
		}
		if len(items) == 0 {
			return pyvalue.Undefined("No aggregated item, sequence was empty."), nil
		}
		get, err := attributeGetter(f, argument(c, 2, "attribute", value{}), !pyvalue.Truth(argument(c, 1, "case_sensitive", pyvalue.Bool(false))))
		if err != nil {
			return value{}, err
		}
		best := items[0]
		bestKey, err := get(best)
		if err != nil {
			return value{}, err
		}
		for _, item := range items[1:] {
			key, err := get(item)
			if err != nil {
				return value{}, err
			}
			is, err := pyvalue.CompareWithin(f.meter, better, key, bestKey)
			if err != nil {
				return value{}, err
			}
			if is {
				best, bestKey = item, key
			}
		}
		return best, nil
	}
}

func filterSum(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("sync_do_sum", 1, "iterable", "attribute", "start"); err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	sum := argument(c, 2, "start", pyvalue.Int(0))
	if sum.IsText() {
		return value{}, pyvalue.Raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	get, err := attributeGetter(f, argument(c, 1, "attribute", value{}), false)
	if err != nil {
		return value{}, err
	}
	for _, item := range items {
		if item, err = get(item); err != nil {
			return value{}, err
		}
		if sum, err = pyvalue.Binary(f.meter, pyvalue.OpAdd, sum, item); err != nil {
			return value{}, err
		}
	}
	return sum, nil
}

func filterMap(f *frame, c *pyvalue.Call) (value, error) {
	if !pyvalue.Truth(c.Args[0]) {
		return newIterator("generator", nil), nil // whatever it is
	}
	var apply func(value) (value, error)
	if attribute, ok := c.Arg(-1, "attribute"); ok && len(c.Args) == 1 {
		for _, n := range c.Names {
			if n != "attribute" && n != "default" {
				return value{}, pyvalue.Raise("FilterArgumentError", "Unexpected keyword argument %s", quote(n))
			}
		}
		var err error
		if apply, err = attributeGetter(f, attribute, false, given(c, -1, "default")...); err != nil {
			return value{}, err
		}
	} else {
		if len(c.Args) < 2 {
			return value{}, pyvalue.Raise("FilterArgumentError", "map requires a filter argument")
		}
		name, err := pyvalue.String(f.meter, c.Args[1])
		if err != nil {
			return value{}, err
		}
		fn := filters()[name]
		if fn == nil {
			return value{}, pyvalue.Raise("TemplateRuntimeError", "No filter named %s.", quote(name))
		}
		apply = func(v value) (value, error) {
			args := append([]value{v}, c.Args[2:]...)
			return fn(f, &pyvalue.Call{Args: args, Names: c.Names, Named: c.Named, Meter: f.meter})
		}
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	for i := range items {
		if items[i], err = apply(items[i]); err != nil {
			return value{}, err
		}
	}
	return newIterator("generator", items), nil
}

// selector makes select, reject, selectattr and rejectattr.
func selector(keep, byAttribute bool) filterFunc {
	return func(f *frame, c *pyvalue.Call) (value, error) {
		if !pyvalue.Truth(c.Args[0]) {
			return newIterator("generator", nil), nil // whatever it is
		}
		rest := c.Args[1:]
		get := func(v value) (value, error) { return v, nil }
		if byAttribute {
			if len(rest) == 0 {
				return value{}, pyvalue.Raise("FilterArgumentError", "Missing parameter for attribute name")
			}
			var err error
			if get, err = attributeGetter(f, rest[0], false); err != nil {
				return value{}, err
			}
			rest = rest[1:]
		}
		test := func(_ *frame, c *pyvalue.Call) (bool, error) { return pyvalue.Truth(c.Args[0]), nil }
		if len(rest) > 0 {
			name, err := pyvalue.String(f.meter, rest[0])
			if err != nil {
				return value{}, err
			}
			if test = tests()[name]; test == nil {
				return value{}, pyvalue.Raise("TemplateRuntimeError", "No test named %s.", quote(name))
			}
			rest = rest[1:]
		}
		items, err := pyvalue.Collect(f.meter, c.Args[0])
		if err != nil {
			return value{}, err
		}
		var kept []value
		for _, item := range items {
			v, err := get(item)
			if err != nil {
				return value{}, err
			}
			ok, err := test(f, &pyvalue.Call{Args: append([]value{v}, rest...), Names: c.Names, Named: c.Named, Meter: f.meter})
			if err != nil {
				return value{}, err
			}
			if ok == keep {
				kept = append(kept, item)
			}
		}
		return newIterator("generator", kept), nil
	}
}
