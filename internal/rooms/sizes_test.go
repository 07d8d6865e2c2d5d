package rooms

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
)

// entries are the packages by which programs come to this module.
var entries = []string{"rossum", "pipeline", "steps", "workday", "sftpexport", "sftpexport/s3"}

// most are the megabytes that a program may have which only imports one of them. What a
// package makes when the program starts is linked into each, which is how they grow: see
// package onuse.
var most = map[string]float64{"rossum": 5.94, "pipeline": 7.4, "steps": 7.5, "workday": 7.5, "sftpexport": 7.6, "sftpexport/s3": 8.1}

// TestSizes prints what a program gets that imports one package: lines of its go.sum after
// go mod tidy, modules and packages that are linked, and its size without symbols (-s -w).
// make sizes runs it; the modules must be within reach.
func TestSizes(t *testing.T) {
	if os.Getenv("EXPORTPIPELINE_SIZES") == "" {
		t.Skip("make sizes prints the table")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tgo.sum\tmodules\tpackages\tMB\t")
	for _, pkg := range entries {
		p := newProgram(t, root, pkg)
		size := p.megabytes()
		if size > most[pkg] {
			t.Errorf("%s: %.1f MB are linked, more than %.1f", pkg, size, most[pkg])
		}
		fmt.Fprintf(
			w,
			"%s\t%d\t%d\t%d\t%.1f\t\n",
			pkg,
			p.sums(),
			p.count("{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}"),
			p.count("{{.ImportPath}}"),
			size,
		)
	}
	_ = w.Flush() // a strings.Builder takes everything
	t.Logf("\n%s", table.String())
}

// program is a module that imports one package and does nothing.
type program struct {
	*testing.T
	dir string
}

func newProgram(t *testing.T, root, pkg string) *program {
	t.Helper()
	p := &program{t, t.TempDir()}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  fmt.Sprintf("module example.com/size\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, root),
		"go.sum":  string(sum),
		"main.go": fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", module+"/"+pkg),
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.run("mod", "tidy")
	return p
}

func (p *program) run(args ...string) string {
	p.Helper()
	cmd := exec.CommandContext(p.Context(), "go", args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := err.(*exec.ExitError); ok {
			p.Logf("%s", failed.Stderr)
		}
		p.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func (p *program) sums() int {
	data, err := os.ReadFile(filepath.Join(p.dir, "go.sum"))
	if err != nil {
		p.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}

// count counts what go list prints of the packages that are linked, each once.
func (p *program) count(format string) int {
	seen := make(map[string]bool)
	for word := range strings.FieldsSeq(p.run("list", "-deps", "-f", format, ".")) {
		seen[word] = true
	}
	return len(seen)
}

func (p *program) megabytes() float64 {
	p.run("build", "-ldflags=-s -w", "-o", "program", ".")
	info, err := os.Stat(filepath.Join(p.dir, "program"))
	if err != nil {
		p.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}
