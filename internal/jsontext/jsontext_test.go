package jsontext

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// filled puts values into the places of a text, which are marked by @.
func filled(template string, raw bool, values ...string) string {
	literals := strings.Split(template, "@")
	depths := Depths(literals)
	var out strings.Builder
	for i, literal := range literals {
		out.WriteString(literal)
		if i+1 == len(literals) {
			break
		}
		depth := 0
		if depths != nil {
			depth = depths[i]
		}
		value, _ := Escape([]byte(values[i%len(values)]), depth, func() bool { return raw })
		out.Write(value)
	}
	return out.String()
}

func TestAPlaceIsWithinAsManyStringsAsAreOpenAroundIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		template string
		want     []int
	}{
		{`{"a":"@"}`, []int{1}},
		{`{"a":@,"b":"@@"}`, []int{0, 1, 1}},
		{`{"@":["@"]}`, []int{1, 1}},
		{`{"a":"\"@\""}`, []int{1}},
		{`{"a":"{\"b\":\"@\",\"c\":@}","d":"@"}`, []int{2, 1, 1}},
		{`{"a":"[{\"b\":\"{\\\"c\\\":\\\"@\\\"}\"}]"}`, []int{3}},
		{`{"a":"[@] text"}`, []int{1}},
		{`{"a":"{\"b\": '@'}"}`, []int{1}},
		{`{"query":"mutation M { add(name: \"@\", n: @) { id } }","variables":{"x":"@"}}`, []int{2, 1, 1}},
		{`{"query":"query { vendor(name: \"\"\"@\"\"\") }"}`, []int{1}},
		{`{"q":"say \"@\" aloud"}`, []int{1}},
		{"{\"a\":\"@\"}\n{\"b\":@}\n", []int{1, 0}},
		// What is no JSON.
		{`{"a":'@'}`, nil},
		{`{"a":"@",}`, nil},
		{`{"a":"@"} // a comment`, nil},
		{`{a:"@"}`, nil},
		{`<a b="@"/>`, nil},
		{`"@"`, nil},
		{`@`, nil},
		{`{"a":"\@"}`, nil},
		{`{"a":"@`, nil},
		{``, nil},
	} {
		if got := Depths(strings.Split(tt.template, "@")); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.template, got, tt.want)
		}
	}
}

func TestWhatIsReadFromAStringIsTheValue(t *testing.T) {
	t.Parallel()
	values := []string{
		`plain`, `a"b`, `x","admin":true,"y":"`, `C:\new\table`, `\`, `\\`, `\"`, `\u0041`, `\ud83d`, "two\nlines\ttab\r\x00\x1f",
		"\u2028\u2029", "😀 <b>&amp;",
		`]]>"`, `{"a":"b"}`, `'`, `{{ x }}`, `null`, strings.Repeat(`"\`, 50),
	}
	for _, value := range values {
		var one struct{ A, B string }
		if err := json.Unmarshal([]byte(filled(`{"a":"@","b":"<@>"}`, true, value)), &one); err != nil || one.A != value ||
			one.B != "<"+value+">" {
			t.Errorf("%q in a string: %q, %v", value, one, err)
		}
		if err := json.Unmarshal([]byte(filled(`{"a":"{\"a\":\"@\"}"}`, true, value)), &one); err != nil {
			t.Errorf("%q in a string within one: %v", value, err)
		} else if err := json.Unmarshal([]byte(one.A), &one); err != nil || one.A != value {
			t.Errorf("%q in a string within one: %q, %v", value, one.A, err)
		}
		var keys map[string]int
		if err := json.Unmarshal([]byte(filled(`{"@":1}`, true, value)), &keys); err != nil || keys[value] != 1 || len(keys) != 1 {
			t.Errorf("%q as a key: %v, %v", value, keys, err)
		}
	}
}

func TestAValueOfAProgramStaysIfItMayStandThere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ template, value, want string }{
		{`{"a":"@"}`, `a\"b\nc\u00e9`, `{"a":"a\"b\nc\u00e9"}`},
		{`{"a":"@"}`, `a\"b"`, `{"a":"a\\\"b\""}`},
		{`{"a":"{\"a\":\"@\"}"}`, `a\\\"b`, `{"a":"{\"a\":\"a\\\"b\"}"}`},
		{`{"a":"{\"a\":\"@\"}"}`, `a\"b`, `{"a":"{\"a\":\"a\\\\\\\"b\"}"}`},
	} {
		if got := filled(tt.template, false, tt.value); got != tt.want {
			t.Errorf("%s with %s: %s, want %s", tt.template, tt.value, got, tt.want)
		}
	}
}

func FuzzAValueEndsNoString(f *testing.F) {
	f.Add(`{"a":"@","b":[@,"{\"c\":\"@\"}"]}`, `x","y":"\`, true)
	f.Add(`{"query":"mutation { a(b: \"@\") }"}`, `a\"b`, false)
	f.Fuzz(func(t *testing.T, template, value string, raw bool) {
		literals := strings.Split(template, "@")
		depths := Depths(literals)
		if depths == nil {
			return
		}
		if slices.Contains(depths, 0) {
			return // what is bare may be any JSON
		}
		if got := filled(template, raw, value); !json.Valid([]byte(got)) && json.Valid([]byte(strings.ReplaceAll(template, "@", "1"))) {
			t.Errorf("%q with %q: %q", template, value, got)
		}
	})
}
