package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// asProgram has the test binary be exportrun.
const asProgram = "EXPORTRUN_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is exportrun as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// slowERP answers when it is let, and tells of each call.
func slowERP(t *testing.T) (url string, called chan struct{}, answer func()) {
	t.Helper()
	called, let := make(chan struct{}, 16), make(chan struct{})
	answer = sync.OnceFunc(func() { close(let) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called <- struct{}{}
		<-let
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": 1}`)
	}))
	t.Cleanup(func() { answer(); s.Close() })
	return s.URL, called, answer
}

func TestCtrlCEndsARunCleanly(t *testing.T) {
	t.Parallel()
	url, called, _ := slowERP(t)
	dir := changed(t, "formula-false-cycle", "http://127.0.0.1:28090", url)
	report := filepath.Join(t.TempDir(), "run.json")
	cmd := program(t, "run", "-org", dir, "-payload", filepath.Join(dir, "payload.json"), "-report", report)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-called // and no answer comes
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // whose error is the exit code
	if code := cmd.ProcessState.ExitCode(); code != failed {
		t.Errorf("code %d", code)
	}
	if !strings.Contains(stdout.String(), `"type":"error"`) || !strings.HasSuffix(stdout.String(), "}\n") {
		t.Errorf("the answer is %s", stdout.String())
	}
	checkParts(t, "what is said", stderr.String(), "The run was ended by Ctrl-C; the report says what was done until then.|may have")
	if _, err := readReport(report); err != nil {
		t.Errorf("the report: %v", err)
	}
}

func TestASecondCtrlCEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	cmd := program(t, "serve", "-hooks", "hooks", "-unsigned", "-listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 64)
	if _, err := stderr.Read(first); err != nil || !strings.Contains(string(first), "serving at http://127.0.0.1:") {
		t.Fatalf("%s %v", first, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve did not end cleanly: %v", err)
	}
	url, called, _ := slowERP(t)
	dir := changed(t, "formula-false-cycle", "http://127.0.0.1:28090", url)
	cmd = program(t, "run", "-org", dir, "-payload", filepath.Join(dir, "payload.json"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-called
	for range 2 {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended after the first
	}
	_ = cmd.Wait()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if code := cmd.ProcessState.ExitCode(); code != failed && !(status.Signaled() && status.Signal() == syscall.SIGINT) {
		t.Errorf("code %d, %v", code, status)
	}
}

func TestAWrongFlagLeadsToTheHelpOfItsCommand(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		if code, _, stderr := exportrun(t, c.name, "-no-such-flag"); code != unusable ||
			!strings.Contains(stderr, "exportrun "+c.name+" -help shows the flags") {
			t.Errorf("exportrun %s -no-such-flag: code %d %s", c.name, code, stderr)
		}
	}
}
