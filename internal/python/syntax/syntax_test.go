package syntax

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEscapesStandForWhatPythonSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``: "", `a`: "a", `a\`: `a\`, `\n\t\\\'\"`: "\n\t\\'\"", `\a\b\f\r\v`: "\a\b\f\r\v", `\d\.\q`: `\d\.\q`, `\x41\u00e9\U0001F600`: "Aé😀",
		`\101\60\0`: "A0\x00", `\777\400`: "ǿĀ", `\08`: "\x008", `\N{EM DASH}\N{latin small letter e with acute}`: "—é", "a\\\nb": "ab", `é\né`: "é\né",
	} {
		if got, err := Unescape(text, false); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{`\x41\xff`: "Aÿ", `\u00e9\N{EM DASH}\U0001F600`: `\u00e9\N{EM DASH}\U0001F600`, `\777`: "ÿ"} {
		if got, err := Unescape(text, true); got != want || err != nil {
			t.Errorf("bytes %s: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestEscapesThatPythonRefusesAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`\x4`: `truncated \x escape`, `\xg1`: `truncated \x escape`, `\u12`: `truncated \u escape`, `\U00110000`: `\U00110000 is not a character`,
		`\N`: `malformed \N character escape`, `\N{}`: `malformed \N character escape`, `\N{x`: `malformed \N character escape`,
		`\N{NO SUCH NAME}`: `unknown Unicode character name "NO SUCH NAME"`,
	} {
		var e *EscapeError
		if got, err := Unescape(text, false); !errors.As(err, &e) || e.Msg != want || e.Unsupported {
			t.Errorf("%s: got %q, %v, want %s", text, got, err, want)
		}
	}
}

func TestHalvesOfSurrogatePairsAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`\ud800`, `\ud83d\ude00`, `\U0000DFFF`} {
		var e *EscapeError
		if _, err := Unescape(text, false); !errors.As(err, &e) || !e.Unsupported {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestIdentifiersAreThoseOfPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "a": 1, "_": 1, "a1": 2, "1a": 0, "é": 2, "été": 5, "a-b": 1, "a b": 1, "名前": 6, "a\u0301": 3, "\u0301a": 0, "ⅷ": 3, "a·b": 4, "·b": 0,
		"a٣": 3, "a²": 1, "ªb": 3, "℘": 3, "\u037a": 0, "a\u037a": 1, "\ufdfa": 0, "x\uff9e": 4, "\uff9e": 0, "a‿b": 5, "😀": 0,
	} {
		if got := Identifier(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func FuzzUnescape(f *testing.F) {
	f.Add(`\x41\N{EM DASH}`, false)
	f.Add(`\777\u00e9`, true)
	f.Fuzz(func(t *testing.T, text string, data bool) {
		got, err := Unescape(text, data)
		if err == nil && len(got) > 2*len(text) || !strings.Contains(text, `\`) && got != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
		if !utf8.ValidString(text) {
			return
		}
		var escaped strings.Builder
		for i, r := range text {
			switch {
			case r < 0x100 && i%2 == 0:
				fmt.Fprintf(&escaped, `\x%02x`, r)
			case r < 0x10000:
				fmt.Fprintf(&escaped, `\u%04x`, r)
			default:
				fmt.Fprintf(&escaped, `\U%08x`, r)
			}
		}
		if got, err := Unescape(escaped.String(), false); err != nil || got != text {
			t.Errorf("%q, which is %q, became %q, %v", escaped.String(), text, got, err)
		}
	})
}
