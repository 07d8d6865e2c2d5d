package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type outer struct {
	Configs []inner           `json:"export_configs"`
	Mode    string            `json:"mode"`
	Port    int               `json:"port"`
	Flag    *bool             `json:"flag"`
	Headers map[string]string `json:"headers"`
	Any     json.RawMessage   `json:"any"`
	Self    self              `json:"self"`
	Rate    float64           `json:"rate"`
	hidden  string
}

type inner struct {
	Key      string `json:"export_reference_key"`
	Template string `json:"file_content_template"`
}

func (*inner) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

type self struct{ text string }

func (s *self) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		var f Faults
		f.Add("deep[1]", "is odd")
		return f.Err()
	}
	return json.Unmarshal(data, &s.text)
}

func TestRightSettingsAreDecoded(t *testing.T) {
	t.Parallel()
	var got outer
	err := Decode([]byte(`{"export_configs":[{"export_id":"k","file_content_template":"t"},{"export_reference_key":"l"}],
		"mode":"wait","port":22,"flag":false,"headers":{"A":"b"},"any":{"x":[1]},"self":"s","rate":1.5}`), &got)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintln(got.Configs, got.Mode, got.Port, *got.Flag, got.Headers, string(got.Any), got.Self.text, got.Rate, got.hidden); s != "[{k t} {l }] wait 22 false map[A:b] {\"x\":[1]} s 1.5 \n" {
		t.Errorf("got %s", s)
	}
}

func TestEveryFaultIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"export_configs":[{"file_content_templat":"x"}]}`: "export_configs[0].file_content_templat: unknown key (did you mean file_content_template?) (line 1, column 21)",
		"{\n  \"Mode\": \"x\"}":                             "Mode: unknown key (did you mean mode?) (line 2, column 3)",
		`{"zzzzzzzzzzzz":1}`:                                "zzzzzzzzzzzz: unknown key (known keys: any, export_configs, flag, headers, mode, port, rate, self) (line 1, column 2)",
		`{"mode":1}`:                                        "mode: is a number, expected a string (line 1, column 9)",
		`{"port":"x"}`:                                      "port: is a string, expected a whole number (line 1, column 9)",
		`{"port":1.5}`:                                      "port: is a number, expected a whole number (line 1, column 9)",
		`{"flag":"true"}`:                                   "flag: is a string, expected true or false (line 1, column 9)",
		`{"headers":{"A":1}}`:                               "headers.A: is a number, expected a string (line 1, column 17)",
		`{"headers":[]}`:                                    "headers: is a list, expected an object (line 1, column 12)",
		`{"export_configs":{}}`:                             "export_configs: is an object, expected a list (line 1, column 19)",
		`{"export_configs":["x"]}`:                          "export_configs[0]: is a string, expected an object (line 1, column 20)",
		`{"mode":"a","mode":"b"}`:                           "mode: duplicate key (line 1, column 13)",
		`{"export_configs":[{"export_id":"a","export_reference_key":"b"}]}`: "export_configs[0].export_reference_key: conflicts with export_id, which means the same; keep one (line 1, column 37)",
		`{"self":1}`:     "self.deep[1]: is odd (line 1, column 9)",
		`{"mode":"a"} x`: "text after the end of the JSON value (line 1, column 14)",
		`[]`:             "is a list, expected an object (line 1, column 1)",
		`{"mode":1,"port":"x","what":{"a":[1,2]},"export_configs":[{"b":1},{}]}`: "mode: is a number, expected a string (line 1, column 9)\nport: is a string, expected a whole number (line 1, column 18)\nwhat: unknown key (known keys: any, export_configs, flag, headers, mode, port, rate, self) (line 1, column 22)\nexport_configs[0].b: unknown key (known keys: export_reference_key, file_content_template) (line 1, column 60)",
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			var got outer
			err := Decode([]byte(in), &got)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestTextThatIsNotJSONIsAFault(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "{", `{"mode":`, `{"mode" "x"}`, `{"export_configs":[{`, "nonsense", strings.Repeat(`{"any":`, 3), `{"export_configs":` + strings.Repeat("[", 100000)} {
		var got outer
		if err := Decode([]byte(in), &got); err == nil {
			t.Errorf("no error for %.30q", in)
		}
	}
}

func TestFaultsCanBeFoundAndMoved(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	var f Faults
	f.AddErr("a", nil)
	if f.Err() != nil {
		t.Error("nil is a fault")
	}
	f.AddErr(Index("b", 2), cause)
	var moved Faults
	moved.AddErr("outer", f.Err())
	err := moved.Err()
	var fault *Fault
	if !errors.Is(err, cause) || !errors.As(err, &fault) || fault.Place != "outer.b[2]" || err.Error() != "outer.b[2]: cause" {
		t.Errorf("got %v", err)
	}
}

func TestKeysWithControlCharactersAreShownEscaped(t *testing.T) {
	t.Parallel()
	var s struct {
		A map[string]struct {
			B int `json:"b"`
		} `json:"a"`
	}
	for text, want := range map[string]string{
		`{"x\u001b[2Jy": 1}`:               `x\x1b[2Jy: unknown key`,
		"{\"\x7f\": 1}":                    `\x7f: unknown key`,
		`{"a": {"\r\nINFO ok": {"c": 1}}}`: `a.\r\nINFO ok.c: unknown key`,
		`{"ü\u0085": 1}`:                   `ü\u0085: unknown key`,
	} {
		if err := Decode([]byte(text), &s); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestValuesInTheTextOfAFaultAreShownEscaped(t *testing.T) {
	t.Parallel()
	var f Faults
	f.Add("a", "%s is not known: \xff, ü, \ufffd\n\tand %s", "\x1b[2J", "\r")
	if err, want := f.Err(), `a: \x1b[2J is not known: \xff, ü, `+"\ufffd\n\tand "+`\r`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"export_configs":[{"export_id":"k"}],"self":1,"headers":{"a":"b"}}`))
	f.Add([]byte(`{"export_configs":[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var strict, kind outer
		if err := Decode(data, &strict); err != nil {
			return
		}
		if err := json.Unmarshal(data, &kind); err != nil && !strings.Contains(err.Error(), "export_id") {
			t.Errorf("accepted what encoding/json refuses: %v", err)
		}
	})
}

func Example() {
	var s struct {
		Template string `json:"file_content_template"`
	}
	fmt.Println(Decode([]byte(`{"file_content_templat": "x"}`), &s))
	// Output: file_content_templat: unknown key (did you mean file_content_template?) (line 1, column 2)
}

// step decodes itself, as steps do.
type step struct {
	Key string `json:"export_reference_key"`
}

func (*step) SettingsAliases() map[string]string {
	return map[string]string{"export_id": "export_reference_key"}
}

func (s *step) UnmarshalJSON(data []byte) error { return Decode(data, s) }

func TestATypeCanDecodeItself(t *testing.T) {
	t.Parallel()
	var list struct {
		Steps []step `json:"steps"`
	}
	if err := Decode([]byte(`{"steps":[{"export_id":"a"},{"export_reference_key":"b"}]}`), &list); err != nil || list.Steps[0].Key != "a" ||
		list.Steps[1].Key != "b" {
		t.Errorf("%+v %v", list, err)
	}
	var one step
	if err := json.Unmarshal([]byte(`{"export_i":"a"}`), &one); err == nil || !strings.HasPrefix(err.Error(), "export_i: unknown key") {
		t.Error(err)
	}
	var numbers struct {
		M map[int]string `json:"m"`
	}
	if Decode([]byte(`{"m":{"1":"a"}}`), &numbers) == nil {
		t.Error("a map of numbers was taken")
	}
}

func TestAHundredFaultsAreToldAndTheRestCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		faults int
		last   string
	}{{100, "x99: unknown key"}, {101, "and one more fault"}, {50_000, "and 49900 more faults"}} {
		var b strings.Builder
		for i := range c.faults {
			fmt.Fprintf(&b, ",\n\"x%d\":1", i)
		}
		err := Decode([]byte("{"+b.String()[1:]+"}"), new(struct {
			URL string `json:"url"`
		}))
		if err == nil {
			t.Fatal("no fault")
		}
		told := strings.Split(err.Error(), "\n")
		if last := told[len(told)-1]; len(told) != min(c.faults, 101) || !strings.HasPrefix(last, c.last) {
			t.Errorf("%d faults: %d lines, the last: %s", c.faults, len(told), last)
		}
	}
}
