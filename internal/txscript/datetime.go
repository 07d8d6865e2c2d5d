package txscript

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

// dateValue is a date or a datetime without a time zone. Its time is in UTC.
type dateValue struct {
	t    time.Time
	full bool // a datetime
}

// Date returns a date as a value.
func Date(t time.Time) pyvalue.Value {
	y, m, d := t.Date()
	return pyvalue.FromObject(&dateValue{time.Date(y, m, d, 0, 0, 0, 0, time.UTC), false})
}

// DateOf returns the time of a date or datetime, and whether v is one.
func DateOf(v pyvalue.Value) (t time.Time, full, ok bool) {
	d, ok := v.Object().(*dateValue)
	if !ok {
		return time.Time{}, false, false
	}
	return d.t, d.full, true
}

// deltaValue is a timedelta in microseconds.
type deltaValue struct{ micros int64 }

func (d *deltaValue) signed(negative bool) value {
	if negative {
		return delta(-d.micros)
	}
	return delta(d.micros)
}

func delta(micros int64) value { return pyvalue.FromObject(&deltaValue{micros}) }

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
		text += sep + d.t.Format("15:04:05")
		if us := d.t.Nanosecond() / 1000; us != 0 {
			text += fmt.Sprintf(".%06d", us)
		}
	}
	return text
}

// PyRepr prints what makes the date.
func (d *dateValue) PyRepr() string {
	if !d.full {
		return fmt.Sprintf("datetime.date(%d, %d, %d)", d.t.Year(), d.t.Month(), d.t.Day())
	}
	text := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", d.t.Year(), d.t.Month(), d.t.Day(), d.t.Hour(), d.t.Minute())
	us := d.t.Nanosecond() / 1000
	if d.t.Second() != 0 || us != 0 {
		text += fmt.Sprintf(", %d", d.t.Second())
	}
	if us != 0 {
		text += fmt.Sprintf(", %d", us)
	}
	return text + ")"
}

// PyEqual compares dates with dates, datetimes with datetimes.
func (d *dateValue) PyEqual(other value) bool {
	o, ok := other.Object().(*dateValue)
	return ok && o.full == d.full && o.t.Equal(d.t)
}

// PyCompare orders them.
func (d *dateValue) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*dateValue)
	if !ok || o.full != d.full {
		return 0, false
	}
	return d.t.Compare(o.t), true
}

// PyHash makes a date a key.
func (d *dateValue) PyHash() (string, error) { return d.PyRepr(), nil }

// PyBinary adds and subtracts.
func (d *dateValue) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	switch o := other.Object().(type) {
	case *deltaValue:
		micros := o.micros
		if !d.full { // a date knows only whole days
			micros = floorDiv(micros, microsPerDay) * microsPerDay
		}
		switch {
		case op == pyvalue.OpSub && !reflected:
			micros = -micros
		case op != pyvalue.OpAdd:
			return value{}, false, nil
		}
		v, err := d.plus(micros)
		return v, true, err
	case *dateValue:
		if op != pyvalue.OpSub || reflected || o.full != d.full {
			return value{}, false, nil
		}
		return delta(d.t.Sub(o.t).Microseconds()), true, nil
	}
	return value{}, false, nil
}

func (d *dateValue) plus(micros int64) (value, error) {
	// Years are few enough to add days and the rest apart.
	t := d.t.AddDate(0, 0, int(floorDiv(micros, microsPerDay))).Add(time.Duration(micros-floorDiv(micros, microsPerDay)*microsPerDay) * time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return value{}, pyvalue.Raise("OverflowError", "date value out of range")
	}
	return pyvalue.FromObject(&dateValue{t, d.full}), nil
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
		if name == "tzinfo" {
			return value{}, true
		}
	}
	if n, ok := number[name]; ok {
		return pyvalue.Int(int64(n)), true
	}
	method, ok := dateMethods[name]
	if !ok || !d.full && (name == "date" || name == "timestamp") {
		return value{}, false
	}
	return pyvalue.FromObject(&builtin{name, func(r *run, c *pyvalue.Call) (value, error) { return method(d, r, c) }}), true
}

