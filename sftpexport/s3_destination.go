package sftpexport

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// maxSinglePut is the size above which a file goes up in parts.
const maxSinglePut = 16 << 20

// s3Destination is a [Destination] in a bucket.
type s3Destination struct {
	client *s3Client
	note   noteFunc // nil if nobody listens
}

func (d *s3Destination) tell(format string, args ...any) {
	if d.note != nil {
		d.note(format, args...)
	}
}

var _ Destination = (*s3Destination)(nil)

// System is Unix: keys may have every character.
func (d *s3Destination) System(context.Context) (System, error) { return Unix, nil }

// Close does nothing: the client stays.
func (d *s3Destination) Close() error { return nil }

// s3Staged is a file that is ready to be put: a small one in memory, a large one
// as parts in the bucket, of which no reader knows.
type s3Staged struct {
	d      *s3Destination
	file   File
	id     string // of the object to be
	number int    // of the name, for Number
	data   []byte
	upload *multipart // nil for a small file
	size   int64      // of what was read
}

// Stage reads a small file, and sends the parts of a large one.
func (d *s3Destination) Stage(ctx context.Context, f File) (Staged, error) {
	s := &s3Staged{d: d, file: f, id: rand.Text()}
	for n := 1; ; n++ {
		err := s.stage(ctx)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(context.Cause(ctx), s.Discard())
		}
		if !mayReadAgain(err, n) {
			return nil, errors.Join(err, s.Discard())
		}
		if err := errors.Join(s.Discard(), pause(ctx, n)); err != nil {
			return nil, err
		}
	}
}

func (s *s3Staged) key() string {
	name := s.file.Name
	if s.number > 0 {
		name = naming.Numbered(name, s.number)
	}
	return joinPath(s.file.Directory, name)
}

func (s *s3Staged) stage(ctx context.Context) error {
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
		return &sourceError{err}
	}
	defer func() { _ = r.Close() }()
	src := &source{ctx: ctx, r: r}
	size := s.file.Content.Size()
	if size <= maxSinglePut {
		if s.data, err = readSmall(src, size); err != nil {
			return &sourceError{err}
		}
	}
	if size > maxSinglePut || len(s.data) > maxSinglePut {
		head := s.data
		s.data = nil
		if s.upload, err = s.d.client.startUpload(ctx, s.key(), s.id); err != nil {
			return explainS3(err)
		}
		if err := s.upload.send(ctx, io.MultiReader(bytes.NewReader(head), src)); err != nil {
			return err
		}
	}
	sent, err := src.state()
	s.size = sent
	switch {
	case err != nil:
		return &sourceError{err}
	case size >= 0 && sent != size:
		return fmt.Errorf("%w: the source has %d, not %d", ErrSize, sent, size)
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
func (s *s3Staged) findName(ctx context.Context) error {
	for s.file.Collision != Replace {
		_, err := s.d.client.head(ctx, s.key())
		switch {
		case statusOf(err) == http.StatusNotFound, statusOf(err) == http.StatusForbidden:
			return nil // those who may only write are told so
		case err != nil:
			return explainS3(err)
		case s.file.Collision == Refuse:
			return ErrExists
		case s.number >= maxNumber:
			return ErrExists
		}
		s.number++
	}
	return nil
}

func (c *s3Client) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	return c.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.settings.Bucket, Key: &key})
}

// ours reports whether the object under the key is this one.
func (s *s3Staged) ours(ctx context.Context) (bool, error) {
	ctx, cancel := looking(ctx)
	defer cancel()
	out, err := s.d.client.head(ctx, s.key())
	if err != nil {
		if statusOf(err) == http.StatusNotFound {
			err = nil
		}
		return false, err
	}
	for k, v := range out.Metadata {
		if strings.EqualFold(k, idKey) && v == s.id {
			return true, nil
		}
	}
	return false, nil
}

// Commit makes the object appear.
func (s *s3Staged) Commit(ctx context.Context) (string, error) {
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
		case errors.Is(err, errConflict) && conflicts < tries:
			conflicts++
			if err := pause(ctx, conflicts); err != nil {
				return "", err
			}
		case errors.Is(err, ErrExists) && s.file.Collision == Number && s.number < maxNumber:
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

// errConflict means that somebody else was writing under the name, and that
// nothing was done.
var errConflict = errors.New("another upload has the same name")

// put makes one request at a time, and looks at the bucket before it makes
// another that may be the second.
func (s *s3Staged) put(ctx context.Context) error {
	sum := md5.Sum(s.data)
	client := s.d.client
	if err := s.lookBefore(ctx); err != nil {
		return err
	}
	match, options := client.condition(s.file.Collision)
	for n := 1; ; n++ {
		body := &sentReader{Reader: bytes.NewReader(s.data)}
		in := &s3.PutObjectInput{
			Bucket: &client.settings.Bucket, Key: aws.String(s.key()), Body: body, ContentLength: aws.Int64(int64(len(s.data))),
			IfNoneMatch: match, Metadata: client.metadata(s.id), ServerSideEncryption: client.encryption(),
		}
		if client.md5.Load() {
			in.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
		} else {
			newer := sha256.Sum256(s.data)
			in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(newer[:]))
		}
		out, err := client.api.PutObject(ctx, in, append(options, once)...)
		switch {
		case err == nil:
			return s.verify(ctx, aws.ToString(out.ETag), hex.EncodeToString(sum[:]), int64(len(s.data)))
		case refusesChecksum(err) && !client.md5.Swap(true):
			n--
			continue
		case match != nil && refusesCondition(err):
			return fmt.Errorf("%w: %w", ErrNoCondition, err)
		}
		again, err := s.decide(ctx, err, n, body.all())
		if err != nil || !again {
			return err
		}
		if err := pause(ctx, n); err != nil {
			return err
		}
	}
}

