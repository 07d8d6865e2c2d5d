package re

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/syntax"
)

const (
	octalDigits = "01234567"
	hexDigits   = "0123456789abcdefABCDEF"
)

// plainEscapes stand for the same character everywhere.
var plainEscapes = map[rune]rune{'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\'}

var positions = map[rune]position{'A': textBeginning, 'b': boundary, 'B': notBoundary, 'Z': textEnd}

// escape reads what a backslash begins outside of brackets.
func (p *parser) escape(unit string) (*node, error) {
	c := first(unit[1:])
	if where, ok := positions[c]; ok {
		return &node{kind: at, at: where}, nil
	}
	if kind, ok := categories[c]; ok {
		return &node{kind: set, class: &class{kinds: []category{kind}}}, nil
	}
	if c == '0' {
		more, err := p.while(2, octalDigits)
		if err != nil {
			return nil, err
		}
		n, _ := strconv.ParseInt("0"+more, 8, 32) // at most three digits of eight
		return &node{kind: literal, char: rune(n)}, nil
	}
	if '1' <= c && c <= '9' {
		return p.backReference(unit)
	}
	r, err := p.character(unit)
	return &node{kind: literal, char: r}, err
}

// backReference reads \1 and the like, or an octal escape of three digits.
func (p *parser) backReference(unit string) (*node, error) {
	if p.next != "" && strings.Contains(decimalDigits, p.next) {
		digit, err := p.take()
		if err != nil {
			return nil, err
		}
		unit += digit
		if strings.Contains(octalDigits, unit[1:2]) && strings.Contains(octalDigits, digit) &&
			p.next != "" && strings.Contains(octalDigits, p.next) {
			r, err := p.octal(unit)
			return &node{kind: literal, char: r}, err
		}
	}
	n, _ := strconv.Atoi(unit[1:]) // one or two digits
	if n >= len(p.groups) {
		return nil, p.fault("invalid group reference "+strconv.Itoa(n), len(unit)-1)
	}
	if p.groups[n] == nil {
		return nil, p.fault("cannot refer to an open group", len(unit))
	}
	if err := p.checkLookbehind(n); err != nil {
		return nil, err
	}
	return &node{kind: ref, group: n}, nil
}

// checkLookbehind refuses a reference from within a look-behind to a group of its own.
func (p *parser) checkLookbehind(group int) error {
	switch {
	case p.lookbehind == 0:
		return nil
	case group >= len(p.groups) || p.groups[group] == nil:
		return p.fault("cannot refer to an open group", 0)
	case group >= p.lookbehind:
		return p.fault("cannot refer to group defined in the same lookbehind subpattern", 0)
	}
	return nil
}

// octal reads the rest of an octal escape, whose first one or two digits unit has.
func (p *scanner) octal(unit string) (rune, error) {
	more, err := p.while(4-len(unit), octalDigits)
	if err != nil {
		return 0, err
	}
	unit += more
	n, _ := strconv.ParseInt(unit[1:], 8, 32)
	if n > 0o377 {
		return 0, p.fault(fmt.Sprintf("octal escape value %s outside of range 0-0o377", unit), len(unit))
	}
	return rune(n), nil
}

// character reads an escape that stands for one character.
func (p *parser) character(unit string) (rune, error) {
	c := first(unit[1:])
	if r, ok := plainEscapes[c]; ok {
		return r, nil
	}
	switch c {
	case 'x':
		return p.hex(unit, 2)
	case 'u':
		return p.hex(unit, 4)
	case 'U':
		return p.hex(unit, 8)
	case 'N':
		return p.named()
	}
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return 0, p.fault("bad escape "+unit, len(unit))
	}
	return c, nil
}

func (p *parser) hex(unit string, digits int) (rune, error) {
	text, err := p.while(digits, hexDigits)
	if err != nil {
		return 0, err
	}
	unit += text
	if len(text) < digits {
		return 0, p.fault("incomplete escape "+unit, len(unit))
	}
	n, _ := strconv.ParseUint(text, 16, 32)
	if n > 0x10FFFF {
		return 0, p.fault("bad escape "+unit, len(unit))
	}
	return rune(n), nil
}

// named reads the rest of \N{EM DASH}.
func (p *parser) named() (rune, error) {
	if opened, err := p.accept("{"); err != nil {
		return 0, err
	} else if !opened {
		return 0, p.fault("missing {", 0)
	}
	name, err := p.until("}", "character name")
	if err != nil {
		return 0, err
	}
	r, ok := syntax.LookUpName(name)
	if !ok {
		return 0, p.fault("undefined character name "+quote(name), length(name)+len(`\N{}`))
	}
	return r, nil
}
