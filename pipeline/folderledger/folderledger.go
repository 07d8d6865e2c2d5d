// Package folderledger keeps runs in a folder: a [pipeline.Ledger] for the processes of one
// machine, which outlive their end and that of the machine. Several processes of one host may
// share a folder, in containers too; processes of two hosts may not, whatever the file system:
// package pgledger is for those.
//
// # On the disk
//
// Each run is a file of frames with checksums that only grows. A call returns when
// its frame is on the disk: all that are written at one time are made to last by
// one sync of a journal, which is put away after 30 seconds or 16 MB; large records
// are synced in the run's own file. After the machine stopped, the next process
// completes the files from the journals. A frame that was not whole when a process
// was killed is cut off by the next writer. Damage between whole frames (a bad disk)
// is never cut: RunInfo.Damaged reports it.
//
// Folders are 0700 and files 0600. Erase also overwrites what journals hold. A full,
// read-only or broken disk makes calls fail; they work again when the disk does.
//
// # Leases
//
// A process holds a lock on a file as long as it lives, and the system gives it back
// however the process ends: runs of a process that is gone can be taken over at
// once. A process that hangs is judged by its leases' ends, on a clock that nobody
// can set (Linux: time since boot, with the boot's id). On other systems that is the
// machine's clock: set forward, it ends the leases of processes that live, which
// are fenced then, so that nothing is recorded by two; set back, it makes the lease
// of one that hangs last longer. Times of records and the age for Expire are those
// of the machine's clock everywhere.
package folderledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/groupcommit"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Options are the options of [Open]; the zero value works.
type Options struct {
	// Logger gets a line when something was cut off or recovered; nil means
	// slog.Default.
	Logger *slog.Logger
}

// Open returns the ledger in a folder, which is made if it is missing.
func Open(dir string, o Options) (pipeline.Ledger, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger in a folder: %w", err)
	}
	l := newLedger(dir, o, &disk.Disk{})
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("ledger in the folder %s: %w", dir, err)
	}
	return l, nil
}

const (
	// folderForm is the content of the file FORM; a folder with another one is not
	// touched.
	folderForm      = "exportpipeline ledger, form 1\n"
	recoverPatience = time.Minute
	// direct is from how many bytes a record is synced in its own file instead of
	// being written twice.
	direct = 128 << 10
)

type ledger struct {
	dir   string
	log   *slog.Logger
	disk  *disk.Disk
	now   func() time.Time
	lease func() (time.Duration, string)

	instance string   // names this process's lock and journals
	alive    *os.File // locked while this ledger is open
	journal  *groupcommit.Journal
	shards   keyedMutex
	running  keyedMutex // by run
	held     *heldFiles

	spareLeases, spareRuns spares
	spareCount             atomic.Int64

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
	known  map[pipeline.RunID]*runState // of runs whose files end with what this process wrote
	ended  []pipeline.RunID             // of known, oldest first
}

func newLedger(dir string, o Options, d *disk.Disk) *ledger {
	l := &ledger{dir: dir, log: o.Logger, disk: d, now: time.Now, lease: hostlock.Now,
		instance: strings.ToLower(rand.Text()), known: make(map[pipeline.RunID]*runState), held: newHeldFiles()}
	if l.log == nil {
		l.log = slog.Default()
	}
	return l
}

