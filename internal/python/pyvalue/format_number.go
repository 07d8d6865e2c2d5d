package pyvalue

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

func formatNumber(m *Meter, v Value, s spec) (string, error) {
	if v.isInteger() {
		switch s.kind {
		case 0, 'd', 'n', 'b', 'o', 'x', 'X', 'c':
			return formatInt(m, v, s)
		case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		default:
			return "", valueError("Unknown format code '%c' for object of type '%s'", s.kind, TypeName(v))
		}
		f, ok := v.Float64()
		if !ok {
			return "", Raise("OverflowError", "int too large to convert to float")
		}
		return formatFloat(m, f, s)
	}
	if s.kind != 0 && strings.IndexByte("eEfFgGn%", s.kind) < 0 {
		return "", valueError("Unknown format code '%c' for object of type 'float'", s.kind)
	}
	f, _ := v.float()
	return formatFloat(m, f, s)
}

func formatInt(m *Meter, v Value, s spec) (string, error) {
	if s.precision >= 0 {
		return "", valueError("Precision not allowed in integer format specifier")
	}
	if s.z {
		return "", valueError("Negative zero coercion (z) not allowed in integer format specifier")
	}
	if s.kind == 'c' {
		return formatChar(m, v, s)
	}
	i := v.BigInt()
	base, prefix := 10, ""
	switch s.kind {
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x':
		base, prefix = 16, "0x"
	case 'X':
		base, prefix = 16, "0X"
	}
	if base == 10 && i.BitLen() > maxIntBits {
		return "", valueError("Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit")
	}
	if err := m.Grow(int64(i.BitLen() / (bits.Len(uint(base)) - 1))); err != nil {
		return "", err
	}
	digits := new(big.Int).Abs(i).Text(base)
	if s.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if !s.alt {
		prefix = ""
	}
	group := 3
	if base != 10 {
		group = 4
	}
	return finishNumber(m, sign(i.Sign() < 0, s)+prefix, digits, "", group, s)
}

func formatChar(m *Meter, v Value, s spec) (string, error) {
	switch i, ok := v.Int64(); {
	case s.sign != 0:
		return "", valueError("Sign not allowed with integer format specifier 'c'")
	case s.alt:
		return "", valueError("Alternate form (#) not allowed with integer format specifier 'c'")
	case !ok:
		return "", Raise("OverflowError", "Python int too large to convert to C long")
	case i < 0 || i > utf8.MaxRune:
		return "", Raise("OverflowError", "%%c arg not in range(0x110000)")
	case isSurrogate(i):
		return "", errSurrogate("the format c")
	default:
		if s.align == 0 {
			s.align = '>'
		}
		return pad(m, "", string(rune(i)), s)
	}
}

func sign(negative bool, s spec) string {
	switch {
	case negative:
		return "-"
	case s.sign == '+' || s.sign == ' ':
		return string(s.sign)
	}
	return ""
}

// finishNumber groups digits and fills up to the width.
func finishNumber(m *Meter, prefix, whole, rest string, group int, s spec) (string, error) {
	if s.align == 0 {
		s.align = '>'
	}
	if s.grouping != 0 {
		least := 0
		if s.align == '=' && s.fill == "0" {
			least = max(0, s.width-len(prefix)-len(rest))
			if err := m.Grow(int64(least)); err != nil {
				return "", err
			}
			if least > math.MaxInt32 {
				return "", tooLarge(m)
			}
		}
		whole = grouped(whole, s.grouping, group, least)
	}
	return pad(m, prefix, whole+rest, s)
}

// grouped puts separators between digits, with leading zeros up to a width.
func grouped(digits string, separator byte, group, least int) string {
	var out []byte // backwards
	for i := 0; i < len(digits) || len(out) < least; i++ {
		if i > 0 && i%group == 0 {
			out = append(out, separator)
			if i >= len(digits) && len(out) >= least {
				out = append(out, '0')
				break
			}
		}
		if i < len(digits) {
			out = append(out, digits[len(digits)-1-i])
		} else {
			out = append(out, '0')
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// maxPrecision is CPython's limit of a precision.
const maxPrecision = math.MaxInt32

func formatFloat(m *Meter, f float64, s spec) (string, error) {
	kind, precision := s.kind, s.precision
	if precision > maxPrecision {
		return "", valueError("precision too big")
	}
	if err := m.Grow(int64(max(precision, 0))); err != nil {
		return "", err
	}
	suffix := ""
	if kind == '%' {
		f *= 100
		kind, suffix = 'f', "%"
	}
	text := floatText(math.Abs(f), kind, precision, s.alt)
	if s.z && strings.Trim(text, "0.eE+-") == "" && math.Signbit(f) {
		f = 0
	}
	prefix := sign(math.Signbit(f) && !math.IsNaN(f), s)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		s.grouping = 0
		return finishNumber(m, prefix, text+suffix, "", 3, s)
	}
	end := strings.IndexAny(text, ".eE")
	if end < 0 {
		end = len(text)
	}
	return finishNumber(m, prefix, text[:end], text[end:]+suffix, 3, s)
}

// floatText writes a number that is not negative.
func floatText(f float64, kind byte, precision int, alt bool) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		text := "inf"
		if math.IsNaN(f) {
			text = "nan"
		}
		if kind == 'F' || kind == 'E' || kind == 'G' {
			text = strings.ToUpper(text)
		}
		return text
	}
	switch kind {
	case 'f', 'F', 'e', 'E':
		if precision < 0 {
			precision = 6
		}
		verb := kind
		if kind == 'F' {
			verb = 'f'
		}
		text := strconv.FormatFloat(f, verb, precision, 64)
		if alt && precision == 0 {
			if i := strings.IndexAny(text, "eE"); i >= 0 {
				return text[:i] + "." + text[i:]
			}
			return text + "."
		}
		return text
	case 0:
		if precision < 0 {
			text := FloatRepr(f)
			if i := strings.IndexByte(text, 'e'); alt && i >= 0 && !strings.Contains(text, ".") {
				return text[:i] + "." + text[i:]
			}
			return text
		}
		return generalFloat(f, max(precision, 1), 'g', alt, true)
	}
	if precision < 0 {
		precision = 6
	}
	if kind == 'n' {
		kind = 'g'
	}
	return generalFloat(f, max(precision, 1), kind, alt, false)
}

// generalFloat is the g format: precision significant digits, an exponent where
// it is small or large. The format without a type keeps one digit after the point.
func generalFloat(f float64, precision int, kind byte, alt, keepPoint bool) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', precision-1, 64), "e")
	exp, _ := strconv.Atoi(exponent) // strconv wrote it
	limit := precision
	if keepPoint {
		limit-- // a digit after the point needs its place
	}
	if exp < -4 || exp >= limit {
		if !alt {
			mantissa = trimZeros(mantissa)
		} else if !strings.Contains(mantissa, ".") {
			mantissa += "."
		}
		e := "e"
		if kind == 'G' {
			e = "E"
		}
		return fmt.Sprintf("%s%s%+03d", mantissa, e, exp)
	}
	text := strconv.FormatFloat(f, 'f', max(precision-1-exp, 0), 64)
	if alt {
		if !strings.Contains(text, ".") {
			text += "."
		}
		return text
	}
	text = trimZeros(text)
	if keepPoint && !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func trimZeros(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
