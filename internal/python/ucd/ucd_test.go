package ucd

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// line is one line of testdata/sums.txt.
func line(name string, block rune, of func(r rune) (string, bool)) string {
	held, sum := 0, sha256.New()
	for r := block << 12; r < (block+1)<<12; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		if text, ok := of(r); ok {
			held++
			fmt.Fprintf(sum, "%x %s\n", r, text)
		}
	}
	if held == 0 {
		return ""
	}
	return fmt.Sprintf("%s %x000: %d %x\n", name, block, held, sum.Sum(nil)[:8])
}

func TestEveryCharacterIsWhatPythonSays(t *testing.T) {
	t.Parallel()
	all := make(map[string]func(r rune) (string, bool))
	for name, f := range map[string]func(rune) bool{
		"alpha": IsAlpha, "decimal": IsDecimal, "digit": IsDigit, "numeric": IsNumeric, "lower": IsLower, "upper": IsUpper, "printable": IsPrintable,
		"space": IsSpace, "start": IsIDStart, "part": IsIDPart, "ignorable": func(r rune) bool { return has(r, isIgnorable) },
	} {
		all[name] = func(r rune) (string, bool) { return "", f(r) }
	}
	for name, f := range map[string]func(string) string{
		"to lower": Lower, "to upper": Upper, "to title": Title, "to swapped": Swapcase, "to folded": Casefold,
	} {
		all[name] = func(r rune) (string, bool) { text := f(string(r)); return text, text != string(r) }
	}
	all["to category"] = func(r rune) (string, bool) { return Category(r), IsAssigned(r) }
	want, err := os.ReadFile("testdata/sums.txt")
	if err != nil {
		t.Fatal(err)
	}
	wanted, seen := make(map[string]bool), 0
	for l := range strings.Lines(string(want)) {
		wanted[l] = true
	}
	for name, of := range all {
		for block := rune(0); block <= unicode.MaxRune>>12; block++ {
			got := line(name, block, of)
			if got != "" && !wanted[got] {
				t.Errorf("not what Python says: %s", got)
			}
			if got != "" {
				seen++
			}
		}
	}
	if seen != len(wanted) {
		t.Errorf("%d lines, want %d", seen, len(wanted))
	}
}

func TestALowerSigmaIsFinalAfterAWordAlone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ΟΔΟΣ": "οδος", "Σ": "σ", "ΑΣ.": "ας.", "ΑΣ'Α": "ασ'α", "1Σ": "1σ", "ΑʰΣ": "αʰς", "ΑΣʰ": "αςʰ", "ΑΣ\u0301Α": "ασ\u0301α", "ΑΣⓐ": "ασⓐ", ".Σ": ".σ",
	} {
		if got := Lower(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
