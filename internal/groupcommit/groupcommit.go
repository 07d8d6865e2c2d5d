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
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

const (
	kind      = "exjrnl"
	entryType = 1
	// MaxSize is how many bytes make a journal large enough.
	MaxSize = 16 << 20
	// MaxAge is when a journal is old enough.
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
	first := !j.busy
	j.busy = true
	j.mu.Unlock()
	if first && j.drain() { // without another goroutine, as long as nobody else writes
		go func() {
			for j.drain() {
			}
		}()
	}
	return <-w.done
}

// drain writes what is waiting, all at once, and reports whether more has come meanwhile.
func (j *Journal) drain() (more bool) {
	j.mu.Lock()
	group, s := j.queue, j.current
	j.queue = nil
	j.mu.Unlock()
	s, err := j.write(s, group)
	j.mu.Lock()
	if j.current = s; s != nil && s.size >= MaxSize {
		j.rotate()
	}
	more = len(j.queue) > 0
	j.busy = more
	j.mu.Unlock()
	for _, w := range group {
		w.done <- err
	}
	return more
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
