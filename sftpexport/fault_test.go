package sftpexport_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

func TestACutConnectionLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	offsets := rand.New(rand.NewPCG(2026, 4))
	for range 20 {
		offset := offsets.Int64N(int64(len(invoice)))
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "null")
			r.CutAfter(offset)
			if err := r.export(t.Context(), t); err != nil {
				t.Error(err)
			}
			if r.Connections() < 2 {
				t.Error("the connection was not cut")
			}
			r.want(t, arrived)
		})
	}
}

func TestARestartedServerGetsTheFile(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	restarted := make(chan error, 1)
	r.Fail(sftptest.Fault{Op: "write", Before: func() {
		go func() {
			r.Stop()
			time.Sleep(200 * time.Millisecond)
			restarted <- r.Start()
		}()
		time.Sleep(20 * time.Millisecond)
	}})
	if err := r.export(t.Context(), t); err != nil {
		t.Error(err)
	}
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	r.want(t, arrived)
}

func TestIdleConnectionsThatDiedAreReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t, `{"replace": true}`)
	for range 3 {
		if err := r.export(t.Context(), t); err != nil {
			t.Fatal(err)
		}
		r.Disconnect()
	}
	r.want(t, arrived)
}

func TestWhatCannotBeMendedIsReportedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*rig)
		is    error
		text  string
	}{
		{"disk full", func(r *rig) { r.SetFree(1 << 20) }, sftpexport.ErrSpace, "bytes free"},
		{"disk full at once", func(r *rig) { r.SetFree(0) }, sftpexport.ErrSpace, "0 bytes free"},
		{"permission denied", func(r *rig) {
			r.Fail(sftptest.Fault{Op: "open", Path: sftpexport.HiddenPrefix, Err: os.ErrPermission, Times: -1})
		}, fs.ErrPermission, `creating a file in "/out"`},
		{"permission to write denied", func(r *rig) { r.Fail(sftptest.Fault{Op: "write", Err: os.ErrPermission, Times: -1}) }, fs.ErrPermission, ""},
		{"no rename at all", func(r *rig) {
			for _, op := range []string{"link", "rename", "posix-rename"} {
				r.Fail(sftptest.Fault{Op: op, Err: sftptest.ErrUnsupported, Times: -1})
			}
		}, nil, "renaming"},
		{"rename forbidden", func(r *rig) {
			for _, op := range []string{"link", "rename", "posix-rename"} {
				r.Fail(sftptest.Fault{Op: op, Err: os.ErrPermission, Times: -1})
			}
		}, fs.ErrPermission, "renaming"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "null")
			c.spoil(r)
			err := r.export(t.Context(), t)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "export_rules[0].export_object_configurations[0]") {
				t.Errorf("the error names no place: %v", err)
			}
			r.want(t, nil)
		})
	}
}

func TestATakenNameFollowsTheRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		is   error
		want map[string]string
	}{
		{"null", sftpexport.ErrExists, map[string]string{invoiceName: "old"}},
		{`{"replace": false}`, sftpexport.ErrExists, map[string]string{invoiceName: "old"}},
		{`{"replace": true}`, nil, map[string]string{invoiceName: string(invoice)}},
		{`{"number": true}`, nil, map[string]string{invoiceName: "old", "314528-1.pdf": string(invoice)}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.rule)
			old := filepath.Join(r.Dir, "out", invoiceName)
			elsewhere := filepath.Join(r.Dir, "elsewhere") // where the reader does not see it half written
			if err := os.WriteFile(elsewhere, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(elsewhere, old); err != nil {
				t.Fatal(err)
			}
			if err := r.export(t.Context(), t); !errors.Is(err, c.is) || (err == nil) != (c.is == nil) {
				t.Errorf("the error is %v, want %v", err, c.is)
			}
			r.want(t, c.want)
		})
	}
}

func TestATakenHiddenNameIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	var taken string
	r.Fail(sftptest.Fault{Op: "open", Path: sftpexport.HiddenPrefix, Before: func() {
		ops := r.Ops()
		taken = strings.TrimPrefix(ops[len(ops)-1], "open /out/")
		if err := os.WriteFile(filepath.Join(r.Dir, "out", taken), []byte("another's"), 0o644); err != nil {
			t.Error(err)
		}
	}})
	if err := r.export(t.Context(), t); err != nil {
		t.Error(err)
	}
	r.want(t, map[string]string{invoiceName: string(invoice), taken: "another's"})
}

