package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// userClass is a class that the program defines.
type userClass struct {
	name      string
	r         *run
	bases     []*userClass
	exception string // the builtin exception that it derives from, "" for none
	mro       []*userClass
	attrs     *pyvalue.Dict
	annotated []annotated
	doc       value
	slots     []string       // the attributes that its objects may have; nil if they may have any
	data      *dataclass     // nil if it is none
	base      *class         // the builtin class that it derives from, nil for object
	parts     *pyvalue.Parts // of a named tuple
	isEnum    bool
	members   []value // of an enum
	// printsValue is set for an enum whose members print as their value, IntEnum.
	printsValue bool
}

// derive adds a base.
func (k *userClass) derive(base value) error {
	switch b := base.Object().(type) {
	case *userClass:
		k.bases = append(k.bases, b)
		if k.exception == "" {
			k.exception = b.exception
		}
		if k.data == nil {
			k.data = b.data
		}
		k.isEnum, k.printsValue = k.isEnum || b.isEnum, k.printsValue || b.printsValue
		if k.base == nil {
			k.base, k.parts = b.base, b.parts
		}
	case *libraryClass:
		of, err := b.class(k.r)
		if err != nil {
			return err
		}
		return k.derive(of)
	case *namedTupleBase:
		k.base, k.parts = builtins()["tuple"].Object().(*class), &pyvalue.Parts{}
	case *typingForm:
	case *excClass:
		k.exception = b.name
	case *enumBase:
		k.isEnum, k.printsValue = true, b.of != ""
		if b.of != "" {
			k.base = builtins()[b.of].Object().(*class)
		}
	case *class:
		if slices.Contains(derivable, b.name) {
			k.base = b
			return nil
		}
		if b.name != "object" {
			return pyvalue.Raise("TypeError", "a class cannot derive from %s here", b.name)
		}
	default:
		return pyvalue.Raise("TypeError", "a class cannot derive from a %s here", pyvalue.TypeName(base))
	}
	return nil
}

// maxAncestors bounds how many ancestors the bases of a class may have together: all of them
// are searched for an attribute that an object does not have.
const maxAncestors = 1000

// linearise works out the order in which classes are searched (C3).
func (k *userClass) linearise() error {
	var lists [][]*userClass
	all := 0
	for _, b := range k.bases {
		lists = append(lists, slices.Clone(b.mro))
		all += len(b.mro)
	}
	if err := k.r.meter.Step(int64(all)); err != nil {
		return err
	}
	if all > maxAncestors {
		return pyvalue.Raise("RecursionError", "the bases of a class have more than %d ancestors", maxAncestors)
	}
	if len(k.bases) == 1 {
		k.mro = append([]*userClass{k}, k.bases[0].mro...)
		return nil
	}
	lists = append(lists, slices.Clone(k.bases))
	k.mro = []*userClass{k}
	for {
		lists = slices.DeleteFunc(lists, func(l []*userClass) bool { return len(l) == 0 })
		if len(lists) == 0 {
			return nil
		}
		var next *userClass
		for _, l := range lists {
			if !slices.ContainsFunc(lists, func(other []*userClass) bool { return slices.Contains(other[1:], l[0]) }) {
				next = l[0]
				break
			}
		}
		if next == nil {
			return pyvalue.Raise("TypeError", "Cannot create a consistent method resolution order (MRO) for bases %s", k.name)
		}
		k.mro = append(k.mro, next)
		for i, l := range lists {
			if l[0] == next {
				lists[i] = l[1:]
			}
		}
	}
}

// own tells the methods whose class they are of, for super.
func (k *userClass) own(v value) {
	switch o := v.Object().(type) {
	case *closure:
		if o.owner == nil {
			o.owner = k
		}
	case *wrapper:
		k.own(o.f)
	case *property:
		k.own(o.get)
		k.own(o.set)
	}
}

// find looks an attribute up in the classes after one of them, nil for all.
func (k *userClass) find(name string, after *userClass) (value, bool) {
	search := k.mro
	if after != nil {
		search = search[slices.Index(search, after)+1:]
	}
	for _, c := range search {
		if v, ok := c.attrs.GetStr(name); ok {
			return v, true
		}
	}
	return value{}, false
}

// is reports whether the class is another or derives from it.
func (k *userClass) is(other *userClass) bool { return slices.Contains(k.mro, other) }

// PyType implements [pyvalue.Object].
func (*userClass) PyType() string { return "type" }

// PyRepr prints the class.
func (k *userClass) PyRepr() string { return "<class 'formula." + k.name + "'>" }

// PyHash makes a class a key.
func (k *userClass) PyHash() (string, error) { return identity(k), nil }

