package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// FolderResults returns a store that keeps each result as a file of dir, which
// is made if it is missing: what was kept survives the end of the process and of
// the machine, since files are synced before they get their names. Several
// processes may share the folder. The files hold data of documents; only their
// owner may read them.
func FolderResults(dir string) (Results, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keeping results in a folder: %w", err)
	}
	return folderResults(dir), nil
}

type folderResults string

// finalMark ends the names of files with answers: files of their own, so that nothing
// which another process writes late can take their place.
const finalMark = ".final"

// partial begins the names of files that are not whole yet.
const partial = ".partial-"

func (f folderResults) path(id string) (string, error) {
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return "", fmt.Errorf("%w: %q is no id", ErrNoResult, id)
	}
	return filepath.Join(string(f), id+".json"), nil
}

func (f folderResults) final(id string) string {
	return filepath.Join(string(f), id+finalMark+".json")
}

// write makes a synced file without a name of its own yet.
func (f folderResults) write(r Result) (name string, err error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(string(f), partial)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return file.Name(), errors.Join(err, file.Close())
}

// sync makes names last. Not every system can sync a folder.
func (f folderResults) sync() error {
	dir, err := os.Open(string(f))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

func (f folderResults) Create(_ context.Context, id string, r Result) (bool, error) {
	path, err := f.path(id)
	if err != nil {
		return false, err
	}
	name, err := f.write(r)
	if err != nil {
		return false, err
	}
	defer os.Remove(name)
	// A link, unlike a rename, fails if the name is taken.
	if err := os.Link(name, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return false, err
	}
	return true, f.sync()
}

func (f folderResults) Save(_ context.Context, id string, r Result) error {
	path, err := f.path(id)
	if err != nil {
		return err
	}
	switch _, err := os.Stat(f.final(id)); {
	case err == nil:
		return ErrFinalResult
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	name, err := f.write(r)
	if err != nil {
		return err
	}
	if r.Response != nil {
		defer os.Remove(name)
		if err := os.Link(name, f.final(id)); errors.Is(err, fs.ErrExist) {
			return ErrFinalResult
		} else if err != nil {
			return err
		}
		return f.sync()
	}
	if err := os.Rename(name, path); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return f.sync()
}

func (f folderResults) Load(_ context.Context, id string) (Result, error) {
	path, err := f.path(id)
	if err != nil {
		return Result{}, err
	}
	data, err := os.ReadFile(f.final(id))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, ErrNoResult
	}
	if err != nil {
		return Result{}, err
	}
	var r Result
	if err := json.Unmarshal(data, &r); err != nil {
		return Result{}, fmt.Errorf("reading result %s: %w", path, err)
	}
	return r, nil
}

func (f folderResults) Expire(ctx context.Context, t time.Time) error {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return err
	}
	var faults []error
	for _, e := range entries {
		id, isResult := strings.CutSuffix(e.Name(), ".json")
		info, err := e.Info()
		// A result is never Seen later than its file was written.
		if err != nil || !info.ModTime().Before(t) || ctx.Err() != nil {
			continue
		}
		if strings.HasPrefix(e.Name(), partial) { // of a process that ended while it wrote
			faults = append(faults, os.Remove(filepath.Join(string(f), e.Name())))
			continue
		}
		if !isResult {
			continue
		}
		if r, err := f.Load(ctx, strings.TrimSuffix(id, finalMark)); err != nil || r.Seen.Before(t) {
			faults = append(faults, os.Remove(filepath.Join(string(f), e.Name())))
		}
	}
	return errors.Join(faults...)
}
