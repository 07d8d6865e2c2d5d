package reqproc

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// vectors were recorded on the engine that Rossum publishes: what it gives for
// made-up templates, conditions and queries. The engine is the Python code of a hook in a
// public organisation of Rossum's; it was run by CPython 3.11, and is not needed to test.
type vectors struct {
	Context     json.RawMessage `json:"context"`
	Data        json.RawMessage `json:"data"`
	FilterItems []struct {
		Key       *string  `json:"key"`
		Documents []string `json:"documents"`
	} `json:"filter_items"`
	Templates []struct {
		Template        json.RawMessage `json:"template"`
		Lenient, Strict vectorResult
	} `json:"templates"`
	Conditions []struct {
		Condition json.RawMessage `json:"condition"`
		vectorResult
	} `json:"conditions"`
	Filters []struct {
		Query json.RawMessage `json:"query"`
		vectorResult
	} `json:"filters"`
}

// vectorResult is a value, or the name of what the engine raises.
type vectorResult struct {
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

func readVectors(t testing.TB) *vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

var update = flag.Bool("update", false, "write testdata/differences.txt anew")

// differences are the vectors that do not come out as they do on the engine, one a line:
// what was asked, what the engine gives, and what is done here. Nothing else is ever
// given than by the engine: either the input is refused, when the settings are read or
// when they are used, or the report says what is different.
type differences struct {
	lines []string
}

// compare notes a result. refusal is the error here, if there is one; note is what the
// report says.
func (d *differences) compare(t *testing.T, input []byte, want, got string, refusal error, note string) {
	t.Helper()
	if refusal != nil {
		got = "error"
	}
	switch {
	case got == want:
		return
	case refusal != nil:
		d.lines = append(d.lines, fmt.Sprintf("%s gives %s; refused: %s", input, want, strings.ReplaceAll(refusal.Error(), "\n", "; ")))
	case want == "error" && note != "":
		d.lines = append(d.lines, fmt.Sprintf("%s fails; gives %s and notes: %s", input, got, note))
	default:
		t.Errorf("%s: got %s, want %s", input, got, want)
	}
}

// check compares the lines with those of a section of the file.
func (d *differences) check(t *testing.T, name string) {
	t.Helper()
	got := strings.Join(d.lines, "\n") + "\n"
	name = "testdata/differences_" + name + ".txt"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the differences are others than those of %s; see what -update makes of them:\n%s", name, got)
	}
}

// roots are the contexts of a JSON object.
func roots(t *testing.T, raw []byte) map[string]pyvalue.Value {
	t.Helper()
	v, err := pyvalue.FromJSON(raw, false)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]pyvalue.Value)
	for k, item := range v.Dict().All() {
		all[k.Text()] = item
	}
	return all
}

// dumped is a value as the vectors have it: a key that is no text has its type before it.
func dumped(t *testing.T, v pyvalue.Value) string {
	t.Helper()
	var typed func(v pyvalue.Value) pyvalue.Value
	typed = func(v pyvalue.Value) pyvalue.Value {
		if d := v.Dict(); d != nil {
			made := pyvalue.NewDict()
			for k, item := range d.All() {
				name, err := pyvalue.String(nil, k)
				if err != nil {
					t.Fatal(err)
				}
				if !k.IsText() {
					name = "<" + pyvalue.TypeName(k) + ">" + name
				}
				made.SetStr(name, typed(item))
			}
			return made.Value()
		}
		if items, ok := v.Items(); ok {
			list := make([]pyvalue.Value, len(items))
			for i, item := range items {
				list[i] = typed(item)
			}
			return pyvalue.NewList(list...)
		}
		return v
	}
	out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, typed(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func (r vectorResult) String() string {
	if r.Error != "" {
		return "error"
	}
	v, err := pyvalue.FromJSON(r.Value, false)
	if err != nil {
		return "vector: " + err.Error()
	}
	out, err := pyvalue.JSON{Unicode: true}.Append(nil, nil, v)
	if err != nil {
		return "vector: " + err.Error()
	}
	return string(out)
}

func TestTemplatesGiveWhatTheEngineGives(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	context := roots(t, v.Context)
	d := &differences{}
	for _, tt := range v.Templates {
		compiled, err := Compile(tt.Template, Options{Roots: []string{"payload", "property", "item", "sequence", "token"}})
		if err != nil {
			d.compare(t, tt.Template, tt.Strict.String(), "", err, "")
			continue // what strict mode raises is found when the settings are compiled
		}
		for _, lenient := range []bool{true, false} {
			want, got := tt.Strict.String(), ""
			if lenient {
				want = tt.Lenient.String()
			}
			filled, err := compiled.Fill(t.Context(), &Scope{Roots: context, Lenient: lenient})
			if err == nil {
				got = dumped(t, filled)
			}
			d.compare(t, tt.Template, want, got, err, "")
		}
	}
	d.check(t, "templates")
}

func TestConditionsAreThoseOfTheEngine(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	data := roots(t, v.Data)
	d := &differences{}
	for _, tt := range v.Conditions {
		c, err := CompileCondition(tt.Condition, ConditionOptions{Options: Options{Roots: []string{"field", "payload", "property"}}})
		got, noted := "", ""
		if err == nil {
			var holds bool
			note := func(format string, args ...any) { noted += fmt.Sprintf(format, args...) }
			holds, _, err = c.Holds(t.Context(), &Scope{Roots: data, Lenient: true, Note: note})
			got = fmt.Sprint(holds)
		}
		d.compare(t, tt.Condition, tt.String(), got, err, noted)
	}
	d.check(t, "conditions")
}

func TestQueriesFindWhatTheEngineFinds(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	d := &differences{}
	for _, tt := range v.Filters {
		c, err := CompileCondition(
			tt.Query,
			ConditionOptions{Options: Options{Roots: []string{"field", "payload", "property"}}, Keys: []string{"key", "documents"}},
		)
		found := []string{}
		for i := 0; i < len(v.FilterItems) && err == nil; i++ {
			item := v.FilterItems[i]
			key, documents := pyvalue.None(), []pyvalue.Value{}
			if item.Key != nil {
				key = pyvalue.Str(*item.Key)
			}
			for _, d := range item.Documents {
				documents = append(documents, pyvalue.Str(d))
			}
			var holds bool
			if holds, _, err = c.Holds(t.Context(), &Scope{Roots: map[string]pyvalue.Value{"key": key, "documents": pyvalue.NewList(documents...)}, Lenient: true}); holds {
				found = append(found, fmt.Sprint(i))
			}
		}
		d.compare(t, tt.Query, tt.String(), "["+strings.Join(found, ", ")+"]", err, "")
	}
	d.check(t, "filters")
}
