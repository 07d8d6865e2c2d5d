package sftpexport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// Commit renames the hidden file.
func (s *sftpStaged) Commit(ctx context.Context) (string, error) {
	if s.temp == "" {
		return "", errors.New("the file is not staged, or has its name already")
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	ctx, cancel := settling(ctx)
	defer cancel()
	taken := map[string]bool{}
	for n := 0; ; n++ {
		name := s.file.Name
		if n > 0 {
			name = naming.Numbered(name, n)
		}
		if taken[name] {
			continue
		}
		path := joinPath(s.file.Directory, name)
		err := s.giveName(ctx, path)
		if !errors.Is(err, ErrExists) || s.file.Collision != Number || n >= maxNumber {
			return path, err
		}
		if n == 0 {
			taken = s.d.names(ctx, s.file.Directory)
		}
	}
}

// settling is a context for an operation whose outcome must become known: it
// goes on a little longer than the export's.
func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(settleTimeout, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(context.Canceled) }
}

const settleTimeout = 2 * time.Second

// maxNumber ends the search for a free name.
const maxNumber = 99999

// names lists what is in a directory, as far as that may be known.
func (d *sftpDestination) names(ctx context.Context, directory string) map[string]bool {
	taken := make(map[string]bool)
	_ = d.once(ctx, func(c *connection) error {
		infos, err := list(ctx, c, directory)
		for _, info := range infos {
			taken[info.Name()] = true
		}
		return err
	})
	return taken
}

func list(ctx context.Context, c *connection, directory string) ([]fs.FileInfo, error) {
	if directory == "" {
		directory = "."
	}
	return ask(ctx, func() ([]fs.FileInfo, error) { return c.ReadDirContext(ctx, directory) })
}

// giveName gives the hidden file a name. When a connection is lost it looks on
// another one at what has become of the file before it decides.
func (s *sftpStaged) giveName(ctx context.Context, path string) error {
	var by means // that the name was last tried to be given by
	err := s.d.repeat(ctx, func(c *connection) error {
		if by != none {
			done, err := s.look(ctx, c, path, by)
			if done || err != nil {
				return err
			}
		}
		err := s.rename(ctx, c, path, &by)
		if errors.Is(err, fs.ErrNotExist) {
			// The lost connection's request has come through after all.
			if done, lookErr := s.look(ctx, c, path, by); done {
				return lookErr
			}
		}
		return err
	})
	switch {
	case err == nil:
		s.temp = ""
		return s.removeOld()
	case s.old != "":
		err = fmt.Errorf("%w (the file that was to be replaced may be called %q now)", err, s.old)
	}
	switch {
	case by != none && (isLost(err) || ctx.Err() != nil || mayConnectLater(err)):
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return err
}

// means are the ways to give a name.
type means uint8

const (
	none    means = iota
	renamed       // the hidden name goes when the name comes
	linked        // both names are there until the hidden one is removed
)

// look finds out how an operation ended whose answer was lost.
func (s *sftpStaged) look(ctx context.Context, c *connection, path string, by means) (done bool, err error) {
	hidden, err := exists(ctx, c, s.temp)
	if err != nil {
		return false, err
	}
	if !hidden {
		// Nobody but us takes the hidden name away. A reader may have taken the
		// file since.
		s.forget(s.temp)
		return true, nil
	}
	there, err := exists(ctx, c, path)
	switch {
	case err != nil:
		return false, err
	case !there && by == linked:
		return true, ErrUnknownOutcome // not linked yet, or taken by a reader already
	case !there || s.file.Collision == Replace && by == renamed:
		return false, nil
	}
	same, err := holds(ctx, c, path, s.file)
	switch {
	case err != nil:
		return false, err
	case !same:
		return true, ErrExists
	}
	return true, s.unhide(ctx, c)
}

// unhide removes the hidden name of a file that has its name.
func (s *sftpStaged) unhide(ctx context.Context, c *connection) error {
	err := do(ctx, func() error { return c.Remove(s.temp) })
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s.forget(s.temp)
	}
	// If not, Discard tries again; the file has its name.
	return nil
}

func (s *sftpStaged) forget(path string) {
	s.left = slices.DeleteFunc(s.left, func(p string) bool { return p == path })
}

// rename gives the name once, and notes in by what was tried.
func (s *sftpStaged) rename(ctx context.Context, c *connection, path string, by *means) error {
	if s.file.Collision == Replace {
		return s.replace(ctx, c, path, by)
	}
	// OpenSSH's server renames by link and unlink, so that a taken name is refused.
	// Other servers may overwrite.
	if c.isOpenSSH() {
		*by = renamed
		err := do(ctx, func() error { return c.Rename(s.temp, path) })
		return s.named(ctx, c, path, err)
	}
	if _, ok := c.HasExtension("hardlink@openssh.com"); ok {
		*by = linked
		err := do(ctx, func() error { return c.Link(s.temp, path) })
		if err == nil {
			return s.unhide(ctx, c)
		}
		if err = s.named(ctx, c, path, err); isLost(err) || errors.Is(err, ErrExists) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// The server, or its file system, has no links.
	}
	return s.renameClaimed(ctx, c, path, by)
}

// named says what an answer means: servers have no code of their own for a name
// that is taken.
func (s *sftpStaged) named(ctx context.Context, c *connection, path string, err error) error {
	switch {
	case err == nil:
		s.forget(s.temp)
		return nil
	case !answered(err) || isLost(err):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return err
	}
	there, lookErr := exists(ctx, c, path)
	switch {
	case isLost(lookErr):
		return lookErr
	case there:
		return ErrExists
	}
	return fmt.Errorf("renaming: %w", err)
}

