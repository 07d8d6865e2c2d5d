package guides

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// repository is a copy of what the release check looks at, with a history of its own.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the release check is a script of bash")
	}
	r := &repository{t, t.TempDir()}
	r.write(".ci/release-check", read(t, filepath.Join(root, ".ci/release-check")))
	r.write("go.mod", "module github.com/exportpipeline/exportpipeline\n")
	r.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## [1.1.0] - 2026-12-01\n\n## 1.0.0\n")
	r.write("internal/rooms/testdata/api.txt", "p, func A()\np, func B()\n")
	r.write("pipeline/pgledger/go.mod", "require (\n\tgithub.com/exportpipeline/exportpipeline v1.0.0\n)\n")
	r.git("init", "-q", "-b", "main")
	r.commit("first")
	r.git("tag", "v1.0.0")
	return r
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) git(args ...string) {
	r.t.Helper()
	args = append([]string{"-C", r.dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)
	if out, err := exec.CommandContext(r.t.Context(), "git", args...).CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r *repository) commit(subject string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "-m", subject)
}

func (r *repository) check(args ...string) (code int, out string) {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), "bash", append([]string{filepath.Join(r.dir, ".ci/release-check")}, args...)...)
	text, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		r.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(text)
}

func TestTheReleaseCheckNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*repository)
		args   []string
		code   int
		want   string
	}{
		"nothing":                   {nil, []string{"v1.1.0"}, 0, "git tag -s v1.1.0"},
		"no version":                {nil, nil, 2, "usage"},
		"a wrong version":           {nil, []string{"1.1.0"}, 2, "usage"},
		"a version that is there":   {nil, []string{"v1.0.0"}, 1, "the tag v1.0.0 is there already"},
		"changes":                   {func(r *repository) { r.write("x.go", "") }, []string{"v1.1.0"}, 1, "changes that are not committed"},
		"no section":                {nil, []string{"v1.2.0"}, 1, "CHANGELOG.md has no section 1.2.0"},
		"a name that is gone":       {change("internal/rooms/testdata/api.txt", "p, func A()\n"), []string{"v1.1.0"}, 1, "names of v1.0.0 are gone or have changed, which v1 promises not to do:\np, func B()"},
		"a name that is new":        {change("internal/rooms/testdata/api.txt", "p, func A()\np, func B()\np, func C()\n"), []string{"v1.1.0"}, 0, "Nothing keeps"},
		"a major version":           {change("CHANGELOG.md", "## 2.0.0\n"), []string{"v2.0.0"}, 1, "must end its module path in /v2"},
		"a nested module":           {nil, []string{"v0.1.0", "pipeline/pgledger"}, 0, "git tag -s pipeline/pgledger/v0.1.0"},
		"a nested one beyond v0":    {nil, []string{"v1.1.0", "pipeline/pgledger"}, 1, "stays at v0"},
		"a nested one too early":    {change("pipeline/pgledger/go.mod", "require (\n\tgithub.com/exportpipeline/exportpipeline v0.0.0\n)\n"), []string{"v0.1.0", "pipeline/pgledger"}, 1, "requires version v0.0.0 of the main module, which has no tag"},
		"a nested one that is none": {nil, []string{"v0.1.0", "pipeline"}, 2, "there is no nested module pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			if tt.change != nil {
				tt.change(r)
			}
			if code, out := r.check(tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("code %d, want %d with %q:\n%s", code, tt.code, tt.want, out)
			}
		})
	}
}

func change(file, text string) func(*repository) {
	return func(r *repository) {
		r.write(file, text)
		r.commit("change " + file)
	}
}
