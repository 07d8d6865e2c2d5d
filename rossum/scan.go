package rossum

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deeply a payload may nest. A real one needs about a dozen
// levels; the bound keeps a hostile one from exhausting the stack.
const maxDepth = 512

// span is a stretch of the payload's bytes. The zero span stands for "absent".
type span struct{ from, to int }

func (s span) present() bool { return s.to > s.from }

// scanner reads JSON once, front to back, and checks its grammar on the way.
// It keeps offsets instead of copies, so that a payload of tens of megabytes
// costs little more than its own bytes.
type scanner struct {
	data    []byte
	pos     int
	depth   int
	escaped bool // the string read last holds an escape
}

// name returns the literal of the key that was read last, without escapes: keys
// are compared as what they mean, not as how they are spelt.
func (s *scanner) name(key span) string {
	literal := s.data[key.from:key.to]
	if s.escaped {
		return string(encode(unquote(literal)))
	}
	return view(literal)
}

// SyntaxError says where a payload stops being JSON.
type SyntaxError struct {
	Offset int64  // in bytes, from the beginning of the body
	Msg    string // what was found and what was expected
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("payload is not valid JSON: %s at byte %d", e.Msg, e.Offset)
}

func (s *scanner) fail(msg string) error { return &SyntaxError{Offset: int64(s.pos), Msg: msg} }

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return s.fail(fmt.Sprintf("nesting deeper than %d levels", maxDepth))
	}
	return nil
}

// object calls member for every member of the object at the position. The
// callback must consume the value, for example with skip.
func (s *scanner) object(member func(key span) error) error {
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		return s.fail("expected an object")
	}
	if err := s.enter(); err != nil {
		return err
	}
	s.pos++
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == '}' {
		s.pos++
		s.depth--
		return nil
	}
	for {
		s.space()
		key, err := s.str()
		if err != nil {
			return err
		}
		s.space()
		if s.pos >= len(s.data) || s.data[s.pos] != ':' {
			return s.fail("expected ':' after a key")
		}
		s.pos++
		s.space()
		if err := member(key); err != nil {
			return err
		}
		more, err := s.next('}')
		if err != nil || !more {
			return err
		}
	}
}

// array calls element for every element of the array at the position. The
// callback must consume the value.
func (s *scanner) array(element func(i int) error) error {
	if s.pos >= len(s.data) || s.data[s.pos] != '[' {
		return s.fail("expected a list")
	}
	if err := s.enter(); err != nil {
		return err
	}
	s.pos++
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == ']' {
		s.pos++
		s.depth--
		return nil
	}
	for i := 0; ; i++ {
		s.space()
		if err := element(i); err != nil {
			return err
		}
		more, err := s.next(']')
		if err != nil || !more {
			return err
		}
	}
}

// next consumes the comma or the closing bracket after a member.
func (s *scanner) next(closing byte) (more bool, err error) {
	s.space()
	if s.pos >= len(s.data) {
		return false, s.fail("unexpected end of the body")
	}
	switch s.data[s.pos] {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		s.depth--
		return false, nil
	}
	return false, s.fail(fmt.Sprintf("expected ',' or %q", closing))
}

// skip consumes any value and returns where it stands.
func (s *scanner) skip() (span, error) {
	from := s.pos
	if from >= len(s.data) {
		return span{}, s.fail("unexpected end of the body")
	}
	var err error
	switch c := s.data[from]; {
	case c == '"':
		_, err = s.str()
	case c == '{':
		err = s.object(func(span) error { _, err := s.skip(); return err })
	case c == '[':
		err = s.array(func(int) error { _, err := s.skip(); return err })
	case c == 't':
		err = s.literal("true")
	case c == 'f':
		err = s.literal("false")
	case c == 'n':
		err = s.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		err = s.number()
	default:
		err = s.fail("expected a value")
	}
	return span{from, s.pos}, err
}

func (s *scanner) literal(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.fail("expected " + word)
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) number() error {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.data) && s.data[s.pos] == '0':
		s.pos++
	case !s.digits():
		return s.fail("expected a digit")
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("expected a digit after the decimal point")
		}
	}
	if s.pos < len(s.data) && (s.data[s.pos] == 'e' || s.data[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.fail("expected a digit in the exponent")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	from := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > from
}

// plain tells which bytes a string may hold as they are, without a second look.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str consumes a string and returns it with its quotes.
func (s *scanner) str() (span, error) {
	from := s.pos
	if from >= len(s.data) || s.data[from] != '"' {
		return span{}, s.fail("expected a string")
	}
	data := s.data
	s.escaped = false
	for i := from + 1; i < len(data); i++ {
		c := data[i]
		if plain[c] {
			continue
		}
		switch {
		case c == '"':
			s.pos = i + 1
			return span{from, i + 1}, nil
		case c < 0x20:
			s.pos = i
			return span{}, s.fail("control character in a string")
		}
		n := escapeLen(data[i:])
		if n == 0 {
			s.pos = i
			return span{}, s.fail("invalid escape in a string")
		}
		s.escaped = true
		i += n - 1
	}
	s.pos = len(data)
	return span{}, s.fail("unexpected end of the body inside a string")
}

// escapeLen returns the length of the escape sequence at the start of b, 0 for
// an invalid one.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote decodes a scanned string literal. A literal without escapes is a
// view of data: the payload's bytes never change once they are parsed.
func unquote(lit []byte) string {
	lit = lit[1 : len(lit)-1]
	clean := utf8.Valid(lit)
	for i := 0; clean && i < len(lit); i++ {
		clean = lit[i] != '\\'
	}
	if clean {
		return view(lit)
	}
	out := make([]byte, 0, len(lit))
	for i := 0; i < len(lit); {
		switch c := lit[i]; {
		case c == '\\':
			r, n := unescape(lit[i:])
			out = utf8.AppendRune(out, r)
			i += n
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			// Invalid UTF-8 becomes U+FFFD, as in encoding/json.
			r, n := utf8.DecodeRune(lit[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return view(out)
}

var shortEscapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func unescape(b []byte) (rune, int) {
	if b[1] != 'u' {
		return shortEscapes[b[1]], 2
	}
	r, _ := hex4(b[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return utf8.RuneError, 6
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
