package folderledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Making a file costs a file system ten times what giving it another name does. So a run
// gets files that are there already: for its lease that of a run which has ended, by
// another name in the same folder, and for its records an empty one of the folder
// "spares", that was made while the disk was waited for.
const (
	sparePrefix    = "spare-" // then the process's name, a hyphen and a number
	maxSpareLeases = 64
	maxSpareRuns   = 16
)

// spares are the spare files of one use.
type spares struct {
	mu     sync.Mutex
	names  []string
	making bool
}

// take returns the name of a spare file, "" if there is none.
func (s *spares) take() (name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.names); n > 0 {
		name, s.names = s.names[n-1], s.names[:n-1]
	}
	return name
}

// add keeps a file unless there are enough.
func (s *spares) add(most int, keep func() (name string, err error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) >= most {
		return false
	}
	name, err := keep()
	if err != nil {
		return false
	}
	s.names = append(s.names, name)
	return true
}

// newSpare makes up a spare file's name.
func (l *ledger) newSpare(folder string) string {
	return l.path(folder, fmt.Sprintf("%s%s-%d", sparePrefix, l.instance, l.spareCount.Add(1)))
}

// useSpareLease gives a run the file of an old lease, if there is one.
func (l *ledger) useSpareLease(name string) {
	if spare := l.spareLeases.take(); spare != "" {
		_ = os.Rename(spare, name) // if somebody has removed it, a file is made
	}
}

// retireLease takes a run off the list of unended ones.
func (l *ledger) retireLease(lease pipeline.Lease) {
	name := l.path("open", string(lease.Run))
	kept := lease.Fence == 1 && l.spareLeases.add(maxSpareLeases, func() (string, error) { // it has one slot
		spare := l.newSpare("open")
		return spare, os.Rename(name, spare)
	})
	if !kept {
		_ = l.disk.Remove(name)
	}
}

// useSpareRun gives a run an empty file, if there is one and no other has its name.
func (l *ledger) useSpareRun(name string) bool {
	spare := l.spareRuns.take()
	if canMoveNew {
		l.makeSpareRuns()
	}
	return spare != "" && moveNew(spare, name) == nil
}

// makeSpareRuns makes empty files, and does not wait for that.
func (l *ledger) makeSpareRuns() {
	s := &l.spareRuns
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.making || len(s.names) >= maxSpareRuns {
		return
	}
	s.making = true
	l.calls.Go(func() { // within a call, so that Close has not waited yet
		for s.add(maxSpareRuns, l.makeSpareRun) {
		}
		s.mu.Lock()
		s.making = false
		s.mu.Unlock()
	})
}

func (l *ledger) makeSpareRun() (string, error) {
	f, err := l.disk.Open(l.newSpare("spares"), os.O_CREATE|os.O_EXCL|os.O_RDWR)
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// removeSpares removes the spare files of a process.
func (l *ledger) removeSpares(instance string) error {
	var faults []error
	for _, folder := range []string{"open", "spares"} {
		names, err := namesIn(l.path(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, sparePrefix+instance+"-") {
				faults = append(faults, l.disk.Remove(l.path(folder, name)))
			}
		}
	}
	return errors.Join(faults...)
}
