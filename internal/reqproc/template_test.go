package reqproc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

func jsonValue(t testing.TB, text string) pyvalue.Value {
	t.Helper()
	v, err := pyvalue.FromJSON([]byte(text), false)
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
		`"{payload.f}"`:   `1234.5`,
		`"{payload.big}"`: `9007199254740993`,
		// Within a text it is written as str() does, null as nothing.
		`"N={payload.n}"`:              `"N=5"`,
		`"x={payload.nul}y"`:           `"x=y"`,
		`"{payload.b}{payload.t}"`:     `"Truex"`,
		`"{payload.d}!"`:               `"{'a': 1}!"`,
		`"{payload.l[0].k}"`:           `"v"`,
		`"{payload.l[-1]}"`:            `2`,
		`"{payload.l[7]}"`:             `fill: {payload.l[7]}: there is no such value: payload.l has length 2, so there is no [7]`,
		`"{payload.l.k}"`:              `fill: {payload.l.k}: there is no such value: payload.l is a list of 2, so it has no k; iterate over it, or take one with payload.l[0]`,
		`"{payload.n[0]}"`:             `fill: {payload.n[0]}: there is no such value: payload.n is a number and not a list; where one match makes an object of a list, iterate instead of taking [0]`,
		`"{payload.n.x}"`:              `fill: {payload.n.x}: there is no such value: payload.n is a number, so it has no x`,
		`"{payload.nul.x}"`:            `fill: {payload.nul.x}: there is no such value: payload.nul is null, so it has no x`,
		`{"a": ["{payload.d.b}"]}`:     `fill: a[0]: {payload.d.b}: there is no such value: payload.d has no b (did you mean a?)`,
		`{"a": ["{payload.t}", 1.50]}`: `{"a": ["x", 1.5]}`,
		// Braces that hold nothing, or other braces, are text; blanks count for nothing.
		`"{} {{}} { payload.n } {"`:       `"{} {{}} 5 {"`,
		`"{ payload.n }"`:                 `5`,
		`"{payload.d['a']}"`:              `1`,
		`"{payload.d[\"a\"]}"`:            `1`,
		`"{payload['d'].a}"`:              `1`,
		`"{payload.t[0]}{payload.t[-1]}"`: `"xx"`,
		`"{payload.d['b']}"`:              `fill: {payload.d['b']}: there is no such value: payload.d has no b (did you mean a?)`,
		`"{payload.d[0]}"`:                `fill: {payload.d[0]}: there is no such value: payload.d is an object and not a list; where one match makes an object of a list, iterate instead of taking [0]`,
		// What is no path is an error: the engine would put nothing in.
		`"{\"source\": \"rossum\"}"`: `null`,
		`"{0}"`:                      `compile: {0}: 0 is not a context; braces hold a path, such as {field.total.value}`,
		`"{ }"`:                      `null`,
		`"a{ }{.x}b"`:                `"ab"`,
		`"{payload.a-b}"`: `compile: {payload.a-b}: the path "payload.a-b" is malformed at "-b"; a key with such characters is written ` +
			`in brackets, as in payload['a-b']; braces hold a path, such as {field.total.value}`,
		`"{payload.l[a]}"`: `compile: {payload.l[a]}: the path "payload.l[a]" is malformed at "[a]"; braces hold a path, such as ` +
			`{field.total.value}`,
		`"{payload.}"`: `compile: {payload.}: the path "payload." is malformed at "."; braces hold a path, such as ` +
			`{field.total.value}`,
		`"{payload..n}"`: `compile: {payload..n}: the path "payload..n" is malformed at "..n"; braces hold a path, such as ` +
			`{field.total.value}`,
		`"{\"n\": {payload.n}}"`: `"{\"n\": 5}"`,
		`"{{payload.n}}"`:        `"{5}"`,
		`{"{payload.n}": 1}`:     `{"5": 1}`,
		`"{feild.x.value}"`:      `compile: {feild.x.value}: feild is not known (did you mean field?)`,
		`"{token}"`:              `compile: {token}: token is not available here (expected one of payload, field, property, item)`,
		`"{whatever}"`:           `compile: {whatever}: whatever is not known (expected one of payload, field, property, item)`,
		`"{base46(payload.n)}"`:  `compile: {base46(payload.n)}: unknown function base46 (expected base64)`,
		`["{a}", "{b}"]`: "compile: [0]: {a}: a is not known (expected one of payload, field, property, item)\n[1]: {b}: b is not " +
			"known (expected one of payload, field, property, item)",
		// .@ gets what stands behind an address.
		`"{payload.url}"`:          `"https://api.example/json"`,
		`"{payload.url.@}"`:        `{"a": [{"b": 1.5}]}`,
		`"{payload.url.@.a[0].b}"`: `1.5`,
		`"{payload.url.@.x}"`:      `fill: {payload.url.@.x}: there is no such value: what .@ got has no x (did you mean a?)`,
		`"{payload.doc.@}"`:        `bytes PDF`,
		`"<{payload.doc.@}>"`:      `"<PDF>"`,
		`"{payload.doc.@.x}"`:      `fill: {payload.doc.@.x}: there is no such value: what .@ got (application/pdf, 3 bytes) is not JSON: invalid character 'P' looking for beginning of value, so it has no x`,
		`"{payload.t.@}"`:          `"x"`,
		`"{payload.foreign.@}"`:    `fill: {payload.foreign.@}: .@ does not leave Rossum's own domain; make a call_api stage for other hosts: thief`,
		// base64
		`"{base64(payload.t)}"`:                             `"eA=="`,
		`"{base64(payload.n)}"`:                             `"NQ=="`,
		`"{base64(payload.d)}"`:                             `"eydhJzogMX0="`,
		`"{base64(payload.nul)}"`:                           `null`,
		`"{base64(base64(payload.t))}"`:                     `"ZUE9PQ=="`,
		`"{base64( payload.t )}"`:                           `compile: {base64( payload.t )}: remove the blanks within the parentheses of base64()`,
		`{"k{payload.n}": "{payload.t}", "{payload.d}": 1}`: `fill: {payload.d}: as a key: TypeError: unhashable type: 'dict'`,
		`"{base64(payload.doc.@)}"`:                         `"UERG"`,
		`"a{base64(item)}"`:                                 `"aYf8="`,
		`"a{item}"`:                                         `fill: {item}: these are bytes, which cannot be part of a text; use {base64(…)}, or let the placeholder be the whole text`,
		`{"x": "{item}"}`:                                   `json: bytes cannot be part of JSON; use {base64(…)}`,
		`"{base64(payload.nothing)}"`:                       `fill: {base64(payload.nothing)}: there is no such value: payload has no nothing`,
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
	if got := fill(t, s, `"{payload.url.@}"`); got != `"https://api.example/json"` || len(notes) != 1 ||
		!strings.Contains(notes[0], "nothing in a condition") {
		t.Errorf("got %s, notes %q", got, notes)
	}
}

