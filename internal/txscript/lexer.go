package txscript

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
)

// kind is the kind of a token.
type kind uint8

const (
	kEOF kind = iota
	kNewline
	kIndent
	kDedent
	kName
	kNumber
	kString
	kFString
	kOp
)

// token is a piece of the source. Of a string, text is its value; of an f-string
// it is the source between the quotes.
type token struct {
	kind kind
	text string
	raw  bool // an f-string with the prefix r
	data bool // a bytes literal: each character of text is a byte
	line int
}

func (t token) String() string {
	switch t.kind {
	case kEOF:
		return "the end"
	case kNewline:
		return "the end of the line"
	case kIndent, kDedent:
		return "the indentation"
	case kString, kFString:
		return "a string"
	}
	return strconv.Quote(t.text)
}

// fault is raised as a panic while a program is compiled, and ends there.
type fault struct{ err *SyntaxError }

func fail(line int, format string, args ...any) {
	panic(fault{&SyntaxError{Line: line, Msg: fmt.Sprintf(format, args...)}})
}

// unsupported names a construct that is Python, but not of this subset.
func unsupported(line int, construct string) {
	panic(fault{&SyntaxError{Line: line, Msg: construct + " is not supported in formulas", Unsupported: true}})
}

type lexer struct {
	src     string
	pos     int
	line    int
	indents []int
	depth   int // of open brackets
	tokens  []token
}

// lex splits a source into tokens; line is the number of its first line.
func lex(src string, line int) []token {
	l := newLexer(src, line)
	l.all()
	return l.tokens
}

func newLexer(src string, line int) *lexer {
	return &lexer{src: strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n"), line: line, indents: []int{0}}
}

// all reads the tokens of the source.
func (l *lexer) all() {
	if !utf8.ValidString(l.src) {
		fail(l.line, "the source is not UTF-8")
	}
	for l.lineStart() {
		for l.next() {
		}
	}
	l.add(kNewline, "")
	for range l.indents[1:] {
		l.add(kDedent, "")
	}
	l.add(kEOF, "")
}

func (l *lexer) add(k kind, text string) {
	if k == kNewline && (len(l.tokens) == 0 || l.tokens[len(l.tokens)-1].kind == kNewline) {
		return
	}
	l.tokens = append(l.tokens, token{kind: k, text: text, line: l.line})
}

// lineStart reads the indentation of the next line that has something on it.
func (l *lexer) lineStart() bool {
	for l.pos < len(l.src) {
		width := 0
		for l.pos < len(l.src) {
			switch l.src[l.pos] {
			case ' ':
				width++
			case '\t':
				width = (width/8 + 1) * 8
			case '\f':
				width = 0
			default:
				goto done
			}
			l.pos++
		}
	done:
		if l.pos == len(l.src) {
			return false
		}
		switch l.src[l.pos] {
		case '\n':
			l.pos++
			l.line++
			continue
		case '#':
			l.comment()
			continue
		}
		l.indent(width)
		return true
	}
	return false
}

func (l *lexer) indent(width int) {
	top := l.indents[len(l.indents)-1]
	if width > top {
		if len(l.tokens) == 0 {
			fail(l.line, "unexpected indent")
		}
		l.indents = append(l.indents, width)
		if len(l.indents) > maxNesting {
			fail(l.line, "too many levels of indentation")
		}
		l.add(kIndent, "")
		return
	}
	for width < l.indents[len(l.indents)-1] {
		l.indents = l.indents[:len(l.indents)-1]
		l.add(kDedent, "")
	}
	if width != l.indents[len(l.indents)-1] {
		fail(l.line, "unindent does not match any outer indentation level")
	}
}

func (l *lexer) comment() {
	for l.pos < len(l.src) && l.src[l.pos] != '\n' {
		l.pos++
	}
}

// next reads one token; false at the end of a logical line.
func (l *lexer) next() bool {
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case c == '\n':
			l.pos++
			if l.depth == 0 {
				l.add(kNewline, "")
				l.line++
				return false
			}
			l.line++
			continue
		case c == ' ' || c == '\t' || c == '\f':
			l.pos++
			continue
		case c == '#':
			l.comment()
			continue
		case c == '\\' && strings.HasPrefix(l.src[l.pos+1:], "\n"):
			l.pos += 2
			l.line++
			continue
		}
		l.token(c)
		return true
	}
	return false
}

