package sftpexport

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// create opens a hidden file that nobody else has. open says ErrExists if the file's
// own name is taken, which may leave a hidden file.
func (s *sftpStaged) create(ctx context.Context, c *connection, open func(path string, flags uint32) error) (path string, err error) {
	madeDirectory := false
	for range 5 {
		flags := uint32(openWrite | openCreate | openExclusively)
		if s.d.pool.notExclusive.Load() {
			flags = openWrite | openCreate | openTruncate
		}
		path = naming.Join(s.file.Directory, HiddenPrefix+rand.Text())
		if err = open(path, flags); err == nil {
			s.left = append(s.left, path)
			s.d.pool.directories.Store(s.file.Directory, true)
			return path, nil
		}
		switch {
		case errors.Is(err, ErrExists):
			s.left = append(s.left, path)
			return "", err
		case isLost(err):
			s.left = append(s.left, path) // it may be there
			return "", err
		case !answered(err):
			return "", err
		}
		// The directory was there once, or could not be seen.
		if !madeDirectory && s.file.Directory != "" {
			madeDirectory = true
			s.d.pool.directories.Delete(s.file.Directory)
			made, err := s.remake(ctx, c, err)
			if err != nil {
				return "", err
			}
			if made {
				continue
			}
		}
		there, _, lookErr := look(ctx, c, path, "")
		switch {
		case lookErr != nil:
			return "", lookErr
		case there == present:
			continue // another's
		case flags&openExclusively != 0 && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist):
			// A server without exclusive creation; the name is nobody else's.
			if err := open(path, openWrite|openCreate|openTruncate); err == nil {
				s.d.pool.notExclusive.Store(true)
				s.left = append(s.left, path)
				return path, nil
			}
		}
		break
	}
	err = fmt.Errorf("creating a file in %q: %w", s.file.Directory, err)
	if refused, ok := s.d.pool.refusedDirectories.Load(s.file.Directory); ok {
		err = fmt.Errorf("%w (making the directory was answered with: %w)", err, refused.(error))
	}
	return "", s.d.explain(ctx, c, s.file.Directory, err)
}

// remake makes the directory in which no file could be created, unless it is certain
// that it is there. cause is the server's answer to the creation.
func (s *sftpStaged) remake(ctx context.Context, c *connection, cause error) (made bool, err error) {
	path := s.file.Directory
	a, err := c.request(ctx, pathMessage(fxpStat, path))
	switch {
	case isLost(err):
		return false, err
	case err == nil && isFile(a.attrs):
		return false, fmt.Errorf("directory %q: %w", path, ErrNotDirectory)
	case err == nil:
		return false, nil
	case !s.file.MayMakeDirectory && errors.Is(cause, fs.ErrNotExist):
		return false, fmt.Errorf("%q: %w", path, ErrNoDirectory)
	case !s.file.MayMakeDirectory:
		return false, nil
	}
	if err := s.d.makeDirectory(ctx, c, path); err != nil {
		return false, err
	}
	_, made = s.d.pool.directories.Load(path)
	return made, nil
}

// Discard removes what is hidden.
func (s *sftpStaged) Discard() error {
	if len(s.left) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), transfer.CleanTimeout)
	defer cancel()
	err := s.d.repeat(ctx, func(c *connection) error { return s.tidy(ctx, c) })
	if err != nil {
		return &leftError{slices.Clone(s.left), err}
	}
	return nil
}

// leftError says that hidden files could not be removed.
type leftError struct {
	paths []string
	err   error
}

func (e *leftError) Error() string {
	return "removing " + strings.Join(e.paths, ", ") + ": " + e.err.Error()
}

func (e *leftError) Unwrap() error { return e.err }

// collect is for servers where nothing may be deleted: hidden files are emptied and
// get one name, so that they do not pile up.
func (s *sftpStaged) collect(ctx context.Context, c *connection, path string) bool {
	if a, err := c.request(ctx, openMessage(path, openWrite|openTruncate)); err == nil {
		_ = c.op(ctx, closeMessage(a.handle))
	}
	to := naming.Join(parent(path), naming.Probe)
	if c.has("posix-rename@openssh.com") && c.op(ctx, extendedMessage("posix-rename@openssh.com", path, to)) == nil {
		return true
	}
	return c.op(ctx, pathMessage(fxpRename, path, to)) == nil
}

// tidy removes hidden files on a connection, and keeps in mind those that it could
// not.
func (s *sftpStaged) tidy(ctx context.Context, c *connection) error {
	for len(s.left) > 0 {
		path := s.left[len(s.left)-1]
		err := c.op(ctx, pathMessage(fxpRemove, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && (isLost(err) || !s.collect(ctx, c, path)) {
			return err
		}
		s.left = s.left[:len(s.left)-1]
	}
	s.temp = ""
	return nil
}
