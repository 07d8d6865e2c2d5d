package formula

import (
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/txscript"
)

// origin is the class of a value that knows the field that it comes from: a str or a
// float besides.
type origin struct {
	of   attributes
	name string // of the class of the plain value
}

var _ txscript.Origin = (*origin)(nil)

// ClassName implements [pyvalue.Class].
func (o *origin) ClassName() string { return o.name }

// Special leaves everything to the class of the plain value.
func (*origin) Special(value, string, ...value) (value, bool, error) { return value{}, false, nil }

// FieldRef is the datapoint, for messages.
func (o *origin) FieldRef() any { return o.of.n }

// FieldAttr returns attr, and what a field has of it directly.
func (o *origin) FieldAttr(name string) (value, bool) {
	switch name {
	case "attr":
		return pyvalue.FromObject(&o.of), true
	case "id", "rir_confidence", "value":
		return o.of.PyAttr(name)
	}
	return value{}, false
}

// knowOrigins makes field values know the field that they come from, or not.
func (r *running) knowOrigins(wanted bool) {
	if r.origins != wanted {
		r.origins = wanted
		r.forget()
	}
}
