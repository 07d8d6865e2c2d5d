package pyvalue

import "math"

func setAdd(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "set.add", 1, 1); err != nil {
		return Value{}, err
	}
	if err := m.Grow(4 * valueSize); err != nil {
		return Value{}, err
	}
	return None(), v.Set().d.SetWithin(m, c.Args[0], Value{})
}

func setUpdate(m *Meter, v Value, c *Call) (Value, error) {
	if len(c.Names) > 0 {
		return Value{}, typeError("set.update() takes no keyword arguments")
	}
	for _, more := range c.Args {
		items, err := Collect(m, more)
		if err != nil {
			return Value{}, err
		}
		for _, item := range items {
			if err := m.Grow(4 * valueSize); err != nil {
				return Value{}, err
			}
			if err := v.Set().d.SetWithin(m, item, Value{}); err != nil {
				return Value{}, err
			}
		}
	}
	return None(), nil
}

func setRemove(name string) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 1, 1); err != nil {
			return Value{}, err
		}
		_, ok, err := v.Set().d.DeleteWithin(m, c.Args[0])
		if err == nil && !ok && name == "remove" {
			err = keyError(m, c.Args[0])
		}
		return None(), err
	}
}

func setCopy(m *Meter, v Value, _ *Call) (Value, error) {
	if err := m.GrowParts(4*valueSize, int64(v.Set().d.Len())); err != nil {
		return Value{}, err
	}
	out, err := NewSet(m, v.Set().Members()...)
	if v.Set().Frozen {
		out = Freeze(out)
	}
	return out, err
}

func setMethod(name string, op Op) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 0, math.MaxInt32); err != nil {
			return Value{}, err
		}
		out, err := setCopy(m, v, c)
		if err != nil {
			return Value{}, err
		}
		for _, arg := range c.Args {
			items, err := Collect(m, arg)
			if err != nil {
				return Value{}, err
			}
			other, err := NewSet(m, items...)
			if err != nil {
				return Value{}, err
			}
			if out, _, err = setOp(m, op, out.Set(), other.Set()); err != nil {
				return Value{}, err
			}
		}
		return out, nil
	}
}

func setCompare(name string, op CmpOp) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		if err := positional(c, "set."+name, 1, 1); err != nil {
			return Value{}, err
		}
		items, err := Collect(m, c.Args[0])
		if err != nil {
			return Value{}, err
		}
		other, err := NewSet(m, items...)
		if err != nil {
			return Value{}, err
		}
		in := &comparing{m: m}
		holds := in.sets(op, v.Set(), other.Set(), 0)
		return Bool(holds), in.err
	}
}

// setChange is a method that does to the set what an operator makes of it.
func setChange(name string, op Op) method {
	return func(m *Meter, v Value, c *Call) (Value, error) {
		made, err := setMethod(name, op)(m, v, c)
		if err == nil {
			v.Set().d = made.Set().d
		}
		return None(), err
	}
}

func setDisjoint(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "set.isdisjoint", 1, 1); err != nil {
		return Value{}, err
	}
	common, err := setMethod("isdisjoint", OpAnd)(m, v, c)
	if err != nil {
		return Value{}, err
	}
	return Bool(common.Set().d.Len() == 0), nil
}

func setPop(m *Meter, v Value, c *Call) (Value, error) {
	if err := positional(c, "set.pop", 0, 0); err != nil {
		return Value{}, err
	}
	item, _, ok, err := v.Set().d.takeEnd(m, false)
	if !ok {
		return Value{}, &Error{"KeyError", "'pop from an empty set'"}
	}
	return item, err
}

func setClear(_ *Meter, v Value, c *Call) (Value, error) {
	v.Set().d = Dict{}
	return None(), positional(c, "set.clear", 0, 0)
}
