package workbench

import (
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

func documentOf(t *testing.T, content string) *document {
	t.Helper()
	h, err := rossum.ParseHook([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return &document{h, []byte(content)}
}

func TestSavingChangesOnlyWhatWasEdited(t *testing.T) {
	t.Parallel()
	change := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	for name, tt := range map[string]struct {
		file, settings, want string
		change               func(string) string
	}{
		"indented": {
			"{\n  \"z\": 1.50,\n  \"settings\": {\n    \"b\": \"\\u00fc\",\n    \"a\": [ 1 ]\n  },\n  \"id\": 7\n}\n",
			"{\n  \"b\": \"\\u00fc\",\n  \"a\": [ 1 ]\n}",
			"{\n  \"z\": 1.50,\n  \"settings\": {\n    \"b\": \"\\u00fc\",\n    \"a\": [ 2 ]\n  },\n  \"id\": 7\n}\n",
			change("[ 1 ]", "[ 2 ]"),
		},
		"tabs and Windows lines": {
			"{\r\n\t\"id\": 7,\r\n\t\"settings\": {\r\n\t\t\"a\": 1\r\n\t}\r\n}",
			"{\n\t\"a\": 1\n}",
			"{\r\n\t\"id\": 7,\r\n\t\"settings\": {\r\n\t\t\"a\": 1,\r\n\t\t\"b\": 2\r\n\t}\r\n}",
			change("1\n", "1,\n\t\"b\": 2\n"),
		},
		"on one line":          {`{"id":7,"settings":{"a":1},"b":2}`, `{"a":1}`, `{"id":7,"settings":{"a":2},"b":2}`, change("1", "2")},
		"without settings":     {"{\n  \"id\": 7\n}\n", "{}", "{\n  \"id\": 7,\n  \"settings\": {\"a\": 1}\n}\n", change("{}", `{"a": 1}`)},
		"null as settings":     {`{"id": 7, "settings": null}`, "{}", `{"id": 7, "settings": {"a": 1}}`, change("{}", `{"a": 1}`)},
		"lines not indented":   {"{\n  \"id\": 7,\n  \"settings\": {\n\"a\": 1\n}\n}", "{\n\"a\": 1\n}", "{\n  \"id\": 7,\n  \"settings\": {\n\"a\": 2\n}\n}", change("1", "2")},
		"settings given twice": {`{"settings": {"a": 0}, "id": 7, "settings": {"a": 1}}`, `{"a": 1}`, `{"settings": {"a": 0}, "id": 7, "settings": {"a": 2}}`, change("1", "2")},
		"blanks before":        {"\n {\"id\": 7, \"settings\": {\"a\": 1}}", `{"a": 1}`, "\n {\"id\": 7, \"settings\": {\"a\": 2}}", change("1", "2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := documentOf(t, tt.file)
			got := d.settings()
			if got != tt.settings {
				t.Fatalf("the settings are\n%q, want\n%q", got, tt.settings)
			}
			if same, err := d.with(edit{Settings: &got}); err != nil || string(same) != tt.file {
				t.Errorf("without a change: %v\n%q", err, same)
			}
			now := tt.change(got)
			saved, err := d.with(edit{Settings: &now})
			if err != nil || string(saved) != tt.want {
				t.Fatalf("%v\n%q, want\n%q", err, saved, tt.want)
			}
			if again := documentOf(t, string(saved)).settings(); again != now {
				t.Errorf("read again it is\n%q, want\n%q", again, now)
			}
		})
	}
}

func TestWhatIsNoHookAnyMoreIsNotSaved(t *testing.T) {
	t.Parallel()
	d := documentOf(t, `{"id": 7, "settings": {"a": 1}}`)
	for settings, want := range map[string]string{
		"{\n\"a\": }": "the settings are not valid JSON: line 2", "[1]": "are not a JSON object", "": "not valid JSON", "null": "are not a JSON object", `{} {}`: "not valid JSON",
	} {
		if _, err := d.with(edit{Settings: &settings}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", settings, err)
		}
	}
	code := "x"
	if _, err := d.with(edit{Code: &code}); err == nil {
		t.Error("code was put where none is")
	}
}

func TestTheCodeOfAFunctionIsSavedInItsPlace(t *testing.T) {
	t.Parallel()
	d := documentOf(t, `{"id": 7, "type": "function", "config": {"runtime": "python3.12", "code": "a\n<b>", "x": 1}}`)
	code := "a < \"ü\"\n"
	got, err := d.with(edit{Code: &code})
	if want := `{"id": 7, "type": "function", "config": {"runtime": "python3.12", "code": "a < \"ü\"\n", "x": 1}}`; err != nil ||
		string(got) != want {
		t.Errorf("%v\n%s, want\n%s", err, got, want)
	}
	d.hook.CodeFile = "x.py"
	if _, err := d.with(edit{Code: &code}); err == nil {
		t.Error("the code has a file of its own, and the hook's was written")
	}
}

func TestATemplateIsPutBackWhereItWas(t *testing.T) {
	t.Parallel()
	single := `{"export_configs": [{"file_content_template": "a\nb", "export_reference_key": "k"}]}`
	list := "{\"export_configs\": [{\"file_content_template_multiline\": [\n  \"a\",\n  \"\\u0062\\nc\",\n  \"d\"\n]}]}"
	for _, tt := range []struct{ settings, text, want string }{
		{single, "a\n<b>\t\"", `{"export_configs": [{"file_content_template": "a\n<b>\t\"", "export_reference_key": "k"}]}`},
		{list, "a\nb\nc\nd", list},
		{list, "A\nb\nc\nd", strings.Replace(list, `"a"`, `"A"`, 1)},
		{list, "a\nb\nC\nd", strings.Replace(list, `\u0062\nc`, `b\nC`, 1)},
		{list, "a\nb\nc\nnew\nd", strings.Replace(list, "  \"d\"", "  \"new\",\n  \"d\"", 1)},
		{list, "a\nb\nc\nd\n", strings.Replace(list, "\"d\"\n", "\"d\",\n  \"\"\n", 1)},
		{list, "a\nd", strings.Replace(list, "  \"\\u0062\\nc\",\n", "", 1)},
		{list, "", "{\"export_configs\": [{\"file_content_template_multiline\": [\n  \"\"\n]}]}"},
		{`{"export_configs": [{"file_content_template_multiline": ["a"]}]}`, "a\nb", `{"export_configs": [{"file_content_template_multiline": ["a", "b"]}]}`},
		{`{"export_configs": [{"file_content_template_multiline": []}]}`, "a\nb", `{"export_configs": [{"file_content_template_multiline": ["a\nb"]}]}`},
	} {
		place := textsOf(tt.settings)[0].Place
		got, err := withText(tt.settings, place, tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q: %v\n%s\nwant\n%s", tt.text, err, got, tt.want)
		}
		if back := textsOf(got)[0].Text; back != tt.text {
			t.Errorf("%q was put in, and %q is there", tt.text, back)
		}
	}
	if _, err := withText(`{"export_configs": []}`, "export_configs[0].file_content_template", "x"); err == nil {
		t.Error("a template was put where none is")
	}
}

func FuzzATemplateComesBack(f *testing.F) {
	f.Add("a\x00b\nc", "a\nb", "c")
	f.Fuzz(func(t *testing.T, lines, now, key string) {
		var elements []string
		for l := range strings.SplitSeq(strings.ToValidUTF8(lines, "?"), "\x00") {
			elements = append(elements, string(quoted(l)))
		}
		now = strings.ToValidUTF8(now, "?")
		source := `{"export_configs": [{"export_reference_key": ` + string(quoted(strings.ToValidUTF8(key, "?"))) +
			", \"file_content_template_multiline\": [\n" + strings.Join(elements, " ,\n\t") + " ]}], \"z\": 1}"
		got, err := withText(source, "export_configs[0].file_content_template_multiline", now)
		if err != nil {
			t.Fatal(err)
		}
		texts := textsOf(got)
		if isObject(got) != nil || len(texts) != 1 || texts[0].Text != now || !strings.HasSuffix(got, `}], "z": 1}`) {
			t.Fatalf("%q became %q, whose text is %v", source, got, texts)
		}
	})
}
