package txscript

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// restrict reads the __slots__ of a class: its objects have these attributes and those of
// the classes that it derives from, if all of them say what they have. Those of a dataclass
// may have defaults, which are its class variables here.
func (k *userClass) restrict(defaults bool) error {
	given, ok := k.attrs.GetStr("__slots__")
	if !ok || k.base != nil || k.exception != "" || k.isEnum {
		return nil
	}
	names, err := slotNames(k.r.meter, given)
	if err != nil {
		return err
	}
	for i, name := range names {
		names[i] = mangled(name, strings.TrimLeft(k.name, "_"))
		if _, set := k.attrs.GetStr(name); set && !defaults {
			return pyvalue.Raise("ValueError", "'%s' in __slots__ conflicts with class variable", name)
		}
	}
	for _, base := range k.mro[1:] {
		if base.slots == nil {
			return nil
		}
		names = append(names, base.slots...)
	}
	if !slices.Contains(names, "__dict__") {
		k.slots = names
	}
	return nil
}

// ownNames lists the fields that the dataclass adds to those of its bases.
func (d *dataclass) ownNames() value {
	var names []value
	for _, a := range d.of.annotated {
		if a.kind != "ClassVar" && a.kind != "KW_ONLY" && a.kind != "InitVar" {
			names = append(names, pyvalue.Str(a.name))
		}
	}
	return pyvalue.NewTuple(names...)
}

// slotNames returns the names that __slots__ lists, or the one that it is.
func slotNames(m *pyvalue.Meter, given value) ([]string, error) {
	if given.IsText() {
		return []string{given.Text()}, nil
	}
	items, err := pyvalue.Collect(m, given)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		if !item.IsText() {
			return nil, pyvalue.Raise("TypeError", "__slots__ items must be strings, not '%s'", pyvalue.TypeName(item))
		}
		names = append(names, item.Text())
	}
	return names, nil
}