// lookBefore looks whether the name is taken where a request cannot make sure of it.
func (s *s3Staged) lookBefore(ctx context.Context) error {
	if s.file.Collision == Replace || s.d.client.isConditional(s.file.Collision) {
		return nil
	}
	_, err := s.d.client.head(ctx, s.key())
	switch {
	case err == nil:
		return ErrExists
	case statusOf(err) != http.StatusNotFound && statusOf(err) != http.StatusForbidden:
		return explainS3(err)
	}
	return nil
}

// verify makes sure that the object is there and whole: Amazon compares the checksum
// that comes with it; what other stores answer is compared with the content, or their
// object is looked at.
func (s *s3Staged) verify(ctx context.Context, etag, sum string, size int64) error {
	client := s.d.client
	if client.settings.Endpoint == "" || strings.Trim(etag, `"`) == sum {
		return nil
	}
	out, err := client.head(ctx, s.key())
	switch {
	case err != nil:
		s.d.tell("%s: the store has confirmed it, but not that it is there and whole: it cannot be looked at (%v)", s.key(), explainS3(err))
	case out.ContentLength != nil && *out.ContentLength != size:
		return fmt.Errorf("%w: the object has %d under its name, and %d were sent", ErrSize, *out.ContentLength, size)
	}
	return nil
}

// decide says what a failed request means: nil and false that it was done all the
// same, nil and true that it may be made again.
func (s *s3Staged) decide(ctx context.Context, err error, n int, sent bool) (again bool, _ error) {
	status := statusOf(err)
	switch {
	case status == http.StatusPreconditionFailed && n == 1:
		return false, explainS3(err)
	case status == http.StatusConflict:
		return false, fmt.Errorf("%w: %w", errConflict, err)
	case status == http.StatusInsufficientStorage, status != 0 && status != http.StatusPreconditionFailed && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return false, explainS3(err)
	case errors.Is(err, ErrAuth):
		return false, err // there are no keys to sign with
	case status == 0 && !sent && ctx.Err() != nil:
		return false, context.Cause(ctx)
	case status == 0 && !sent:
		if n == tries {
			return false, explainS3(err)
		}
		return true, nil
	}
	ours, lookErr := s.ours(ctx)
	switch {
	case ours:
		return false, nil
	case status == http.StatusPreconditionFailed && lookErr == nil:
		return false, explainS3(err)
	case status == 0 || lookErr != nil:
		// All of it was sent, and it is not there: a reader may have taken it.
		return false, fmt.Errorf("%w: %w", ErrUnknownOutcome, errors.Join(err, lookErr))
	case n == tries:
		return false, explainS3(err)
	}
	return true, nil
}

// sentReader knows whether all of it was read last time.
type sentReader struct{ *bytes.Reader }

func (r *sentReader) all() bool { return r.Len() == 0 }

// Discard aborts the upload of parts.
func (s *s3Staged) Discard() error {
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
func (d *s3Destination) Holds(ctx context.Context, f File) (bool, error) {
	want, size, err := sumOf(ctx, f.Content)
	if err != nil {
		return false, &sourceError{err}
	}
	out, err := d.client.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &d.client.settings.Bucket, Key: aws.String(f.Path())})
	if err != nil {
		if statusOf(err) == http.StatusNotFound {
			return false, nil
		}
		return false, explainS3(err)
	}
	defer func() { _ = out.Body.Close() }()
	if out.ContentLength != nil && *out.ContentLength != size {
		return false, nil
	}
	got, _, err := sumOf(ctx, opener(func() (io.ReadCloser, error) { return out.Body, nil }))
	return err == nil && got == want, err
}

// Count takes the next number of a directory.
func (d *s3Destination) Count(ctx context.Context, directory string, _ bool) (int64, error) {
	n, err := next(ctx, s3Counter{d.client, directory})
	if err != nil {
		return 0, fmt.Errorf("taking the next number in %q: %w", directory, err)
	}
	return n, nil
}

// s3Counter is the counter of a directory.
type s3Counter struct {
	client    *s3Client
	directory string
}

func (c s3Counter) numbers(ctx context.Context) (numbers []int64, err error) {
	pages := s3.NewListObjectsV2Paginator(c.client.api, &s3.ListObjectsV2Input{
		Bucket: &c.client.settings.Bucket, Prefix: aws.String(joinPath(c.directory, counterMark)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explainS3(err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if n, ok := counterNumber(key[strings.LastIndexByte(key, '/')+1:]); ok {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers, nil
}

// make may find its own file after a lost answer, and then passes the number over.
func (c s3Counter) make(ctx context.Context, n int64) (bool, error) {
	if err := c.client.checkCondition(ctx, c.directory); err != nil {
		return false, fmt.Errorf("a number that is handed out once needs it: %w", err)
	}
	match, options := c.client.condition(Refuse)
	if match == nil && options == nil {
		return false, fmt.Errorf("a number that is handed out once needs credentials.conditional_put: %w", ErrNoCondition)
	}
	_, err := c.client.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.client.settings.Bucket, Key: aws.String(joinPath(c.directory, counterName(n))), Body: bytes.NewReader(nil),
		IfNoneMatch: match, ServerSideEncryption: c.client.encryption(),
	}, options...)
	if status := statusOf(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		return false, nil
	}
	return err == nil, explainS3(err)
}

func (c s3Counter) remove(ctx context.Context, n int64) error {
	_, err := c.client.api.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &c.client.settings.Bucket, Key: aws.String(joinPath(c.directory, counterName(n))),
	})
	return explainS3(err)
}
