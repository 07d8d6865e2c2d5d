package pyvalue

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// String returns what str() does.
func String(m *Meter, v Value) (string, error) {
	if v.IsText() && v.Derived() == nil {
		return v.Text(), nil
	}
	out, err := AppendStr(m, nil, v)
	return string(out), err
}

// AppendStr appends what str() returns.
func AppendStr(m *Meter, dst []byte, v Value) ([]byte, error) {
	switch x := v.any.(type) {
	case strPtr, markupPtr:
		return append(dst, v.Text()...), nil
	case *undefined:
		return dst, nil
	case interface {
		PyStrWithin(m *Meter) (string, error)
	}:
		return appendObject(m, dst, x.PyStrWithin)
	case interface{ PyStr() string }:
		return append(dst, x.PyStr()...), nil
	case *Derived:
		for _, name := range []string{"__str__", "__repr__"} {
			if text, ok, err := x.textWithin(m, name); ok {
				return append(dst, text...), err
			}
		}
		return AppendStr(m, dst, x.Base)
	}
	return reprWithin(m, dst, v)
}

// Repr returns what repr() does.
func Repr(m *Meter, v Value) (string, error) {
	out, err := reprWithin(m, nil, v)
	return string(out), err
}

// reprWithin appends repr(v). What is nested too deeply may hold itself: it is printed
// once more, then, with an eye on that.
func reprWithin(m *Meter, dst []byte, v Value) ([]byte, error) {
	made, err := appendRepr(m, dst, v, nesting{})
	if errors.Is(err, errNested) {
		if made, err = appendRepr(m, dst, v, nesting{open: make(map[any]bool)}); errors.Is(err, errNested) {
			err = errDeep // so that what it is within is not printed twice, too
		}
	}
	return made, err
}

// appendObject appends what an object prints that holds other values. It bounds how many of
// them are within one another.
func appendObject(m *Meter, dst []byte, printed func(m *Meter) (string, error)) ([]byte, error) {
	if m == nil {
		m = NewMeter(context.Background(), Limits{})
	}
	if m.prints == maxPrints {
		return dst, errDeep
	}
	m.prints++
	defer func() { m.prints-- }()
	text, err := printed(m)
	return append(dst, text...), err
}

// nesting is where in a value the printing is.
type nesting struct {
	depth int
	open  map[any]bool // the containers around; nil as long as none is known to hold itself
}

func (n nesting) within() nesting { return nesting{n.depth + 1, n.open} }

// errNested is a value that is nested too deeply to be printed at the first attempt, errDeep
// one that is not printed at all.
var (
	errNested = Raise("RecursionError", "maximum recursion depth exceeded while getting the repr of an object")
	errDeep   = Raise("RecursionError", "maximum recursion depth exceeded while getting the repr of an object")
)

// ownRepr returns what a container prints as within itself, "" for what is none.
func ownRepr(v Value) string {
	switch v.any.(type) {
	case *List:
		return "[...]"
	case *tuple:
		return "(...)"
	case *Dict:
		return "{...}"
	case *Set:
		return TypeName(v) + "(...)"
	}
	return ""
}

// maxRepr bounds the nesting of what is printed, maxPrints that of objects that print what
// they hold. A program's own methods end at its bound of calls, which is a little lower.
const (
	maxRepr   = 200
	maxPrints = 250
)

