package re

import (
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// category is a set of characters that a backslash names.
type category uint8

const (
	digits category = iota
	notDigits
	spaces
	notSpaces
	wordChars
	notWordChars
)

var categories = map[rune]category{'d': digits, 'D': notDigits, 's': spaces, 'S': notSpaces, 'w': wordChars, 'W': notWordChars}

func (c category) holds(r rune, ascii bool) bool {
	switch c {
	case digits, notDigits:
		return isDigit(r, ascii) == (c == digits)
	case spaces, notSpaces:
		return isSpace(r, ascii) == (c == spaces)
	default:
		return isWord(r, ascii) == (c == wordChars)
	}
}

func isDigit(r rune, ascii bool) bool {
	if r < 0x80 || ascii {
		return '0' <= r && r <= '9'
	}
	return ucd.IsDecimal(r)
}

// isSpace is str.isspace: what is a separator by its bidirectional class, too.
func isSpace(r rune, ascii bool) bool {
	switch {
	case r == ' ' || '\t' <= r && r <= '\r':
		return true
	case ascii:
		return false
	}
	return ucd.IsSpace(r)
}

// isWord is str.isalnum or the underscore.
func isWord(r rune, ascii bool) bool {
	if r < 0x80 || ascii {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return ucd.IsAlnum(r)
}

func lower(r rune, ascii bool) rune {
	if r < 0x80 || ascii {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return ucd.LowerRune(r)
}

// sameCase lists lower-case characters that have an upper case in common, so that
// Python takes them for the same when case does not count.
var sameCase = func() map[rune][]rune {
	m := make(map[rune][]rune)
	for _, class := range [][]rune{
		{'i', 0x131}, {'s', 0x17f}, {0xb5, 0x3bc}, {0x345, 0x3b9, 0x1fbe}, {0x390, 0x1fd3}, {0x3b0, 0x1fe3},
		{0x3b2, 0x3d0}, {0x3b5, 0x3f5}, {0x3b8, 0x3d1}, {0x3ba, 0x3f0}, {0x3c0, 0x3d6}, {0x3c1, 0x3f1}, {0x3c2, 0x3c3}, {0x3c6, 0x3d5},
		{0x432, 0x1c80}, {0x434, 0x1c81}, {0x43e, 0x1c82}, {0x441, 0x1c83}, {0x442, 0x1c84, 0x1c85}, {0x44a, 0x1c86}, {0x463, 0x1c87},
		{0x1c88, 0xa64b}, {0x1e61, 0x1e9b}, {0xfb05, 0xfb06},
	} {
		for _, r := range class {
			m[r] = class
		}
	}
	return m
}()

// class is a set of characters in brackets.
type class struct {
	negate bool
	ranges []runeRange
	kinds  []category
}

type runeRange struct{ lo, hi rune }

func (c *class) holds(r rune, ascii bool) bool {
	for _, g := range c.ranges {
		if g.lo <= r && r <= g.hi {
			return !c.negate
		}
	}
	for _, k := range c.kinds {
		if k.holds(r, ascii) {
			return !c.negate
		}
	}
	return c.negate
}

// holdsFolded is holds where case does not count: a member counts as its lower case,
// and as what has the same upper case.
func (c *class) holdsFolded(r rune, ascii bool) bool {
	r = lower(r, ascii)
	for _, k := range c.kinds {
		if k.holds(r, ascii) {
			return !c.negate
		}
	}
	same := []rune{r}
	if !ascii && sameCase[r] != nil {
		same = sameCase[r]
	}
	for _, low := range same {
		for member := low; ; {
			if lower(member, ascii) == low {
				for _, g := range c.ranges {
					if g.lo <= member && member <= g.hi {
						return !c.negate
					}
				}
			}
			if member = unicode.SimpleFold(member); member == low {
				break
			}
		}
	}
	return c.negate
}
