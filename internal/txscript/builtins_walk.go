package txscript

import (
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func sum(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("sum", 1, "iterable", "start"); err != nil {
		return value{}, err
	}
	total, ok := c.Arg(1, "start")
	if !ok {
		total = pyvalue.Int(0)
	}
	if total.IsText() {
		return value{}, pyvalue.Raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]")
	}
	err := pyvalue.Each(c.Args[0], func(v value) (bool, error) {
		var err error
		total, err = pyvalue.Binary(r.meter, pyvalue.OpAdd, total, v)
		return true, err
	})
	return total, err
}

// extreme is min or max.
func extreme(r *run, c *pyvalue.Call, name string, op pyvalue.CmpOp) (value, error) {
	var key, otherwise value
	hasDefault := false
	for i, n := range c.Names {
		switch n {
		case "key":
			key = c.Named[i]
		case "default":
			otherwise, hasDefault = c.Named[i], true
		default:
			return value{}, pyvalue.Raise("TypeError", "'%s' is an invalid keyword argument for %s()", n, name)
		}
	}
	if len(c.Args) == 0 {
		return value{}, pyvalue.Raise("TypeError", "%s expected at least 1 argument, got 0", name)
	}
	over := pyvalue.NewTuple(c.Args...)
	if len(c.Args) == 1 {
		over = c.Args[0]
	} else if hasDefault {
		return value{}, pyvalue.Raise("TypeError", "Cannot specify a default for %s() with multiple positional arguments", name)
	}
	var best, bestKey value
	found := false
	err := pyvalue.Each(over, func(v value) (bool, error) {
		k := v
		if !key.IsNone() {
			var err error
			if k, err = r.call1(key, v); err != nil {
				return false, err
			}
		}
		if found {
			better, err := pyvalue.CompareWithin(r.meter, op, k, bestKey)
			if err != nil || !better {
				return err == nil, err
			}
		}
		best, bestKey, found = v, k, true
		return true, r.meter.Step(1)
	})
	switch {
	case err != nil:
		return value{}, err
	case found:
		return best, nil
	case hasDefault:
		return otherwise, nil
	}
	return value{}, pyvalue.Raise("ValueError", "%s() arg is an empty sequence", name)
}

func anyOrAll(r *run, c *pyvalue.Call, name string, stop bool) (value, error) {
	if err := c.Exactly(name, 1); err != nil {
		return value{}, err
	}
	result := !stop
	err := pyvalue.Each(c.Args[0], func(v value) (bool, error) {
		if pyvalue.Truth(v) == stop {
			result = stop
			return false, nil
		}
		return true, r.meter.Step(1)
	})
	return pyvalue.Bool(result), err
}

func sorted(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) != 1 {
		return value{}, pyvalue.Raise("TypeError", "sorted expected 1 argument, got %d", len(c.Args))
	}
	for _, name := range c.Names {
		if name != "key" && name != "reverse" {
			return value{}, pyvalue.Raise("TypeError", "'%s' is an invalid keyword argument for sort()", name)
		}
	}
	items, err := pyvalue.Collect(r.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	var key func(value) (value, error)
	if k, ok := c.Arg(-1, "key"); ok && !k.IsNone() {
		key = func(v value) (value, error) { return r.call1(k, v) }
	}
	reverse, _ := c.Arg(-1, "reverse")
	out, err := pyvalue.Sorted(r.meter, items, key, pyvalue.Truth(reverse))
	return pyvalue.NewList(out...), err
}

func next(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) < 1 || len(c.Args) > 2 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "next expected at least 1 argument, got %d", len(c.Args))
	}
	l, ok := c.Args[0].Object().(*lazy)
	if o, isInstance := c.Args[0].Object().(*instance); isInstance {
		v, has, err := o.invoke("__next__")
		if e := caught(err); has && e != nil && derives(e.class, "StopIteration") && len(c.Args) == 2 {
			return c.Args[1], nil
		}
		if has {
			return v, err
		}
	}
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not an iterator", pyvalue.TypeName(c.Args[0]))
	}
	one := l.next
	if l.owned && !l.held && l.pull == nil && !l.done {
		one = l.first
	}
	v, ok, err := one()
	switch {
	case err != nil:
		return value{}, err
	case ok:
		return v, nil
	case len(c.Args) == 2:
		return c.Args[1], nil
	}
	return value{}, l.ended()
}

