package jinja

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func TestLinesAreWrappedWhereJinja2WrapsThem(t *testing.T) {
	t.Parallel()
	jinja2 := oracle.Need(t, "jinja2").Start("testdata/oracle.py", "serve")
	r := rand.New(rand.NewPCG(oracle.Seed(t, "JINJA_DIFF_SEED"), 2))
	pieces := []string{"a", "bc", "def", "-", "--", "---", " ", "  ", "\t", "\u00a0", "\u00a0\u00a0\u00a0", "ž", "漢字", "_", "7", "!", "'", "\n", "longerword"}
	for range 400 {
		var text strings.Builder
		for range r.IntN(14) {
			text.WriteString(pieces[r.IntN(len(pieces))])
		}
		template := fmt.Sprintf("{{ s|wordwrap(%d, %v, '|', %v) }}", 1+r.IntN(9), r.IntN(4) > 0, r.IntN(4) > 0)
		vars, _ := json.Marshal(map[string]string{"s": text.String()}) // it is a text
		wantKind, want := render(jinja2, template, vars)
		if kind, got := run(t, template, variables(t, string(vars))); kind != wantKind || got != want {
			t.Errorf("%s %s\n got %s %q\nwant %s %q", template, vars, kind, got, wantKind, want)
		}
	}
}

// Were the whole rest of a word looked at for each line, this would take minutes.
func TestALongWordIsCutInOnePass(t *testing.T) {
	t.Parallel()
	const size = 400_000
	for _, piece := range []string{"a", "-", " ", "é", "\u00a0"} {
		vars := map[string]pyvalue.Value{"s": pyvalue.Str(strings.Repeat(piece, size))}
		compiled, err := Compile("t", "{{ s|wordwrap(1)|length }}", Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(2*size - 1)
		if strings.TrimSpace(piece) == "" {
			want = "0"
		}
		if got, err := compiled.RenderString(t.Context(), vars, Limits{}); err != nil || got != want {
			t.Errorf("%q: %.40s, %v; want %s", piece, got, err, want)
		}
	}
}
