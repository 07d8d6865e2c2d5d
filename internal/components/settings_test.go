package components_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// settingsSchema is what a JSON Schema says about the keys of an object.
type settingsSchema struct {
	Properties  map[string]json.RawMessage
	AnyOf       []settingsSchema
	Definitions map[string]settingsSchema
}

func (s settingsSchema) keys(of string, add func(string)) {
	for key := range s.Properties {
		add(of + key)
	}
	for _, form := range s.AnyOf {
		form.keys(of, add)
	}
}

// settingsKeys lists every key that the settings of the components have, as "component key"
// or "component Type.key", from the JSON Schemas that are made of the settings' types.
func settingsKeys(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../examples/exportrun/schemas/*.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]bool)
	for _, file := range files {
		component := strings.TrimSuffix(filepath.Base(file), ".schema.json")
		if component == "hook" {
			continue // the object around the settings
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s settingsSchema
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		add := func(key string) { keys[component+" "+key] = true }
		s.keys("", add)
		for name, d := range s.Definitions {
			d.keys(strings.TrimPrefix(name, component+".")+".", add)
		}
	}
	return keys
}

// testsOf lists the tests and Examples of a package.
func testsOf(t *testing.T, room string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(room), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Recv == nil {
				tests[f.Name.Name] = strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Example")
			}
		}
	}
	return tests
}

// testdata/settings.txt names a test for each setting that fails if the setting is ignored.
// A new key needs a line there, and a test.
func TestEverySettingHasATestThatShowsItsEffect(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/settings.txt")
	if err != nil {
		t.Fatal(err)
	}
	open := settingsKeys(t)
	if len(open) < 150 {
		t.Errorf("only %d keys were found in the schemas", len(open))
	}
	tests := make(map[string]map[string]bool)
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) != 4 {
			t.Errorf("not of the form \"component key package test\": %s", line)
			continue
		}
		key, room, test := words[0]+" "+words[1], words[2], words[3]
		if !open[key] {
			t.Errorf("%s is not a setting, or is listed twice", key)
		}
		delete(open, key)
		if tests[room] == nil {
			tests[room] = testsOf(t, room)
		}
		if !tests[room][test] {
			t.Errorf("%s: package %s has no test %s", key, room, test)
		}
	}
	for key := range open {
		t.Errorf("testdata/settings.txt names no test that shows what %s does", key)
	}
}
