package formula_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// schemaOf makes a schema of header fields (given as "id: formula") and one table
// called items, whose columns are given likewise.
func schemaOf(header, columns []string) *rossum.Schema {
	fields := func(list []string) (all rossum.SchemaChildren) {
		for _, line := range list {
			id, code, _ := strings.Cut(line, ": ")
			all = append(all, rossum.SchemaField{Category: "datapoint", ID: id, Type: "string", Formula: code})
		}
		return all
	}
	table := rossum.SchemaField{Category: "multivalue", ID: "items", Children: rossum.SchemaChildren{
		{Category: "tuple", ID: "item", Children: fields(columns)},
	}}
	return &rossum.Schema{Content: []rossum.SchemaField{{Category: "section", ID: "s", Children: append(fields(header), table)}}}
}

func TestAFormulaOverATableDependsOnTheColumnsThatItReads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ code, want string }{
		"a loop variable":           {"n = 0\nfor row in field.items:\n    n += row.b\nn", "items b"},
		"a comprehension":           {"sum(row.b for row in field.items if row.c)", "items b c"},
		"an index":                  {"field.items[0].b", "items b"},
		"all values":                {"sum(field.b.all_values)", "b"},
		"a column by its name":      {"field.b[0]", "b"},
		"a parameter":               {"def f(rows):\n    return [r.b for r in rows]\nf(field.items)", "items b"},
		"the fields as a parameter": {"def f(x):\n    return x.h\nf(field)", "h"},
		"another name":              {"x = field\nx.h", "h"},
		"a lambda":                  {"max(field.items, key=lambda r: r.c).b", "items b c"},
		"nothing of its rows":       {"len(field.items)", "items"},
		"getattr":                   {"[getattr(r, 'b') for r in field.items]", "items b"},
		"getattr of a header field": {"getattr(field, 'h', '')", "h"},
		"names in a list":           {"[getattr(r, k) for k in ('b', 'c') for r in field.items]", "items b c"},
		"a computed name":           {"[getattr(r, k.lower()) for k in ('B',) for r in field.items]", "items a b c"},
		"an f-string":               {"', '.join(f'{r.b:>{r.c}}' for r in field.items)", "items b c"},
		"an unpacked loop":          {"[x.b for i, x in enumerate(field.items)]", "items b"},
		"of another table":          {"field.h.b", "h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := formula.Compile(schemaOf([]string{"h", "f: " + c.code}, []string{"a", "b", "c"}))
			if err != nil {
				t.Fatal(err)
			}
			got := s.Formulas()[0].Reads
			want := strings.Fields(c.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("reads %q, want %q", got, want)
			}
		})
	}
}

