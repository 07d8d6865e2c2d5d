package wsdl

import "testing"

func TestPatternsAreThoseOfXMLSchema(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{`[A-Z]{2}\d+`, "AB12", true},
		{`[A-Z]{2}\d+`, "xAB12", false}, // the whole text counts
		{`[A-Z]{2}\d+`, "AB12x", false},
		{`a|b`, "ab", false},
		{`\d`, "٣", true}, // digits of every script
		{`\i\c*`, "_a-1", true},
		{`\i\c*`, "1a", false},
		{`^a$`, "^a$", true},
		{`^a$`, "a", false},
		{`[^a]`, "b", true},
		{`[^a]`, "a", false},
		{`\^\\`, `^\`, true},
		{`[a-z-[aeiou]]+`, "aaa", true}, // is left to the server
		{`[\i-]+`, "1", true},
		{`(`, "x", true},
	} {
		if got := compilePattern(c.pattern).fits(c.text); got != c.fits {
			t.Errorf("%s fits %q: %t", c.pattern, c.text, got)
		}
	}
}