func (l *lexer) token(c byte) {
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	switch {
	case c >= '0' && c <= '9', c == '.' && l.pos+1 < len(l.src) && l.src[l.pos+1] >= '0' && l.src[l.pos+1] <= '9':
		l.number()
	case c == '"' || c == '\'':
		l.str("")
	case syntax.IsStart(r):
		name := l.src[l.pos:][:syntax.Identifier(l.src[l.pos:])]
		l.pos += len(name)
		if l.pos < len(l.src) && (l.src[l.pos] == '"' || l.src[l.pos] == '\'') && len(name) <= 2 && strings.Trim(strings.ToLower(name), "rbfu") == "" {
			l.str(strings.ToLower(name))
			return
		}
		l.add(kName, name)
	default:
		l.operator()
	}
}

// operators, the longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=",
	"+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=",
}

func (l *lexer) operator() {
	for _, op := range operators {
		if !strings.HasPrefix(l.src[l.pos:], op) {
			continue
		}
		switch op {
		case "(", "[", "{":
			if l.depth++; l.depth > maxNesting {
				fail(l.line, "too many nested brackets")
			}
		case ")", "]", "}":
			if l.depth--; l.depth < 0 {
				fail(l.line, "unmatched %q", op)
			}
		}
		l.pos += len(op)
		l.add(kOp, op)
		return
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	fail(l.line, "invalid character %q", r)
}

func (l *lexer) number() {
	start := l.pos
	isWord := func(c byte) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
	}
	hex := strings.HasPrefix(l.src[l.pos:], "0x") || strings.HasPrefix(l.src[l.pos:], "0X")
	whole := !hex // neither a point nor an exponent so far
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		exponent := !hex && (c == '+' || c == '-') && (l.src[l.pos-1] == 'e' || l.src[l.pos-1] == 'E')
		if !isWord(c) && !(c == '.' && whole) && !exponent {
			break
		}
		whole = whole && c != '.' && c != 'e' && c != 'E'
		l.pos++
	}
	text := l.src[start:l.pos]
	if last := text[len(text)-1]; !hex && (last == 'j' || last == 'J') {
		unsupported(l.line, "a complex number")
	}
	l.add(kNumber, text)
}

// str reads a string with its prefix, which has been read.
func (l *lexer) str(prefix string) {
	line := l.line
	raw, isF := strings.Contains(prefix, "r"), strings.Contains(prefix, "f")
	data := strings.Contains(prefix, "b")
	quote := l.src[l.pos : l.pos+1]
	if strings.HasPrefix(l.src[l.pos:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	l.pos += len(quote)
	start := l.pos
	for {
		switch {
		case l.pos >= len(l.src):
			fail(line, "unterminated string")
		case strings.HasPrefix(l.src[l.pos:], quote):
			text := l.src[start:l.pos]
			l.pos += len(quote)
			if !isF {
				if data && strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f }) {
					fail(line, "bytes can only contain ASCII literal characters")
				}
				if !raw {
					text = unescape(text, line, data)
				}
				l.tokens = append(l.tokens, token{kind: kString, text: text, data: data, line: line})
				return
			}
			l.tokens = append(l.tokens, token{kind: kFString, text: text, raw: raw, line: line})
			return
		case l.src[l.pos] == '\\' && l.pos+1 < len(l.src):
			if l.src[l.pos+1] == '\n' {
				l.line++
			}
			l.pos += 2
		case l.src[l.pos] == '\n':
			if len(quote) == 1 {
				fail(line, "unterminated string")
			}
			l.line++
			l.pos++
		default:
			l.pos++
		}
	}
}

// unescape replaces the escapes of a string literal.
func unescape(text string, line int, data bool) string {
	out, err := syntax.Unescape(text, data)
	var e *syntax.EscapeError
	if errors.As(err, &e) {
		panic(fault{&SyntaxError{Line: line, Msg: e.Msg, Unsupported: e.Unsupported}})
	}
	return out
}
