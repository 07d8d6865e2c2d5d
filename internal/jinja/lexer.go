package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// tokenKind is the kind of a token, named as Jinja2 names it.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokBlockBegin
	tokBlockEnd
	tokVarBegin
	tokVarEnd
	tokName
	tokString
	tokNumber
	tokOp
)

// token is a piece of a template. Of an operator, text is the operator.
type token struct {
	kind  tokenKind
	text  string
	value pyvalue.Value // of a number
	pos   int           // where it begins in the source
}

// normalise makes every line end a \n and drops one at the very end, as a
// stock environment does.
func normalise(source string) string {
	source = strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
	return strings.TrimSuffix(source, "\n")
}

type lexer struct {
	source string
	pos    int
	tokens []token
	strip  bool // white space at the position is to be dropped
}

// syntaxError is a fault at a position of the source.
type syntaxError struct {
	pos int
	msg string
	// assertion says that it is an error of Jinja2's compiler, not of its parser.
	assertion bool
	// python says that it is one of the Python that Jinja2 makes of a template.
	python bool
}

func (e *syntaxError) Error() string { return e.msg }

// tokenize splits a template whose line ends are normalised.
func tokenize(source string) ([]token, error) {
	l := &lexer{source: source, tokens: make([]token, 0, 16+len(source)/12)}
	for l.pos < len(source) {
		if err := l.data(); err != nil {
			return nil, err
		}
	}
	l.add(tokEOF, "", len(source))
	return l.tokens, nil
}

func (l *lexer) add(kind tokenKind, text string, pos int) {
	l.tokens = append(l.tokens, token{kind: kind, text: text, pos: pos})
}

// data reads text up to the next tag, and the tag.
func (l *lexer) data() error {
	from := l.pos
	at := -1
	for i := from; i+1 < len(l.source); i++ {
		if l.source[i] == '{' && strings.IndexByte("%{#", l.source[i+1]) >= 0 {
			at = i
			break
		}
	}
	if at < 0 {
		l.text(l.source[from:], from, false)
		l.pos = len(l.source)
		return nil
	}
	open := l.source[at+1]
	l.pos = at + 2
	minus := l.sign() == '-'
	l.text(l.source[from:at], from, minus)
	switch open {
	case '#':
		return l.comment(at)
	case '{':
		l.add(tokVarBegin, "{{", at)
		return l.expression("}}", tokVarEnd, at)
	}
	if raw, ok := l.rawBegin(); ok {
		return l.raw(raw, at)
	}
	l.add(tokBlockBegin, "{%", at)
	return l.expression("%}", tokBlockEnd, at)
}

// sign reads the - or + behind an opening delimiter.
func (l *lexer) sign() byte {
	if l.pos < len(l.source) && (l.source[l.pos] == '-' || l.source[l.pos] == '+') {
		l.pos++
		return l.source[l.pos-1]
	}
	return 0
}

func (l *lexer) text(text string, pos int, stripRight bool) {
	if l.strip {
		trimmed := strings.TrimLeftFunc(text, ucd.IsSpace)
		pos += len(text) - len(trimmed)
		text, l.strip = trimmed, false
	}
	if stripRight {
		text = strings.TrimRightFunc(text, ucd.IsSpace)
	}
	if text != "" {
		l.add(tokData, text, pos)
	}
}

func (l *lexer) comment(at int) error {
	end := strings.Index(l.source[l.pos:], "#}")
	if end < 0 {
		return &syntaxError{pos: at, msg: "Missing end of comment tag"}
	}
	body := l.source[l.pos-1 : l.pos+end] // with the sign, for {#-#}
	l.pos += end + 2
	l.strip = end > 0 && strings.HasSuffix(body, "-")
	return nil
}

