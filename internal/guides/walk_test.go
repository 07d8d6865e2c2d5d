package guides

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The first guide is followed from an empty folder, as a newcomer would, with the code of
// its page and with this repository in the place of the released module.
func TestTheFirstExportCanBeFollowed(t *testing.T) {
	t.Parallel()
	module := emptyModule(t)
	var files []string
	for _, m := range block.FindAllStringSubmatch(read(t, filepath.Join(root, "examples/firstexport/README.md")), -1) {
		if m[1] == "go" && strings.Contains("\n"+m[2], "\npackage main\n") {
			files = append(files, m[2])
		}
	}
	if len(files) != 2 {
		t.Fatalf("the page has %d files, not a program and its test", len(files))
	}
	module.write("main.go", files[0])
	if out := module.run("run", "."); !strings.Contains(out, "POST https://erp.example/invoices: not made, body of 63 bytes") {
		t.Errorf("the program shows\n%s", out)
	}
	module.write("main.go", strings.Replace(files[0], "field.document_id }}", "field.document_idd }}", 1))
	if out := module.run("run", "."); !strings.Contains(out, `did you mean "document_id"?`) {
		t.Errorf("with a wrong name the program shows\n%s", out)
	}
	module.write("main.go", files[0])
	module.write("main_test.go", files[1])
	module.run("test", "./...")
}

func TestTheProgramOfTheReadmeRuns(t *testing.T) {
	t.Parallel()
	module := emptyModule(t)
	for _, m := range block.FindAllStringSubmatch(read(t, filepath.Join(root, "README.md")), -1) {
		if m[1] == "go" && strings.HasPrefix(m[2], "package main\n") {
			module.write("main.go", m[2])
		}
	}
	if out := module.run("run", "."); !strings.Contains(out, "Dry run, nothing was sent") {
		t.Errorf("the program shows\n%s", out)
	}
}

// userModule is a module of somebody else's.
type userModule struct {
	t   *testing.T
	dir string
}

var goVersion = regexp.MustCompile(`(?m)^go .*$`)

// emptyModule has the checksums that go mod tidy would fetch, since tests use no network.
func emptyModule(t *testing.T) *userModule {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	m := &userModule{t, t.TempDir()}
	m.write("go.mod", "module firstexport\n\n"+goVersion.FindString(read(t, filepath.Join(root, "go.mod")))+
		"\n\nrequire github.com/exportpipeline/exportpipeline v0.0.0\n\nreplace github.com/exportpipeline/exportpipeline => "+here+"\n")
	m.write("go.sum", read(t, filepath.Join(root, "go.sum")))
	return m
}

func (m *userModule) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *userModule) run(args ...string) string {
	m.t.Helper()
	command := exec.CommandContext(m.t.Context(), "go", args...)
	command.Dir = m.dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := command.CombinedOutput()
	if err != nil {
		m.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
