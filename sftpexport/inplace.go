package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// inPlace is a file that is written under its own name when it is committed.
type inPlace struct {
	s    *sftpStaged // for what both ways share
	mine string      // the path of a file that was made and is not whole yet
	done bool
}

// stageInPlace looks as far as it can whether the file may be written.
func (d *sftpDestination) stageInPlace(ctx context.Context, f File) (Staged, error) {
	p := &inPlace{s: &sftpStaged{d: d, file: f}}
	return p, d.repeat(ctx, func(c *connection) error {
		if err := d.directory(ctx, c, f.Directory, f.MayMakeDirectory); err != nil || f.Collision != CollisionRefuse {
			return err
		}
		there, _, err := look(ctx, c, f.Path(), "")
		return errors.Join(err, taken(there))
	})
}

// Commit writes the file.
func (p *inPlace) Commit(ctx context.Context) (string, error) {
	if p.done {
		return "", errors.New("the file is there already")
	}
	s := p.s
	for n := 0; ; n++ {
		path := s.numbered(n)
		err := s.d.repeat(ctx, func(c *connection) error { return p.write(ctx, c, path) })
		switch {
		case err == nil:
			p.done, p.mine = true, ""
			return path, nil
		case errors.Is(err, ErrExists) && s.file.Collision == CollisionNumber && n < naming.MaxNumber:
			if n == 0 {
				if free, err := s.freeNumber(ctx); err == nil {
					n = free - 1
				}
			}
		default:
			return path, errors.Join(err, p.Discard())
		}
	}
}

// write makes the file, or begins again with one that is ours.
func (p *inPlace) write(ctx context.Context, c *connection, path string) error {
	s := p.s
	file, err := p.open(ctx, c, path)
	if err != nil {
		return err
	}
	p.mine = path
	content, err := s.file.Content.Open(ctx)
	if err != nil {
		_ = file.Close()
		return &transfer.SourceError{Err: err}
	}
	defer func() { _ = content.Close() }()
	src := transfer.NewSource(ctx, content, c.hashes())
	_, err = askMoving(ctx, src.Moved, func() (struct{}, error) { return struct{}{}, writeAndClose(c, file, src) })
	sent, sourceErr := src.State()
	if sourceErr == nil {
		err = s.written(ctx, c, err)
	}
	switch size := s.file.Content.Size(); {
	case sourceErr != nil && ctx.Err() == nil:
		return &transfer.SourceError{Err: sourceErr}
	case err != nil:
		return err
	case size >= 0 && sent != size:
		return fmt.Errorf("%w: the source has %d, not %d", ErrSize, sent, size)
	}
	s.size, s.sum = sent, src.Sum()
	_, arrived, err := look(ctx, c, path, "") // begun when the file is closed
	if err == nil && arrived != nil && arrived.size >= 0 && arrived.size != sent {
		s.modified, arrived = arrived.modified, nil // some servers show the size late, so verify looks again
	}
	return s.verify(ctx, c, path, arrived)
}

// writeAndClose writes, syncs and closes a file. It always closes it.
func writeAndClose(c *connection, file *sftp.File, src *transfer.Source) error {
	unsynced, err := writeAll(c, file, src)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return unsynced
}

// errCannotTell is why a file is not made that may overwrite another.
var errCannotTell = errors.New(`the server neither shows whether the name is taken nor refuses to create a file that is there; set filename_collision to {"replace": true} and give each file a name of its own`)

// open opens the file for writing, exclusively unless it may be replaced or is ours.
func (p *inPlace) open(ctx context.Context, c *connection, path string) (*sftp.File, error) {
	s := p.s
	try := func(flags int) (*sftp.File, error) {
		return ask(ctx, func() (*sftp.File, error) { return c.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags) })
	}
	if s.file.Collision == CollisionReplace || p.mine == path {
		file, err := try(os.O_TRUNC)
		return file, p.refused(ctx, c, err)
	}
	// Some servers ignore that the creation is to be exclusive.
	there, _, err := look(ctx, c, path, "")
	if err != nil || there == present {
		return nil, errors.Join(err, taken(there))
	}
	if !s.d.pool.notExclusive.Load() {
		file, err := try(os.O_EXCL)
		switch {
		case err == nil:
			return file, nil
		case isLost(err):
			// Whether it was made would not show from another's empty file.
			return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, errors.New("the connection was lost while the file was made"))
		case !answered(err) || errors.Is(err, fs.ErrNotExist):
			return nil, p.refused(ctx, c, err)
		case errors.Is(err, fs.ErrExist):
			return nil, ErrExists
		}
		isDenied := errors.Is(err, fs.ErrPermission)
		there, _, lookErr := look(ctx, c, path, "")
		switch {
		case lookErr != nil || there == present:
			return nil, errors.Join(lookErr, taken(there))
		case isDenied:
			return nil, p.refused(ctx, c, err)
		case there == unseen:
			return nil, fmt.Errorf("%w: %w", errMaybeTaken, err)
		}
	}
	if there == unseen {
		return nil, errCannotTell
	}
	file, err := try(os.O_TRUNC)
	if err == nil {
		s.d.pool.notExclusive.Store(true)
	}
	return file, p.refused(ctx, c, err)
}

// refused says why a file could not be made.
func (p *inPlace) refused(ctx context.Context, c *connection, err error) error {
	if err == nil || isLost(err) {
		return err
	}
	if there, _, lookErr := look(ctx, c, p.s.file.Path(), ""); lookErr == nil && there == present && p.s.file.Collision == CollisionRefuse {
		return ErrExists
	}
	if refused, ok := p.s.d.pool.refusedDirectories.Load(p.s.file.Directory); ok {
		err = fmt.Errorf("%w (making the directory was answered with: %w)", err, refused.(error))
	}
	return p.s.d.explain(ctx, c, p.s.file.Directory, fmt.Errorf("creating the file: %w", err))
}

// Discard removes a file that is not whole.
func (p *inPlace) Discard() error {
	if p.mine == "" || p.done {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), transfer.CleanTimeout)
	defer cancel()
	err := p.s.d.repeat(ctx, func(c *connection) error { return c.op(ctx, pathMessage(fxpRemove, p.mine)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a part of the file remains under its name %q: %w", p.mine, err)
	}
	p.mine = ""
	return nil
}
