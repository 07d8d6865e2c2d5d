package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
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
	err := r.iterate(c.Args[0], func(v value) (bool, error) {
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
	}
	var best, bestKey value
	found := false
	err := r.iterate(over, func(v value) (bool, error) {
		k := v
		if !key.IsNone() {
			var err error
			if k, err = r.call(key, &pyvalue.Call{Args: []value{v}, Meter: r.meter}); err != nil {
				return false, err
			}
		}
		if found {
			better, err := pyvalue.Compare(op, k, bestKey)
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
	if err := exactly(c, name, 1); err != nil {
		return value{}, err
	}
	result := !stop
	err := r.iterate(c.Args[0], func(v value) (bool, error) {
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
	items, err := r.collect(c.Args[0])
	if err != nil {
		return value{}, err
	}
	var key func(value) (value, error)
	if k, ok := c.Arg(-1, "key"); ok && !k.IsNone() {
		key = func(v value) (value, error) { return r.call(k, &pyvalue.Call{Args: []value{v}, Meter: r.meter}) }
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
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "'%s' object is not an iterator", pyvalue.TypeName(c.Args[0]))
	}
	v, ok, err := l.next(r)
	switch {
	case err != nil:
		return value{}, err
	case ok:
		return v, nil
	case len(c.Args) == 2:
		return c.Args[1], nil
	}
	return value{}, &pyvalue.Error{Type: "StopIteration"}
}

func mapFunction(r *run, c *pyvalue.Call) (value, error) {
	if len(c.Args) < 2 || len(c.Names) > 0 {
		return value{}, pyvalue.Raise("TypeError", "map() must have at least two arguments.")
	}
	f, over := c.Args[0], c.Args[1:]
	if err := allIterable(over); err != nil {
		return value{}, err
	}
	return newLazy("map", func(yield func(value) (bool, error)) error {
		return r.zip(over, func(items []value) (bool, error) {
			v, err := r.call(f, &pyvalue.Call{Args: items, Meter: r.meter})
			if err != nil {
				return false, err
			}
			return yield(v)
		})
	}), nil
}

func filterFunction(r *run, c *pyvalue.Call) (value, error) {
	if err := exactly(c, "filter", 2); err != nil {
		return value{}, err
	}
	f, over := c.Args[0], c.Args[1]
	return newLazy("filter", func(yield func(value) (bool, error)) error {
		return r.iterate(over, func(v value) (bool, error) {
			keep := v
			if !f.IsNone() {
				var err error
				if keep, err = r.call(f, &pyvalue.Call{Args: []value{v}, Meter: r.meter}); err != nil {
					return false, err
				}
			}
			if !pyvalue.Truth(keep) {
				return true, nil
			}
			return yield(v)
		})
	}), iterable(over)
}

func allIterable(list []value) error {
	for _, v := range list {
		if err := iterable(v); err != nil {
			return err
		}
	}
	return nil
}

// zip walks over several values at a time, until the shortest ends.
func (r *run) zip(over []value, f func(items []value) (bool, error)) error {
	if len(over) == 1 {
		return r.iterate(over[0], func(v value) (bool, error) { return f([]value{v}) })
	}
	rest := make([][]value, len(over))
	for i := 1; i < len(over); i++ {
		var err error
		if rest[i], err = r.collect(over[i]); err != nil {
			return err
		}
	}
	n := 0
	return r.iterate(over[0], func(v value) (bool, error) {
		items := make([]value, len(over))
		items[0] = v
		for i := 1; i < len(over); i++ {
			if n >= len(rest[i]) {
				return false, nil
			}
			items[i] = rest[i][n]
		}
		n++
		return f(items)
	})
}
