package clock

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// strptime reads a datetime.
func strptime(c *pyvalue.Call) (value, error) {
	if len(c.Args) != 2 || !c.Args[0].IsText() || !c.Args[1].IsText() {
		for i, a := range c.Args {
			if !a.IsText() {
				return value{}, pyvalue.Raise("TypeError", "strptime() argument %d must be str, not %s", i+1, pyvalue.TypeName(a))
			}
		}
		return value{}, pyvalue.Raise("TypeError", "strptime() takes exactly 2 arguments (%d given)", len(c.Args))
	}
	format := c.Args[1].Text()
	const copies = 8 // of what is read, at most
	if size := len(c.Args[0].Text()) + len(format); size > 1<<10 {
		if err := c.Meter.GrowTimes(copies, int64(size)); err != nil {
			return value{}, err
		}
	}
	p := newTimeParser(c.Args[0].Text())
	if p.parse(format); p.failed {
		p = newTimeParser(c.Args[0].Text())
		if err := p.search(c.Meter, format); err != nil {
			return value{}, err
		}
	}
	if p.failed {
		text, err := pyvalue.Repr(c.Meter, c.Args[0])
		if err != nil {
			return value{}, err
		}
		layout, err := pyvalue.Repr(c.Meter, c.Args[1])
		if err != nil {
			return value{}, err
		}
		return value{}, pyvalue.Raise("ValueError", "time data %s does not match format %s", text, layout)
	}
	if p.text != "" {
		return value{}, pyvalue.Raise("ValueError", "unconverted data remains: %s", p.text)
	}
	if p.of12 {
		p.parts[3] %= 12
		if p.pm == 'P' {
			p.parts[3] += 12
		}
	}
	if err := p.day(); err != nil {
		return value{}, err
	}
	return makeDate(true, p.parts, p.zone)
}

// timeParser reads a text by a format.
type timeParser struct {
	text    string
	parts   [7]int64
	pm      byte // 'P' for the afternoon
	of12    bool // the hour is one of twelve
	yearDay int64
	failed  bool
	used    [128]bool // the directives

	zone    *zone
	isoYear int64 // %G, -1 for none
	week    int64 // %V, %U or %W, as weekOf says; -1 for none
	weekOf  byte
	weekDay int64 // from Monday, -1 for none
}

func newTimeParser(text string) *timeParser {
	return &timeParser{text: text, parts: [7]int64{1900, 1, 1}, isoYear: -1, week: -1, weekDay: -1}
}

// day works the day out where it is not given by month and day.
func (p *timeParser) day() error {
	t := time.Date(int(p.parts[0]), 1, max(1, int(p.yearDay)), 0, 0, 0, 0, time.UTC)
	switch {
	case p.isoYear >= 0 && p.weekOf == 'V' && p.weekDay >= 0:
		if p.isoYear == 0 {
			return pyvalue.Raise("ValueError", "year 0 is out of range")
		}
		var err error
		if t, err = isoWeek(p.isoYear, p.week, p.weekDay+1); err != nil {
			return err
		}
	case p.weekOf == 'V' || p.isoYear >= 0:
		return pyvalue.Raise("ValueError", "%s", isoNeeds(p))
	case p.yearDay > 0:
	case p.weekOf != 0 && p.weekDay >= 0:
		first := int64(t.Weekday()) // of 1 January, from Sunday
		day := (p.weekDay + 1) % 7
		if p.weekOf == 'W' {
			first, day = (first+6)%7, p.weekDay
		}
		offset := (7-first)%7 + (p.week-1)*7 + day
		if p.week == 0 {
			offset = day - first
		}
		t = t.AddDate(0, 0, int(offset))
		p.parts[0] = int64(t.Year())
	default:
		return nil
	}
	if p.isoYear >= 0 || p.yearDay > 0 {
		p.parts[0] = int64(t.Year())
	}
	p.parts[1], p.parts[2] = int64(t.Month()), int64(t.Day())
	return nil
}

// isoNeeds says what is missing beside %G or %V.
func isoNeeds(p *timeParser) string {
	if p.isoYear >= 0 {
		return "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', '%w', or '%u')."
	}
	if p.isoYear < 0 && p.weekDay >= 0 {
		return "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead."
	}
	return "ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday directive ('%A', '%a', '%w', or '%u')."
}

// offset reads Z, +0200, +02:00 and longer forms.
func (p *timeParser) offset() {
	if rest, ok := strings.CutPrefix(p.text, "Z"); ok {
		p.zone, p.text = utcZone, rest
		return
	}
	if p.text == "" || p.text[0] != '+' && p.text[0] != '-' {
		p.failed = true
		return
	}
	end := 1
	for end < len(p.text) && strings.IndexByte("0123456789:.", p.text[end]) >= 0 {
		end++
	}
	for ; end > 4; end-- {
		text := p.text[1:end]
		o, ok := isoClock(text)
		micros := (o[0]*3600+o[1]*60+o[2])*1e6 + o[3]
		if ok && o[1] < 60 && o[2] < 60 && micros <= maxOffset && !strings.Contains(text, ",") {
			if p.text[0] == '-' {
				micros = -micros
			}
			p.zone, p.text = zoneOf(micros), p.text[end:]
			return
		}
	}
	p.failed = true
}