func TestAnErrorOfAFetchIsNoMissingValue(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := &Scope{
		Lenient: true,
		Roots:   map[string]pyvalue.Value{"payload": pyvalue.Str("https://a.example")},
		Fetch:   func(context.Context, string) (pyvalue.Value, error) { return pyvalue.Value{}, broken },
	}
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
		"a.":                      `the path "a." is malformed at "."`,
		"a[":                      `the path "a[" is malformed at "["`,
		"a[x]":                    `the path "a[x]" is malformed at "[x]"`,
		"a[]":                     `the path "a[]" is malformed at "[]"`,
		"a[01]":                   `the path "a[01]" is malformed at "[01]"`,
		"a['b]":                   `the path "a['b]" is malformed at "['b]"`,
		"a['b'c']":                `the path "a['b'c']" is malformed at "['b'c']"`,
		`a['\x']`:                 `the path "a['\\x']" is malformed at "['\\x']"`,
		"@":                       `the path "@" is malformed at "@"`,
		"a b":                     `the path "a b" is malformed at " b"; a key with such characters is written in brackets, as in payload['a-b']`,
		"a..b":                    `the path "a..b" is malformed at "..b"`,
		strings.Repeat("a", 2000): "a path of 2000 bytes is too long",
		"a.b_c[0][-1].@.ü[2]['x y'][\"it's\"].0": "ok",
		`a['\'\"\\\n']`: "ok",
	} {
		p, err := ParsePath(text)
		if got := fmt.Sprint(err); err == nil && want != "ok" || err != nil && got != want {
			t.Errorf("%q: got %v", text, err)
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
	for _, c := range readVectors(f).Templates {
		f.Add(string(c.Template))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := testScope(t)
		c, err := Compile([]byte(text), Options{Roots: testRoots})
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
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
