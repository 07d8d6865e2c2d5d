package jinja

import (
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
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
func attributeGetter(f *frame, attribute value, lower bool, fallback ...value) (func(value) (value, error), error) {
	var parts []value
	switch {
	case attribute.IsNone():
	case attribute.IsText():
		text := attribute.Text()
		if err := f.meter.GrowTimes(24, 1+int64(strings.Count(text, "."))); err != nil {
			return nil, err
		}
		for p := range strings.SplitSeq(text, ".") {
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
			if err := f.meter.Step(1); err != nil {
				return value{}, err
			}
			var err error
			if v, err = subscript(f.meter, v, p); err != nil {
				return value{}, err
			}
			if v.IsUndefined() && len(fallback) > 0 {
				v = fallback[0] // which the rest of the path is looked up in, as Jinja2 does
			}
		}
		if lower && v.IsText() {
			v = pyvalue.Str(ucd.Lower(v.Text()))
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
		if missing := n - len(line); !fill.IsNone() && n > len(line) {
			if err := f.meter.GrowParts(24, int64(missing)); err != nil {
				return value{}, err
			}
			for range missing {
				line = append(line, fill)
			}
		}
		lines = append(lines, pyvalue.NewList(line...))
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
	if err := f.meter.GrowParts(48, int64(n)); err != nil {
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
