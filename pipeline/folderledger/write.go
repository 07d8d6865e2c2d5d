package folderledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/groupcommit"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// frame makes the next frame of a run, in pieces, and counts it as written.
func (l *ledger) frame(s *runState, typ byte, m frameMeta) ([][]byte, error) {
	m.time = storeTime(l.now())
	if m.time.Before(s.last) {
		m.time = s.last
	}
	m.first = s.seq + 1
	var data [][]byte
	for _, r := range m.records {
		if len(r.Data) > 0 {
			data = append(data, r.Data)
		}
	}
	at := max(s.end, runfile.MagicSize)
	meta := m.encode(typ)
	header, err := runfile.Header(string(s.ID), at, typ, frameForm, meta, data...)
	if err != nil {
		return nil, err
	}
	if s.end == 0 {
		header = append(runfile.Magic(runFileKind), header...)
	}
	size := int64(len(header))
	for _, d := range data {
		size += int64(len(d))
	}
	s.add(typ, m, s.end+size)
	return append([][]byte{header}, data...), nil
}

// put writes pieces to a file at an offset.
func put(f *disk.File, at int64, pieces [][]byte) error {
	total := 0
	for _, p := range pieces {
		total += len(p)
	}
	if total < direct {
		_, err := f.WriteAt(slices.Concat(pieces...), at)
		return err
	}
	for _, p := range pieces {
		if _, err := f.WriteAt(p, at); err != nil {
			return err
		}
		at += int64(len(p))
	}
	return nil
}

// write is one writing call on a run that is there: check looks at the run as it is
// and gives the frame, or type 0 for none; it is on the disk when write returns nil.
// The caller holds the run's mutex. The error wraps fs.ErrNotExist if the run is not
// there.
func (l *ledger) write(ctx context.Context, id pipeline.RunID, check func(*runState) (byte, frameMeta, error)) error {
	for {
		f, err := l.openLocked(ctx, id)
		if err != nil {
			return err
		}
		s, own, err := l.current(f, id)
		var typ byte
		var m frameMeta
		if err == nil {
			typ, m, err = check(s)
		}
		if err == nil && typ != 0 {
			err = l.commit(f.File, s, own, typ, m, func() {})
		}
		switch {
		case err != nil || !s.isOwn(l.instance):
			_ = f.Close()
		case typ == 0:
			l.giveBack(f.File)
		default:
			l.held.give(f.File) // commit has unlocked it
		}
		if !errors.Is(err, errLockBroken) {
			return err
		}
	}
}

// current returns a copy of the run's state. own reports that everything in the
// file is on the disk or in this process's journal.
func (l *ledger) current(f *lockedFile, id pipeline.RunID) (s *runState, own bool, err error) {
	l.mu.Lock()
	known := l.known[id]
	l.mu.Unlock()
	s = &runState{RunInfo: pipeline.RunInfo{ID: id}}
	if known != nil && known.end <= f.size {
		*s = *known
		if f.size == s.end {
			s.tail = 0
			return s, true, nil
		}
	}
	from := s.end
	if err := s.scan(f.File.File, nil); err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return s, known != nil && s.end == from, nil
}

// commit writes the next frame of a locked file, calls written, and makes the frame
// last. own says that the file may be journaled, see current.
func (l *ledger) commit(f *disk.File, s *runState, own bool, typ byte, m frameMeta, written func()) error {
	if s.tail > 0 {
		l.log.Warn("ledger: cutting off a frame that was not written whole", "file", f.Name(), "offset", s.end, "bytes", s.tail)
		if err := f.Truncate(s.end); err != nil {
			return err
		}
	}
	before := *s
	pieces, err := l.frame(s, typ, m)
	if err != nil {
		return err
	}
	if err := put(f, before.end, pieces); err != nil {
		l.forget(s.ID)
		if before.end == 0 {
			return errors.Join(err, l.disk.Remove(f.Name()))
		}
		return errors.Join(err, f.Truncate(before.end))
	}
	written()
	_ = hostlock.Unlock(f.File)
	if own && s.end-before.end < direct {
		err = l.journal.Commit(groupcommit.Entry{File: fileName(s.ID), Offset: before.end, Data: pieces})
	} else if err = f.Sync(); err == nil {
		err = l.disk.SyncDir(filepath.Dir(f.Name()))
	}
	if err != nil {
		l.forget(s.ID)
		return errors.Join(err, l.takeBack(f, &before, s.end))
	}
	if now, err := f.Named(); err != nil || now == nil {
		l.forget(s.ID)
		return errors.Join(err, l.displaced(f, before.end, pieces))
	}
	l.remember(s)
	return nil
}

