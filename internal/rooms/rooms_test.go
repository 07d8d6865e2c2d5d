package rooms

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/exportpipeline/exportpipeline"

// floors lists the rooms from the ground up. A package may import what is in its own
// room, or in one below. A name that ends with /... covers what is under it; the
// longest name counts.
var floors = [][]string{
	{"internal/..."}, // what is not named below needs nothing of ours but its neighbours
	{"internal/python/ucd", "internal/python/bigfloat"},
	{"internal/python/syntax"},
	{"internal/python/pyvalue", "internal/python/re", "internal/python/decimal"},
	{"internal/python/clock", "internal/python/maths"},
	{"internal/xpath", "internal/jmespath", "internal/jinja", "internal/httpcall/..."},
	{"internal/jsontemplate"},
	{"internal/txscript/...", "internal/oauth", "internal/reqproc", "internal/pipelinerun"},
	{"rossum"},
	{"rossum/native/...", "rossum/formula"},
	{"rossum/rossumtest", "internal/hookcall"},
	{"pipeline"},
	{"internal/exporttemplate", "internal/mortal"},
	{"pipeline/..."},
	{"steps/requestprocessor"},
	{"steps"},
	{"sftpexport/...", "workday/..."},
	{"examples/..."},
	{"", "internal/rooms", "internal/messages", "internal/components"},
}

// floor returns the floor that a package belongs to, -1 for none.
func floor(pkg string) int {
	found, longest := -1, -1
	for i, rooms := range floors {
		for _, room := range rooms {
			under, whole := strings.CutSuffix(room, "/...")
			if (pkg == under || whole && strings.HasPrefix(pkg, under+"/")) && len(under) > longest {
				found, longest = i, len(under)
			}
		}
	}
	return found
}

func TestImportsOnlyGoDown(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		at := floor(pkg)
		if at < 0 {
			t.Errorf("package %q belongs to no room: add it to the floors here and to CONTRIBUTING.md", pkg)
		}
		packages++
		for _, imported := range fields[1:] {
			rest, ours := strings.CutPrefix(imported, module+"/")
			if ours && floor(rest) > at {
				t.Errorf("package %q imports %q, which stands on it", pkg, rest)
			}
		}
	}
	if packages < 30 {
		t.Errorf("only %d packages were looked at", packages)
	}
}
