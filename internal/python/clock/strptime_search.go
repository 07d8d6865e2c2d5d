package clock

import (
	"strings"
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// patterns are the regular expressions that CPython's _strptime makes of directives, in
// the C locale. The first alternative that lets the rest of the format match is taken.
var patterns = map[byte]string{
	'd': `3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]`,
	'f': `[0-9]{1,6}`,
	'H': `2[0-3]|[0-1]\d|\d`,
	'I': `1[0-2]|0[1-9]|[1-9]`,
	'G': `\d\d\d\d`,
	'j': `36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]`,
	'm': `1[0-2]|0[1-9]|[1-9]`,
	'M': `[0-5]\d|\d`,
	'S': `6[0-1]|[0-5]\d|\d`,
	'U': `5[0-3]|[0-4]\d|\d`,
	'W': `5[0-3]|[0-4]\d|\d`,
	'w': `[0-6]`,
	'u': `[1-7]`,
	'V': `5[0-3]|0[1-9]|[1-4]\d|\d`,
	'y': `\d\d`,
	'Y': `\d\d\d\d`,
	'z': `[+-]\d\d:?[0-5]\d(:?[0-5]\d(\.\d{1,6})?)?|(?-i:Z)`,
	'A': `wednesday|thursday|saturday|tuesday|monday|friday|sunday`,
	'a': `mon|tue|wed|thu|fri|sat|sun`,
	'B': `september|february|november|december|january|october|august|march|april|june|july|may`,
	'b': `jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec`,
	'p': `am|pm`,
	'Z': `gmt|utc`,
}

// composed are the directives that stand for others.
var composed = map[byte]string{'c': "%a %b %d %H:%M:%S %Y", 'x': "%m/%d/%y", 'X': "%H:%M:%S"}

// piece is a part of a format: a directive, white space, or a character.
type piece struct {
	directive byte
	space     bool
	literal   rune
}

// search reads the text as CPython does where reading each directive as far as it reaches
// leads nowhere: with what fits the whole format. The error says what is wrong with the
// format.
func (p *timeParser) search(m *pyvalue.Meter, format string) error {
	if err := m.GrowTimes(16, int64(len(p.text)+len(format))); err != nil {
		return err
	}
	s := &formatSearch{text: []rune(p.text), format: format, group: make(map[byte]int), meter: m}
	if err := s.take(format); err != nil {
		return err
	}
	if p.failed = !s.from(0, 0); p.failed {
		return s.err
	}
	rest := string(s.text[s.end:])
	for _, piece := range s.pieces {
		if piece.directive != 0 {
			p.text = plainDigits(s.found[piece.directive])
			p.directive(piece.directive)
		}
	}
	p.text = rest
	return nil
}

// formatSearch matches a text with a format.
type formatSearch struct {
	text   []rune
	format string
	pieces []piece
	found  [128][]rune  // what each directive has matched
	end    int          // where the match ends
	length int          // of the regular expression so far
	group  map[byte]int // the numbers of the groups in it
	meter  *pyvalue.Meter
	err    error // of the meter: nothing matches any more
}

// take adds the pieces of a format.
func (s *formatSearch) take(format string) error {
	runes := []rune(format)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '%' && i+1 == len(runes):
			return pyvalue.Raise("ValueError", "stray %% in format '%s'", s.format)
		case c == '%':
			i++
			if err := s.takeDirective(runes[i]); err != nil {
				return err
			}
		case isPythonSpace(c):
			for i+1 < len(runes) && isPythonSpace(runes[i+1]) {
				i++
			}
			s.pieces = append(s.pieces, piece{space: true})
			s.length += len(`\s+`)
		default:
			s.pieces = append(s.pieces, piece{literal: c})
			if s.length++; strings.ContainsRune(`\.^$*+?(){}[]|`, c) {
				s.length++
			}
		}
	}
	return nil
}