// displaced settles a frame that was written to a file which had lost its name by
// then: the run was erased, or another process took this one for stopped.
func (l *ledger) displaced(f *disk.File, at int64, pieces [][]byte) error {
	now, err := l.disk.Open(f.Name(), os.O_RDONLY)
	if err == nil {
		defer now.Close()
		frame := slices.Concat(pieces...)
		there := make([]byte, len(frame))
		if n, _ := now.ReadAt(there, at); n == len(frame) && bytes.Equal(there, frame) {
			return nil // it was copied in time
		}
		err = errLockBroken
	}
	// Perhaps it was erased before the journal had this.
	name := path.Join("runs", filepath.Base(filepath.Dir(f.Name())), filepath.Base(f.Name()))
	return errors.Join(err, groupcommit.Void(l.disk, l.path("journals"), l.instance, func(file string) bool { return file == name }))
}

// takeBack cuts a frame that did not reach the disk, unless another process has
// built on it: then it is as good as if its caller had died before the answer.
func (l *ledger) takeBack(f *disk.File, before *runState, end int64) error {
	if err := lockWithin(context.Background(), f, lockPatience); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || info.Size() != end {
		return err
	}
	newer, err := l.inShard(shard(before.ID), keyPrefix(before.ID))
	if err != nil || len(newer) > 0 && newer[0] != before.ID {
		return err
	}
	if before.end == 0 {
		return l.disk.Remove(f.Name())
	}
	return f.Truncate(before.end)
}

// keyPrefix is what the ids of all runs of a key begin with.
func keyPrefix(id pipeline.RunID) string {
	return string(id[:strings.LastIndexByte(string(id), '-')+1])
}

// remembered ended runs are still noted on: that the answer was delivered.
const rememberedEnded = 1024

func (l *ledger) remember(s *runState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.known[s.ID]
	if s.instance != l.instance { // a note on somebody else's run
		delete(l.known, s.ID)
		return
	}
	l.known[s.ID] = s
	if !s.ended() || known != nil && known.ended() {
		return
	}
	if l.ended = append(l.ended, s.ID); len(l.ended) > rememberedEnded {
		delete(l.known, l.ended[0])
		l.ended = l.ended[1:]
	}
}

func (l *ledger) forget(id pipeline.RunID) {
	l.held.drop(l.file(id))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, id)
}

// counts returns nil if a lease gives the right to record.
func (s *runState) counts(lease pipeline.Lease) error {
	switch {
	case s.ended() && s.Fence == lease.Fence:
		return fmt.Errorf("run %s: %w", s.ID, pipeline.ErrEnded)
	case s.Fence != lease.Fence:
		return &pipeline.FencedError{Run: s.ID, Fence: lease.Fence, Owner: s.Owner}
	case s.released:
		return &pipeline.FencedError{Run: s.ID, Fence: lease.Fence}
	}
	return nil
}

