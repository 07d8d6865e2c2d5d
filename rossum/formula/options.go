package formula

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// option is a choice of an enum field: o.value and o["value"] are the same.
type option struct{ dict *pyvalue.Dict }

// options are the choices of the datapoint, or where it has none of its own those
// that the schema gives it.
func (a *attributes) options() (value, bool) {
	var list []value
	if raw := a.n.Options(); raw != nil && string(raw) != "null" {
		made, err := pyvalue.FromJSON(raw, false)
		if err != nil || made.List() == nil {
			return made, err == nil
		}
		for _, item := range made.List().Items {
			if item.Dict() != nil {
				item = pyvalue.FromObject(&option{item.Dict()})
			}
			list = append(list, item)
		}
		return pyvalue.NewList(list...), true
	}
	if a.d == nil || a.d.Type != "enum" {
		return value{}, false
	}
	for _, o := range a.d.Options {
		d := pyvalue.NewDict()
		d.SetStr("value", pyvalue.Str(o.Value))
		d.SetStr("label", pyvalue.Str(o.Label))
		list = append(list, pyvalue.FromObject(&option{d}))
	}
	return pyvalue.NewList(list...), true
}

// PyType implements [pyvalue.Object].
func (*option) PyType() string { return "EnumOption" }

// PyAttr returns a key, or a method of dicts.
func (o *option) PyAttr(name string) (value, bool) {
	if v, ok := o.dict.GetStr(name); ok {
		return v, true
	}
	return pyvalue.Method(o.dict.Value(), name)
}

// PyContains reports whether there is a key.
func (o *option) PyContains(key value) (bool, error) {
	return pyvalue.Contains(nil, o.dict.Value(), key)
}

// PyReprWithin prints the choice as a dict.
func (o *option) PyReprWithin(m *pyvalue.Meter) (string, error) {
	return pyvalue.Repr(m, o.dict.Value())
}

// PyItem returns a key.
func (o *option) PyItem(key value) (value, error) { return pyvalue.GetItem(nil, o.dict.Value(), key) }

// PyStandsFor is the dict, for other choices and for dicts.
func (o *option) PyStandsFor() value { return o.dict.Value() }
