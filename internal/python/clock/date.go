package clock

import (
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// dateValue is a date or a datetime. Its time is what a clock there shows, as if it
// were UTC.
type dateValue struct {
	t    time.Time
	full bool  // a datetime
	zone *zone // of a datetime, nil for none
}

// Date returns a date as a value.
func Date(t time.Time) pyvalue.Value {
	y, m, d := t.Date()
	return pyvalue.FromObject(&dateValue{time.Date(y, m, d, 0, 0, 0, 0, time.UTC), false, nil})
}

// Datetime returns a date with a time, in UTC, as a value.
func Datetime(t time.Time) pyvalue.Value {
	return pyvalue.FromObject(&dateValue{t.UTC().Truncate(time.Microsecond), true, nil})
}

// DatetimeIn returns a datetime that knows how far the clocks of t's place are from UTC.
func DatetimeIn(t time.Time) pyvalue.Value {
	_, seconds := t.Zone()
	z := &zone{micros: int64(seconds) * 1e6}
	return pyvalue.FromObject(&dateValue{t.UTC().Truncate(time.Microsecond).Add(time.Duration(seconds) * time.Second), true, z})
}

// Of returns the time of a date or datetime, and whether v is one. Its location is that of
// a datetime which has one, else UTC.
func Of(v pyvalue.Value) (t time.Time, full, ok bool) {
	d, ok := v.Object().(*dateValue)
	if !ok {
		return time.Time{}, false, false
	}
	if d.zone != nil {
		return d.instant().In(time.FixedZone("", int(d.zone.micros/1e6))), d.full, true
	}
	return d.t, d.full, true
}

// Attributes are the names that a date or datetime has.
func Attributes() []string { return slices.AppendSeq(slices.Clone(dateParams), maps.Keys(dateMethods)) }

// isoDateClass is what isocalendar returns.
var isoDateClass = pyvalue.NewTupleClass("datetime.IsoCalendarDate", "year", "week", "weekday")

// structTimeClass is what timetuple returns.
var structTimeClass = pyvalue.NewTupleClass("time.struct_time", "tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst")

// structTime returns the parts of a time.
func structTime(t time.Time, dst int64) value {
	ints := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), int(t.Weekday()+6) % 7, t.YearDay()}
	items := make([]value, 0, len(ints)+1)
	for _, n := range ints {
		items = append(items, pyvalue.Int(int64(n)))
	}
	return structTimeClass.Of(append(items, pyvalue.Int(dst))...)
}

const microsPerDay = 86400 * 1_000_000

// PyType implements [pyvalue.Object].
func (d *dateValue) PyType() string {
	if d.full {
		return "datetime.datetime"
	}
	return "datetime.date"
}

// PyStr prints the ISO form.
func (d *dateValue) PyStr() string { return d.iso(" ") }

func (d *dateValue) iso(sep string) string {
	text := fmt.Sprintf("%04d-%02d-%02d", d.t.Year(), d.t.Month(), d.t.Day())
	if d.full {
		text += sep + clockText(d.t) + d.zone.suffix()
	}
	return text
}

// PyRepr prints what makes the date.
func (d *dateValue) PyRepr() string {
	if !d.full {
		return fmt.Sprintf("datetime.date(%d, %d, %d)", d.t.Year(), d.t.Month(), d.t.Day())
	}
	return fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d%s%s)", d.t.Year(), d.t.Month(), d.t.Day(), d.t.Hour(), d.t.Minute(), secondsRepr(d.t), d.zone.reprSuffix())
}

// instant is what datetimes are compared by.
func (d *dateValue) instant() time.Time {
	if d.zone == nil {
		return d.t
	}
	return d.t.Add(-time.Duration(d.zone.micros) * time.Microsecond)
}

// comparable reports dates, or datetimes of which both have a zone or neither has.
func (d *dateValue) comparable(o *dateValue) bool {
	return o.full == d.full && (o.zone == nil) == (d.zone == nil)
}