func appendRepr(m *Meter, dst []byte, v Value, at nesting) ([]byte, error) {
	if at.depth > maxRepr {
		return dst, errNested
	}
	if err := m.Step(1); err != nil {
		return dst, err
	}
	if d := v.Derived(); d != nil {
		if text, ok, err := d.textWithin(m, "__repr__"); ok {
			return append(dst, text...), err
		}
	}
	v = v.plain()
	if at.open != nil {
		if own := ownRepr(v); own != "" {
			if at.open[v.any] {
				return append(dst, own...), nil
			}
			at.open[v.any] = true
			defer delete(at.open, v.any)
		}
	}
	switch x := v.any.(type) {
	case nil:
		return append(dst, "None"...), nil
	case Kind:
		switch x {
		case KindBool:
			if v.num != 0 {
				return append(dst, "True"...), nil
			}
			return append(dst, "False"...), nil
		case KindInt:
			return strconv.AppendInt(dst, int64(v.num), 10), nil
		}
		return AppendFloat(dst, math.Float64frombits(v.num)), nil
	case *big.Int:
		if x.BitLen() > maxIntBits {
			return dst, valueError("Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit")
		}
		return x.Append(dst, 10), m.Step(int64(len(x.Bits())) * int64(len(x.Bits())) / 256)
	case strPtr:
		return appendQuoted(m, dst, v.Text())
	case markupPtr:
		dst, err := appendQuoted(m, append(dst, "Markup("...), v.Text())
		return append(dst, ')'), err
	case *undefined:
		return append(dst, "Undefined"...), nil
	case *bytesBox:
		return appendBytes(m, dst, x.data)
	case *List:
		return appendItems(m, dst, "[", "]", x.Items, at)
	case *tuple:
		if len(x.items) == 1 {
			return appendItems(m, dst, "(", ",)", x.items, at)
		}
		return appendItems(m, dst, "(", ")", x.items, at)
	case *Set:
		switch {
		case x.d.Len() == 0:
			return append(dst, TypeName(v)+"()"...), nil
		case x.Frozen:
			return appendItems(m, dst, "frozenset({", "})", x.Members(), at)
		}
		return appendItems(m, dst, "{", "}", x.Members(), at)
	case *Dict:
		return appendDict(m, dst, x, at)
	case *view:
		dst, err := appendItems(m, append(append(dst, x.PyType()...), "(["...), "", "", slices.Collect(x.PyIter()), at)
		return append(dst, "])"...), err
	case interface {
		PyReprWithin(m *Meter) (string, error)
	}:
		return appendObject(m, dst, x.PyReprWithin)
	case interface{ PyRepr() string }:
		return append(dst, x.PyRepr()...), nil
	case interface{ PyStr() string }:
		return append(dst, x.PyStr()...), nil
	}
	return append(append(append(dst, '<'), TypeName(v)...), " object>"...), nil
}

// maxIntBits is the size from which CPython refuses to print an int.
const maxIntBits = 14284

func appendItems(m *Meter, dst []byte, open, closing string, items []Value, at nesting) ([]byte, error) {
	dst = append(dst, open...)
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		var err error
		if dst, err = appendRepr(m, dst, item, at.within()); err != nil {
			return dst, err
		}
		if err := m.checkSize(len(dst)); err != nil {
			return dst, err
		}
	}
	return append(dst, closing...), nil
}

func appendDict(m *Meter, dst []byte, d *Dict, at nesting) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	for k, v := range d.All() {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		var err error
		if dst, err = appendRepr(m, dst, k, at.within()); err != nil {
			return dst, err
		}
		if dst, err = appendRepr(m, append(dst, ": "...), v, at.within()); err != nil {
			return dst, err
		}
		if err := m.checkSize(len(dst)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// checkSize fails for a text that is already too large.
func (m *Meter) checkSize(n int) error {
	if m == nil || m.limits.ValueBytes == 0 || int64(n) <= m.limits.ValueBytes {
		return nil
	}
	return m.Grow(int64(n))
}

// FloatRepr returns the text of a float: the shortest that reads back the same.
func FloatRepr(f float64) string { return string(AppendFloat(nil, f)) }

// AppendFloat appends the text of a float.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[from:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendQuoted appends repr() of a str.
func appendQuoted(m *Meter, dst []byte, s string) ([]byte, error) {
	if err := m.Grow(int64(len(s))); err != nil {
		return dst, err
	}
	quote := quoteOf(s)
	dst = append(dst, quote)
	err := longtext.Pieces(s, m.Look, func(piece string) error {
		dst = appendEscaped(dst, piece, quote)
		return m.checkSize(len(dst))
	})
	return append(dst, quote), err
}

// quoteOf is the quotation mark that repr() puts around a text.
func quoteOf(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

func appendEscaped(dst []byte, s string, quote byte) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, `\x`...)
			dst = append(dst, hexDigits[r>>4], hexDigits[r&15])
		case r < 0x7f || ucd.IsPrintable(r):
			dst = append(dst, s[i:i+n]...)
		case r <= 0xff:
			dst = append(dst, `\x`...)
			dst = append(dst, hexDigits[r>>4], hexDigits[r&15])
		case r <= 0xffff:
			dst = appendHex(append(dst, `\u`...), r, 4)
		default:
			dst = appendHex(append(dst, `\U`...), r, 8)
		}
		i += n
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, r rune, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[r>>shift&15])
	}
	return dst
}

