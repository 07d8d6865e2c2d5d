package txscript

import "github.com/exportpipeline/exportpipeline/internal/python/pyvalue"

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
	p := &pyvalue.Parts{}
	for _, item := range items {
		if pair, _ := item.Items(); len(pair) > 0 {
			p.Names = append(p.Names, pair[0].Text())
		}
	}
	return pyvalue.FromObject(newNamedTuple(&run{host: &Host{}, meter: c.Meter}, name.Text(), p)), nil
}

func newNamedTuple(r *run, name string, p *pyvalue.Parts) *userClass {
	k := &userClass{name: name, r: r, attrs: pyvalue.NewDict(), parts: p, base: builtins()["tuple"].Object().(*class)}
	k.mro = []*userClass{k}
	return k
}

// nameParts makes the fields of a class that derives from NamedTuple of what its body
// has: a name with a type is a field, what is assigned to it is its default.
func (k *userClass) nameParts() error {
	if k.parts == nil || len(k.parts.Names) > 0 || len(k.bases) > 0 {
		return nil
	}
	for _, a := range k.annotated {
		v, ok := k.attrs.GetStr(a.name)
		if !ok && len(k.parts.Defaults) > 0 {
			last := k.parts.Names[len(k.parts.Names)-1]
			return pyvalue.Raise("TypeError", "Non-default namedtuple field %s cannot follow default field %s", a.name, last)
		}
		k.parts.Names = append(k.parts.Names, a.name)
		if !ok {
			continue
		}
		if k.parts.Defaults == nil {
			k.parts.Defaults = make(map[string]value)
		}
		k.parts.Defaults[a.name] = v
		if _, _, err := k.attrs.Delete(pyvalue.Str(a.name)); err != nil {
			return err
		}
	}
	return nil
}
