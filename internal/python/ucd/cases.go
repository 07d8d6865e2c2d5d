package ucd

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/exportpipeline/exportpipeline/internal/longtext"
)

// Lower is str.lower().
func Lower(s string) string { return atOnce(LowerWithin, s) }

// LowerWithin is [Lower] with looks at a long text, as for [longtext.Pieces].
func LowerWithin(s string, look longtext.Look) (string, error) {
	if isShort(s) {
		return strings.ToLower(s), nil
	}
	return eachPiece(s, look, strings.ToLower, lowerAt)
}

func atOnce(f func(string, longtext.Look) (string, error), s string) string {
	made, _ := f(s, func(int) error { return nil }) // which nothing ends
	return made
}

// isShort reports a text of ASCII that is changed at once.
func isShort(s string) bool { return len(s) <= longtext.Piece && isASCII(s) }

// eachPiece changes a text. A piece that is ASCII is changed by quick, unless that is nil,
// of others each character, whose place in the text f gets.
func eachPiece(s string, look longtext.Look, quick func(string) string, f func(s string, at int, r rune) string) (string, error) {
	var b strings.Builder
	from := 0
	err := longtext.Pieces(s, look, func(piece string) error {
		if quick != nil && isASCII(piece) {
			piece = quick(piece)
			b.WriteString(piece)
			from += len(piece)
			return nil
		}
		for at, r := range piece {
			b.WriteString(f(s, from+at, r))
		}
		from += len(piece)
		return nil
	})
	return b.String(), err
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
func lowerAt(s string, at int, r rune) string {
	switch {
	case r == 'İ':
		return "i\u0307"
	case r == 'Σ' && finalSigma(s, at):
		return "ς"
	default:
		return string(LowerRune(r))
	}
}

func finalSigma(s string, at int) bool {
	before := strings.TrimRightFunc(s[:at], isIgnored)
	last, _ := utf8.DecodeLastRuneInString(before)
	if before == "" || !IsCased(last) {
		return false
	}
	after := strings.TrimLeftFunc(s[at+len("Σ"):], isIgnored)
	next, _ := utf8.DecodeRuneInString(after)
	return after == "" || !IsCased(next)
}

func isIgnored(r rune) bool { return has(r, isIgnorable) }

// Upper is str.upper().
func Upper(s string) string { return atOnce(UpperWithin, s) }

// UpperWithin is [Upper] with looks at a long text.
func UpperWithin(s string, look longtext.Look) (string, error) {
	return changed(s, look, strings.ToUpper, cases.Upper(language.Und), isUnknown)
}

// Casefold is str.casefold(). Cherokee is folded to its capitals.
func Casefold(s string) string { return atOnce(CasefoldWithin, s) }

// CasefoldWithin is [Casefold] with looks at a long text.
func CasefoldWithin(s string, look longtext.Look) (string, error) {
	return changed(s, look, strings.ToLower, cases.Fold(), func(r rune) bool { return r >= 'Ꭰ' && r <= 'Ᏽ' || isUnknown(r) })
}

func isUnknown(r rune) bool { return !IsAssigned(r) }

// changed is what a caser makes of a text, besides the characters that stay, and those that
// become what is unknown. No character depends on the others. ASCII is changed by quick.
func changed(s string, look longtext.Look, quick func(string) string, c cases.Caser, stays func(rune) bool) (string, error) {
	if isShort(s) {
		return quick(s), nil
	}
	var b strings.Builder
	err := longtext.Pieces(s, look, func(piece string) error {
		if isASCII(piece) {
			b.WriteString(quick(piece))
			return nil
		}
		all := c.String(piece)
		if !strings.ContainsFunc(piece, stays) && !strings.ContainsFunc(all, isUnknown) {
			b.WriteString(all)
			return nil
		}
		for _, r := range piece {
			one := string(r)
			if now := c.String(one); !stays(r) && !strings.ContainsFunc(now, isUnknown) {
				one = now
			}
			b.WriteString(one)
		}
		return nil
	})
	return b.String(), err
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
func Title(s string) string { return atOnce(TitleWithin, s) }

// TitleWithin is [Title] with looks at a long text.
func TitleWithin(s string, look longtext.Look) (string, error) {
	inWord := false
	return eachPiece(s, look, nil, func(s string, at int, r rune) string {
		began := !inWord
		inWord = IsCased(r)
		if began {
			return titleRune(r)
		}
		return lowerAt(s, at, r)
	})
}

// Capitalize is str.capitalize().
func Capitalize(s string) string { return atOnce(CapitalizeWithin, s) }

// CapitalizeWithin is [Capitalize] with looks at a long text.
func CapitalizeWithin(s string, look longtext.Look) (string, error) {
	return eachPiece(s, look, nil, func(s string, at int, r rune) string {
		if at == 0 {
			return titleRune(r)
		}
		return lowerAt(s, at, r)
	})
}

// Swapcase is str.swapcase().
func Swapcase(s string) string { return atOnce(SwapcaseWithin, s) }

// SwapcaseWithin is [Swapcase] with looks at a long text.
func SwapcaseWithin(s string, look longtext.Look) (string, error) {
	return eachPiece(s, look, nil, func(s string, at int, r rune) string {
		switch {
		case IsUpper(r):
			return lowerAt(s, at, r)
		case IsLower(r):
			return Upper(string(r))
		}
		return string(r)
	})
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
