package xpath

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells tokens apart.
type tokenKind uint8

const (
	endToken tokenKind = iota
	operator           // also of one word: and, or, div, mod
	name               // a node test, a function or an axis
	number
	literal
	variable
)

type token struct {
	kind tokenKind
	text string
	at   int // in bytes
}

// Error is an expression that cannot be compiled.
type Error struct {
	Source string
	At     int // in bytes
	Msg    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("XPath %q, position %d: %s", e.Source, utf8.RuneCountInString(e.Source[:e.At])+1, e.Msg)
}

var operators = []string{"::", "//", "..", "!=", "<=", ">=", "(", ")", "[", "]", ".", "@", ",", "/", "|", "+", "-", "=", "<", ">", "*"}

// lex splits an expression into tokens. A word or a star is an operator if what is
// before it can be an operand, as section 3.7 of the specification has it.
func lex(source string) ([]token, error) {
	var list []token
	for at := 0; at < len(source); {
		rest := source[at:]
		c := rest[0]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
			continue
		case c == '"' || c == '\'':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 {
				return nil, &Error{source, at, "the text has no closing quote"}
			}
			list = append(list, token{literal, rest[1 : end+1], at})
			at += end + 2
			continue
		case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
			n := numberLength(rest)
			n += exponentLength(rest[n:])
			list = append(list, token{number, rest[:n], at})
			at += n
			continue
		case c == '$':
			return nil, &Error{source, at, "there are no variables"}
		}
		t, err := word(source, at, list)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		at += len(t.text)
	}
	return append(list, token{endToken, "", len(source)}), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func numberLength(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n < len(s) && s[n] == '.' {
		for n++; n < len(s) && isDigit(s[n]); n++ {
		}
	}
	return n
}

// exponentLength returns the length of the exponent that a text begins with, which
// libxml2 allows.
func exponentLength(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	digits := numberLength(s[n:])
	if digits == 0 || strings.Contains(s[n:n+digits], ".") {
		return 0
	}
	return n + digits
}

// word reads a name or an operator.
func word(source string, at int, before []token) (token, error) {
	rest := source[at:]
	if n := nameLength(rest); n > 0 {
		text := rest[:n]
		if operandBefore(before) {
			if text == "and" || text == "or" || text == "div" || text == "mod" {
				return token{operator, text, at}, nil
			}
			return token{}, &Error{source, at, fmt.Sprintf("%q does not belong there", text)}
		}
		// A prefix, unless the colon is that of an axis.
		if strings.HasPrefix(rest[n:], ":") && !strings.HasPrefix(rest[n:], "::") {
			if strings.HasPrefix(rest[n+1:], "*") {
				return token{name, rest[:n+2], at}, nil
			}
			if more := nameLength(rest[n+1:]); more > 0 {
				return token{name, rest[:n+1+more], at}, nil
			}
		}
		return token{name, text, at}, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			if op == "*" && !operandBefore(before) {
				return token{name, op, at}, nil
			}
			return token{operator, op, at}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, &Error{source, at, fmt.Sprintf("%q does not belong there", r)}
}

func operandBefore(before []token) bool {
	if len(before) == 0 {
		return false
	}
	switch last := before[len(before)-1]; last.kind {
	case operator:
		return last.text == ")" || last.text == "]" || last.text == "." || last.text == ".."
	default:
		return true
	}
}

// nameLength returns the length of the name without a colon that a text begins with.
func nameLength(s string) int {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) {
			continue
		}
		if i > 0 && (r == '-' || r == '.' || r == 0xB7 || unicode.IsDigit(r) || unicode.Is(unicode.M, r)) {
			continue
		}
		return i
	}
	return len(s)
}
