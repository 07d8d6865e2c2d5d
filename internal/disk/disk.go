// Package disk is the little of a file system that durable files need. It counts
// what costs (syncs), makes files and folders for their owner only, and lets a
// test have each operation fail, or be slow, as a disk does.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Op is an operation that Disk.Fault is asked about.
type Op string

// The operations.
const (
	Open     Op = "open"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync"
	SyncDir  Op = "sync of the folder"
	Remove   Op = "remove"
)

// Disk does the operations. The zero value is a disk without faults.
type Disk struct {
	// Fault, if not nil, is asked before each operation, with how many bytes are to
	// be written. After an error so many are written, and the operation fails.
	Fault func(op Op, path string, size int) (written int, err error)
	syncs atomic.Int64
	bytes atomic.Int64
	// syncing is the time that syncs took.
	syncing atomic.Int64
}

// Syncs is how often files and folders were synced.
func (d *Disk) Syncs() int64 { return d.syncs.Load() }

// Syncing is how long all syncs took together, one after the other.
func (d *Disk) Syncing() time.Duration { return time.Duration(d.syncing.Load()) }

// Bytes is how many bytes were written.
func (d *Disk) Bytes() int64 { return d.bytes.Load() }

// sync counts a sync, which has come to its end when what it returns is called.
func (d *Disk) sync() (done func()) {
	d.syncs.Add(1)
	started := time.Now()
	return func() { d.syncing.Add(int64(time.Since(started))) }
}

func (d *Disk) fault(op Op, path string, size int) (int, error) {
	if d.Fault == nil {
		return size, nil
	}
	written, err := d.Fault(op, path, size)
	if err == nil {
		return size, nil
	}
	return written, &fs.PathError{Op: string(op), Path: path, Err: err}
}

// File is an open file.
type File struct {
	*os.File
	disk *Disk
	self fs.FileInfo // as it was when it was first looked at
}

// Open opens a file with os.OpenFile; what it creates is for its owner only.
func (d *Disk) Open(path string, flag int) (*File, error) {
	if _, err := d.fault(Open, path, 0); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return &File{File: f, disk: d}, nil
}

// Named returns what the file is like if its name still leads to it, nil if it was removed
// or replaced.
func (f *File) Named() (fs.FileInfo, error) {
	if f.self == nil {
		self, err := f.Stat()
		if err != nil {
			return nil, err
		}
		f.self = self
	}
	now, err := os.Stat(f.Name())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(f.self, now) {
		return nil, nil
	}
	return now, err
}

// WriteAt writes at an offset.
func (f *File) WriteAt(b []byte, at int64) (int, error) {
	f.disk.bytes.Add(int64(len(b)))
	allowed, fault := f.disk.fault(Write, f.Name(), len(b))
	n, err := f.File.WriteAt(b[:min(allowed, len(b))], at)
	return n, errors.Join(fault, err)
}

// Truncate cuts the file.
func (f *File) Truncate(size int64) error {
	if _, err := f.disk.fault(Truncate, f.Name(), 0); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync returns when what was written is on the disk.
func (f *File) Sync() error {
	defer f.disk.sync()()
	if _, err := f.disk.fault(Sync, f.Name(), 0); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData returns when what was written is on the disk, as Sync does. It is quicker
// where the file's size has not changed (Linux).
func (f *File) SyncData() error {
	defer f.disk.sync()()
	if _, err := f.disk.fault(Sync, f.Name(), 0); err != nil {
		return err
	}
	return syncData(f.File)
}

// SyncDir makes the names in a folder last. Systems that can't sync a folder
// (Windows) keep names by themselves.
func (d *Disk) SyncDir(path string) error {
	defer d.sync()()
	if _, err := d.fault(SyncDir, path, 0); err != nil {
		return err
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// Remove removes a file; that it is not there is no error.
func (d *Disk) Remove(path string) error {
	if _, err := d.fault(Remove, path, 0); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Folder makes a folder for its owner only, with those above it, and makes its
// name last, if it is missing.
func (d *Disk) Folder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(path))
}
