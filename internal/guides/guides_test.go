package guides

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// pages are the Markdown files of the repository.
func pages(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if filepath.Ext(file) == ".md" {
			files = append(files, file)
		}
		return nil
	})
	if err != nil || len(files) < 6 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var block = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// compiled is the text of every Go file, line by line without indentation.
func compiled(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(file) == ".go" && !strings.Contains(file, "testdata") {
			all.WriteString("\n" + flat(read(t, file)) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func flat(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// The Go files are compiled and tested with everything else, so that code which stands in
// one of them compiles and runs.
func TestGoCodeOfPagesStandsInACompiledFile(t *testing.T) {
	t.Parallel()
	all, blocks := compiled(t), 0
	for _, page := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(read(t, page), -1) {
			if m[1] != "go" {
				continue
			}
			if blocks++; !strings.Contains(all, "\n"+flat(m[2])+"\n") {
				t.Errorf("%s: this code stands in no Go file:\n%s", page, m[2])
			}
		}
	}
	if blocks < 4 {
		t.Errorf("%d blocks of Go were looked at", blocks)
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(block.ReplaceAllString(read(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue // a test must not depend on another server
			}
			links++
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: the link %s leads to no file", page, m[1])
				continue
			}
			if anchor != "" && !hasHeading(read(t, file), anchor) {
				t.Errorf("%s: the link %s leads to no heading", page, m[1])
			}
		}
	}
	if links < 12 {
		t.Errorf("%d links were looked at", links)
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		if strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}

var (
	commandLine = regexp.MustCompile(`(?m)^(?:[A-Z_]+=\S+ )*exportrun (\w+) ([^\n#]*)`)
	flagName    = regexp.MustCompile(`(?:^|\s)-([a-z-]+)`)
)

func TestCommandLinesOfPagesHaveFlagsThatExist(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, file := range []string{"flags.go", "check.go", "run.go", "render.go", "serve.go", "sign.go", "capture.go", "workbench.go"} {
		source.WriteString(read(t, filepath.Join(root, "examples/exportrun", file)))
	}
	lines := 0
	for _, page := range pages(t) {
		for _, m := range commandLine.FindAllStringSubmatch(read(t, page), -1) {
			lines++
			if !strings.Contains(source.String(), "\nexportrun "+m[1]+" ") {
				t.Errorf("%s: there is no command %s", page, m[1])
			}
			for _, f := range flagName.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(source.String(), `"`+f[1]+`", `) {
					t.Errorf("%s: exportrun %s has no flag -%s", page, m[1], f[1])
				}
			}
		}
	}
	if lines < 5 {
		t.Errorf("%d command lines were looked at", lines)
	}
}