// PyEqual compares dates with dates, datetimes with datetimes.
func (d *dateValue) PyEqual(other value) bool {
	o, ok := other.Object().(*dateValue)
	return ok && d.comparable(o) && o.instant().Equal(d.instant())
}

// PyCompare orders them.
func (d *dateValue) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*dateValue)
	if !ok || !d.comparable(o) {
		return 0, false
	}
	return d.instant().Compare(o.instant()), true
}

// PyCompareError says that a date and a datetime have no order.
func (d *dateValue) PyCompareError(other value) error {
	o, ok := other.Object().(*dateValue)
	switch {
	case ok && o.full != d.full:
		return pyvalue.Raise("TypeError", "can't compare datetime.datetime to datetime.date")
	case ok && !d.comparable(o):
		return pyvalue.Raise("TypeError", "can't compare offset-naive and offset-aware datetimes")
	}
	return nil
}

// PyHash makes a date a key.
func (d *dateValue) PyHash() (string, error) {
	if d.zone == nil {
		return d.PyRepr(), nil
	}
	return "aware " + d.instant().String(), nil
}

// PyBinary adds and subtracts.
func (d *dateValue) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	switch o := other.Object().(type) {
	case *deltaValue:
		days, micros := o.days, o.micros
		if !d.full { // a date knows only whole days
			micros = 0
		}
		switch {
		case op == pyvalue.OpSub && !reflected:
			days, micros = -days, -micros
		case op != pyvalue.OpAdd:
			return value{}, false, nil
		}
		v, err := d.plus(days, micros)
		return v, true, err
	case *dateValue:
		if op != pyvalue.OpSub || reflected || o.full != d.full {
			return value{}, false, nil
		}
		if !d.comparable(o) {
			return value{}, true, pyvalue.Raise("TypeError", "can't subtract offset-naive and offset-aware datetimes")
		}
		a, b := d.instant(), o.instant()
		if samePlace(d.zone, o.zone) {
			a, b = d.t, o.t
		}
		return delta((a.Unix()-b.Unix())*1e6 + int64(a.Nanosecond()-b.Nanosecond())/1000), true, nil
	}
	return value{}, false, nil
}

