package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// strftime formats as the C locale of glibc does: a conversion may have flags and a
// width, and what is none stays as it is. What does not fit into the room that Python
// makes for it is "".
func (d *dateValue) strftime(m *pyvalue.Meter, format string) (string, error) {
	format = d.ownConversions(format)
	room := 1024 // in characters, the one at the end included
	for room < 256*utf8.RuneCountInString(format) {
		room *= 2
	}
	var out strings.Builder
	characters := 0
	for i := 0; i < len(format); {
		text, length := format[i:], strings.IndexByte(format[i:], '%')
		switch {
		case length == 0:
			text, length = d.conversion(format[i:], room)
		case length < 0:
			length = len(text)
		default:
			text = text[:length]
		}
		if characters += utf8.RuneCountInString(text); characters >= room {
			return "", nil
		}
		if err := m.Fits(int64(out.Len() + len(text))); err != nil {
			return "", err
		}
		out.WriteString(text)
		i += length
	}
	return out.String(), m.Grow(int64(out.Len()))
}

// ownConversions replaces %z, %Z and %f, which Python does itself.
func (d *dateValue) ownConversions(format string) string {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; {
		case c == 'f':
			fmt.Fprintf(&out, "%06d", d.t.Nanosecond()/1000)
		case c != 'z' && c != 'Z':
			out.WriteString(format[i-1 : i+1])
		case d.zone == nil:
		case c == 'z':
			out.WriteString(offsetText(d.zone.micros, ""))
		default:
			out.WriteString(strings.ReplaceAll(d.zone.tzname(), "%", "%%"))
		}
	}
	return out.String()
}

// conversion formats what a format that begins with % says first, and returns its
// length. A width beyond the room is as good as the room.
func (d *dateValue) conversion(format string, room int) (text string, length int) {
	i, width, flags := 1, 0, ""
	for i < len(format) && strings.IndexByte("-_0^#", format[i]) >= 0 {
		flags += format[i : i+1]
		i++
	}
	for ; i < len(format) && format[i] >= '0' && format[i] <= '9'; i++ {
		width = min(width*10+int(format[i]-'0'), room)
	}
	if i+1 < len(format) && (format[i] == 'E' || format[i] == 'O') {
		i++
	}
	if i == len(format) {
		return format, len(format)
	}
	text, ok := directive(d.t, format[i])
	if !ok {
		return format[:i+1], i + 1
	}
	return padded(text, format[i], flags, width), i + 1
}

// padded gives a conversion the case and the width that its flags ask for.
func padded(text string, c byte, flags string, width int) string {
	const numbers = "CdeGgHIjklMmSsUuVWwYy"
	pad := byte(' ')
	if strings.IndexByte(numbers, c) >= 0 && strings.IndexByte("ekl", c) < 0 {
		pad = '0'
	}
	for i := range len(flags) {
		switch flag := flags[i]; {
		case flag == '_':
			pad = ' '
		case flag != '^' && flag != '#':
			pad = flag
		case c == 'p' && flag == '#':
			text = strings.ToLower(text)
		case c != 'P' && (flag == '^' || strings.IndexByte("aAbBh", c) >= 0):
			text = strings.ToUpper(text)
		}
	}
	if strings.IndexByte(numbers, c) >= 0 {
		digits := strings.TrimLeft(text[:len(text)-1], "0 ") + text[len(text)-1:]
		if pad == '-' {
			text = digits
		} else {
			text = strings.Repeat(string(pad), len(text)-len(digits)) + digits
		}
	}
	if pad == '-' {
		pad = ' '
	}
	return strings.Repeat(string(pad), max(0, width-len(text))) + text
}

// directive formats one part of a date.
func directive(t time.Time, c byte) (string, bool) {
	pad := func(n int) string { return fmt.Sprintf("%02d", n) }
	hour12 := (t.Hour()+11)%12 + 1
	year, week := t.ISOWeek()
	weekday := int(t.Weekday())
	switch c {
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'm':
		return pad(int(t.Month())), true
	case 'd':
		return pad(t.Day()), true
	case 'e':
		return fmt.Sprintf("%2d", t.Day()), true
	case 'y':
		return pad(t.Year() % 100), true
	case 'C':
		return strconv.Itoa(t.Year() / 100), true
	case 'g':
		return pad(year % 100), true
	case 'H':
		return pad(t.Hour()), true
	case 'I':
		return pad(hour12), true
	case 'M':
		return pad(t.Minute()), true
	case 'S':
		return pad(t.Second()), true
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", hour12), true
	case 'r':
		return t.Format("03:04:05 PM"), true
	case 'p':
		return t.Format("PM"), true
	case 'P':
		return t.Format("pm"), true
	case 'A':
		return t.Weekday().String(), true
	case 'a':
		return t.Weekday().String()[:3], true
	case 'B':
		return t.Month().String(), true
	case 'b', 'h':
		return t.Month().String()[:3], true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'w':
		return strconv.Itoa(weekday), true
	case 'u':
		return strconv.Itoa((weekday+6)%7 + 1), true
	case 'U':
		return pad((t.YearDay() + 6 - weekday) / 7), true
	case 'W':
		return pad((t.YearDay() + 6 - (weekday+6)%7) / 7), true
	case 'V':
		return pad(week), true
	case 'G':
		return strconv.Itoa(year), true
	case 'F':
		return strconv.Itoa(t.Year()) + t.Format("-01-02"), true
	case 'D', 'x':
		return t.Format("01/02/06"), true
	case 'T', 'X':
		return t.Format("15:04:05"), true
	case 'R':
		return t.Format("15:04"), true
	case 'c':
		return t.Format("Mon Jan _2 15:04:05 ") + strconv.Itoa(t.Year()), true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'z', 'Z':
		return "", true
	case '%':
		return "%", true
	}
	return "", false
}

