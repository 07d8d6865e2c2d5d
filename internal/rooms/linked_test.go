package rooms

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAProgramIsWithoutWhatItCannotReach builds a program and looks for functions that
// it cannot come to. One that is there all the same is referred to by an init function, or by a
// variable that is made when the program starts: see package onuse.
func TestAProgramIsWithoutWhatItCannotReach(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it links a program")
	}
	for program, without := range map[string][]string{
		"imports": {
			"internal/httpcall.New", "rossum.(*Client).do", "rossum.(*Content).merge", "rossum.(*Content).restore",
			"internal/txscript.Compile", "internal/jinja.Compile", "internal/jmespath.Compile", "internal/jsontemplate.Compile", "pipeline.newExport",
		},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			linked := symbols(t, "./testdata/"+program)
			for _, name := range without {
				if linked[module+"/"+name] {
					t.Errorf("%s is linked", name)
				}
			}
			if !linked["main.main"] {
				t.Error("no symbols were read")
			}
		})
	}
}

// symbols are the names of what is linked into a program.
func symbols(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = exec.CommandContext(t.Context(), "go", "tool", "nm", program).Output(); err != nil {
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
