package clock

import (
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// isoReader reads what fromisoformat takes: dates by month or week, in the extended
// and the basic form, times, and distances from UTC.
type isoReader struct {
	parts [7]int64
	zone  *zone
	err   error // of a distance that there is not
}

// fromISO is fromisoformat of a date or a datetime.
func fromISO(full bool) func(*pyvalue.Call) (value, error) {
	return func(c *pyvalue.Call) (value, error) {
		text, err := isoText(c)
		if err != nil {
			return value{}, err
		}
		p := &isoReader{}
		ok := false
		if full {
			ok = p.datetime(text)
		} else {
			ok = p.date(text)
		}
		if p.err != nil {
			return value{}, p.err
		}
		if !ok {
			return value{}, notISO(c)
		}
		return makeDate(full, p.parts, p.zone)
	}
}

// timeFromISO is fromisoformat of a time.
func timeFromISO(c *pyvalue.Call) (value, error) {
	text, err := isoText(c)
	if err != nil {
		return value{}, err
	}
	p := &isoReader{parts: [7]int64{1900, 1, 1}}
	if !p.time(strings.TrimPrefix(text, "T")) {
		if p.err != nil {
			return value{}, p.err
		}
		return value{}, notISO(c)
	}
	return makeTime(p.parts, p.zone)
}

func isoText(c *pyvalue.Call) (string, error) {
	if len(c.Args) != 1 || !c.Args[0].IsText() {
		return "", pyvalue.Raise("TypeError", "fromisoformat: argument must be str")
	}
	return c.Args[0].Text(), nil
}

func notISO(c *pyvalue.Call) error {
	quoted, err := pyvalue.Repr(c.Meter, c.Args[0])
	if err != nil {
		return err
	}
	return pyvalue.Raise("ValueError", "Invalid isoformat string: %s", quoted)
}

// datetime reads a date and, after one character of any kind, a time.
func (p *isoReader) datetime(text string) bool {
	at := isoDateEnd(text)
	if at <= 0 || at > len(text) || !p.date(text[:at]) {
		return false
	}
	if at == len(text) {
		return true
	}
	for i := range text[at:] { // the separator is a character, not a byte
		if i > 0 {
			return p.time(text[at+i:])
		}
	}
	return false
}

// isoDateEnd finds where the date ends.
func isoDateEnd(text string) int {
	if len(text) <= 7 {
		return len(text)
	}
	digit := func(i int) bool { return i < len(text) && text[i] >= '0' && text[i] <= '9' }
	switch {
	case text[4] == '-' && text[5] == 'W':
		if len(text) > 8 && text[8] == '-' && len(text) > 9 && !digit(10) {
			return 10
		}
		return 8
	case text[4] == '-':
		return 10
	case text[4] == 'W':
		i := 7
		for digit(i) {
			i++
		}
		if i < 9 {
			return i
		}
		return 7 + i%2
	}
	return 8
}

// date reads YYYY-MM-DD, YYYYMMDD, YYYY-Www-D, YYYYWwwD, or a week alone.
func (p *isoReader) date(text string) bool {
	if n := len(text); n != 7 && n != 8 && n != 10 {
		return false
	}
	year, ok := digits(text[:4])
	if !ok {
		return false
	}
	rest, extended := strings.CutPrefix(text[4:], "-")
	p.parts[0] = year
	if week, isWeek := strings.CutPrefix(rest, "W"); isWeek {
		return p.week(week, extended)
	}
	if extended {
		if len(rest) != 5 || rest[2] != '-' {
			return false
		}
		rest = rest[:2] + rest[3:]
	}
	if len(rest) != 4 {
		return false
	}
	month, ok1 := digits(rest[:2])
	day, ok2 := digits(rest[2:])
	p.parts[1], p.parts[2] = month, day
	return ok1 && ok2
}

func (p *isoReader) week(text string, extended bool) bool {
	if len(text) < 2 {
		return false
	}
	week, ok := digits(text[:2])
	if !ok {
		return false
	}
	day := int64(1)
	if rest := text[2:]; rest != "" {
		number, dashed := strings.CutPrefix(rest, "-")
		if dashed != extended || len(number) != 1 {
			return false
		}
		if day, ok = digits(number); !ok {
			return false
		}
	}
	t, err := isoWeek(p.parts[0], week, day)
	if err != nil {
		return false
	}
	p.parts[0], p.parts[1], p.parts[2] = int64(t.Year()), int64(t.Month()), int64(t.Day())
	return true
}

// isoWeek returns the day of an ISO week.
func isoWeek(year, week, day int64) (time.Time, error) {
	first := time.Date(int(year), 1, 4, 0, 0, 0, 0, time.UTC) // is in week 1
	_, last := time.Date(int(year), 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
	switch {
	case year < 1 || year > 9999:
		return first, pyvalue.Raise("ValueError", "Year is out of range: %d", year)
	case week < 1 || week > int64(last):
		return first, pyvalue.Raise("ValueError", "Invalid week: %d", week)
	case day < 1 || day > 7:
		return first, pyvalue.Raise("ValueError", "Invalid day: %d (range is [1, 7])", day)
	}
	return first.AddDate(0, 0, int(week-1)*7+int(day-1)-int(first.Weekday()+6)%7), nil
}

// time reads a time, and the distance from UTC after it.
func (p *isoReader) time(text string) bool {
	clock, offset, sign := text, "", byte(0)
	for _, mark := range []string{"-", "+", "Z"} {
		if before, after, found := strings.Cut(text, mark); found {
			clock, offset, sign = before, after, mark[0]
			break
		}
	}
	if n := len(clock) - 1; sign != 0 && n > 0 && clock[n] < 0x80 && clock[n] != ':' && strings.Trim(clock[n:], "0123456789") != "" {
		clock = clock[:n] // CPython passes over one character there, such as a blank
	}
	c, ok := isoClock(clock)
	if !ok {
		return false
	}
	copy(p.parts[3:], c[:])
	switch {
	case sign == 0:
		return true
	case sign == 'Z':
		p.zone = utcZone
		return offset == ""
	case len(offset) < 2 || len(offset) == 3:
		return false
	}
	o, ok := isoClock(offset)
	micros := (o[0]*3600+o[1]*60+o[2])*1e6 + o[3]
	if !ok {
		return false
	}
	if sign == '-' {
		micros = -micros
	}
	if p.err = checkOffset(micros); p.err != nil {
		return false
	}
	p.zone = zoneOf(micros)
	return true
}

// isoClock reads HH[:MM[:SS[.ffffff]]], or the same without colons.
func isoClock(text string) (parts [4]int64, ok bool) {
	colon := false
	for i := range 3 {
		if len(text) < 2 {
			return parts, false
		}
		if parts[i], ok = digits(text[:2]); !ok {
			return parts, false
		}
		if text = text[2:]; text == "" {
			return parts, true
		}
		if i == 0 {
			colon = text[0] == ':'
		}
		if i == 2 {
			break
		}
		if colon {
			if text[0] != ':' {
				return parts, false
			}
			text = text[1:]
		}
	}
	if text[0] != '.' && text[0] != ',' {
		return parts, false
	}
	fraction := text[1:]
	if fraction == "" || strings.Trim(fraction, "0123456789") != "" {
		return parts, false
	}
	parts[3], ok = digits((fraction + "00000")[:6])
	return parts, ok
}

// digits reads a number of ASCII digits alone.
func digits(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
