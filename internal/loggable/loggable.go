// Package loggable makes texts of strangers fit for a log.
package loggable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns a text in which U+FFFD stands for each control character, line ends among
// them, and for each byte that is not UTF-8.
func Text(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r // which is RuneError for what is not UTF-8
	}, text)
}
