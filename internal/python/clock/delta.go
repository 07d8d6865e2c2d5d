package clock

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// maxDays is the largest number of days of a timedelta, either way.
const maxDays = 999_999_999

// deltaValue is a timedelta: days, and microseconds of less than one, which are not negative.
type deltaValue struct{ days, micros int64 }

func deltaOf(micros int64) *deltaValue {
	days := floorDiv(micros, microsPerDay)
	return &deltaValue{days, micros - days*microsPerDay}
}

func delta(micros int64) value { return pyvalue.FromObject(deltaOf(micros)) }

// inMicros is the number of microseconds, if that fits.
func (d *deltaValue) inMicros() (micros int64, fits bool) {
	return d.days*microsPerDay + d.micros, d.days > -1e8 && d.days < 1e8
}

// within is a timedelta that has been computed, whose microseconds may be more or less than
// those of a day.
func within(days, micros int64) (value, error) {
	d := deltaOf(micros)
	if d.days += days; d.days < -maxDays || d.days > maxDays {
		return value{}, pyvalue.Raise("OverflowError", "days=%d; must have magnitude <= %d", d.days, maxDays)
	}
	return pyvalue.FromObject(d), nil
}

// PySigned is +d and -d.
func (d *deltaValue) PySigned(negative bool) (value, error) {
	if negative {
		return within(-d.days, -d.micros)
	}
	return pyvalue.FromObject(d), nil
}

// PyAbs is abs(d).
func (d *deltaValue) PyAbs() (value, error) { return d.PySigned(d.days < 0) }

// PyType implements [pyvalue.Object].
func (d *deltaValue) PyType() string { return "datetime.timedelta" }

// parts are days, seconds and microseconds as CPython normalises them.
func (d *deltaValue) parts() (days, seconds, micros int64) {
	return d.days, d.micros / 1_000_000, d.micros % 1_000_000
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
func (d *deltaValue) PyTruth() bool { return *d != deltaValue{} }

// PyEqual compares timedeltas.
func (d *deltaValue) PyEqual(other value) bool {
	o, ok := other.Object().(*deltaValue)
	return ok && *o == *d
}

// PyCompare orders them.
func (d *deltaValue) PyCompare(other value) (int, bool) {
	o, ok := other.Object().(*deltaValue)
	if !ok {
		return 0, false
	}
	return cmp.Or(cmp.Compare(d.days, o.days), cmp.Compare(d.micros, o.micros)), true
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
		return pyvalue.NewBuiltin(name, func(*pyvalue.Call) (value, error) { return ratio(d.total(), million) }), true
	}
	return value{}, false
}
