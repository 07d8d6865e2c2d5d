package ucd

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Lower is str.lower().
func Lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	all := []rune(s)
	for i := range all {
		b.WriteString(lowerAt(all, i))
	}
	return b.String()
}

// LowerRune is the lower case of a character, as far as that is one character.
func LowerRune(r rune) rune { return known(r, unicode.ToLower(r)) }

// known is what becomes of a character, or itself where only a later Unicode knows
// that.
func known(r, became rune) rune {
	if became == r || IsAssigned(r) && IsAssigned(became) {
		return became
	}
	return r
}

// lowerAt is the lower case of a character, which of a sigma depends on its place.
// There is one character whose lower case is two.
func lowerAt(all []rune, i int) string {
	switch r := all[i]; {
	case r == 'İ':
		return "i\u0307"
	case r == 'Σ' && finalSigma(all, i):
		return "ς"
	default:
		return string(LowerRune(r))
	}
}

func finalSigma(all []rune, i int) bool {
	before, after := i-1, i+1
	for before >= 0 && has(all[before], isIgnorable) {
		before--
	}
	for after < len(all) && has(all[after], isIgnorable) {
		after++
	}
	return before >= 0 && IsCased(all[before]) && (after == len(all) || !IsCased(all[after]))
}

// Upper is str.upper().
func Upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return changed(s, cases.Upper(language.Und), isUnknown)
}

// Casefold is str.casefold(). Cherokee is folded to its capitals.
func Casefold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return changed(s, cases.Fold(), func(r rune) bool { return r >= 'Ꭰ' && r <= 'Ᏽ' || isUnknown(r) })
}

func isUnknown(r rune) bool { return !IsAssigned(r) }

// changed is what a caser makes of a text, besides the characters that stay, and those that
// become what is unknown.
func changed(s string, c cases.Caser, stays func(rune) bool) string {
	all := c.String(s)
	if !strings.ContainsFunc(s, stays) && !strings.ContainsFunc(all, isUnknown) {
		return all // no character depends on the others
	}
	var b strings.Builder
	for _, r := range s {
		one := string(r)
		if now := c.String(one); !stays(r) && !strings.ContainsFunc(now, isUnknown) {
			one = now
		}
		b.WriteString(one)
	}
	return b.String()
}

// titleSpecial are characters whose title case is two or three, the first of them a
// capital.
var titleSpecial = map[rune]string{
	'ß': "Ss", 'ﬀ': "Ff", 'ﬁ': "Fi", 'ﬂ': "Fl", 'ﬃ': "Ffi", 'ﬄ': "Ffl", 'ﬅ': "St", 'ﬆ': "St", 'և': "Եւ",
	'ﬓ': "Մն", 'ﬔ': "Մե", 'ﬕ': "Մի", 'ﬖ': "Վն", 'ﬗ': "Մխ",
}

func titleRune(r rune) string {
	if special, ok := titleSpecial[r]; ok {
		return special
	}
	if t := known(r, unicode.ToTitle(r)); t != r || IsTitle(r) {
		return string(t)
	}
	if !IsCased(r) {
		return string(r)
	}
	// Several characters are the upper case, and an iota below stays there.
	all := Upper(string(r))
	if utf8.RuneCountInString(all) == 1 {
		return string(r)
	}
	if rest, ok := strings.CutSuffix(all, "\u0399"); ok && rest != "" {
		return rest + "\u0345"
	}
	return all
}

// Title is str.title().
func Title(s string) string {
	var b strings.Builder
	inWord := false
	all := []rune(s)
	for i, r := range all {
		if inWord {
			b.WriteString(lowerAt(all, i))
		} else {
			b.WriteString(titleRune(r))
		}
		inWord = IsCased(r)
	}
	return b.String()
}

// Capitalize is str.capitalize().
func Capitalize(s string) string {
	var b strings.Builder
	all := []rune(s)
	for i, r := range all {
		if i == 0 {
			b.WriteString(titleRune(r))
		} else {
			b.WriteString(lowerAt(all, i))
		}
	}
	return b.String()
}

// Swapcase is str.swapcase().
func Swapcase(s string) string {
	var b strings.Builder
	all := []rune(s)
	for i, r := range all {
		switch {
		case IsUpper(r):
			b.WriteString(lowerAt(all, i))
		case IsLower(r):
			b.WriteString(Upper(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
