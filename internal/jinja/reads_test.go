package jinja

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadsFollowsFieldsThroughTheTemplate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, template, want string }{
		{"an attribute", `{{ field.a }}`, "a:1"},
		{"an item", `{{ field["a"] }}`, "a:1"},
		{"get", `{{ field.get("a", "") }}`, "a:1"},
		{"a line further down", "x\n{% set y = [\n  field.a] %}", "a:3"},
		{"each once", "{{ field.a }}\n{{ field.a }}", "a:1"},
		{"columns of a loop's rows", "{% for r in field.t %}\n{{ r.c }}{{ r['d'] }}{% endfor %}", "t:1 t.c:2 t.d:2"},
		{"an index", `{{ field.t[0].c }}{{ field.t[i].d }}{{ field.t[1:][0].e }}`, "t:1 t.c:1 t.d:1 t.e:1"},
		{"set", `{% set rows = field.t %}{% for r in rows %}{{ r.c }}{% endfor %}`, "t:1 t.c:1"},
		{"with", `{% with rows = field.t %}{{ rows[0].c }}{% endwith %}`, "t:1 t.c:1"},
		{"a default", `{% for r in field.t or [] %}{{ r.c }}{% endfor %}{% for r in field.u|default([]) %}{{ r.d }}{% endfor %}`,
			"t:1 t.c:1 u:1 u.d:1"},
		{"filters with an attribute", `{{ field.t|map(attribute="c")|join }}{{ field.t|sum(attribute="d") }}{{ field.t|sort(attribute="e") }}` +
			`{{ (field.t|selectattr("f", "equalto", 1)|list)[0].g }}`, "t:1 t.c:1 t.d:1 t.e:1 t.f:1 t.g:1"},
		{"groups", `{% for key, rows in field.t|groupby("c") %}{% for r in rows %}{{ r.d }}{% endfor %}{% endfor %}` +
			`{% for g in field.u|groupby("c") %}{{ g.grouper }}{{ g.list[0].e }}{% endfor %}`, "t:1 t.c:1 t.d:1 u:1 u.c:1 u.e:1"},
		{"methods are not members", `{{ field.items() }}{{ field.a.strip() }}{% for k, v in field.items() %}{{ v.x }}{% endfor %}`, "a:1"},
		{"a variable of one branch is not known", `{% set r = field.t %}{% if x %}{% set r = field.u %}{% endif %}{{ r[0].c }}`, "t:1 u:1"},
		{"another variable of the name", `{% for field in [1] %}{{ field.a }}{% endfor %}`, ""},
		{"parameters of macros are not known", `{% macro m(r) %}{{ r.c }}{{ field.a }}{% endmacro %}{{ m(field.t[0]) }}`, "a:1 t:1"},
		{"comparisons, tests and maths", `{% if field.a == 1 and field.b is defined and not field.c %}{{ field.d * -field.e ~ field.f }}{% endif %}`,
			"a:1 b:1 c:1 d:1 e:1 f:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			compiled, err := Compile("t", test.template, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := showReads(compiled.Reads("field")); got != test.want {
				t.Errorf("reads %q, want %q", got, test.want)
			}
		})
	}
}

func TestUndefinedListsNamesThatNothingDefines(t *testing.T) {
	t.Parallel()
	const source = "{% set a = range(3) %}{% for r in a %}{{ loop.index }}{{ r }}{{ fields.x }}{% endfor %}\n{{ amount }}{{ field.x }}" +
		"{% macro m(p) %}{{ p }}{{ caller() }}{% endmacro %}{{ m(1) }}{% if x %}{% set later = 1 %}{% endif %}{{ later }}"
	compiled, err := Compile("t", source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := showReads(compiled.Undefined("field")), "fields:1 amount:2 x:2"; got != want {
		t.Errorf("undefined %q, want %q", got, want)
	}
}

func showReads(reads []Read) string {
	texts := make([]string, len(reads))
	for i, r := range reads {
		texts[i] = fmt.Sprintf("%s:%d", strings.Join(r.Path, "."), r.Line)
	}
	return strings.Join(texts, " ")
}
