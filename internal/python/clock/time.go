package clock

import (
	"fmt"
	"slices"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// timeOfDay is a time without a date. The date of t is that of year 1.
type timeOfDay struct {
	t    time.Time
	zone *zone
}

var timeParams = []string{"hour", "minute", "second", "microsecond", "tzinfo"}

func newTimeOfDay(c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("", 0, append(slices.Clone(timeParams), "fold")...); err != nil {
		return value{}, err
	}
	parts := [7]int64{1900, 1, 1}
	for i, p := range timeParams[:4] {
		v, ok := c.Arg(i, p)
		if !ok {
			continue
		}
		if v.Kind() != pyvalue.KindInt && v.Kind() != pyvalue.KindBool {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
		}
		parts[3+i], _ = v.Int64()
	}
	z, _ := c.Arg(4, "tzinfo")
	zone, err := zoneArg(z)
	if err != nil {
		return value{}, err
	}
	return makeTime(parts, zone)
}

func makeTime(parts [7]int64, z *zone) (value, error) {
	v, err := makeDate(true, parts, z)
	if err != nil {
		return value{}, err
	}
	return timeOf(v.Object().(*dateValue), z), nil
}

// timeOf is the time of a datetime.
func timeOf(d *dateValue, z *zone) value {
	return pyvalue.FromObject(&timeOfDay{time.Date(1900, 1, 1, d.t.Hour(), d.t.Minute(), d.t.Second(), d.t.Nanosecond(), time.UTC), z})
}

// PyType implements [pyvalue.Object].
func (*timeOfDay) PyType() string { return "datetime.time" }

// PyStr prints the ISO form.
func (d *timeOfDay) PyStr() string { return clockText(d.t) + d.zone.suffix() }

// clockText is the time of the ISO form.
func clockText(t time.Time) string {
	text := t.Format("15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		text += fmt.Sprintf(".%06d", us)
	}
	return text
}

// PyRepr prints what makes the time.
func (d *timeOfDay) PyRepr() string {
	return fmt.Sprintf("datetime.time(%d, %d%s%s)", d.t.Hour(), d.t.Minute(), secondsRepr(d.t), d.zone.reprSuffix())
}

// secondsRepr are the arguments of a repr after the minutes.
func secondsRepr(t time.Time) (text string) {
	us := t.Nanosecond() / 1000
	if t.Second() != 0 || us != 0 {
		text = fmt.Sprintf(", %d", t.Second())
	}
	if us != 0 {
		text += fmt.Sprintf(", %d", us)
	}
	return text
}

// instant is what times are compared by.
func (d *timeOfDay) instant() time.Time {
	if d.zone == nil {
		return d.t
	}
	return d.t.Add(-time.Duration(d.zone.micros) * time.Microsecond)
}

// PyEqual compares times.
func (d *timeOfDay) PyEqual(other value) bool {
	o, ok := other.Object().(*timeOfDay)
	return ok && (o.zone == nil) == (d.zone == nil) && o.instant().Equal(d.instant())
}

// PyCompare orders them.
func (d *timeOfDay) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*timeOfDay)
	if !ok || (o.zone == nil) != (d.zone == nil) {
		return 0, false
	}
	return d.instant().Compare(o.instant()), true
}

// PyCompareError says that a zone is missing.
func (d *timeOfDay) PyCompareError(other value) error {
	if _, ok := other.Object().(*timeOfDay); ok {
		return pyvalue.Raise("TypeError", "can't compare offset-naive and offset-aware times")
	}
	return nil
}

// PyHash makes a time a key.
func (d *timeOfDay) PyHash() (string, error) { return "time " + d.instant().String(), nil }

// PyFormat is what f-strings do with a time.
func (d *timeOfDay) PyFormat(m *pyvalue.Meter, spec string) (string, error) {
	return d.date().strftime(m, spec)
}

func (d *timeOfDay) date() *dateValue { return &dateValue{d.t, true, d.zone} }

// PyAttr returns parts and methods.
func (d *timeOfDay) PyAttr(name string) (value, bool) {
	switch name {
	case "hour", "minute", "second", "microsecond":
		return d.date().PyAttr(name)
	case "isoformat", "strftime", "replace":
		return pyvalue.NewBuiltin(name, func(c *pyvalue.Call) (value, error) { return d.call(name, c) }), true
	}
	return d.zone.attr(name)
}

func (d *timeOfDay) call(name string, c *pyvalue.Call) (value, error) {
	switch name {
	case "strftime":
		return dateMethods["strftime"](d.date(), c)
	case "isoformat":
		if err := c.CheckNative("isoformat", 0, "timespec"); err != nil {
			return value{}, err
		}
		spec, _ := c.Arg(0, "timespec")
		text, err := clockBy(d.t, spec)
		return pyvalue.Str(text + d.zone.suffix()), err
	}
	if err := c.CheckNative("replace", 0, append(slices.Clone(timeParams), "fold")...); err != nil {
		return value{}, err
	}
	args := []value{pyvalue.Int(int64(d.t.Hour())), pyvalue.Int(int64(d.t.Minute())), pyvalue.Int(int64(d.t.Second())), pyvalue.Int(int64(d.t.Nanosecond() / 1000)), d.zone.value()}
	for i, name := range timeParams {
		if v, ok := c.Arg(i, name); ok {
			args[i] = v
		}
	}
	return newTimeOfDay(&pyvalue.Call{Args: args, Meter: c.Meter})
}

// clockBy writes a time with as many parts as timespec says.
func clockBy(t time.Time, spec value) (string, error) {
	if spec.IsNone() || spec.Text() == "auto" {
		return clockText(t), nil
	}
	layout, ok := timespecs[spec.Text()]
	if !ok {
		return "", pyvalue.Raise("ValueError", "Unknown timespec value")
	}
	return t.Format(layout), nil
}
