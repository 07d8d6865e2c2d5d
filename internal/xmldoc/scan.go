package xmldoc

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// scanner takes a text of XML apart as [xml.Decoder.RawToken] does, without making anything
// for a token that stands in the text as it is. It knows what nearly all of XML consists of;
// a token that is anything else, or wrong, is left to encoding/xml.
type scanner struct {
	ctx      context.Context
	data     string
	at       int
	entities map[string]string // that the DOCTYPE declares
	closes   bool              // the element that was begun last was empty

	// The token.
	kind  tokenKind
	name  xml.Name   // of an element or instruction
	attrs []xml.Attr // until the next token
	text  string     // of everything but elements
}

type tokenKind uint8

const (
	tokenStart tokenKind = iota
	tokenEnd
	tokenText
	tokenComment
	tokenInstruction
	tokenDirective
)

// next reads the next token; io.EOF at the end.
func (s *scanner) next() error {
	if s.closes {
		s.closes, s.kind = false, tokenEnd
		return nil
	}
	if s.at >= len(s.data) {
		return io.EOF
	}
	if s.quick() {
		return nil
	}
	return s.slow()
}

// line is the line that has been read to.
func (s *scanner) line() int { return 1 + strings.Count(s.data[:s.at], "\n") }

// quick reads a token, if it is one of those that the scanner knows. Otherwise it stays
// where it is.
func (s *scanner) quick() bool {
	rest := s.data[s.at:]
	switch {
	case rest[0] != '<':
		return s.characters(rest, 0, "<")
	case strings.HasPrefix(rest, "</"):
		return s.endTag(rest)
	case strings.HasPrefix(rest, "<!--"):
		end := strings.Index(rest[4:], "--")
		if end < 0 || !strings.HasPrefix(rest[4+end:], "-->") {
			return false
		}
		s.kind, s.text = tokenComment, rest[4:4+end]
		s.at += 4 + end + 3
		return true
	case strings.HasPrefix(rest, "<![CDATA["):
		return s.characters(rest, len("<![CDATA["), "]]>")
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
		return false
	}
	return s.startTag(rest)
}

// characters reads the text of rest from an offset to its end.
func (s *scanner) characters(rest string, from int, end string) bool {
	n := strings.Index(rest[from:], end)
	switch {
	case n < 0 && from > 0:
		return false
	case n < 0:
		n = len(rest)
	}
	text := rest[from : from+n]
	decoded, ok := s.decodedText(text, from > 0, false)
	if !ok || from == 0 && strings.Contains(text, "]]>") {
		return false
	}
	s.kind, s.text = tokenText, decoded
	s.at += from + n
	if from > 0 {
		s.at += len(end)
	}
	return true
}

func (s *scanner) endTag(rest string) bool {
	name, n := nameAt(rest, 2)
	if n == 0 {
		return false
	}
	at := skipSpace(rest, 2+n)
	if at >= len(rest) || rest[at] != '>' {
		return false
	}
	s.kind, s.name = tokenEnd, name
	s.at += at + 1
	return true
}

func (s *scanner) startTag(rest string) bool {
	name, n := nameAt(rest, 1)
	if n == 0 {
		return false
	}
	s.attrs = s.attrs[:0]
	for at := 1 + n; ; {
		from := at
		at = skipSpace(rest, at)
		switch {
		case at >= len(rest):
			return false
		case rest[at] == '>':
			s.began(name, at+1)
			return true
		case strings.HasPrefix(rest[at:], "/>"):
			s.began(name, at+2)
			s.closes = true
			return true
		case at == from:
			return false // nothing between two attributes
		}
		attr, n := nameAt(rest, at)
		if at = skipSpace(rest, at+n); n == 0 || at >= len(rest) || rest[at] != '=' {
			return false
		}
		at = skipSpace(rest, at+1)
		if at >= len(rest) || rest[at] != '"' && rest[at] != '\'' {
			return false
		}
		end := strings.IndexByte(rest[at+1:], rest[at])
		if end < 0 {
			return false
		}
		value, ok := s.decodedText(rest[at+1:at+1+end], false, true)
		if !ok || len(s.attrs) == maxAttributes {
			return false
		}
		s.attrs = append(s.attrs, xml.Attr{Name: attr, Value: value})
		at += end + 2
	}
}

func (s *scanner) began(name xml.Name, length int) {
	s.kind, s.name = tokenStart, name
	s.at += length
}

