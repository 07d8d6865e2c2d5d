package groupcommit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/disk"
	"github.com/exportpipeline/exportpipeline/internal/runfile"
)

// Recover writes what the journals of a process that is gone hold into their files,
// syncs these and removes the journals. It returns how many bytes it had to write.
func Recover(d *disk.Disk, root, dir, prefix string, intact Intact, gone Gone) (written int64, err error) {
	names, err := journals(dir, prefix+"-")
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

// journals lists the journal files in a folder whose names begin with prefix.
func journals(dir, prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, ".journal") {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, err
}

func byNumber(names []string) {
	number := func(s string) int {
		s = strings.TrimSuffix(s, ".journal")
		n, _ := strconv.Atoi(s[strings.LastIndexByte(s, '-')+1:]) // its own names have one
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return number(a) - number(b) })
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