// replace puts the file in the place of one that may be there.
func (s *sftpStaged) replace(ctx context.Context, c *connection, path string, by *means) error {
	*by = renamed
	if _, ok := c.HasExtension("posix-rename@openssh.com"); ok {
		err := do(ctx, func() error { return c.PosixRename(s.temp, path) })
		if !unsupported(err) {
			if err == nil {
				s.forget(s.temp)
			}
			return err
		}
	}
	err := do(ctx, func() error { return c.Rename(s.temp, path) })
	if err = s.named(ctx, c, path, err); !errors.Is(err, ErrExists) {
		return err
	}
	// This server does not replace. The old file stays, under a name that is
	// hidden and never swept away, until the new one is there.
	s.old = joinPath(s.file.Directory, ".exportpipeline-old-"+hidden(s.temp))
	if err := do(ctx, func() error { return c.Rename(path, s.old) }); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("moving the file that is to be replaced: %w", err)
	}
	err = do(ctx, func() error { return c.Rename(s.temp, path) })
	if err = s.named(ctx, c, path, err); err != nil && !isLost(err) {
		if do(ctx, func() error { return c.Rename(s.old, path) }) == nil {
			s.old = ""
		}
	}
	return err
}

// removeOld removes the replaced file. If it cannot now, Discard tries again.
func (s *sftpStaged) removeOld() error {
	if s.old != "" {
		s.left = append(s.left, s.old)
		s.old = ""
		_ = s.Discard()
	}
	return nil
}

// hidden is what tells one hidden name from another.
func hidden(path string) string { return path[strings.LastIndex(path, Mark)+len(Mark):] }

func unsupported(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported
}

// renameClaimed is for servers without links, where renaming may overwrite: a
// hidden file stands for the right to give the name.
func (s *sftpStaged) renameClaimed(ctx context.Context, c *connection, path string, by *means) error {
	*by = none // until the file is renamed
	sum := sha256.Sum256([]byte(path))
	claim := joinPath(s.file.Directory, Mark+"claim-"+hex.EncodeToString(sum[:12]))
	if !slices.Contains(s.left, claim) { // or ours still, of a connection that was lost
		if err := s.claim(ctx, c, claim); err != nil {
			return err
		}
		s.left = append(s.left, claim)
	}
	defer func() {
		if do(ctx, func() error { return c.Remove(claim) }) == nil {
			s.forget(claim)
		}
	}()
	there, err := exists(ctx, c, path)
	switch {
	case err != nil:
		return err
	case there:
		return ErrExists
	}
	*by = renamed
	err = do(ctx, func() error { return c.Rename(s.temp, path) })
	if _, ok := c.HasExtension("posix-rename@openssh.com"); ok && unsupported(err) {
		err = do(ctx, func() error { return c.PosixRename(s.temp, path) })
	}
	return s.named(ctx, c, path, err)
}

// claimTimeout is how old a claim may get. It is held for three operations.
const claimTimeout = time.Minute

// claim makes the hidden file, or waits until nobody else has it.
func (s *sftpStaged) claim(ctx context.Context, c *connection, claim string) error {
	started := time.Now()
	for {
		err := do(ctx, func() error {
			f, err := c.OpenFile(claim, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
			if err != nil {
				return err
			}
			return f.Close()
		})
		if err == nil {
			return nil
		}
		info, lookErr := stat(ctx, c, claim)
		switch {
		case isLost(err) || isLost(lookErr):
			return errors.Join(err, lookErr)
		case errors.Is(lookErr, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && time.Since(started) < claimTimeout:
			// Given back meanwhile.
		case lookErr != nil:
			return fmt.Errorf("claiming the name: %w", err)
		case s.modified.Add(time.Since(started)).Sub(info.ModTime()) > 2*claimTimeout:
			// Of an exporter that crashed, by the server's clock.
			if err := do(ctx, func() error { return c.Remove(claim) }); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing the claim of a crashed exporter: %w", err)
			}
		case time.Since(started) > 3*claimTimeout:
			return fmt.Errorf("another exporter has been claiming the name for %v (%s)", time.Since(started).Round(time.Second), claim)
		}
		wait := time.NewTimer(5 * time.Millisecond)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		}
	}
}

// Holds compares the file at the destination with f.
func (d *sftpDestination) Holds(ctx context.Context, f File) (same bool, err error) {
	err = d.repeat(ctx, func(c *connection) error {
		same, err = holds(ctx, c, f.Path(), f)
		if errors.Is(err, fs.ErrNotExist) {
			same, err = false, nil
		}
		return err
	})
	return same, err
}

// holds compares size and hash.
func holds(ctx context.Context, c *connection, path string, f File) (same bool, err error) {
	info, err := stat(ctx, c, path)
	if err != nil {
		return false, err
	}
	if size := f.Content.Size(); !info.Mode().IsRegular() || size >= 0 && size != info.Size() {
		return false, nil
	}
	want, _, err := sumOf(ctx, f.Content)
	if err != nil {
		return false, fmt.Errorf("reading the source: %w", err)
	}
	var moved atomic.Int64
	got, err := askMoving(ctx, moved.Load, func() (sum [sha256.Size]byte, err error) {
		sum, _, err = sumOf(ctx, opener(func() (io.ReadCloser, error) {
			file, err := c.Open(path)
			if err != nil {
				return nil, err
			}
			return movingReader{file, &moved}, nil
		}))
		return sum, err
	})
	return err == nil && got == want, err
}
