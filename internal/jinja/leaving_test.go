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

// A field of several values is a list in operators, comparisons and subscripts, and counted as one.
func TestAListWithAttributesIsAListInOperators(t *testing.T) {
	t.Parallel()
	list := ListWithAttrs([]pyvalue.Value{pyvalue.Str("a"), pyvalue.Str("b")}, map[string]pyvalue.Value{"code": pyvalue.Str("c")})
	for source, want := range map[string]string{
		"{{ l + ['c'] }}": "['a', 'b', 'c']", "{{ ['c'] + l }}": "['c', 'a', 'b']", "{{ l * 2 }}": "['a', 'b', 'a', 'b']", "{{ l + l }}": "['a', 'b', 'a', 'b']",
		"{{ l[:1] }}": "['a']", "{{ l[::-1]|join }}": "ba", "{{ l[-1] }}": "b", "{{ l[5] is defined }}": "False", "{{ l == ['a', 'b'] }}": "True",
		"{{ l == l and l != ['a'] and [l] == [['a', 'b']] }}": "True", "{{ l.code }}": "c", "{{ 'a' in l }}": "True", "{{ l + 1 }}": "TypeError",
		"{{ l * 1000000000 }}": "limit reached", "{{ 1000000000 * l }}": "limit reached", "{{ l[missing] is defined }}": "False", "{{ l is sequence and l is iterable }}": "True",
		"{{ l < ['b'] }}": "True", "{{ ['b'] >= l and l <= l }}": "True", "{{ [['c'], l]|sort|first }}": "['a', 'b']",
		"{{ l|tojson }}": `["a", "b"]`,
		"{{ l % 2 }}":    "TypeError", "{{ -l }}": "TypeError", "{{ l|reverse|list }}": "['b', 'a']", "{{ l ~ 'c' }}": "['a', 'b']c",
		"{{ l|length }}":          "2",
		"{{ l in [['a', 'b']] }}": "True", "{{ [l, l]|unique|list|length }}": "TypeError", "{{ {l: 1} }}": "TypeError",
		"{{ l|sum(start='')|length }}": "TypeError",
		"{{ '%s %s' % (l, 1) }}":       "['a', 'b'] 1", "{{ 'a-%s' % l }}": "a-['a', 'b']",
	} {
		compiled, err := Compile("x", source, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := compiled.RenderString(t.Context(), map[string]value{"l": list}, Limits{})
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}
