package jinja

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (c *compiler) assignBlock(a assignBlock) (exec, error) {
	store, err := c.store(a.target)
	if err != nil {
		return nil, err
	}
	var body exec
	var filter func(f *frame, v value) (value, error)
	inner := c.scope.inner()
	inner.analyse(a.body)
	err = c.in(inner, func() (err error) {
		if body, err = c.body(a.body); err == nil && a.filter != nil {
			filter, err = c.filterChain(a.filter)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	reset := inner.reset()
	return func(f *frame) error {
		reset(f)
		text, err := f.captured(body)
		if err != nil {
			return err
		}
		v := f.markup(text)
		if filter != nil {
			if v, err = filter(f, v); err != nil {
				return err
			}
		}
		return store(f, v)
	}, nil
}

// reset makes the variables of a scope unset, when it is entered.
func (s *scope) reset() func(f *frame) {
	return func(f *frame) {
		for _, slot := range s.slots {
			f.vars[slot] = missing
		}
	}
}

// resetSlots is reset for a scope that is entered often.
func (s *scope) resetSlots() []int {
	slots := make([]int, 0, len(s.slots))
	for _, slot := range s.slots {
		slots = append(slots, slot)
	}
	return slots
}

func (c *compiler) filterBlock(b filterBlock) (exec, error) {
	var body exec
	inner := c.scope.inner()
	inner.analyse(b.body)
	err := c.in(inner, func() (err error) { body, err = c.body(b.body); return err })
	if err != nil {
		return nil, err
	}
	filter, err := c.filterChain(b.filter)
	if err != nil {
		return nil, err
	}
	reset := inner.reset()
	return func(f *frame) error {
		reset(f)
		text, err := f.captured(body)
		if err != nil {
			return err
		}
		v, err := filter(f, f.markup(text))
		if err != nil {
			return err
		}
		// Jinja2 joins the result with the rest as it is: nothing is escaped again, and
		// what is not a text cannot be joined.
		if !v.IsText() {
			return pyvalue.Raise("TypeError", "sequence item 0: expected str instance, %s found", pyvalue.TypeName(v))
		}
		return f.raw(v)
	}, nil
}

func (c *compiler) with(w with) (exec, error) {
	values := make([]expr, len(w.values))
	stores := make([]func(f *frame, v value) error, len(w.targets))
	var body exec
	inner := c.scope.inner()
	for _, t := range w.targets {
		inner.declareTarget(t)
	}
	inner.analyse(w.body)
	// The values are those of the scope around: one does not see the other.
	for i := range w.values {
		var err error
		if values[i], err = c.expr(w.values[i]); err != nil {
			return nil, err
		}
	}
	err := c.in(inner, func() (err error) {
		for i := range w.targets {
			if stores[i], err = c.store(w.targets[i]); err != nil {
				return err
			}
		}
		body, err = c.body(w.body)
		return err
	})
	if err != nil {
		return nil, err
	}
	reset := inner.reset()
	return func(f *frame) error {
		computed := make([]value, len(values))
		for i, e := range values {
			var err error
			if computed[i], err = e(f); err != nil {
				return err
			}
		}
		reset(f)
		for i, store := range stores {
			if err := store(f, computed[i]); err != nil {
				return err
			}
		}
		return body(f)
	}, nil
}

func (c *compiler) autoescape(a autoescape) (exec, error) {
	var e expr
	var body exec
	inner := c.scope.inner()
	inner.analyse(a.body)
	volatile, escaping := c.volatile, c.escaping
	err := c.in(inner, func() (err error) {
		if e, err = c.expr(a.value); err != nil {
			return err
		}
		if known, ok := knownBeforehand(a.value, e, volatile); ok {
			c.escaping = pyvalue.Truth(known)
		} else {
			c.volatile = true
		}
		body, err = c.body(a.body)
		return err
	})
	c.volatile, c.escaping = volatile, escaping
	if err != nil {
		return nil, err
	}
	reset := inner.reset()
	return func(f *frame) error {
		reset(f)
		v, err := e(f)
		if err != nil {
			return err
		}
		saved := f.escape
		f.escape = pyvalue.Truth(v)
		defer func() { f.escape = saved }()
		return body(f)
	}, nil
}
