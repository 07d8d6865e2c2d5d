package syntax

import (
	"unicode"
	"unicode/utf8"
)

// IsStart reports whether an identifier can begin with a character: XID_Start of
// Unicode, and the underscore.
func IsStart(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start) && !unicode.In(r, notPart, notStart)
}

// IsPart reports whether an identifier can go on with a character: XID_Continue.
func IsPart(r rune) bool {
	return IsStart(r) || r >= '0' && r <= '9' || r >= utf8.RuneSelf && !unicode.Is(notPart, r) &&
		unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)
}

// notPart are characters that the X of XID excludes, since they come apart when an
// identifier is normalised, and one that Unicode keeps for patterns.
var notPart = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x037A, Hi: 0x037A, Stride: 1}, {Lo: 0x2E2F, Hi: 0x2E2F, Stride: 1}, {Lo: 0x309B, Hi: 0x309C, Stride: 1}, {Lo: 0xFC5E, Hi: 0xFC63, Stride: 1},
	{Lo: 0xFDFA, Hi: 0xFDFB, Stride: 1}, {Lo: 0xFE70, Hi: 0xFE7E, Stride: 2},
}}

// notStart are those that it excludes at the beginning alone.
var notStart = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0E33, Hi: 0x0EB3, Stride: 0x80}, {Lo: 0xFF9E, Hi: 0xFF9F, Stride: 1},
}}

// Identifier returns the length of the identifier that a text begins with, 0 for none.
func Identifier(text string) int {
	for i, r := range text {
		if !IsPart(r) || i == 0 && !IsStart(r) {
			return i
		}
	}
	return len(text)
}

// IsIdentifier reports whether all of a text is an identifier.
func IsIdentifier(text string) bool { return text != "" && Identifier(text) == len(text) }
