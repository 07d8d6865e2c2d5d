package syntax

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// EscapeError says what is wrong with an escape.
type EscapeError struct {
	Msg string
	// Unsupported is set for what is right in Python, but cannot be a text here.
	Unsupported bool
}

func (e *EscapeError) Error() string { return e.Msg }

func wrong(format string, args ...any) error { return &EscapeError{Msg: fmt.Sprintf(format, args...)} }

var plainEscapes = map[byte]byte{'\\': '\\', '\'': '\'', '"': '"', 'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// Unescape replaces the escapes in what a string literal has between its quotes. Unknown
// ones stay as they are. In bytes, where data is set, a character of the result is a
// byte, and \N, \u and \U are not escapes. The error is an [*EscapeError].
func Unescape(text string, data bool) (string, error) {
	if !strings.Contains(text, `\`) {
		return text, nil
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, `\`)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if rest == "" { // before a field of an f-string
			out.WriteByte('\\')
			return out.String(), nil
		}
		r, size, err := escape(rest, data)
		switch {
		case err != nil:
			return "", err
		case size == 0: // no escape
			out.WriteByte('\\')
		case r >= 0:
			out.WriteRune(r)
		}
		text = rest[size:]
	}
}

// escape reads an escape, without its backslash. The character is negative for that of
// a line end, which stands for nothing; the size is 0 for what is not an escape.
func escape(text string, data bool) (r rune, size int, err error) {
	c := text[0]
	if plain, ok := plainEscapes[c]; ok {
		return rune(plain), 1, nil
	}
	switch {
	case c == '\n':
		return -1, 1, nil
	case c >= '0' && c <= '7':
		n, size := octal(text)
		if data {
			n &= 0xff
		}
		return n, size, nil
	case c == 'x':
		return hex(text, 2)
	case data:
		return 0, 0, nil
	case c == 'u':
		return hex(text, 4)
	case c == 'U':
		return hex(text, 8)
	case c == 'N':
		return named(text)
	}
	return 0, 0, nil
}

func octal(text string) (r rune, size int) {
	for size < min(3, len(text)) && text[size] >= '0' && text[size] <= '7' {
		r = r<<3 | rune(text[size]-'0')
		size++
	}
	return r, size
}

func hex(text string, digits int) (rune, int, error) {
	if len(text) <= digits {
		return 0, 0, wrong(`truncated \%c escape`, text[0])
	}
	escape := text[:1+digits]
	n, err := strconv.ParseUint(escape[1:], 16, 32)
	switch {
	case err != nil:
		return 0, 0, wrong(`truncated \%c escape`, text[0])
	case n > unicode.MaxRune:
		return 0, 0, wrong(`\%s is not a character`, escape)
	case n >= 0xD800 && n <= 0xDFFF:
		return 0, 0, &EscapeError{`\` + escape + ` is half of a surrogate pair, which no UTF-8 text can hold; write the whole character, as 😀 or \U0001F600`, true}
	}
	return rune(n), len(escape), nil
}

func named(text string) (rune, int, error) {
	name, _, closed := strings.Cut(text[1:], "}")
	name, opened := strings.CutPrefix(name, "{")
	if !opened || !closed || name == "" {
		return 0, 0, wrong(`malformed \N character escape`)
	}
	r, known := LookUpName(name)
	if !known {
		return 0, 0, wrong("unknown Unicode character name %q", name)
	}
	return r, len(name) + len("N{}"), nil
}