// rawBegin recognises "raw %}" behind an opening delimiter.
func (l *lexer) rawBegin() (strip, ok bool) {
	rest := strings.TrimLeftFunc(l.source[l.pos:], ucd.IsSpace)
	if !strings.HasPrefix(rest, "raw") {
		return false, false
	}
	rest = strings.TrimLeftFunc(rest[3:], ucd.IsSpace)
	switch {
	case strings.HasPrefix(rest, "-%}"):
		l.pos = len(l.source) - len(rest) + 3
		return true, true
	case strings.HasPrefix(rest, "%}"):
		l.pos = len(l.source) - len(rest) + 2
		return false, true
	}
	return false, false
}

// raw reads up to the endraw tag.
func (l *lexer) raw(strip bool, at int) error {
	from := l.pos
	for i := from; ; i += 2 {
		next := strings.Index(l.source[i:], "{%")
		if next < 0 {
			return &syntaxError{pos: at, msg: "Missing end of raw directive"}
		}
		i += next
		rest := l.source[i+2:]
		minus := strings.HasPrefix(rest, "-")
		rest = strings.TrimLeftFunc(strings.TrimLeft(rest, "-+"), ucd.IsSpace)
		if !strings.HasPrefix(rest, "endraw") {
			continue
		}
		rest = strings.TrimLeftFunc(rest[len("endraw"):], ucd.IsSpace)
		closing := strings.HasPrefix(rest, "-%}")
		if !closing && !strings.HasPrefix(rest, "%}") && !strings.HasPrefix(rest, "+%}") {
			continue
		}
		l.strip = strip
		l.text(l.source[from:i], from, minus)
		l.strip = closing
		l.pos = len(l.source) - len(rest) + strings.Index(rest, "}") + 1
		return nil
	}
}

// expression reads the tokens of a tag up to its closing delimiter.
func (l *lexer) expression(closing string, end tokenKind, at int) error {
	var open []byte
	for l.pos < len(l.source) {
		r, n := utf8.DecodeRuneInString(l.source[l.pos:])
		if ucd.IsSpace(r) {
			l.pos += n
			continue
		}
		if len(open) == 0 {
			rest := l.source[l.pos:]
			signed := rest[0] == '-' || rest[0] == '+' && closing == "%}"
			if strings.HasPrefix(rest, closing) || signed && strings.HasPrefix(rest[1:], closing) {
				l.add(end, closing, l.pos)
				l.strip = rest[0] == '-'
				l.pos += strings.IndexByte(rest, '}') + 1
				if closing == "}}" {
					l.pos++
				}
				return nil
			}
		}
		if err := l.token(r); err != nil {
			return err
		}
		t := l.tokens[len(l.tokens)-1]
		if t.kind != tokOp {
			continue
		}
		switch t.text {
		case "(", "[", "{":
			open = append(open, map[string]byte{"(": ')', "[": ']', "{": '}'}[t.text])
		case ")", "]", "}":
			if len(open) == 0 {
				return &syntaxError{pos: t.pos, msg: "unexpected '" + t.text + "'"}
			}
			if want := open[len(open)-1]; want != t.text[0] {
				return &syntaxError{pos: t.pos, msg: "unexpected '" + t.text + "', expected '" + string(want) + "'"}
			}
			open = open[:len(open)-1]
		}
	}
	l.add(tokEOF, "", at)
	return nil
}

func (l *lexer) token(r rune) error {
	switch {
	case r == '\'' || r == '"':
		return l.stringToken(byte(r))
	case r >= '0' && r <= '9':
		return l.number()
	case isWord(r):
		return l.name()
	}
	for _, op := range []string{"**", "//", "==", "!=", ">=", "<="} {
		if strings.HasPrefix(l.source[l.pos:], op) {
			l.add(tokOp, op, l.pos)
			l.pos += 2
			return nil
		}
	}
	if strings.ContainsRune("+-/*%~[](){}><=.:|,;", r) {
		l.add(tokOp, string(r), l.pos)
		l.pos++
		return nil
	}
	return &syntaxError{pos: l.pos, msg: "unexpected char " + quote(string(r)) + " at " + strconv.Itoa(utf8.RuneCountInString(l.source[:l.pos]))}
}

