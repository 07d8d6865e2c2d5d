package syntax

import "github.com/exportpipeline/exportpipeline/internal/python/ucd"

// IsStart reports whether an identifier can begin with a character: XID_Start of
// Unicode, and the underscore.
func IsStart(r rune) bool { return ucd.IsIDStart(r) }

// IsPart reports whether an identifier can go on with a character: XID_Continue.
func IsPart(r rune) bool { return ucd.IsIDPart(r) }

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
