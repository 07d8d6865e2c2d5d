package message

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

// textOf writes a value as the text of a type, spelt as zeep spells it, and checks
// it.
func textOf(s *wsdl.Simple, v pyvalue.Value) (string, error) {
	if list, ok := v.Items(); ok {
		if s.Item != nil {
			return listText(s, list)
		}
		if len(list) != 1 {
			return "", fmt.Errorf("got a list of %d where one value is allowed", len(list))
		}
		v = list[0]
	}
	text, err := spell(s, v)
	if err != nil {
		return "", err
	}
	if err := checkCharacters(text); err != nil {
		return "", err
	}
	if err := s.Check(text); err != nil {
		if given, ok := withExponent(v); ok && given != text {
			err = fmt.Errorf("%s: %w", given, err)
		}
		return "", err
	}
	return text, nil
}

// withExponent returns a number that was given with an exponent.
func withExponent(v pyvalue.Value) (string, bool) {
	text := v.Text()
	if v.IsNumber() {
		text = jsontemplate.NumberText(v)
	}
	return text, strings.ContainsAny(text, "eE")
}

func listText(s *wsdl.Simple, list []pyvalue.Value) (string, error) {
	items := make([]string, len(list))
	for i, v := range list {
		var err error
		if items[i], err = textOf(s.Item, v); err != nil {
			return "", fmt.Errorf("item %d: %w", i, err)
		}
	}
	text := strings.Join(items, " ")
	return text, s.Check(text)
}

func spell(s *wsdl.Simple, v pyvalue.Value) (string, error) {
	switch v.Kind() {
	case pyvalue.KindStr, pyvalue.KindMarkup:
		switch text := v.Text(); {
		case s.Base == "boolean":
			return boolean(text)
		case s.IsNumber() && strings.ContainsAny(text, "eE"):
			return withoutExponent(text)
		default:
			return text, nil
		}
	case pyvalue.KindBool:
		switch {
		case s.Base == "boolean":
			return strconv.FormatBool(pyvalue.Truth(v)), nil
		case s.IsText(): // as Python prints it
			return pyvalue.String(nil, v)
		}
	case pyvalue.KindInt, pyvalue.KindFloat:
		return number(s, jsontemplate.NumberText(v))
	}
	if t, full, ok := clock.Of(v); ok {
		return moment(s, t, full), nil
	}
	if file, ok := jsontemplate.File(v); ok && s.IsText() {
		text, err := jsontemplate.ReadText(context.Background(), file)
		if err != nil {
			return "", fmt.Errorf("got a file where a string is expected: %w", err)
		}
		return text, nil
	}
	return "", fmt.Errorf("got %s where %s is expected", kindOf(v), article(s))
}

func article(s *wsdl.Simple) string {
	switch {
	case s.Base == "":
		return "a list or one of several types"
	case strings.ContainsRune("aeiou", rune(s.Base[0])):
		return "an " + s.Base
	}
	return "a " + s.Base
}

// boolean takes what is a boolean beyond doubt, also as Python spells it: formula
// fields hold True and False. An empty field is false, as zeep has it; other texts
// are true for zeep, "no" and "False" among them.
func boolean(text string) (string, error) {
	switch strings.Trim(text, " \t\r\n") {
	case "true", "True", "1":
		return "true", nil
	case "false", "False", "0", "":
		return "false", nil
	}
	return "", fmt.Errorf("%q is not a boolean (true or false)", text)
}