func (l *lexer) name() error {
	// Jinja2 takes all that \w matches, and refuses what is not an identifier.
	name := l.source[l.pos:]
	if end := strings.IndexFunc(name, func(r rune) bool { return !isWord(r) && !syntax.IsPart(r) }); end >= 0 {
		name = name[:end]
	}
	if !syntax.IsIdentifier(name) {
		return &syntaxError{pos: l.pos, msg: "Invalid character in identifier"}
	}
	l.add(tokName, name, l.pos)
	l.pos += len(name)
	return nil
}

// digits reads digits with single underscores between them.
func (l *lexer) digits(from int, set string) int {
	i := from
	for i < len(l.source) {
		switch {
		case strings.IndexByte(set, l.source[i]) >= 0:
			i++
		case l.source[i] == '_' && i > from && i+1 < len(l.source) && strings.IndexByte(set, l.source[i+1]) >= 0:
			i++
		default:
			return i
		}
	}
	return i
}

const decimal = "0123456789"

func (l *lexer) number() error {
	from := l.pos
	for prefix, set := range map[string]string{"0b": "01", "0o": "01234567", "0x": "0123456789abcdefABCDEF"} {
		if len(l.source) > from+2 && strings.EqualFold(l.source[from:from+2], prefix) {
			start := from + 2
			if l.source[start] == '_' {
				start++
			}
			if end := l.digits(start, set); end > start {
				return l.integer(from, end, l.source[start:end], map[string]int{"0b": 2, "0o": 8, "0x": 16}[prefix])
			}
		}
	}
	end := l.digits(from, decimal)
	fraction := end
	if end+1 < len(l.source) && l.source[end] == '.' && strings.IndexByte(decimal, l.source[end+1]) >= 0 {
		fraction = l.digits(end+1, decimal)
	}
	exponent := fraction
	if exponent < len(l.source) && (l.source[exponent] == 'e' || l.source[exponent] == 'E') {
		sign := exponent + 1
		if sign < len(l.source) && (l.source[sign] == '+' || l.source[sign] == '-') {
			sign++
		}
		if last := l.digits(sign, decimal); last > sign {
			exponent = last
		}
	}
	// A number behind a dot is an index, so that a.0.1 is not a.(0.1).
	afterDot := len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].text == "." && l.source[from-1] == '.'
	if exponent > end && !afterDot {
		f, err := strconv.ParseFloat(strings.ReplaceAll(l.source[from:exponent], "_", ""), 64)
		if err != nil && f == 0 {
			return &syntaxError{pos: from, msg: "invalid number"}
		}
		l.tokens = append(l.tokens, token{tokNumber, l.source[from:exponent], pyvalue.Float(f), from})
		l.pos = exponent
		return nil
	}
	if l.source[from] == '0' {
		end = l.digits(from, "0")
	}
	return l.integer(from, end, l.source[from:end], 10)
}

func (l *lexer) integer(from, end int, digits string, base int) error {
	i, err := pyvalue.ParseInt(nil, digits, base)
	if err != nil {
		return &syntaxError{pos: from, msg: err.Error()}
	}
	l.tokens = append(l.tokens, token{tokNumber, l.source[from:end], i, from})
	l.pos = end
	return nil
}

func (l *lexer) stringToken(q byte) error {
	from := l.pos
	for i := from + 1; i < len(l.source); i++ {
		switch l.source[i] {
		case '\\':
			i++
		case q:
			text, err := syntax.Unescape(l.source[from+1:i], false)
			if err != nil {
				return &syntaxError{pos: from, msg: err.Error()}
			}
			l.add(tokString, text, from)
			l.pos = i + 1
			return nil
		}
	}
	return &syntaxError{pos: from, msg: "unexpected char " + quote(string(q)) + " at " + strconv.Itoa(utf8.RuneCountInString(l.source[:from]))}
}

func quote(s string) string {
	text, _ := pyvalue.Repr(nil, pyvalue.Str(s)) // a text can be printed
	return text
}
