package clock

import (
	"math"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Module is the module datetime for programs that see one clock. Code is written as if
// datetime were the module, and as if it were the class: Datetime is both.
type Module struct{ Datetime, Date, Timedelta, Timezone, Time pyvalue.Value }

// Names are the names of the module, and what they are.
func (m *Module) Names() map[string]pyvalue.Value {
	return map[string]value{
		"datetime": m.Datetime, "date": m.Date, "timedelta": m.Timedelta, "timezone": m.Timezone, "time": m.Time, "UTC": pyvalue.FromObject(utcZone),
		"MINYEAR": pyvalue.Int(1), "MAXYEAR": pyvalue.Int(9999),
	}
}

// Class is date, datetime, timedelta, timezone or time.
type Class struct {
	name  string
	make  func(c *pyvalue.Call) (value, error)
	has   func(v value) bool
	attrs map[string]value
}

// Name is the class's name, with its module.
func (k *Class) Name() string { return k.name }

// Has reports whether v is of the class.
func (k *Class) Has(v pyvalue.Value) bool { return k.has(v) }

// PyType implements [pyvalue.Object].
func (*Class) PyType() string { return "type" }

// PyRepr prints the class.
func (k *Class) PyRepr() string { return "<class '" + k.name + "'>" }

// PyCall makes a value of the class.
func (k *Class) PyCall(c *pyvalue.Call) (pyvalue.Value, error) { return k.make(c) }

// PyAttr returns the class methods.
func (k *Class) PyAttr(name string) (pyvalue.Value, bool) {
	if name == "__name__" {
		return pyvalue.Str(strings.TrimPrefix(k.name, "datetime.")), true
	}
	if v, ok := k.attrs[name]; ok {
		return v, true
	}
	return pyvalue.LineageAttr(k.name, name, func(name string) value {
		if name == dateClass.name {
			return pyvalue.FromObject(&dateClass)
		}
		return pyvalue.FromObject(&Class{name: name, make: k.make, has: k.has})
	})
}

// PyEqual compares classes by name, since each program has its own.
func (k *Class) PyEqual(other pyvalue.Value) bool {
	o, ok := other.Object().(interface{ Name() string })
	return ok && o.Name() == k.name
}

// PyHash makes a class a key.
func (k *Class) PyHash() (string, error) { return "class " + k.name, nil }

// NewModule makes the module for a program whose clock is now.
func NewModule(now func() time.Time) *Module {
	m := &Module{}
	method := pyvalue.NewBuiltin
	day := func(y int, m time.Month, d int) value { return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) }
	m.Date = dateClass.with(map[string]value{
		"today":         method("today", func(*pyvalue.Call) (value, error) { return Date(now()), nil }),
		"fromisoformat": method("fromisoformat", fromISO(false)), "fromtimestamp": method("fromtimestamp", fromTimestamp(false)),
		"fromordinal": method("fromordinal", fromOrdinal(false)), "fromisocalendar": method("fromisocalendar", fromISOCalendar(false)),
		"min": day(1, 1, 1), "max": day(9999, 12, 31), "resolution": delta(microsPerDay),
	})
	naive := func(*pyvalue.Call) (value, error) { return naiveNow(now()), nil }
	full := map[string]value{
		"now": method("now", func(c *pyvalue.Call) (value, error) { return nowIn(now(), c) }), "today": method("today", naive),
		"utcnow": method("utcnow", naive), "combine": method("combine", combine),
		"fromisoformat": method("fromisoformat", fromISO(true)), "strptime": method("strptime", strptime), "fromtimestamp": method("fromtimestamp", fromTimestamp(true)),
		"utcfromtimestamp": method("utcfromtimestamp", fromTimestamp(true)), "fromordinal": method("fromordinal", fromOrdinal(true)),
		"fromisocalendar": method("fromisocalendar", fromISOCalendar(true)), "resolution": delta(1),
		"min": Datetime(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), "max": Datetime(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)),
	}
	m.Timedelta = deltaClass.with(map[string]value{
		"resolution": delta(1), "min": pyvalue.FromObject(&deltaValue{days: -maxDays}), "max": pyvalue.FromObject(&deltaValue{maxDays, microsPerDay - 1}),
	})
	const minute = 60 * 1_000_000
	m.Timezone = zoneClass.with(map[string]value{
		"utc": pyvalue.FromObject(utcZone), "min": pyvalue.FromObject(zoneOf(minute - microsPerDay)), "max": pyvalue.FromObject(zoneOf(microsPerDay - minute)),
	})
	m.Time = timeClass.with(map[string]value{
		"fromisoformat": method("fromisoformat", timeFromISO), "min": timeOf(&dateValue{}, nil), "resolution": delta(1),
		"max": timeOf(&dateValue{t: time.Date(1, 1, 1, 23, 59, 59, 999999000, time.UTC)}, nil),
	})
	m.Datetime = datetimeClass.with(full)
	both := m.Names()
	for name, v := range full {
		both[name] = v
	}
	m.Datetime = datetimeClass.with(both)
	return m
}

