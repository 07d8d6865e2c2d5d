package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// dataclass is what the decorator of that name adds to a class.
type dataclass struct {
	of                       *userClass
	fields                   []dataField
	frozen, order, eq, shown bool
	slots                    bool
	named                    bool // kw_only, of the fields that the class has itself
}

type dataField struct {
	name              string
	value             value // default
	factory           value
	hasValue          bool
	init, repr, equal bool
	named             bool // kw_only
	metadata          value
	initOnly          bool // InitVar: a parameter of __init__, which __post_init__ gets
}

// fieldSpec is what dataclasses.field returns.
type fieldSpec struct{ dataField }

// PyType implements [pyvalue.Object].
func (*fieldSpec) PyType() string { return "Field" }

// PyAttr returns what fields() says about a field.
func (f *fieldSpec) PyAttr(name string) (value, bool) {
	switch name {
	case "name":
		return pyvalue.Str(f.name), true
	case "default":
		return f.value, f.hasValue
	case "default_factory":
		return f.factory, !f.factory.IsNone()
	case "init", "repr", "compare":
		return pyvalue.Bool(map[string]bool{"init": f.init, "repr": f.repr, "compare": f.equal}[name]), true
	case "metadata":
		if f.metadata.IsNone() {
			return pyvalue.NewDict().Value(), true
		}
		return f.metadata, true
	}
	return value{}, false
}

func newDataField(_ *run, c *pyvalue.Call) (value, error) {
	f := dataField{init: true, repr: true, equal: true}
	for i, name := range c.Names {
		v := c.Named[i]
		switch name {
		case "default":
			f.value, f.hasValue = v, true
		case "default_factory":
			f.factory = v
		case "init":
			f.init = pyvalue.Truth(v)
		case "repr":
			f.repr = pyvalue.Truth(v)
		case "compare":
			f.equal = pyvalue.Truth(v)
		case "kw_only":
			f.named = pyvalue.Truth(v)
		case "metadata":
			f.metadata = v
		case "hash":
		default:
			return value{}, pyvalue.Raise("TypeError", "field() got an unexpected keyword argument '%s'", name)
		}
	}
	return pyvalue.FromObject(&fieldSpec{f}), nil
}

// decorateData is the decorator dataclass, with or without arguments.
func decorateData(_ *run, c *pyvalue.Call) (value, error) {
	d := dataclass{eq: true, shown: true}
	for i, name := range c.Names {
		on := pyvalue.Truth(c.Named[i])
		switch name {
		case "frozen":
			d.frozen = on
		case "order":
			d.order = on
		case "eq":
			d.eq = on
		case "repr":
			d.shown = on
		case "kw_only":
			d.named = on
		case "slots":
			d.slots = on
		case "init", "unsafe_hash", "match_args":
		default:
			return value{}, pyvalue.Raise("TypeError", "dataclass() got an unexpected keyword argument '%s'", name)
		}
	}
	apply := func(v value) (value, error) {
		k, ok := v.Object().(*userClass)
		if !ok {
			return value{}, pyvalue.Raise("TypeError", "dataclass() needs a class, not %s", pyvalue.TypeName(v))
		}
		made := d
		made.of, k.data = k, &made
		if err := made.collect(k); err != nil || !d.slots {
			return v, err
		}
		k.attrs.SetStr("__slots__", made.ownNames())
		return v, k.restrict(true)
	}
	if len(c.Args) == 1 {
		return apply(c.Args[0])
	}
	return pyvalue.FromObject(&builtin{"dataclass", func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly("dataclass", 1); err != nil {
			return value{}, err
		}
		return apply(c.Args[0])
	}}), nil
}

// initsData reports that the __init__ which the class has is that of a dataclass.
func (k *userClass) initsData() bool {
	for _, c := range k.mro {
		if _, own := c.attrs.GetStr("__init__"); own {
			return false
		}
		if c.data != nil && c.data.of == c {
			return true
		}
	}
	return false
}

// collect finds the fields: those of the bases, then the class's own.
func (d *dataclass) collect(k *userClass) error {
	set := func(f dataField) {
		if i := slices.IndexFunc(d.fields, func(other dataField) bool { return other.name == f.name }); i >= 0 {
			d.fields[i] = f
		} else {
			d.fields = append(d.fields, f)
		}
	}
	for i := len(k.mro) - 1; i > 0; i-- {
		if base := k.mro[i].data; base != nil {
			for _, f := range base.fields {
				set(f)
			}
		}
	}
	named := d.named
	for _, a := range k.annotated {
		switch a.kind {
		case "ClassVar":
			continue
		case "KW_ONLY":
			named = true
			continue
		}
		initOnly := a.kind == "InitVar"
		f := dataField{name: a.name, init: true, repr: !initOnly, equal: !initOnly, initOnly: initOnly}
		v, ok := k.attrs.GetStr(a.name)
		if spec, isSpec := v.Object().(*fieldSpec); isSpec {
			f = spec.dataField
			f.name = a.name
			if f.hasValue {
				k.attrs.SetStr(a.name, f.value)
			} else if _, _, err := k.attrs.Delete(pyvalue.Str(a.name)); err != nil {
				return err
			}
		} else if ok {
			switch v.Kind() {
			case pyvalue.KindList, pyvalue.KindDict, pyvalue.KindSet:
				return pyvalue.Raise("ValueError", "mutable default <class '%s'> for field %s is not allowed: use default_factory", pyvalue.TypeName(v), a.name)
			}
			f.value, f.hasValue = v, true
		}
		f.named = f.named || named
		set(f)
	}
	optional := ""
	for _, f := range d.fields {
		switch {
		case !f.init || f.named:
		case f.hasValue || !f.factory.IsNone():
			optional = f.name
		case optional != "":
			return pyvalue.Raise("TypeError", "non-default argument '%s' follows default argument", f.name)
		}
	}
	return nil
}

