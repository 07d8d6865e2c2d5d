// Package oracle is for tests that compare with originals written in Python: it finds the
// interpreter, asks a script of a package's testdata line by line, and says from which
// seed and for how long cases are generated. Only tests import it.
package oracle

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// interpreter is Debian's, for which .ci/run installs the modules.
const interpreter = "/usr/bin/python3"

// Python is an interpreter that has the modules which a test needs.
type Python struct{ t testing.TB }

// Need returns the interpreter. Where it or one of the modules is missing, the test is
// skipped; in CI it fails.
func Need(t testing.TB, modules ...string) *Python {
	t.Helper()
	p := &Python{t}
	code := ""
	for _, m := range modules {
		code += "import " + m + "\n"
	}
	err := p.Command("-c", code).Run()
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("CI must compare with %s %v: %v", interpreter, modules, err)
	default:
		t.Skipf("cannot compare with %s %v: %v", interpreter, modules, err)
	}
	return p
}

// Command returns a command that runs Python without its warnings. It outlives the context
// of the test, so that a script can end by itself when its input does.
func (p *Python) Command(args ...string) *exec.Cmd {
	return exec.CommandContext(context.WithoutCancel(p.t.Context()), interpreter, append([]string{"-W", "ignore"}, args...)...)
}

// Output returns what Python prints, and fails the test if Python fails.
func (p *Python) Output(args ...string) []byte {
	p.t.Helper()
	out, err := p.Command(args...).Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		p.t.Fatalf("%v: %v\n%s", args, err, failed.Stderr)
	} else if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// Script is a running script that answers each line with a line. It is for one goroutine.
type Script struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
}

// Start starts a script, which ends with the test: it must end well when there are no more
// lines.
func (p *Python) Start(args ...string) *Script {
	p.t.Helper()
	cmd := p.Command(args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("%v: %v", args, err)
		}
	})
	return &Script{p.t, in, bufio.NewReaderSize(out, 1<<20)}
}

// Line sends a line, and returns the one that comes back with its end.
func (s *Script) Line(line string) []byte {
	s.t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.t.Fatalf("Python does not take %s: %v", line, err)
	}
	answer, err := s.out.ReadBytes('\n')
	if err != nil {
		s.t.Fatalf("Python gave no answer to %s: %v", line, err)
	}
	return answer
}

// Ask sends a question as a line of JSON, and reads the answer, which is one as well.
func (s *Script) Ask(question, answer any) {
	s.t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.Line(string(line))
	if err := json.Unmarshal(got, answer); err != nil {
		s.t.Fatalf("%s: %v", got, err)
	}
}

// Seed returns what the environment variable says, or a seed that is new with each run,
// and prints it. CI names its seeds, so that a red run can be repeated.
func Seed(t testing.TB, variable string) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(variable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
	}
	t.Logf("%s=%d", variable, seed)
	return seed
}

// Duration returns for how long cases are to be generated: as many seconds as the
// environment variable says, or what is given if it is not set.
func Duration(t testing.TB, variable string, otherwise time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv(variable); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return time.Duration(seconds) * time.Second
	}
	return otherwise
}
