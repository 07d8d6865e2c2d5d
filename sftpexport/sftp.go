package sftpexport

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// Mark begins the names of files that are not finished. They are hidden, so that
// jobs that pick up files pass them over.
const Mark = ".exportpipeline-part-"

// tries is how often something that may be repeated is tried.
const tries = 5

// sftpDestination is a [Destination] on a server that a pool has connections to.
type sftpDestination struct{ pool *pool }

var _ Destination = (*sftpDestination)(nil)

// Close does nothing: connections stay in the pool.
func (d *sftpDestination) Close() error { return nil }

// lostError is an error behind which the outcome of an operation is unknown.
type lostError struct{ err error }

func (e *lostError) Error() string   { return ErrConnection.Error() + ": " + e.err.Error() }
func (e *lostError) Unwrap() []error { return []error{ErrConnection, e.err} }

func isLost(err error) bool {
	var lost *lostError
	return errors.As(err, &lost)
}

// once runs f on a connection of the pool.
func (d *sftpDestination) once(ctx context.Context, f func(*connection) error) error {
	c, err := d.pool.acquire(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	c.release(isLost(err))
	return err
}

// repeat runs f, which must be safe to repeat, until it is known how it ended.
func (d *sftpDestination) repeat(ctx context.Context, f func(*connection) error) error {
	for n := 1; ; n++ {
		err := d.once(ctx, f)
		if err == nil || ctx.Err() != nil || n == tries || !mayRepeat(err, n) {
			return err
		}
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
}

// mayRepeat reports whether trying again may help.
func mayRepeat(err error, n int) bool {
	return isLost(err) || mayConnectLater(err) || mayReadAgain(err, n)
}

// mayConnectLater reports whether connecting again may help. A wrong password is
// not tried again: it locks accounts.
func mayConnectLater(err error) bool {
	return errors.Is(err, ErrConnection) && !errors.Is(err, ErrAuth) && !errors.Is(err, ErrHostKey)
}

// pause waits before the next try: 100 ms, then four times as long each time.
func pause(ctx context.Context, n int) error {
	wait := time.NewTimer(25 * time.Millisecond << (2 * n))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sftpStaged is a file under a hidden name.
type sftpStaged struct {
	d    *sftpDestination
	file File
	temp string      // path of the finished file, "" if there is none
	info fs.FileInfo // of the finished file, with the time by the server's clock
	left []string    // hidden files that are to be removed
	old  string      // where the file is that this one replaces, while it does
}

// Stage uploads the file under a hidden name.
func (d *sftpDestination) Stage(ctx context.Context, f File) (Staged, error) {
	s := &sftpStaged{d: d, file: f}
	if err := d.repeat(ctx, func(c *connection) error { return s.upload(ctx, c) }); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// upload sends the file once.
func (s *sftpStaged) upload(ctx context.Context, c *connection) error {
	s.tidy(ctx, c) // what an earlier try has left
	if err := s.d.directory(ctx, c, s.file.Directory, s.file.MayMakeDirectory); err != nil {
		return err
	}
	if size := s.file.Content.Size(); s.file.Collision == Refuse && (s.file.LookFirst || size < 0 || size > lookAbove) {
		if there, err := exists(ctx, c, s.file.Path()); err != nil {
			return err
		} else if there {
			return ErrExists
		}
	}
	content, err := s.file.Content.Open(ctx)
	if err != nil {
		return &sourceError{err}
	}
	defer func() { _ = content.Close() }()
	file, temp, err := s.create(ctx, c)
	if err != nil {
		return err
	}
	s.left = append(s.left, temp)
	src := &source{ctx: ctx, r: content}
	s.info, err = askMoving(ctx, src.moved, func() (fs.FileInfo, error) { return send(c, file, temp, src, s.file.Content.Size()) })
	sent, sourceErr := src.state()
	switch {
	case sourceErr != nil && ctx.Err() == nil:
		return &sourceError{sourceErr}
	case err != nil:
		return s.d.explain(ctx, c, s.file.Directory, err)
	case s.file.Content.Size() >= 0 && sent != s.file.Content.Size():
		return fmt.Errorf("%w: the source has %d, not %d", ErrSize, sent, s.file.Content.Size())
	}
	if s.info == nil || s.info.Size() != sent {
		// It may have been looked at before it was closed.
		if s.info, err = stat(ctx, c, temp); err != nil {
			return err
		}
	}
	if s.info.Size() != sent {
		return s.d.explain(ctx, c, s.file.Directory, fmt.Errorf("%w: %d were sent, %d arrived", ErrSize, sent, s.info.Size()))
	}
	s.temp = temp
	s.d.sweep(ctx, c, s.file.Directory, s.info.ModTime())
	return nil
}

// send writes, syncs and closes a file. It always closes it. It returns how the
// file looks then, nil if that did not show at the first look.
func send(c *connection, file *sftp.File, path string, src *source, size int64) (fs.FileInfo, error) {
	if err := write(c, file, src, size); err != nil {
		_ = file.Close()
		return nil, err
	}
	// The two requests go out together, which saves a round trip.
	looked := make(chan fs.FileInfo, 1)
	go func() {
		info, _ := c.Stat(path)
		looked <- info
	}()
	err := file.Close()
	return <-looked, err
}

func write(c *connection, file *sftp.File, src *source, size int64) error {
	if size >= 0 && size <= small {
		data, err := io.ReadAll(src)
		if err != nil {
			return err
		}
		if _, err := file.Write(data); err != nil {
			return err
		}
	} else if _, err := file.ReadFromWithConcurrency(src, inFlight); err != nil {
		// The number of bytes in a failed concurrent write is not what arrived.
		return err
	}
	if _, ok := c.HasExtension("fsync@openssh.com"); ok {
		return file.Sync()
	}
	return nil
}

// lookAbove is the size above which a name is looked at before a file is sent.
const lookAbove = 1 << 20

// small is the size of one write; concurrency is of no use below.
const small = 32 << 10

// create opens a hidden file that nobody else has.
func (s *sftpStaged) create(ctx context.Context, c *connection) (file *sftp.File, path string, err error) {
	for range 5 {
		path = joinPath(s.file.Directory, Mark+rand.Text())
		file, err = ask(ctx, func() (*sftp.File, error) { return c.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL) })
		if err == nil {
			return file, path, nil
		}
		if errors.Is(err, fs.ErrNotExist) {
			// The directory was there once; somebody has removed it.
			s.d.pool.directories.Delete(s.file.Directory)
			if err := s.d.directory(ctx, c, s.file.Directory, s.file.MayMakeDirectory); err != nil {
				return nil, "", err
			}
			continue
		}
		if there, lookErr := exists(ctx, c, path); lookErr != nil || !there {
			break
		}
	}
	return nil, "", s.d.explain(ctx, c, s.file.Directory, fmt.Errorf("creating a file in %q: %w", s.file.Directory, err))
}

// Discard removes what is hidden.
func (s *sftpStaged) Discard() error {
	if len(s.left) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanTimeout)
	defer cancel()
	err := s.d.repeat(ctx, func(c *connection) error { return s.tidy(ctx, c) })
	if err != nil {
		return fmt.Errorf("removing %s: %w", strings.Join(s.left, ", "), err)
	}
	return nil
}

// cleanTimeout bounds the removal of what was not finished.
const cleanTimeout = 10 * time.Second

// tidy removes hidden files on a connection, and keeps in mind those that it could
// not.
func (s *sftpStaged) tidy(ctx context.Context, c *connection) error {
	for len(s.left) > 0 {
		path := s.left[len(s.left)-1]
		err := do(ctx, func() error { return c.Remove(path) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.left = s.left[:len(s.left)-1]
	}
	s.temp = ""
	return nil
}

// directory makes sure that the directory is there.
func (d *sftpDestination) directory(ctx context.Context, c *connection, path string, mayMake bool) error {
	if path == "" {
		return nil
	}
	if _, known := d.pool.directories.Load(path); known {
		return nil
	}
	info, err := stat(ctx, c, path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("directory %q: there is a file with this name", path)
	case errors.Is(err, fs.ErrNotExist) && !mayMake:
		return fmt.Errorf("%q: %w", path, ErrNoDirectory)
	case errors.Is(err, fs.ErrNotExist):
		err = do(ctx, func() error { return c.MkdirAll(path) })
	}
	if err != nil {
		return fmt.Errorf("directory %q: %w", path, err)
	}
	d.pool.directories.Store(path, true)
	return nil
}

// explain looks for the cause of an error that says no more than "failure".
func (d *sftpDestination) explain(ctx context.Context, c *connection, directory string, err error) error {
	if !answered(err) && !errors.Is(err, ErrSize) || errors.Is(err, fs.ErrPermission) || isLost(err) {
		return err
	}
	if directory == "" {
		directory = "."
	}
	space, lookErr := ask(ctx, func() (*sftp.StatVFS, error) { return c.StatVFS(directory) })
	// Bavail, since the blocks that StatVFS.FreeSpace counts are root's.
	if lookErr == nil && (space.Bavail*space.Frsize < 1<<20 || space.Files > 0 && space.Favail == 0) {
		return fmt.Errorf("%w (%d bytes free): %w", ErrSpace, space.Bavail*space.Frsize, err)
	}
	return err
}

func stat(ctx context.Context, c *connection, path string) (fs.FileInfo, error) {
	return ask(ctx, func() (fs.FileInfo, error) { return c.Stat(path) })
}

// exists reports whether a name is taken, be it by a link to nowhere.
func exists(ctx context.Context, c *connection, path string) (bool, error) {
	_, err := ask(ctx, func() (fs.FileInfo, error) { return c.Lstat(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
