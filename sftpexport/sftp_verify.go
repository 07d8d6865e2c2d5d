package sftpexport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/pkg/sftp"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// verify looks at the file under its name. attrs are what a look has shown already.
// What cannot be known is said in the report; what is wrong is an error.
func (s *sftpStaged) verify(ctx context.Context, c *connection, path string, attrs *fileAttrs) error {
	there := present
	if attrs == nil {
		var err error
		if there, attrs, err = look(ctx, c, path, ""); err != nil {
			return s.unverified(path, "the connection was lost before that could be seen")
		}
	}
	if there == present && attrs != nil && attrs.size >= 0 && attrs.size != s.size {
		if s.file.Collision == CollisionReplace && !attrs.modified.Equal(s.modified) {
			return s.unverified(path, "somebody else has put another file there since")
		}
		return fmt.Errorf("%w: the file has %d under its name, and %d were sent", ErrSize, attrs.size, s.size)
	}
	switch {
	case there == absent && s.temp == "":
		return s.unverified(path, "it was not there when the server was asked: a reader has taken it, or the server has not kept it")
	case there == absent:
		if hidden, _, err := look(ctx, c, s.temp, ""); err == nil && hidden == present {
			s.left = append(s.left, s.temp)
			return errors.New("the server says that it has renamed the file, and has not")
		}
		return s.unverified(path, "it was gone again when the server was asked: a reader has taken it")
	case there == unseen:
		return s.unverified(path, "the server shows nobody what is there")
	}
	if s.size > 0 && s.sum != nil { // ProFTPD has no hash for an empty file
		if sum, err := hashOf(ctx, c, path); err == nil && sum != nil && !bytes.Equal(sum, s.sum) {
			return fmt.Errorf("%w: the server has other bytes than were sent", ErrContent)
		}
	}
	if attrs != nil && attrs.size >= 0 {
		return nil
	}
	isWhole, err := endsAt(ctx, c, path, s.size)
	switch {
	case err != nil:
		return s.unverified(path, "the server does not show how large it is")
	case !isWhole:
		return fmt.Errorf("%w: the file has another size under its name than the %d that were sent", ErrSize, s.size)
	}
	return nil
}

// endsAt reads the end of a file whose size the server does not tell.
func endsAt(ctx context.Context, c *connection, path string, size int64) (bool, error) {
	a, err := c.request(ctx, openMessage(path, openRead))
	if err != nil {
		return false, err
	}
	defer func() { _ = c.op(ctx, closeMessage(a.handle)) }()
	last := max(0, size-1)
	end, err := c.request(ctx, readMessage(a.handle, uint64(last), 2))
	if size == 0 || err != nil {
		if codeOfStatus(err) == uint32(sftp.ErrSSHFxEOF) {
			return size == 0, nil
		}
		return false, err
	}
	return len(end.data) == 1, nil
}

// unverified says in the report what is not known of a file that has its name by the
// server's word.
func (s *sftpStaged) unverified(path, why string) error {
	s.d.tell("%s: the server has confirmed its name, but not that it is there and whole: %s", path, why)
	return nil
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
	there, attrs, err := look(ctx, c, path, "")
	switch size := f.Content.Size(); {
	case err != nil:
		return false, err
	case there == absent:
		return false, nil
	case attrs == nil:
		// The content tells.
	case attrs.mode&modeKind != 0 && !attrs.is(modeRegular), size >= 0 && attrs.size >= 0 && size != attrs.size:
		return false, nil
	}
	want, _, err := transfer.SumOf(ctx, f.Content)
	if err != nil {
		return false, fmt.Errorf("reading the source: %w", err)
	}
	var moved atomic.Int64
	got, err := askMoving(ctx, moved.Load, func() (sum [sha256.Size]byte, err error) {
		sum, _, err = transfer.SumOf(ctx, transfer.Opener(func() (io.ReadCloser, error) {
			file, err := c.Open(path)
			if err != nil {
				return nil, err
			}
			return transfer.MovingReader{ReadCloser: file, Moved: &moved}, nil
		}))
		return sum, err
	})
	return err == nil && got == want, err
}
