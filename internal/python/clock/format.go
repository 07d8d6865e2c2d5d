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
	format, err := d.ownConversions(m, format)
	if err != nil {
		return "", err
	}
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
			if text, length, err = d.conversion(m, format[i:], room); err != nil {
				return "", err
			}
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
func (d *dateValue) ownConversions(m *pyvalue.Meter, format string) (string, error) {
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
			name := strings.ReplaceAll(d.zone.tzname(), "%", "%%") // a program may have named it
			if err := m.Fits(int64(out.Len() + len(name))); err != nil {
				return "", err
			}
			out.WriteString(name)
		}
	}
	return out.String(), m.Grow(int64(out.Len()))
}

// conversion formats what a format that begins with % says first, and returns its
// length. A width beyond the room is as good as the room.
func (d *dateValue) conversion(m *pyvalue.Meter, format string, room int) (text string, length int, err error) {
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
		return format, len(format), nil
	}
	text, ok := directive(d.t, format[i])
	if !ok {
		return format[:i+1], i + 1, nil
	}
	if err := m.Fits(int64(width)); err != nil {
		return "", 0, err
	}
	return padded(text, format[i], flags, width), i + 1, nil
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
