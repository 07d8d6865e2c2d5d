package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// Commit renames the hidden file.
func (s *sftpStaged) Commit(ctx context.Context) (string, error) {
	if s.temp == "" {
		return "", errors.New("the file is not staged, or has its name already")
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	ctx, cancel := transfer.Settling(ctx)
	defer cancel()
	if s.file.Collision != CollisionNumber {
		path := s.file.Path()
		return path, s.giveName(ctx, path)
	}
	return s.commitNumbered(ctx)
}

// giveName gives the hidden file a name. When a connection is lost it looks on
// another one at what has become of the file before it decides.
func (s *sftpStaged) giveName(ctx context.Context, path string) error {
	var by means // that the name was last tried to be given by
	isUnclear, isSettled := false, false
	err := s.d.repeat(ctx, func(c *connection) (err error) {
		if isUnclear {
			if isSettled, err = s.settle(ctx, c, path, by); isSettled || err != nil {
				return err
			}
		}
		err = s.rename(ctx, c, path, &by)
		switch {
		case isLost(err) && by != none:
			isUnclear = true
		case errors.Is(err, fs.ErrNotExist) && isUnclear:
			// The lost connection's request has come through after all.
			var settleErr error
			if isSettled, settleErr = s.settle(ctx, c, path, by); isSettled || settleErr != nil {
				return settleErr
			}
		case errors.Is(err, fs.ErrNotExist):
			return s.whatIsMissing(ctx, c, err)
		default:
			isSettled = answered(err) // now, and what comes later does not find the hidden name
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
	if isUnclear && !isSettled && !errors.Is(err, ErrUnknownOutcome) {
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

// whatIsMissing says what a rename did not find: nobody but us should take the hidden
// name away.
func (s *sftpStaged) whatIsMissing(ctx context.Context, c *connection, err error) error {
	there, _, lookErr := look(ctx, c, s.temp, "")
	switch {
	case lookErr != nil:
		return lookErr
	case there == absent:
		s.forget(s.temp)
		return fmt.Errorf("%w (%w)", ErrPartGone, err)
	}
	return fmt.Errorf("renaming: %w", err)
}

// settle finds out how an operation ended whose answer was lost.
func (s *sftpStaged) settle(ctx context.Context, c *connection, path string, by means) (done bool, err error) {
	hidden, _, err := look(ctx, c, s.temp, "")
	if err != nil {
		return false, err
	}
	there, attrs, err := look(ctx, c, path, "")
	switch {
	case err != nil:
		return false, err
	case hidden == unseen || there == unseen:
		return true, ErrUnknownOutcome
	case hidden == absent && there == absent:
		// It had its name, and a reader has taken it; or somebody has removed it before.
		return true, ErrUnknownOutcome
	case there == absent && by == linked:
		return true, ErrUnknownOutcome // not linked yet, or taken by a reader already
	case there == absent || hidden == present && s.file.Collision == CollisionReplace && by == renamed:
		return false, nil
	}
	same, err := s.holdsOurs(ctx, c, path, attrs)
	switch {
	case err != nil:
		return false, err
	case !same && hidden == absent:
		return true, ErrUnknownOutcome
	case !same:
		return true, ErrExists
	}
	if hidden == absent {
		s.forget(s.temp)
		return true, nil
	}
	return true, s.unhide(ctx, c)
}

// holdsOurs compares a file with the one that was sent: by its content, or, where that
// may not be read, by its size and the time at which it was written.
func (s *sftpStaged) holdsOurs(ctx context.Context, c *connection, path string, attrs *fileAttrs) (bool, error) {
	same, err := holds(ctx, c, path, s.file)
	if err == nil || isLost(err) || !answered(err) {
		return same, err
	}
	return attrs != nil && attrs.size == s.size && !attrs.modified.IsZero() && attrs.modified.Equal(s.modified), nil
}

// unhide removes the hidden name of a file that has its name.
func (s *sftpStaged) unhide(ctx context.Context, c *connection) error {
	err := c.op(ctx, pathMessage(fxpRemove, s.temp))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s.forget(s.temp)
	}
	// If not, Discard transfer.Tries again; the file has its name.
	return nil
}

func (s *sftpStaged) forget(path string) {
	s.left = slices.DeleteFunc(s.left, func(p string) bool { return p == path })
}

// rename gives the name once, and notes in by what was tried.
func (s *sftpStaged) rename(ctx context.Context, c *connection, path string, by *means) error {
	if s.file.Collision == CollisionReplace {
		return s.replace(ctx, c, path, by)
	}
	// OpenSSH's server renames by link and unlink, so that a taken name is refused.
	// Other servers may overwrite.
	if c.isOpenSSH() {
		*by = renamed
		attrs, err := s.renameAndLook(ctx, c, path, pathMessage(fxpRename, s.temp, path))
		isRefused := errors.Is(err, fs.ErrPermission) || unsupported(err)
		err = s.named(ctx, c, path, err)
		switch {
		case err == nil:
			return s.verify(ctx, c, path, attrs)
		case !isRefused || isLost(err) || errors.Is(err, ErrExists) || errors.Is(err, fs.ErrNotExist):
			return err
		}
		// The user may not rename; links may be allowed.
	}
	// What follows leaves a hidden file if nothing may be deleted.
	canDelete, err := s.canDelete(ctx, c)
	if err != nil {
		return err
	}
	if canDelete && c.has("hardlink@openssh.com") {
		*by = linked
		err := c.op(ctx, extendedMessage("hardlink@openssh.com", s.temp, path))
		if err == nil {
			return s.verifyAndUnhide(ctx, c, path)
		}
		if err = s.named(ctx, c, path, err); isLost(err) || errors.Is(err, ErrExists) || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// The server, or its file system, has no links.
	}
	*by = none // until the file is renamed
	if canDelete && !s.d.pool.notExclusive.Load() {
		release, err := s.claim(ctx, c, path)
		if err != nil {
			return err
		}
		defer release()
	}
	there, _, err := look(ctx, c, path, s.temp)
	if err != nil || there == present {
		return errors.Join(err, taken(there))
	}
	*by = renamed
	attrs, err := s.renameAndLook(ctx, c, path, pathMessage(fxpRename, s.temp, path))
	if unsupported(err) && c.has("posix-rename@openssh.com") && there == absent {
		attrs, err = s.renameAndLook(ctx, c, path, extendedMessage("posix-rename@openssh.com", s.temp, path))
	}
	if err = s.named(ctx, c, path, err); err != nil {
		return err
	}
	return s.verify(ctx, c, path, attrs)
}

// renameAndLook renames, and looks at the new name in the same round trip. OpenSSH
// carries requests out one after the other; another server may have looked before it
// renamed, so that only what is surely this file counts.
func (s *sftpStaged) renameAndLook(ctx context.Context, c *connection, path string, rename message) (*fileAttrs, error) {
	return ask(ctx, func() (*fileAttrs, error) {
		answers := c.wire.exchange(rename, lookMessage(path))
		attrs := answers[1].attrs
		switch {
		case answers[0].err != nil:
			return nil, answers[0].err
		case attrs == nil || !c.isOpenSSH() && (attrs.size != s.size || s.modified.IsZero() || !attrs.modified.Equal(s.modified)):
			return nil, nil
		}
		return attrs, nil
	})
}

// verifyAndUnhide looks at a new name and removes the hidden one, in one round trip.
func (s *sftpStaged) verifyAndUnhide(ctx context.Context, c *connection, path string) error {
	attrs, err := ask(ctx, func() (*fileAttrs, error) {
		answers := c.wire.exchange(lookMessage(path), pathMessage(fxpRemove, s.temp))
		if removed := answers[1].err; removed == nil || errors.Is(removed, fs.ErrNotExist) {
			s.forget(s.temp)
		}
		return answers[0].attrs, nil
	})
	if err != nil {
		return err
	}
	return s.verify(ctx, c, path, attrs)
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
	there, _, lookErr := look(ctx, c, path, s.temp)
	switch {
	case lookErr != nil:
		return lookErr
	case there == present, there == unseen && errors.Is(err, fs.ErrExist):
		return ErrExists
	}
	// A file that is gone may be answered with "failure", too.
	if hidden, _, lookErr := look(ctx, c, s.temp, ""); lookErr != nil {
		return lookErr
	} else if hidden == absent {
		return fmt.Errorf("%w (%w)", fs.ErrNotExist, err)
	}
	if there == unseen {
		return fmt.Errorf("%w: %w", errMaybeTaken, err)
	}
	return fmt.Errorf("renaming: %w (%s)", s.d.explain(ctx, c, s.file.Directory, err), howToWriteInPlace)
}

const howToWriteInPlace = `if the server cannot rename, set commit to "in_place"`

// errMaybeTaken is why a name was not given on a server that shows nothing.
var errMaybeTaken = errors.New("renaming failed, and the server does not show whether the name is taken; " + howToWriteInPlace)

// replace puts the file in the place of one that may be there.
func (s *sftpStaged) replace(ctx context.Context, c *connection, path string, by *means) error {
	*by = renamed
	if c.has("posix-rename@openssh.com") {
		attrs, err := s.renameAndLook(ctx, c, path, extendedMessage("posix-rename@openssh.com", s.temp, path))
		switch {
		case err == nil:
			s.forget(s.temp)
			return s.verify(ctx, c, path, attrs)
		case isLost(err) || !answered(err) || errors.Is(err, fs.ErrNotExist):
			return err
		}
		// Some servers announce it and cannot do it.
	}
	attrs, err := s.renameAndLook(ctx, c, path, pathMessage(fxpRename, s.temp, path))
	if err = s.named(ctx, c, path, err); err == nil {
		return s.verify(ctx, c, path, attrs)
	}
	if !errors.Is(err, ErrExists) && !errors.Is(err, errMaybeTaken) {
		return err
	}
	// This server does not replace. The old file stays, under a name that is
	// hidden and never swept away, until the new one is there.
	s.old = naming.Join(s.file.Directory, ".exportpipeline-old-"+hidden(s.temp))
	if moveErr := c.op(ctx, pathMessage(fxpRename, path, s.old)); moveErr != nil && !errors.Is(moveErr, fs.ErrNotExist) {
		switch {
		case isLost(moveErr):
			return moveErr
		case errors.Is(err, errMaybeTaken):
			s.old = ""
			return err
		}
		s.old = ""
		return fmt.Errorf("moving the file that is to be replaced: %w", moveErr)
	}
	err = c.op(ctx, pathMessage(fxpRename, s.temp, path))
	if err = s.named(ctx, c, path, err); err != nil && !isLost(err) {
		if c.op(ctx, pathMessage(fxpRename, s.old, path)) == nil {
			s.old = ""
		}
	}
	if err != nil {
		return err
	}
	return s.verify(ctx, c, path, nil)
}

// removeOld removes the replaced file. If it cannot now, Discard transfer.Tries again.
func (s *sftpStaged) removeOld() error {
	if s.old != "" {
		s.left = append(s.left, s.old)
		s.old = ""
		_ = s.Discard()
	}
	return nil
}

// hidden is what tells one hidden name from another.
func hidden(path string) string {
	return path[strings.LastIndex(path, HiddenPrefix)+len(HiddenPrefix):]
}

func unsupported(err error) bool {
	var status *sftp.StatusError
	return errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported
}
