package clock

import (
	"fmt"
	"time"
	_ "time/tzdata" // for machines that have no list of time zones

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// zone is a timezone: a fixed distance from UTC, or what that is in a place at a time.
type zone struct {
	micros int64 // east of UTC
	name   string

	place  *time.Location // of a ZoneInfo, nil for a fixed distance
	summer int64          // how much of the distance is daylight saving time
	fold   int            // which of two times with the same clock
}

// Zone returns ZoneInfo(key), None for a place that nobody knows.
func Zone(key string) (value, error) {
	if key == "" || key == "Local" {
		return value{}, nil
	}
	place, err := time.LoadLocation(key)
	if err != nil {
		return value{}, nil //nolint:nilerr // the caller raises ZoneInfoNotFoundError
	}
	return pyvalue.FromObject(&zone{place: place}), nil
}

// at is the zone when the clocks of its place show t.
func (z *zone) at(t time.Time) *zone {
	if z == nil || z.place == nil {
		return z
	}
	y, m, d := t.Date()
	there := time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), z.place)
	// Of two times with the same clock, or in a gap, fold says which distance counts.
	before, after := offsetOf(there.Add(-24*time.Hour)), offsetOf(there.Add(24*time.Hour))
	for _, seconds := range map[int][]int64{0: {before, after}, 1: {after, before}}[z.fold] {
		if instant := t.Add(-time.Duration(seconds) * time.Second); offsetOf(instant.In(z.place)) == seconds {
			return z.when(instant, seconds)
		}
	}
	seconds := before // in a gap
	if z.fold == 1 {
		seconds = after
	}
	return z.when(t.Add(-time.Duration(seconds)*time.Second), seconds)
}

// during is the zone at an instant.
func (z *zone) during(instant time.Time) *zone {
	if z == nil || z.place == nil {
		return z
	}
	return z.when(instant, offsetOf(instant.In(z.place)))
}

func (z *zone) when(instant time.Time, seconds int64) *zone {
	local := instant.In(z.place)
	name, _ := local.Zone()
	made := &zone{micros: seconds * 1e6, name: name, place: z.place, fold: z.fold}
	if local.IsDST() {
		made.summer = 3600 * 1e6
	}
	return made
}

func offsetOf(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds)
}

// samePlace reports two zones of one place: their clocks are compared, not instants.
func samePlace(a, b *zone) bool {
	return a != nil && b != nil && a.place != nil && b.place != nil && a.place.String() == b.place.String()
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

func newZone(c *pyvalue.Call) (value, error) {
	if err := c.Check("timezone", 1, "offset", "name"); err != nil {
		return value{}, err
	}
	offset, _ := c.Arg(0, "offset")
	d, ok := offset.Object().(*deltaValue)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "timezone() argument 1 must be datetime.timedelta, not %s", pyvalue.TypeName(offset))
	}
	micros, fits := d.inMicros()
	if !fits || micros < -maxOffset || micros > maxOffset {
		return value{}, offsetError(d)
	}
	name, named := c.Arg(1, "name")
	if !named {
		return pyvalue.FromObject(zoneOf(micros)), nil
	}
	if !name.IsText() {
		return value{}, pyvalue.Raise("TypeError", "timezone() argument 2 must be str, not %s", pyvalue.TypeName(name))
	}
	return pyvalue.FromObject(&zone{micros: micros, name: name.Text()}), nil
}

func checkOffset(micros int64) error {
	if micros < -maxOffset || micros > maxOffset {
		return offsetError(deltaOf(micros))
	}
	return nil
}

func offsetError(d *deltaValue) error {
	return pyvalue.Raise("ValueError", "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not %s.", d.PyRepr())
}

// PyType implements [pyvalue.Object].
func (z *zone) PyType() string {
	if z.place != nil {
		return "zoneinfo.ZoneInfo"
	}
	return "datetime.timezone"
}

// PyStr prints UTC, or UTC+02:00.
func (z *zone) PyStr() string {
	if z.place != nil {
		return z.place.String()
	}
	return z.tzname()
}

// tzname is what tzname() returns.
func (z *zone) tzname() string {
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
	if z.place != nil {
		key, _ := pyvalue.Repr(nil, pyvalue.Str(z.place.String())) // without a meter a text can be printed
		return "zoneinfo.ZoneInfo(key=" + key + ")"
	}
	if z == utcZone {
		return "datetime.timezone.utc"
	}
	text := "datetime.timezone(" + deltaOf(z.micros).PyRepr()
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
	if z.place != nil || ok && o.place != nil {
		return ok && samePlace(z, o)
	}
	return ok && o.micros == z.micros
}

// PyHash makes a zone a key.
func (z *zone) PyHash() (string, error) { return fmt.Sprint("zone ", z.micros), nil }

// PyAttr returns the methods.
func (z *zone) PyAttr(name string) (value, bool) {
	var f func(of *zone) value
	switch name {
	case "key":
		return pyvalue.Str(z.PyStr()), z.place != nil
	case "utcoffset":
		f = func(of *zone) value { return delta(of.micros) }
	case "tzname":
		f = func(of *zone) value { return pyvalue.Str(of.tzname()) }
	case "dst":
		f = func(of *zone) value { return of.dst() }
	default:
		return value{}, false
	}
	return pyvalue.NewBuiltin(name, func(c *pyvalue.Call) (value, error) {
		if err := c.Exactly("timezone."+name, 1); err != nil {
			return value{}, err
		}
		of := z
		if z.place != nil {
			d, ok := c.Args[0].Object().(*dateValue)
			if !ok {
				return value{}, nil
			}
			of = z.at(d.t)
		}
		return f(of), nil
	}), true
}

// dst is how much of the distance is daylight saving time, None for a fixed one.
func (z *zone) dst() value {
	if z.place == nil {
		return value{}
	}
	return delta(z.summer)
}

// offset is what utcoffset, tzname and dst of a date or time return.
func (z *zone) attr(name string) (value, bool) {
	switch name {
	case "tzinfo":
		return z.value(), true
	case "fold":
		if z == nil {
			return pyvalue.Int(0), true
		}
		return pyvalue.Int(int64(z.fold)), true
	case "utcoffset", "tzname", "dst":
		return pyvalue.NewBuiltin(name, func(*pyvalue.Call) (value, error) {
			switch {
			case z == nil:
				return value{}, nil
			case name == "dst":
				return z.dst(), nil
			case name == "tzname":
				return pyvalue.Str(z.tzname()), nil
			}
			return delta(z.micros), nil
		}), true
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
