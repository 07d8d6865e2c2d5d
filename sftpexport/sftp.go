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
	// inPlace writes files under their own names.
	inPlace bool
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
	// lostClaim is a claim that was asked for, without an answer.
	lostClaim string
	old       string // where the file is that this one replaces, while it does
	// modified is when the finished file was written, by the server's clock; zero if it
	// does not say.
	modified time.Time
	size     int64  // of what was sent
	sum      []byte // its SHA-256, if the server can be asked for one
}

// Stage uploads the file under a hidden name.
func (d *sftpDestination) Stage(ctx context.Context, f File) (Staged, error) {
	if d.inPlace {
		return d.stageInPlace(ctx, f)
	}
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
	canDelete := true
	if !c.isOpenSSH() && s.file.Collision != Replace {
		var err error
		if canDelete, err = s.canDelete(ctx, c); err != nil {
			return err
		}
	}
	if s.file.Collision == Refuse && (!canDelete || !isSmall && (s.file.LookFirst || size < 0 || size > lookAbove)) {
		there, _, err := look(ctx, c, s.file.Path(), "")
		if err != nil || there == present {
			return errors.Join(err, taken(there))
		}
	}
	content, err := s.file.Content.Open(ctx)
	if err != nil {
		return &sourceError{err}
	}
	defer func() { _ = content.Close() }()
	src := newSource(ctx, content, c.hashes())
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
	s.size, s.sum = sent, src.sum()
	if arrived == nil || arrived.size != sent {
		// It may have been looked at before all was written.
		there, attrs, err := look(ctx, c, temp, "")
		switch {
		case err != nil:
			return err
		case there == absent:
			return ErrPartGone
		}
		arrived = attrs
	}
	if arrived != nil && arrived.size >= 0 && arrived.size != sent {
		return s.d.explain(ctx, c, s.file.Directory, fmt.Errorf("%w: %d were sent, %d arrived", ErrSize, sent, arrived.size))
	}
	s.temp = temp
	if arrived != nil && !arrived.modified.IsZero() {
		s.modified = arrived.modified
		s.d.sweep(ctx, c, s.file.Directory, s.modified)
	}
	return nil
}

// taken is ErrExists for what is present.
func taken(s sight) error {
	if s == present {
		return ErrExists
	}
	return nil
}

// sendLarge writes a file with many writes under way at once.
func (s *sftpStaged) sendLarge(ctx context.Context, c *connection, src *source) (temp string, arrived *fileAttrs, err error) {
	var file *sftp.File
	temp, err = s.create(ctx, c, func(path string, flags uint32) error {
		mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
		if flags&openExclusively == 0 {
			mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		}
		file, err = ask(ctx, func() (*sftp.File, error) { return c.OpenFile(path, mode) })
		return err
	})
	if err != nil {
		return "", nil, err
	}
	arrived, err = askMoving(ctx, src.moved, func() (*fileAttrs, error) { return write(c, file, temp, src) })
	return temp, arrived, s.written(ctx, c, err)
}

// write writes, syncs and closes a file. It always closes it. It returns how the
// file looks then, nil if that did not show at the first look.
func write(c *connection, file *sftp.File, path string, src *source) (*fileAttrs, error) {
	// The number of bytes in a failed concurrent write is not what arrived.
	_, err := file.ReadFromWithConcurrency(src, inFlight)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	var unsynced error
	if c.syncs() {
		if err := file.Sync(); err != nil && answered(err) {
			unsynced = &unsyncedError{err}
		} else if err != nil {
			_ = file.Close()
			return nil, err
		}
	}
	// The two requests go out together, which saves a round trip.
	looked := make(chan *fileAttrs, 1)
	go func() {
		if info, err := c.Stat(path); err == nil {
			looked <- attrsOf(info)
		}
		close(looked)
	}()
	if err = file.Close(); err == nil {
		err = unsynced
	}
	return <-looked, err
}

// unsyncedError is a server's refusal to put a file on its disk that is whole otherwise.
type unsyncedError struct{ err error }

func (e *unsyncedError) Error() string { return e.err.Error() }
func (e *unsyncedError) Unwrap() error { return e.err }

// written looks for the cause of an error of writing. A server that announces syncing
// and cannot do it is no reason to stop, unless its disk is full.
func (s *sftpStaged) written(ctx context.Context, c *connection, err error) error {
	explained := s.d.explain(ctx, c, s.file.Directory, err)
	var unsynced *unsyncedError
	if !errors.As(err, &unsynced) || errors.Is(explained, ErrSpace) || isLost(explained) {
		return explained
	}
	if !s.d.pool.cannotSync.Swap(true) {
		s.d.tell("the server announces that it can put files on its disk at once, and answers %q; files are written without", unsynced.err)
	}
	return nil
}

