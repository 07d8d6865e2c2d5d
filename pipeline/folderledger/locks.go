package folderledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Locks are held for microseconds, never while the disk is waited for. Whoever holds
// one for longer has been stopped (SIGSTOP, a frozen container), perhaps for ever,
// and must not stop others: the locked file is replaced, so that its holder locks
// nothing any more, and finds out before it acknowledges anything.
const (
	breakAfter   = time.Second
	lockPatience = 10 * time.Second // where replacing doesn't work: Windows
)

// errLockBroken means that another process has replaced the locked file.
var errLockBroken = errors.New("another process has taken this one for stopped; do it again")

// shardLock keeps other claims, erasures and expiries of a shard away.
type shardLock struct {
	file   *disk.File
	leave  func(*disk.File)
	latest *disk.File // a run's file that is locked as long as this
	broken bool       // known when it is unlocked: others took the lock meanwhile
}

// lockShard locks a shard against this process and others. ctx ends the wait.
func (l *ledger) lockShard(ctx context.Context, shard string) (*shardLock, error) {
	unlock, err := l.shards.lock(ctx, shard)
	if err != nil {
		return nil, err
	}
	name := l.path("locks", shard)
	open := func() (*disk.File, error) {
		f, err := l.disk.Open(name, os.O_CREATE|os.O_RDWR)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if err := l.disk.Folder(l.path("locks")); err != nil { // somebody has removed it
			return nil, err
		}
		return l.disk.Open(name, os.O_CREATE|os.O_RDWR)
	}
	f, err := l.lockFile(ctx, name, open, func(old *disk.File) error {
		return l.renewFile(name, func(next *disk.File) error {
			last := make([]byte, 8)
			n, _ := old.ReadAt(last, 0)
			_, err := next.WriteAt(last[:n], 0)
			return err
		})
	})
	if err != nil {
		unlock()
		return nil, err
	}
	return &shardLock{file: f.File, leave: func(f *disk.File) {
		_ = f.Close() // one for each shard would be many to keep
		unlock()
	}}, nil
}

// generation returns the next generation of the shard, at least the wanted one. The
// latest is kept in the lock's file, so that it is not given again to a run of a key
// whose runs were erased, whatever the clock says. It need not be synced: when the
// machine runs again, it is later.
func (s *shardLock) generation(wanted int64) (int64, error) {
	last := make([]byte, 8)
	if n, _ := s.file.ReadAt(last, 0); n == len(last) {
		if next := int64(binary.LittleEndian.Uint64(last)) + 1; next > wanted && next-wanted < int64(24*time.Hour/time.Microsecond)*366 {
			wanted = next
		}
	}
	binary.LittleEndian.PutUint64(last, uint64(wanted))
	_, err := s.file.WriteAt(last, 0)
	return wanted, err
}

// unlock may be called again.
func (s *shardLock) unlock() {
	if s.file != nil {
		now, err := s.file.Named()
		s.broken = now == nil || err != nil
		s.leave(s.file)
		s.file = nil
		if s.latest != nil {
			_ = hostlock.Unlock(s.latest.File)
		}
	}
}

// lockedFile is a file that is locked, and what it was like then.
type lockedFile struct {
	*disk.File
	size int64
}

// giveBack unlocks a file that is in order, and keeps it open for the next call.
func (l *ledger) giveBack(f *disk.File) {
	if hostlock.Unlock(f.File) != nil {
		_ = f.Close()
		return
	}
	l.held.give(f)
}

// openLocked opens a run's file, locked against other writers, if it is (still)
// there; else the error wraps fs.ErrNotExist.
func (l *ledger) openLocked(ctx context.Context, id pipeline.RunID) (*lockedFile, error) {
	name := l.file(id)
	return l.lockFile(ctx, name, func() (*disk.File, error) { return l.disk.Open(name, os.O_RDWR) },
		func(old *disk.File) error { return l.replaceRun(id, old) })
}

// lockFile locks a file, which it opens unless it is held; replace is called if its lock is
// held too long.
func (l *ledger) lockFile(ctx context.Context, name string, open func() (*disk.File, error), replace func(*disk.File) error) (*lockedFile, error) {
	for begun := time.Now(); ; {
		f, err := l.held.take(name), error(nil)
		if f == nil {
			f, err = open()
		}
		if err != nil {
			return nil, err
		}
		err = lockWithin(ctx, f, breakAfter)
		if err == nil {
			now, err := f.Named()
			if now != nil {
				return &lockedFile{f, now.Size()}, nil
			}
			_ = f.Close() // replaced or removed while we waited
			if err != nil {
				return nil, err
			}
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			if err = l.breakLock(f, replace); err != nil && time.Since(begun) > lockPatience {
				return nil, errors.Join(fmt.Errorf("%s is locked by a process that does not go on: %w", name, err), f.Close())
			}
			_ = f.Close()
			continue
		}
		return nil, errors.Join(err, f.Close())
	}
}

func lockWithin(ctx context.Context, f *disk.File, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return hostlock.Lock(ctx, f.File, true)
}

// breakLock replaces a file whose lock is held too long. One process does so at a
// time, for a file that nobody has replaced.
func (l *ledger) breakLock(f *disk.File, replace func(*disk.File) error) error {
	lock, err := l.disk.Open(l.path("locks", "break"), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockWithin(context.Background(), lock, breakAfter); err != nil {
		return err
	}
	if now, err := f.Named(); err != nil || now == nil {
		return err
	}
	if free, err := hostlock.Try(f.File, true); err != nil || free {
		return err
	}
	l.log.Warn("ledger: taking a file from a process that holds its lock and does not go on", "file", f.Name())
	return replace(f)
}

// renewFile gives a name to a new file that fill has filled.
func (l *ledger) renewFile(name string, fill func(*disk.File) error) error {
	next, err := l.disk.Open(name+".next", os.O_CREATE|os.O_TRUNC|os.O_RDWR)
	if err != nil {
		return err
	}
	defer next.Close()
	err = fill(next)
	if err == nil {
		err = os.Rename(next.Name(), name)
	}
	if err != nil {
		return errors.Join(err, l.disk.Remove(next.Name()))
	}
	return nil
}

// replaceRun puts a synced copy of a run's file in its place.
func (l *ledger) replaceRun(id pipeline.RunID, old *disk.File) error {
	s := &runState{RunInfo: pipeline.RunInfo{ID: id}}
	var copied int64
	// more copies the whole frames that have come to the old file.
	more := func(next *disk.File) error {
		if err := s.scan(old.File, nil); err != nil {
			return err
		}
		piece := make([]byte, min(s.end-copied, 1<<20))
		for copied < s.end {
			n, err := old.ReadAt(piece[:min(int64(len(piece)), s.end-copied)], copied)
			if err != nil {
				return err
			}
			if _, err := next.WriteAt(piece[:n], copied); err != nil {
				return err
			}
			copied += int64(n)
		}
		return next.Sync()
	}
	var locked *disk.File
	err := l.renewFile(l.file(id), func(next *disk.File) (err error) {
		if err := more(next); err != nil {
			return err
		}
		// The name is the new file's before it can be written to by others.
		if locked, err = l.disk.Open(next.Name(), os.O_RDWR); err != nil {
			return err
		}
		return lockWithin(context.Background(), locked, breakAfter)
	})
	if locked != nil {
		defer locked.Close()
	}
	if err != nil {
		return err
	}
	// What the holder acknowledged before the name changed is in the old file now.
	// What it writes from now on it won't acknowledge: it looks at the name first.
	if err := more(locked); err != nil {
		return err
	}
	return l.disk.SyncDir(l.path("runs", shard(id)))
}
