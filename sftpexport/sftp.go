package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// HiddenPrefix begins the names of files that are not finished. They are hidden, so that
// jobs that pick up files pass them over.
const HiddenPrefix = ".exportpipeline-part-"

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
			system = SystemUnix
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
		if err == nil || ctx.Err() != nil || n == transfer.Tries || !mayRepeat(err, n) {
			return err
		}
		if err := transfer.Pause(ctx, n); err != nil {
			return err
		}
	}
}

// mayRepeat reports whether trying again may help.
func mayRepeat(err error, n int) bool {
	return isLost(err) || mayConnectLater(err) || transfer.MayReadAgain(err, n)
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

// fullWords are what servers say of a disk that is full or a quota that is used up.
var fullWords = regexp.MustCompile(`quota|space (limit|exceeded)|(no|not enough|insufficient|out of|exceeds?( the)?)( free| available| disk| storage)* (space|storage)|(disk|device|volume|file system)( is)? full|storage limit`)

// saysFull reports whether a server says that there is no space: by the codes of newer
// versions of the protocol, which some use in version 3, or by its words.
func saysFull(err error) bool {
	if code := codeOfStatus(err); code == fxNoSpace || code == fxQuotaExceeded {
		return true
	}
	var ours *statusError
	var theirs *sftp.StatusError
	text := ""
	switch { // not the whole error, which has names in it
	case errors.As(err, &ours):
		text = ours.text
	case errors.As(err, &theirs):
		text = theirs.Error()
	}
	return fullWords.MatchString(strings.ToLower(text))
}
