package syntax

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/runenames"

	"github.com/exportpipeline/exportpipeline/internal/onuse"
)

// LookUpName finds the character with a Unicode name, in any case, as Python's
// unicodedata.lookup does. It does not know aliases and named sequences.
//
// Dependency: golang.org/x/text, which the project has for charsets anyway, carries
// the names.
func LookUpName(name string) (rune, bool) {
	name = strings.ToUpper(name)
	if digits, ok := strings.CutPrefix(name, "CJK UNIFIED IDEOGRAPH-"); ok {
		n, err := strconv.ParseUint(digits, 16, 32)
		return rune(n), err == nil && unicode.Is(unicode.Unified_Ideograph, rune(n))
	}
	r, ok := characterNames()[name]
	return r, ok
}

var nameTable onuse.Value[map[string]rune]

func characterNames() map[string]rune { return nameTable.Get(readNames) }

func readNames() map[string]rune {
	names := make(map[string]rune, 40_000)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if name := runenames.Name(r); name != "" && name[0] != '<' {
			names[name] = r
		}
	}
	return names
}
