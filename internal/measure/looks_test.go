package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What goes on for long without a look at its context overruns a deadline only if that falls
// into it, so that it is measured by itself: the longest processor time of a row's thread
// between two looks. Contexts cannot be asked who looks at them. Rows therefore run in a
// program that is built with a package context of its own, by go build's -overlay, whose
// contexts call what they hold by this key whenever somebody looks at them.
const lookKey = "measured: a look at the context"

// looks sees when somebody looks at a context.
type looks struct {
	thread  int           // of the row
	read    time.Time     // when the time of the thread was read last
	used    time.Duration // what it was
	longest time.Duration
	until   string // who looked after that
}

// watchLooks returns a context that sees who looks at it. The row must stay on this thread.
func watchLooks(ctx context.Context) (context.Context, *looks) {
	runtime.LockOSThread()
	l := &looks{thread: thread(), read: time.Now(), used: threadTime()}
	return &lookedAt{ctx, l.look}, l
}

// lookedAt is a context that says what is called at a look.
type lookedAt struct {
	context.Context
	look func()
}

// Value implements [context.Context].
func (c *lookedAt) Value(key any) any {
	if key == lookKey {
		return c.look
	}
	return c.Context.Value(key)
}

// look ends a time without a look, if it was long enough to be asked for.
func (l *looks) look() {
	if thread() != l.thread || time.Since(l.read) < time.Millisecond {
		return
	}
	used := threadTime()
	if used-l.used > l.longest {
		l.longest, l.until = used-l.used, lookedFrom()
	}
	l.read, l.used = time.Now(), used
}

// lookedFrom names the function of the library that looks.
func lookedFrom() string {
	var at [64]uintptr
	frames := runtime.CallersFrames(at[:runtime.Callers(3, at[:])])
	for {
		frame, more := frames.Next()
		if name, ok := strings.CutPrefix(frame.Function, "github.com/exportpipeline/exportpipeline/"); ok &&
			!strings.HasPrefix(name, "internal/measure.(*looks)") {
			return fmt.Sprintf("%s:%d", name, frame.Line)
		}
		if !more {
			return "the end"
		}
	}
}

// watchedProgram builds this program with contexts that say when somebody looks at them.
func watchedProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, text := contextSource(t)
	text, err := withLooks(text)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "context.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"context.go": text, "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "measure.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// contextSource is where Go has its package context, and its text.
func contextSource(t *testing.T) (path string, text []byte) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(strings.TrimSpace(string(root)), "src", "context", "context.go")
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// withLooks has contexts of a package context say when somebody looks at them.
func withLooks(source []byte) ([]byte, error) {
	for _, method := range []string{"func (c *cancelCtx) Done() <-chan struct{} {\n", "func (c *cancelCtx) Err() error {\n"} {
		if bytes.Count(source, []byte(method)) != 1 {
			return nil, fmt.Errorf("this version of Go has another package context: there is no %q", method)
		}
		looks := fmt.Appendf(nil, "%s\tif look, ok := value(c.Context, %q).(func()); ok {\n\t\tlook()\n\t}\n", method, lookKey)
		source = bytes.Replace(source, []byte(method), looks, 1)
	}
	return source, nil
}

func TestTheLongestTimeWithoutALookIsSeen(t *testing.T) {
	t.Parallel()
	if thread() == 0 {
		t.Skip("this system does not tell the processor time of a thread")
	}
	_, source := contextSource(t)
	if _, err := withLooks(source); err != nil {
		t.Error(err)
	}
	if _, err := withLooks([]byte("package context")); err == nil {
		t.Error("another package context is taken")
	}
	ctx, l := watchLooks(t.Context())
	defer runtime.UnlockOSThread()
	look := ctx.Value(lookKey).(func())
	busy := func(d time.Duration) {
		for from := threadTime(); threadTime()-from < d; {
		}
	}
	for range 20 {
		busy(2 * time.Millisecond)
		look()
	}
	if l.longest < 2*time.Millisecond || l.longest > 20*time.Millisecond {
		t.Errorf("looks every two milliseconds: %v", l.longest)
	}
	time.Sleep(50 * time.Millisecond) // takes no processor time
	look()
	if l.longest > 20*time.Millisecond {
		t.Errorf("waiting counts: %v", l.longest)
	}
	busy(40 * time.Millisecond)
	done := make(chan struct{})
	go func() { look(); close(done) }() // of another thread
	<-done
	busy(40 * time.Millisecond)
	look()
	if l.longest < 75*time.Millisecond || !strings.Contains(l.until, "TestTheLongestTime") {
		t.Errorf("80 ms without a look: %v, until %q", l.longest, l.until)
	}
}
