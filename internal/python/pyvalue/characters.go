package pyvalue

import (
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
)

// isLineEnd reports characters at which str.splitlines() splits.
func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// asciiDigits replaces the decimal digits of other scripts, which int() and
// float() read as well.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 || !ucd.IsDecimal(r) {
			return r
		}
		// The ten digits of a script follow each other, from a zero on.
		zero := r
		for n := rune(0); n < 9 && ucd.IsDecimal(zero-1); n++ {
			zero--
		}
		return '0' + (r-zero)%10
	}, s)
}

// CharacterNumber returns the decimal, digit or numeric value of a character, None if
// it has none.
func CharacterNumber(kind string, r rune) Value {
	if ucd.IsDecimal(r) {
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
	if i := strings.IndexRune("⁰¹²³⁴⁵⁶⁷⁸⁹", r); i >= 0 && ucd.IsDigit(r) {
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

// isSurrogate reports half of a surrogate pair, which no UTF-8 text can hold.
func isSurrogate(i int64) bool { return i >= 0xD800 && i <= 0xDFFF }

func errSurrogate(what string) error {
	return valueError("%s of half a surrogate pair is not a character here", what)
}
