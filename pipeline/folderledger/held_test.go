package folderledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// opensOf counts how often files of runs are opened.
func opensOf(d *disk.Disk) *atomic.Int64 {
	var opens atomic.Int64
	d.Fault = func(op disk.Op, name string, size int) (int, error) {
		if op == disk.Open && strings.HasSuffix(name, runSuffix) {
			opens.Add(1)
		}
		return size, nil
	}
	return &opens
}

func TestTheFileOfARunStaysOpenWhileItsOwnerRecords(t *testing.T) {
	t.Parallel()
	var d disk.Disk
	opens := opensOf(&d)
	dir := t.TempDir()
	l, other := openOn(t, dir, &d), openOn(t, dir, &disk.Disk{})
	l.held.max = 3
	ctx, x := t.Context(), pipeline.Record{Kind: "x"}
	var leases []pipeline.Lease
	for i := range int64(5) {
		leases = append(leases, claimOn(t, l, i+1).Lease)
	}
	held := func(want int) {
		t.Helper()
		if n := l.held.oldest.Len(); n != want || len(l.held.byName) != want {
			t.Errorf("%d files are held by %d names, want %d", n, len(l.held.byName), want)
		}
	}
	held(3) // the latest
	record := func(lease pipeline.Lease, opened int64) {
		t.Helper()
		before := opens.Load()
		if err := l.Append(ctx, lease, x); err != nil || opens.Load()-before != opened {
			t.Errorf("recording opened %d files, want %d; %v", opens.Load()-before, opened, err)
		}
	}
	record(leases[4], 0)
	record(leases[4], 0)
	record(leases[0], 1)
	record(leases[0], 0)
	if err := other.Note(ctx, leases[0].Run, pipeline.Record{Kind: "verdict"}); err != nil {
		t.Fatal(err)
	}
	record(leases[0], 0)
	if run, err := other.Load(ctx, leases[0].Run); err != nil || kindsOf(run) != "x x verdict x" || run.Damaged {
		t.Errorf("%q, damaged %v, %v", kindsOf(run), run.Damaged, err)
	}
	for _, end := range []func(pipeline.Lease) error{
		func(lease pipeline.Lease) error { return l.End(ctx, lease, x) },
		func(lease pipeline.Lease) error { return l.Release(ctx, lease) },
		func(pipeline.Lease) error { return l.Erase(ctx, diskKey(1).Organization, 1) },
	} {
		if err := end(leases[0]); err != nil {
			t.Fatal(err)
		}
		if l.held.take(l.file(leases[0].Run)) != nil {
			t.Error("the file of a run that this process has done with is still open")
		}
		leases[0] = claimOn(t, l, 1).Lease
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	held(0)
}

// What is open may have lost its name: another process has erased the run, or has replaced
// the file.
func TestAnOpenFileThatLostItsNameIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, other := openOn(t, dir, &disk.Disk{}), openOn(t, dir, &disk.Disk{})
	erased, replaced := claimOn(t, l, 1).Lease, claimOn(t, l, 2).Lease
	if err := other.Erase(t.Context(), diskKey(1).Organization, 1); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(l.file(replaced.Run))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.file(replaced.Run)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.file(replaced.Run), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), erased, pipeline.Record{Kind: "lost"}); !errors.Is(err, pipeline.ErrFenced) ||
		!errors.Is(err, pipeline.ErrNoRun) {
		t.Errorf("recording in an erased run: %v", err)
	}
	if err := l.Append(t.Context(), replaced, pipeline.Record{Kind: "kept"}); err != nil {
		t.Error(err)
	}
	if run, err := other.Load(t.Context(), replaced.Run); err != nil || kindsOf(run) != "kept" {
		t.Errorf("the file in the place of the one that was open has %q, %v", kindsOf(run), err)
	}
}

func TestSpareFilesAreBoundedAndGoWithTheirProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openOn(t, dir, &disk.Disk{})
	all(2*maxSpareLeases, func(i int) {
		lease := claimOn(t, l, int64(i+1)).Lease
		if err := l.End(t.Context(), lease, pipeline.Record{Kind: "end"}); err != nil {
			t.Error(err)
		}
	})
	count := func() (n int) {
		t.Helper()
		for _, folder := range []string{"open", "spares"} {
			names, err := namesIn(filepath.Join(dir, folder))
			if err != nil {
				t.Fatal(err)
			}
			n += len(names)
		}
		return n
	}
	if n := count(); n == 0 || n > maxSpareLeases+maxSpareRuns {
		t.Errorf("%d spare files", n)
	}
	for info, err := range l.Find(t.Context(), pipeline.RunQuery{State: pipeline.RunAbandoned}) {
		t.Errorf("a spare file is taken for a run: %+v, %v", info, err)
	}
	dead := filepath.Join(dir, "spares", sparePrefix+"gone-1")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	openOn(t, dir, &disk.Disk{})
	if n := count(); n != 0 {
		t.Errorf("%d spare files are left of processes that are gone", n)
	}
}

// A spare lease is for a run that begins: one that goes on has a file, which others may read
// at any moment.
func TestRenewingALeaseUsesNoSpareFile(t *testing.T) {
	t.Parallel()
	l := openOn(t, t.TempDir(), &disk.Disk{})
	lease, ended := claimOn(t, l, 1).Lease, claimOn(t, l, 2).Lease
	if err := l.End(t.Context(), ended, pipeline.Record{Kind: "end"}); err != nil {
		t.Fatal(err)
	}
	name := l.path("open", string(lease.Run))
	before, err := os.Stat(name)
	if err != nil || len(l.spareLeases.names) != 1 {
		t.Fatalf("%d spare files after a run has ended, want 1; %v", len(l.spareLeases.names), err)
	}
	if err := l.Renew(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(name); err != nil || !os.SameFile(before, after) || len(l.spareLeases.names) != 1 {
		t.Errorf("the lease has another file (%v), and of one spare file %d are left", err, len(l.spareLeases.names))
	}
}

// Names of folders may have characters that mean something in patterns.
func TestJournalsAreFoundInAFolderOfAnyName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger [of] {one}")
	killed := openOn(t, dir, &disk.Disk{})
	lease := claimOn(t, killed, 1, pipeline.Record{Kind: "first", Data: []byte("the document's text")}).Lease
	if err := os.Truncate(killed.file(lease.Run), 0); err != nil { // as the machine may leave it
		t.Fatal(err)
	}
	if err := killed.alive.Close(); err != nil {
		t.Fatal(err)
	}
	l := openOn(t, dir, &disk.Disk{})
	if run, err := l.Load(t.Context(), lease.Run); err != nil || kindsOf(run) != "first" {
		t.Errorf("the run was not completed from the journal: %q, %v", kindsOf(run), err)
	}
	claimOn(t, l, 2, pipeline.Record{Kind: "first", Data: []byte("the other document's text")})
	if err := l.Erase(t.Context(), diskKey(2).Organization, 2); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, "the other document's text") {
		t.Error("the journal holds what was erased")
	}
}
