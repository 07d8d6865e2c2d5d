package guides

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// published are the exported names of all packages, as "pipeline.WithSecrets" and
// "Options.Async", with the names of the packages.
func published(t *testing.T) (names, packages map[string]bool) {
	t.Helper()
	names, packages = make(map[string]bool), make(map[string]bool)
	for line := range strings.Lines(read(t, filepath.Join(root, "internal/rooms/testdata/api.txt"))) {
		where, what, ok := strings.Cut(strings.TrimSpace(line), ", ")
		if !ok {
			continue
		}
		pkg := path.Base(where)
		packages[pkg] = true
		for _, name := range namesOf(what) {
			names[pkg+"."+name] = true
			names[name] = true
		}
	}
	if len(names) < 500 {
		t.Fatalf("%d names", len(names))
	}
	return names, packages
}

var (
	declared = regexp.MustCompile(`^(?:func|type|const|var) (\w+)`)
	method   = regexp.MustCompile(`^func \(\*?(\w+)\)\.(\w+)`)
	member   = regexp.MustCompile(`^type (\w+) (?:struct|interface), (\w+)`)
)

// namesOf are the names of a line of the listing.
func namesOf(what string) []string {
	for _, two := range []*regexp.Regexp{method, member} {
		if m := two.FindStringSubmatch(what); m != nil {
			return []string{m[1] + "." + m[2]}
		}
	}
	if m := declared.FindStringSubmatch(what); m != nil {
		return []string{m[1]}
	}
	return nil
}

var (
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	qualified = regexp.MustCompile(`^\*?(\w+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)(?:\(|\{|$)`)
)

func TestNamesOnPagesExist(t *testing.T) {
	t.Parallel()
	names, packages := published(t)
	looked := 0
	for _, page := range pages(t) {
		if filepath.Base(page) == "CHANGELOG.md" { // which tells of names that are gone
			continue
		}
		faults, n := nameFaults(read(t, page), names, packages)
		looked += n
		for _, fault := range faults {
			t.Errorf("%s: %s", page, fault)
		}
	}
	if looked < 30 {
		t.Errorf("%d names were looked at", looked)
	}
}

// nameFaults names what a page calls by a package or a type of ours that has no such name.
func nameFaults(page string, names, packages map[string]bool) (faults []string, looked int) {
	for _, m := range quoted.FindAllStringSubmatch(block.ReplaceAllString(page, ""), -1) {
		q := qualified.FindStringSubmatch(m[1])
		if q == nil || !packages[q[1]] && !names[q[1]] {
			continue
		}
		looked++
		if !names[q[1]+"."+q[2]] {
			faults = append(faults, "there is no "+q[1]+"."+q[2])
		}
	}
	return faults, looked
}

func TestNamesThatDoNotExistAreFound(t *testing.T) {
	t.Parallel()
	names, packages := published(t)
	for text, faulty := range map[string]bool{
		"`pipeline.WithSecrets`": false, "`pipeline.WithSecrets(f)`": false, "`Options.Async`": false, "`hookserver.Options.Async`": false,
		"`http.Server.Shutdown`": false, "`field.x`": false, "```go\n`pipeline.None`\n```\n": false,
		"`pipeline.WithSecret`": true, "`Options.None`": true, "`hookserver.Options.Nothing`": true, "`*send.Fault`": true,
	} {
		if faults, _ := nameFaults(text, names, packages); (len(faults) > 0) != faulty {
			t.Errorf("%s: %q", text, faults)
		}
	}
}

var (
	goRun = regexp.MustCompile(`go (?:run|build|test|vet|install) (\./\S+|github\.com/exportpipeline/exportpipeline/\S+@latest)`)
	chore = regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)")
)

func TestProgramsAndChoresOnPagesExist(t *testing.T) {
	t.Parallel()
	chores, looked := read(t, filepath.Join(root, "Makefile")), 0
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range goRun.FindAllStringSubmatch(text, -1) {
			looked++
			dir := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(m[1], "github.com/exportpipeline/exportpipeline/"), "./"), "@latest")
			dir = strings.Trim(strings.TrimSuffix(dir, "..."), "`/.,;")
			if info, err := os.Stat(filepath.Join(root, dir)); err != nil || !info.IsDir() {
				t.Errorf("%s: %s: there is no folder %s", page, m[0], dir)
			}
		}
		for _, m := range chore.FindAllStringSubmatch(text, -1) {
			looked++
			if !strings.Contains(chores, "\n"+m[1]+":") {
				t.Errorf("%s: there is no chore %s", page, m[1])
			}
		}
	}
	if looked < 8 {
		t.Errorf("%d commands were looked at", looked)
	}
}
