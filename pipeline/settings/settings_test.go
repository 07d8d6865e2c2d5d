package settings_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/settings"
)

// archive is the settings of a step.
type archive struct {
	URL   string `json:"url"`
	Files []file `json:"files"`
}

type file struct {
	Key  string `json:"export_reference_key"`
	Name string `json:"name"`
}

func (a *archive) UnmarshalJSON(data []byte) error { return settings.Decode(data, (*plain)(a)) }

type plain archive

func (*file) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

func ExampleJSON() {
	for _, v := range []any{map[string]any{"to": "<acme>"}, json.RawMessage(`{"b":1,"a":2}`), nil} {
		text, err := settings.JSON(v)
		fmt.Println(string(text), text == nil, err)
	}
	// Output:
	// {"to":"<acme>"} false <nil>
	// {"b":1,"a":2} false <nil>
	//  true <nil>
}

func TestAllFaultsOfSettingsComeAtOnceWithTheirPlaces(t *testing.T) {
	t.Parallel()
	var a archive
	err := settings.Decode([]byte(`{"//": "a comment", "urll": "x", "files": [
	{"export_id": "a", "export_reference_key": "b"},
	{"name": 7}], "url": "y", "url": "z"}`), &a)
	var got []string
	for _, e := range pipeline.Faults(err) {
		var f *settings.Fault
		if !errors.As(e, &f) || f.Line == 0 {
			t.Errorf("%T %v", e, e)
			continue
		}
		got = append(got, e.Error())
	}
	want := []string{
		`urll: unknown key (did you mean url?) (line 1, column 21)`,
		`files[0].export_reference_key: conflicts with export_id, which means the same; keep one (line 2, column 21)`,
		`files[1].name: is a number, expected a string (line 3, column 11)`,
		`url: duplicate key (line 3, column 28)`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if a.URL != "y" || len(a.Files) != 2 || a.Files[0].Key != "a" {
		t.Errorf("what is right is not decoded: %+v", a)
	}
}

func TestTheFaultsOfSettingsWithinSettingsGetTheirPlace(t *testing.T) {
	t.Parallel()
	var outer struct {
		Archive archive `json:"archive"`
	}
	err := settings.Decode([]byte(`{"archive": {"url": 7}}`), &outer)
	var f *settings.Fault
	if !errors.As(err, &f) || f.Place != "archive.url" {
		t.Errorf("got %v", err)
	}
	var faults settings.Faults
	faults.AddErr("hook", err)
	faults.AddErr("", nil)
	faults.Add(settings.Index(settings.Join("hook", "files"), 1), "is %s", "missing")
	if got := fmt.Sprint(pipeline.Faults(faults.Err())); !strings.HasPrefix(got, "[hook.archive.url: is a number, expected a string") ||
		!strings.HasSuffix(got, " hook.files[1]: is missing]") {
		t.Errorf("got %v", got)
	}
	if (&settings.Faults{}).Err() != nil {
		t.Error("no faults are an error")
	}
}

func ExampleDecode() {
	var s struct {
		URL    string `json:"url"`
		Method string `json:"method"`
	}
	err := settings.Decode([]byte(`{
  "ulr": "https://erp.example",
  "method": 7
}`), &s)
	fmt.Println(err)
	// Output:
	// ulr: unknown key (did you mean url?) (line 2, column 3)
	// method: is a number, expected a string (line 3, column 13)
}

func ExampleFaults() {
	var faults settings.Faults
	for i, format := range []string{"csv", "cvs"} {
		if known := []string{"csv", "xml"}; format != known[0] && format != known[1] {
			faults.Add(
				settings.Join(settings.Index("exports", i), "format"),
				"%q is unknown (did you mean %s?)",
				format,
				settings.Nearest(format, known),
			)
		}
	}
	fmt.Println(faults.Err())
	// Output: exports[1].format: "cvs" is unknown (did you mean csv?)
}
