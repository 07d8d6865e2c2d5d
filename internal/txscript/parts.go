package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// parts are the names that the elements of a named tuple have.
type parts struct {
	names    []string
	defaults map[string]value
}

// tupleClass is a class of named tuples that Python itself has, struct_time say.
type tupleClass struct {
	name string
	parts
}

// ClassName implements [pyvalue.Class].
func (k *tupleClass) ClassName() string { return k.name }

// Special prints the names with the elements.
func (k *tupleClass) Special(self value, name string, _ ...value) (value, bool, error) {
	if name != "__repr__" {
		return value{}, false, nil
	}
	text, err := k.parts.named(nil, k.name, self)
	return pyvalue.Str(text), true, err
}

func newTupleClass(name string, names ...string) *tupleClass {
	return &tupleClass{name, parts{names: names}}
}

// of makes a named tuple.
func (k *tupleClass) of(items ...value) value { return pyvalue.Derive(pyvalue.NewTuple(items...), k) }

func (p *parts) repr(m *pyvalue.Meter, v value) (string, error) {
	return p.named(m, pyvalue.TypeName(v), v)
}

func (p *parts) named(m *pyvalue.Meter, name string, v value) (string, error) {
	items, _ := v.Items()
	out := make([]string, len(items))
	for i, item := range items {
		text, err := pyvalue.Repr(m, item)
		if err != nil {
			return "", err
		}
		out[i] = p.names[i] + "=" + text
	}
	return name + "(" + strings.Join(out, ", ") + ")", nil
}

// bind puts the arguments of a call in the order of the names.
func (p *parts) bind(name string, c *pyvalue.Call) ([]value, error) {
	if len(c.Args) > len(p.names) {
		return nil, pyvalue.Raise("TypeError", "%s.__new__() takes %s but %d were given", name, positionals(len(p.names)+1, p.defaults), len(c.Args)+1)
	}
	items := make([]value, len(p.names))
	var missing []string
	for i, n := range p.names {
		v, ok := c.Arg(i, n)
		if !ok {
			v, ok = p.defaults[n]
		}
		if !ok {
			missing = append(missing, "'"+n+"'")
		}
		items[i] = v
	}
	for _, n := range c.Names {
		switch i := slices.Index(p.names, n); {
		case i < 0:
			return nil, pyvalue.Raise("TypeError", "%s.__new__() got an unexpected keyword argument '%s'", name, n)
		case i < len(c.Args):
			return nil, pyvalue.Raise("TypeError", "%s.__new__() got multiple values for argument '%s'", name, n)
		}
	}
	if len(missing) > 0 {
		return nil, pyvalue.Raise("TypeError", "%s.__new__() missing %d required positional argument%s: %s", name, len(missing), plural(len(missing)), enumerate(missing))
	}
	return items, nil
}

// positionals says how many arguments a function takes, as CPython does.
func positionals(n int, defaults map[string]value) string {
	if len(defaults) > 0 {
		return "from " + itoa(n-len(defaults)) + " to " + itoa(n) + " positional arguments"
	}
	return itoa(n) + " positional argument" + plural(n)
}

// attr returns an element by its name, or what every named tuple has.
func (p *parts) attr(class string, self value, name string, build func(items []value) value) (value, bool) {
	items, _ := self.Items()
	if i := slices.Index(p.names, name); i >= 0 && i < len(items) {
		return items[i], true
	}
	switch name {
	case "_asdict":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			d := pyvalue.NewDict()
			for i, n := range p.names {
				d.SetStr(n, items[i])
			}
			return d.Value(), c.Exactly(name, 0)
		}}), true
	case "_replace":
		return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
			made := slices.Clone(items)
			var unknown []string
			for i, n := range c.Names {
				if at := slices.Index(p.names, n); at >= 0 {
					made[at] = c.Named[i]
				} else {
					unknown = append(unknown, "'"+n+"'")
				}
			}
			if len(unknown) > 0 {
				return value{}, pyvalue.Raise("ValueError", "Got unexpected field names: [%s]", strings.Join(unknown, ", "))
			}
			return build(made), nil
		}}), true
	}
	return p.classAttr(class, name, build)
}

// classAttr returns what the class of a named tuple has.
func (p *parts) classAttr(class, name string, build func(items []value) value) (value, bool) {
	switch name {
	case "_fields":
		names := make([]value, len(p.names))
		for i, n := range p.names {
			names[i] = pyvalue.Str(n)
		}
		return pyvalue.NewTuple(names...), true
	case "_field_defaults":
		d := pyvalue.NewDict()
		for _, n := range p.names {
			if v, ok := p.defaults[n]; ok {
				d.SetStr(n, v)
			}
		}
		return d.Value(), true
	case "_make":
		return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly(name, 1); err != nil {
				return value{}, err
			}
			items, err := pyvalue.Collect(r.meter, c.Args[0])
			if err == nil && len(items) != len(p.names) {
				err = pyvalue.Raise("TypeError", "Expected %d arguments, got %d", len(p.names), len(items))
			}
			return build(items), err
		}}), true
	}
	return value{}, false
}

// namedTupleBase is NamedTuple of the module typing: a base of classes, and a function
// that makes one.
type namedTupleBase struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*namedTupleBase) PyType() string { return "function" }

// PyCall is NamedTuple(name, fields).
func (*namedTupleBase) PyCall(c *pyvalue.Call) (value, error) {
	if err := c.Check("NamedTuple", 2, "typename", "fields"); err != nil {
		return value{}, err
	}
	name, _ := c.Arg(0, "typename")
	fields, _ := c.Arg(1, "fields")
	items, _ := fields.Items()
	p := &parts{}
	for _, item := range items {
		if pair, _ := item.Items(); len(pair) > 0 {
			p.names = append(p.names, pair[0].Text())
		}
	}
	return pyvalue.FromObject(newNamedTuple(&run{host: &Host{}, meter: c.Meter}, name.Text(), p)), nil
}

func newNamedTuple(r *run, name string, p *parts) *userClass {
	k := &userClass{name: name, r: r, attrs: pyvalue.NewDict(), parts: p, base: builtins["tuple"].Object().(*class)}
	k.mro = []*userClass{k}
	return k
}

// nameParts makes the fields of a class that derives from NamedTuple of what its body
// has: a name with a type is a field, what is assigned to it is its default.
func (k *userClass) nameParts() error {
	if k.parts == nil || len(k.parts.names) > 0 || len(k.bases) > 0 {
		return nil
	}
	for _, a := range k.annotated {
		v, ok := k.attrs.GetStr(a.name)
		if !ok && len(k.parts.defaults) > 0 {
			last := k.parts.names[len(k.parts.names)-1]
			return pyvalue.Raise("TypeError", "Non-default namedtuple field %s cannot follow default field %s", a.name, last)
		}
		k.parts.names = append(k.parts.names, a.name)
		if !ok {
			continue
		}
		if k.parts.defaults == nil {
			k.parts.defaults = make(map[string]value)
		}
		k.parts.defaults[a.name] = v
		if _, _, err := k.attrs.Delete(pyvalue.Str(a.name)); err != nil {
			return err
		}
	}
	return nil
}
