package rooms

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noFormulas is the build tag of programs without the language of formulas; see
// pipeline.Formulas.
const noFormulas = "exportpipeline_noformulas"

// TestAProgramIsWithoutWhatItCannotReach builds programs and looks for functions that
// they cannot come to. One that is there all the same is referred to by an init function, or by
// a variable that is made when the program starts: see package onuse.
func TestAProgramIsWithoutWhatItCannotReach(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it links programs")
	}
	languages := []string{
		"internal/txscript.Compile", "internal/txscript.CompileExpression", "internal/jinja.Compile",
		"internal/jmespath.Compile", "internal/jsontemplate.Compile",
	}
	runs := []string{"internal/httpcall.New", "rossum.(*Client).do", "rossum.(*Content).merge", "rossum.(*Content).restore", "pipeline.newExport"}
	for _, c := range []struct {
		program, tags string
		with, without []string
	}{
		{"imports", "", nil, slices.Concat(languages, runs)},
		{"sends", "", append(runs, "internal/txscript.Compile"), nil},
		{"sends", noFormulas, runs, languages},
	} {
		t.Run(c.program+" "+c.tags, func(t *testing.T) {
			t.Parallel()
			linked := symbols(t, build(t, c.program, c.tags))
			for _, name := range c.without {
				if linked[module+"/"+name] {
					t.Errorf("%s is linked", name)
				}
			}
			for _, name := range append(c.with, "rossum.init.0") {
				if !linked[module+"/"+name] {
					t.Errorf("%s is not linked, or has another name now", name)
				}
			}
		})
	}
}

// build builds a program of testdata.
func build(t *testing.T, program, tags string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", file, "./testdata/"+program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// symbols are the names of what is linked into a program.
func symbols(t *testing.T, program string) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "tool", "nm", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 2 {
			names[strings.Join(fields[2:], " ")] = true
		}
	}
	return names
}
