package txscript

import (
	"fmt"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// zone is a timezone: a fixed distance from UTC.
type zone struct {
	micros int64 // east of UTC
	name   string
}

var utcZone = &zone{}

const maxOffset = microsPerDay - 1

// zoneOf returns the zone of a distance; that of none is UTC.
func zoneOf(micros int64) *zone {
	if micros == 0 {
		return utcZone
	}
	return &zone{micros: micros}
}

func newZone(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("timezone", 1, "offset", "name"); err != nil {
		return value{}, err
	}
	offset, _ := c.Arg(0, "offset")
	d, ok := offset.Object().(*deltaValue)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "timezone() argument 1 must be datetime.timedelta, not %s", pyvalue.TypeName(offset))
	}
	if err := checkOffset(d.micros); err != nil {
		return value{}, err
	}
	name, named := c.Arg(1, "name")
	if !named {
		return pyvalue.FromObject(zoneOf(d.micros)), nil
	}
	if !name.IsText() {
		return value{}, pyvalue.Raise("TypeError", "timezone() argument 2 must be str, not %s", pyvalue.TypeName(name))
	}
	return pyvalue.FromObject(&zone{d.micros, name.Text()}), nil
}

func checkOffset(micros int64) error {
	if micros < -maxOffset || micros > maxOffset {
		return pyvalue.Raise("ValueError", "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not %s.", (&deltaValue{micros}).PyRepr())
	}
	return nil
}

// PyType implements [pyvalue.Object].
func (*zone) PyType() string { return "datetime.timezone" }

// PyStr prints UTC, or UTC+02:00.
func (z *zone) PyStr() string {
	if z.name != "" {
		return z.name
	}
	if z.micros == 0 {
		return "UTC"
	}
	return "UTC" + offsetText(z.micros, ":")
}

// PyRepr prints what makes the zone.
func (z *zone) PyRepr() string {
	if z == utcZone {
		return "datetime.timezone.utc"
	}
	text := "datetime.timezone(" + (&deltaValue{z.micros}).PyRepr()
	if z.name != "" {
		name, _ := pyvalue.Repr(nil, pyvalue.Str(z.name)) // without a meter a text can be printed
		text += ", " + name
	}
	return text + ")"
}

// offsetText writes a distance from UTC as +02:00, with seconds where there are any.
func offsetText(micros int64, colon string) string {
	sign := "+"
	if micros < 0 {
		sign, micros = "-", -micros
	}
	s, us := micros/1e6, micros%1e6
	text := fmt.Sprintf("%s%02d%s%02d", sign, s/3600, colon, s/60%60)
	if s%60 != 0 || us != 0 {
		text += fmt.Sprintf("%s%02d", colon, s%60)
	}
	if us != 0 {
		text += fmt.Sprintf(".%06d", us)
	}
	return text
}

// PyEqual compares distances.
func (z *zone) PyEqual(other value) bool {
	o, ok := other.Object().(*zone)
	return ok && o.micros == z.micros
}

// PyHash makes a zone a key.
func (z *zone) PyHash() (string, error) { return fmt.Sprint("zone ", z.micros), nil }

// PyAttr returns the methods.
func (z *zone) PyAttr(name string) (value, bool) {
	var f func() value
	switch name {
	case "utcoffset":
		f = func() value { return delta(z.micros) }
	case "tzname":
		f = func() value { return pyvalue.Str(z.PyStr()) }
	case "dst":
		f = pyvalue.None
	default:
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(_ *run, c *pyvalue.Call) (value, error) {
		if err := exactly(c, "timezone."+name, 1); err != nil {
			return value{}, err
		}
		return f(), nil
	}}), true
}

// offset is what utcoffset, tzname and dst of a date or time return.
func (z *zone) attr(name string) (value, bool) {
	switch name {
	case "tzinfo":
		return z.value(), true
	case "utcoffset", "tzname", "dst":
		return pyvalue.FromObject(&builtin{name, func(*run, *pyvalue.Call) (value, error) {
			switch {
			case z == nil || name == "dst":
				return value{}, nil
			case name == "tzname":
				return pyvalue.Str(z.PyStr()), nil
			}
			return delta(z.micros), nil
		}}), true
	}
	return value{}, false
}

// value is the zone, None for none.
func (z *zone) value() value {
	if z == nil {
		return value{}
	}
	return pyvalue.FromObject(z)
}

// suffix is what the ISO form ends with.
func (z *zone) suffix() string {
	if z == nil {
		return ""
	}
	return offsetText(z.micros, ":")
}

// reprSuffix is the last argument of a repr.
func (z *zone) reprSuffix() string {
	if z == nil {
		return ""
	}
	return ", tzinfo=" + z.PyRepr()
}

// zoneArg reads an argument that is a zone or None.
func zoneArg(v value) (*zone, error) {
	if v.IsNone() {
		return nil, nil
	}
	z, ok := v.Object().(*zone)
	if !ok {
		return nil, pyvalue.Raise("TypeError", "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", pyvalue.TypeName(v))
	}
	return z, nil
}
