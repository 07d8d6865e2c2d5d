package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

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
	_ = s.tidy(ctx, c) // what an earlier try has left
	if err := s.d.directory(ctx, c, s.file.Directory, s.file.MayMakeDirectory); err != nil {
		return err
	}
	size := s.file.Content.Size()
	isSmall := size >= 0 && size <= small
	canDelete := true
	if !c.isOpenSSH() && s.file.Collision != CollisionReplace {
		var err error
		if canDelete, err = s.canDelete(ctx, c); err != nil {
			return err
		}
	}
	if s.file.Collision == CollisionRefuse && (!canDelete || !isSmall && (s.file.LookFirst || size < 0 || size > lookAbove)) {
		there, _, err := look(ctx, c, s.file.Path(), "")
		if err != nil || there == present {
			return errors.Join(err, taken(there))
		}
	}
	content, err := s.file.Content.Open(ctx)
	if err != nil {
		return &transfer.SourceError{Err: err}
	}
	defer func() { _ = content.Close() }()
	src := transfer.NewSource(ctx, content, c.hashes())
	send := s.sendLarge
	if isSmall {
		send = s.sendSmall
	}
	temp, arrived, err := send(ctx, c, src)
	sent, sourceErr := src.State()
	switch {
	case sourceErr != nil && ctx.Err() == nil:
		return &transfer.SourceError{Err: sourceErr}
	case err != nil:
		return err
	case size >= 0 && sent != size:
		return fmt.Errorf("%w: the source has %d, not %d", ErrSize, sent, size)
	}
	s.size, s.sum = sent, src.Sum()
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
func (s *sftpStaged) sendLarge(ctx context.Context, c *connection, src *transfer.Source) (temp string, arrived *fileAttrs, err error) {
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
	arrived, err = askMoving(ctx, src.Moved, func() (*fileAttrs, error) { return write(c, file, temp, src) })
	return temp, arrived, s.written(ctx, c, err)
}

// write writes, syncs and closes a file. It always closes it. It returns how the
// file looks then, nil if that did not show at the first look. That look may be answered
// before the file is closed, so it does not show that the file stays.
func write(c *connection, file *sftp.File, path string, src *transfer.Source) (*fileAttrs, error) {
	unsynced, err := writeAll(c, file, src)
	if err != nil {
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
	if err = file.Close(); err == nil {
		err = unsynced
	}
	return <-looked, err
}

// writeAll writes and syncs a file, and closes it if that fails, but for a refusal to sync.
func writeAll(c *connection, file *sftp.File, src *transfer.Source) (unsynced, err error) {
	// The number of bytes in a failed concurrent write is not what arrived.
	if _, err = file.ReadFromWithConcurrency(src, inFlight); err != nil {
		_ = file.Close()
		return nil, err
	}
	if !c.syncs() {
		return nil, nil
	}
	if err := file.Sync(); err != nil && answered(err) {
		return &unsyncedError{err}, nil
	} else if err != nil {
		_ = file.Close()
		return nil, err
	}
	return nil, nil
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
func (s *sftpStaged) sendSmall(ctx context.Context, c *connection, src *transfer.Source) (temp string, arrived *fileAttrs, err error) {
	data, err := askMoving(ctx, src.Moved, func() ([]byte, error) { return io.ReadAll(io.LimitReader(src, small+1)) })
	if err != nil {
		return "", nil, err
	}
	var handle string
	temp, err = s.create(ctx, c, func(path string, flags uint32) error {
		handle, err = ask(ctx, func() (string, error) {
			if s.file.Collision == CollisionRefuse {
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