// number spells a number as Python does: 1234.50 of a mapping is the float 1234.5.
// Python would go over to exponents for small and large ones, which nothing but a
// float may have; here those keep their digits.
func number(s *wsdl.Simple, given string) (string, error) {
	text := given
	exponent := strings.ContainsAny(text, "eE")
	switch {
	case s.Base == "float" || s.Base == "double":
		if !exponent && !strings.Contains(text, ".") {
			break
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", fmt.Errorf("%s is too large a number", text)
		}
		text = pyvalue.FloatRepr(f)
	case exponent && !s.IsNumber():
		return "", fmt.Errorf("%s is in exponent form; give its digits, or a string", text)
	case exponent:
		written, err := withoutExponent(text)
		if err != nil {
			return "", err
		}
		if text = written; s.Base == "decimal" && !strings.Contains(text, ".") {
			text += ".0" // a number with an exponent is a float for Python
		}
	case strings.Contains(text, "."):
		if text = strings.TrimRight(text, "0"); strings.HasSuffix(text, ".") {
			text += "0"
		}
	case text == "-0":
		text = "0"
	}
	switch {
	case s.Base == "boolean":
		switch text {
		case "1", "1.0":
			return "true", nil
		case "0", "0.0", "-0.0":
			return "false", nil
		}
		return "", fmt.Errorf("%s is not a boolean (true or false)", given)
	case s.Base == "float":
		return strings.ToUpper(text), nil
	}
	return text, nil
}

// maxWritten bounds the digits of a number that is written out.
const maxWritten = 1000

// withoutExponent writes out a number such as 1.5E+3 exactly: 1500. Other texts
// are returned as they are, and found wrong later.
func withoutExponent(text string) (string, error) {
	trimmed := strings.Trim(text, " \t\r\n")
	i := strings.IndexAny(trimmed, "eE")
	exponent, err := strconv.Atoi(trimmed[i+1:])
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return text, nil
	}
	unsigned := strings.TrimLeft(trimmed[:i], "+-")
	sign := trimmed[:len(trimmed[:i])-len(unsigned)]
	whole, fraction, _ := strings.Cut(unsigned, ".")
	digits := whole + fraction
	if len(sign) > 1 || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return text, nil
	}
	point := len(whole) + exponent // among the digits
	if err != nil || point < -maxWritten || point > maxWritten {
		return "", fmt.Errorf("%s cannot be written without its exponent: it would have more than %d digits", trimmed, maxWritten)
	}
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	} else if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole, fraction = strings.TrimLeft(digits[:point], "0"), strings.TrimRight(digits[point:], "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return strings.TrimPrefix(sign, "+") + whole + fraction, nil
}

// moment writes a date, or a full datetime, as the type wants it.
func moment(s *wsdl.Simple, t time.Time, full bool) string {
	if !full {
		return t.Format(time.DateOnly)
	}
	fraction := ""
	if us := t.Nanosecond() / 1000; us != 0 {
		fraction = fmt.Sprintf(".%06d", us)
	}
	switch s.Base {
	case "date":
		return t.Format(time.DateOnly)
	case "time":
		return t.Format("15:04:05") + fraction + t.Format("Z07:00")
	case "dateTime":
		return t.Format("2006-01-02T15:04:05") + fraction + t.Format("Z07:00")
	}
	return jsontemplate.ISODatetime(t)
}

// checkCharacters finds what XML cannot hold.
func checkCharacters(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the text is not UTF-8")
	}
	for _, c := range text {
		switch {
		case c == '\t', c == '\n', c == '\r', c >= 0x20 && c <= 0xD7FF, c >= 0xE000 && c <= 0xFFFD, c >= 0x10000:
		default:
			return fmt.Errorf("the text has the control character U+%04X, which XML cannot hold", c)
		}
	}
	return nil
}

// escape appends text with what XML reserves escaped.
func escape(b *bytes.Buffer, text string) {
	if !strings.ContainsAny(text, "&<>\r") {
		b.WriteString(text)
		return
	}
	for _, c := range text {
		switch c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '\r':
			b.WriteString("&#13;")
		default:
			b.WriteRune(c)
		}
	}
}

// escapeAttribute appends an attribute's value; a buffer never fails.
func escapeAttribute(b *bytes.Buffer, text string) {
	if !strings.ContainsAny(text, "&<>\"'\t\r\n") {
		b.WriteString(text)
		return
	}
	_ = xml.EscapeText(b, []byte(text))
}