var dateMethods = map[string]func(d *dateValue, r *run, c *pyvalue.Call) (value, error){
	"strftime": func(d *dateValue, _ *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) != 1 || !c.Args[0].IsText() {
			return value{}, pyvalue.Raise("TypeError", "strftime() argument 1 must be str")
		}
		text, err := d.strftime(c.Args[0].Text())
		return pyvalue.Str(text), err
	},
	"isoformat": func(d *dateValue, _ *run, c *pyvalue.Call) (value, error) {
		sep := "T"
		if v, ok := c.Arg(0, "sep"); ok {
			sep = v.Text()
		}
		return pyvalue.Str(d.iso(sep)), nil
	},
	"date": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) { return Date(d.t), nil },
	"weekday": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(int64(d.t.Weekday()+6) % 7), nil
	},
	"isoweekday": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(int64(d.t.Weekday()+6)%7 + 1), nil
	},
	"toordinal": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) {
		return pyvalue.Int(floorDiv(d.t.Unix(), 86400) + 719163), nil // 1970-01-01
	},
	"timestamp": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) {
		return pyvalue.Float(float64(d.t.UnixMicro()) / 1e6), nil
	},
	"isocalendar": func(d *dateValue, _ *run, _ *pyvalue.Call) (value, error) {
		y, w := d.t.ISOWeek()
		return pyvalue.NewTuple(pyvalue.Int(int64(y)), pyvalue.Int(int64(w)), pyvalue.Int(int64(d.t.Weekday()+6)%7+1)), nil
	},
	"replace": func(d *dateValue, r *run, c *pyvalue.Call) (value, error) {
		args := []value{pyvalue.Int(int64(d.t.Year())), pyvalue.Int(int64(d.t.Month())), pyvalue.Int(int64(d.t.Day()))}
		names := dateParams[:3]
		if d.full {
			names = dateParams
			args = append(args, pyvalue.Int(int64(d.t.Hour())), pyvalue.Int(int64(d.t.Minute())), pyvalue.Int(int64(d.t.Second())), pyvalue.Int(int64(d.t.Nanosecond()/1000)))
		}
		if err := c.Check("replace", 0, names...); err != nil {
			return value{}, err
		}
		for i, name := range names {
			if v, ok := c.Arg(i, name); ok {
				args[i] = v
			}
		}
		return newDate(d.full, &pyvalue.Call{Args: args, Meter: r.meter})
	},
}

var dateParams = []string{"year", "month", "day", "hour", "minute", "second", "microsecond"}

// newDate makes a date or datetime of its parts.
func newDate(full bool, c *pyvalue.Call) (value, error) {
	name, params := "date", dateParams[:3]
	if full {
		name, params = "datetime", dateParams
	}
	if err := c.Check(name, 3, params...); err != nil {
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
	return makeDate(full, parts)
}

func makeDate(full bool, p [7]int64) (value, error) {
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
	return pyvalue.FromObject(&dateValue{t, full}), nil
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// format is what f-strings do with a date.
func (d *dateValue) format(spec string) (string, error) { return d.strftime(spec) }

// PyType implements [pyvalue.Object].
func (d *deltaValue) PyType() string { return "datetime.timedelta" }

// parts are days, seconds and microseconds as CPython normalises them.
func (d *deltaValue) parts() (days, seconds, micros int64) {
	days = floorDiv(d.micros, microsPerDay)
	rest := d.micros - days*microsPerDay
	return days, rest / 1_000_000, rest % 1_000_000
}

// PyStr prints 1 day, 2:03:04.
func (d *deltaValue) PyStr() string {
	days, s, us := d.parts()
	text := fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	if us != 0 {
		text += fmt.Sprintf(".%06d", us)
	}
	switch {
	case days == 1 || days == -1:
		return fmt.Sprintf("%d day, %s", days, text)
	case days != 0:
		return fmt.Sprintf("%d days, %s", days, text)
	}
	return text
}

// PyRepr prints what makes the timedelta.
func (d *deltaValue) PyRepr() string {
	days, s, us := d.parts()
	text := ""
	for _, p := range []struct {
		name string
		n    int64
	}{{"days", days}, {"seconds", s}, {"microseconds", us}} {
		if p.n != 0 {
			if text != "" {
				text += ", "
			}
			text += p.name + "=" + strconv.FormatInt(p.n, 10)
		}
	}
	if text == "" {
		text = "0"
	}
	return "datetime.timedelta(" + text + ")"
}

// PyTruth is false for no time at all.
func (d *deltaValue) PyTruth() bool { return d.micros != 0 }

// PyEqual compares timedeltas.
func (d *deltaValue) PyEqual(other value) bool {
	o, ok := other.Object().(*deltaValue)
	return ok && o.micros == d.micros
}

// PyCompare orders them.
func (d *deltaValue) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*deltaValue)
	if !ok {
		return 0, false
	}
	switch {
	case d.micros < o.micros:
		return -1, true
	case d.micros > o.micros:
		return 1, true
	}
	return 0, true
}

