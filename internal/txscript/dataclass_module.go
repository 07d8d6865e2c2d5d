package txscript

import (
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func dataclassesModule() value { return dataclassesModuleOnUse.Get(makeDataclassesModule) }

var dataclassesModuleOnUse onuse.Value[value]

func makeDataclassesModule() value {
	return newModule("dataclasses", map[string]func(r *run, c *pyvalue.Call) (value, error){
		"dataclass": decorateData, "field": newDataField,
		"asdict": func(r *run, c *pyvalue.Call) (value, error) {
			if _, err := dataOf(c, "asdict"); err != nil {
				return value{}, err
			}
			return r.plainData(c.Args[0], false, 0)
		},
		"is_dataclass": func(_ *run, c *pyvalue.Call) (value, error) {
			if err := c.Exactly("is_dataclass", 1); err != nil {
				return value{}, err
			}
			k, ok := c.Args[0].Object().(*userClass)
			if !ok {
				k = userClassOf(c.Args[0])
			}
			return pyvalue.Bool(k != nil && k.data != nil), nil
		},
		"fields": func(r *run, c *pyvalue.Call) (value, error) {
			k, ok := first(c.Args).Object().(*userClass)
			if !ok {
				k = userClassOf(first(c.Args))
			}
			if k == nil || k.data == nil {
				return value{}, pyvalue.Raise("TypeError", "must be called with a dataclass type or instance")
			}
			var list []value
			for _, f := range k.data.fields {
				if f.initOnly {
					continue
				}
				list = append(list, pyvalue.FromObject(&fieldSpec{f}))
			}
			return pyvalue.NewTuple(list...), r.meter.Grow(int64(64 * len(list)))
		},
		"astuple": func(r *run, c *pyvalue.Call) (value, error) {
			if _, err := dataOf(c, "astuple"); err != nil {
				return value{}, err
			}
			return r.plainData(c.Args[0], true, 0)
		},
		"replace": func(r *run, c *pyvalue.Call) (value, error) {
			o, err := dataOf(&pyvalue.Call{Args: c.Args}, "replace")
			if err != nil {
				return value{}, err
			}
			call := &pyvalue.Call{Names: slices.Clone(c.Names), Named: slices.Clone(c.Named), Meter: r.meter}
			for _, f := range o.class.data.fields {
				if f.initOnly && !f.hasValue && !slices.Contains(c.Names, f.name) {
					return value{}, pyvalue.Raise("ValueError", "InitVar '%s' must be specified with replace()", f.name)
				}
				if v, ok := o.attrs.GetStr(f.name); ok && f.init && !slices.Contains(c.Names, f.name) {
					call.Names, call.Named = append(call.Names, f.name), append(call.Named, v)
				}
			}
			return r.call(pyvalue.FromObject(o.class), call)
		},
	}, map[string]value{
		"FrozenInstanceError": pyvalue.FromObject(excClasses["FrozenInstanceError"]),
		"KW_ONLY":             pyvalue.None(),
		"InitVar":             typingName("InitVar"),
	})
}
