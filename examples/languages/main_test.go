package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestThePageIsWhatIsComputed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil || string(page) != b.String() {
		t.Errorf("README.md is not what go run ./examples/languages writes: %v", err)
	}
}

var name = regexp.MustCompile(`"(\w+)":\s`)

// names are the keys of a map of a Go file.
func names(t *testing.T, file, begin string) []string {
	t.Helper()
	data, err := os.ReadFile("../../internal/jinja/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), begin)
	table, _, _ := strings.Cut(rest, "\n\t}\n")
	var list []string
	for _, m := range name.FindAllStringSubmatch(table, -1) {
		list = append(list, m[1])
	}
	if len(list) < 20 {
		t.Fatalf("%s has only %v", file, list)
	}
	return list
}

// Names of other languages are written where they are defined.
func TestEveryOperatorAndFunctionIsOnThePage(t *testing.T) {
	t.Parallel()
	all := ""
	for _, s := range sections {
		all += strings.Join(s.rows, "\n") + "\n"
	}
	for _, source := range []struct{ file, begin, end, name, use string }{
		{"jmespath/functions.go", "return map[string]function{", "\n\t}\n", `"(\w+)":\s+\{`, "%s("},
		{"jsontemplate/operators.go", "return map[string]operatorSpec{", "\n\t}\n", `"([A-Z_]+)":`, "$%s$"},
		{"reqproc/operators.go", "var operators = []string{", "}", `"(\$\w+)"`, `"%s"`},
		{"reqproc/extract.go", "", "", `"(\$(?:jmespath|xmlpath|regex))"`, `"%s"`},
		{"jinja/globals.go", "var globals = map[string]value{", "\n}\n", `"(\w+)":\s`, "%s"},
	} {
		data, err := os.ReadFile("../../internal/" + source.file)
		if err != nil {
			t.Fatal(err)
		}
		_, table, found := strings.Cut(string(data), source.begin)
		if source.end != "" {
			table, _, _ = strings.Cut(table, source.end)
		}
		names := regexp.MustCompile(source.name).FindAllStringSubmatch(table, -1)
		if !found || len(names) < 3 {
			t.Errorf("%s: %d names after %s", source.file, len(names), source.begin)
		}
		for _, m := range names {
			if use := strings.Replace(source.use, "%s", m[1], 1); !strings.Contains(all, use) {
				t.Errorf("%s: %s is not shown", source.file, use)
			}
		}
	}
}

func TestEveryFilterAndTestIsOnThePage(t *testing.T) {
	t.Parallel()
	all := ""
	for _, s := range sections {
		all += strings.Join(s.rows, "\n") + "\n"
	}
	for _, filter := range names(t, "filters.go", "return map[string]filterFunc{") {
		if !regexp.MustCompile(`\| ?` + filter + `\b`).MatchString(all) {
			t.Errorf("the filter %s is not shown", filter)
		}
	}
	for _, test := range names(t, "tests.go", "all := map[string]testFunc{") {
		if !strings.Contains(all, " is "+test) {
			t.Errorf("the test %s is not shown", test)
		}
	}
}