func TestALoopOverItsOwnTableIsNoCircle(t *testing.T) {
	t.Parallel()
	s, err := formula.Compile(schemaOf(nil, []string{
		"total: field.calc * field.qty", "calc: sum(row.amount for row in field.items)", "qty", "amount",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Names(); !slices.Equal(got, []string{"calc", "total"}) {
		t.Errorf("computed in the order %q", got)
	}
	for _, f := range s.Formulas() {
		if f.Circle != nil {
			t.Errorf("%s is said to be in the circle %q", f.SchemaID, f.Circle)
		}
	}
}

func TestARealCircleIsComputedInTheSchemasOrder(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(computed("a", "string", "field.b + 'a'"), computed("b", "string", "field.c + 'b'"), computed("c", "string", "field.a + 'c'"),
		computed("own", "string", "field.own + '.'"), computed("after", "string", "field.c + '!'")).Payload()
	s, c := compile(t, p), p.Annotation.Content
	r := run(t, s, c)
	if got := values(c, "a", "b", "c", "own", "after"); got != "a | b | ac | . | ac!" {
		t.Errorf("values %s", got)
	}
	if want := [][]string{{"a", "b", "c"}, {"own"}}; !slices.EqualFunc(r.Circles, want, slices.Equal) {
		t.Errorf("circles %q, want %q", r.Circles, want)
	}
}

func TestABrokenFormulaStopsOnlyWhoNeedsIt(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(computed("note", "string", "async def f(): pass\nfield.src"), computed("fine", "string", "field.other + '!'"), rossumtest.Field("src", ""), rossumtest.Field("other", "")).Payload()
	schema, err := p.Schema()
	if err != nil {
		t.Fatal(err)
	}
	s, err := formula.Compile(schema)
	if !errors.Is(err, formula.ErrUnsupported) {
		t.Fatalf("error %v", err)
	}
	c := p.Annotation.Content
	if _, err := s.Run(t.Context(), c, []string{"other"}, formula.Options{}); err != nil || values(c, "fine") != "!" {
		t.Errorf("%v, fine is %q", err, values(c, "fine"))
	}
	if _, err := s.Run(t.Context(), c, []string{"src"}, formula.Options{}); !errors.Is(err, formula.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	due := s.Affected("src")
	if len(due) != 1 || due[0].SchemaID != "note" || !errors.Is(due[0].Err, formula.ErrUnsupported) || !slices.Equal(due[0].Reads, []string{"src"}) {
		t.Errorf("affected by src: %+v", due)
	}
	if due := s.Affected("other"); len(due) != 1 || due[0].SchemaID != "fine" || due[0].Err != nil {
		t.Errorf("affected by other: %+v", due)
	}
}

func TestAFormulaIsAffectedThroughOthers(t *testing.T) {
	t.Parallel()
	s, err := formula.Compile(schemaOf([]string{"src", "c: field.b", "b: field.a", "a: field.src", "d: field.h", "h"}, []string{"x: field.c"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.Affected("src") {
		got = append(got, f.SchemaID)
	}
	if want := []string{"a", "b", "c", "x"}; !slices.Equal(got, want) {
		t.Errorf("affected %q, want %q", got, want)
	}
}

func TestAFieldMayBeOptional(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"vars":               "if 'nowhere' in vars(field) and is_set(v := field.nowhere):\n    show_info(v)\n'ok'",
		"hasattr":            "if hasattr(field, 'nowhere') and is_set(v := field.nowhere):\n    show_info(v)\n'ok'",
		"hasattr, inverted":  "v = '' if not hasattr(field, 'nowhere') else field.nowhere\n'ok' + v",
		"getattr":            "if is_set(v := getattr(field, 'nowhere', None)):\n    show_info(v)\n'ok'",
		"try":                "try:\n    v = field.nowhere\nexcept AttributeError:\n    v = 'ok'\nv",
		"try, any exception": "try:\n    v = field.nowhere\nexcept:\n    v = 'ok'\nv",
		"try, a tuple":       "try:\n    v = field.nowhere\nexcept (KeyError, AttributeError) as e:\n    v = 'ok' if str(e) == \"Field 'nowhere' is not defined\" else str(e)\nv",
		"not vars":           "'ok' if 'nowhere' not in vars(field) else field.nowhere",
		"vars as a dict":     "vars(field).get('nowhere', 'ok')",
		"dir":                "field.nowhere if 'nowhere' in dir(field) else 'ok'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rossumtest.Annotation(computed("f", "string", code), rossumtest.Field("other", "")).Payload()
			s, c := compile(t, p), p.Annotation.Content
			if run(t, s, c); values(c, "f") != "ok" {
				t.Errorf("value %q", values(c, "f"))
			}
			for _, f := range s.Formulas() {
				if len(f.Warnings) > 0 {
					t.Errorf("warnings %v", f.Warnings)
				}
			}
		})
	}
}

func TestAFieldThatIsMissingOnABranchIsAWarning(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"an if":         "v = 'ok'\nif field.other:\n    v = field.othr\nv",
		"an expression": "field.othr if field.other else 'ok'",
		"and":           "(field.other and field.othr) or 'ok'",
		"a function":    "def f():\n    return field.othr\n'ok'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rossumtest.Annotation(computed("f", "string", code), rossumtest.Field("other", "")).Payload()
			s, c := compile(t, p), p.Annotation.Content
			if run(t, s, c); values(c, "f") != "ok" {
				t.Errorf("value %q", values(c, "f"))
			}
			w := s.Formulas()[0].Warnings
			if len(w) != 1 || !errors.Is(w[0], formula.ErrNoField) || !strings.Contains(w[0].Error(), "did you mean field.other?") {
				t.Errorf("warnings %v", w)
			}
		})
	}
}

func TestAnEnumHasValuesOfItsOwnType(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kind, text, want string }{
		"an empty number": {"number", "", "number 5"}, "a number": {"number", "7", "number 12"}, "a text": {"string", "7", "text 7"}, "an empty text": {"", "", "text "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rossumtest.Annotation(rossumtest.FieldValue("choice", rossumtest.Value{Type: "enum", Text: tt.text}),
				computed("f", "string", "v = field.choice\n(f'text {v}' if isinstance(v, str) else f'number {default_to(v, 0) + 5:g}')")).Payload()
			schema := ownSchema(t, p)
			schema.Field("choice").EnumValueType = tt.kind
			s, err := formula.Compile(schema)
			if err != nil {
				t.Fatal(err)
			}
			c := p.Annotation.Content
			if run(t, s, c); values(c, "f") != tt.want {
				t.Errorf("got %q, want %q", values(c, "f"), tt.want)
			}
		})
	}
}

func TestAnEnumWithoutOptionsOfItsOwnHasThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(rossumtest.FieldValue("choice", rossumtest.Value{Type: "enum", Text: "b"}),
		computed("f", "string", "next((o['label'] for o in field.choice.attr.options if o.value == field.choice), 'none')")).Payload()
	schema := ownSchema(t, p)
	schema.Field("choice").Options = []rossum.SchemaOption{{Value: "a", Label: "A"}, {Value: "b", Label: "Bee"}}
	s, err := formula.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	if run(t, s, p.Annotation.Content); values(p.Annotation.Content, "f") != "Bee" {
		t.Errorf("got %q", values(p.Annotation.Content, "f"))
	}
}

// ownSchema reads the sideloaded schema of p once more, so that a test may change it: the
// one of p belongs to all calls that carry it.
func ownSchema(t *testing.T, p *rossum.Payload) *rossum.Schema {
	t.Helper()
	var schemas []*rossum.Schema
	if err := json.Unmarshal(p.Raw("schemas"), &schemas); err != nil || len(schemas) != 1 {
		t.Fatalf("%d schemas, %v", len(schemas), err)
	}
	return schemas[0]
}
