package jinja

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Texts of every length come out in their order, within what the output may be.
func TestLargeTextsArePrintedInTheirPlace(t *testing.T) {
	t.Parallel()
	compiled, err := Compile(
		"t",
		"a{{ x }}b{% set c %}<{{ x }}>{% endset %}{{ c }}{{ x|upper }}{% filter lower %}{{ x }}{% endfilter %}d{{ "+
			"y|b64encode }}e{% set e %}{{ y|b64encode }}{% endset %}{{ e }}",
		Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, flushAt - 1, flushAt, flushAt + 1, 5 * flushAt} {
		x := strings.Repeat("Xy", size)[:size]
		encoded := base64.StdEncoding.EncodeToString([]byte(x))
		want := "a" + x + "b<" + x + ">" + strings.ToUpper(x) + strings.ToLower(x) + "d" + encoded + "e" + encoded
		vars := map[string]pyvalue.Value{"x": pyvalue.Str(x), "y": pyvalue.Bytes([]byte(x))}
		if got, err := compiled.RenderString(t.Context(), vars, Limits{OutputBytes: int64(len(want))}); err != nil || got != want {
			t.Errorf("%d bytes: %v, %d bytes of output, expected %d", size, err, len(got), len(want))
		}
		for _, most := range []int{len(want) - 1, size, 1} {
			if got, err := compiled.RenderString(t.Context(), vars, Limits{OutputBytes: int64(most)}); !errors.Is(err, pyvalue.ErrLimit) ||
				len(got) > most {
				t.Errorf("%d bytes, at most %d: %v, %d bytes of output", size, most, err, len(got))
			}
		}
	}
}