// parse reads the text by a format, each directive as far as it reaches.
func (p *timeParser) parse(format string) {
	for i := 0; i < len(format) && !p.failed; i++ {
		c := format[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			trimmed := strings.TrimLeft(p.text, " \t\n\r\f\v")
			p.failed = trimmed == p.text || trimmed != "" && (trimmed[0] < ' ' || trimmed[0] >= utf8.RuneSelf)
			p.text = trimmed
		case c == '%' && i+1 < len(format):
			i++
			p.directive(format[i])
		case c == '%':
			p.failed = true // which [timeParser.search] reports
		case c < ' ' || c >= utf8.RuneSelf:
			p.failed = true // [timeParser.search] compares letters, and knows what else is white space
		default:
			if len(p.text) == 0 || !strings.EqualFold(p.text[:1], format[i:i+1]) {
				p.failed = true
				return
			}
			p.text = p.text[1:]
		}
	}
}

func (p *timeParser) directive(c byte) {
	if c != '%' && int(c) < len(p.used) {
		if p.used[c] {
			p.failed = true // which [timeParser.search] reports
			return
		}
		p.used[c] = true
	}
	switch c {
	case 'Y':
		p.parts[0] = p.number(4, 4, 0, 9999)
	case 'y':
		if y := p.number(2, 2, 0, 99); y < 69 {
			p.parts[0] = 2000 + y
		} else {
			p.parts[0] = 1900 + y
		}
	case 'm':
		p.parts[1] = p.number(1, 2, 1, 12)
	case 'd':
		p.parts[2] = p.number(1, 2, 1, 31)
	case 'H':
		p.parts[3] = p.number(1, 2, 0, 23)
	case 'I':
		p.parts[3], p.of12 = p.number(1, 2, 1, 12), true
	case 'M':
		p.parts[4] = p.number(1, 2, 0, 59)
	case 'S':
		p.parts[5] = p.number(1, 2, 0, 61)
	case 'f':
		digits := 0
		for digits < 6 && digits < len(p.text) && p.text[digits] >= '0' && p.text[digits] <= '9' {
			digits++
		}
		if p.failed = digits == 0; !p.failed {
			n, _ := strconv.ParseInt(p.text[:digits]+strings.Repeat("0", 6-digits), 10, 64) // of six digits
			p.parts[6], p.text = n, p.text[digits:]
		}
	case 'j':
		p.yearDay = p.number(1, 3, 1, 366)
	case 'p':
		switch {
		case len(p.text) > 1 && strings.EqualFold(p.text[:2], "am"):
			p.pm = 'A'
		case len(p.text) > 1 && strings.EqualFold(p.text[:2], "pm"):
			p.pm = 'P'
		default:
			p.failed = true
			return
		}
		p.text = p.text[2:]
	case 'z':
		p.offset()
	case 'Z':
		for _, name := range []string{"UTC", "GMT"} {
			if len(p.text) >= 3 && strings.EqualFold(p.text[:3], name) {
				p.text = p.text[3:]
				return
			}
		}
		p.failed = true
	case 'G':
		p.isoYear = p.number(4, 4, 0, 9999)
	case 'V':
		if p.failed = strings.HasPrefix(p.text, "00"); p.failed {
			return // of which CPython takes one digit
		}
		p.week, p.weekOf = p.number(1, 2, 0, 53), 'V'
	case 'U', 'W':
		p.week, p.weekOf = p.number(1, 2, 0, 53), c
	case 'u':
		p.weekDay = p.number(1, 1, 1, 7) - 1
	case 'w':
		p.weekDay = (p.number(1, 1, 0, 6) + 6) % 7
	case 'c':
		p.parse("%a %b %d %H:%M:%S %Y")
	case 'x':
		p.parse("%m/%d/%y")
	case 'X':
		p.parse("%H:%M:%S")
	case 'b', 'B':
		p.month(c == 'B')
	case 'a', 'A':
		p.weekday(c == 'A')
	case '%':
		p.failed = !strings.HasPrefix(p.text, "%")
		p.text = strings.TrimPrefix(p.text, "%")
	default:
		p.failed = true // which [timeParser.search] reports
	}
}

// number reads digits, as many as fit the range.
func (p *timeParser) number(least, most int, low, high int64) int64 {
	for n := most; n >= least; n-- {
		if n > len(p.text) || strings.Trim(p.text[:n], "0123456789") != "" {
			continue
		}
		v, err := strconv.ParseInt(p.text[:n], 10, 64)
		if err == nil && v >= low && v <= high {
			if p.text = p.text[n:]; n < most && p.text != "" && p.text[0] >= utf8.RuneSelf {
				p.failed = true // it may be a digit, too, which [timeParser.search] knows
			}
			return v
		}
	}
	p.failed = true
	return low
}

func (p *timeParser) month(full bool) {
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if !full {
			name = name[:3]
		}
		if len(p.text) >= len(name) && strings.EqualFold(p.text[:len(name)], name) {
			p.parts[1], p.text = int64(m), p.text[len(name):]
			return
		}
	}
	p.failed = true
}

func (p *timeParser) weekday(full bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := d.String()
		if !full {
			name = name[:3]
		}
		if len(p.text) >= len(name) && strings.EqualFold(p.text[:len(name)], name) {
			p.text, p.weekDay = p.text[len(name):], int64(d+6)%7
			return
		}
	}
	p.failed = true
}
