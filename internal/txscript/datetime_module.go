package txscript

import (
	"math"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// timeClasses are the classes of the module datetime, made for a run so that they
// know its clock.
type timeClasses struct{ module, datetime, date, timedelta, timezone, time value }

// timeNames are the names that formulas know without an import. datetime is the
// module, and at the same time the class, since code is written either way.
var timeNames = map[string]func(r *run) value{
	"datetime":  func(r *run) value { return r.clock().module },
	"date":      func(r *run) value { return r.clock().date },
	"timedelta": func(r *run) value { return r.clock().timedelta },
}

// datetimeNames are those of the module datetime, which "from datetime import" gives.
var datetimeNames = map[string]func(r *run) value{
	"datetime": func(r *run) value { return r.clock().module }, "date": timeNames["date"], "timedelta": timeNames["timedelta"],
	"timezone": func(r *run) value { return r.clock().timezone }, "time": func(r *run) value { return r.clock().time },
	"UTC": func(*run) value { return pyvalue.FromObject(utcZone) }, "MINYEAR": constant(pyvalue.Int(1)), "MAXYEAR": constant(pyvalue.Int(9999)),
}

func (r *run) clock() *timeClasses {
	if r.times == nil {
		r.times = newTimeClasses(r)
	}
	return r.times
}

// timeClass is date, datetime or timedelta.
type timeClass struct {
	class
	attrs map[string]value
}

// PyAttr returns the class methods.
func (k *timeClass) PyAttr(name string) (value, bool) {
	if v, ok := k.attrs[name]; ok {
		return v, true
	}
	if name == "__name__" {
		return pyvalue.Str(k.name[len("datetime."):]), true
	}
	return value{}, false
}

func newTimeClasses(r *run) *timeClasses {
	t := &timeClasses{}
	method := func(name string, f func(*run, *pyvalue.Call) (value, error)) value {
		return pyvalue.FromObject(&builtin{name, f})
	}
	day := func(y int, m time.Month, d int) value { return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) }
	t.date = pyvalue.FromObject(&timeClass{*dateClass, map[string]value{
		"today":         method("today", func(*run, *pyvalue.Call) (value, error) { return Date(r.now()), nil }),
		"fromisoformat": method("fromisoformat", fromISO(false)), "fromtimestamp": method("fromtimestamp", fromTimestamp(false)),
		"fromordinal": method("fromordinal", fromOrdinal(false)), "fromisocalendar": method("fromisocalendar", fromISOCalendar(false)),
		"min": day(1, 1, 1), "max": day(9999, 12, 31), "resolution": delta(microsPerDay),
	}})
	now := func(*run, *pyvalue.Call) (value, error) { return r.naiveNow(), nil }
	full := map[string]value{
		"now": method("now", r.nowIn), "today": method("today", now), "utcnow": method("utcnow", now), "combine": method("combine", combine),
		"fromisoformat": method("fromisoformat", fromISO(true)), "strptime": method("strptime", strptime), "fromtimestamp": method("fromtimestamp", fromTimestamp(true)),
		"utcfromtimestamp": method("utcfromtimestamp", fromTimestamp(true)), "fromordinal": method("fromordinal", fromOrdinal(true)),
		"fromisocalendar": method("fromisocalendar", fromISOCalendar(true)), "resolution": delta(1),
		"min": Datetime(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), "max": Datetime(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)),
	}
	t.datetime = pyvalue.FromObject(&timeClass{*datetimeClass, full})
	t.timedelta = pyvalue.FromObject(&timeClass{*deltaClass, map[string]value{
		"resolution": delta(1),
	}})
	t.timezone = pyvalue.FromObject(&timeClass{*zoneClass, map[string]value{"utc": pyvalue.FromObject(utcZone)}})
	t.time = pyvalue.FromObject(&timeClass{*clockClass, map[string]value{
		"fromisoformat": method("fromisoformat", timeFromISO), "min": timeOf(&dateValue{}, nil), "resolution": delta(1),
		"max": timeOf(&dateValue{t: time.Date(1, 1, 1, 23, 59, 59, 999999000, time.UTC)}, nil),
	}})
	module := map[string]value{
		"datetime": t.datetime, "date": t.date, "timedelta": t.timedelta, "timezone": t.timezone, "time": t.time, "UTC": pyvalue.FromObject(utcZone),
		"MINYEAR": pyvalue.Int(1), "MAXYEAR": pyvalue.Int(9999),
	}
	for name, v := range full {
		module[name] = v
	}
	t.module = pyvalue.FromObject(&timeClass{*datetimeClass, module})
	return t
}

// naiveNow is what the clock shows, without its zone.
func (r *run) naiveNow() value {
	now := r.now().Truncate(time.Microsecond)
	y, m, d := now.Date()
	return pyvalue.FromObject(&dateValue{time.Date(y, m, d, now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC), true, nil})
}

