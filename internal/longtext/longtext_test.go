package longtext

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func never(int) error { return nil }

// texts have matches within a piece, across the ends of pieces, and none at all.
func texts() map[string]string {
	return map[string]string{
		"empty":                  "",
		"short":                  "ababa",
		"ASCII":                  strings.Repeat("ab", Piece/2+3),
		"a match across the end": strings.Repeat("x", Piece-1) + "ab" + strings.Repeat("x", Piece) + "ab",
		"characters of bytes":    strings.Repeat("x", Piece-1) + strings.Repeat("äb€", Piece/4),
		"not UTF-8":              strings.Repeat("\x80", Piece+1) + "ab",
		"one letter":             strings.Repeat("a", Piece+7),
	}
}

func TestResultsAreThoseOfStrings(t *testing.T) {
	t.Parallel()
	parts := []string{"", "a", "ab", "aa", "aaa", "ä", "€", "nothing", strings.Repeat("a", Piece+5), strings.Repeat("ab", Piece/2)}
	for name, text := range texts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n, _ := RuneCount(text, never); n != utf8.RuneCountInString(text) {
				t.Errorf("%d characters, want %d", n, utf8.RuneCountInString(text))
			}
			for _, part := range parts {
				at := fmt.Sprintf("part of %d bytes, %.5q", len(part), part)
				if i, _ := Index(text, part, never); i != strings.Index(text, part) {
					t.Errorf("%s: at %d, want %d", at, i, strings.Index(text, part))
				}
				if i, _ := LastIndex(text, part, never); i != strings.LastIndex(text, part) {
					t.Errorf("%s: last at %d, want %d", at, i, strings.LastIndex(text, part))
				}
				if n, _ := Count(text, part, never); n != strings.Count(text, part) {
					t.Errorf("%s: %d times, want %d", at, n, strings.Count(text, part))
				}
				for _, n := range []int{-1, 2} {
					size := int64(-1)
					got, _ := Replace(text, part, "<>", n, never, func(bytes int64) error { size = bytes; return nil })
					if want := strings.Replace(text, part, "<>", n); got != want || size >= 0 && size != int64(len(want)) {
						t.Errorf("%s, %d times: replaced by %d bytes, asked for %d, want %d", at, n, len(got), size, len(want))
					}
				}
			}
		})
	}
}

func TestPiecesEndBetweenCharactersAndMakeTheText(t *testing.T) {
	t.Parallel()
	for name, text := range texts() {
		var whole strings.Builder
		pieces := 0
		err := Pieces(text, never, func(piece string) error {
			if utf8.ValidString(text) && !utf8.ValidString(piece) {
				t.Errorf("%s: a piece ends within a character", name)
			}
			pieces++
			whole.WriteString(piece)
			return nil
		})
		if err != nil || whole.String() != text || pieces < len(text)/Piece {
			t.Errorf("%s: %v, %d pieces of %d bytes", name, err, pieces, whole.Len())
		}
	}
}

func TestALookEndsTheWork(t *testing.T) {
	t.Parallel()
	over := errors.New("over")
	text := strings.Repeat("a", 5*Piece)
	for name, work := range map[string]func(Look) error{
		"Runes":               func(l Look) error { return Runes(text, l, func(rune) bool { return true }) },
		"RuneCount":           func(l Look) error { _, err := RuneCount(text, l); return err },
		"Index":               func(l Look) error { _, err := Index(text, "b", l); return err },
		"LastIndex":           func(l Look) error { _, err := LastIndex(text, "b", l); return err },
		"Count":               func(l Look) error { _, err := Count(text, "aa", l); return err },
		"Replace":             func(l Look) error { _, err := Replace(text, "ab", "", -1, l, nil); return err },
		"Replace of nothing":  func(l Look) error { _, err := Replace(text, "", "", -1, l, nil); return err },
		"ParseFloat":          func(l Look) error { _, err := ParseFloat(strings.Repeat("1", 5*Piece), l); return err },
		"ParseFloat of zeros": func(l Look) error { _, err := ParseFloat("0."+strings.Repeat("0", 5*Piece), l); return err },
	} {
		for last := 1; last <= 3; last++ {
			looks, bytes := 0, 0
			err := work(func(n int) error {
				bytes += n
				if looks++; looks == last {
					return over
				}
				return nil
			})
			if !errors.Is(err, over) || looks != last || bytes > last*(Piece+2) {
				t.Errorf("%s: %v after %d looks and %d bytes, want the end after %d", name, err, looks, bytes, last)
			}
		}
	}
}

func TestLongNumbersAreTheNearestFloats(t *testing.T) {
	t.Parallel()
	zeros, nines := strings.Repeat("0", Piece), strings.Repeat("9", Piece)
	half := "9007199254740993" // between two floats
	asPython := map[string]float64{"back by an exponent": 25, "small, by an exponent": 0.125}
	for name, text := range map[string]string{
		"zeros":                    zeros + zeros,
		"minus zero":               "-" + zeros + ".0",
		"zeros before":             zeros + "12.5",
		"zeros after":              "12.5" + zeros,
		"a third":                  "0." + strings.Repeat("3", Piece+9),
		"minus":                    "-0." + nines,
		"exactly half":             half + "." + zeros,
		"more than half":           half + "." + zeros + "1",
		"beyond all floats":        "1" + zeros,
		"back by an exponent":      "25" + zeros + "e-" + strconv.Itoa(Piece),
		"small":                    "0." + zeros + "1",
		"small, by an exponent":    "0." + zeros + "125e" + strconv.Itoa(Piece),
		"a long exponent":          "0e" + zeros + "5",
		"an exponent beyond all":   "1e" + nines,
		"an exponent below all":    "1e-" + nines,
		"letters":                  nines + "x",
		"two points":               "1." + nines + ".1",
		"an exponent with letters": nines + "e1x",
		"no exponent":              nines + "e",
		"two signs":                "--" + nines,
		"a sign in the exponent":   nines + "e+-5",
		"a point alone":            "." + strings.Repeat(" ", Piece),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseFloat(text, never)
			want, wantErr := strconv.ParseFloat(text, 64)
			if known, ok := asPython[name]; ok {
				want = known // package strconv gives up exponents of more than four digits
			}
			if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != math.Signbit(want) {
				t.Errorf("%v, want %v", got, want)
			}
			if errors.Is(err, strconv.ErrSyntax) != errors.Is(wantErr, strconv.ErrSyntax) ||
				errors.Is(err, strconv.ErrRange) != errors.Is(wantErr, strconv.ErrRange) {
				t.Errorf("error %v, want %v", err, wantErr)
			}
		})
	}
}
