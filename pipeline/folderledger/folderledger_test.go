package folderledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

func claimOn(t testing.TB, l *ledger, annotation int64, first ...pipeline.Record) pipeline.Claimed {
	t.Helper()
	got, err := l.Claim(t.Context(), diskKey(annotation), pipeline.ClaimOptions{
		Owner: "x", Lease: time.Hour, After: pipeline.AnyRun, First: first,
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOnlyTheOwnerMayReadTheFolder(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "a", "ledger")
	l := openOn(t, dir, &disk.Disk{})
	claimOn(t, l, 1, pipeline.Record{Kind: "x"})
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if want := fs.FileMode(0o600); err == nil && !e.IsDir() && info.Mode() != want || e.IsDir() && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A clock that is set must not decide who owns a run.
func TestSettingTheClockEndsNoLease(t *testing.T) {
	t.Parallel()
	l := openOn(t, t.TempDir(), &disk.Disk{})
	l.lease = func() (time.Duration, string) { return time.Minute, "boot" }
	got := claimOn(t, l, 1)
	for _, jump := range []time.Duration{48 * time.Hour, -48 * time.Hour} {
		l.now = func() time.Time { return time.Now().Add(jump) }
		if _, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); !errors.Is(err, pipeline.ErrBusy) {
			t.Errorf("with the clock set by %v: %v", jump, err)
		}
		if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); err != nil {
			t.Errorf("with the clock set by %v: %v", jump, err)
		}
	}
	run, err := l.Load(t.Context(), got.Run.ID)
	if err != nil || run.Records[1].Time.Before(run.Records[0].Time) {
		t.Errorf("times go back: %v, %v", run.Records, err)
	}
	l.lease = func() (time.Duration, string) { return time.Minute + time.Hour, "boot" }
	if got, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); err != nil || !got.TakenOver {
		t.Errorf("at the lease's end: %+v, %v", got, err)
	}
	l.lease = func() (time.Duration, string) { return 100 * time.Hour, "another time namespace" }
	if _, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); !errors.Is(err, pipeline.ErrBusy) {
		t.Errorf("the owner lives, and its clock can't be compared: %v", err)
	}
}

func TestFormsOfNewerVersionsAreNeitherReadNorChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openOn(t, dir, &disk.Disk{})
	got := claimOn(t, l, 1, pipeline.Record{Kind: "first"})
	grow := func(typ, version byte) []byte {
		before, err := os.ReadFile(l.file(got.Run.ID))
		if err != nil {
			t.Fatal(err)
		}
		frame, err := runfile.Header(string(got.Run.ID), int64(len(before)), typ, version, []byte("what this version can't know"))
		if err != nil {
			t.Fatal(err)
		}
		all := append(before, frame...)
		if err := os.WriteFile(l.file(got.Run.ID), all, 0o600); err != nil {
			t.Fatal(err)
		}
		return all
	}
	grow(runfile.Ignorable, 9)
	if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "second"}); err != nil {
		t.Fatalf("after a frame that may be ignored: %v", err)
	}
	if run, err := l.Load(t.Context(), got.Run.ID); err != nil || kindsOf(run) != "first second" || run.Damaged {
		t.Errorf("with a frame that may be ignored: %q, %v", kindsOf(run), err)
	}
	all := grow(77, 1)
	for name, err := range map[string]error{
		"Append": l.Append(
			t.Context(), got.Lease, pipeline.Record{Kind: "third"},
		), "Note": l.Note(t.Context(), got.Run.ID, pipeline.Record{Kind: "third"}),
		"Load": func() error { _, err := l.Load(t.Context(), got.Run.ID); return err }(),
		"Claim": func() error {
			_, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour})
			return err
		}(),
	} {
		if !errors.Is(err, pipeline.ErrNewerFormat) {
			t.Errorf("%s on a run of a newer form: %v", name, err)
		}
	}
	if now, err := os.ReadFile(l.file(got.Run.ID)); err != nil || !bytes.Equal(now, all) {
		t.Error("a run of a newer form was changed")
	}
	other := claimOn(t, l, 2)
	listed := 0
	for info, err := range l.Find(t.Context(), pipeline.RunQuery{}) {
		if listed++; info.ID == got.Run.ID && !errors.Is(err, pipeline.ErrNewerFormat) || info.ID == other.Run.ID && err != nil {
			t.Errorf("Find: %s, %v", info.ID, err)
		}
	}
	if listed != 2 {
		t.Errorf("Find yields %d of 2 runs", listed)
	}
	if err := os.WriteFile(filepath.Join(dir, "FORM"), []byte("exportpipeline ledger, form 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, quiet); !errors.Is(err, pipeline.ErrNewerFormat) || !strings.Contains(err.Error(), "form 2") {
		t.Errorf("a folder of another form: %v", err)
	}
}