func (l *ledger) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// open makes the folders, recovers what processes that are gone left behind, and
// becomes one of the living.
func (l *ledger) open() error {
	for _, name := range []string{"", "erasing", "instances", "journals", "locks", "open", "runs", "spares"} {
		if err := l.disk.Folder(l.path(name)); err != nil {
			return err
		}
	}
	lock, err := l.disk.Open(l.path("locks", "recover"), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	defer lock.Close()
	ctx, cancel := context.WithTimeout(context.Background(), recoverPatience)
	defer cancel()
	if err := hostlock.Lock(ctx, lock.File, true); err != nil {
		return fmt.Errorf("another process opens it or recovers what was left, and has not come to an end within %v: %w", recoverPatience, err)
	}
	if err := l.checkForm(); err != nil {
		return err
	}
	if err := l.recoverDead(); err != nil {
		return err
	}
	if err := l.noticeBoot(); err != nil {
		return err
	}
	alive, err := l.disk.Open(l.path("instances", l.instance), os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err != nil {
		return err
	}
	if locked, err := hostlock.Try(alive.File, true); err != nil || !locked {
		return errors.Join(err, alive.Close())
	}
	l.alive = alive.File
	l.journal = groupcommit.New(l.disk, l.dir, l.path("journals"), l.instance, intact)
	return nil
}

// checkForm refuses a folder of another form, and marks a new one.
func (l *ledger) checkForm() error {
	name := l.path("FORM")
	form, err := os.ReadFile(name)
	if err == nil && len(form) > 0 {
		if string(form) != folderForm {
			return fmt.Errorf("%w: %s says %q", pipeline.ErrNewerFormat, name, strings.TrimSpace(string(form)))
		}
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for i := range 256 {
		if err := os.MkdirAll(l.path("runs", fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return err
		}
	}
	if err := l.disk.SyncDir(l.path("runs")); err != nil {
		return err
	}
	f, err := l.disk.Open(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(folderForm), 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return l.disk.SyncDir(l.dir)
}

// recoverDead completes what processes that are gone had put into journals only.
// The caller holds the lock "recover".
func (l *ledger) recoverDead() error {
	if err := l.finishErasing(); err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, folder := range []string{"instances", "journals", "open", "spares"} { // a lock's name need not have outlived the machine
		list, err := namesIn(l.path(folder))
		if err != nil {
			return err
		}
		for _, name := range list {
			name, isSpare := strings.CutPrefix(name, sparePrefix)
			if instance, _, _ := strings.Cut(name, "-"); isSpare || folder == "instances" || folder == "journals" {
				names[instance] = true
			}
		}
	}
	for name := range names {
		if err := l.recoverInstance(name); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) recoverInstance(name string) error {
	file, err := l.disk.Open(l.path("instances", name), os.O_RDWR)
	if err == nil {
		defer file.Close()
		// Shared: whoever asks meanwhile whether the process lives must hear that it
		// doesn't.
		if gone, err := hostlock.Try(file.File, false); err != nil || !gone {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	written, err := groupcommit.Recover(l.disk, l.dir, l.path("journals"), name, intact, l.isErasing)
	if err != nil {
		return err
	}
	if written > 0 {
		l.log.Warn("ledger: the machine had stopped; runs were completed from a journal", "folder", l.dir, "bytes", written)
	}
	if err := l.removeSpares(name); err != nil {
		return err
	}
	if file == nil {
		return nil
	}
	_ = file.Close() // Windows doesn't remove what is open
	return l.disk.Remove(file.Name())
}

// intact reports whether a run's file has a whole frame at an offset.
func intact(file *os.File, name string, offset int64) bool {
	info, err := file.Stat()
	if err != nil {
		return false
	}
	scanner := runfile.Scanner{Name: strings.TrimSuffix(path.Base(name), runSuffix), Kind: runFileKind}
	return scanner.WholeAt(file, max(offset, runfile.MagicSize), info.Size())
}

// noticeBoot looks through all runs once after the machine has stopped, since the
// list of unended runs need not have outlived that.
func (l *ledger) noticeBoot() error {
	_, epoch := l.lease()
	name := l.path("locks", "boot")
	if known, err := os.ReadFile(name); err == nil && string(known) == epoch && epoch != hostlock.WallEpoch {
		return nil
	}
	whole := true
	for id, err := range l.names() {
		if err != nil {
			l.log.Warn("ledger: unended runs cannot be looked for; the next start does it", "folder", l.dir, "error", err)
			whole = false
			continue
		}
		s, err := l.read(id)
		if err != nil || s.ended() || s.unborn() {
			continue // who asks for it gets the error
		}
		f, err := l.disk.Open(l.path("open", string(id)), os.O_CREATE|os.O_RDWR)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if !whole {
		return nil
	}
	f, err := l.disk.Open(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(epoch), 0)
	return errors.Join(err, f.Close())
}

// do runs one call of the ledger, which may use records, and gives f what it may use
// instead. If ctx ends, the caller goes its way with its records, and the call comes
// to its own end; only where records are too large to be copied it is waited for.
func (l *ledger) do(ctx context.Context, records []pipeline.Record, f func([]pipeline.Record) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return pipeline.ErrLedgerClosed
	}
	l.calls.Add(1)
	l.mu.Unlock()
	size := 0
	for _, r := range records {
		size += len(r.Data)
	}
	if size >= direct {
		defer l.calls.Done()
		return f(records)
	}
	records = slices.Clone(records)
	for i := range records {
		records[i].Data = bytes.Clone(records[i].Data)
	}
	done := make(chan error, 1)
	go func() {
		defer l.calls.Done()
		done <- f(records)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done:
			return err
		default:
			return fmt.Errorf("ledger in the folder %s: whether this was recorded is not known yet: %w", l.dir, ctx.Err())
		}
	}
}

func (l *ledger) Durable() bool { return true }

func (l *ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	l.calls.Wait()
	l.held.closeAll()
	if err := l.journal.Close(); err != nil {
		// The journals stay for the next process.
		return errors.Join(fmt.Errorf("ledger in the folder %s: %w", l.dir, err), l.alive.Close())
	}
	return errors.Join(l.removeSpares(l.instance), l.alive.Close(), l.disk.Remove(l.alive.Name()))
}

// keyedMutex are mutexes by name.
type keyedMutex struct {
	mu sync.Mutex
	m  map[string]*countedMutex
}

type countedMutex struct {
	held chan struct{}
	n    int
}

// lock locks one; ctx ends the wait.
func (k *keyedMutex) lock(ctx context.Context, name string) (unlock func(), err error) {
	k.mu.Lock()
	if k.m == nil {
		k.m = make(map[string]*countedMutex)
	}
	one := k.m[name]
	if one == nil {
		one = &countedMutex{held: make(chan struct{}, 1)}
		k.m[name] = one
	}
	one.n++
	k.mu.Unlock()
	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if one.n--; one.n == 0 {
			delete(k.m, name)
		}
	}
	select {
	case one.held <- struct{}{}:
		return func() { <-one.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
