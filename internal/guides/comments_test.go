package guides

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Code in doc comments is what a newcomer copies first, and no compiler reads it.
func TestNamesInCodeAndLinksOfCommentsExist(t *testing.T) {
	t.Parallel()
	names, packages := published(t)
	looked := 0
	for file, text := range comments(t) {
		faults, n := commentFaults(text, names, packages)
		looked += n
		for _, fault := range faults {
			t.Errorf("%s: %s", file, fault)
		}
	}
	if looked < 150 {
		t.Errorf("%d names were looked at", looked)
	}
}

func TestNamesInCommentsThatDoNotExistAreFound(t *testing.T) {
	t.Parallel()
	names, packages := published(t)
	for text, faulty := range map[string]bool{
		"\thookserver.Options{Chain: c, SignatureSecrets: s}": false,
		"\thookserver.Options{Chain: c, Secrets: s}":          true,
		"\thookserver.Options{\n\t\tSecrets: s,\n":            true,
		"\tsteps.RESTExport{Request: steps.Request{URL: …}}":  false,
		"\tsteps.RESTExport{Request: steps.Request{Uri: …}}":  true,
		"\tsteps.Exporter{}":                                  true,
		"see [Journal.Recover]":                               false,
		"see [pipeline.Journal]":                              false,
		"see [Journal.Recovering]":                            true,
		"see [pipeline.Journals]":                             true,
	} {
		if faults, _ := commentFaults(text, names, packages); (len(faults) > 0) != faulty {
			t.Errorf("%q: %q", text, faults)
		}
	}
}

// unlisted are folders whose names the listing of exported names does not have.
var unlisted = []string{"internal", "examples", "pgledger", "temporalrun"}

// comments are those of all files of packages that others may import, by the file.
func comments(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && slices.Contains(unlisted, entry.Name()) {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all[path] = docsOf(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// docsOf joins the comments of a file.
func docsOf(file *ast.File) string {
	var all strings.Builder
	for _, group := range file.Comments {
		all.WriteString(group.Text() + "\n\n")
	}
	return all.String()
}

var (
	codeLines = regexp.MustCompile(`(?m)(?:^\t.*\n?)+`)
	named     = regexp.MustCompile(`\b([a-z]\w*)\.([A-Z]\w*)(\{)?`)
	fieldKey  = regexp.MustCompile(`^\s*(\w+):`)
	docLink   = regexp.MustCompile(`\[\*?(?:([a-z]\w*)\.)?([A-Z]\w*(?:\.[A-Z]\w*)?)\]`)
)

// commentFaults names what code and links in comments call by a package or a type of ours
// that has no such name.
func commentFaults(text string, names, packages map[string]bool) (faults []string, looked int) {
	missing := func(name string) {
		looked++
		if !names[name] {
			faults = append(faults, "there is no "+name)
		}
	}
	for _, code := range codeLines.FindAllString(text, -1) {
		for _, m := range named.FindAllStringSubmatchIndex(code, -1) {
			pkg, name := code[m[2]:m[3]], code[m[4]:m[5]]
			if !packages[pkg] {
				continue
			}
			missing(pkg + "." + name)
			if m[6] >= 0 {
				for _, key := range keysOf(code[m[7]:]) {
					missing(pkg + "." + name + "." + key)
				}
			}
		}
	}
	for _, m := range docLink.FindAllStringSubmatch(text, -1) {
		owner, _, ok := strings.Cut(m[2], ".")
		switch {
		case packages[m[1]]:
			missing(m[1] + "." + m[2])
		case m[1] == "" && (!ok || names[owner]):
			missing(m[2])
		}
	}
	return faults, looked
}

// keysOf are the keys of a literal, of which everything after its first brace is given.
func keysOf(literal string) (keys []string) {
	depth, begin := 0, 0
	for i, r := range literal {
		switch r {
		case '{', '(', '[':
			depth++
		case '}', ')', ']':
			depth--
		}
		if r != ',' && r != '}' && i != len(literal)-1 || depth > 0 {
			continue
		}
		if m := fieldKey.FindStringSubmatch(literal[begin:]); m != nil {
			keys = append(keys, m[1])
		}
		begin = i + 1
		if depth < 0 {
			break
		}
	}
	return keys
}