// sendSmall writes a file in two round trips: one for its handle, with a look at its
// name if there is to be one, and one for everything else.
func (s *sftpStaged) sendSmall(ctx context.Context, c *connection, src *source) (temp string, arrived *fileAttrs, err error) {
	data, err := askMoving(ctx, src.moved, func() ([]byte, error) { return io.ReadAll(io.LimitReader(src, small+1)) })
	if err != nil {
		return "", nil, err
	}
	var handle string
	temp, err = s.create(ctx, c, func(path string, flags uint32) error {
		handle, err = ask(ctx, func() (string, error) {
			if s.file.Collision == Refuse {
				return c.wire.openUnless(path, flags, s.file.Path())
			}
			a := c.wire.exchange(openMessage(path, flags))[0]
			return a.handle, a.err
		})
		return err
	})
	if err != nil {
		return "", nil, err
	}
	arrived, err = ask(ctx, func() (*fileAttrs, error) { return writeSmall(c, handle, data) })
	return temp, arrived, s.written(ctx, c, err)
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
	var unsynced error
	for i, a := range c.wire.exchange(requests...) {
		switch {
		case requests[i].kind == fxpFstat && answered(a.err):
			attrs = a.attrs // if it may not be asked this way, there is another
		case requests[i].kind == fxpExtended && a.err != nil && answered(a.err):
			unsynced = &unsyncedError{a.err}
		case a.err != nil:
			return nil, a.err
		}
	}
	return attrs, unsynced
}

// syncs reports whether the server can put a file on its disk.
func (c *connection) syncs() bool {
	version, _ := c.HasExtension("fsync@openssh.com")
	return version == "1" && !c.pool.unsynced && !c.pool.cannotSync.Load()
}

// isOpenSSH reports whether the server is OpenSSH's for Unix. Others say so, too, since
// some clients treat it better; but they lack some of the extensions that it has had
// since version 5.
func (c *connection) isOpenSSH() bool {
	version := string(c.ssh.ServerVersion())
	return strings.HasPrefix(version, "SSH-2.0-OpenSSH_") && !strings.Contains(version, "Windows") &&
		c.has("posix-rename@openssh.com") && c.has("statvfs@openssh.com") && c.has("fstatvfs@openssh.com") && c.has("hardlink@openssh.com")
}

// lookAbove is the size above which a name is looked at before a file is sent.
const lookAbove = 1 << 20

// small is the size of one write; concurrency is of no use below.
const small = 32 << 10

// create opens a hidden file that nobody else has. open says ErrExists if the file's
// own name is taken, which may leave a hidden file.
func (s *sftpStaged) create(ctx context.Context, c *connection, open func(path string, flags uint32) error) (path string, err error) {
	madeDirectory := false
	for range 5 {
		flags := uint32(openWrite | openCreate | openExclusively)
		if s.d.pool.notExclusive.Load() {
			flags = openWrite | openCreate | openTruncate
		}
		path = joinPath(s.file.Directory, Mark+rand.Text())
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

// collect is for servers where nothing may be deleted: hidden files are emptied and
// get one name, so that they do not pile up.
func (s *sftpStaged) collect(ctx context.Context, c *connection, path string) bool {
	if a, err := c.request(ctx, openMessage(path, openWrite|openTruncate)); err == nil {
		_ = c.op(ctx, closeMessage(a.handle))
	}
	to := joinPath(parent(path), probeName)
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

// explain looks for the cause of an error that says no more than "failure".
func (d *sftpDestination) explain(ctx context.Context, c *connection, directory string, err error) error {
	if err == nil || isLost(err) || errors.Is(err, ErrSpace) || errors.Is(err, ErrNotDirectory) {
		return err
	}
	isFull := saysFull(err)
	if !isFull && (!answered(err) && !errors.Is(err, ErrSize) || errors.Is(err, fs.ErrPermission)) {
		return err
	}
	if directory == "" {
		directory = "."
	}
	if c.has("statvfs@openssh.com") {
		space, lookErr := ask(ctx, func() (*sftp.StatVFS, error) { return c.StatVFS(directory) })
		// Bavail, since the blocks that StatVFS.FreeSpace counts are root's.
		if lookErr == nil && (isFull || space.Bavail*space.Frsize < 1<<20 || space.Files > 0 && space.Favail == 0) {
			return fmt.Errorf("%w (%d bytes free): %w", ErrSpace, space.Bavail*space.Frsize, err)
		}
	}
	if isFull {
		return fmt.Errorf("%w: %w", ErrSpace, err)
	}
	return err
}

// saysFull reports whether a server says that there is no space: by the codes of newer
// versions of the protocol, which some use in version 3, or by its words.
func saysFull(err error) bool {
	if code := codeOfStatus(err); code == 14 || code == 15 {
		return true
	}
	text := strings.ToLower(err.Error())
	for _, words := range []string{"quota", "no space", "not enough space", "disk full", "disk is full", "insufficient space", "out of space"} {
		if strings.Contains(text, words) && answered(err) {
			return true
		}
	}
	return false
}
