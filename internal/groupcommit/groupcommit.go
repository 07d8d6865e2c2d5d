// Package groupcommit makes writes to many files last with one sync. A write goes to
// its file, unsynced, and then, with those of all who write at that time, into one
// journal file, which is synced. When the journal has grown, its files are synced
// and it is removed; if the machine stops before that, [Recover] writes what it
// holds into the files again.
//
// For that a file may only be journaled at an offset up to which it is on the disk
// already, or in the same journal. What is whole in a file (Intact says so) is never
// written over: a write that was journaled and given up has lost to what is there.
package groupcommit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/hostlock"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

const (
	kind      = "exjrnl"
	entryType = 1
	// MaxSize and MaxAge are when a journal has grown enough.
	MaxSize      = 16 << 20
	MaxAge       = 30 * time.Second
	lockPatience = 5 * time.Second
	// gathered is up to how many bytes are copied to be written at once.
	gathered = 256 << 10
	// A file is longer than what it holds by as much again, within these bounds.
	minAhead = 256 << 10
	maxAhead = 4 << 20
)

// Entry is a write that was made to a file.
type Entry struct {
	File   string // below the root, with slashes
	Offset int64
	Data   [][]byte // in pieces
}

// Journal gathers the writes of one process. It is safe for concurrent use.
type Journal struct {
	disk   *disk.Disk
	root   string // what names of files are relative to
	dir    string
	prefix string
	intact Intact

	mu      sync.Mutex
	queue   []*waiting
	busy    bool // a goroutine writes
	current *segment
	count   int
	old     []*segment // that could not be settled yet
	timer   *time.Timer
	settled sync.WaitGroup
	settle  sync.Mutex
}

type waiting struct {
	Entry
	done chan error
}

// segment is one journal file.
type segment struct {
	name   string
	file   *disk.File
	size   int64 // that is known to be on the disk
	zeroed int64 // up to where the file was filled with zeros
	broken bool  // there may be more
	files  map[string]bool
}

// Gone reports whether a file is being removed and must not be made again.
type Gone func(name string) bool

// Intact reports whether a whole write, be it another one, is at an offset of a file.
type Intact func(file *os.File, name string, offset int64) bool

// New makes a journal whose files are in dir and have names that begin with
// prefix. A file is made when there is something to write.
func New(d *disk.Disk, root, dir, prefix string, intact Intact) *Journal {
	return &Journal{disk: d, root: root, dir: dir, prefix: prefix, intact: intact}
}

// Commit returns nil when the entry is on the disk. After an error it is not there,
// and won't be, unless the machine stops before the disk can be written again.
func (j *Journal) Commit(e Entry) error {
	w := &waiting{e, make(chan error, 1)}
	j.mu.Lock()
	j.queue = append(j.queue, w)
	if !j.busy {
		j.busy = true
		go j.drain()
	}
	j.mu.Unlock()
	return <-w.done
}

// drain writes what is waiting, all at once, until nothing waits.
func (j *Journal) drain() {
	for {
		j.mu.Lock()
		group := j.queue
		j.queue = nil
		if len(group) == 0 {
			j.busy = false
			j.mu.Unlock()
			return
		}
		s := j.current
		j.mu.Unlock()
		s, err := j.write(s, group)
		j.mu.Lock()
		if j.current = s; s != nil && s.size >= MaxSize {
			j.rotate()
		}
		j.mu.Unlock()
		for _, w := range group {
			w.done <- err
		}
	}
}

// write puts a group on the disk. Only one goroutine does so at a time.
func (j *Journal) write(s *segment, group []*waiting) (*segment, error) {
	if s == nil {
		var err error
		if s, err = j.begin(); err != nil {
			return nil, err
		}
	}
	if s.broken {
		if err := s.repair(); err != nil {
			return s, err
		}
	}
	end, err := s.append(group)
	if err == nil {
		err = s.sync(end)
	}
	if err != nil {
		s.broken = true
		_ = s.repair() // or before the next group
		return s, err
	}
	s.size = end
	j.mu.Lock() // rotate and settle read files
	for _, w := range group {
		s.files[w.File] = true
	}
	j.mu.Unlock()
	return s, nil
}

// begin makes a new file.
func (j *Journal) begin() (*segment, error) {
	j.count++
	s := &segment{name: fmt.Sprintf("%s-%d.journal", j.prefix, j.count), files: make(map[string]bool)}
	path := filepath.Join(j.dir, s.name)
	file, err := j.disk.Open(path, os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	s.file = file
	_, err = file.WriteAt(runfile.Magic(kind), 0)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = j.disk.SyncDir(j.dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close(), j.disk.Remove(path))
	}
	s.size = runfile.MagicSize
	j.mu.Lock()
	if j.timer == nil {
		j.timer = time.AfterFunc(MaxAge, j.age)
	} else {
		j.timer.Reset(MaxAge)
	}
	j.mu.Unlock()
	return s, nil
}

