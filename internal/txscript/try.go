package txscript

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func (c *compiler) raise(s *raiseStmt) exec {
	if s.x == nil {
		slot := c.current()
		return func(_ *run, f *frame) (control, error) {
			if slot != nil {
				if err := slot(f); err != nil {
					return goOn, err
				}
			}
			return goOn, pyvalue.Raise("RuntimeError", "No active exception to reraise")
		}
	}
	x := c.expr(s.x)
	var cause eval
	if s.cause != nil {
		cause = c.expr(s.cause)
	}
	return func(r *run, f *frame) (control, error) {
		v, err := x(r, f)
		if err != nil {
			return goOn, err
		}
		var from value
		if cause != nil {
			if from, err = cause(r, f); err != nil {
				return goOn, err
			}
		}
		e, ok := raised(v)
		if !ok {
			return goOn, pyvalue.Raise("TypeError", "exceptions must derive from BaseException")
		}
		if cause != nil {
			e.fromSet, e.cause = true, nil
			if e.cause, ok = raised(from); !ok && !from.IsNone() {
				return goOn, pyvalue.Raise("TypeError", "exception causes must derive from BaseException")
			}
		}
		return goOn, &raisedError{e}
	}
}

// raised returns the exception that a value is, or a new one of a class.
func raised(v value) (*exception, bool) {
	switch o := v.Object().(type) {
	case *excClass:
		return newException(o.name), true
	case *userClass:
		if o.exception == "" {
			return nil, false
		}
		made, err := o.PyCall(&pyvalue.Call{Meter: o.r.meter})
		o.r.deferred(err)
		e, ok := made.Object().(*exception)
		return e, ok
	case *exception:
		return o, true
	}
	return nil, false
}

// within returns an error that came up while e was handled, with e as its context.
func within(err error, e *exception) error {
	if err == nil {
		return nil
	}
	made := caught(err)
	if made == nil || made == e || made.context != nil {
		return err
	}
	made.context = e
	return &raisedError{made}
}

// activeError is where a handler keeps the exception that it handles, for a bare
// raise.
const activeError = "<active exception>"

// current returns how to find the exception that is being handled.
func (c *compiler) current() func(f *frame) error {
	slot, ok := c.scope.slots[activeError]
	if !ok {
		return nil
	}
	return func(f *frame) error {
		if v := f.vars[slot]; v.ok {
			if e, ok := v.v.Object().(*exception); ok {
				return &raisedError{e}
			}
		}
		return nil
	}
}

func (c *compiler) try(s *tryStmt) exec {
	type compiled struct {
		class eval
		set   setter
		unset int
		body  exec
	}
	c.scope.add(activeError)
	active := c.scope.slots[activeError]
	body := c.block(s.body)
	handlers := make([]compiled, len(s.handlers))
	for i, h := range s.handlers {
		handlers[i] = compiled{unset: -1}
		if h.class != nil {
			handlers[i].class = c.expr(h.class)
		} else if i < len(s.handlers)-1 {
			fail(h.at(), "default 'except:' must be last")
		}
		if h.name != "" {
			handlers[i].set = c.store(&nameExpr{h.line, h.name})
			if depth, slot, _, ok := c.scope.find(h.name); ok && depth == 0 {
				handlers[i].unset = slot
			}
		}
		handlers[i].body = c.block(h.body)
	}
	otherwise, finally := c.block(s.otherwise), c.block(s.finally)
	guarded := func(r *run, f *frame) (control, error) {
		ctl, err := body(r, f)
		if err == nil {
			if ctl != goOn {
				return ctl, nil
			}
			return otherwise(r, f)
		}
		e := caught(err)
		if e == nil {
			return goOn, err
		}
		for _, h := range handlers {
			if h.class != nil {
				class, classErr := h.class(r, f)
				if classErr != nil {
					return goOn, classErr
				}
				ok, classErr := matches(e, class)
				if classErr != nil {
					return goOn, classErr
				}
				if !ok {
					continue
				}
			}
			before, outer := f.vars[active], r.handled
			r.handled = e
			f.vars[active] = variable{pyvalue.FromObject(e), true}
			if h.set != nil {
				if err := h.set(r, f, pyvalue.FromObject(e)); err != nil {
					return goOn, err
				}
			}
			ctl, err := h.body(r, f)
			err = within(err, e)
			f.vars[active], r.handled = before, outer
			if h.unset >= 0 {
				f.vars[h.unset] = variable{}
			}
			return ctl, err
		}
		return goOn, err
	}
	if s.finally == nil {
		return guarded
	}
	return func(r *run, f *frame) (control, error) {
		ctl, err := guarded(r, f)
		if err != nil && caught(err) == nil {
			return ctl, err // the run ends: nothing more is executed
		}
		kept := r.ret
		if last, lastErr := finally(r, f); last != goOn || lastErr != nil {
			return last, lastErr
		}
		r.ret = kept
		return ctl, err
	}
}

// matches reports whether an exception is of a class, or of one of a tuple of classes.
func matches(e *exception, class value) (bool, error) {
	classes := []value{class}
	if class.Kind() == pyvalue.KindTuple {
		classes, _ = class.Items()
	}
	found := false
	for _, class := range classes {
		own, isOwn := class.Object().(*userClass)
		c, isBuiltin := class.Object().(*excClass)
		switch {
		case isOwn && own.exception != "":
			found = found || e.user != nil && e.user.is(own)
		case isBuiltin:
			found = found || derives(e.class, c.name)
		default:
			return false, pyvalue.Raise("TypeError", "catching classes that do not inherit from BaseException is not allowed")
		}
	}
	return found, nil
}