func (s *formatSearch) takeDirective(c rune) error {
	const group = len("(?P<x>)")
	switch {
	case c == '%':
		s.pieces = append(s.pieces, piece{literal: '%'})
		s.length++
		return nil
	case c < unicode.MaxASCII && composed[byte(c)] != "":
		return s.take(composed[byte(c)])
	case c > unicode.MaxASCII || patterns[byte(c)] == "":
		if strings.ContainsRune(`\.^$*+?(){}[]|`, c) {
			c = '%' // CPython has escaped it by then
		} else if isPythonSpace(c) {
			c = '%'
		}
		return pyvalue.Raise("ValueError", "'%c' is a bad directive in format '%s'", c, s.format)
	}
	d := byte(c)
	if before := s.group[d]; before != 0 {
		return pyvalue.Raise("error", "redefinition of group name '%c' as group %d; was group %d at position %d", d, len(s.group)+1, before, s.length+len("(?P<"))
	}
	s.group[d] = len(s.group) + 1
	s.pieces = append(s.pieces, piece{directive: d})
	s.length += group + len(patterns[d])
	return nil
}

// from reports whether the pieces from one on match the text from a place on. It goes
// deeper for directives only, of which a format has each once.
func (s *formatSearch) from(i, at int) bool {
	for ; i < len(s.pieces); i++ {
		if s.err == nil {
			s.err = s.meter.Step(1)
		}
		switch p := s.pieces[i]; {
		case s.err != nil || at == len(s.text):
			return false
		case p.directive != 0:
			return s.choose(i, at, s.lengths(p.directive, s.text[at:]))
		case p.space:
			end := at
			for end < len(s.text) && isPythonSpace(s.text[end]) {
				end++
			}
			if end == at {
				return false
			}
			if end-at > 1 && i+1 < len(s.pieces) && s.pieces[i+1].directive != 0 {
				return s.choose(i, at, []int{end - at, end - at - 1}) // which may begin with one blank
			}
			at = end
		case !sameLetter(s.text[at], p.literal):
			return false
		default:
			at++
		}
	}
	s.end = at
	return true
}

// choose tries the lengths that a directive can take.
func (s *formatSearch) choose(i, at int, lengths []int) bool {
	for _, length := range lengths {
		if s.from(i+1, at+length) {
			s.found[s.pieces[i].directive] = s.text[at : at+length]
			return true
		}
	}
	return false
}

// lengths returns how much of a text a directive can take, in the order of preference.
func (s *formatSearch) lengths(directive byte, text []rune) (list []int) {
	switch directive {
	case 'z':
		p := timeParser{text: string(text)}
		if p.offset(); !p.failed {
			list = append(list, len(text)-len([]rune(p.text)))
		}
		return list
	case 'f':
		for n := 0; n < min(6, len(text)) && text[n] >= '0' && text[n] <= '9'; n++ {
			list = append([]int{n + 1}, list...)
		}
		return list
	}
	for alternative := range strings.SplitSeq(patterns[directive], "|") {
		if n, ok := matchLength(alternative, text); ok {
			list = append(list, n)
		}
	}
	return list
}

// matchLength matches the beginning of a text with letters, \d and ranges.
func matchLength(pattern string, text []rune) (n int, ok bool) {
	for ; pattern != ""; n++ {
		if n == len(text) {
			return 0, false
		}
		fits, length := false, 1
		switch {
		case strings.HasPrefix(pattern, `\d`):
			fits, length = unicode.IsDigit(text[n]), len(`\d`)
		case pattern[0] == '[':
			fits, length = text[n] >= rune(pattern[1]) && text[n] <= rune(pattern[3]), len("[a-b]")
		default:
			fits = sameLetter(text[n], rune(pattern[0]))
		}
		if !fits {
			return 0, false
		}
		pattern = pattern[length:]
	}
	return n, true
}

func sameLetter(a, b rune) bool { return a == b || strings.EqualFold(string(a), string(b)) }

// isPythonSpace reports whether \s of Python's re is a character.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// plainDigits writes digits of any script with those of ASCII.
func plainDigits(text []rune) string {
	var out strings.Builder
	for _, r := range text {
		if unicode.IsDigit(r) {
			if n, err := pyvalue.ParseInt(nil, string(r), 10); err == nil {
				digit, _ := n.Int64()
				r = '0' + rune(digit)
			}
		}
		out.WriteRune(r)
	}
	return strings.TrimLeft(out.String(), " ")
}