func TestServersWithoutTheNewerOperationsWork(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"null", `{"replace": true}`, `{"number": true}`} {
		for _, without := range [][]string{{"link"}, {"posix-rename"}, {"link", "posix-rename"}, {"link", "rename"}} {
			if rule == `{"replace": true}` && without[0] == "link" && len(without) == 2 && without[1] == "rename" {
				continue // posix-rename is all that replacing needs
			}
			t.Run(rule+" without "+strings.Join(without, " and "), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, rule)
				for _, op := range without {
					r.Fail(sftptest.Fault{Op: op, Err: sftptest.ErrUnsupported, Times: -1})
				}
				if err := r.export(t.Context(), t); err != nil {
					t.Error(err)
				}
				r.want(t, arrived)
			})
		}
	}
}

func TestAnotherHostKeyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, `{"replace": true}`)
	if err := r.export(t.Context(), t); err != nil {
		t.Fatal(err)
	}
	if err := r.NewHostKey(); err != nil {
		t.Fatal(err)
	}
	r.Disconnect()
	err := r.export(t.Context(), t)
	if !errors.Is(err, sftpexport.ErrHostKey) || !strings.Contains(err.Error(), "SHA256:") {
		t.Errorf("the error is %v", err)
	}
	r.want(t, arrived)
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	err := r.export(t.Context(), t, rossumtest.Secret("password", "not-the-password"))
	if !errors.Is(err, sftpexport.ErrAuth) {
		t.Errorf("the error is %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "not-the-password") {
		t.Errorf("the error shows the password: %v", err)
	}
	if n := r.Connections(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
	r.want(t, nil)
}

func TestExportersThatRaceForANameDoNotDoubleIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	var wait sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		step := decode(t, r.Server, fmt.Sprintf(outSettings, "null")) // with connections of its own
		wait.Go(func() {
			_, results[i] = chain(t, step).Export(t.Context(), call(r.Server).Payload(), pipeline.WithOriginal(pipeline.Bytes(invoice)))
		})
	}
	wait.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, sftpexport.ErrExists):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d have won", won)
	}
	r.want(t, arrived)
}

func TestAHiddenFileWhoseMakingWasCutShortIsRemoved(t *testing.T) {
	t.Parallel()
	for _, content := range [][]byte{invoice, []byte("old")} {
		r := newRig(t, "null")
		r.Fail(sftptest.Fault{Op: "open", Path: sftpexport.HiddenPrefix, CutAfter: true})
		if _, err := chain(t, r.step).Export(t.Context(), call(r.Server).Payload(), pipeline.WithOriginal(pipeline.Bytes(content))); err != nil {
			t.Error(err)
		}
		r.want(t, map[string]string{invoiceName: string(content)})
	}
}

func TestASmallFileWhoseNameIsTakenIsNotSentIfOthersStandBesideIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	if err := os.WriteFile(filepath.Join(r.Dir, "out", "x"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := opener(t, r.Credentials(), r.Secrets())(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Stage(t.Context(), sftpexport.File{Directory: "/out", Name: "x", Content: pipeline.Bytes("new"), LookFirst: true})
	if !errors.Is(err, sftpexport.ErrExists) {
		t.Errorf("the error is %v", err)
	}
	r.want(t, map[string]string{"x": "old"})
}

func TestACanceledExportLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*rig, context.CancelFunc)
	}{
		{"mid-file", func(r *rig, cancel context.CancelFunc) { r.Fail(sftptest.Fault{Op: "write", Before: cancel}) }},
		{"slow server", func(r *rig, cancel context.CancelFunc) {
			r.SetRate(1 << 20)
			time.AfterFunc(300*time.Millisecond, func() { r.SetRate(0); cancel() })
		}},
		{"while connecting", func(r *rig, cancel context.CancelFunc) { cancel() }},
		{"when the directory is looked at", func(r *rig, cancel context.CancelFunc) {
			r.Fail(sftptest.Fault{Op: "stat", Before: cancel, Delay: 20 * time.Millisecond})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "null")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.spoil(r, cancel)
			started := time.Now()
			if err := r.export(ctx, t); !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
			if took := time.Since(started); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
			r.want(t, nil)
		})
	}
}

func TestAHangingServerIsGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, "null")
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.Fail(sftptest.Fault{Op: "write", Before: func() { <-hang }, Times: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	if err := r.export(ctx, t); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(started); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	r.reader.end(t)
}

func TestLeftoversAreOldByTheServersClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, 72 * time.Hour, -72 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "null")
			r.SetClock(skew)
			now := time.Now()
			for name, age := range map[string]time.Duration{
				sftpexport.HiddenPrefix + "OLD": 25 * time.Hour, sftpexport.HiddenPrefix + "YOUNG": 23 * time.Hour, ".another-part": 100 * time.Hour,
			} {
				path := filepath.Join(r.Dir, "out", name)
				if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Chtimes(path, now.Add(-age), now.Add(-age))); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.export(t.Context(), t); err != nil {
				t.Error(err)
			}
			r.want(t, map[string]string{invoiceName: string(invoice), sftpexport.HiddenPrefix + "YOUNG": "", ".another-part": ""})
		})
	}
}