// init gives the fields their values.
func (d *dataclass) init(k *userClass, o *instance, call *pyvalue.Call) error {
	var names, missing []string
	var after []value // what __post_init__ gets
	for _, f := range d.fields {
		if f.init && !f.named {
			names = append(names, f.name)
		}
	}
	positional := len(names)
	for _, f := range d.fields {
		if f.init && f.named {
			names = append(names, f.name)
		}
	}
	if len(call.Args) > positional {
		f := &function{name: k.name + ".__init__", params: []param{{name: "self"}}}
		for _, field := range d.fields {
			if !field.init || field.named {
				continue
			}
			p := param{name: field.name}
			if field.hasValue || !field.factory.IsNone() {
				p.value = &constExpr{}
			}
			f.params = append(f.params, p)
		}
		return (&closure{code: &code{f: f, name: f.name}}).tooMany(&pyvalue.Call{Args: append([]value{{}}, call.Args...)}, len(f.params))
	}
	for i, name := range call.Names {
		at := slices.Index(names, name)
		if at < 0 {
			return pyvalue.Raise("TypeError", "%s.__init__() got an unexpected keyword argument '%s'", k.name, name)
		}
		if at < len(call.Args) || slices.Contains(call.Names[:i], name) {
			return pyvalue.Raise("TypeError", "%s.__init__() got multiple values for argument '%s'", k.name, name)
		}
	}
	for _, f := range d.fields {
		v, given := value{}, false
		if f.init {
			v, given = call.Arg(slices.Index(names, f.name), f.name)
		}
		switch {
		case given:
		case f.hasValue:
			v = f.value
		case !f.factory.IsNone():
			var err error
			if v, err = k.r.call(f.factory, &pyvalue.Call{Meter: k.r.meter}); err != nil {
				return err
			}
		case f.init:
			missing = append(missing, "'"+f.name+"'")
			continue
		default:
			continue
		}
		if f.initOnly {
			after = append(after, v)
			continue
		}
		o.attrs.SetStr(f.name, v)
	}
	if missing != nil {
		return pyvalue.Raise("TypeError", "%s.__init__() missing %d required positional argument%s: %s", k.name, len(missing), plural(len(missing)), pyvalue.Enumerate(missing))
	}
	_, _, err := o.invoke("__post_init__", after...)
	return err
}

// tuple are the fields that == compares.
func (d *dataclass) tuple(o *instance) value {
	var items []value
	for _, f := range d.fields {
		if f.equal {
			v, _ := o.attrs.GetStr(f.name)
			items = append(items, v)
		}
	}
	return pyvalue.NewTuple(items...)
}

func (d *dataclass) repr(m *pyvalue.Meter, o *instance) (string, error) {
	if !d.shown {
		return "<formula." + o.class.name + " object>", nil
	}
	if o.printing {
		return "...", nil
	}
	o.printing = true
	defer func() { o.printing = false }()
	var parts []string
	for _, f := range d.fields {
		if f.repr {
			v, _ := o.attrs.GetStr(f.name)
			text, err := pyvalue.Repr(m, v)
			if err != nil {
				return "", err
			}
			parts = append(parts, f.name+"="+text)
		}
	}
	return o.class.name + "(" + strings.Join(parts, ", ") + ")", nil
}

// dataOf returns the argument of asdict and its like.
func dataOf(c *pyvalue.Call, name string) (*instance, error) {
	if len(c.Args) == 1 {
		if o, ok := c.Args[0].Object().(*instance); ok && o.class.data != nil {
			return o, nil
		}
	}
	return nil, pyvalue.Raise("TypeError", "%s() should be called on dataclass instances", name)
}

// plainData makes dicts, or tuples, of dataclasses, also within lists and dicts.
func (r *run) plainData(v value, tuples bool, depth int) (value, error) {
	if depth > maxNesting {
		return value{}, pyvalue.Raise("RecursionError", "maximum recursion depth exceeded")
	}
	if err := r.meter.Grow(48); err != nil {
		return value{}, err
	}
	if o, ok := v.Object().(*instance); ok && o.class.data != nil {
		d, items := pyvalue.NewDict(), []value(nil)
		for _, f := range o.class.data.fields {
			if f.initOnly {
				continue
			}
			inner, _ := o.attrs.GetStr(f.name)
			inner, err := r.plainData(inner, tuples, depth+1)
			if err != nil {
				return value{}, err
			}
			d.SetStr(f.name, inner)
			items = append(items, inner)
		}
		if tuples {
			return pyvalue.NewTuple(items...), nil
		}
		return d.Value(), nil
	}
	if list, ok := v.Items(); ok {
		made := make([]value, len(list))
		for i, item := range list {
			var err error
			if made[i], err = r.plainData(item, tuples, depth+1); err != nil {
				return value{}, err
			}
		}
		if v.Kind() == pyvalue.KindTuple {
			return pyvalue.NewTuple(made...), nil
		}
		return pyvalue.NewList(made...), nil
	}
	if v.Dict() == nil {
		return v, nil
	}
	made := pyvalue.NewDict()
	for key, item := range v.Dict().All() {
		item, err := r.plainData(item, tuples, depth+1)
		if err != nil {
			return value{}, err
		}
		if err := made.SetWithin(r.meter, key, item); err != nil {
			return value{}, err
		}
	}
	return made.Value(), nil
}
