package wsdl

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

func attribute(name, value string) xml.Attr {
	return xml.Attr{Name: xml.Name{Local: name}, Value: value}
}

// builtins are the built-in types: the primitive type or the one that bounds an
// integer, and the lexical form where a regular expression says it.
var builtins = map[string]*regexp.Regexp{}

func init() {
	integer := regexp.MustCompile(`^[+-]?[0-9]+$`)
	zone := `(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?$`
	for name, form := range map[string]string{
		"decimal":  `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`,
		"float":    `^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN)$`,
		"double":   `^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN)$`,
		"boolean":  `^(true|false|1|0)$`,
		"duration": `^-?P([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$`,
		"date":     `^-?([1-9][0-9]{3,}|0[0-9]{3})-[0-9]{2}-[0-9]{2}` + zone,
		"time":     `^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?` + zone,
		"dateTime": `^-?([1-9][0-9]{3,}|0[0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?` + zone,
		"gYear":    `^-?([1-9][0-9]{3,}|0[0-9]{3})` + zone, "gMonth": `^--[0-9]{2}` + zone, "gDay": `^---[0-9]{2}` + zone,
		"gYearMonth": `^-?([1-9][0-9]{3,}|0[0-9]{3})-[0-9]{2}` + zone, "gMonthDay": `^--[0-9]{2}-[0-9]{2}` + zone,
		"hexBinary": `^([0-9a-fA-F]{2})*$`,
		"language":  `^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`,
		"Name":      `^[\pL_:][\pL\pN_:.\-]*$`, "NCName": `^[\pL_][\pL\pN_.\-]*$`, "ID": `^[\pL_][\pL\pN_.\-]*$`,
		"IDREF": `^[\pL_][\pL\pN_.\-]*$`, "ENTITY": `^[\pL_][\pL\pN_.\-]*$`, "NMTOKEN": `^[\pL\pN_:.\-]+$`, "QName": `^([\pL_][\pL\pN_.\-]*:)?[\pL_][\pL\pN_.\-]*$`,
	} {
		builtins[name] = regexp.MustCompile(form)
	}
	for name := range integerBounds {
		builtins[name] = integer
	}
	for _, name := range []string{"string", "normalizedString", "token", "anyURI", "NOTATION", "NMTOKENS", "IDREFS", "ENTITIES", "anySimpleType", "base64Binary"} {
		builtins[name] = nil
	}
}

// integerBounds are the least and largest value, "" for no bound.
var integerBounds = map[string][2]string{
	"integer": {}, "nonPositiveInteger": {"", "0"}, "negativeInteger": {"", "-1"}, "nonNegativeInteger": {"0", ""}, "positiveInteger": {"1", ""},
	"long": {"-9223372036854775808", "9223372036854775807"}, "int": {"-2147483648", "2147483647"}, "short": {"-32768", "32767"}, "byte": {"-128", "127"},
	"unsignedLong": {"0", "18446744073709551615"}, "unsignedInt": {"0", "4294967295"}, "unsignedShort": {"0", "65535"}, "unsignedByte": {"0", "255"},
}

// builtinType returns a built-in type, nil if there is none of that name.
func builtinType(local string) *Type {
	name := xml.Name{Space: nsXSD, Local: local}
	if local == "anyType" {
		return &Type{Name: name, Complex: true, Any: true, AnyAttribute: true, Mixed: true}
	}
	if _, ok := builtins[local]; !ok {
		return nil
	}
	return &Type{Name: name, Simple: &Simple{Base: local}}
}

// IsNumber reports whether texts of the type are decimal numbers.
func (s *Simple) IsNumber() bool {
	_, integer := integerBounds[s.Base]
	return integer || s.Base == "decimal"
}

// IsText reports whether any text, also an empty one, fits as far as the built-in
// type is concerned.
func (s *Simple) IsText() bool {
	return s.Item == nil && s.Union == nil && builtins[s.Base] == nil && s.Base != "base64Binary"
}

// Check says what is wrong with a text, nil if it is of the type.
func (s *Simple) Check(text string) error {
	switch {
	case s.Item != nil:
		return s.checkList(text)
	case s.Union != nil:
		return s.checkUnion(text)
	}
	value := text
	switch s.Base {
	case "string", "normalizedString", "anySimpleType":
	default:
		value = strings.Trim(text, " \t\r\n")
	}
	if form := builtins[s.Base]; form != nil && !fits(s.Base, form, value) {
		return fmt.Errorf("%q is not a %s%s", shorten(text), s.Base, hint(s.Base, value))
	}
	if err := s.checkValue(value); err != nil {
		return err
	}
	return s.checkFacets(value, utf8.RuneCountInString(value))
}

