package rossum_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func organisation() fstest.MapFS {
	return fstest.MapFS{
		"README.md":                                                                 file("# ours"),
		"acme/main/organization.json":                                               file("{}"),
		"acme/main/hooks/Cleaning_[101].json":                                       file(`{"id":101,"name":"Cleaning","active":true,"events":["annotation_content.export"],"queues":["https://acme.rossum.app/api/v1/queues/7"],"config":{"url":"https://x/purge"}}`),
		"acme/main/hooks/Evaluator_[102].json":                                      file("\xef\xbb\xbf" + `{"id":102,"type":"function","name":"Evaluator","config":{"code":"old"}}`),
		"acme/main/hooks/Evaluator_[102].py":                                        file("def rossum_hook_request_handler(payload):\n    return {}\n"),
		"acme/main/hooks/notes.txt":                                                 file("no hook"),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/queue.json":                file(`{"id":7,"name":"Invoices EU","url":"https://acme.rossum.app/api/v1/queues/7"}`),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/schema.json":               file(`{"id":9,"content":[{"category":"section","id":"s","children":[{"category":"datapoint","id":"total","formula":"1"},{"category":"multivalue","id":"m","children":{"category":"tuple","id":"t","children":[{"category":"datapoint","id":"cell"}]}}]}]}`),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/formulas/total.py":         file("field.a + field.b"),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/formulas/cell.py":          file("field.x"),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/formulas/__pycache__/x.py": file("?"),
		"acme/main/workspaces/AP_[3]/queues/Credit notes_[8]/schema.json":           file(`{"id":10,"content":[]}`),
		".git/hooks/pre-commit.json":                                                file("not ours"),
	}
}

func TestAPrd2FolderIsReadWhole(t *testing.T) {
	t.Parallel()
	o, err := rossum.LoadOrganisation(organisation())
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Hooks) != 2 || o.Hooks[0].Name != "Cleaning" || !strings.HasPrefix(o.Hooks[1].Config.Code, "def rossum_hook") {
		t.Errorf("hooks %v", o.Hooks)
	}
	if len(o.Queues) != 2 || o.Queues[0].Name != "Invoices EU" || o.Queues[1].Name != "Credit notes" || o.Queues[1].ID != 8 {
		t.Errorf("queues %+v", o.Queues)
	}
	s := o.Queues[0].Schema
	if s.Field("total").Formula != "field.a + field.b" || s.Field("cell").Formula != "field.x" {
		t.Errorf("formulas %q and %q", s.Field("total").Formula, s.Field("cell").Formula)
	}
}