// Names lists what the class itself has.
func (k *userClass) Names() (names []string) {
	for name := range k.attrs.All() {
		names = append(names, name.Text())
	}
	return names
}

// PyGetAttr returns an attribute of the class.
func (k *userClass) PyGetAttr(name string) (value, bool, error) {
	switch name {
	case "__name__", "__qualname__":
		return pyvalue.Str(k.name), true, nil
	case "__doc__":
		return k.doc, true, nil
	case "__members__":
		d := pyvalue.NewDict()
		for _, m := range k.members {
			name, _ := attrsOf(m).GetStr("name")
			d.SetStr(name.Text(), m)
		}
		return d.Value(), k.isEnum, nil
	case "__mro__", "__bases__":
		return k.ancestors(name == "__mro__"), true, nil
	case "__module__":
		return pyvalue.Str("formula"), true, nil
	}
	v, ok := k.find(name, nil)
	if !ok && k.parts != nil {
		v, ok = k.parts.ClassAttr(k.name, name, func(items []value) value { return pyvalue.Derive(pyvalue.NewTuple(items...), k) })
		return v, ok, nil
	}
	if !ok && k.base != nil { // dict.fromkeys, say
		v, ok = k.base.PyAttr(name)
		return v, ok && name != "__name__", nil
	}
	if !ok {
		return value{}, false, nil
	}
	if w, isWrapper := v.Object().(*wrapper); isWrapper {
		if w.ofClass {
			return bind(w.f, pyvalue.FromObject(k)), true, nil
		}
		return w.f, true, nil
	}
	if get, _, ok := described(v, "__get__"); ok {
		v, err := k.describe(get, value{})
		return v, true, err
	}
	return v, true, nil
}

// abstract is the error of a class that derives from ABC, or has its metaclass, and
// lacks methods.
func (k *userClass) abstract() error {
	if root := k.mro[len(k.mro)-1].name; root != "ABC" && root != "ABCMeta" {
		return nil
	}
	var missing []string
	for _, c := range k.mro {
		for name := range c.attrs.All() {
			v, _ := k.find(name.Text(), nil)
			if p, ok := v.Object().(*property); ok {
				v = p.get
			}
			if w, ok := v.Object().(*wrapper); ok {
				v = w.f
			}
			if f, ok := v.Object().(*closure); ok && pyvalue.Truth(f.attrs["__isabstractmethod__"]) && !slices.Contains(missing, name.Text()) {
				missing = append(missing, name.Text())
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return pyvalue.Raise("TypeError", "Can't instantiate abstract class %s with abstract method%s %s", k.name, plural(len(missing)), strings.Join(missing, ", "))
}

// ancestors are the classes that it derives from, itself first for __mro__.
func (k *userClass) ancestors(all bool) value {
	of := k.bases
	if all {
		of = k.mro
	}
	var list []value
	for _, c := range of {
		list = append(list, pyvalue.FromObject(c))
	}
	switch {
	case k.base != nil && (all || len(k.bases) == 0):
		list = append(list, pyvalue.FromObject(k.base))
	case k.exception != "" && (all || len(k.bases) == 0):
		for name := k.exception; name != ""; name = bases[name] {
			if list = append(list, pyvalue.FromObject(excClasses[name])); !all {
				break
			}
		}
	}
	if all || len(list) == 0 {
		list = append(list, builtins()["object"])
	}
	return pyvalue.NewTuple(list...)
}

// PySetAttr sets an attribute of the class.
func (k *userClass) PySetAttr(name string, v value) error {
	if _, isMember := k.attrs.GetStr(name); isMember && k.isEnum {
		if slices.ContainsFunc(k.members, func(m value) bool {
			own, _ := attrsOf(m).GetStr("name")
			return own.Text() == name
		}) {
			return pyvalue.Raise("AttributeError", "cannot reassign member '%s'", name)
		}
	}
	k.own(v)
	k.attrs.SetStr(name, v)
	return nil
}

// PyContains is member in Enum.
func (k *userClass) PyContains(v value) (bool, error) {
	if !k.isEnum {
		return false, pyvalue.Raise("TypeError", "argument of type 'type' is not iterable")
	}
	if userClassOf(v) == nil || !userClassOf(v).isEnum {
		return false, pyvalue.Raise("TypeError", "unsupported operand type(s) for 'in': '%s' and 'EnumType'", pyvalue.TypeName(v))
	}
	return userClassOf(v) == k, nil
}

// userClassOf returns the program's class that a value is of, nil for another.
func userClassOf(v value) *userClass {
	switch o := v.Object().(type) {
	case *instance:
		return o.class
	case *exception:
		return o.user
	}
	if d := v.Derived(); d != nil {
		k, _ := d.Class.(*userClass)
		return k
	}
	return nil
}