// plus adds days, and microseconds of less than a day.
func (d *dateValue) plus(days, micros int64) (value, error) {
	t := d.t.AddDate(0, 0, int(days)).Add(time.Duration(micros) * time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return value{}, pyvalue.Raise("OverflowError", "date value out of range")
	}
	return pyvalue.FromObject(&dateValue{t, d.full, d.zone.at(t)}), nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// PyAttr returns parts and methods.
func (d *dateValue) PyAttr(name string) (value, bool) {
	number := map[string]int{"year": d.t.Year(), "month": int(d.t.Month()), "day": d.t.Day()}
	if d.full {
		number["hour"], number["minute"], number["second"], number["microsecond"] = d.t.Hour(), d.t.Minute(), d.t.Second(), d.t.Nanosecond()/1000
		if v, ok := d.zone.attr(name); ok {
			return v, true
		}
	}
	if n, ok := number[name]; ok {
		return pyvalue.Int(int64(n)), true
	}
	method, ok := dateMethods[name]
	if !ok || !d.full && ofDatetimes[name] {
		return value{}, false
	}
	return pyvalue.NewBuiltin(name, func(c *pyvalue.Call) (value, error) { return method(d, c) }), true
}

// ofDatetimes are the methods that a date has not.
var ofDatetimes = map[string]bool{"date": true, "timestamp": true, "time": true, "timetz": true, "astimezone": true, "utctimetuple": true}

var dateMethods = map[string]func(d *dateValue, c *pyvalue.Call) (value, error){
	"strftime": func(d *dateValue, c *pyvalue.Call) (value, error) {
		if err := c.CheckNative("strftime", 1, "format"); err != nil {
			return value{}, err
		}
		format, _ := c.Arg(0, "format")
		if !format.IsText() {
			return value{}, pyvalue.Raise("TypeError", "strftime() argument 1 must be str, not %s", pyvalue.TypeName(format))
		}
		text, err := d.strftime(c.Meter, format.Text())
		return pyvalue.Str(text), err
	},
	"isoformat": func(d *dateValue, c *pyvalue.Call) (value, error) {
		if !d.full {
			return pyvalue.Str(d.iso("T")), c.Exactly("date.isoformat", 0)
		}
		if err := c.CheckNative("isoformat", 0, "sep", "timespec"); err != nil {
			return value{}, err
		}
		sep := "T"
		if v, ok := c.Arg(0, "sep"); ok {
			if sep = v.Text(); utf8.RuneCountInString(sep) != 1 {
				return value{}, pyvalue.Raise("TypeError", "isoformat() argument 1 must be a unicode character, not %s", pyvalue.TypeName(v))
			}
		}
		spec, _ := c.Arg(1, "timespec")
		clock, err := clockBy(d.t, spec)
		return pyvalue.Str(fmt.Sprintf("%04d", d.t.Year()) + d.t.Format("-01-02") + sep + clock + d.zone.suffix()), err
	},
	"timetuple": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return structTime(d.t, -1), nil
	},
	"utctimetuple": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return structTime(d.instant(), 0), nil
	},
	"time":   func(d *dateValue, _ *pyvalue.Call) (value, error) { return timeOf(d, nil), nil },
	"timetz": func(d *dateValue, _ *pyvalue.Call) (value, error) { return timeOf(d, d.zone), nil },
	"ctime": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return pyvalue.Str(d.t.Format("Mon Jan _2 15:04:05 ") + fmt.Sprintf("%04d", d.t.Year())), nil
	},
	"astimezone": func(d *dateValue, c *pyvalue.Call) (value, error) {
		to, _ := c.Arg(0, "tz")
		z, err := zoneArg(to)
		if err != nil {
			return value{}, err
		}
		if z == nil { // the machine's own zone is UTC
			z = &zone{name: "UTC"}
		}
		z = z.during(d.instant())
		return pyvalue.FromObject(&dateValue{d.instant().Add(time.Duration(z.micros) * time.Microsecond), true, z}), nil
	},
	"date": func(d *dateValue, _ *pyvalue.Call) (value, error) { return Date(d.t), nil },
	"weekday": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(int64(d.t.Weekday()+6) % 7), nil
	},
	"isoweekday": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(int64(d.t.Weekday()+6)%7 + 1), nil
	},
	"toordinal": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(floorDiv(d.t.Unix(), 86400) + 719163), nil // 1970-01-01
	},
	"timestamp": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		return pyvalue.Float(float64(d.instant().UnixMicro()) / 1e6), nil
	},
	"isocalendar": func(d *dateValue, _ *pyvalue.Call) (value, error) {
		y, w := d.t.ISOWeek()
		return isoDateClass.Of(pyvalue.Int(int64(y)), pyvalue.Int(int64(w)), pyvalue.Int(int64(d.t.Weekday()+6)%7+1)), nil
	},
	"replace": func(d *dateValue, c *pyvalue.Call) (value, error) {
		args := []value{pyvalue.Int(int64(d.t.Year())), pyvalue.Int(int64(d.t.Month())), pyvalue.Int(int64(d.t.Day()))}
		names := dateParams[:3]
		if d.full {
			names = append(slices.Clone(dateParams), "tzinfo", "fold")
			args = append(args, pyvalue.Int(int64(d.t.Hour())), pyvalue.Int(int64(d.t.Minute())), pyvalue.Int(int64(d.t.Second())), pyvalue.Int(int64(d.t.Nanosecond()/1000)), d.zone.value(), pyvalue.Int(0))
		}
		if err := c.CheckNative("replace", 0, names...); err != nil {
			return value{}, err
		}
		for i, name := range names {
			if v, ok := c.Arg(i, name); ok {
				args[i] = v
			}
		}
		return newDate(d.full, &pyvalue.Call{Args: args, Meter: c.Meter})
	},
}

