package txscript

import (
	"time"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

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