// with is the class with its methods.
func (k Class) with(attrs map[string]value) value {
	k.attrs = attrs
	return pyvalue.FromObject(&k)
}

// naiveNow is what the clock shows, without its zone.
func naiveNow(now time.Time) value {
	now = now.Truncate(time.Microsecond)
	y, m, d := now.Date()
	return pyvalue.FromObject(&dateValue{time.Date(y, m, d, now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC), true, nil})
}

// nowIn is datetime.now.
func nowIn(now time.Time, c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("now", 0, "tz"); err != nil {
		return value{}, err
	}
	tz, _ := c.Arg(0, "tz")
	z, err := zoneArg(tz)
	if err != nil || z == nil {
		return naiveNow(now), err
	}
	z = z.during(now)
	return pyvalue.FromObject(&dateValue{now.UTC().Truncate(time.Microsecond).Add(time.Duration(z.micros) * time.Microsecond), true, z}), nil
}

// outOfYears is the error for a time whose year no date has.
func outOfYears(seconds float64) error {
	const last = 67768040609740800 // that glibc's years, which are of 32 bits, reach
	if math.Abs(seconds) >= last {
		return pyvalue.Raise("OSError", "[Errno 75] Value too large for defined data type")
	}
	return pyvalue.Raise("ValueError", "year %d is out of range", time.Unix(int64(seconds), 0).UTC().Year())
}

// fromTimestamp makes a date or datetime of seconds since 1970; the machine's own
// zone is UTC.
func fromTimestamp(full bool) func(*pyvalue.Call) (value, error) {
	return func(c *pyvalue.Call) (value, error) {
		if err := c.CheckNative("fromtimestamp", 1, "timestamp", "tz"); err != nil {
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
		if math.Abs(f) >= 1<<63 {
			return value{}, pyvalue.Raise("OverflowError", "timestamp out of range for platform time_t")
		}
		if f < -62135596800 || f > 253402300799.9999 {
			return value{}, outOfYears(f)
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

func fromOrdinal(full bool) func(*pyvalue.Call) (value, error) {
	return func(c *pyvalue.Call) (value, error) {
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

func fromISOCalendar(full bool) func(*pyvalue.Call) (value, error) {
	return func(c *pyvalue.Call) (value, error) {
		names := []string{"year", "week", "day"}
		if err := c.CheckNative("fromisocalendar", 3, names...); err != nil {
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
func combine(c *pyvalue.Call) (value, error) {
	if err := c.CheckNative("combine", 2, "date", "time", "tzinfo"); err != nil {
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
	dateClass = Class{
		name: "datetime.date", make: func(c *pyvalue.Call) (value, error) { return newDate(false, c) },
		has: func(v value) bool { _, ok := v.Object().(*dateValue); return ok },
	}
	datetimeClass = Class{
		name: "datetime.datetime", make: func(c *pyvalue.Call) (value, error) { return newDate(true, c) },
		has: func(v value) bool { d, ok := v.Object().(*dateValue); return ok && d.full },
	}
	zoneClass  = Class{name: "datetime.timezone", make: newZone, has: func(v value) bool { _, ok := v.Object().(*zone); return ok }}
	timeClass  = Class{name: "datetime.time", make: newTimeOfDay, has: func(v value) bool { _, ok := v.Object().(*timeOfDay); return ok }}
	deltaClass = Class{name: "datetime.timedelta", make: newDelta, has: func(v value) bool { _, ok := v.Object().(*deltaValue); return ok }}
)

// ClassOf returns the class of a value of this module, nil for any other.
func ClassOf(v pyvalue.Value) *Class {
	switch d := v.Object().(type) {
	case *dateValue:
		if d.full {
			return &datetimeClass
		}
		return &dateClass
	case *deltaValue:
		return &deltaClass
	case *zone:
		return &zoneClass
	case *timeOfDay:
		return &timeClass
	}
	return nil
}
