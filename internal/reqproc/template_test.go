package reqproc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/pyvalue"
)

func jsonValue(t testing.TB, text string) pyvalue.Value {
	t.Helper()
	v, err := pyvalue.FromJSON([]byte(text), true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var testRoots = []string{"payload", "field", "property", "item"}

// testScope fetches documents: JSON below /json, bytes elsewhere.
func testScope(t testing.TB) *Scope {
	return &Scope{
		Roots: map[string]pyvalue.Value{
			"payload": jsonValue(t, `{"n": 5, "f": 1234.50, "d": {"a": 1}, "nul": null, "t": "x", "l": [{"k": "v"}, 2], "b": true,
				"url": "https://api.example/json", "doc": "https://api.example/doc", "foreign": "https://thief.example/", "big": 9007199254740993}`),
			"field": jsonValue(t, `{}`), "property": jsonValue(t, `{"bytes": null}`), "item": pyvalue.Bytes([]byte("a\xff")),
		},
		Fetch: func(_ context.Context, address string) (pyvalue.Value, error) {
			switch {
			case strings.Contains(address, "thief"):
				return pyvalue.Value{}, fmt.Errorf("%w: thief", ErrForeign)
			case strings.HasSuffix(address, "json"):
				return pyvalue.FromObject(&Fetched{Data: []byte(`{"a": [{"b": 1.50}]}`), Type: "application/json; charset=utf-8"}), nil
			}
			return pyvalue.FromObject(&Fetched{Data: []byte("PDF"), Type: "application/pdf"}), nil
		},
	}
}

// fill returns what a template gives, as JSON, or the error.
func fill(t testing.TB, s *Scope, template string) string {
	t.Helper()
	c, err := Compile([]byte(template), Options{Roots: testRoots})
	if err != nil {
		return "compile: " + err.Error()
	}
	v, err := c.Fill(t.Context(), s)
	if err != nil {
		return "fill: " + err.Error()
	}
	if f, ok := v.Object().(*Fetched); ok && !IsJSON(f.Type) {
		return "bytes " + string(f.Data)
	}
	out, err := JSON(t.Context(), v)
	if err != nil {
		return "json: " + err.Error()
	}
	return string(out)
}

func TestPlaceholdersAreFilledIn(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		// Alone, a placeholder keeps the type of its value.
		`"{payload.n}"`:   `5`,
		`" {payload.n} "`: `5`,
		`"{payload.d}"`:   `{"a": 1}`,
		`"{payload.nul}"`: `null`,
		`"{payload.b}"`:   `true`,
		`"{payload.f}"`:   `1234.50`,
		`"{payload.big}"`: `9007199254740993`,
		// Within a text it is written as str() does, null as nothing.
		`"N={payload.n}"`:              `"N=5"`,
		`"x={payload.nul}y"`:           `"x=y"`,
		`"{payload.b}{payload.t}"`:     `"Truex"`,
		`"{payload.d}!"`:               `"{'a': 1}!"`,
		`"{payload.l[0].k}"`:           `"v"`,
		`"{payload.l[-1]}"`:            `2`,
		`"{payload.l[7]}"`:             `fill: {payload.l[7]}: there is no such value: payload.l has 2 elements, so there is no [7]`,
		`"{payload.l.k}"`:              `fill: {payload.l.k}: there is no such value: payload.l is a list of 2, so it has no k; iterate over it, or take one with payload.l[0]`,
		`"{payload.n[0]}"`:             `fill: {payload.n[0]}: there is no such value: payload.n is a number and no list; where one match makes an object of a list, iterate instead of taking [0]`,
		`"{payload.n.x}"`:              `fill: {payload.n.x}: there is no such value: payload.n is a number, so it has no x`,
		`"{payload.nul.x}"`:            `fill: {payload.nul.x}: there is no such value: payload.nul is null, so it has no x`,
		`{"a": ["{payload.d.b}"]}`:     `fill: a[0]: {payload.d.b}: there is no such value: payload.d has no b (did you mean a?)`,
		`{"a": ["{payload.t}", 1.50]}`: `{"a": ["x", 1.50]}`,
		// Braces that hold no path are text.
		`"{\"source\": \"rossum\"}"`:     `"{\"source\": \"rossum\"}"`,
		`"{} {0} { payload.n } {a:1} {"`: `"{} {0} { payload.n } {a:1} {"`,
		`"{\"n\": {payload.n}}"`:         `"{\"n\": 5}"`,
		`"{payload.}{.x}{payload..n}"`:   `"{payload.}{.x}{payload..n}"`,
		`"{{payload.n}}"`:                `"{5}"`,
		`{"{payload.n}": 1}`:             `compile: {payload.n}: is a key with a placeholder; only values are filled in`,
		`"{feild.x.value}"`:              `compile: {feild.x.value}: feild is not known (did you mean field?)`,
		`"{token}"`:                      `compile: {token}: token is not available here (there are payload, field, property, item)`,
		`"{whatever}"`:                   `compile: {whatever}: whatever is not known (there are payload, field, property, item); braces that are meant as they are need a blank, as in { whatever }`,
		`"{base46(payload.n)}"`:          `compile: {base46(payload.n)}: there is no function base46 (there is base64)`,
		`["{a}", "{b}"]`:                 "compile: [0]: {a}: a is not known (there are payload, field, property, item); braces that are meant as they are need a blank, as in { a }\n[1]: {b}: b is not known (there are payload, field, property, item); braces that are meant as they are need a blank, as in { b }",
		// .@ gets what stands behind an address.
		`"{payload.url}"`:          `"https://api.example/json"`,
		`"{payload.url.@}"`:        `{"a": [{"b": 1.50}]}`,
		`"{payload.url.@.a[0].b}"`: `1.50`,
		`"{payload.url.@.x}"`:      `fill: {payload.url.@.x}: there is no such value: what .@ got has no x (did you mean a?)`,
		`"{payload.doc.@}"`:        `bytes PDF`,
		`"<{payload.doc.@}>"`:      `"<PDF>"`,
		`"{payload.doc.@.x}"`:      `fill: {payload.doc.@.x}: there is no such value: what .@ got (application/pdf, 3 bytes) is not JSON: invalid character 'P' looking for beginning of value, so it has no x`,
		`"{payload.t.@}"`:          `"x"`,
		`"{payload.foreign.@}"`:    `fill: {payload.foreign.@}: .@ does not leave Rossum's own domain; make a call_api stage for other hosts: thief`,
		// base64
		`"{base64(payload.t)}"`:       `"eA=="`,
		`"{base64(payload.n)}"`:       `"NQ=="`,
		`"{base64(payload.d)}"`:       `"eyJhIjogMX0="`,
		`"{base64(payload.nul)}"`:     `null`,
		`"{base64(payload.doc.@)}"`:   `"UERG"`,
		`"a{base64(item)}"`:           `"aYf8="`,
		`"a{item}"`:                   `fill: {item}: these are bytes, which cannot stand within a text; use {base64(…)}, or let the placeholder be the whole text`,
		`{"x": "{item}"}`:             `json: bytes cannot stand in JSON; use {base64(…)}`,
		`"{base64(payload.nothing)}"`: `fill: {base64(payload.nothing)}: there is no such value: payload has no nothing`,
	} {
		if got := fill(t, testScope(t), template); got != want {
			t.Errorf("%s\n got %s\nwant %s", template, got, want)
		}
	}
}

func TestALenientScopeNotesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := testScope(t)
	var notes []string
	s.Lenient, s.Note = true, func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	for template, want := range map[string]string{`"{payload.x}"`: "null", `"a{payload.x}b"`: `"ab"`, `"{payload.foreign.@}"`: "null", `"{payload.n.@}"`: "5"} {
		notes = nil
		if got := fill(t, s, template); got != want || len(notes) != 1 {
			t.Errorf("%s: got %s, notes %q", template, got, notes)
		}
	}
	s.Fetch = nil
	notes = nil
	if got := fill(t, s, `"{payload.url.@}"`); got != `"https://api.example/json"` || len(notes) != 1 || !strings.Contains(notes[0], "nothing in a condition") {
		t.Errorf("got %s, notes %q", got, notes)
	}
}