// timespecs are how much of the time isoformat writes.
var timespecs = map[string]string{
	"hours": "15", "minutes": "15:04", "seconds": "15:04:05", "milliseconds": "15:04:05.000", "microseconds": "15:04:05.000000",
}

var dateParams = []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}

// newDate makes a date or datetime of its parts.
func newDate(full bool, c *pyvalue.Call) (value, error) {
	params, known := dateParams[:3], dateParams[:3]
	if full {
		params, known = dateParams, append(slices.Clone(dateParams), "tzinfo", "fold")
	}
	if err := c.CheckNative("", 3, known...); err != nil {
		return value{}, err
	}
	var parts [7]int64
	for i, p := range params {
		v, ok := c.Arg(i, p)
		if !ok {
			continue
		}
		if v.Kind() != pyvalue.KindInt && v.Kind() != pyvalue.KindBool {
			return value{}, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
		}
		parts[i], _ = v.Int64()
	}
	var z *zone
	if full {
		given, _ := c.Arg(7, "tzinfo")
		var err error
		if z, err = zoneArg(given); err != nil {
			return value{}, err
		}
		if z, err = folded(z, c); err != nil {
			return value{}, err
		}
	}
	return makeDate(full, parts, z)
}

// folded reads the argument fold, which says something only in a place whose clocks
// are put back.
func folded(z *zone, c *pyvalue.Call) (*zone, error) {
	v, ok := c.Arg(-1, "fold")
	if !ok {
		return z, nil
	}
	n, isInt := v.Int64()
	switch {
	case !isInt:
		return nil, pyvalue.Raise("TypeError", "'%s' object cannot be interpreted as an integer", pyvalue.TypeName(v))
	case n != 0 && n != 1:
		return nil, pyvalue.Raise("ValueError", "fold must be either 0 or 1")
	case z == nil || z.place == nil:
		return z, nil
	}
	made := *z
	made.fold = int(n)
	return &made, nil
}

func makeDate(full bool, p [7]int64, z *zone) (value, error) {
	switch {
	case p[0] < 1 || p[0] > 9999:
		return value{}, pyvalue.Raise("ValueError", "year %d is out of range", p[0])
	case p[1] < 1 || p[1] > 12:
		return value{}, pyvalue.Raise("ValueError", "month must be in 1..12")
	case p[2] < 1 || p[2] > int64(daysIn(int(p[0]), time.Month(p[1]))):
		return value{}, pyvalue.Raise("ValueError", "day is out of range for month")
	case p[3] < 0 || p[3] > 23:
		return value{}, pyvalue.Raise("ValueError", "hour must be in 0..23")
	case p[4] < 0 || p[4] > 59:
		return value{}, pyvalue.Raise("ValueError", "minute must be in 0..59")
	case p[5] < 0 || p[5] > 59:
		return value{}, pyvalue.Raise("ValueError", "second must be in 0..59")
	case p[6] < 0 || p[6] > 999999:
		return value{}, pyvalue.Raise("ValueError", "microsecond must be in 0..999999")
	}
	t := time.Date(int(p[0]), time.Month(p[1]), int(p[2]), int(p[3]), int(p[4]), int(p[5]), int(p[6])*1000, time.UTC)
	return pyvalue.FromObject(&dateValue{t, full, z.at(t)}), nil
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// PyFormat is what f-strings do with a date.
func (d *dateValue) PyFormat(m *pyvalue.Meter, spec string) (string, error) {
	return d.strftime(m, spec)
}

// StructTime makes a struct_time of a datetime, or of nine numbers.
func StructTime(c *pyvalue.Call) (value, error) {
	if err := c.Exactly("struct_time", 2); err != nil {
		return value{}, err
	}
	if items, ok := c.Args[1].Items(); ok {
		return structTimeClass.Of(items...), nil
	}
	d, ok := c.Args[0].Object().(*dateValue)
	if !ok {
		return value{}, pyvalue.Raise("TypeError", "a datetime is required, not %s", pyvalue.TypeName(c.Args[0]))
	}
	dst, _ := c.Args[1].Int64()
	return structTime(d.t.Truncate(time.Second), dst), nil
}
