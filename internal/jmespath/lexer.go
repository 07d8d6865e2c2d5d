package jmespath

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

type tokenKind string

const (
	tokEOF      tokenKind = "end of expression"
	tokName     tokenKind = "identifier"
	tokQuoted   tokenKind = "quoted identifier"
	tokLiteral  tokenKind = "literal"
	tokNumber   tokenKind = "number"
	tokFilter   tokenKind = "[?"
	tokFlatten  tokenKind = "[]"
	tokCompare  tokenKind = "comparator"
	tokStar     tokenKind = "*"
	tokDot      tokenKind = "."
	tokPipe     tokenKind = "|"
	tokOr       tokenKind = "||"
	tokAnd      tokenKind = "&&"
	tokNot      tokenKind = "!"
	tokLBracket tokenKind = "["
	tokRBracket tokenKind = "]"
	tokLBrace   tokenKind = "{"
	tokRBrace   tokenKind = "}"
	tokLParen   tokenKind = "("
	tokRParen   tokenKind = ")"
	tokComma    tokenKind = ","
	tokColon    tokenKind = ":"
	tokCurrent  tokenKind = "@"
	tokExpref   tokenKind = "&"
)

type token struct {
	kind  tokenKind
	text  string
	value value
	pos   int
}

func (t token) describe() string {
	if t.text != "" && t.kind != tokEOF {
		return strconv.Quote(t.text)
	}
	return string(t.kind)
}

type lexer struct {
	text   string
	pos    int
	tokens []token
}

func tokenize(text string) ([]token, error) {
	l := &lexer{text: text}
	for l.pos < len(text) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return append(l.tokens, token{kind: tokEOF, pos: len(text)}), nil
}

func (l *lexer) fail(pos int, msg string) error { return &Error{l.text, pos, msg} }

func (l *lexer) add(kind tokenKind, n int) {
	l.tokens = append(l.tokens, token{kind: kind, text: l.text[l.pos : l.pos+n], pos: l.pos})
	l.pos += n
}

func isNameStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) next() error {
	c := l.text[l.pos]
	rest := l.text[l.pos:]
	switch {
	case strings.IndexByte(" \t\r\n", c) >= 0:
		l.pos++
	case isNameStart(c):
		n := 1
		for n < len(rest) && (isNameStart(rest[n]) || isDigit(rest[n])) {
			n++
		}
		l.add(tokName, n)
	case isDigit(c) || c == '-':
		return l.number(rest)
	case c == '"':
		return l.quoted()
	case c == '\'':
		return l.raw()
	case c == '`':
		return l.literal()
	default:
		return l.operator(rest)
	}
	return nil
}

func (l *lexer) operator(rest string) error {
	for _, op := range []string{"[?", "[]", "||", "&&", "==", "!=", "<=", ">="} {
		if strings.HasPrefix(rest, op) {
			kind := tokenKind(op)
			if strings.ContainsAny(op, "=") {
				kind = tokCompare
			}
			l.add(kind, 2)
			return nil
		}
	}
	switch {
	case rest[0] == '<' || rest[0] == '>':
		l.add(tokCompare, 1)
	case strings.IndexByte("*.|![]{}(),:@&", rest[0]) >= 0:
		l.add(tokenKind(rest[:1]), 1)
	default:
		return l.fail(l.pos, "unknown character "+strconv.Quote(rest[:1]))
	}
	return nil
}

func (l *lexer) number(rest string) error {
	n := 1
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	i, err := strconv.ParseInt(rest[:n], 10, 64)
	if err != nil {
		return l.fail(l.pos, "not a whole number")
	}
	l.add(tokNumber, n)
	l.tokens[len(l.tokens)-1].value = pyvalue.Int(i)
	return nil
}

// until returns the text up to the next unescaped delimiter.
func (l *lexer) until(delimiter byte) (string, error) {
	for i := l.pos + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case delimiter:
			return l.text[l.pos+1 : i], nil
		}
	}
	return "", l.fail(l.pos, "unclosed "+string(delimiter))
}

func (l *lexer) quoted() error {
	body, err := l.until('"')
	if err != nil {
		return err
	}
	var name string
	if json.Unmarshal([]byte(`"`+body+`"`), &name) != nil {
		return l.fail(l.pos, "invalid quoted identifier")
	}
	l.tokens = append(l.tokens, token{kind: tokQuoted, text: name, pos: l.pos})
	l.pos += len(body) + 2
	return nil
}

func (l *lexer) raw() error {
	body, err := l.until('\'')
	if err != nil {
		return err
	}
	l.tokens = append(l.tokens, token{kind: tokLiteral, value: pyvalue.Str(strings.ReplaceAll(body, `\'`, "'")), pos: l.pos})
	l.pos += len(body) + 2
	return nil
}

func (l *lexer) literal() error {
	body, err := l.until('`')
	if err != nil {
		return err
	}
	text := strings.TrimLeft(strings.ReplaceAll(body, "\\`", "`"), " \t\r\n")
	v, err := pyvalue.FromJSON([]byte(text), true)
	if err != nil {
		// An old form that Python's jmespath still takes: a text without quotes.
		if v, err = pyvalue.FromJSON([]byte(`"`+text+`"`), true); err != nil {
			return l.fail(l.pos, "the literal is not JSON")
		}
	}
	l.tokens = append(l.tokens, token{kind: tokLiteral, value: v, pos: l.pos})
	l.pos += len(body) + 2
	return nil
}