// What a token of those that encoding/xml reads may have, which are not those of data.
const (
	maxAttributes = 1 << 18
	maxSlowToken  = 4 << 20 // bytes
)

var (
	errManyAttributes = fmt.Errorf("an element has more than %d attributes", maxAttributes)
	errLongToken      = fmt.Errorf("a declaration or a tag is longer than %d MB, or a text is that long and has what XML does not allow", maxSlowToken>>20)
)

// tokenReader gives encoding/xml the text of one token, until the context ends.
type tokenReader struct {
	ctx  context.Context
	data string
	at   int
}

// Read is not called, since there is ReadByte.
func (r *tokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// ReadByte implements [io.ByteReader].
func (r *tokenReader) ReadByte() (byte, error) {
	switch {
	case r.at >= len(r.data):
		return 0, io.EOF
	case r.at == maxSlowToken:
		return 0, errLongToken
	case r.at%checkEvery == 0 && r.ctx.Err() != nil:
		return 0, context.Cause(r.ctx)
	}
	r.at++
	return r.data[r.at-1], nil
}

// checkEvery is how many bytes are read between two looks at the context.
const checkEvery = 64 << 10

// slow has encoding/xml read the token, and say what is wrong with it.
func (s *scanner) slow() error {
	if len(s.attrs) == maxAttributes {
		return errManyAttributes
	}
	d := xml.NewDecoder(&tokenReader{ctx: s.ctx, data: s.data[s.at:]})
	d.Entity = s.entities
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	token, err := d.RawToken()
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return &xml.SyntaxError{Msg: syntax.Msg, Line: syntax.Line + s.line() - 1}
	}
	if err != nil {
		return err
	}
	raw := s.data[s.at : s.at+int(d.InputOffset())]
	if fault := lenient(token, raw); fault != "" {
		return &xml.SyntaxError{Msg: fault, Line: s.line()}
	}
	s.at += len(raw)
	switch t := token.(type) {
	case xml.StartElement:
		if strings.ContainsAny(raw, "\n\t\r") {
			t = s.normalized([]byte(raw), t)
		}
		s.kind, s.name, s.attrs = tokenStart, t.Name, append(s.attrs[:0], t.Attr...)
		s.closes = strings.HasSuffix(raw, "/>")
	case xml.EndElement:
		s.kind, s.name = tokenEnd, t.Name
	case xml.CharData:
		s.kind, s.text = tokenText, string(t)
	case xml.Comment:
		s.kind, s.text = tokenComment, string(t)
	case xml.ProcInst:
		s.kind, s.name, s.text = tokenInstruction, xml.Name{Local: t.Target}, string(t.Inst)
	case xml.Directive:
		s.kind, s.text = tokenDirective, string(t)
	}
	return nil
}

var (
	noCharacter   = regexp.MustCompile(`&#(?:x0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*5(?:529[6-9]|5[3-9][0-9]{2}|[67][0-9]{3}));`)
	attributeEnds = regexp.MustCompile(`=\s*(?:"[^"]*"|'[^']*')[^\s/>]`)
)

// lenient says what encoding/xml lets pass in a token that is not well-formed, "" if there
// is nothing.
func lenient(token xml.Token, raw string) string {
	_, starts := token.(xml.StartElement)
	_, isText := token.(xml.CharData)
	_, isDirective := token.(xml.Directive) // without its comments
	switch {
	case starts && attributeEnds.MatchString(raw):
		return "no blank between two attributes"
	case (starts || isText && !strings.HasPrefix(raw, "<![CDATA[")) && noCharacter.MatchString(raw):
		return "reference to half of a surrogate pair"
	case isDirective && IndexInvalid(raw) >= 0:
		return "a character that XML does not allow"
	}
	return ""
}

// normalized reads a start tag again in which line ends and tabs within values are
// blanks, as XML wants it for all but character references.
func (s *scanner) normalized(raw []byte, t xml.StartElement) xml.StartElement {
	changed := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if len(changed) == len(raw) {
		changed = bytes.Clone(raw)
	}
	quote := byte(0)
	for i, c := range changed {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		case quote != 0 && (c == '\n' || c == '\t' || c == '\r'):
			changed[i] = ' '
		}
	}
	if again, err := xml.NewDecoder(&tokenReader{ctx: s.ctx, data: string(changed)}).RawToken(); err == nil {
		if start, ok := again.(xml.StartElement); ok {
			return start
		}
	}
	return t // with an entity of the document's own, which keeps its line ends
}

// skipSpace returns where the first byte after white space is.
func skipSpace(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	return at
}

