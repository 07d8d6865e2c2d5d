package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// File is an artefact (a file that a template made) or a reply that a call
// got, kept under its reference key.
type File struct {
	Key         string `json:"key"`                    // reference key, unique within an export
	Name        string `json:"name,omitempty"`         // file name, for a receiver that wants one
	ContentType string `json:"content_type,omitempty"` // media type, "" if unknown
	Data        []byte `json:"data"`                   // must not be changed once it is put
	Document    string `json:"document,omitempty"`     // URL of the Rossum document that holds it, if one does
	Status      int    `json:"status,omitempty"`       // of the HTTP reply whose body or headers these are, 0 for other files
}

// ErrNoFile means that there is no file under a reference key.
var ErrNoFile = errors.New("no file under this reference key")

// Store keeps files outside of the run: a [Files] writes through to it and asks
// it for what an earlier hook left. Implementations must be safe for concurrent
// use by several exports; each call concerns the export x.
type Store interface {
	// Put keeps f, in place of an earlier file with its key, and may set
	// f.Document. After an error the earlier file may be gone. Files of an export with
	// other keys may be put at the same time.
	Put(ctx context.Context, x *Export, f *File) error
	// Load returns the file under key. If there is none, the error wraps ErrNoFile.
	Load(ctx context.Context, x *Export, key string) (*File, error)
	// Purge removes the files under the keys, or all of them if there are no
	// keys, and returns how many went. Removing what is not there is no error.
	Purge(ctx context.Context, x *Export, keys ...string) (int, error)
}

// Files are the artefacts and replies of one export by reference key. It may be
// used by several goroutines.
type Files struct {
	x     *Export
	store Store
	base  *Files // of the export that this view belongs to, if it is one

	mu       sync.Mutex
	byKey    map[string]*File
	order    []string
	skipped  map[string]string
	gone     map[string]bool  // keys of base's files that this view has purged
	recorded map[string]*File // what the ledger has
	last     filesState       // of the last record
}

func newFiles(x *Export, store Store) *Files {
	return &Files{
		x: x, store: store,
		byKey: make(map[string]*File), skipped: make(map[string]string), gone: make(map[string]bool),
	}
}

// Put keeps files, each in place of an earlier one with its key. The data belong to the
// export from then on. Several files are given to the store side by side; after an error,
// which joins those of all files, the others are kept. Two files with the same key are an
// error, and nothing is kept then.
func (f *Files) Put(ctx context.Context, files ...File) error {
	for i, file := range files {
		if file.Key == "" {
			return errors.New("keeping a file: it has no reference key")
		}
		if slices.ContainsFunc(files[:i], func(other File) bool { return other.Key == file.Key }) {
			return fmt.Errorf("keeping files: duplicate key %q", file.Key)
		}
	}
	if f.store == nil {
		for _, file := range files {
			f.keep(file)
		}
		return nil
	}
	files = slices.Clone(files)
	stored := make([]bool, len(files))
	err := f.x.together(ctx, len(files), func(ctx context.Context, i int) error {
		if err := f.store.Put(ctx, f.x, &files[i]); err != nil {
			return fmt.Errorf("keeping file %q: %w", files[i].Key, err)
		}
		stored[i] = true
		return nil
	})
	for i := range files {
		if stored[i] {
			f.keep(files[i])
		}
	}
	return err
}

func (f *Files) keep(file File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.byKey[file.Key]; !known {
		f.order = append(f.order, file.Key)
	}
	f.byKey[file.Key] = &file
	delete(f.skipped, file.Key)
	f.x.fileMade(&file)
}

