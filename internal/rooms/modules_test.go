package rooms

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A program gets with a package what it imports, not all that this module requires.
func TestTheModulesOfEachPackageAreThoseOfTheListing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the listing is that of Linux")
	}
	var lines []string
	for _, pkg := range []string{
		"rossum", "rossum/native", "rossum/rossumtest", "pipeline", "pipeline/send", "pipeline/hookserver", "pipeline/organisation", "pipeline/pipelinetest",
		"steps", "workday", "sftpexport",
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", module+"/"+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for path := range strings.FieldsSeq(string(out)) {
			if path != module {
				lines = append(lines, pkg+": "+path)
			}
		}
	}
	slices.Sort(lines)
	compare(t, "testdata/modules.txt", slices.Compact(lines))
}

// Which packages are linked decides how large a program gets; see make sizes.
func TestThePackagesOfEachEntryAreThoseOfTheListing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the listing is that of Linux")
	}
	var lines []string
	for _, pkg := range entries {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/"+pkg).
			Output()
		if err != nil {
			t.Fatal(err)
		}
		for path := range strings.FieldsSeq(string(out)) {
			if path != module+"/"+pkg {
				lines = append(lines, pkg+": "+strings.TrimPrefix(path, module+"/"))
			}
		}
	}
	slices.Sort(lines)
	compare(t, "testdata/packages.txt", lines)
}

// The go.sum of a program has what the tests of its packages need, too: without this rule
// each program would be asked to trust the modules of Amazon's client.
func TestTheTestsOfAPackageBringNoModulesOfOthers(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}`,
		module+"/steps", module+"/workday", module+"/pipeline/hookserver", module+"/pipeline/expression").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(fields[0], module) {
			continue
		}
		ours++
		for _, imported := range fields[1:] {
			if strings.Contains(imported, "/aws-sdk-go-v2") || strings.HasPrefix(imported, module+"/sftpexport/s3") {
				t.Errorf("a test of %s imports %s: move it to internal/components", fields[0], imported)
			}
		}
	}
	if ours < 30 {
		t.Errorf("only %d packages were looked at", ours)
	}
}