// PyHash makes a timedelta a key.
func (d *deltaValue) PyHash() (string, error) { return d.PyRepr(), nil }

// PyAttr returns parts, and total_seconds.
func (d *deltaValue) PyAttr(name string) (value, bool) {
	days, s, us := d.parts()
	switch name {
	case "days":
		return pyvalue.Int(days), true
	case "seconds":
		return pyvalue.Int(s), true
	case "microseconds":
		return pyvalue.Int(us), true
	case "total_seconds":
		return pyvalue.FromObject(&builtin{name, func(*run, *pyvalue.Call) (value, error) { return pyvalue.Float(float64(d.micros) / 1e6), nil }}), true
	}
	return value{}, false
}

// PyBinary computes with timedeltas and numbers.
func (d *deltaValue) PyBinary(op pyvalue.Op, other value, reflected bool) (value, bool, error) {
	if o, ok := other.Object().(*deltaValue); ok && !reflected {
		switch op {
		case pyvalue.OpAdd:
			return delta(d.micros + o.micros), true, nil
		case pyvalue.OpSub:
			return delta(d.micros - o.micros), true, nil
		case pyvalue.OpDiv, pyvalue.OpFloorDiv, pyvalue.OpMod:
			if o.micros == 0 {
				return value{}, true, pyvalue.Raise("ZeroDivisionError", "%s", map[bool]string{true: "division by zero", false: "integer division or modulo by zero"}[op == pyvalue.OpDiv])
			}
			switch op {
			case pyvalue.OpDiv:
				return pyvalue.Float(float64(d.micros) / float64(o.micros)), true, nil
			case pyvalue.OpFloorDiv:
				return pyvalue.Int(floorDiv(d.micros, o.micros)), true, nil
			}
			return delta(d.micros - floorDiv(d.micros, o.micros)*o.micros), true, nil
		}
		return value{}, false, nil
	}
	if !other.IsNumber() {
		return value{}, false, nil
	}
	f, ok := other.Float64()
	n, isInt := other.Int64()
	switch {
	case op == pyvalue.OpMul && isInt && other.Kind() != pyvalue.KindFloat:
		return delta(d.micros * n), true, nil
	case op == pyvalue.OpMul && ok:
		return delta(int64(math.RoundToEven(float64(d.micros) * f))), true, nil
	case op == pyvalue.OpDiv && ok && !reflected:
		if f == 0 {
			return value{}, true, pyvalue.Raise("ZeroDivisionError", "division by zero")
		}
		return delta(int64(math.RoundToEven(float64(d.micros) / f))), true, nil
	case op == pyvalue.OpFloorDiv && isInt && !reflected:
		if n == 0 {
			return value{}, true, pyvalue.Raise("ZeroDivisionError", "integer division or modulo by zero")
		}
		return delta(floorDiv(d.micros, n)), true, nil
	}
	return value{}, false, nil
}

var deltaUnits = []struct {
	name   string
	micros float64
}{
	{"days", microsPerDay}, {"seconds", 1e6}, {"microseconds", 1}, {"milliseconds", 1000}, {"minutes", 60e6}, {"hours", 3600e6}, {"weeks", 7 * microsPerDay},
}

