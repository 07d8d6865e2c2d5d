package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// goldenCase is one file of testdata/golden; oracle.py describes its form.
type goldenCase struct{ template, vars, kind, want string }

func readGolden(t *testing.T, path string) goldenCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	template, rest, _ := strings.Cut(string(data), "\n=== vars\n")
	vars, want, ok := strings.Cut(rest, "\n=== output\n")
	if ok {
		return goldenCase{template, vars, "output", want}
	}
	vars, want, _ = strings.Cut(rest, "\n=== error\n")
	return goldenCase{template, vars, "error", want}
}

// variables decodes JSON into what a template gets.
func variables(t testing.TB, text string) map[string]pyvalue.Value {
	t.Helper()
	v, err := pyvalue.FromJSON([]byte(text), false)
	if err != nil {
		t.Fatal(err)
	}
	vars := make(map[string]pyvalue.Value)
	for k, item := range v.Dict().All() {
		vars[k.Text()] = item
	}
	return vars
}

// run renders as oracle.py does: it returns output and bytes, or error and class.
func run(t testing.TB, template string, vars map[string]pyvalue.Value) (kind, text string) {
	t.Helper()
	compiled, err := Compile("case", template, Options{})
	if err == nil {
		text, err = compiled.RenderString(t.Context(), vars, Limits{})
	}
	if err == nil {
		return "output", text
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error without a type: %v", err)
	}
	return "error", e.Type
}

func TestTemplatesRenderAsJinja2DoesByteForByte(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/golden/*/*.txt")
	if err != nil || len(paths) < 300 {
		t.Fatalf("%d cases, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "testdata/golden/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			c := readGolden(t, path)
			kind, got := run(t, c.template, variables(t, c.vars))
			if kind != c.kind || got != c.want {
				t.Errorf("template %s\n got %s %q\nwant %s %q", c.template, kind, got, c.kind, c.want)
			}
		})
	}
}

func TestSmallTemplatesRenderAsJinja2Does(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/compact/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var parts []json.RawMessage
			var template, kind, want string
			err := json.Unmarshal([]byte(line), &parts)
			for i, into := range map[int]*string{0: &template, 2: &kind, 3: &want} {
				err = errors.Join(err, json.Unmarshal(parts[i], into))
			}
			if err != nil {
				t.Fatal(err)
			}
			if gotKind, got := run(t, template, variables(t, string(parts[1]))); gotKind != kind || got != want {
				t.Errorf("template %s\n got %s %q\nwant %s %q", template, gotKind, got, kind, want)
			}
		}
	}
}
