package pyvalue

import (
	"slices"
	"strconv"
	"strings"
)

// Parts are the names that the elements of a named tuple have, and the values of those
// that may be left out.
type Parts struct {
	Names    []string
	Defaults map[string]Value
}

// TupleClass is a class of named tuples that Python itself has, struct_time say.
type TupleClass struct {
	name string
	Parts
}

// ClassName implements [Class].
func (k *TupleClass) ClassName() string { return k.name }

// Special prints the names with the elements.
func (k *TupleClass) Special(self Value, name string, _ ...Value) (Value, bool, error) {
	if name != "__repr__" {
		return Value{}, false, nil
	}
	text, err := k.Named(nil, k.name, self)
	return Str(text), true, err
}

// NewTupleClass returns a class of tuples whose elements have names.
func NewTupleClass(name string, names ...string) *TupleClass {
	return &TupleClass{name, Parts{Names: names}}
}

// Of makes a named tuple.
func (k *TupleClass) Of(items ...Value) Value { return Derive(NewTuple(items...), k) }

// Named prints the names with the elements, as a class of that name.
func (p *Parts) Named(m *Meter, name string, v Value) (string, error) {
	items, _ := v.Items()
	out := make([]string, len(items))
	for i, item := range items {
		text, err := Repr(m, item)
		if err != nil {
			return "", err
		}
		out[i] = p.Names[i] + "=" + text
	}
	return name + "(" + strings.Join(out, ", ") + ")", nil
}

// Bind puts the arguments of a call in the order of the names.
func (p *Parts) Bind(name string, c *Call) ([]Value, error) {
	if len(c.Args) > len(p.Names) {
		return nil, Raise("TypeError", "%s.__new__() takes %s but %d were given", name, positionals(len(p.Names)+1, p.Defaults), len(c.Args)+1)
	}
	items := make([]Value, len(p.Names))
	var missing []string
	for i, n := range p.Names {
		v, ok := c.Arg(i, n)
		if !ok {
			v, ok = p.Defaults[n]
		}
		if !ok {
			missing = append(missing, "'"+n+"'")
		}
		items[i] = v
	}
	for _, n := range c.Names {
		switch i := slices.Index(p.Names, n); {
		case i < 0:
			return nil, Raise("TypeError", "%s.__new__() got an unexpected keyword argument '%s'", name, n)
		case i < len(c.Args):
			return nil, Raise("TypeError", "%s.__new__() got multiple values for argument '%s'", name, n)
		}
	}
	if len(missing) > 0 {
		return nil, Raise("TypeError", "%s.__new__() missing %d required positional argument%s: %s", name, len(missing), plural(len(missing)), Enumerate(missing))
	}
	return items, nil
}

// positionals says how many arguments a function takes, as CPython does.
func positionals(n int, defaults map[string]Value) string {
	if len(defaults) > 0 {
		return "from " + strconv.Itoa(n-len(defaults)) + " to " + strconv.Itoa(n) + " positional arguments"
	}
	return strconv.Itoa(n) + " positional argument" + plural(n)
}

// Attr returns an element by its name, or what every named tuple has.
func (p *Parts) Attr(class string, self Value, name string, build func(items []Value) Value) (Value, bool) {
	items, _ := self.Items()
	if i := slices.Index(p.Names, name); i >= 0 && i < len(items) {
		return items[i], true
	}
	switch name {
	case "_asdict":
		return NewBuiltin(name, func(c *Call) (Value, error) {
			d := NewDict()
			for i, n := range p.Names {
				d.SetStr(n, items[i])
			}
			return d.Value(), c.Exactly(name, 0)
		}), true
	case "_replace":
		return NewBuiltin(name, func(c *Call) (Value, error) {
			made := slices.Clone(items)
			var unknown []string
			for i, n := range c.Names {
				if at := slices.Index(p.Names, n); at >= 0 {
					made[at] = c.Named[i]
				} else {
					unknown = append(unknown, "'"+n+"'")
				}
			}
			if len(unknown) > 0 {
				return Value{}, Raise("ValueError", "Got unexpected field names: [%s]", strings.Join(unknown, ", "))
			}
			return build(made), nil
		}), true
	}
	return p.ClassAttr(class, name, build)
}

// ClassAttr returns what the class of a named tuple has.
func (p *Parts) ClassAttr(class, name string, build func(items []Value) Value) (Value, bool) {
	switch name {
	case "_fields":
		names := make([]Value, len(p.Names))
		for i, n := range p.Names {
			names[i] = Str(n)
		}
		return NewTuple(names...), true
	case "_field_defaults":
		d := NewDict()
		for _, n := range p.Names {
			if v, ok := p.Defaults[n]; ok {
				d.SetStr(n, v)
			}
		}
		return d.Value(), true
	case "_make":
		return NewBuiltin(name, func(c *Call) (Value, error) {
			if err := c.Exactly(name, 1); err != nil {
				return Value{}, err
			}
			items, err := Collect(c.Meter, c.Args[0])
			if err == nil && len(items) != len(p.Names) {
				err = Raise("TypeError", "Expected %d arguments, got %d", len(p.Names), len(items))
			}
			return build(items), err
		}), true
	}
	return Value{}, false
}

// Enumerate joins names as CPython does: a, b, and c.
func Enumerate(names []string) string {
	last := len(names) - 1
	switch len(names) {
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	}
	return strings.Join(names[:last], ", ") + ", and " + names[last]
}