// nowIn is datetime.now.
func (r *run) nowIn(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("now", 0, "tz"); err != nil {
		return value{}, err
	}
	tz, _ := c.Arg(0, "tz")
	z, err := zoneArg(tz)
	if err != nil || z == nil {
		return r.naiveNow(), err
	}
	z = z.during(r.now())
	return pyvalue.FromObject(&dateValue{r.now().UTC().Truncate(time.Microsecond).Add(time.Duration(z.micros) * time.Microsecond), true, z}), nil
}

// fromTimestamp makes a date or datetime of seconds since 1970; the machine's own
// zone is UTC.
func fromTimestamp(full bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Check("fromtimestamp", 1, "timestamp", "tz"); err != nil {
			return value{}, err
		}
		tz, _ := c.Arg(1, "tz")
		z, err := zoneArg(tz)
		if err != nil {
			return value{}, err
		}
		at, _ := c.Arg(0, "timestamp")
		f, ok := at.Float64()
		if !ok || !at.IsNumber() {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(at))
		}
		if math.IsNaN(f) {
			return value{}, pyvalue.Raise("ValueError", "Invalid value NaN (not a number)")
		}
		if f < -62135596800 || f > 253402300799.9999 {
			return value{}, pyvalue.Raise("ValueError", "year is out of range")
		}
		seconds := math.Floor(f)
		t := time.Unix(int64(seconds), 0).UTC().Add(time.Duration(math.RoundToEven((f-seconds)*1e6)) * time.Microsecond)
		if !full {
			return Date(t), nil
		}
		if z != nil {
			t = t.Add(time.Duration(z.micros) * time.Microsecond)
		}
		return pyvalue.FromObject(&dateValue{t, true, z}), nil
	}
}

func fromOrdinal(full bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		if err := c.Exactly("fromordinal", 1); err != nil {
			return value{}, err
		}
		n, ok := c.Args[0].Int64()
		if !ok {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(c.Args[0]))
		}
		if n < 1 || n > 3652059 {
			return value{}, pyvalue.Raise("ValueError", "%s", map[bool]string{true: "ordinal must be >= 1", false: "year is out of range"}[n < 1])
		}
		return pyvalue.FromObject(&dateValue{time.Date(1, 1, int(n), 0, 0, 0, 0, time.UTC), full, nil}), nil
	}
}

func fromISOCalendar(full bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		names := []string{"year", "week", "day"}
		if err := c.Check("fromisocalendar", 3, names...); err != nil {
			return value{}, err
		}
		var parts [3]int64
		for i, name := range names {
			v, _ := c.Arg(i, name)
			n, ok := v.Int64()
			if !ok {
				return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
			}
			parts[i] = n
		}
		t, err := isoWeek(parts[0], parts[1], parts[2])
		if err != nil {
			return value{}, err
		}
		return pyvalue.FromObject(&dateValue{t, full, nil}), nil
	}
}

// combine is datetime.combine.
func combine(_ *run, c *pyvalue.Call) (value, error) {
	if err := c.Check("combine", 2, "date", "time", "tzinfo"); err != nil {
		return value{}, err
	}
	day, _ := c.Arg(0, "date")
	clock, _ := c.Arg(1, "time")
	d, ok := day.Object().(*dateValue)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "combine() argument 1 must be datetime.date, not %s", pyvalue.TypeName(day))
	}
	t, ok := clock.Object().(*timeOfDay)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "combine() argument 2 must be datetime.time, not %s", pyvalue.TypeName(clock))
	}
	z := t.zone
	if given, ok := c.Arg(2, "tzinfo"); ok {
		var err error
		if z, err = zoneArg(given); err != nil {
			return value{}, err
		}
	}
	y, m, n := d.t.Date()
	both := time.Date(y, m, n, t.t.Hour(), t.t.Minute(), t.t.Second(), t.t.Nanosecond(), time.UTC)
	return pyvalue.FromObject(&dateValue{both, true, z.at(both)}), nil
}

var (
	dateClass = &class{
		builtin: builtin{"datetime.date", func(_ *run, c *pyvalue.Call) (value, error) { return newDate(false, c) }},
		has:     func(v value) bool { _, ok := v.Object().(*dateValue); return ok },
	}
	datetimeClass = &class{
		builtin: builtin{"datetime.datetime", func(_ *run, c *pyvalue.Call) (value, error) { return newDate(true, c) }},
		has:     func(v value) bool { d, ok := v.Object().(*dateValue); return ok && d.full },
	}
	zoneClass  = &class{builtin: builtin{"datetime.timezone", newZone}, has: func(v value) bool { _, ok := v.Object().(*zone); return ok }}
	clockClass = &class{builtin: builtin{"datetime.time", newTimeOfDay}, has: func(v value) bool { _, ok := v.Object().(*timeOfDay); return ok }}
	deltaClass = &class{builtin: builtin{"datetime.timedelta", newDelta}, has: func(v value) bool { _, ok := v.Object().(*deltaValue); return ok }}
)

func timeClassOf(v value) *class {
	switch d := v.Object().(type) {
	case *dateValue:
		if d.full {
			return datetimeClass
		}
		return dateClass
	case *deltaValue:
		return deltaClass
	case *zone:
		return zoneClass
	case *timeOfDay:
		return clockClass
	}
	return nil
}
