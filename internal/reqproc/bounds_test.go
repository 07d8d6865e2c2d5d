package reqproc

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func TestWhatATemplatePutsTogetherIsBounded(t *testing.T) {
	t.Parallel()
	s := &Scope{Roots: map[string]pyvalue.Value{"field": func() pyvalue.Value {
		d := pyvalue.NewDict()
		d.SetStr("large", pyvalue.Str(strings.Repeat("x", 1<<20)))
		return d.Value()
	}()}}
	list := func(element string, n int) string { return `[` + strings.Repeat(element+",", n-1) + element + `]` }
	for name, template := range map[string]string{
		"a list":     list(`"{field.large}"`, 200),
		"an object":  `{"a":` + list(`{"b":"{field.large}"}`, 200) + `}`,
		"a text":     `"` + strings.Repeat("x{field.large}", 200) + `"`,
		"texts":      list(`"x{field.large}"`, 200),
		"texts, own": list(`"`+strings.Repeat("x", 1<<20)+`{field.large}"`, 100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiled, err := Compile([]byte(template), Options{Roots: []string{"field"}})
			if err != nil {
				t.Fatal(err)
			}
			for how, fill := range map[string]func(context.Context, *Scope) (pyvalue.Value, error){"Fill": compiled.Fill, "FillContent": compiled.FillContent, "FillSent": compiled.FillSent} {
				if _, err := fill(t.Context(), s); !errors.Is(err, pyvalue.ErrLimit) || len(err.Error()) > 300 {
					t.Errorf("%s: %v", how, err)
				}
				if _, err := fill(looked.EndsAt(t.Context(), 9), s); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v, although the context had ended", how, err)
				}
			}
		})
	}
}