// Get returns the file under a reference key, from this run or from the store.
// If there is none the error wraps [ErrNoFile]. The file must not be changed.
func (f *Files) Get(ctx context.Context, key string) (*File, error) {
	f.mu.Lock()
	file, why, gone := f.byKey[key], f.skipped[key], f.gone[key]
	f.mu.Unlock()
	switch {
	case file != nil:
		return file, nil
	case why == "" && f.base != nil && !gone:
		return f.base.Get(ctx, key)
	case why != "" || f.store == nil:
		return nil, fmt.Errorf("file %q: %w", key, ErrNoFile)
	}
	file, err := f.store.Load(ctx, f.x, key)
	if errors.Is(err, ErrNoFile) && f.x.run.config.alone {
		f.Skip(key, ReasonNotDue)
	}
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", key, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byKey[key] == nil {
		f.byKey[key], f.order = file, append(f.order, key)
	}
	return file, nil
}

// recall takes a file of an earlier export from the store, whatever this run has said of
// it, and reports whether there is one.
func (f *Files) recall(ctx context.Context, key string) bool {
	if f.store == nil {
		return false
	}
	file, err := f.store.Load(ctx, f.x, key)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byKey[key], f.order = file, append(f.order, key)
	delete(f.skipped, key)
	return true
}

// Skip notes why there is no file under a key: the call that would have made it
// was not due. Steps that wanted to read it can then pass quietly.
func (f *Files) Skip(key, why string) {
	if key == "" || f.has(key) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skipped[key] = why
}

// has reports whether this run has a file under the key.
func (f *Files) has(key string) bool {
	f.mu.Lock()
	known, gone := f.byKey[key] != nil, f.gone[key]
	f.mu.Unlock()
	return known || !gone && f.base != nil && f.base.has(key)
}

// Skipped returns why there is no file under the key, if [Files.Skip] said so.
func (f *Files) Skipped(key string) (why string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	why, ok = f.skipped[key]
	if !ok && f.base != nil && f.byKey[key] == nil && !f.gone[key] {
		return f.base.Skipped(key)
	}
	return why, ok
}

// ReasonNotDue is the reason that [Files.Skip] is given for a call that its condition skipped.
const ReasonNotDue = "the call was not due"

// Keys returns the reference keys of this run's files, oldest first.
func (f *Files) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.order...)
}

// all returns the reference keys of this run's files, of those before a branch, too.
func (f *Files) all() []string {
	keys := f.Keys()
	if f.base == nil {
		return keys
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(keys, slices.DeleteFunc(f.base.all(), func(key string) bool { return f.gone[key] })...)
}

// Purge removes the files under the keys, or all if there are none, from this
// run and from the store, and returns how many went. Of the run, a branch removes
// what it sees itself; the others see no less for it until all have ended.
func (f *Files) Purge(ctx context.Context, keys ...string) (int, error) {
	wanted := func(key string) bool { return len(keys) == 0 || slices.Contains(keys, key) }
	went := make(map[string]bool)
	for _, key := range f.all() {
		if wanted(key) {
			went[key] = true
		}
	}
	f.mu.Lock()
	f.order = slices.DeleteFunc(f.order, wanted)
	maps.DeleteFunc(f.byKey, func(key string, _ *File) bool { return wanted(key) })
	if f.base != nil {
		maps.Copy(f.gone, went)
	}
	f.mu.Unlock()
	if f.store == nil {
		return len(went), nil
	}
	n, err := f.store.Purge(ctx, f.x, keys...)
	if err != nil {
		return n, fmt.Errorf("removing files of an earlier export: %w", err)
	}
	return max(n, len(went)), nil
}

// Content is a file's bytes, opened when they are needed and as often as they
// are needed, so that a document of tens of megabytes need not be in memory.
type Content interface {
	// Open returns the bytes from the beginning. The caller closes the reader.
	Open(ctx context.Context) (io.ReadCloser, error)
	// Size returns the number of bytes, -1 if it is not known before reading.
	Size() int64
}

// Bytes is a [Content] that is in memory.
type Bytes []byte

// Open returns a reader of b.
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Size returns the length of b.
func (b Bytes) Size() int64 { return int64(len(b)) }