// owned writes a frame of a lease's owner. typ 0 only renews it.
func (l *ledger) owned(ctx context.Context, lease pipeline.Lease, typ byte, records []pipeline.Record) error {
	for _, r := range records {
		if err := r.Check(); err != nil {
			return err
		}
	}
	if !valid(lease.Run) {
		return &pipeline.FencedError{Run: lease.Run, Fence: lease.Fence, Erased: true}
	}
	return l.do(ctx, records, func(records []pipeline.Record) error {
		unlock, err := l.running.lock(ctx, string(lease.Run))
		if err != nil {
			return err
		}
		defer unlock()
		err = l.write(ctx, lease.Run, func(s *runState) (byte, frameMeta, error) {
			if err := s.counts(lease); err != nil {
				if s.instance != l.instance {
					l.forget(s.ID)
				}
				return 0, frameMeta{}, err
			}
			if typ == 0 || typ == recordsFrame && !l.isFresh(s, lease) {
				if err := l.renew(s, lease.Fence, lease.Duration); err != nil {
					return 0, frameMeta{}, err
				}
			}
			return typ, frameMeta{records: records, fence: lease.Fence}, nil
		})
		if errors.Is(err, fs.ErrNotExist) && !l.there(lease.Run) {
			return &pipeline.FencedError{Run: lease.Run, Fence: lease.Fence, Erased: true}
		}
		if err == nil && typ == endFrame {
			l.retireLease(lease) // Expire does it if this can't
		}
		return l.explain("recording", lease.Run, err)
	})
}

// renew writes the end of a lease.
func (l *ledger) renew(s *runState, fence int64, duration time.Duration) error {
	now, epoch := l.lease() // before it is written
	s.renewed = renewal{fence: fence, epoch: epoch, at: now, duration: duration}
	return l.putLease(s.ID, fence, duration)
}

// isFresh reports that the lease was written so short a time ago that another write would
// make it last longer by less than a sixteenth: records often follow each other at once.
func (l *ledger) isFresh(s *runState, lease pipeline.Lease) bool {
	now, epoch := l.lease()
	r := s.renewed
	return r.fence == lease.Fence && r.epoch == epoch && r.duration >= lease.Duration && now >= r.at && now-r.at < lease.Duration/16
}

// explain says where a failure was; errors that say so are left alone.
func (l *ledger) explain(what string, id pipeline.RunID, err error) error {
	if err == nil || errors.Is(err, pipeline.ErrFenced) || errors.Is(err, pipeline.ErrEnded) || errors.Is(err, pipeline.ErrNoRun) || errors.Is(err, pipeline.ErrBusy) || errors.Is(err, pipeline.ErrStale) {
		return err
	}
	return fmt.Errorf("ledger in the folder %s: %s run %s: %w", l.dir, what, id, err)
}

func (l *ledger) Append(ctx context.Context, lease pipeline.Lease, records ...pipeline.Record) error {
	typ := byte(recordsFrame)
	if len(records) == 0 {
		typ = 0
	}
	return l.owned(ctx, lease, typ, records)
}

func (l *ledger) Renew(ctx context.Context, lease pipeline.Lease) error {
	return l.owned(ctx, lease, 0, nil)
}

func (l *ledger) End(ctx context.Context, lease pipeline.Lease, final pipeline.Record) error {
	return l.owned(ctx, lease, endFrame, []pipeline.Record{final})
}

func (l *ledger) Release(ctx context.Context, lease pipeline.Lease) error {
	return l.owned(ctx, lease, releaseFrame, nil)
}

func (l *ledger) Note(ctx context.Context, id pipeline.RunID, r pipeline.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	if !valid(id) {
		return fmt.Errorf("run %q: %w", id, pipeline.ErrNoRun)
	}
	return l.do(ctx, []pipeline.Record{r}, func(records []pipeline.Record) error {
		unlock, err := l.running.lock(ctx, string(id))
		if err != nil {
			return err
		}
		defer unlock()
		err = l.write(ctx, id, func(s *runState) (byte, frameMeta, error) {
			if s.unborn() {
				return 0, frameMeta{}, fmt.Errorf("run %s: %w", id, pipeline.ErrNoRun)
			}
			return noteFrame, frameMeta{records: records}, nil
		})
		if errors.Is(err, fs.ErrNotExist) && !l.there(id) {
			return fmt.Errorf("run %s: %w", id, pipeline.ErrNoRun)
		}
		return l.explain("noting on", id, err)
	})
}
