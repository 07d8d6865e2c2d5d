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
type sftpDestination struct {
	pool *pool
	// note tells the report what a person should know of this export.
	note func(format string, args ...any)
}

var _ Destination = (*sftpDestination)(nil)

// Close does nothing: connections stay in the pool.
func (d *sftpDestination) Close() error { return nil }

// tell tells the report what a person should know.
func (d *sftpDestination) tell(format string, args ...any) {
	if d.note != nil {
		d.note(format, args...)
	}
}

// System is known of servers that say what they are.
func (d *sftpDestination) System(ctx context.Context) (system System, err error) {
	err = d.repeat(ctx, func(c *connection) error {
		if c.isOpenSSH() || strings.Contains(string(c.ssh.ServerVersion()), "mod_sftp") {
			system = Unix
		}
		return nil
	})
	return system, err
}

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
	for _, n := range d.pool.takeNotes() {
		d.tell("%s", n)
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
	var permanent *permanentError
	return errors.Is(err, ErrConnection) && !errors.Is(err, ErrAuth) && !errors.Is(err, ErrHostKey) && !errors.As(err, &permanent)
}

// permanentError is why there is no connection, if there will be none later either.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

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
	temp string   // path of the finished file, "" if there is none
	left []string // hidden files that are to be removed
	old  string   // where the file is that this one replaces, while it does
	// modified is when the finished file was written, by the server's clock.
	modified time.Time
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
	size := s.file.Content.Size()
	isSmall := size >= 0 && size <= small
	if s.file.Collision == Refuse && !isSmall && (s.file.LookFirst || size < 0 || size > lookAbove) {
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
	src := &source{ctx: ctx, r: content}
	send := s.sendLarge
	if isSmall {
		send = s.sendSmall
	}
	temp, arrived, err := send(ctx, c, src)
	sent, sourceErr := src.state()
	switch {
	case sourceErr != nil && ctx.Err() == nil:
		return &sourceError{sourceErr}
	case err != nil:
		return err
	case size >= 0 && sent != size:
		return fmt.Errorf("%w: the source has %d, not %d", ErrSize, sent, size)
	}
	if arrived == nil || arrived.size != sent {
		// It may have been looked at before all was written.
		info, err := stat(ctx, c, temp)
		if err != nil {
			return err
		}
		arrived = attrsOf(info)
	}
	if arrived.size != sent {
		return s.d.explain(ctx, c, s.file.Directory, fmt.Errorf("%w: %d were sent, %d arrived", ErrSize, sent, arrived.size))
	}
	s.temp, s.modified = temp, arrived.modified
	s.d.sweep(ctx, c, s.file.Directory, s.modified)
	return nil
}

// sendLarge writes a file with many writes under way at once.
func (s *sftpStaged) sendLarge(ctx context.Context, c *connection, src *source) (temp string, arrived *fileAttrs, err error) {
	var file *sftp.File
	temp, err = s.create(ctx, c, func(path string) error {
		file, err = ask(ctx, func() (*sftp.File, error) { return c.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL) })
		return err
	})
	if err != nil {
		return "", nil, err
	}
	arrived, err = askMoving(ctx, src.moved, func() (*fileAttrs, error) { return write(c, file, temp, src) })
	return temp, arrived, s.d.explain(ctx, c, s.file.Directory, err)
}

