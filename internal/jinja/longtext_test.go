package jinja

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func TestFiltersOfALongTextEndWithTheContext(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	letters, words := strings.Repeat("a", size), strings.Repeat("ab ", size/3)
	for filter, text := range map[string]string{
		"upper": letters, "lower": letters, "capitalize": letters, "title": words, "replace('b', 'c')": words,
		"indent":    strings.Repeat("a\n", size/2),
		"striptags": words, "striptags|length": strings.Repeat("<b>", size/3), "wordcount": words, "urlencode": words, "urlize": words,
		"tojson": words, "e": strings.Repeat("&", size), "pprint": letters, "float": strings.Repeat("1", size),
		"reverse": letters,
	} {
		compiled, err := Compile("t", "{% set x = v|"+filter+" %}", Options{})
		if err != nil {
			t.Fatal(err)
		}
		for last := 2; last <= 4; last++ {
			ctx := looked.EndsAt(t.Context(), last)
			if _, err := compiled.RenderString(ctx, map[string]pyvalue.Value{"v": pyvalue.Str(text)}, Limits{}); !errors.Is(
				err,
				context.Canceled,
			) ||
				ctx.Looks() < last {
				t.Errorf("%s: %v after %d looks, want the end at look %d", filter, err, ctx.Looks(), last)
			}
		}
	}
}

// A line costs its length, and nothing for the lines before it.
func TestIndentCopiesATextOnce(t *testing.T) {
	lines := func(n int) float64 {
		text := strings.Repeat("\na", n)
		return testing.AllocsPerRun(1, func() { _, _ = renderWith(t, "{% set x = v|indent %}", text) })
	}
	if few, many := lines(1<<10), lines(1<<14); many > few+200 {
		t.Errorf("%v allocations for 2^10 lines, %v for 2^14", few, many)
	}
}

func TestWordsThatAreNoAddressesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	brackets := strings.Repeat("(", 1<<20) + strings.Repeat(")", 1<<20)
	got, err := renderWith(t, "{{ v|urlize }}", brackets)
	if err != nil || got != brackets {
		t.Errorf("%v, %d bytes of %d", err, len(got), len(brackets))
	}
}

func renderWith(t *testing.T, source, text string) (string, error) {
	t.Helper()
	compiled, err := Compile("t", source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return compiled.RenderString(t.Context(), map[string]pyvalue.Value{"v": pyvalue.Str(text)}, Limits{})
}
