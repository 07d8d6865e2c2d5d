package pyvalue

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// isSpace is str.isspace() of a character.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// isLineEnd reports characters at which str.splitlines() splits.
func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

func isAlpha(r rune) bool { return unicode.IsLetter(r) }

func isDecimal(r rune) bool { return unicode.Is(unicode.Nd, r) }

func isDigit(r rune) bool {
	return isDecimal(r) || strings.ContainsRune("²³¹", r) || r >= '⁰' && r <= '⁹' && r != 'ⁱ' || r >= '₀' && r <= '₉' || r >= '①' && r <= '⑨'
}

func isNumeric(r rune) bool {
	return unicode.IsNumber(r) || strings.ContainsRune("一二三四五六七八九十百千万億兆零〇", r)
}

// hasLower and hasUpper are Unicode's properties Lowercase and Uppercase, which are
// wider than the letters of these kinds: ⓐ and Ⓐ have them.
func hasLower(r rune) bool {
	return unicode.IsLower(r) || r >= 0x80 && unicode.Is(unicode.Other_Lowercase, r)
}

func hasUpper(r rune) bool {
	return unicode.IsUpper(r) || r >= 0x80 && unicode.Is(unicode.Other_Uppercase, r)
}

func isCased(r rune) bool { return hasUpper(r) || hasLower(r) || unicode.IsTitle(r) }

// asciiDigits replaces the decimal digits of other scripts, which int() and
// float() read as well.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !isDecimal(r) {
			return r
		}
		// The ten digits of a script follow each other, from a zero on.
		zero := r
		for n := rune(0); n < 9 && isDecimal(zero-1); n++ {
			zero--
		}
		return '0' + (r-zero)%10
	}, s)
}

// lower is str.lower(), with the one character whose lower case is two.
func lower(s string) string {
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

// lowerAt is the lower case of a character, which of a sigma depends on its place.
func lowerAt(all []rune, i int) string {
	switch r := all[i]; {
	case r == 'İ':
		return "i\u0307"
	case r == 'Σ' && finalSigma(all, i):
		return "ς"
	default:
		return string(unicode.ToLower(r))
	}
}

func finalSigma(all []rune, i int) bool {
	before, after := false, false
	for j := i - 1; j >= 0; j-- {
		if isCased(all[j]) {
			before = true
		} else if caseIgnorable(all[j]) {
			continue
		}
		break
	}
	for j := i + 1; j < len(all); j++ {
		if isCased(all[j]) {
			after = true
		} else if caseIgnorable(all[j]) {
			continue
		}
		break
	}
	return before && !after
}

func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·’․", r)
}

// titleSpecial are characters whose title case is two or three, the first of them a
// capital.
var titleSpecial = map[rune]string{
	'ß': "Ss", 'ﬀ': "Ff", 'ﬁ': "Fi", 'ﬂ': "Fl", 'ﬃ': "Ffi", 'ﬄ': "Ffl", 'ﬅ': "St", 'ﬆ': "St", 'և': "Եւ",
}

func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func titleRune(r rune) string {
	if special, ok := titleSpecial[r]; ok {
		return special
	}
	if t := unicode.ToTitle(r); t != r || unicode.IsTitle(r) {
		return string(t)
	}
	// Several characters are the upper case, and an iota below stays there.
	all := upper(string(r))
	if utf8.RuneCountInString(all) == 1 {
		return string(r)
	}
	if rest, ok := strings.CutSuffix(all, "\u0399"); ok && rest != "" {
		return rest + "\u0345"
	}
	return all
}

// title is str.title().
func title(s string) string {
	var b strings.Builder
	inWord := false
	all := []rune(s)
	for i, r := range all {
		if inWord {
			b.WriteString(lowerAt(all, i))
		} else {
			b.WriteString(titleRune(r))
		}
		inWord = isCased(r)
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

// Lower is str.lower().
func Lower(s string) string { return lower(s) }

// Upper is str.upper().
func Upper(s string) string { return upper(s) }

func swapcase(s string) string {
	var b strings.Builder
	all := []rune(s)
	for i, r := range all {
		switch {
		case hasUpper(r):
			b.WriteString(lowerAt(all, i))
		case hasLower(r):
			b.WriteString(upper(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func casefold(s string) string { return cases.Fold().String(s) }

// CharacterNumber returns the decimal, digit or numeric value of a character, None if
// it has none.
func CharacterNumber(kind string, r rune) Value {
	if isDecimal(r) {
		digits := asciiDigits(string(r))
		if n := int64(digits[0] - '0'); kind == "numeric" {
			return Float(float64(n))
		} else {
			return Int(n)
		}
	}
	if kind == "decimal" {
		return None()
	}
	if i := strings.IndexRune("⁰¹²³⁴⁵⁶⁷⁸⁹", r); i >= 0 && isDigit(r) {
		n := int64(len([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹"[:i])))
		if kind == "numeric" {
			return Float(float64(n))
		}
		return Int(n)
	}
	if f, ok := fractions[r]; ok && kind == "numeric" {
		return Float(f)
	}
	return None()
}

// fractions are the characters of Latin-1 and Number Forms that are fractions.
var fractions = map[rune]float64{
	'¼': 1.0 / 4, '½': 1.0 / 2, '¾': 3.0 / 4, '⅐': 1.0 / 7, '⅑': 1.0 / 9, '⅒': 1.0 / 10, '⅓': 1.0 / 3, '⅔': 2.0 / 3, '⅕': 1.0 / 5, '⅖': 2.0 / 5,
	'⅗': 3.0 / 5, '⅘': 4.0 / 5, '⅙': 1.0 / 6, '⅚': 5.0 / 6, '⅛': 1.0 / 8, '⅜': 3.0 / 8, '⅝': 5.0 / 8, '⅞': 7.0 / 8,
}