// strptime reads a datetime.
func strptime(c *pyvalue.Call) (value, error) {
	if len(c.Args) != 2 || !c.Args[0].IsText() || !c.Args[1].IsText() {
		for _, a := range c.Args {
			if !a.IsText() {
				return value{}, pyvalue.Raise("TypeError", "strptime() argument %d must be str, not %s", 1, pyvalue.TypeName(a))
			}
		}
		return value{}, pyvalue.Raise("TypeError", "strptime() takes exactly 2 arguments (%d given)", len(c.Args))
	}
	p := &timeParser{text: c.Args[0].Text(), parts: [7]int64{1900, 1, 1}, week: -1, weekDay: -1}
	format := c.Args[1].Text()
	if err := p.parse(format); err != nil {
		return value{}, err
	}
	text, _ := pyvalue.Repr(nil, c.Args[0])
	layout, _ := pyvalue.Repr(nil, c.Args[1])
	if p.failed {
		return value{}, pyvalue.Raise("ValueError", "time data %s does not match format %s", text, layout)
	}
	if p.text != "" {
		return value{}, pyvalue.Raise("ValueError", "unconverted data remains: %s", p.text)
	}
	if p.pm != 0 {
		p.parts[3] %= 12
		if p.pm == 'P' {
			p.parts[3] += 12
		}
	}
	if err := p.day(text); err != nil {
		return value{}, err
	}
	return makeDate(true, p.parts, p.zone)
}

// timeParser reads a text by a format.
type timeParser struct {
	text    string
	parts   [7]int64
	pm      byte
	yearDay int64
	failed  bool

	zone    *zone
	isoYear int64 // %G, 0 for none
	week    int64 // %V, %U or %W, as weekOf says; -1 for none
	weekOf  byte
	weekDay int64 // from Monday, -1 for none
}

// day works the day out where it is not given by month and day.
func (p *timeParser) day(text string) error {
	t := time.Date(int(p.parts[0]), 1, max(1, int(p.yearDay)), 0, 0, 0, 0, time.UTC)
	switch {
	case p.isoYear > 0 && p.weekOf == 'V' && p.weekDay >= 0:
		var err error
		if t, err = isoWeek(p.isoYear, p.week, p.weekDay+1); err != nil {
			return err
		}
	case p.weekOf == 'V' || p.isoYear > 0:
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
	if p.isoYear > 0 {
		p.parts[0] = int64(t.Year())
	}
	p.parts[1], p.parts[2] = int64(t.Month()), int64(t.Day())
	return nil
}

// isoNeeds says what is missing beside %G or %V.
func isoNeeds(p *timeParser) string {
	if p.isoYear > 0 {
		return "ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday directive ('%A', '%a', '%w', or '%u')."
	}
	if p.isoYear == 0 && p.weekDay >= 0 {
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

func (p *timeParser) parse(format string) error {
	for i := 0; i < len(format) && !p.failed; i++ {
		c := format[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			trimmed := strings.TrimLeft(p.text, " \t\n\r\f\v")
			p.failed = trimmed == p.text
			p.text = trimmed
		case c == '%' && i+1 < len(format):
			i++
			if err := p.directive(format[i], format); err != nil {
				return err
			}
		case c == '%':
			text, _ := pyvalue.Repr(nil, pyvalue.Str(format))
			return pyvalue.Raise("ValueError", "stray %% in format %s", text)
		default:
			if len(p.text) == 0 || !strings.EqualFold(p.text[:1], format[i:i+1]) {
				p.failed = true
				return nil
			}
			p.text = p.text[1:]
		}
	}
	return nil
}

func (p *timeParser) directive(c byte, format string) error {
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
		p.parts[3] = p.number(1, 2, 1, 12)
		if p.pm == 0 {
			p.pm = 'A'
		}
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
			return nil
		}
		p.text = p.text[2:]
	case 'z':
		p.offset()
	case 'Z':
		for _, name := range []string{"UTC", "GMT"} {
			if len(p.text) >= 3 && strings.EqualFold(p.text[:3], name) {
				p.text = p.text[3:]
				return nil
			}
		}
		p.failed = true
	case 'G':
		p.isoYear = p.number(4, 4, 0, 9999)
	case 'V':
		p.week, p.weekOf = p.number(1, 2, 0, 53), 'V'
	case 'U', 'W':
		p.week, p.weekOf = p.number(1, 2, 0, 53), c
	case 'u':
		p.weekDay = p.number(1, 1, 1, 7) - 1
	case 'w':
		p.weekDay = (p.number(1, 1, 0, 6) + 6) % 7
	case 'c':
		return p.parse("%a %b %d %H:%M:%S %Y")
	case 'x':
		return p.parse("%m/%d/%y")
	case 'X':
		return p.parse("%H:%M:%S")
	case 'b', 'B':
		p.month(c == 'B')
	case 'a', 'A':
		p.weekday(c == 'A')
	case '%':
		p.failed = !strings.HasPrefix(p.text, "%")
		p.text = strings.TrimPrefix(p.text, "%")
	default:
		text, _ := pyvalue.Repr(nil, pyvalue.Str(format))
		return pyvalue.Raise("ValueError", "'%c' is a bad directive in format %s", c, text)
	}
	return nil
}

// number reads digits, as many as fit the range.
func (p *timeParser) number(least, most int, low, high int64) int64 {
	for n := most; n >= least; n-- {
		if n > len(p.text) || strings.Trim(p.text[:n], "0123456789") != "" {
			continue
		}
		v, err := strconv.ParseInt(p.text[:n], 10, 64)
		if err == nil && v >= low && v <= high {
			p.text = p.text[n:]
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