// fits matches a built-in form. The one that nearly all values have is matched by
// hand, ten times as fast.
func fits(base string, form *regexp.Regexp, value string) bool {
	if base != "decimal" {
		return form.MatchString(value)
	}
	digits, points := 0, 0
	for i := range len(value) {
		switch c := value[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		case (c == '-' || c == '+') && i == 0:
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

func (s *Simple) checkValue(value string) error {
	switch s.Base {
	case "date", "dateTime", "time":
		if !isMoment(s.Base, value) {
			return fmt.Errorf("%q is not a %s: there is no such day or time", value, s.Base)
		}
	case "base64Binary":
		packed := strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "").Replace(value)
		if _, err := base64.StdEncoding.DecodeString(packed); err != nil {
			return errors.New("the text is not base64; give the file itself, such as {document_content}")
		}
	case "duration":
		if strings.HasSuffix(value, "T") || strings.HasSuffix(value, "P") {
			return fmt.Errorf("%q is not a duration", value)
		}
	}
	bounds := integerBounds[s.Base]
	if bounds[0] != "" && compareDecimals(value, bounds[0]) < 0 || bounds[1] != "" && compareDecimals(value, bounds[1]) > 0 {
		return fmt.Errorf("%s is out of the range of %s", shorten(value), s.Base)
	}
	return nil
}

// isMoment reports whether there is such a day and time; the form is right already.
// Years of more than four digits are left to the server.
func isMoment(base, value string) bool {
	const midnight = "24:00:00"
	day, clock := value, ""
	if base == "time" {
		day, clock = "", value
	} else if base == "dateTime" {
		day, clock, _ = strings.Cut(value, "T")
	}
	if len(day) >= 10 && day[4] == '-' {
		if _, err := time.Parse(time.DateOnly, day[:10]); err != nil {
			return false
		}
	}
	if len(clock) < len(midnight) || clock[:len(midnight)] == midnight {
		return true
	}
	_, err := time.Parse(time.TimeOnly, clock[:len(midnight)])
	return err == nil
}

// compareDecimals orders numbers without exponents by their digits, of which there may be
// millions: math/big takes the square of their number.
func compareDecimals(a, b string) int {
	negative, wholeA, partA := digitsOf(a)
	other, wholeB, partB := digitsOf(b)
	switch {
	case negative != other && negative:
		return -1
	case negative != other:
		return 1
	}
	order := cmp.Or(cmp.Compare(len(wholeA), len(wholeB)), strings.Compare(wholeA, wholeB), strings.Compare(partA, partB))
	if negative {
		return -order
	}
	return order
}

// digitsOf is a number without the zeros that change nothing; zero is not negative.
func digitsOf(number string) (negative bool, whole, part string) {
	negative = strings.HasPrefix(number, "-")
	whole, part, _ = strings.Cut(strings.TrimLeft(number, "+-"), ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	return negative && whole+part != "", whole, part
}

// hint says how a value of the form that is nearest would look.
func hint(base, value string) string {
	switch {
	case value == "":
		return ": it is empty; leave the key out when there is nothing to send (see $IF_SCHEMA_ID$)"
	case base == "boolean":
		return " (true or false)"
	case base == "date":
		return " (such as 2026-03-31)"
	case base == "dateTime":
		return " (such as 2026-03-31T12:00:00)"
	case base == "decimal" && strings.ContainsAny(value, "eE"):
		return ": it is in exponent form"
	case base == "decimal":
		return " (such as -1234.50)"
	}
	return ""
}

func shorten(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}

func (s *Simple) checkList(text string) error {
	items := strings.Fields(text)
	for _, item := range items {
		if err := s.Item.Check(item); err != nil {
			return err
		}
	}
	return s.checkFacets(strings.Join(items, " "), len(items))
}

func (s *Simple) checkUnion(text string) error {
	var first error
	for _, member := range s.Union {
		err := member.Check(text)
		if err == nil {
			return s.checkFacets(text, utf8.RuneCountInString(text))
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("%q fits no type of the union: %w", shorten(text), first)
}

// checkFacets checks a value whose built-in form is right; length is what
// length facets count.
func (s *Simple) checkFacets(value string, length int) error {
	switch {
	case s.Base == "base64Binary" || s.Base == "hexBinary":
		// Their facets count bytes, and files are not read for that.
	case s.length != nil && length != *s.length:
		return fmt.Errorf("%q has %d characters, and must have %d", shorten(value), length, *s.length)
	case s.minLength != nil && length < *s.minLength:
		return fmt.Errorf("%q has %d characters; the least is %d", shorten(value), length, *s.minLength)
	case s.maxLength != nil && length > *s.maxLength:
		return fmt.Errorf("%q has %d characters; the most is %d", shorten(value), length, *s.maxLength)
	}
	if s.enumeration != nil && !slices.Contains(s.enumeration, value) {
		return fmt.Errorf("%q is none of %s", shorten(value), listed(s.enumeration))
	}
	for _, step := range s.patterns {
		if !slices.ContainsFunc(step, func(p *pattern) bool { return p.fits(value) }) {
			return fmt.Errorf("%q does not fit the pattern %s", shorten(value), step[0].source)
		}
	}
	if s.IsNumber() {
		if err := s.checkDigits(value); err != nil {
			return err
		}
	}
	return s.checkBounds(value)
}

func listed(values []string) string {
	if len(values) > 12 {
		return strings.Join(values[:12], ", ") + fmt.Sprintf(" and %d more", len(values)-12)
	}
	return strings.Join(values, ", ")
}

func (s *Simple) checkDigits(value string) error {
	whole, fraction, _ := strings.Cut(strings.TrimLeft(value, "+-"), ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if s.fractionDigits != nil && len(fraction) > *s.fractionDigits {
		return fmt.Errorf("%s has %d digits after the point; the most is %d", shorten(value), len(fraction), *s.fractionDigits)
	}
	if s.totalDigits != nil && len(whole)+len(fraction) > *s.totalDigits {
		return fmt.Errorf("%s has %d digits; the most is %d", shorten(value), len(whole)+len(fraction), *s.totalDigits)
	}
	return nil
}

// checkBounds compares numbers; dates and times are compared when neither has a
// time zone, and otherwise left to the server.
func (s *Simple) checkBounds(value string) error {
	for _, b := range []struct {
		bound *string
		words string
		wrong func(int) bool
	}{
		{s.minInclusive, "less than", func(c int) bool { return c < 0 }},
		{s.maxInclusive, "more than", func(c int) bool { return c > 0 }},
		{s.minExclusive, "not more than", func(c int) bool { return c <= 0 }},
		{s.maxExclusive, "not less than", func(c int) bool { return c >= 0 }},
	} {
		if b.bound == nil {
			continue
		}
		order, known := s.compare(value, *b.bound)
		if known && b.wrong(order) {
			return fmt.Errorf("%s is %s %s", shorten(value), b.words, *b.bound)
		}
	}
	return nil
}

func (s *Simple) compare(a, b string) (order int, known bool) {
	switch {
	case s.IsNumber():
		b = strings.TrimSpace(b)
		return compareDecimals(a, b), fits("decimal", nil, b)
	case s.Base == "float", s.Base == "double":
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(strings.TrimSpace(b), 64)
		known = !errors.Is(errX, strconv.ErrSyntax) && !errors.Is(errY, strconv.ErrSyntax) && !math.IsNaN(x) && !math.IsNaN(y)
		return cmp.Compare(x, y), known
	case (s.Base == "date" || s.Base == "dateTime" || s.Base == "time") && !zoned(a) && !zoned(b):
		return strings.Compare(a, strings.TrimSpace(b)), true
	}
	return 0, false
}

func zoned(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasSuffix(text, "Z") || len(text) > 6 && strings.ContainsRune("+-", rune(text[len(text)-6])) && text[len(text)-3] == ':'
}

// pattern is a regular expression of XML Schema.
type pattern struct {
	source   string
	compiled *regexp.Regexp
}

// translation turns what XML Schema writes otherwise into Go's syntax; both know
// the rest. The text is matched as a whole, and ^ and $ are characters.
var translation = strings.NewReplacer(
	`\\`, `\\`, `\i`, `[\p{L}_:]`, `\c`, `[\p{L}\p{Nd}_:.\-]`, `\d`, `\p{Nd}`, `^`, `\^`, `$`, `\$`, `[^`, `[^`, `\^`, `\^`, `\$`, `\$`,
)

// compilePattern translates a pattern. What cannot be translated, such as the
// subtraction of classes, fits everything: the server checks it again.
func compilePattern(source string) *pattern {
	p := &pattern{source: source}
	if strings.Contains(source, "-[") || strings.Contains(source, `\I`) || strings.Contains(source, `\C`) || insideClass(source) {
		return p
	}
	if compiled, err := regexp.Compile(`\A(?:` + translation.Replace(source) + `)\z`); err == nil {
		p.compiled = compiled
	}
	return p
}

// insideClass reports an escape within a class that would become a class itself.
func insideClass(source string) bool {
	open := false
	for i := 0; i < len(source); i++ {
		switch {
		case source[i] == '\\' && i+1 < len(source):
			i++
			if open && (source[i] == 'i' || source[i] == 'c') {
				return true
			}
		case source[i] == '[':
			open = true
		case source[i] == ']':
			open = false
		}
	}
	return false
}

func (p *pattern) fits(text string) bool { return p.compiled == nil || p.compiled.MatchString(text) }
