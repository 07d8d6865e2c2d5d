package txscript

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// strings joins string literals that stand side by side.
func (p *parser) strings(first token) expr {
	list := []token{first}
	for k := p.peek().kind; k == kString || k == kFString; k = p.peek().kind {
		list = append(list, p.advance())
	}
	f := &fstringExpr{line: line(first.line)}
	if first.data {
		return bytesLiteral(list)
	}
	var plain strings.Builder // of the literals since the last f-string
	for _, t := range list {
		if t.data {
			fail(t.line, "cannot mix bytes and nonbytes literals")
		}
		if t.kind == kString {
			plain.WriteString(t.text)
			continue
		}
		f.text(plain.String())
		plain.Reset()
		rest := p.fstring(f, t.text, t.raw, t.line, 0)
		if rest != "" {
			fail(t.line, "f-string: single '}' is not allowed")
		}
	}
	f.text(plain.String())
	if len(f.parts) == 0 {
		return &constExpr{f.line, pyvalue.Str("")}
	}
	if len(f.parts) == 1 && f.parts[0].value == nil {
		return &constExpr{f.line, pyvalue.Str(f.parts[0].text)}
	}
	return f
}

// bytesLiteral joins literals of bytes.
func bytesLiteral(list []token) expr {
	var data []byte
	for _, t := range list {
		if !t.data {
			fail(t.line, "cannot mix bytes and nonbytes literals")
		}
		for _, c := range t.text {
			data = append(data, byte(c))
		}
	}
	return &constExpr{line(list[0].line), pyvalue.Bytes(data)}
}

func (f *fstringExpr) text(text string) {
	if text == "" {
		return
	}
	if n := len(f.parts); n > 0 && f.parts[n-1].value == nil {
		f.parts[n-1].text += text
		return
	}
	f.parts = append(f.parts, fpart{text: text})
}

// fstring parses the text of an f-string into f. Within a format spec (depth > 0)
// it stops before the brace that closes the field, and returns the rest.
func (p *parser) fstring(f *fstringExpr, text string, raw bool, at, depth int) (rest string) {
	literal := func(s string) {
		if !raw {
			s = unescape(s, at, false)
		}
		f.text(s)
	}
	for {
		i := bracket(text, raw)
		if i < 0 {
			literal(text)
			return ""
		}
		literal(text[:i])
		double := i+1 < len(text) && text[i+1] == text[i]
		switch {
		case double && depth == 0:
			f.text(text[i : i+1])
			text = text[i+2:]
			continue
		case text[i] == '}':
			return text[i:]
		}
		if depth > 1 {
			fail(at, "f-string: expressions nested too deeply")
		}
		text = p.field(f, text[i+1:], raw, at, depth)
	}
}

// bracket returns where the first curly bracket of an f-string's text is, but for
// those around the name of a character; -1 for none.
func bracket(text string, raw bool) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '{' || c == '}':
			return i
		case c == '\\' && !raw && strings.HasPrefix(text[i:], `\N{`):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return -1
			}
			i += end
		case c == '\\' && !raw && i+1 < len(text) && text[i+1] != '{' && text[i+1] != '}':
			i++
		}
	}
	return -1
}

// field parses a replacement field behind its opening brace, and returns what
// stands behind the closing one.
func (p *parser) field(f *fstringExpr, text string, raw bool, at, depth int) string {
	end := fieldEnd(text, at)
	source := text[:end]
	text = text[end:]
	part := fpart{}
	if strings.TrimSpace(source) == "" {
		fail(at, "f-string: empty expression not allowed")
	}
	if text[0] == '=' { // {x=} shows the expression, too
		spaces := text[1:]
		trimmed := strings.TrimLeft(spaces, " \t\n")
		f.text(source + "=" + spaces[:len(spaces)-len(trimmed)])
		text = trimmed
		if part.conversion = 'r'; strings.HasPrefix(text, ":") {
			part.conversion = 0
		}
	}
	if strings.Contains(source, `\`) {
		fail(at, "f-string expression part cannot include a backslash")
	}
	sub := &parser{tokens: lex("("+source+")", at), depth: p.depth + 1, inside: p.inside, private: p.private}
	part.value = sub.exprList()
	if t := sub.peek(); t.kind != kNewline && t.kind != kEOF {
		fail(at, "f-string: invalid syntax at %v", t)
	}
	if strings.HasPrefix(text, "!") {
		if len(text) < 2 || !strings.ContainsRune("rsa", rune(text[1])) {
			fail(at, "f-string: invalid conversion character: expected 's', 'r', or 'a'")
		}
		part.conversion = text[1]
		text = text[2:]
	}
	if strings.HasPrefix(text, ":") {
		part.spec = &fstringExpr{line: line(at)}
		text = p.fstring(part.spec, text[1:], raw, at, depth+1)
	}
	if !strings.HasPrefix(text, "}") {
		fail(at, "f-string: expecting '}'")
	}
	f.parts = append(f.parts, part)
	return text[1:]
}

// fieldEnd finds where the expression of a replacement field ends: at its
// conversion, format spec, = or brace.
func fieldEnd(text string, at int) int {
	depth := 0
	quote := ""
	for i := 0; i < len(text); i++ {
		c := text[i]
		if quote != "" {
			if strings.HasPrefix(text[i:], quote) {
				i += len(quote) - 1
				quote = ""
			}
			continue
		}
		switch c {
		case '\'', '"':
			if quote = text[i : i+1]; strings.HasPrefix(text[i:], strings.Repeat(quote, 3)) {
				quote = strings.Repeat(quote, 3)
				i += 2
			}
		case '(', '[', '{':
			depth++
		case ')', ']':
			depth--
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		case '#':
			fail(at, "f-string expression part cannot include '#'")
		case '!':
			if depth == 0 && !strings.HasPrefix(text[i:], "!=") {
				return i
			}
			if strings.HasPrefix(text[i:], "!=") {
				i++
			}
		case ':':
			if depth == 0 {
				return i
			}
		case '=', '<', '>':
			if strings.HasPrefix(text[i+1:], "=") {
				i++
			} else if c == '=' && depth == 0 {
				return i
			}
		}
	}
	fail(at, "f-string: expecting '}'")
	return 0
}
