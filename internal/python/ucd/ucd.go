// Package ucd is the database of characters that Python has: categories, properties
// and cases.
//
// They are those of CPython 3.11, which stands on Unicode 14, whatever the tables of
// the Go release are that compiles this: a character of a later Unicode is one that is
// not assigned. The tables are written by testdata/oracle.py from CPython's own.
package ucd

import "sort"

// kind is what many characters have in common.
type kind struct {
	category string
	held     property
}

type property uint8

const (
	isDigit property = 1 << iota
	isNumeric
	isLower
	isUpper
	isIgnorable // does not count when a final sigma is looked for
	isStart
	isPart
	isSpace
)

// near holds the kinds of the characters that are met most.
var near = func() (all [0x800]uint8) {
	for i, next := 0, 1; i < len(all); i++ {
		for int(runs[next]>>8) <= i {
			next++
		}
		all[i] = uint8(runs[next-1])
	}
	return all
}()

func kindOf(r rune) *kind {
	if uint32(r) < uint32(len(near)) {
		return &kinds[near[r]]
	}
	if r < 0 {
		return &kinds[0]
	}
	i := sort.Search(len(runs), func(i int) bool { return runs[i]>>8 > uint32(r) })
	return &kinds[uint8(runs[i-1])]
}

func has(r rune, p property) bool { return kindOf(r).held&p != 0 }

// Category returns the general category of a character, Cn for one that is not assigned.
func Category(r rune) string { return kindOf(r).category }

// IsAssigned reports whether Python knows a character.
func IsAssigned(r rune) bool { return kindOf(r).category != "Cn" }

// IsAlpha is str.isalpha() of a character.
func IsAlpha(r rune) bool { return kindOf(r).category[0] == 'L' }

// IsDecimal is str.isdecimal() of a character.
func IsDecimal(r rune) bool { return kindOf(r).category == "Nd" }

// IsDigit is str.isdigit() of a character.
func IsDigit(r rune) bool { return has(r, isDigit) }

// IsNumeric is str.isnumeric() of a character.
func IsNumeric(r rune) bool { return has(r, isNumeric) }

// IsAlnum is str.isalnum() of a character.
func IsAlnum(r rune) bool { k := kindOf(r); return k.category[0] == 'L' || k.held&isNumeric != 0 }

// IsLower and IsUpper are Unicode's properties Lowercase and Uppercase, which are wider
// than the letters of these kinds: ⓐ and Ⓐ have them.
func IsLower(r rune) bool { return has(r, isLower) }

// IsUpper is str.isupper() of a character.
func IsUpper(r rune) bool { return has(r, isUpper) }

// IsTitle reports whether a character is a title case of its own, such as ǅ.
func IsTitle(r rune) bool { return kindOf(r).category == "Lt" }

// IsCased reports whether a character has a case.
func IsCased(r rune) bool { return has(r, isLower|isUpper) || IsTitle(r) }

// IsSpace is str.isspace() of a character.
func IsSpace(r rune) bool { return has(r, isSpace) }

// IsPrintable is str.isprintable() of a character.
func IsPrintable(r rune) bool {
	switch c := kindOf(r).category; c[0] {
	case 'L', 'M', 'N', 'P', 'S':
		return true
	default:
		return r == ' '
	}
}

// IsIDStart reports whether an identifier can begin with a character.
func IsIDStart(r rune) bool { return has(r, isStart) }

// IsIDPart reports whether an identifier can go on with a character.
func IsIDPart(r rune) bool { return has(r, isPart) }
