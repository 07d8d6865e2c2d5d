package folderledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

var quiet = Options{Logger: slog.New(slog.DiscardHandler)}

func openOn(t testing.TB, dir string, d *disk.Disk) *ledger {
	t.Helper()
	l := newLedger(dir, quiet, d)
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func diskKey(annotation int64) pipeline.RunKey {
	return pipeline.RunKey{Organization: "https://disk.rossum.example", Hook: "7", Annotation: annotation, Event: "annotation_content.export"}
}

func kindsOf(run pipeline.Run) string {
	var list []string
	for _, r := range run.Records {
		list = append(list, string(r.Kind))
	}
	return strings.Join(list, " ")
}

// forgetful is a disk that remembers what would be left if the machine stopped now:
// of a file what it held when it was last synced, and of a folder the names it had.
type forgetful struct {
	disk.Disk
	mu      sync.Mutex
	content map[string][]byte
	names   map[string][]string
}

func newForgetful() *forgetful {
	f := &forgetful{content: make(map[string][]byte), names: make(map[string][]string)}
	f.Fault = func(op disk.Op, path string, size int) (int, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch op {
		case disk.Sync:
			if b, err := os.ReadFile(path); err == nil {
				f.content[path] = b
			}
		case disk.SyncDir:
			f.names[path] = nil
			entries, _ := os.ReadDir(path)
			for _, e := range entries {
				f.names[path] = append(f.names[path], e.Name())
			}
		}
		return size, nil
	}
	return f
}

// stop makes in to what the machine may find of dir when it runs again: what was
// synced, and of the rest whatever chance has written.
func (f *forgetful) stop(t *testing.T, dir, to string, random *rand.Rand) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, folder := range append([]string{""}, "erasing", "instances", "journals", "locks", "open", "runs", "spares") {
		if err := os.MkdirAll(filepath.Join(to, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(to, "runs", fmt.Sprintf("%02x", i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		names := slices.Clone(f.names[path])
		now, _ := os.ReadDir(path)
		for _, e := range now {
			if !e.IsDir() && !slices.Contains(names, e.Name()) && random.IntN(2) == 0 {
				names = append(names, e.Name()) // a name that was not synced
			}
		}
		for _, name := range names {
			file := filepath.Join(path, name)
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				continue
			}
			synced, known := f.content[file]
			if current, err := os.ReadFile(file); err == nil && len(current) >= len(synced) {
				// Some of what was written since is there, or its length only.
				more := bytes.Clone(current[len(synced):])
				switch random.IntN(4) {
				case 0:
					more = nil
				case 1:
					clear(more)
				case 2:
					clear(more[random.IntN(len(more)+1):])
				}
				synced = append(bytes.Clone(synced), more[:random.IntN(len(more)+1)]...)
			} else if !known {
				continue
			}
			relative, _ := filepath.Rel(dir, file)
			if err := os.WriteFile(filepath.Join(to, relative), synced, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wroteRun is what one worker knows of a run.
type wroteRun struct {
	id     pipeline.RunID
	acked  []string
	ended  bool
	erased bool
}

func TestWhatWasAcknowledgedOutlivesTheMachine(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			outliveMachine(t, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func outliveMachine(t *testing.T, random *rand.Rand) {
	dir, d := t.TempDir(), newForgetful()
	ledgers := []*ledger{openOn(t, dir, &d.Disk), openOn(t, dir, &d.Disk)}
	var mu sync.Mutex
	var runs []*wroteRun
	var steps atomic.Int64
	halt := int64(20 + random.IntN(200))
	ack := func(r *wroteRun, change func()) {
		mu.Lock()
		defer mu.Unlock()
		if change(); steps.Add(1) > halt {
			return
		}
	}
	var group sync.WaitGroup
	for worker := range int64(6) {
		chance := rand.New(rand.NewPCG(random.Uint64(), 1))
		group.Go(func() {
			for n := 0; steps.Load() < halt; n++ {
				worker := 1 + worker*1000 + int64(chance.IntN(3))
				if err := passedOn(t.Context(), ledgers, diskKey(worker), fmt.Sprintf("%d-%d", worker, n), chance, func(r *wroteRun, change func()) {
					ack(r, func() {
						if change(); !slices.Contains(runs, r) {
							runs = append(runs, r)
						}
					})
				}, func() bool { return steps.Load() < halt }, func(annotation int64) {
					mu.Lock()
					defer mu.Unlock()
					for _, r := range runs {
						if strings.HasPrefix(string(r.id), annotationPrefix(diskKey(annotation).Organization, annotation)) {
							r.erased = true
						}
					}
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for steps.Load() < halt/2 {
		time.Sleep(time.Millisecond)
	}
	// The machine stops while they work: what is acknowledged by now must be there.
	mu.Lock()
	var known []wroteRun
	for _, r := range runs {
		known = append(known, wroteRun{r.id, slices.Clone(r.acked), r.ended, r.erased})
	}
	mu.Unlock()
	after := t.TempDir()
	d.stop(t, dir, after, random)
	group.Wait()
	reopened := openOn(t, after, &disk.Disk{})
	unended := make(map[pipeline.RunKey]int)
	for info, err := range reopened.Find(t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			t.Error(err)
		}
		if info.State != pipeline.RunEnded {
			unended[info.Key]++
		}
	}
	for key, n := range unended {
		if n > 1 {
			t.Errorf("%d runs of %v are unended", n, key)
		}
	}
	for _, r := range known {
		run, err := reopened.Load(t.Context(), r.id)
		if r.erased {
			if !errors.Is(err, pipeline.ErrNoRun) {
				t.Errorf("an erased run came back: %v", err)
			}
			continue
		}
		if errors.Is(err, pipeline.ErrNoRun) && laterErased(runs, r.id) {
			continue
		}
		if err != nil || run.Damaged || !strings.HasPrefix(
			kindsOf(run)+" ", strings.Join(r.acked, " ")+" ",
		) || r.ended && run.State != pipeline.RunEnded {
			t.Errorf("run %s: %v, damaged %v, %v; has %q, acknowledged %q", r.id, err, run.Damaged, run.State, kindsOf(run), r.acked)
		}
		if run.State == pipeline.RunAbandoned {
			if got, err := reopened.Claim(t.Context(), run.Key, pipeline.ClaimOptions{
				Owner: "after", Lease: time.Hour,
			}); err != nil || got.Run.ID != run.ID || !got.TakenOver {
				t.Errorf("taking over after the machine stopped: %+v, %v", got, err)
			}
		}
	}
}

func laterErased(runs []*wroteRun, id pipeline.RunID) bool {
	return slices.ContainsFunc(runs, func(r *wroteRun) bool { return r.id == id && r.erased })
}

// passedOn has a run done by ledgers that hand it to each other.
func passedOn(ctx context.Context, ledgers []*ledger, key pipeline.RunKey, name string, chance *rand.Rand, ack func(*wroteRun, func()), on func() bool, erased func(int64)) error {
	l := ledgers[chance.IntN(2)]
	data := func() []byte { return bytes.Repeat([]byte("secret "+name+" "), 1+chance.IntN(300)) }
	record := func(i int) pipeline.Record {
		d := data()
		if chance.IntN(12) == 0 {
			d = bytes.Repeat(d, direct/len(d)+1)
		}
		return pipeline.Record{Kind: pipeline.RecordKind(fmt.Sprintf("%s.%d", name, i)), Data: d}
	}
	first := record(0)
	got, err := l.Claim(ctx, key, pipeline.ClaimOptions{
		Owner: name, Lease: time.Hour, After: pipeline.AnyRun, First: []pipeline.Record{first},
	})
	if err != nil {
		return err
	}
	r := &wroteRun{id: got.Run.ID}
	ack(r, func() { r.acked = append(r.acked, string(first.Kind)) })
	for i := 1; i < 2+chance.IntN(8) && on(); i++ {
		next := record(i)
		switch chance.IntN(6) {
		case 0:
			err = ledgers[chance.IntN(2)].Note(ctx, r.id, next)
		case 1:
			if err = l.Release(ctx, got.Lease); err != nil {
				return err
			}
			l = ledgers[chance.IntN(2)]
			got, err = l.Claim(ctx, key, pipeline.ClaimOptions{Owner: name, Lease: time.Hour, First: []pipeline.Record{next}})
		default:
			err = l.Append(ctx, got.Lease, next)
		}
		if err != nil {
			return err
		}
		ack(r, func() { r.acked = append(r.acked, string(next.Kind)) })
	}
	final := record(99)
	if err := l.End(ctx, got.Lease, final); err != nil {
		return err
	}
	ack(r, func() { r.acked, r.ended = append(r.acked, string(final.Kind)), true })
	if chance.IntN(5) == 0 {
		if err := ledgers[chance.IntN(2)].Erase(ctx, key.Organization, key.Annotation); err != nil {
			return err
		}
		erased(key.Annotation)
	}
	return nil
}

func TestErasedBytesAreNowhereOnTheDisk(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newForgetful()
	one, two := openOn(t, dir, &d.Disk), openOn(t, dir, &d.Disk)
	for i, l := range []*ledger{one, two} {
		got, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{
			Owner: "x", Lease: time.Hour, After: pipeline.AnyRun, First: []pipeline.Record{{Kind: "a", Data: []byte("the document's text")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "b", Data: []byte("the document's text")}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := l.End(t.Context(), got.Lease, pipeline.Record{Kind: "end"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept, err := one.Claim(t.Context(), diskKey(2), pipeline.ClaimOptions{
		Owner: "x", Lease: time.Hour, First: []pipeline.Record{{Kind: "a", Data: []byte("of another")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !holds(t, dir, "the document's text") {
		t.Fatal("the text is nowhere before it is erased: this test can't fail")
	}
	if err := one.Erase(t.Context(), diskKey(1).Organization, 1); err != nil {
		t.Fatal(err)
	}
	after := t.TempDir()
	d.stop(t, dir, after, rand.New(rand.NewPCG(1, 1)))
	for _, folder := range []string{dir, after} {
		if holds(t, folder, "the document's text") {
			t.Error("erased text is on the disk")
		}
	}
	if run, err := openOn(t, after, &disk.Disk{}).Load(
		t.Context(), kept.Run.ID,
	); err != nil || len(run.Records) != 1 || string(run.Records[0].Data) != "of another" {
		t.Errorf("the other annotation's run: %+v, %v", run, err)
	}
}

func holds(t *testing.T, dir, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestABrokenDiskAcknowledgesNothingAndIsForgiven(t *testing.T) {
	t.Parallel()
	small, large := []byte("small"), make([]byte, 2*direct)
	for _, test := range []struct {
		name string
		op   disk.Op
		path string // part of it
		err  error
		open bool // what is open already works
	}{
		{name: "full, in the run's file", op: disk.Write, path: ".run", err: syscall.ENOSPC},
		{name: "full, in the journal", op: disk.Write, path: ".journal", err: syscall.ENOSPC},
		{name: "full, everywhere", op: disk.Write, err: syscall.ENOSPC},
		{name: "sync of the journal fails", op: disk.Sync, path: ".journal", err: syscall.EIO},
		{name: "sync of anything fails", op: disk.Sync, err: syscall.EIO},
		{name: "sync of folders fails", op: disk.SyncDir, err: syscall.EIO},
		{name: "read-only", op: disk.Open, err: syscall.EROFS},
		{name: "no descriptors", op: disk.Open, err: syscall.EMFILE, open: runtime.GOOS != "windows"},
		{name: "nothing can be cut off", op: disk.Truncate, err: syscall.EIO},
	} {
		for _, data := range [][]byte{small, large} {
			t.Run(fmt.Sprintf("%s, %d bytes", test.name, len(data)), func(t *testing.T) {
				t.Parallel()
				dir, d := t.TempDir(), newForgetful()
				remember := d.Fault
				var broken atomic.Bool
				d.Fault = func(op disk.Op, path string, size int) (int, error) {
					fails := op == test.op
					if test.op == disk.Truncate || errors.Is(test.err, syscall.EROFS) {
						fails = fails || op == disk.Write // which is then to be cut
					}
					if broken.Load() && fails && strings.Contains(path, test.path) {
						return size / 2, test.err
					}
					return remember(op, path, size)
				}
				l := openOn(t, dir, &d.Disk)
				ctx := t.Context()
				got, err := l.Claim(ctx, diskKey(1), pipeline.ClaimOptions{Owner: "x", Lease: time.Hour, First: []pipeline.Record{{Kind: "first"}}})
				if err != nil {
					t.Fatal(err)
				}
				broken.Store(true)
				failed := 0
				for i := range 3 {
					if err := l.Append(ctx, got.Lease, pipeline.Record{Kind: pipeline.RecordKind(fmt.Sprintf("lost%d", i)), Data: data}); err != nil {
						failed++
						if !errors.Is(err, test.err) || !strings.Contains(err.Error(), dir) {
							t.Errorf("the error does not say what and where: %v", err)
						}
					}
				}
				if _, err := l.Claim(ctx, diskKey(2), pipeline.ClaimOptions{Owner: "x", Lease: time.Hour}); test.op != disk.SyncDir && err == nil {
					t.Error("a claim that can't be kept was granted")
				}
				if err := l.Note(ctx, got.Run.ID, pipeline.Record{Kind: "lost-note", Data: data}); err != nil {
					failed++
				}
				if want := 4; test.op != disk.SyncDir && test.path != ".journal" {
					if test.open {
						want = 0
					}
					if failed != want {
						t.Errorf("%d of 4 calls failed, want %d", failed, want)
					}
				}
				broken.Store(false)
				if err := l.Append(ctx, got.Lease, pipeline.Record{Kind: "after", Data: data}); err != nil {
					t.Fatalf("the disk works again, the ledger does not: %v", err)
				}
				if _, err := l.Claim(ctx, diskKey(2), pipeline.ClaimOptions{
					Owner: "x", Lease: time.Hour,
				}); err != nil && !errors.Is(err, pipeline.ErrBusy) {
					t.Errorf("the disk works again, claims don't: %v", err)
				}
				after := t.TempDir()
				d.stop(t, dir, after, rand.New(rand.NewPCG(3, 3)))
				for _, on := range []*ledger{l, openOn(t, after, &disk.Disk{})} {
					run, err := on.Load(ctx, got.Run.ID)
					has := strings.Fields(kindsOf(run))
					if err != nil || run.Damaged || len(has) < 2 || has[0] != "first" || has[len(has)-1] != "after" || failed == 4 && len(has) > 2 {
						t.Errorf("%d of 4 calls failed, and the run has %q, damaged %v, %v", failed, has, run.Damaged, err)
					}
				}
			})
		}
	}
}

func TestASlowDiskDoesNotHoldItsCaller(t *testing.T) {
	t.Parallel()
	var d disk.Disk
	gate := make(chan struct{})
	var slow atomic.Bool
	d.Fault = func(op disk.Op, _ string, size int) (int, error) {
		if op == disk.Sync && slow.Load() {
			<-gate
		}
		return size, nil
	}
	l := openOn(t, t.TempDir(), &d)
	got, err := l.Claim(t.Context(), diskKey(1), pipeline.ClaimOptions{Owner: "x", Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	data := []byte("as it was")
	if err := l.Append(ctx, got.Lease, pipeline.Record{Kind: "slow", Data: data}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	copy(data, "changed!!") // it is the caller's again
	other, cancelOther := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancelOther()
	if _, err := l.Claim(other, diskKey(2), pipeline.ClaimOptions{Owner: "x", Lease: time.Hour}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	slow.Store(false)
	close(gate)
	if err := l.Append(t.Context(), got.Lease, pipeline.Record{Kind: "next"}); err != nil {
		t.Fatal(err)
	}
	if run, err := l.Load(t.Context(), got.Run.ID); err != nil || kindsOf(run) != "slow next" || string(run.Records[0].Data) != "as it was" {
		t.Errorf("got %q, %v", kindsOf(run), err)
	}
	claimed, err := l.Claim(t.Context(), diskKey(2), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour})
	for errors.Is(err, pipeline.ErrBusy) { // until the claim that nobody waited for is given up
		claimed, err = l.Claim(t.Context(), diskKey(2), pipeline.ClaimOptions{Owner: "y", Lease: time.Hour})
	}
	if err != nil || claimed.Run.Owner != "y" {
		t.Errorf("a claim whose caller had gone holds the run: %+v, %v", claimed, err)
	}
}
