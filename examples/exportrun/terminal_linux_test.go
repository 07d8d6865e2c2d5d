package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pseudoTerminal opens one, with the end at which what is written to it can be read.
func pseudoTerminal(t *testing.T) (terminal, master *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number uint32
	var unlock int32
	for request, argument := range map[uintptr]unsafe.Pointer{syscall.TIOCSPTLCK: unsafe.Pointer(&unlock), syscall.TIOCGPTN: unsafe.Pointer(&number)} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(argument)); errno != 0 {
			t.Fatal(errno)
		}
	}
	if terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return terminal, master
}

// readAll closes a terminal and returns what was written to it.
func readAll(terminal, master *os.File) string {
	_ = terminal.Close()
	data, _ := io.ReadAll(master) // whose end is an error
	return string(data)
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	dir := changed(t, "formula-false-cycle", `"target_schema_id": "api_status"`, `"target_schema_id": "api_statuss"`)
	args := []string{"check", "-org", dir}
	for _, tt := range []struct {
		name, variable string
		coloured       bool
	}{{"on a terminal", "", true}, {"with NO_COLOR", "1", false}} {
		t.Setenv("NO_COLOR", tt.variable)
		pts, master := pseudoTerminal(t)
		code := runContext(t.Context(), args, pts, pts)
		got := readAll(pts, master)
		if code != failed || strings.Contains(got, "\x1b[31merror\x1b[0m: ") != tt.coloured || !strings.Contains(got, "api_statuss") {
			t.Errorf("%s: code %d\n%q", tt.name, code, got)
		}
	}
	t.Setenv("NO_COLOR", "")
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	runContext(t.Context(), args, file, file)
	_ = file.Close()
	if got, err := os.ReadFile(file.Name()); err != nil || strings.Contains(string(got), "\x1b") || !strings.Contains(string(got), "error: ") {
		t.Errorf("in a file: %q, %v", got, err)
	}
}

func TestATerminalObeysNoTextOfAHook(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	file := filepath.Join(t.TempDir(), "hook.json")
	hook := `{"id": 1, "name": "\u001b]0;title\u0007\u009b2J", "active": true, "events": ["annotation_content.export"], "queues": ["queues/8199"],
		"config": {"url": "https://x.example/custom-format-templating"}, "settings": {"export_configs": [{"export_reference_key": "k", "file_content_template": "\u001b[2Jtext\u0007"}]}}`
	if err := os.WriteFile(file, []byte(hook), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"graph"}, {"render", "-payload", "payload.json", "-hook", "1"}} {
		pts, master := pseudoTerminal(t)
		runContext(t.Context(), append(args, "-hooks", file), pts, pts)
		if got := readAll(pts, master); got == "" || strings.ContainsAny(got, "\x1b\x07\u009b") {
			t.Errorf("%v: %q", args, got)
		}
	}
}

func TestLongWorkShowsItsProgressOnATerminalOnly(t *testing.T) {
	t.Parallel()
	pts, master := pseudoTerminal(t)
	stop := progress(&terminal{stdout: pts, stderr: pts}, time.Millisecond)
	shown, buffer := "", make([]byte, 256)
	for !strings.Contains(shown, "\rrunning for 2 s (Ctrl-C ends it cleanly)") {
		n, err := master.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(buffer[:n])
	}
	stop()
	if got := readAll(pts, master); !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("%q stays", got)
	}
	var b strings.Builder
	progress(&terminal{stdout: &b, stderr: &b}, time.Millisecond)()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}