func newDelta(_ *run, c *pyvalue.Call) (value, error) {
	names := make([]string, len(deltaUnits))
	for i, u := range deltaUnits {
		names[i] = u.name
	}
	if err := c.Check("timedelta", 0, names...); err != nil {
		return value{}, err
	}
	whole, fraction := int64(0), 0.0
	for i, u := range deltaUnits {
		v, ok := c.Arg(i, u.name)
		if !ok {
			continue
		}
		if !v.IsNumber() {
			return value{}, pyvalue.Raise("TypeError", "unsupported type for timedelta %s component: %s", u.name, pyvalue.TypeName(v))
		}
		if n, isInt := v.Int64(); isInt && v.Kind() != pyvalue.KindFloat {
			if float64(n)*u.micros > 1e9*microsPerDay || float64(n)*u.micros < -1e9*microsPerDay {
				return value{}, pyvalue.Raise("OverflowError", "days=%d; must have magnitude <= 999999999", n)
			}
			whole += n * int64(u.micros)
			continue
		}
		f, _ := v.Float64()
		if math.IsNaN(f) || math.Abs(f*u.micros) > 1e9*microsPerDay {
			return value{}, pyvalue.Raise("OverflowError", "Python int too large to convert to C int")
		}
		fraction += f * u.micros
	}
	return delta(whole + int64(math.RoundToEven(fraction))), nil
}

// timeClasses are the classes of the module datetime, made for a run so that they
// know its clock.
type timeClasses struct{ module, datetime, date, timedelta value }

// timeNames are the names that formulas know without an import. datetime is the
// module, and at the same time the class, since code is written either way.
var timeNames = map[string]func(r *run) value{
	"datetime":  func(r *run) value { return r.clock().module },
	"date":      func(r *run) value { return r.clock().date },
	"timedelta": func(r *run) value { return r.clock().timedelta },
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
	today := func(full bool) func(*run, *pyvalue.Call) (value, error) {
		return func(*run, *pyvalue.Call) (value, error) {
			now := r.now().Truncate(time.Microsecond)
			if !full {
				return Date(now), nil
			}
			y, m, d := now.Date()
			return pyvalue.FromObject(&dateValue{time.Date(y, m, d, now.Hour(), now.Minute(), now.Second(), now.Nanosecond(), time.UTC), true}), nil
		}
	}
	method := func(name string, f func(*run, *pyvalue.Call) (value, error)) value {
		return pyvalue.FromObject(&builtin{name, f})
	}
	t.date = pyvalue.FromObject(&timeClass{*dateClass, map[string]value{
		"today": method("today", today(false)), "fromisoformat": method("fromisoformat", fromISO(false)),
	}})
	full := map[string]value{
		"now": method("now", today(true)), "today": method("today", today(true)), "utcnow": method("utcnow", today(true)),
		"fromisoformat": method("fromisoformat", fromISO(true)), "strptime": method("strptime", strptime),
	}
	t.datetime = pyvalue.FromObject(&timeClass{*datetimeClass, full})
	t.timedelta = pyvalue.FromObject(&timeClass{*deltaClass, nil})
	module := map[string]value{"datetime": t.datetime, "date": t.date, "timedelta": t.timedelta}
	for name, v := range full {
		module[name] = v
	}
	t.module = pyvalue.FromObject(&timeClass{*datetimeClass, module})
	return t
}

var (
	dateClass = &class{builtin{"datetime.date", func(_ *run, c *pyvalue.Call) (value, error) { return newDate(false, c) }},
		func(v value) bool { _, ok := v.Object().(*dateValue); return ok }}
	datetimeClass = &class{builtin{"datetime.datetime", func(_ *run, c *pyvalue.Call) (value, error) { return newDate(true, c) }},
		func(v value) bool { d, ok := v.Object().(*dateValue); return ok && d.full }}
	deltaClass = &class{builtin{"datetime.timedelta", newDelta}, func(v value) bool { _, ok := v.Object().(*deltaValue); return ok }}
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
	}
	return nil
}

// fromISO is fromisoformat.
func fromISO(full bool) func(*run, *pyvalue.Call) (value, error) {
	return func(_ *run, c *pyvalue.Call) (value, error) {
		if len(c.Args) != 1 || !c.Args[0].IsText() {
			return value{}, pyvalue.Raise("TypeError", "fromisoformat: argument must be str")
		}
		text := c.Args[0].Text()
		layouts := []string{time.DateOnly, "20060102"}
		if full {
			layouts = append(layouts, "2006-01-02T15:04:05.999999", "2006-01-02 15:04:05.999999", "2006-01-02T15:04", "2006-01-02 15:04")
		}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				return pyvalue.FromObject(&dateValue{t, full}), nil
			}
		}
		quoted, _ := pyvalue.Repr(nil, c.Args[0]) // without a meter a text can be printed
		return value{}, pyvalue.Raise("ValueError", "Invalid isoformat string: %s", quoted)
	}
}
