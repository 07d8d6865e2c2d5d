package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// maxSinglePut is the size above which a file goes up in parts.
const maxSinglePut = 16 << 20

// destination is a [sftpexport.Destination] in a bucket.
type destination struct {
	client *bucket
	note   func(format string, args ...any) // nil if nobody listens
}

func (d *destination) tell(format string, args ...any) {
	if d.note != nil {
		d.note(format, args...)
	}
}

var _ sftpexport.Destination = (*destination)(nil)

// System is Unix: keys may have every character.
func (d *destination) System(context.Context) (sftpexport.System, error) {
	return sftpexport.SystemUnix, nil
}

// Close does nothing: the client stays.
func (d *destination) Close() error { return nil }

// staged is a file that is ready to be put: a small one in memory, a large one
// as parts in the bucket, of which no reader knows.
type staged struct {
	d      *destination
	file   sftpexport.File
	id     string // of the object to be
	number int    // of the name, for sftpexport.CollisionNumber
	data   []byte
	upload *multipart // nil for a small file
	size   int64      // of what was read
}

// Stage reads a small file, and sends the parts of a large one.
func (d *destination) Stage(ctx context.Context, f sftpexport.File) (sftpexport.Staged, error) {
	s := &staged{d: d, file: f, id: rand.Text()}
	for n := 1; ; n++ {
		err := s.stage(ctx)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(context.Cause(ctx), s.Discard())
		}
		if !transfer.MayReadAgain(err, n) {
			return nil, errors.Join(err, s.Discard())
		}
		if err := errors.Join(s.Discard(), transfer.Pause(ctx, n)); err != nil {
			return nil, err
		}
	}
}

func (s *staged) key() string {
	name := s.file.Name
	if s.number > 0 {
		name = naming.Numbered(name, s.number)
	}
	return naming.Join(s.file.Directory, name)
}

func (s *staged) stage(ctx context.Context) error {
	if client := s.d.client; client.isConditional(s.file.Collision) {
		if err := client.checkCondition(ctx, s.file.Directory); err != nil {
			return err
		}
	}
	if err := s.findName(ctx); err != nil {
		return err
	}
	r, err := s.file.Content.Open(ctx)
	if err != nil {
		return &transfer.SourceError{Err: err}
	}
	defer func() { _ = r.Close() }()
	src := transfer.NewSource(ctx, r, false)
	size := s.file.Content.Size()
	if size <= maxSinglePut {
		if s.data, err = readSmall(src, size); err != nil {
			return &transfer.SourceError{Err: err}
		}
	}
	if size > maxSinglePut || len(s.data) > maxSinglePut {
		head := s.data
		s.data = nil
		if s.upload, err = s.d.client.startUpload(ctx, s.key(), s.id); err != nil {
			return explain(err)
		}
		s.upload.partSize = partSizeOf(size)
		if err := s.upload.send(ctx, io.MultiReader(bytes.NewReader(head), src)); err != nil {
			return err
		}
	}
	sent, err := src.State()
	s.size = sent
	switch {
	case err != nil:
		return &transfer.SourceError{Err: err}
	case size >= 0 && sent != size:
		return fmt.Errorf("%w: the source has %d, not %d", sftpexport.ErrSize, sent, size)
	}
	return nil
}

// readSmall reads a file up to one byte more than a small one may have.
func readSmall(r io.Reader, size int64) ([]byte, error) {
	var data bytes.Buffer
	if size >= 0 {
		data.Grow(int(size) + bytes.MinRead)
	}
	_, err := data.ReadFrom(io.LimitReader(r, maxSinglePut+1))
	return data.Bytes(), err
}

// findName looks whether the name is taken, so that a large file is not sent in
// vain. The server decides in the end.
func (s *staged) findName(ctx context.Context) error {
	for s.file.Collision != sftpexport.CollisionReplace {
		taken, err := s.isTaken(ctx)
		switch {
		case err != nil || !taken:
			return err
		case s.file.Collision == sftpexport.CollisionRefuse, s.number >= naming.MaxNumber:
			return sftpexport.ErrExists
		}
		s.number++
	}
	return nil
}

func (c *bucket) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	return c.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.settings.Bucket, Key: &key})
}

// ours reports whether the object under the key is this one.
func (s *staged) ours(ctx context.Context) (bool, error) {
	ctx, cancel := looking(ctx)
	defer cancel()
	out, err := s.d.client.head(ctx, s.key())
	if err != nil {
		if statusOf(err) == http.StatusNotFound {
			err = nil
		}
		return false, err
	}
	return s.isMine(out.Metadata), nil
}

// isMine reports whether metadata are those of this object.
func (s *staged) isMine(metadata map[string]string) bool {
	for k, v := range metadata {
		if strings.EqualFold(k, idKey) && v == s.id {
			return true
		}
	}
	return false
}

// Commit makes the object appear.
func (s *staged) Commit(ctx context.Context) (string, error) {
	if s.data == nil && s.upload == nil {
		return "", errors.New("the file is not staged, or has its name already")
	}
	for conflicts := 0; ; {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		var err error
		if s.upload != nil {
			err = s.complete(ctx)
		} else {
			err = s.put(ctx)
		}
		restage := s.upload != nil
		switch {
		case err == nil:
			s.data, s.upload = nil, nil
			return s.key(), nil
		case errors.Is(err, errConflict) && conflicts < transfer.Tries:
			conflicts++
			if err := transfer.Pause(ctx, conflicts); err != nil {
				return "", err
			}
		case errors.Is(err, sftpexport.ErrExists) && s.file.Collision == sftpexport.CollisionNumber && s.number < naming.MaxNumber:
			s.number++
		default:
			return "", err
		}
		if restage { // the parts belong to one name and one attempt
			if err := errors.Join(s.Discard(), s.stage(ctx)); err != nil {
				return "", err
			}
		}
	}
}

// Discard aborts the upload of parts.
func (s *staged) Discard() error {
	s.data = nil
	if s.upload == nil {
		return nil
	}
	_, err := s.upload.abort()
	if err == nil {
		s.upload = nil
	}
	return err
}

// Holds compares the object's content with f's.
func (d *destination) Holds(ctx context.Context, f sftpexport.File) (bool, error) {
	want, size, err := transfer.SumOf(ctx, f.Content)
	if err != nil {
		return false, &transfer.SourceError{Err: err}
	}
	out, err := d.client.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &d.client.settings.Bucket, Key: aws.String(f.Path())})
	if err != nil {
		if statusOf(err) == http.StatusNotFound {
			return false, nil
		}
		return false, explain(err)
	}
	defer func() { _ = out.Body.Close() }()
	if out.ContentLength != nil && *out.ContentLength != size {
		return false, nil
	}
	got, _, err := transfer.SumOf(ctx, transfer.Opener(func() (io.ReadCloser, error) { return out.Body, nil }))
	return err == nil && got == want, err
}
