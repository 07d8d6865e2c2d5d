package sftpexport_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
)

// cutCases are the ways in which a file gets its name.
var cutCases = []struct{ name, banner, denied string }{
	{"OpenSSH", "SSH-2.0-OpenSSH_9.2p1", ""},
	{"another server with links", "SSH-2.0-other", ""},
	{"another server without links", "SSH-2.0-other", "hardlink,posix-rename"},
}

var oldContent = []byte("the file that was there before")

// prepare makes a directory with what the rule finds there.
func prepare(t *testing.T, root, name string, rule sftpexport.CollisionRule) (dir string) {
	t.Helper()
	dir = filepath.Join(root, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if rule != sftpexport.CollisionRefuse {
		if err := os.WriteFile(filepath.Join(dir, "erp.csv"), oldContent, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// judge says what is wrong in a directory after an export that was disturbed. The
// final name is absent, old, or whole and new; the content is never there twice.
func judge(t *testing.T, dir string, rule sftpexport.CollisionRule, content []byte, err error) (faults, hidden []string) {
	t.Helper()
	news := 0
	files := tree(t, dir)
	for name, data := range files {
		switch {
		case strings.HasPrefix(name, "."):
			hidden = append(hidden, name)
		case data == string(content):
			news++
		case data != string(oldContent):
			faults = append(faults, fmt.Sprintf("%s has %d bytes of %d", name, len(data), len(content)))
		}
	}
	switch {
	case news > 1:
		faults = append(faults, "the content is there twice")
	case err == nil && news == 0:
		faults = append(faults, "the export says that it is there, and it is not")
	case rule == sftpexport.CollisionNumber && files["erp.csv"] != string(oldContent):
		faults = append(faults, "the old file has gone")
	case rule == sftpexport.CollisionReplace && news == 0 && files["erp.csv"] != string(oldContent) && !strings.Contains(fmt.Sprint(err, hidden), "exportpipeline-old"):
		faults = append(faults, "the old file has gone, and the new one is not there")
	}
	return faults, hidden
}

func TestACutBeforeEveryMessage(t *testing.T) {
	t.Parallel()
	for _, c := range cutCases {
		for _, rule := range everyRule {
			for _, size := range []int{4 << 10, 100 << 10} {
				t.Run(fmt.Sprintf("%s, %s, %d bytes", c.name, rule, size), func(t *testing.T) {
					t.Parallel()
					server := realtest.NewCutter(t, c.banner, c.denied)
					s := site{credentials: server.Credentials(), secrets: server.Secrets(), dir: server.Dir, root: server.Dir}
					content := bytes.Repeat([]byte("n"), size)
					last := int64(1)
					for n := int64(0); n <= last; n++ {
						dir := prepare(t, server.Dir, fmt.Sprint(n), rule)
						server.Arm(n, nil)
						_, err := s.put(t, s.step(t, "/"+fmt.Sprint(n), rule), content)
						if n == 0 {
							last = server.Messages()
						}
						faults, hidden := judge(t, dir, rule, content, err)
						if err == nil && len(hidden) > 0 {
							faults = append(faults, fmt.Sprint("hidden files stay: ", hidden))
						}
						if err != nil && !errors.Is(err, sftpexport.ErrUnknownOutcome) {
							faults = append(faults, "the export has failed")
						}
						if len(faults) > 0 {
							t.Errorf("cut before message %d of %d: %s (error %v)", n, last, strings.Join(faults, "; "), err)
						}
					}
				})
			}
		}
	}
}

// childSettings are what a child process exports with.
type childSettings struct {
	Port      sftpexport.Port
	HostKey   string
	Password  string
	Directory string
	Rule      sftpexport.CollisionRule
	Size      int
}

const childVariable = "SFTPEXPORT_TEST_CHILD"

// TestChildExports is not a test of its own: a process that is killed runs it.
func TestChildExports(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("runs in child processes only")
	}
	var c childSettings
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	s := site{
		secrets:     rossum.Secrets{"type": "sftp", "password": c.Password},
		credentials: sftpexport.Credentials{Type: "sftp", Host: "127.0.0.1", Port: c.Port, Username: "erp", HostKey: c.HostKey},
	}
	if _, err := s.put(t, s.step(t, c.Directory, c.Rule), bytes.Repeat([]byte("n"), c.Size)); err != nil {
		t.Fatal(err)
	}
}

// kill is a way, a rule and a size with which processes are killed.
type kill struct {
	way  struct{ name, banner, denied string }
	rule sftpexport.CollisionRule
	size int
}

// kills are three of them, or all if there is time (make soak).
func kills() (list []kill) {
	sizes := []int{4 << 10, 100 << 10}
	for i, c := range cutCases {
		for j, rule := range everyRule {
			for k, size := range sizes {
				if os.Getenv("EXPORTPIPELINE_SOAK") != "" || i == j && k == i%2 {
					list = append(list, kill{c, rule, size})
				}
			}
		}
	}
	return list
}

func TestAKillBeforeEveryMessage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for _, k := range kills() {
		c, rule, size := k.way, k.rule, k.size
		t.Run(fmt.Sprintf("%s, %s, %d bytes", c.name, rule, size), func(t *testing.T) {
			t.Parallel()
			server := realtest.NewCutter(t, c.banner, c.denied)
			content := bytes.Repeat([]byte("n"), size)
			last := int64(1)
			for n := int64(0); n <= last; n++ {
				dir := prepare(t, server.Dir, fmt.Sprint(n), rule)
				text, err := json.Marshal(childSettings{
					server.Credentials().Port, server.Credentials().HostKey, server.Secrets()["password"], dir, rule, size,
				})
				if err != nil {
					t.Fatal(err)
				}
				child := exec.Command(os.Args[0], "-test.run=^TestChildExports$")
				child.Env = append(os.Environ(), childVariable+"="+string(text))
				started := make(chan struct{}) // a child may get to its first message before Start returns
				server.Arm(n, func() {
					<-started
					_ = child.Process.Kill()
				})
				var out bytes.Buffer
				child.Stdout, child.Stderr = &out, &out
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				close(started)
				err = child.Wait()
				if n == 0 {
					if last = server.Messages(); err != nil || last < 10 {
						t.Fatalf("undisturbed, there were %d messages, and the child's end is %v: %s", last, err, &out)
					}
				}
				if (err == nil) != (n == 0) && server.Messages() >= n && n < last {
					t.Errorf("before message %d of %d: the child's end is %v: %s", n, last, err, &out)
				}
				faults, hidden := judge(t, dir, rule, content, err)
				if len(faults) > 0 {
					t.Errorf("killed before message %d of %d: %s", n, last, strings.Join(faults, "; "))
				}
				if n == last/2 {
					swept(t, server, dir, hidden)
				}
			}
		})
	}
}

// swept checks that the next export to a directory removes what is a day old.
func swept(t *testing.T, server *realtest.Cutter, dir string, hidden []string) {
	t.Helper()
	old := time.Now().Add(-25 * time.Hour)
	for _, name := range hidden {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	server.Arm(0, nil)
	s := site{credentials: server.Credentials(), secrets: server.Secrets()}
	step := s.step(t, dir, sftpexport.CollisionRefuse)
	step.Exports[0].Name = "another.csv"
	if _, err := s.put(t, step, []byte("x")); err != nil {
		t.Error(err)
	}
	for name := range tree(t, dir) {
		if strings.HasPrefix(name, sftpexport.HiddenPrefix) {
			t.Errorf("%s was not swept", name)
		}
	}
}
