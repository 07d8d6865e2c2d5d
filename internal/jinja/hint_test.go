package jinja

import (
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// What an undefined value says of itself is made for each of them, and is seldom read.
func TestWhatIsUndefinedSaysLittle(t *testing.T) {
	t.Parallel()
	const many = "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}"
	for name, tt := range map[string]struct{ head, missing string }{
		"a long name":                   {"{% set a = 'é' * 100000 %}", "1[a]"},
		"a long attribute":              {"{% set a = 'é' * 100000 %}", "(1|attr(a))"},
		"a large element":               {"{% set a = range(100000)|list %}", "1[a]"},
		"one that has one many times":   {many, "1[ns.a]"},
		"an attribute of many elements": {"{% set a = range(100000)|list %}", "(a|map(attribute=a)|first)"},
	} {
		for _, use := range []string{"{{ X }}", "{{ X.a }}"} {
			source := tt.head + strings.ReplaceAll(use, "X", tt.missing)
			compiled, err := Compile("x", source, Options{})
			if err != nil {
				t.Fatal(err)
			}
			text, err := compiled.RenderString(t.Context(), nil, Limits{})
			var raised *pyvalue.Error
			if use == "{{ X }}" {
				if err != nil || text != "" {
					t.Errorf("%s: %.100q, %.300v", name, text, err)
				}
			} else if !errors.As(err, &raised) || raised.Type != "UndefinedError" || len(raised.Error()) > 5000 {
				t.Errorf("%s: %.300v", name, err)
			}
		}
	}
}