// append writes a group behind what is there.
func (s *segment) append(group []*waiting) (end int64, err error) {
	end = s.size
	var buf []byte
	flush := func() error {
		_, err := s.file.WriteAt(buf, end-int64(len(buf)))
		buf = buf[:0]
		return err
	}
	for _, w := range group {
		meta := binary.AppendUvarint(nil, uint64(w.Offset))
		meta = append(meta, w.File...)
		h, err := runfile.Header(s.name, end, entryType, 1, meta, w.Data...)
		if err != nil {
			return end, err
		}
		for _, piece := range append([][]byte{h}, w.Data...) {
			if len(buf) > 0 && len(buf)+len(piece) > gathered {
				if err := flush(); err != nil {
					return end, err
				}
			}
			end += int64(len(piece))
			if len(piece) > gathered {
				if _, err := s.file.WriteAt(piece, end-int64(len(piece))); err != nil {
					return end, err
				}
				continue
			}
			buf = append(buf, piece...)
		}
	}
	return end, flush()
}

// sync makes what was written up to end last. The file is kept longer than what it
// holds: a sync that need not note a new size is several times as quick.
func (s *segment) sync(end int64) error {
	if end <= s.zeroed {
		return s.file.SyncData()
	}
	zeros := min(max(end, minAhead), maxAhead)
	if _, err := s.file.WriteAt(make([]byte, zeros), end); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.zeroed = end + zeros
	return nil
}

// repair cuts off what a failed write has left.
func (s *segment) repair() error {
	// Void must not write where another entry will be.
	if err := lock(s.file, true); err != nil {
		return err
	}
	err := s.file.Truncate(s.size)
	if err == nil {
		err = s.file.Sync()
	}
	s.broken, s.zeroed = err != nil, s.size
	return errors.Join(err, hostlock.Unlock(s.file.File))
}

// lock waits a little for those that erase from a journal, or repair it.
func lock(f *disk.File, exclusive bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	if err := hostlock.Lock(ctx, f.File, exclusive); err != nil {
		return fmt.Errorf("%s is locked by another process: %w", f.Name(), err)
	}
	return nil
}

// age puts away a journal in which little is written.
func (j *Journal) age() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.busy { // the next one will be large enough, or old
		j.timer.Reset(MaxAge / 10)
		return
	}
	j.rotate()
}

// rotate has the next group begin a new file, and settles the old one meanwhile.
// The caller holds mu.
func (j *Journal) rotate() {
	if j.current != nil {
		j.old = append(j.old, j.current)
		j.current = nil
	}
	j.settled.Go(func() { _ = j.settleOld() })
}

// settleOld syncs the files that old journals are about, and removes these. One
// that can't be settled now stays for the next time.
func (j *Journal) settleOld() error {
	j.settle.Lock()
	defer j.settle.Unlock()
	j.mu.Lock()
	old := j.old
	j.old = nil
	j.mu.Unlock()
	var faults []error
	for _, s := range old {
		if err := j.finish(s); err != nil {
			faults = append(faults, err)
			j.mu.Lock()
			j.old = append(j.old, s)
			j.timer.Reset(MaxAge)
			j.mu.Unlock()
		}
	}
	return errors.Join(faults...)
}

func (j *Journal) finish(s *segment) error {
	if err := syncAll(j.disk, j.root, s.files); err != nil {
		// After a failed sync the system believes that the file is clean: write it
		// again.
		if _, again := recoverFile(j.disk, j.root, filepath.Join(j.dir, s.name), j.intact, nil, true); again != nil {
			return errors.Join(err, again)
		}
	}
	if err := j.disk.Remove(filepath.Join(j.dir, s.name)); err != nil {
		return err
	}
	_ = s.file.Close()
	return j.disk.SyncDir(j.dir)
}