// nameAt reads a name of ASCII letters, with at most one prefix. n is its length, 0 if it
// is another.
func nameAt(text string, from int) (name xml.Name, n int) {
	colon, at := -1, from
	for ; at < len(text); at++ {
		switch c := text[at]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case at > from && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		case at > from && c == ':' && colon < 0:
			colon = at
		case c >= utf8.RuneSelf, c == ':':
			return name, 0
		default:
			return split(text[from:at], colon-from)
		}
	}
	return split(text[from:at], colon-from)
}

func split(text string, colon int) (xml.Name, int) {
	switch {
	case colon < 0:
		return xml.Name{Local: text}, len(text)
	case colon == len(text)-1:
		return xml.Name{}, 0
	}
	return xml.Name{Space: text[:colon], Local: text[colon+1:]}, len(text)
}

// decodedText returns what a text stands for: line ends are one character, references what
// they stand for, and white space in the value of an attribute is blanks. It is not for
// texts with what XML does not allow, or with entities that are not XML's own.
//
// It gives up when the context ends, which reading the token by encoding/xml finds, too.
func (s *scanner) decodedText(text string, isCDATA, isValue bool) (string, bool) {
	first := s.plainLength(text, isCDATA, isValue)
	if first == len(text) {
		return text, true
	}
	out := make([]byte, 0, len(text))
	out = append(out, text[:first]...)
	for i, look := first, first; i < len(text); {
		if i >= look {
			if look = i + checkEvery; s.ctx.Err() != nil {
				return "", false
			}
		}
		switch c := text[i]; {
		case c == '\r':
			if i++; i < len(text) && text[i] == '\n' {
				i++
			}
			c = '\n'
			if isValue {
				c = ' '
			}
			out = append(out, c)
		case isValue && (c == '\n' || c == '\t'):
			out = append(out, ' ')
			i++
		case c == '&' && !isCDATA:
			r, n := reference(text[i:])
			if n == 0 {
				return "", false
			}
			out = utf8.AppendRune(out, r)
			i += n
		case c == '<' && isValue:
			return "", false
		case c < utf8.RuneSelf:
			if !isCharacter(rune(c)) {
				return "", false
			}
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 || !isCharacter(r) {
				return "", false
			}
			out = append(out, text[i:i+n]...)
			i += n
		}
	}
	return string(out), true
}

// plainLength is the length of the text that stands for itself.
func (s *scanner) plainLength(text string, isCDATA, isValue bool) int {
	for i, look := 0, checkEvery; i < len(text); i++ {
		if i >= look {
			if look = i + checkEvery; s.ctx.Err() != nil {
				return i
			}
		}
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 || !isCharacter(r) {
				return i
			}
			i += n - 1
		case c == '\r', c == '&' && !isCDATA, c < ' ' && (isValue || c != '\n' && c != '\t'), c == '<' && isValue:
			return i
		}
	}
	return len(text)
}

// reference reads a reference to a character or to one of XML's own entities. n is its
// length, 0 for any other.
func reference(text string) (r rune, n int) {
	const longest = 12
	end := strings.IndexByte(text[:min(len(text), longest)], ';')
	if end < 0 {
		return 0, 0
	}
	switch name := text[1:end]; {
	case name == "lt":
		r = '<'
	case name == "gt":
		r = '>'
	case name == "amp":
		r = '&'
	case name == "apos":
		r = '\''
	case name == "quot":
		r = '"'
	case strings.HasPrefix(name, "#x"):
		r = number(name[2:], 16)
	case strings.HasPrefix(name, "#"):
		r = number(name[1:], 10)
	}
	if !isCharacter(r) {
		return 0, 0
	}
	return r, end + 1
}

// number reads the digits of a character, 0 if they are none.
func number(digits string, base rune) (n rune) {
	for i := range len(digits) {
		d := rune(digits[i])
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case base == 16 && d >= 'a' && d <= 'f':
			d -= 'a' - 10
		case base == 16 && d >= 'A' && d <= 'F':
			d -= 'A' - 10
		default:
			return 0
		}
		if n = n*base + d; n > utf8.MaxRune {
			return 0
		}
	}
	return n
}

// IndexInvalid returns the index of the first character that XML does not allow, or of the
// first byte that is not UTF-8; -1 if there is neither.
func IndexInvalid(text string) int {
	for i, r := range text {
		if !isCharacter(r) || r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}

// isCharacter reports whether XML allows a character.
func isCharacter(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}