func mapFunction(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) < 2 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "map() must have at least two arguments.")
	}
	f, over := c.Args[0], c.Args[1:]
	if err := allIterable(over); err != nil {
		return value{}, err
	}
	return r.lazy("map", func(yield func(value) (bool, error)) error {
		return r.zip(over, false, func(items []value) (bool, error) {
			v, err := r.call(f, &pyvalue.Call{Args: items, Meter: r.meter})
			if err != nil {
				return false, err
			}
			return yield(v)
		})
	}), nil
}

func filterFunction(r *run, c *pyvalue.Call) (value, error) {
	if err := c.Exactly("filter", 2); err != nil {
		return value{}, err
	}
	f, over := c.Args[0], c.Args[1]
	return r.lazy("filter", func(yield func(value) (bool, error)) error {
		return pyvalue.Each(over, func(v value) (bool, error) {
			keep := v
			if !f.IsNone() {
				var err error
				if keep, err = r.call1(f, v); err != nil {
					return false, err
				}
			}
			if !pyvalue.Truth(keep) {
				return true, nil
			}
			return yield(v)
		})
	}), pyvalue.Iterable(over)
}

func allIterable(list []value) error {
	for _, v := range list {
		if err := pyvalue.Iterable(v); err != nil {
			return err
		}
	}
	return nil
}

// cursor walks over a value step by step.
type cursor struct {
	list *pyvalue.List
	at   int
	lazy *lazy
}

func (r *run) cursor(v value) *cursor {
	if l, ok := v.Object().(*lazy); ok {
		return &cursor{lazy: l}
	}
	if l := v.List(); l != nil {
		return &cursor{list: l}
	}
	return &cursor{lazy: &lazy{r: r, class: "iterator", each: func(yield func(value) (bool, error)) error { return pyvalue.Each(v, yield) }}}
}

func (c *cursor) next(r *run) (value, bool, error) {
	if c.lazy != nil {
		return c.lazy.next()
	}
	if c.at >= len(c.list.Items) {
		return value{}, false, nil
	}
	c.at++
	return c.list.Items[c.at-1], true, nil
}

// zip walks over several values at a time, until the shortest ends; where strict is
// set they must end together.
func (r *run) zip(over []value, strict bool, f func(items []value) (bool, error)) error {
	cursors := make([]*cursor, len(over))
	for i, v := range over {
		if v.Kind() != pyvalue.KindObject && v.List() == nil {
			items, err := pyvalue.Collect(r.meter, v)
			if err != nil {
				return err
			}
			v = pyvalue.NewList(items...)
		}
		cursors[i] = r.cursor(v)
	}
	for {
		items := make([]value, len(over))
		for i, c := range cursors {
			v, ok, err := c.next(r)
			if err != nil {
				return err
			}
			if !ok {
				return r.unequal(cursors, i, strict)
			}
			items[i] = v
		}
		if more, err := f(items); err != nil || !more {
			return err
		}
	}
}

// unequal says which of several values ended before the others.
func (r *run) unequal(cursors []*cursor, ended int, strict bool) error {
	if !strict {
		return nil
	}
	word, which := "shorter", ended
	if ended == 0 {
		for which = 1; which < len(cursors); which++ {
			_, ok, err := cursors[which].next(r)
			if err != nil {
				return err
			}
			if ok {
				break
			}
		}
		if which == len(cursors) {
			return nil
		}
		word = "longer"
	}
	others := " 1"
	if which > 1 {
		others = "s 1-" + strconv.Itoa(which)
	}
	return pyvalue.Raise("ValueError", "zip() argument %d is %s than argument%s", which+1, word, others)
}