func TestADamagedRunIsReportedAndNeverTakenForANewOne(t *testing.T) {
	t.Parallel()
	l := openOn(t, t.TempDir(), &disk.Disk{})
	damage := func(annotation int64, change func([]byte) []byte) pipeline.RunID {
		got := claimOn(t, l, annotation, pipeline.Record{Kind: "first"})
		for _, kind := range []pipeline.RecordKind{"second", "third"} {
			if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: kind, Data: []byte("some data")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Release(t.Context(), got.Lease); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(l.file(got.Run.ID))
		if err == nil {
			err = os.WriteFile(l.file(got.Run.ID), change(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		l.forget(got.Run.ID)
		return got.Run.ID
	}
	flip := func(text string) func([]byte) []byte {
		return func(b []byte) []byte { b[bytes.Index(b, []byte(text))] ^= 0xff; return b }
	}
	for i, test := range []struct {
		change  func([]byte) []byte
		kinds   string
		damaged bool
	}{
		{flip("second"), "first third", true},
		{flip("first"), "second third", true},
		{func(b []byte) []byte { return b[:len(b)-1] }, "first second third", false}, // of the release
		{func(b []byte) []byte { return append(b, "an end that was not written whole"...) }, "first second third", false},
		{func(b []byte) []byte {
			for _, text := range []string{"first", "second", "third"} {
				b = flip(text)(b)
			}
			return b
		}, "", true},
		{func(b []byte) []byte { // every meta, and the last frame
			for _, text := range []string{"first", "second", "third"} {
				b = flip(text)(b)
			}
			return b[:len(b)-3]
		}, "", true},
	} {
		annotation := int64(i + 1)
		id := damage(annotation, test.change)
		run, err := l.Load(t.Context(), id)
		if err != nil || kindsOf(run) != test.kinds || run.Damaged != test.damaged {
			t.Errorf("case %d: %q, damaged %v, %v", i, kindsOf(run), run.Damaged, err)
		}
		// A case in which the release was cut off is live.
		_ = l.Release(t.Context(), pipeline.Lease{Run: id, Fence: 1})
		got, err := l.Claim(t.Context(), diskKey(annotation), pipeline.ClaimOptions{Owner: "heir", Lease: time.Hour, After: pipeline.AnyRun})
		if err != nil || got.Run.ID != id || !got.TakenOver || got.Run.Damaged != test.damaged {
			t.Errorf("case %d: Claim gave %+v, %v", i, got, err)
			continue
		}
		if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "on"}); err != nil {
			t.Errorf("case %d: %v", i, err)
		}
		run, err = l.Load(t.Context(), id)
		if want := strings.TrimSpace(test.kinds + " on"); err != nil || kindsOf(run) != want || run.Damaged != test.damaged ||
			run.Key != diskKey(annotation) {
			t.Errorf("case %d: later %q, damaged %v, key %v, %v", i, kindsOf(run), run.Damaged, run.Key, err)
		}
	}
}

func TestAFileThatNeverBecameARunIsPassedOver(t *testing.T) {
	t.Parallel()
	l := openOn(t, t.TempDir(), &disk.Disk{})
	whole := claimOn(t, l, 1, pipeline.Record{Kind: "first"})
	b, err := os.ReadFile(l.file(whole.Run.ID))
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{nil, b[:5], b[:20], b[:len(b)-1], make([]byte, 500)} {
		key := diskKey(int64(10 + i))
		id := key.ID(12345)
		if err := os.WriteFile(l.file(id), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Load(t.Context(), id); !errors.Is(err, pipeline.ErrNoRun) {
			t.Errorf("case %d: Load: %v", i, err)
		}
		if err := l.Note(t.Context(), id, pipeline.Record{Kind: "x"}); !errors.Is(err, pipeline.ErrNoRun) {
			t.Errorf("case %d: Note: %v", i, err)
		}
		got, err := l.Claim(t.Context(), key, pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
		if err != nil || got.TakenOver || got.Run.ID == id {
			t.Errorf("case %d: Claim: %+v, %v", i, got, err)
		}
	}
}

func TestTheFolderMayBeRemovedUnderItsLedger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openOn(t, dir, &disk.Disk{})
	got := claimOn(t, l, 1)
	for _, name := range []string{"runs", "open", "locks"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x"}); !errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("Append to a run that is gone: %v", err)
	}
	if again := claimOn(t, l, 1, pipeline.Record{Kind: "y"}); again.TakenOver || again.Run.Count != 1 {
		t.Errorf("got %+v", again)
	}
}

// FuzzRunFile has a ledger read anything as a run.
func FuzzRunFile(f *testing.F) {
	id := diskKey(1).ID(5)
	m := frameMeta{
		records: []pipeline.Record{{Kind: "a", Data: []byte("x")}, {Kind: "b"}},
		first:   1,
		fence:   1,
		claim:   pipeline.RunInfo{Owner: "o", Key: diskKey(1)},
	}
	for typ := byte(claimFrame); typ <= noteFrame+1; typ++ {
		f.Add(typ, byte(1), m.encode(typ), []byte("x"))
		f.Add(typ, byte(1), m.encode(claimFrame)[:9], []byte("xyz"))
	}
	f.Fuzz(func(t *testing.T, typ, version byte, meta, data []byte) {
		at := int64(runfile.MagicSize)
		first, err := runfile.Header(string(id), at, typ, version, meta, data)
		if err != nil {
			t.Skip()
		}
		b := append(append(runfile.Magic(runFileKind), first...), data...)
		s := &runState{RunInfo: pipeline.RunInfo{ID: id}}
		var records []pipeline.Record
		if err := s.scanBytes(bytes.NewReader(b), int64(len(b)), func(more []pipeline.Record) { records = append(records, more...) }); err != nil {
			return
		}
		total := 0
		for _, r := range records {
			total += len(r.Data)
		}
		if total > len(data) || s.Count != len(records) || s.ID != id {
			t.Errorf("%d bytes of data became %d records of %d bytes, Count %d", len(data), len(records), total, s.Count)
		}
	})
}

// BenchmarkFolderLedger has 64 runs record at once, and compares the time with that
// which the syncs took, and with 64 files written and synced one by one.
func BenchmarkFolderLedger(b *testing.B) {
	const runs = 64
	for _, size := range []int{500, 20_000} {
		b.Run(fmt.Sprintf("%d runs, %d bytes", runs, size), func(b *testing.B) {
			var d disk.Disk
			l := newLedger(b.TempDir(), quiet, &d)
			if err := l.open(); err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			record := pipeline.Record{Kind: "x", Data: make([]byte, size)}
			var leases []pipeline.Lease
			for i := range int64(runs) {
				leases = append(leases, claimOn(b, l, i+1).Lease)
			}
			syncs, syncing, begun := d.Syncs(), d.Syncing(), time.Now()
			b.ResetTimer()
			all(runs, func(i int) {
				for range b.N {
					if err := l.Append(b.Context(), leases[i], record); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			took, needed := time.Since(begun), d.Syncs()-syncs
			syncing = d.Syncing() - syncing
			plain := plainTime(b, runs, min(b.N, 20), record.Data) * time.Duration(b.N) / time.Duration(min(b.N, 20))
			b.ReportMetric(float64(needed)/float64(b.N*runs), "syncs/record")
			b.ReportMetric(float64(took)/float64(syncing), "x-its-syncs")
			b.ReportMetric(float64(took)/float64(plain), "x-plain")
		})
	}
}

func all(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

// plainTime is how long it takes to write and sync records in files of their own.
func plainTime(b *testing.B, runs, n int, data []byte) time.Duration {
	dir := b.TempDir()
	begun := time.Now()
	all(runs, func(i int) {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			b.Error(err)
			return
		}
		defer f.Close()
		for range n {
			if _, err := f.Write(data); err != nil {
				b.Error(err)
			}
			if err := f.Sync(); err != nil {
				b.Error(err)
			}
		}
	})
	return time.Since(begun)
}

func TestRecordsInARowRenewTheLeaseOnce(t *testing.T) {
	t.Parallel()
	l := openOn(t, t.TempDir(), &disk.Disk{})
	at, writes := time.Hour, 0
	l.lease = func() (time.Duration, string) { return at, "boot" }
	l.disk.Fault = func(op disk.Op, name string, _ int) (int, error) {
		if op == disk.Write && filepath.Base(filepath.Dir(name)) == "open" {
			writes++
		}
		return 0, nil
	}
	got, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "x", Lease: 16 * time.Minute, After: pipeline.AnyRun})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		after  time.Duration
		renew  bool
		writes int // in all
	}{
		{
			0, false, 1,
		}, {
			59 * time.Second, false, 1,
		}, {time.Second, false, 2}, {time.Second, false, 2}, {0, true, 3}, {20 * time.Minute, false, 4}, {-time.Hour, false, 5},
	} {
		at += step.after
		if step.renew {
			err = l.Renew(t.Context(), got.Lease)
		} else {
			err = l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "x", Data: []byte("y")})
		}
		if err != nil || writes != step.writes {
			t.Errorf("%d: the lease was written %d times, want %d; %v", i, writes, step.writes, err)
		}
	}
	at += 15 * time.Minute // after the last renewal
	if _, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour}); !errors.Is(err, pipeline.ErrBusy) {
		t.Errorf("a lease that was renewed 15 of 16 minutes ago: %v", err)
	}
}
