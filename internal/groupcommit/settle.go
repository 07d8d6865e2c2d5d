package groupcommit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/exportpipeline/exportpipeline/internal/disk"
)

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
