package sftpexport_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

func TestALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	noLinks := sftptest.Fault{Op: "link", Err: sftptest.ErrUnsupported, Times: -1}
	for _, c := range []struct {
		name, rule string
		faults     []sftptest.Fault
		unknown    bool
		takes      bool
	}{
		{"link was done", "null", []sftptest.Fault{{Op: "link", CutAfter: true}}, false, false},
		{"link was done, then nothing answers for a while", "null", []sftptest.Fault{{Op: "link", CutAfter: true}, {Op: "stat", Cut: true}}, false, false},
		{"link was not done, which nobody can know", "null", []sftptest.Fault{{Op: "link", Cut: true}}, true, false},
		{"link was done and the reader was faster", "null", []sftptest.Fault{{Op: "link", CutAfter: true}}, true, true},
		{"posix-rename was done", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", CutAfter: true}}, false, false},
		{"posix-rename was done and the reader was faster", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", CutAfter: true}}, true, true},
		{"posix-rename was not done", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", Cut: true}}, false, false},
		{"rename was done", "null", []sftptest.Fault{noLinks, {Op: "rename", CutAfter: true}}, false, false},
		{"rename was done and the reader was faster", "null", []sftptest.Fault{noLinks, {Op: "rename", CutAfter: true}}, true, true},
		{"rename was not done", "null", []sftptest.Fault{noLinks, {Op: "rename", Cut: true}}, false, false},
		{"numbered link was done", `{"number": true}`, []sftptest.Fault{{Op: "link", CutAfter: true}}, false, false},
		{"numbered rename was not done", `{"number": true}`, []sftptest.Fault{noLinks, {Op: "rename", Cut: true}}, false, false},
		{"removing the hidden name", "null", []sftptest.Fault{{Op: "remove", Cut: true}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.rule)
			r.reader.end(t)
			r.reader = watch(t, filepath.Join(r.Dir, "out"), c.takes, invoice)
			if last := len(c.faults) - 1; c.takes {
				c.faults[last].After = func() { untilGone(t, filepath.Join(r.Dir, "out", invoiceName)) }
			}
			r.Fail(c.faults...)
			err := r.export(t.Context(), t)
			if errors.Is(err, sftpexport.ErrUnknownOutcome) != c.unknown || err != nil && !c.unknown {
				t.Errorf("the error is %v", err)
			}
			switch {
			case c.takes:
				r.want(t, nil)
				if len(r.reader.taken) != 1 || r.reader.taken[invoiceName] != 1 {
					t.Errorf("the reader took %v", r.reader.taken)
				}
			case c.unknown:
				r.want(t, nil)
			default:
				r.want(t, arrived)
			}
		})
	}
}

// Whoever cannot log in again cannot look at what has become of the file.
func TestALostAnswerStaysOpenWhereNobodyCanLook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rule string
		fault      sftptest.Fault
	}{
		{"link was done", "null", sftptest.Fault{Op: "link", CutAfter: true}},
		{"link was not done", "null", sftptest.Fault{Op: "link", Cut: true}},
		{"posix-rename was done", `{"replace": true}`, sftptest.Fault{Op: "posix-rename", CutAfter: true}},
		{"numbered link was done", `{"number": true}`, sftptest.Fault{Op: "link", CutAfter: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.rule)
			r.reader.end(t)
			c.fault.Before = func() {
				if err := r.NewHostKey(); err != nil {
					t.Error(err)
				}
			}
			r.Fail(c.fault)
			if err := r.export(t.Context(), t); !errors.Is(err, sftpexport.ErrUnknownOutcome) || !errors.Is(err, sftpexport.ErrHostKey) ||
				errors.Is(err, pipeline.ErrNotSent) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAFileThatIsThereAndNotWholeMayHaveBeenRead(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	r.reader.end(t)
	r.Fail(sftptest.Fault{Op: "link", After: func() {
		if err := os.Truncate(filepath.Join(r.Dir, "out", invoiceName), 1); err != nil {
			t.Error(err)
		}
	}})
	if err := r.export(t.Context(), t); !errors.Is(err, sftpexport.ErrSize) || errors.Is(err, pipeline.ErrNotSent) {
		t.Errorf("the error is %v", err)
	}
}

// untilGone waits until the reader has taken a file.
func untilGone(t *testing.T, path string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return
		}
	}
	t.Errorf("nobody has taken %s", path)
}

func TestAReplacedFileIsNeverLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, `{"replace": true}`)
	old := filepath.Join(r.Dir, "out", invoiceName)
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A server whose renaming refuses a taken name, as the standard has it, and that
	// fails when the old file has been moved out of the way.
	r.Fail(
		sftptest.Fault{Op: "posix-rename", Err: sftptest.ErrUnsupported, Times: -1},
		sftptest.Fault{
			Op:  "rename",
			Err: errors.New("taken"),
		},
		sftptest.Fault{Op: "rename"},
		sftptest.Fault{Op: "rename", Err: errors.New("broken")},
	)
	if err := r.export(t.Context(), t); err == nil {
		t.Error("there is no error")
	}
	r.want(t, map[string]string{invoiceName: "old"})
}

func TestReplacingWorksWhereRenamingRefusesTakenNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, `{"replace": true}`)
	if err := os.WriteFile(filepath.Join(r.Dir, "out", invoiceName), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.Fail(sftptest.Fault{Op: "posix-rename", Err: sftptest.ErrUnsupported, Times: -1}, sftptest.Fault{Op: "rename", Err: errors.New("taken")})
	if err := r.export(t.Context(), t); err != nil {
		t.Error(err)
	}
	r.want(t, arrived)
}

// A person who reads that nothing was put has to know of a hidden file that may be there.
func TestAHiddenFileThatMayBeThereIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults []sftptest.Fault
		stays  bool
	}{
		{"cut while it is written, and the file cannot be removed", []sftptest.Fault{{Op: "write", Cut: true, Times: -1}, {Op: "remove", Cut: true, Times: -1}}, true},
		{"refused while it is written, and the file is removed", []sftptest.Fault{{Op: "write", Err: errors.New("no space left"), Times: -1}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "null")
			r.reader.end(t)
			r.Fail(c.faults...)
			response, err := chain(t, r.step).Export(t.Context(), call(r.Server).Payload(), pipeline.WithOriginal(pipeline.Bytes(invoice)))
			if err == nil || len(response.Messages) == 0 {
				t.Fatalf("%v, %+v", err, response)
			}
			hidden := ""
			for name := range tree(t, filepath.Join(r.Dir, "out")) {
				hidden = name
			}
			said := response.Messages[len(response.Messages)-1].Content
			if (hidden != "") != c.stays || strings.Contains(said, "may still be there") != c.stays || !strings.Contains(said, hidden) ||
				strings.Contains(said, "No call that changes anything was made.") == c.stays {
				t.Errorf("%q is there, and the message is %q", hidden, said)
			}
		})
	}
}
