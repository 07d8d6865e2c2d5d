package sftpexport_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

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
		{"link was done and the reader was faster", "null", []sftptest.Fault{{Op: "link", CutAfter: true, After: pause50}}, true, true},
		{"posix-rename was done", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", CutAfter: true}}, false, false},
		{"posix-rename was done and the reader was faster", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", CutAfter: true, After: pause50}}, true, true},
		{"posix-rename was not done", `{"replace": true}`, []sftptest.Fault{{Op: "posix-rename", Cut: true}}, false, false},
		{"rename was done", "null", []sftptest.Fault{noLinks, {Op: "rename", CutAfter: true}}, false, false},
		{"rename was done and the reader was faster", "null", []sftptest.Fault{noLinks, {Op: "rename", CutAfter: true, After: pause50}}, true, true},
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

func pause50() { time.Sleep(50 * time.Millisecond) }

func TestAReplacedFileIsNeverLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, `{"replace": true}`)
	old := filepath.Join(r.Dir, "out", invoiceName)
	if err := os.WriteFile(old, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A server whose renaming refuses a taken name, as the standard has it, and that
	// fails when the old file has been moved out of the way.
	r.Fail(sftptest.Fault{Op: "posix-rename", Err: sftptest.ErrUnsupported, Times: -1},
		sftptest.Fault{Op: "rename", Err: errors.New("taken")}, sftptest.Fault{Op: "rename"}, sftptest.Fault{Op: "rename", Err: errors.New("broken")})
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