// syncAll syncs files, and the folders they are in.
func syncAll(d *disk.Disk, root string, files map[string]bool) error {
	dirs := make(map[string]bool)
	for name := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		f, err := d.Open(path, os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			continue // erased or expired
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		dirs[filepath.Dir(path)] = true
	}
	for dir := range dirs {
		if err := d.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Close settles everything; no Commit may be going on.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.timer != nil {
		j.timer.Stop()
	}
	if j.current != nil {
		j.old = append(j.old, j.current)
		j.current = nil
	}
	j.mu.Unlock()
	j.settled.Wait()
	err := j.settleOld()
	if j.timer != nil {
		j.timer.Stop()
	}
	for _, s := range j.old {
		_ = s.file.Close()
	}
	return err
}

// Recover writes what the journals of a process that is gone hold into their files,
// syncs these and removes the journals. It returns how many bytes it had to write.
func Recover(d *disk.Disk, root, dir, prefix string, intact Intact, gone Gone) (written int64, err error) {
	names, err := filepath.Glob(filepath.Join(dir, prefix+"-*.journal"))
	if err != nil {
		return 0, err
	}
	// Oldest first: the number before the ending counts up.
	byNumber(names)
	for _, path := range names {
		n, err := recoverFile(d, root, path, intact, gone, false)
		written += n
		if err != nil {
			return written, fmt.Errorf("recovering %s: %w", path, err)
		}
	}
	for _, path := range names {
		if err := d.Remove(path); err != nil {
			return written, err
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	return written, d.SyncDir(dir)
}

func byNumber(names []string) {
	number := func(s string) int {
		s = strings.TrimSuffix(s, ".journal")
		n := 0
		_, _ = fmt.Sscanf(s[strings.LastIndexByte(s, '-')+1:], "%d", &n)
		return n
	}
	for i := range names { // few
		for k := i; k > 0 && number(names[k]) < number(names[k-1]); k-- {
			names[k], names[k-1] = names[k-1], names[k]
		}
	}
}

// recoverFile brings the files of one journal up to what it holds. With force it
// writes also what is there already.
func recoverFile(d *disk.Disk, root, path string, intact Intact, gone Gone, force bool) (written int64, err error) {
	files := make(map[string]bool)
	err = scan(path, runfile.Scanner{}, func(f runfile.Frame, name string, offset int64) error {
		if gone != nil && gone(name) {
			return nil
		}
		n, err := restore(d, root, name, offset, f.Data, intact, force)
		written += n
		files[name] = true
		return err
	})
	if err != nil {
		return written, err
	}
	return written, syncAll(d, root, files)
}

// restore writes one entry unless it is there.
func restore(d *disk.Disk, root, name string, offset int64, data []byte, intact Intact, force bool) (int64, error) {
	path := filepath.Join(root, filepath.FromSlash(name))
	flag := os.O_RDWR
	if offset == 0 && !force {
		flag |= os.O_CREATE // its name was not on the disk yet
		if err := d.Folder(filepath.Dir(path)); err != nil {
			return 0, err
		}
	}
	f, err := d.Open(path, flag)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // erased or expired
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < offset {
		return 0, err // what this follows was erased
	}
	there := make([]byte, len(data))
	n, _ := f.ReadAt(there, offset)
	if same := bytes.Equal(there[:n], data); same && !force || !same && intact(f.File, name, offset) {
		return 0, nil
	}
	n, err = f.WriteAt(data, offset)
	return int64(n), err
}

// scan yields the whole entries of a journal file.
func scan(path string, s runfile.Scanner, yield func(f runfile.Frame, name string, offset int64) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	s.Name, s.Kind = filepath.Base(path), kind
	_, err = s.Scan(file, 0, info.Size(), func(f runfile.Frame) error {
		offset, n := binary.Uvarint(f.Meta)
		if f.Type != entryType || f.Version != 1 || n <= 0 {
			return fmt.Errorf("an entry of type %d, version %d: %w", f.Type, f.Version, runfile.ErrNewer)
		}
		name := string(f.Meta[n:])
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("an entry for the file %q", name)
		}
		return yield(f, name, int64(offset))
	})
	return err
}

// Void overwrites what the journals in dir whose names begin with prefix (empty: of
// whatever process) hold of the files that match names. It is for erasing what must
// not be kept; entries that are written later are not found.
func Void(d *disk.Disk, dir, prefix string, match func(file string) bool) error {
	paths, err := filepath.Glob(filepath.Join(dir, prefix+"*.journal"))
	if err != nil {
		return err
	}
	var faults []error
	for _, path := range paths {
		if err := void(d, path, match); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func void(d *disk.Disk, path string, match func(file string) bool) error {
	file, err := d.Open(path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := lock(file, false); err != nil {
		return err
	}
	changed := false
	err = scan(path, runfile.Scanner{SkipData: true, KeepBroken: true}, func(f runfile.Frame, name string, _ int64) error {
		if !match(name) {
			return nil
		}
		changed = true
		at := f.Offset + runfile.HeaderSize + int64(len(f.Meta))
		_, err := file.WriteAt(make([]byte, f.Offset+f.Size-at), at)
		return err
	})
	if err == nil && changed {
		err = file.Sync()
	}
	return err
}
