package clock

import (
	"fmt"
	"math"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// deltaValue is a timedelta in microseconds.
type deltaValue struct{ micros int64 }

// PySigned is +d and -d.
func (d *deltaValue) PySigned(negative bool) (value, error) {
	if negative {
		return delta(-d.micros), nil
	}
	return delta(d.micros), nil
}

// PyAbs is abs(d).
func (d *deltaValue) PyAbs() (value, error) { return d.PySigned(d.micros < 0) }

func delta(micros int64) value { return pyvalue.FromObject(&deltaValue{micros}) }

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
		return pyvalue.NewBuiltin(name, func(*pyvalue.Call) (value, error) { return pyvalue.Float(float64(d.micros) / 1e6), nil }), true
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

func newDelta(c *pyvalue.Call) (value, error) {
	names := make([]string, len(deltaUnits))
	for i, u := range deltaUnits {
		names[i] = u.name
	}
	if err := c.CheckNative("__new__", 0, names...); err != nil {
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
			if u.micros == microsPerDay && (n > math.MaxInt32 || n < math.MinInt32) {
				return value{}, pyvalue.Raise("OverflowError", "Python int too large to convert to C int")
			}
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
