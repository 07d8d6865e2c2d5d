package txscript

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// enumBase is Enum of the module enum.
type enumBase struct{ name string }

// PyType implements [pyvalue.Object].
func (*enumBase) PyType() string { return "type" }

var enumModule = newModule("enum", map[string]func(r *run, c *pyvalue.Call) (value, error){
	"unique": func(_ *run, c *pyvalue.Call) (value, error) { return c.Args[0], exactly(c, "unique", 1) },
	"auto":   func(*run, *pyvalue.Call) (value, error) { return pyvalue.FromObject(&autoValue{}), nil },
}, map[string]value{"Enum": pyvalue.FromObject(&enumBase{"Enum"})})

// autoValue is what auto() returns.
type autoValue struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*autoValue) PyType() string { return "auto" }

// makeMembers makes the members of an enum of what its body has set.
func (k *userClass) makeMembers() error {
	if !k.isEnum {
		return nil
	}
	last := pyvalue.Int(0)
	for key, v := range k.attrs.All() {
		name := key.Text()
		switch v.Object().(type) {
		case *closure, *wrapper, *property, *builtin:
			continue
		case *autoValue:
			var err error
			if v, err = pyvalue.Binary(k.r.meter, pyvalue.OpAdd, last, pyvalue.Int(1)); err != nil {
				return err
			}
		}
		if strings.HasPrefix(name, "_") {
			continue
		}
		last = v
		m := k.byValue(v)
		if m == nil {
			m = &instance{class: k, attrs: pyvalue.NewDict()}
			m.attrs.SetStr("name", key)
			m.attrs.SetStr("value", v)
			k.members = append(k.members, m)
		}
		k.attrs.SetStr(name, pyvalue.FromObject(m))
	}
	return nil
}

func (k *userClass) byValue(v value) *instance {
	for _, m := range k.members {
		if own, _ := m.attrs.GetStr("value"); pyvalue.Equal(own, v) {
			return m
		}
	}
	return nil
}

// member returns the member of a value: Status("paid").
func (k *userClass) member(c *pyvalue.Call) (value, error) {
	if err := exactly(c, k.name, 1); err != nil {
		return value{}, err
	}
	if m, ok := c.Args[0].Object().(*instance); ok && m.class == k {
		return c.Args[0], nil
	}
	if m := k.byValue(c.Args[0]); m != nil {
		return pyvalue.FromObject(m), nil
	}
	text, err := pyvalue.Repr(k.r.meter, c.Args[0])
	if err != nil {
		return value{}, err
	}
	return value{}, pyvalue.Raise("ValueError", "%s is not a valid %s", text, k.name)
}

// PyItem is the member of a name: Status["PAID"].
func (k *userClass) PyItem(key value) (value, error) {
	for _, m := range k.members {
		if name, _ := m.attrs.GetStr("name"); pyvalue.Equal(name, key) {
			return pyvalue.FromObject(m), nil
		}
	}
	if !k.isEnum {
		return value{}, pyvalue.Raise("TypeError", "type '%s' is not subscriptable", k.name)
	}
	text, err := pyvalue.Repr(k.r.meter, key)
	if err != nil {
		return value{}, err
	}
	return value{}, &pyvalue.Error{Type: "KeyError", Msg: text}
}

func (k *userClass) canIterate() bool { return k.isEnum }

// iterator yields the members.
func (k *userClass) iterator(*run) (value, error) {
	if !k.isEnum {
		return value{}, pyvalue.Raise("TypeError", "'type' object is not iterable")
	}
	list := make([]value, len(k.members))
	for i, m := range k.members {
		list[i] = pyvalue.FromObject(m)
	}
	return pyvalue.NewList(list...), nil
}

// enumRepr prints a member.
func (o *instance) enumRepr() string {
	name, _ := o.attrs.GetStr("name")
	v, _ := o.attrs.GetStr("value")
	text, err := pyvalue.Repr(o.class.r.meter, v)
	o.class.r.deferred(err)
	return "<" + o.class.name + "." + name.Text() + ": " + text + ">"
}