func TestQueuesAreFoundByNameAndID(t *testing.T) {
	t.Parallel()
	o, err := rossum.LoadOrganisation(organisation())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"7", "Invoices EU"} {
		if q, err := o.Queue(name); err != nil || q.ID != 7 {
			t.Errorf("%s: %v, %v", name, q, err)
		}
	}
	o.Queues = append(o.Queues, &rossum.Queue{ID: 11, Name: "Invoices EU"})
	for name, want := range map[string]string{
		"Invoices UE": `did you mean "Invoices EU"?`, "12": "the organisation has", "Invoices EU": "use the id",
	} {
		if _, err := o.Queue(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFaultOfAFolderIsNamedWithItsFile(t *testing.T) {
	t.Parallel()
	bad := organisation()
	bad["acme/main/hooks/Broken_[103].json"] = file(`{"id":`)
	bad["acme/main/hooks/Nameless.json"] = file(`{}`)
	bad["acme/test/hooks/Cleaning_[101].json"] = file(`{"id":101,"name":"Cleaning"}`)
	bad["acme/main/workspaces/AP_[3]/queues/Broken_[20]/schema.json"] = file(`[]`)
	bad["acme/main/workspaces/AP_[3]/queues/No id/schema.json"] = file(`{}`)
	bad["acme/main/workspaces/AP_[3]/queues/Invoices copy_[7]/schema.json"] = file(`{}`)
	bad["acme/main/workspaces/AP_[3]/queues/Invoices_[7]/formulas/totl.py"] = file("1")
	bad["acme/main/workspaces/AP_[3]/queues/Bad_[21]/queue.json"] = file(`{"id":"x"}`)
	_, err := rossum.LoadOrganisation(bad)
	if !errors.Is(err, rossum.ErrOrganisation) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"acme/main/hooks/Broken_[103].json: reading a hook: line 1: unexpected end of JSON input",
		`acme/main/hooks/Nameless.json: reading a hook: key "id" is missing`,
		"acme/test/hooks/Cleaning_[101].json: hook 101 is also in acme/main/hooks/Cleaning_[101].json; load one of the files",
		"queues/Broken_[20]/schema.json: json: cannot unmarshal",
		"queues/No id: the queue has no id",
		"queues/Invoices_[7]: queue 7 is also in",
		"queues/Bad_[21]/queue.json: json: cannot unmarshal",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if _, err := rossum.LoadOrganisation(fstest.MapFS{"a.txt": file("")}); err == nil || !strings.Contains(err.Error(), "no hooks and no queues") {
		t.Errorf("an empty folder: %v", err)
	}
}

func FuzzLoadOrganisation(f *testing.F) {
	f.Add(`{"id":1,"name":"x"}`, `{"id":1}`, `{"content":[]}`, "1")
	f.Add(`{`, `[]`, `{"content":[{"children":{"children":[]}}]}`, "\xff")
	for _, hook := range fuzzing.Hooks(f) {
		f.Add(string(hook), `{"id":1}`, `{"content":[]}`, "1")
	}
	for _, schema := range fuzzing.Files(f, "examples/organisation/*/*/workspaces/*/queues/*/schema.json") {
		f.Add(`{"id":1,"name":"x"}`, `{"id":1}`, string(schema), "field.a")
	}
	f.Fuzz(func(t *testing.T, hook, queue, schema, formula string) {
		o, err := rossum.LoadOrganisation(fstest.MapFS{
			"hooks/a_[1].json": file(hook), "hooks/a_[1].py": file(formula),
			"queues/q_[2]/queue.json": file(queue), "queues/q_[2]/schema.json": file(schema), "queues/q_[2]/formulas/f.py": file(formula),
		})
		if (o == nil) == (err == nil) || err != nil && !errors.Is(err, rossum.ErrOrganisation) {
			t.Fatalf("%v, %v", o, err)
		}
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
	})
}

func ExampleLoadOrganisation() {
	o, err := rossum.LoadOrganisation(fstest.MapFS{
		"acme/main/hooks/Cleaning_[101].json":                             file(`{"id":101,"name":"Cleaning","active":true}`),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/schema.json":     file(`{"content":[{"category":"section","id":"s","children":[{"category":"datapoint","id":"net"}]}]}`),
		"acme/main/workspaces/AP_[3]/queues/Invoices_[7]/formulas/net.py": file("field.total - field.tax"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.Hooks[0], o.Queues[0].Name, o.Queues[0].Schema.Field("net").Formula)
	// Output: "Cleaning" (id 101) Invoices field.total - field.tax
}

func TestFormulasAreFoundInTheirFiles(t *testing.T) {
	t.Parallel()
	o, err := rossum.LoadOrganisation(fstest.MapFS{
		"w/queues/Q_[7]/queue.json": file(`{"id": 7}`),
		"w/queues/Q_[7]/schema.json": file(`{"content": [
  {"category": "section", "id": "s", "children": [
    {"category": "datapoint", "id": "a",
     "formula": "1"},
    {"category": "datapoint", "id": "b"},
    {"category": "multivalue", "id": "m", "children": {"category": "tuple", "id": "t", "children": [
      {"category": "datapoint", "id": "c"},
      {"category": "datapoint", "id": "d",
       "formula": "1\n2"}]}}]}]}`),
		"w/queues/Q_[7]/formulas/b.py": file("1\n2\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.InFolder("acme")
	for _, tt := range []struct {
		field string
		line  int
		want  string
	}{
		{"a", 1, "acme/w/queues/Q_[7]/schema.json:4"}, {"b", 2, "acme/w/queues/Q_[7]/formulas/b.py:2"}, {"b", 0, "acme/w/queues/Q_[7]/formulas/b.py:1"},
		{"d", 2, "acme/w/queues/Q_[7]/schema.json:9"}, {"nope", 1, ":0"},
	} {
		file, line := o.Queues[0].Schema.FormulaPosition(tt.field, tt.line)
		if got := fmt.Sprintf("%s:%d", filepath.ToSlash(file), line); got != tt.want {
			t.Errorf("%s, line %d: %s, want %s", tt.field, tt.line, got, tt.want)
		}
	}
	if file, line := (&rossum.Schema{Content: o.Queues[0].Schema.Content}).FormulaPosition("a", 1); file != "" || line != 0 {
		t.Errorf("%s:%d of a schema that came from no file", file, line)
	}
}