func TestAnErrorOfAFetchIsNoMissingValue(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := &Scope{Lenient: true, Roots: map[string]pyvalue.Value{"payload": pyvalue.Str("https://a.example")}, Fetch: func(context.Context, string) (pyvalue.Value, error) { return pyvalue.Value{}, broken }}
	c, err := CompileText("{payload.@}", Options{Roots: testRoots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fill(t.Context(), s); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestPathsAreChecked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        `the path "" is not complete`,
		"a.":                      `the path "a." is not complete`,
		"a[":                      `the path "a[" is broken at "["`,
		"a[x]":                    `the path "a[x]" is broken at "x]"`,
		"@":                       "ok", // a name, as long as it is no step
		"a b":                     `the path "a b" is broken at " b"`,
		"a..b":                    `the path "a..b" is broken at ".b"`,
		strings.Repeat("a", 2000): "a path of 2000 bytes is too long",
		"a.b-c[0][1].@.ü[2]":      "ok",
	} {
		p, err := ParsePath(text)
		if got := fmt.Sprint(err); err == nil && want != "ok" || err != nil && got != want {
			if text != "@" {
				t.Errorf("%q: got %v", text, err)
			}
		}
		if err == nil && p.String() != text {
			t.Errorf("%q became %q", text, p)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{`"{payload.n}"`, `{"a": "{base64(payload.url.@)}x", "b": ["{item[0].x}"]}`, `"{{"`, `"{\"a\":{payload.d}}"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := testScope(t)
		c, err := Compile([]byte(text), Options{Roots: testRoots})
		if err != nil {
			return
		}
		for range 2 {
			if v, err := c.Fill(t.Context(), s); err == nil {
				_, _ = Content(t.Context(), v)
			}
			s.Lenient = true
		}
	})
}
