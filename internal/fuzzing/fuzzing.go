// Package fuzzing has what the fuzz targets of several rooms share: seeds from the golden
// files of the whole module, and what holds for whatever is refused.
package fuzzing

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Files returns the content of the files whose paths match a pattern, by path. Patterns
// are those of [filepath.Match], from the root of the module; each must match something.
func Files(t testing.TB, patterns ...string) map[string][]byte {
	t.Helper()
	root := root(t)
	all := make(map[string][]byte)
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s matches no file (%v)", pattern, err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(path, root)] = data
		}
	}
	return all
}

// root returns the folder of the main module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/exportpipeline/exportpipeline\n") {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			t.Fatal("this is not within the module")
		}
		dir = above
	}
}

// Hooks returns the hook objects of the examples, by path.
func Hooks(t testing.TB) map[string][]byte {
	t.Helper()
	return Files(t, "examples/*/hooks/*.json", "examples/cookbook/*/hooks/*.json", "examples/organisation/*/*/hooks/*.json", "examples/exportrun/testdata/orgs/*/hooks/*.json")
}

// Payloads returns hook calls as the platform makes them, by path.
func Payloads(t testing.TB) map[string][]byte {
	t.Helper()
	return Files(t, "examples/exportrun/payload.json", "examples/cookbook/*/payload.json", "examples/exportrun/testdata/orgs/*/payload.json", "rossum/native/testdata/golden/*/payload.json")
}

// Settings returns the settings of the hooks of the examples.
func Settings(t testing.TB) (all [][]byte) {
	t.Helper()
	for path, data := range Hooks(t) {
		var hook struct {
			Settings json.RawMessage `json:"settings"`
		}
		if err := json.Unmarshal(data, &hook); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(hook.Settings) > 0 {
			all = append(all, hook.Settings)
		}
	}
	return all
}

// Component is a step that reads settings.
type Component interface {
	json.Unmarshaler
	Validate() error
}

// CheckSettings has components read a text as their settings, each twice. What is refused
// has a reason that a log can hold, in words of ours, and is refused alike each time.
func CheckSettings[T Component](t testing.TB, data []byte, empty func() T) {
	t.Helper()
	var before string
	for i := range 2 {
		step := empty()
		err := step.UnmarshalJSON(data)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q is taken, and is not JSON", data)
		}
		if err == nil {
			err = step.Validate()
		}
		if err == nil {
			continue
		}
		if i > 0 && err.Error() != before {
			t.Fatalf("%q is refused with\n%s\nand then with\n%s", data, before, err)
		}
		before = err.Error()
		CheckMessage(t, before)
		for line := range strings.Lines(before) {
			if len(line) > 4000+6*len(data) {
				t.Errorf("a line about %d bytes has %d: %.200q…", len(data), len(line), line)
			}
		}
	}
}

// CheckMessage reports a text that people or logs cannot show: without words, not UTF-8, or
// with control characters. DEL is allowed: no terminal acts on it, and package time leaves it
// in what it quotes.
func CheckMessage(t testing.TB, text string) {
	t.Helper()
	switch {
	case strings.TrimSpace(text) == "":
		t.Errorf("%q says nothing", text)
	case !utf8.ValidString(text):
		t.Errorf("%q is not UTF-8", text)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\t\x7f", r) }):
		t.Errorf("%q has control characters", text)
	}
}

// Rows returns the rows of a golden file of JSON: one list, or a row a line. Its path is
// from the root of the module.
func Rows[T any](t testing.TB, path string) (all []T) {
	t.Helper()
	for name, data := range Files(t, path) {
		if strings.HasPrefix(string(data), "[\n") {
			if err := json.Unmarshal(data, &all); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			continue
		}
		for line := range strings.Lines(string(data)) {
			var row T
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			all = append(all, row)
		}
	}
	return all
}
