package groupcommit

import (
	"errors"
	"io/fs"
	"os"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

// Void overwrites what the journals in dir whose names begin with prefix (empty: of
// whatever process) hold of the files that match names. It is for erasing what must
// not be kept; entries that are written later are not found.
func Void(d *disk.Disk, dir, prefix string, match func(file string) bool) error {
	paths, err := journals(dir, prefix)
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
