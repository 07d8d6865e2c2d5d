package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// enumBase is Enum of the module enum, or one of its relatives, whose members are of a
// builtin class, too.
type enumBase struct{ name, of string }

// PyType implements [pyvalue.Object].
func (*enumBase) PyType() string { return "type" }

func enumModule() value { return enumModuleOnUse.Get(makeEnumModule) }

var enumModuleOnUse onuse.Value[value]

func makeEnumModule() value {
	return newModule("enum", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"unique": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("unique", 1); err != nil {
				return value{}, err
			}
			return c.Args[0], nil
		},
		"auto": func(*run, *pyvalue.Call) (value, error) { return pyvalue.FromObject(&autoValue{}), nil },
	}, map[string]value{
		"Enum": pyvalue.FromObject(&enumBase{"Enum", ""}), "IntEnum": pyvalue.FromObject(&enumBase{"IntEnum", "int"}), "StrEnum": pyvalue.FromObject(&enumBase{"StrEnum", "str"}),
	})
}

// autoValue is what auto() returns.
type autoValue struct{ _ byte }

// PyType implements [pyvalue.Object].
func (*autoValue) PyType() string { return "auto" }

// enumOf is Enum(name, members): names in a text or a list, which are numbered from 1, or
// names with values.
func (r *run) enumOf(base *enumBase, c *pyvalue.Call) (value, error) {
	if err := c.Check("EnumType.__call__", 2, "value", "names"); err != nil {
		return value{}, err
	}
	name, _ := c.Arg(0, "value")
	names, _ := c.Arg(1, "names")
	if names.IsText() {
		names = pyvalue.NewList(texts(strings.Fields(strings.ReplaceAll(names.Text(), ",", " ")))...)
	}
	k := &userClass{name: name.Text(), r: r, attrs: pyvalue.NewDict()}
	if err := k.derive(pyvalue.FromObject(base)); err != nil {
		return value{}, err
	}
	if err := k.linearise(); err != nil {
		return value{}, err
	}
	err := pyvalue.Each(names, func(member value) (bool, error) {
		v := pyvalue.FromObject(&autoValue{})
		if d := names.Dict(); d != nil {
			v, _ = d.GetStr(member.Text())
		} else if pair, ok := member.Items(); ok && len(pair) == 2 {
			member, v = pair[0], pair[1]
		}
		if !member.IsText() {
			return false, pyvalue.Raise("TypeError", "the name of a member must be a text")
		}
		k.attrs.SetStr(member.Text(), v)
		return true, r.meter.Step(1)
	})
	if err != nil {
		return value{}, err
	}
	return pyvalue.FromObject(k), k.makeMembers()
}

func texts(list []string) []value {
	made := make([]value, len(list))
	for i, text := range list {
		made[i] = pyvalue.Str(text)
	}
	return made
}

// makeMembers makes the members of an enum of what its body has set.
func (k *userClass) makeMembers() error {
	if !k.isEnum {
		return nil
	}
	last := pyvalue.Int(0)
	for key, v := range k.attrs.All() {
		name := key.Text()
		switch v.Object().(type) {
		case *closure, *wrapper, *property, *builtin, *descriptor:
			continue
		case *autoValue:
			var err error
			if v, err = pyvalue.Binary(k.r.meter, pyvalue.OpAdd, last, pyvalue.Int(1)); err != nil {
				return err
			}
			if k.printsValue && k.base.name == "str" { // of a StrEnum
				v = pyvalue.Str(strings.ToLower(name))
			}
		}
		if strings.HasPrefix(name, "_") {
			continue
		}
		if v.IsNumber() {
			last = v
		}
		m, ok := k.byValue(v)
		if !ok {
			if m, ok = pyvalue.FromObject(&instance{class: k, attrs: pyvalue.NewDict()}), k.base == nil; !ok {
				m = pyvalue.Derive(v, k)
			}
			attrsOf(m).SetStr("name", key)
			attrsOf(m).SetStr("value", v)
			k.members = append(k.members, m)
		}
		k.attrs.SetStr(name, m)
	}
	return nil
}

func (k *userClass) byValue(v value) (value, bool) {
	for _, m := range k.members {
		if own, _ := attrsOf(m).GetStr("value"); k.r.equal(own, v) {
			return m, true
		}
	}
	return value{}, false
}

// member returns the member of a value: Status("paid").
func (k *userClass) member(c *pyvalue.Call) (value, error) {
	if err := c.Exactly(k.name, 1); err != nil {
		return value{}, err
	}
	if userClassOf(c.Args[0]) == k {
		return c.Args[0], nil
	}
	if m, ok := k.byValue(c.Args[0]); ok {
		return m, nil
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
		if name, _ := attrsOf(m).GetStr("name"); k.r.equal(name, key) {
			return m, nil
		}
	}
	if get, ok := k.find("__class_getitem__", nil); ok && !k.isEnum {
		if w, wrapped := get.Object().(*wrapper); wrapped {
			get = w.f
		}
		return k.r.call(bind(get, pyvalue.FromObject(k)), &pyvalue.Call{Args: []value{key}, Meter: k.r.meter})
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

// PyWalk yields the members of an enum.
func (k *userClass) PyWalk() (pyvalue.Walk, error) {
	if !k.isEnum {
		return nil, pyvalue.Raise("TypeError", "'type' object is not iterable")
	}
	members := pyvalue.NewList(slices.Clone(k.members)...)
	return func(yield func(value) (bool, error)) error { return pyvalue.Each(members, yield) }, nil
}

// enumText prints a member.
func (k *userClass) enumText(meter *pyvalue.Meter, m value, method string) (string, error) {
	name, _ := attrsOf(m).GetStr("name")
	if method != "__repr__" {
		return k.name + "." + name.Text(), nil
	}
	v, _ := attrsOf(m).GetStr("value")
	text, err := pyvalue.Repr(meter, v)
	return "<" + k.name + "." + name.Text() + ": " + text + ">", err
}
