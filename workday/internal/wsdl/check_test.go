package wsdl

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// What math/big says of numbers, however they are written.
func TestNumbersAreOrderedByTheirDigits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(18, 19))
	number := func() string {
		digits := func(n int) string {
			text := make([]byte, random.IntN(n))
			for i := range text {
				text[i] = "0019"[random.IntN(4)]
			}
			return string(text)
		}
		text := [...]string{"", "-", "+"}[random.IntN(3)] + digits(5) + strconv.Itoa(random.IntN(3))
		if random.IntN(2) == 0 {
			text += "." + digits(4)
		}
		return text
	}
	for range 20_000 {
		a, b := number(), number()
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		if !okX || !okY {
			t.Fatalf("%s or %s is not a number", a, b)
		}
		if got, want := compareDecimals(a, b), x.Cmp(y); got != want {
			t.Errorf("%s and %s are ordered as %d, want %d", a, b, got, want)
		}
	}
}

// A WSDL may have a bound that is not a number of its type; it bounds nothing.
func TestABoundThatIsNotANumberIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, bound := range []string{"", "x", "1e5", "NaN", "1,5"} {
		for _, base := range []string{"decimal", "long", "double"} {
			s := &Simple{Base: base, facets: facets{minInclusive: &bound}}
			if err := s.Check("-7"); err != nil && (base != "double" || bound != "1e5") {
				t.Errorf("%s of at least %q: %v", base, bound, err)
			}
		}
	}
}

func TestANumberOfAMillionDigitsIsOutOfRangeAtOnce(t *testing.T) {
	t.Parallel()
	err := (&Simple{Base: "long"}).Check(strings.Repeat("7", 10_000_000))
	if want := strings.Repeat("7", 60) + "… is out of the range of long"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

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
