package decimal

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrFormat is what format specs that cannot be read give.
var ErrFormat = errors.New("invalid format string")

// MaxWidth bounds the width and the precision of a format.
const MaxWidth = 1 << 18

// FormatSize returns how many characters a format asks for at least.
func FormatSize(text string) int64 {
	s, _ := parseSpec(text) // what cannot be read asks for none
	return s.width + max(0, s.precision)
}

type spec struct {
	fill                string
	align, sign         byte
	zero, comma         bool
	width, precision    int64 // -1 for no precision
	kind                byte
	noNegative, changed bool
}

func parseSpec(text string) (s spec, err error) {
	s = spec{fill: " ", align: '>', sign: '-', precision: -1}
	rest := text
	if _, size := utf8.DecodeRuneInString(rest); len(rest) > size && strings.IndexByte("<>=^", rest[size]) >= 0 {
		s.fill, s.align, rest, s.changed = rest[:size], rest[size], rest[size+1:], true
	} else if rest != "" && strings.IndexByte("<>=^", rest[0]) >= 0 {
		s.align, rest, s.changed = rest[0], rest[1:], true
	}
	take := func(set string) byte {
		if rest != "" && strings.IndexByte(set, rest[0]) >= 0 {
			c := rest[0]
			rest = rest[1:]
			return c
		}
		return 0
	}
	number := func() int64 {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		rest = rest[len(digits):]
		n, parseErr := strconv.ParseInt(digits, 10, 64)
		if parseErr != nil || n > MaxWidth {
			err = ErrFormat
		}
		return n
	}
	if c := take("+- "); c != 0 {
		s.sign = c
	}
	s.noNegative = take("z") != 0
	if rest != "" && rest[0] == '0' {
		if s.changed {
			return s, ErrFormat
		}
		s.zero, s.fill, s.align, rest = true, "0", '=', rest[1:]
	}
	if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		s.width = number()
	}
	s.comma = take(",") != 0
	if take(".") != 0 {
		s.precision = number()
	}
	s.kind = take("eEfFgGn%")
	if rest != "" || s.kind == 'n' && s.comma {
		err = ErrFormat
	}
	return s, err
}

// Format writes the number as format(d, spec) does.
func (c Context) Format(d Decimal, text string) (string, error) {
	s, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	sign := map[bool]string{true: "-", false: strings.Trim(string(s.sign), "-")}[d.Neg]
	if d.Form != Finite {
		if s.zero {
			s.fill, s.align = " ", '>'
		}
		number := strings.TrimPrefix(d.String(), "-")
		if s.kind == '%' {
			number += "%"
		}
		return s.pad(sign, number, ""), nil
	}
	whole, fraction := c.parts(&d, s)
	if s.noNegative && d.IsZero() && d.Neg {
		sign = strings.Trim(string(s.sign), "-")
	}
	return s.pad(sign, whole, fraction), nil
}

// parts returns the digits before the point, and what comes after them.
func (c Context) parts(d *Decimal, s spec) (whole, rest string) {
	if s.kind == '%' {
		d.Exp += 2
	}
	lower := strings.ToLower(string(s.kind))
	fixed, scientific := lower == "f" || lower == "%", lower == "e"
	switch {
	case s.precision < 0:
	case scientific:
		*d = d.toDigits(s.precision+1, c.Rounding)
	case fixed:
		*d = d.rescale(-s.precision, c.Rounding)
	case d.Digits() > max(1, s.precision):
		*d = d.toDigits(max(1, s.precision), c.Rounding)
	}
	if d.IsZero() && d.Exp > 0 && fixed {
		*d = d.rescale(0, c.Rounding)
	}
	text := d.coef().String()
	left := d.Exp + int64(len(text))
	point := int64(1)
	switch {
	case scientific && d.IsZero() && s.precision >= 0:
		point = 1 - s.precision
	case fixed, !scientific && d.Exp <= 0 && left > -6:
		point = left
	}
	plain := withPoint(text, point)
	whole, fraction, found := strings.Cut(plain, ".")
	if found {
		rest = "." + fraction
	}
	if exp := left - point; exp != 0 && !fixed || scientific {
		letter := "E"
		if s.kind == 'e' || s.kind == 'g' || s.kind == 'n' {
			letter = "e"
		}
		if exp == 0 {
			rest += letter + "+0"
		}
		rest += exponentText(exp, letter)
	}
	if s.kind == '%' {
		rest += "%"
	}
	return whole, rest
}

// toDigits rounds to a number of digits, or adds zeros up to it.
func (d Decimal) toDigits(n int64, m Rounding) Decimal {
	if d.IsZero() {
		return d
	}
	out := d.rescale(d.Adjusted()+1-n, m)
	if out.Digits() > n {
		out = out.rescale(out.Exp+1, m)
	}
	return out
}

func (s spec) pad(sign, whole, rest string) string {
	if s.comma {
		whole = grouped(whole)
	}
	missing := func() int { return int(s.width) - utf8.RuneCountInString(sign+whole+rest) }
	if n := missing(); s.zero && s.comma && n > 0 { // the zeros get commas, too
		digits := len(strings.ReplaceAll(whole, ",", ""))
		for width := len(whole) + n; digits+(digits-1)/3 < width; {
			digits++
		}
		whole = strings.ReplaceAll(whole, ",", "")
		whole = grouped(strings.Repeat("0", digits-len(whole)) + whole)
	}
	n := missing()
	if n <= 0 {
		return sign + whole + rest
	}
	fill := func(n int) string { return strings.Repeat(s.fill, n) }
	switch s.align {
	case '<':
		return sign + whole + rest + fill(n)
	case '=':
		return sign + fill(n) + whole + rest
	case '^':
		return fill(n/2) + sign + whole + rest + fill(n-n/2)
	}
	return fill(n) + sign + whole + rest
}

func grouped(whole string) string {
	var out []byte
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, whole[i])
	}
	return string(out)
}