// appendBytes appends repr() of bytes.
func appendBytes(m *Meter, dst, data []byte) ([]byte, error) {
	if err := m.Grow(int64(len(data))); err != nil {
		return dst, err
	}
	quote := byte('\'')
	if bytes.IndexByte(data, '\'') >= 0 && bytes.IndexByte(data, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for i, c := range data {
		if i%longtext.Piece == longtext.Piece-1 {
			if err := m.Look(longtext.Piece); err != nil {
				return dst, err
			}
			if err := m.checkSize(len(dst)); err != nil {
				return dst, err
			}
		}
		switch {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote), nil
}

// Escape returns markupsafe.escape(): Markup as it is, what has __html__ not
// known here, everything else as text with &, <, >, ' and " escaped.
func Escape(m *Meter, v Value) (Value, error) {
	if v.Kind() == KindMarkup {
		return v, nil
	}
	text, err := String(m, v)
	if err != nil {
		return Value{}, err
	}
	text, err = escapeWithin(m, text)
	return Markup(text), err
}

// escapeWithin is [EscapeText] of a text that may be long.
func escapeWithin(m *Meter, text string) (string, error) {
	size := int64(len(text))
	for _, c := range []struct {
		special string
		more    int64
	}{{"&", 4}, {">", 3}, {"<", 3}, {"'", 4}, {`"`, 4}} {
		n, err := longtext.Count(text, c.special, m.Look)
		if err != nil {
			return "", err
		}
		size += int64(n) * c.more
	}
	if err := m.Grow(size); err != nil || size == int64(len(text)) {
		return text, err
	}
	var b strings.Builder
	b.Grow(int(size))
	err := longtext.Pieces(text, m.Look, func(piece string) error {
		_, err := htmlEscaper.WriteString(&b, piece)
		return err
	})
	return b.String(), err
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// EscapeText escapes a text as markupsafe does.
func EscapeText(s string) string { return htmlEscaper.Replace(s) }

// Number returns the int or float that a JSON number is, which remembers how it
// was spelt. ValueError for what is not a JSON number.
func Number(literal string) (Value, error) { return numberWithin(nil, literal) }

func numberWithin(m *Meter, literal string) (Value, error) {
	v, err := parseJSONNumber(m, literal)
	if err != nil {
		return Value{}, err
	}
	return Value{any: &spelt{literal, v}}, nil
}

func parseJSONNumber(m *Meter, text string) (Value, error) {
	if !strings.ContainsAny(text, ".eE") {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return Int(i), nil
		}
		if len(text) > 4301 {
			return Value{}, valueError("Exceeds the limit (4300 digits) for integer string conversion: value has %d digits; use sys.set_int_max_str_digits() to increase the limit", len(strings.TrimPrefix(text, "-")))
		}
		if b, ok := new(big.Int).SetString(text, 10); ok {
			return BigInt(b), nil
		}
	}
	f, err := longtext.ParseFloat(text, m.Look)
	if over := m.Look(0); err != nil && over != nil {
		return Value{}, over
	}
	if err != nil && !math.IsInf(f, 0) {
		return Value{}, valueError("could not convert string to float: %s", text)
	}
	return Float(f), nil
}
