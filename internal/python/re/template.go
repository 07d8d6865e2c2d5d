package re

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
)

// Template is a replacement text, as the second argument of re.sub: literal text,
// and groups. It may be used by several goroutines.
type Template struct{ parts []templatePart }

type templatePart struct {
	text  string
	group int // -1 for text
}

// Template compiles a replacement text for the pattern. The error is an [*Error] or
// a [*GroupError].
func (p *Pattern) Template(source string) (*Template, error) {
	if source == "" {
		return &Template{}, nil
	}
	if !strings.Contains(source, `\`) && utf8.ValidString(source) {
		return &Template{[]templatePart{{text: source, group: -1}}}, nil
	}
	s, err := newScanner(source)
	if err != nil {
		return nil, err
	}
	r := &templateReader{scanner: s, pattern: p}
	for s.next != "" {
		unit, err := s.take()
		if err == nil {
			err = r.unit(unit)
		}
		if err != nil {
			return nil, err
		}
	}
	return &Template{r.parts}, nil
}

// BytesTemplate is [Pattern.Template] for a pattern of bytes.
func (p *Pattern) BytesTemplate(source []byte) (*Template, error) {
	t, err := p.Template(encode(bytesAsRunes(source)))
	if err != nil {
		return nil, err
	}
	for i := range t.parts {
		t.parts[i].text = runesAsBytes(decode(t.parts[i].text))
	}
	return t, nil
}

type templateReader struct {
	*scanner
	pattern *Pattern
	parts   []templatePart
}

func (r *templateReader) text(s string) {
	if n := len(r.parts); n > 0 && r.parts[n-1].group < 0 {
		r.parts[n-1].text += s
		return
	}
	r.parts = append(r.parts, templatePart{s, -1})
}

func (r *templateReader) group(n, back int) error {
	if n > r.pattern.Groups() {
		return r.fault("invalid group reference "+strconv.Itoa(n), back)
	}
	r.parts = append(r.parts, templatePart{group: n})
	return nil
}

func (r *templateReader) unit(unit string) error {
	if unit[0] != '\\' {
		r.text(unit)
		return nil
	}
	c := first(unit[1:])
	switch {
	case c == 'g':
		return r.named()
	case c == '0':
		more, err := r.while(2, octalDigits)
		n, _ := strconv.ParseInt("0"+more, 8, 32)
		r.text(encode([]rune{rune(n) & 0xff}))
		return err
	case '1' <= c && c <= '9':
		return r.numbered(unit)
	case c == 'b':
		r.text("\b")
	case plainEscapes[c] != 0:
		r.text(string(plainEscapes[c]))
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return r.fault("bad escape "+unit, len(unit))
	default:
		r.text(unit)
	}
	return nil
}

// numbered reads \1, \12, or an octal escape of three digits.
func (r *templateReader) numbered(unit string) error {
	if r.next != "" && strings.Contains(decimalDigits, r.next) {
		digit, err := r.take()
		if err != nil {
			return err
		}
		unit += digit
		if strings.Contains(octalDigits, unit[1:2]) && strings.Contains(octalDigits, digit) &&
			r.next != "" && strings.Contains(octalDigits, r.next) {
			c, err := r.octal(unit)
			r.text(encode([]rune{c}))
			return err
		}
	}
	n, _ := strconv.Atoi(unit[1:])
	return r.group(n, len(unit)-1)
}

// named reads the rest of \g<name> and \g<1>.
func (r *templateReader) named() error {
	opened, err := r.accept("<")
	if err == nil && !opened {
		err = r.fault("missing <", 0)
	}
	if err != nil {
		return err
	}
	name, err := r.until(">", "group name")
	if err != nil {
		return err
	}
	if syntax.IsIdentifier(name) {
		n, ok := r.pattern.Group(name)
		if !ok {
			return &GroupError{name}
		}
		return r.group(n, length(name)+1)
	}
	n, err := strconv.Atoi(strings.TrimSpace(name))
	if err != nil || n < 0 {
		return r.fault(fmt.Sprintf("bad character in group name %s", quote(name)), length(name)+1)
	}
	return r.group(n, length(name)+1)
}

// Size is how many bytes what Expand returns has at most.
func (t *Template) Size(m *Match) int {
	size := 0
	for _, part := range t.parts {
		if part.group < 0 {
			size += len(part.text)
			continue
		}
		if from, to := m.Span(part.group); to > from {
			size += 4 * (to - from) // at most, in UTF-8
		}
	}
	return size
}

// Expand returns what a match is replaced by. A group that took no part is "".
func (t *Template) Expand(m *Match) string {
	if len(t.parts) == 1 && t.parts[0].group < 0 {
		return t.parts[0].text
	}
	var b strings.Builder
	for _, part := range t.parts {
		if part.group < 0 {
			b.WriteString(part.text)
			continue
		}
		text, _ := m.Group(part.group)
		b.WriteString(text)
	}
	return b.String()
}
