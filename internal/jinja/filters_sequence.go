package jinja

import (
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

func filterLength(_ *frame, c *pyvalue.Call) (value, error) {
	n, err := pyvalue.Len(c.Args[0])
	return pyvalue.Int(int64(n)), err
}

func filterList(f *frame, c *pyvalue.Call) (value, error) {
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	return pyvalue.NewList(items...), err
}

func filterFirst(f *frame, c *pyvalue.Call) (value, error) {
	seq, err := pyvalue.All(c.Args[0])
	if err != nil {
		return value{}, err
	}
	for v := range seq {
		return v, nil
	}
	return pyvalue.Undefined("No first item, sequence was empty."), f.meter.Step(1)
}

// reversible returns the items of what reversed() takes.
func reversible(f *frame, v value) ([]value, error) {
	switch v.Kind() {
	case pyvalue.KindSet:
		return nil, pyvalue.Raise("TypeError", "'set' object is not reversible")
	case pyvalue.KindObject:
		if _, ok := v.Object().(interface{ PyLen() int }); !ok {
			return nil, pyvalue.Raise("TypeError", "'%s' object is not reversible", pyvalue.TypeName(v))
		}
	}
	items, err := pyvalue.Collect(f.meter, v)
	if err != nil {
		return nil, pyvalue.Raise("TypeError", "'%s' object is not reversible", pyvalue.TypeName(v))
	}
	return items, nil
}

func filterLast(f *frame, c *pyvalue.Call) (value, error) {
	items, err := reversible(f, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if len(items) == 0 {
		return pyvalue.Undefined("No last item, sequence was empty."), nil
	}
	return items[len(items)-1], nil
}

func filterReverse(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	if v.IsText() {
		return pyvalue.Slice(f.meter, v, value{}, value{}, pyvalue.Int(-1))
	}
	items, err := reversible(f, v)
	if err != nil {
		return value{}, pyvalue.Raise("FilterArgumentError", "argument must be iterable")
	}
	back := make([]value, len(items))
	for i, item := range items {
		back[len(items)-1-i] = item
	}
	return newIterator("list_reverseiterator", back), nil
}

func filterItems(f *frame, c *pyvalue.Call) (value, error) {
	v := c.Args[0]
	if v.IsUndefined() {
		return newIterator("generator", nil), nil
	}
	d := v.Dict()
	if d == nil {
		return value{}, pyvalue.Raise("TypeError", "Can only get item pairs from a mapping.")
	}
	if err := f.meter.Grow(int64(72 * d.Len())); err != nil {
		return value{}, err
	}
	var pairs []value
	for k, item := range d.All() {
		pairs = append(pairs, pyvalue.NewTuple(k, item))
	}
	return newIterator("generator", pairs), nil
}

// attributeGetter makes the function that filters use for attribute='a.0.b'.
func attributeGetter(f *frame, attribute value, lower bool) (func(value) (value, error), error) {
	var parts []value
	switch {
	case attribute.IsNone():
	case attribute.IsText():
		for _, p := range strings.Split(attribute.Text(), ".") {
			if n, err := strconv.ParseInt(p, 10, 64); err == nil && strings.Trim(p, decimal) == "" {
				parts = append(parts, pyvalue.Int(n))
			} else {
				parts = append(parts, pyvalue.Str(p))
			}
		}
	default:
		parts = []value{attribute}
	}
	return func(v value) (value, error) {
		if err := f.meter.Step(1); err != nil {
			return value{}, err
		}
		for _, p := range parts {
			var err error
			if v, err = subscript(v, p); err != nil {
				return value{}, err
			}
		}
		if lower && v.IsText() {
			v = pyvalue.Str(pyvalue.Lower(v.Text()))
		}
		return v, nil
	}, nil
}

func filterJoin(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("sync_do_join", 1, "value", "d", "attribute"); err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if attribute := argument(c, 2, "attribute", value{}); !attribute.IsNone() {
		get, err := attributeGetter(f, attribute, false)
		if err != nil {
			return value{}, err
		}
		for i := range items {
			if items[i], err = get(items[i]); err != nil {
				return value{}, err
			}
		}
	}
	sep := argument(c, 1, "d", pyvalue.Str(""))
	if !f.escape {
		return joinPlain(f, items, sep)
	}
	markup := sep.Kind() == pyvalue.KindMarkup
	for i := range items {
		if items[i].Kind() == pyvalue.KindMarkup {
			markup = true
		} else if items[i], err = softText(f, items[i]); err != nil {
			return value{}, err
		}
	}
	if markup {
		if sep, err = pyvalue.Escape(f.meter, sep); err != nil {
			return value{}, err
		}
	}
	if sep, err = softText(f, sep); err != nil {
		return value{}, err
	}
	return pyvalue.CallMethod(f.meter, sep, "join", &pyvalue.Call{Args: []value{pyvalue.NewList(items...)}})
}

func joinPlain(f *frame, items []value, sep value) (value, error) {
	between, err := pyvalue.String(f.meter, sep)
	if err != nil {
		return value{}, err
	}
	var out []byte
	for i, item := range items {
		if i > 0 {
			out = append(out, between...)
		}
		if out, err = pyvalue.AppendStr(f.meter, out, item); err != nil {
			return value{}, err
		}
		if len(out) > 1<<20 { // small ones are counted at the end
			if err := f.meter.Step(int64(len(between)) / 16); err != nil {
				return value{}, err
			}
			if int64(len(out)) > f.limits.ValueBytes {
				return value{}, f.meter.Grow(int64(len(out)))
			}
		}
	}
	if err := f.meter.Grow(int64(len(out))); err != nil {
		return value{}, err
	}
	// str(d).join(…) of a plain separator is plain, also where items are Markup.
	return pyvalue.Str(string(out)), nil
}

func filterBatch(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("do_batch", 2, "value", "linecount", "fill_with"); err != nil {
		return value{}, err
	}
	n, err := intArgument(c, 1, "linecount", 0)
	if err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	fill := argument(c, 2, "fill_with", value{})
	var lines, line []value
	for _, item := range items {
		if len(line) == n {
			lines, line = append(lines, pyvalue.NewList(line...)), nil
		}
		line = append(line, item)
	}
	if len(line) > 0 {
		if missing := n - len(line); !fill.IsNone() && missing > 0 {
			if err := f.meter.Grow(int64(missing) * 24); err != nil {
				return value{}, err
			}
			for range missing {
				line = append(line, fill)
			}
		}
		lines = append(lines, pyvalue.NewList(line...))
	}
	if n == 0 && len(items) > 0 {
		lines = append([]value{pyvalue.NewList()}, lines...)
	}
	return newIterator("generator", lines), nil
}

func filterSlice(f *frame, c *pyvalue.Call) (value, error) {
	if err := c.Check("sync_do_slice", 2, "value", "slices", "fill_with"); err != nil {
		return value{}, err
	}
	n, err := intArgument(c, 1, "slices", 0)
	if err != nil {
		return value{}, err
	}
	items, err := pyvalue.Collect(f.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	if n == 0 {
		return value{}, pyvalue.Raise("ZeroDivisionError", "integer division or modulo by zero")
	}
	if n < 0 {
		return newIterator("generator", nil), nil
	}
	if err := f.meter.Grow(int64(n) * 48); err != nil {
		return value{}, err
	}
	fill := argument(c, 2, "fill_with", value{})
	size, extra, offset := len(items)/n, len(items)%n, 0
	var slices []value
	for i := range n {
		start := offset + i*size
		if i < extra {
			offset++
		}
		part := append([]value(nil), items[start:offset+(i+1)*size]...)
		if !fill.IsNone() && i >= extra {
			part = append(part, fill)
		}
		slices = append(slices, pyvalue.NewList(part...))
	}
	return newIterator("generator", slices), nil
}

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
			k = pyvalue.Str(pyvalue.Lower(k.Text()))
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
	fallback, hasFallback := c.Arg(2, "default")
	if fallback.IsNone() {
		hasFallback = false
	}
	get, err := attributeGetter(f, argument(c, 1, "attribute", value{}), false)
	if err != nil {
		return value{}, err
	}
	whole := func(v value) (value, error) {
		k, err := get(v)
		if err == nil && hasFallback && k.IsUndefined() {
			k = fallback
		}
		return k, err
	}
	folded := func(v value) (value, error) {
		k, err := whole(v)
		if err == nil && !sensitive && k.IsText() {
			k = pyvalue.Str(pyvalue.Lower(k.Text()))
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
			if !pyvalue.Equal(key, other) {
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
		_, known, err := seen.Get(key)
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
			is, err := pyvalue.Compare(better, key, bestKey)
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
		fallback, hasDefault := c.Arg(-1, "default")
		for _, n := range c.Names {
			if n != "attribute" && n != "default" {
				return value{}, pyvalue.Raise("FilterArgumentError", "Unexpected keyword argument %s", quote(n))
			}
		}
		get, err := attributeGetter(f, attribute, false)
		if err != nil {
			return value{}, err
		}
		apply = func(v value) (value, error) {
			v, err := get(v)
			if err == nil && hasDefault && !fallback.IsNone() && v.IsUndefined() {
				v = fallback
			}
			return v, err
		}
	} else {
		if len(c.Args) < 2 {
			return value{}, pyvalue.Raise("FilterArgumentError", "map requires a filter argument")
		}
		name, err := pyvalue.String(f.meter, c.Args[1])
		if err != nil {
			return value{}, err
		}
		fn := filters[name]
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
			if test = tests[name]; test == nil {
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
