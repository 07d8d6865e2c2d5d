package pyvalue

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is a parsed format specification.
type spec struct {
	fill      string
	align     byte // <, >, =, ^, or 0
	sign      byte // +, -, space, or 0
	z         bool
	alt, zero bool
	width     int
	grouping  byte // comma, underscore, or 0
	precision int  // -1 if none
	kind      byte // 0 if none
}

// maxWidth is where CPython says that a width has too many digits; what is
// smaller is for the meter to judge.
const maxWidth = math.MaxInt / 10

func parseSpec(text, class string) (spec, error) {
	s := spec{fill: " ", precision: -1}
	rest, filled := text, false
	if rest != "" {
		_, n := utf8.DecodeRuneInString(rest)
		switch {
		case len(rest) > n && strings.IndexByte("<>=^", rest[n]) >= 0:
			s.fill, s.align, rest, filled = rest[:n], rest[n], rest[n+1:], true
		case strings.IndexByte("<>=^", rest[0]) >= 0:
			s.align, rest = rest[0], rest[1:]
		}
	}
	next := func(set string) byte {
		if rest != "" && strings.IndexByte(set, rest[0]) >= 0 {
			c := rest[0]
			rest = rest[1:]
			return c
		}
		return 0
	}
	s.sign = next("+- ")
	s.z = next("z") != 0
	s.alt = next("#") != 0
	if next("0") != 0 {
		if !filled {
			s.fill = "0"
		}
		if s.align == 0 {
			s.align, s.zero = '=', true
		}
	}
	var err error
	if s.width, rest, err = leadingInt(rest); err != nil {
		return s, err
	}
	if s.grouping = next(",_"); s.grouping != 0 {
		if other := next(",_"); other != 0 {
			if other == s.grouping {
				return s, valueError("Cannot specify '%c' with '%c'.", s.grouping, other)
			}
			return s, valueError("Cannot specify both ',' and '_'.")
		}
	}
	if next(".") != 0 {
		before := rest
		if s.precision, rest, err = leadingInt(rest); err != nil {
			return s, err
		}
		if before == rest {
			return s, valueError("Format specifier missing precision")
		}
	}
	if utf8.RuneCountInString(rest) > 1 {
		return s, valueError("Invalid format specifier '%s' for object of type '%s'", text, class)
	}
	if rest != "" {
		r, n := utf8.DecodeRuneInString(rest)
		if n > 1 || r < ' ' {
			return s, valueError("Unknown format code '%s' for object of type '%s'", rest, class)
		}
		s.kind = byte(r)
	}
	if s.grouping != 0 && s.kind == 0 && class == "str" {
		return s, valueError("Cannot specify '%c' with 's'.", s.grouping)
	}
	if s.grouping != 0 && s.kind != 0 && !(s.grouping == ',' && strings.IndexByte("deEfFgG%", s.kind) >= 0 ||
		s.grouping == '_' && strings.IndexByte("deEfFgG%boxX", s.kind) >= 0) {
		return s, valueError("Cannot specify '%c' with '%c'.", s.grouping, s.kind)
	}
	return s, nil
}

func leadingInt(text string) (int, string, error) {
	n, i := 0, 0
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		if n > maxWidth {
			return 0, text, valueError("Too many decimal digits in format string")
		}
		n = n*10 + int(text[i]-'0')
	}
	return n, text[i:], nil
}

// Format returns format(v, spec).
func Format(m *Meter, v Value, specText string) (string, error) {
	if d := v.Derived(); d != nil {
		if text, ok, err := d.text("__format__", Str(specText)); ok {
			return text, err
		}
		if specText == "" {
			return String(m, v)
		}
	}
	if v.Kind() == KindObject {
		if o, ok := v.any.(interface {
			PyOwnFormat(spec string) (string, bool, error)
		}); ok {
			if text, ok, err := o.PyOwnFormat(specText); ok || err != nil {
				return text, err
			}
		}
	}
	v = v.plain()
	if specText == "" {
		return String(m, v)
	}
	if err := m.Grow(int64(len(specText))); err != nil {
		return "", err
	}
	if o, ok := v.any.(interface {
		PyFormat(m *Meter, spec string) (string, error)
	}); ok {
		return o.PyFormat(m, specText)
	}
	switch v.Kind() {
	case KindStr, KindMarkup:
		s, err := parseSpec(specText, "str")
		if err != nil {
			return "", err
		}
		return formatText(m, v.Text(), s)
	case KindBool, KindInt, KindFloat:
		s, err := parseSpec(specText, TypeName(v))
		if err != nil {
			return "", err
		}
		return formatNumber(m, v, s)
	}
	return "", typeError("unsupported format string passed to %s.__format__", TypeName(v))
}

// AppendFormat appends what [Format] returns.
func AppendFormat(m *Meter, dst []byte, v Value, spec string) ([]byte, error) {
	switch k := v.any.(type) {
	case strPtr:
		if spec == "" {
			return append(dst, v.Text()...), nil
		}
	case Kind:
		// .2f is the commonest.
		x := math.Float64frombits(v.num)
		if k != KindFloat || len(spec) != 3 || spec[0] != '.' || spec[2] != 'f' || spec[1] < '0' || spec[1] > '9' || math.IsNaN(x) || math.IsInf(x, 0) {
			break
		}
		digits := int(spec[1] - '0')
		return strconv.AppendFloat(dst, x, 'f', digits, 64), m.Grow(int64(digits))
	}
	text, err := Format(m, v, spec)
	return append(dst, text...), err
}

func formatText(m *Meter, text string, s spec) (string, error) {
	switch {
	case s.kind != 0 && s.kind != 's':
		return "", valueError("Unknown format code '%c' for object of type 'str'", s.kind)
	case s.sign == ' ':
		return "", valueError("Space not allowed in string format specifier")
	case s.sign != 0:
		return "", valueError("Sign not allowed in string format specifier")
	case s.z:
		return "", valueError("Negative zero coercion (z) not allowed in string format specifier")
	case s.alt:
		return "", valueError("Alternate form (#) not allowed in string format specifier")
	case s.grouping != 0:
		return "", valueError("Cannot specify '%c' with 's'.", s.grouping)
	case s.align == '=' && !s.zero:
		return "", valueError("'=' alignment not allowed in string format specifier")
	}
	if s.precision >= 0 {
		text = text[:offset(text, s.precision)]
	}
	if s.align == 0 || s.align == '=' {
		s.align = '<'
	}
	return pad(m, "", text, s)
}

// pad fills a text up to the width; prefix stays in front with = alignment.
func pad(m *Meter, prefix, text string, s spec) (string, error) {
	missing := s.width - utf8.RuneCountInString(prefix) - utf8.RuneCountInString(text)
	if missing <= 0 {
		return prefix + text, nil
	}
	if err := m.GrowParts(int64(len(s.fill)), int64(missing)); err != nil {
		return "", err
	}
	if missing > math.MaxInt32 {
		return "", tooLarge(m)
	}
	switch s.align {
	case '<':
		return prefix + text + strings.Repeat(s.fill, missing), nil
	case '^':
		return strings.Repeat(s.fill, missing/2) + prefix + text + strings.Repeat(s.fill, missing-missing/2), nil
	case '=':
		return prefix + strings.Repeat(s.fill, missing) + text, nil
	}
	return strings.Repeat(s.fill, missing) + prefix + text, nil
}
