package folderledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

const runSuffix = ".run"

// annotationPrefix is what the ids of all runs of an annotation begin with.
func annotationPrefix(organization string, annotation int64) string {
	id := string(pipeline.RunKey{Organization: organization, Annotation: annotation}.ID(0))
	return id[:strings.IndexByte(id, '-')]
}

// storeTime is a clock's time as records have it.
func storeTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// shard is the folder of a run: the first two digits of its annotation's hash.
func shard(id pipeline.RunID) string { return string(id[:2]) }

// valid reports whether an id can be one of ours, and so a file's name.
func valid(id pipeline.RunID) bool {
	return len(id) > 66 && len(id) <= 100 && strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// generation is the number at the id's end.
func generation(id pipeline.RunID) int64 {
	n, _ := strconv.ParseInt(string(id[strings.LastIndexByte(string(id), '-')+1:]), 36, 64)
	return n
}

// fileName is a run's file, below the ledger's folder, with slashes.
func fileName(id pipeline.RunID) string { return path.Join("runs", shard(id), string(id)+runSuffix) }

func (l *ledger) file(id pipeline.RunID) string {
	return l.path("runs", shard(id), string(id)+runSuffix)
}

// inShard lists the runs of a shard whose ids have a prefix, newest first.
func (l *ledger) inShard(shard, prefix string) ([]pipeline.RunID, error) {
	names, err := namesIn(l.path("runs", shard))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var ids []pipeline.RunID
	for _, name := range names {
		name, isRun := strings.CutSuffix(name, runSuffix)
		if id := pipeline.RunID(name); isRun && strings.HasPrefix(name, prefix) && valid(id) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, newerID)
	return ids, nil
}

// namesIn lists a folder in no order.
func namesIn(path string) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

func newerID(a, b pipeline.RunID) int {
	return cmp.Or(cmp.Compare(generation(b), generation(a)), cmp.Compare(b, a))
}

// names yields all runs, shard by shard, and an error instead of those of a shard that cannot be
// read.
func (l *ledger) names() iter.Seq2[pipeline.RunID, error] {
	return func(yield func(pipeline.RunID, error) bool) {
		for i := range 256 {
			ids, err := l.inShard(fmt.Sprintf("%02x", i), "")
			if err != nil && !yield("", err) {
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// read returns the state of a run without a lock. What is being written at this
// moment counts as a tail.
func (l *ledger) read(id pipeline.RunID) (*runState, error) { return l.readAll(id, nil) }

func (l *ledger) readAll(id pipeline.RunID, collect func([]pipeline.Record)) (*runState, error) {
	if !valid(id) {
		return nil, fmt.Errorf("run %q: %w", id, pipeline.ErrNoRun)
	}
	f, err := l.disk.Open(l.file(id), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run %s: %w", id, pipeline.ErrNoRun)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &runState{RunInfo: pipeline.RunInfo{ID: id}}
	if err := s.scan(f.File, collect); err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return s, nil
}

// readSteady reads again if the file was cut while it was read.
func (l *ledger) readSteady(id pipeline.RunID, collect func([]pipeline.Record), begin func()) (s *runState, err error) {
	for range 20 {
		begin()
		if s, err = l.readAll(id, collect); !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
	}
	return s, err
}

// A lease's end is kept in the run's file of the folder "open", which also lists
// the unended runs: one slot for each fence, so that an owner who was fenced never
// writes over another's. It need not be synced: it means nothing after the machine
// stopped.
const slotSize = 64

// putLease writes the end of a lease.
func (l *ledger) putLease(id pipeline.RunID, fence int64, duration time.Duration) error {
	now, epoch := l.lease()
	slot := make([]byte, slotSize)
	slot[0] = 1 // form
	binary.LittleEndian.PutUint64(slot[8:], uint64(fence))
	binary.LittleEndian.PutUint64(slot[16:], uint64(now+duration))
	binary.LittleEndian.PutUint32(slot[24:], crc32.ChecksumIEEE([]byte(epoch)))
	binary.LittleEndian.PutUint32(slot[60:], crc32.ChecksumIEEE(slot[:60]))
	f, err := l.disk.Open(l.path("open", string(id)), os.O_CREATE|os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		if err = l.disk.Folder(l.path("open")); err == nil {
			f, err = l.disk.Open(l.path("open", string(id)), os.O_CREATE|os.O_RDWR)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(slot, (fence-1)*slotSize)
	return errors.Join(err, f.Close())
}

// leaseLasts reports whether the slot of a fence says that its lease has not ended.
func (l *ledger) leaseLasts(id pipeline.RunID, fence int64) bool {
	for range 3 { // it may be read while it is written
		f, err := os.Open(l.path("open", string(id)))
		if err != nil {
			return false
		}
		slot := make([]byte, slotSize)
		n, _ := f.ReadAt(slot, (fence-1)*slotSize)
		_ = f.Close()
		if n < slotSize || binary.LittleEndian.Uint32(slot[60:]) != crc32.ChecksumIEEE(slot[:60]) {
			continue
		}
		now, epoch := l.lease()
		if binary.LittleEndian.Uint32(slot[24:]) != crc32.ChecksumIEEE([]byte(epoch)) {
			// The owner's process lives, so that this is no other boot but another
			// time namespace: only its end can be seen.
			return true
		}
		return now < time.Duration(binary.LittleEndian.Uint64(slot[16:]))
	}
	return false
}

// lives reports whether a process has its ledger open.
func (l *ledger) lives(instance string) bool {
	if instance == l.instance {
		return true
	}
	f, err := os.OpenFile(l.path("instances", instance), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	gone, err := hostlock.Try(f, false)
	return err == nil && !gone
}

// claimed is how a run is that was claimed a moment ago.
func (l *ledger) claimed(s *runState) pipeline.RunInfo {
	i := s.RunInfo
	i.Seen, i.State = storeTime(l.now()), pipeline.RunLive
	return i
}

// judge fills in how the run is now.
func (l *ledger) judge(s *runState) pipeline.RunInfo {
	i := s.RunInfo
	i.Seen = storeTime(l.now())
	switch {
	case s.ended():
		i.State = pipeline.RunEnded
	case !s.released && s.born && l.lives(s.instance) && l.leaseLasts(s.ID, s.Fence):
		i.State = pipeline.RunLive
	default:
		i.State = pipeline.RunAbandoned
	}
	return i
}
