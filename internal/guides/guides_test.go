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

// endOfFile is between the files of [compiled].
const endOfFile = "\x00"

// compiled is the text of every Go file, line by line without indentation.
func compiled(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(file) == ".go" && !strings.Contains(file, "testdata") {
			all.WriteString("\n" + flat(read(t, file)) + "\n" + endOfFile)
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
		faults, n := codeFaults(read(t, page), all)
		blocks += n
		for _, fault := range faults {
			t.Errorf("%s: %s", page, fault)
		}
	}
	if blocks < 8 {
		t.Errorf("%d blocks of Go were looked at", blocks)
	}
}

// codeFaults names the Go code of a page that stands in no file, or that begins as a file
// does and is not a whole one, so that nobody could paste it.
func codeFaults(page, all string) (faults []string, blocks int) {
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		if m[1] != "go" {
			continue
		}
		blocks++
		code := flat(m[2])
		_, whole, isFile := strings.Cut("\n"+code, "\npackage ")
		switch {
		case !strings.Contains(all, "\n"+code+"\n"):
			faults = append(faults, "this code stands in no Go file:\n"+m[2])
		case isFile && !strings.Contains(all, "\npackage "+whole+"\n"+endOfFile):
			faults = append(faults, "this code is the beginning of a file:\n"+m[2])
		}
	}
	return faults, blocks
}

func TestCodeThatCannotBePastedIsFound(t *testing.T) {
	t.Parallel()
	all := "\n" + flat("// A comment.\npackage main\n\nfunc main() {\n\tx()\n}\n\nfunc x() {}") + "\n" + endOfFile
	for page, want := range map[string]string{
		"package main\n\nfunc main() {\n\tx()\n}\n\nfunc x() {}\n": "",
		"func x() {}\n": "",
		"  x()\n":       "",
		"func y() {}\n": "stands in no Go file",
		"func x() {\n":  "stands in no Go file",
		"package main\n\nfunc main() {\n\tx()\n}\n": "is the beginning of a file",
	} {
		faults, n := codeFaults("text\n```go\n"+page+"```\n```sh\nnone\n```\n", all)
		if n != 1 || (len(faults) > 0) != (want != "") || !strings.Contains(strings.Join(faults, ""), want) {
			t.Errorf("%q: %q, want %q", page, faults, want)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksOfPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range pages(t) {
		faults, n := linkFaults(page, read(t, page))
		links += n
		for _, fault := range faults {
			t.Errorf("%s: %s", page, fault)
		}
	}
	if links < 30 {
		t.Errorf("%d links were looked at", links)
	}
}

// linkFaults names the links of a page that lead to no file, or to no heading of one.
func linkFaults(page, text string) (faults []string, links int) {
	for _, m := range link.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue // a test must not depend on another server
		}
		links++
		file := page
		if target != "" {
			file = filepath.Join(filepath.Dir(page), target)
		}
		data := []byte(text)
		if target != "" {
			if _, err := os.Stat(file); err != nil {
				faults = append(faults, "the link "+m[1]+" leads to no file")
				continue
			}
			if anchor != "" {
				data, _ = os.ReadFile(file) // a folder has no headings
			}
		}
		if anchor != "" && !hasHeading(string(data), anchor) {
			faults = append(faults, "the link "+m[1]+" leads to no heading")
		}
	}
	return faults, links
}

func TestLinksThatLeadNowhereAreFound(t *testing.T) {
	t.Parallel()
	page := filepath.Join(root, "README.md")
	for text, want := range map[string]string{
		"[a](SECURITY.md)": "", "[a](SECURITY.md#reporting)": "", "# One, two\n[a](#one-two)": "", "[a](https://example.com/none)": "",
		"```\n[a](none.md)\n```\n": "",
		"[a](none.md)":             "the link none.md leads to no file",
		"[a](examples/none/x.go)":  "leads to no file",
		"[a](SECURITY.md#none)":    "the link SECURITY.md#none leads to no heading",
		"# One\n[a](#two)":         "the link #two leads to no heading",
		"[a](examples#one)":        "leads to no heading",
	} {
		faults, _ := linkFaults(page, text)
		if got := strings.Join(faults, ", "); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
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
	for _, file := range []string{"flags.go", "check.go", "run.go", "render.go", "serve.go", "sign.go", "capture.go", "workbench.go", "schema.go", "sample.go"} {
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