// write writes, syncs and closes a file. It always closes it. It returns how the
// file looks then, nil if that did not show at the first look.
func write(c *connection, file *sftp.File, path string, src *source) (*fileAttrs, error) {
	// The number of bytes in a failed concurrent write is not what arrived.
	_, err := file.ReadFromWithConcurrency(src, inFlight)
	if err == nil && c.syncs() {
		err = file.Sync()
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	// The two requests go out together, which saves a round trip.
	looked := make(chan *fileAttrs, 1)
	go func() {
		if info, err := c.Stat(path); err == nil {
			looked <- attrsOf(info)
		}
		close(looked)
	}()
	err = file.Close()
	return <-looked, err
}

// sendSmall writes a file in two round trips: one for its handle, with a look at its
// name if there is to be one, and one for everything else.
func (s *sftpStaged) sendSmall(ctx context.Context, c *connection, src *source) (temp string, arrived *fileAttrs, err error) {
	data, err := askMoving(ctx, src.moved, func() ([]byte, error) { return io.ReadAll(io.LimitReader(src, small+1)) })
	if err != nil {
		return "", nil, err
	}
	var handle string
	temp, err = s.create(ctx, c, func(path string) error {
		handle, err = ask(ctx, func() (string, error) {
			if s.file.LookFirst && s.file.Collision == Refuse {
				return c.wire.openUnless(path, s.file.Path())
			}
			a := c.wire.exchange(openMessage(path))[0]
			return a.handle, a.err
		})
		return err
	})
	if err != nil {
		return "", nil, err
	}
	arrived, err = ask(ctx, func() (*fileAttrs, error) { return writeSmall(c, handle, data) })
	return temp, arrived, s.d.explain(ctx, c, s.file.Directory, err)
}

// writeSmall writes, syncs, looks at, and closes a file. It always closes it.
func writeSmall(c *connection, handle string, data []byte) (*fileAttrs, error) {
	var requests, rest []message
	if len(data) > 0 {
		requests = []message{writeMessage(handle, data)}
	}
	if c.syncs() {
		rest = []message{syncMessage(handle)}
	}
	rest = append(rest, statMessage(handle), closeMessage(handle))
	// The protocol wants requests for one file to be carried out one after the other.
	// OpenSSH's server does it; for others a sync must not overtake the write.
	if !c.isOpenSSH() && len(requests) > 0 {
		if err := c.wire.exchange(requests...)[0].err; err != nil {
			_ = c.wire.exchange(closeMessage(handle))
			return nil, err
		}
		requests = nil
	}
	requests = append(requests, rest...)
	var attrs *fileAttrs
	for i, a := range c.wire.exchange(requests...) {
		switch {
		case requests[i].kind == fxpFstat && answered(a.err):
			attrs = a.attrs // if it may not be asked this way, there is another
		case a.err != nil:
			return nil, a.err
		}
	}
	return attrs, nil
}

// syncs reports whether the server can put a file on its disk.
func (c *connection) syncs() bool {
	version, _ := c.HasExtension("fsync@openssh.com")
	return version == "1" && !c.pool.unsynced
}

// isOpenSSH reports whether the server is OpenSSH's for Unix.
func (c *connection) isOpenSSH() bool {
	version := string(c.ssh.ServerVersion())
	return strings.HasPrefix(version, "SSH-2.0-OpenSSH_") && !strings.Contains(version, "Windows")
}

// lookAbove is the size above which a name is looked at before a file is sent.
const lookAbove = 1 << 20

// small is the size of one write; concurrency is of no use below.
const small = 32 << 10

// create opens a hidden file that nobody else has. open says ErrExists if the file's
// own name is taken, which may leave a hidden file.
func (s *sftpStaged) create(ctx context.Context, c *connection, open func(path string) error) (path string, err error) {
	for range 5 {
		path = joinPath(s.file.Directory, Mark+rand.Text())
		if err = open(path); err == nil {
			s.left = append(s.left, path)
			return path, nil
		}
		switch {
		case errors.Is(err, ErrExists):
			s.left = append(s.left, path)
			return "", err
		case isLost(err):
			s.left = append(s.left, path) // it may be there
		}
		if errors.Is(err, fs.ErrNotExist) {
			// The directory was there once; somebody has removed it.
			s.d.pool.directories.Delete(s.file.Directory)
			if err := s.d.directory(ctx, c, s.file.Directory, s.file.MayMakeDirectory); err != nil {
				return "", err
			}
			continue
		}
		if there, lookErr := exists(ctx, c, path); lookErr != nil || !there {
			break
		}
	}
	return "", s.d.explain(ctx, c, s.file.Directory, fmt.Errorf("creating a file in %q: %w", s.file.Directory, err))
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
	if err == nil || !answered(err) && !errors.Is(err, ErrSize) || errors.Is(err, fs.ErrPermission) || isLost(err) {
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
