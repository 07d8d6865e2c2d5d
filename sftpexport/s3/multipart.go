package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// Parts of an upload: the memory that one takes is their size times partsAtOnce. There
// may be 10000 at most. Parts of a file of unknown size grow after every partsPerSize of
// them; those of others have one size, which Cloudflare's R2 insists on.
const (
	leastPart    = 8 << 20 // as boto3 has it, so that an object gets the same ETag
	partsAtOnce  = 3
	mostParts    = 10000
	partsPerSize = 2000
)

// partSizeOf is the size of all parts of a file of that size, 0 for one that is not known.
func partSizeOf(size int64) int {
	if size < 0 {
		return 0
	}
	return int(max(leastPart, (size+mostParts-1)/mostParts))
}

// multipart is an upload in parts.
type multipart struct {
	client *bucket
	key    string
	id     string
	parts  []types.CompletedPart

	partSize int // of all parts; 0 if they grow
}

// startUpload goes on a little when the context ends: an upload whose id is not
// known cannot be aborted.
func (c *bucket) startUpload(ctx context.Context, key, objectID string) (*multipart, error) {
	ctx, cancel := transfer.Settling(ctx)
	defer cancel()
	in := &s3.CreateMultipartUploadInput{
		Bucket: &c.settings.Bucket, Key: &key, Metadata: c.metadata(objectID), ServerSideEncryption: c.encryption(),
	}
	if !c.md5.Load() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
	}
	out, err := c.api.CreateMultipartUpload(ctx, in)
	if refusesChecksum(err) && !c.md5.Swap(true) {
		in.ChecksumAlgorithm = ""
		out, err = c.api.CreateMultipartUpload(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	if aws.ToString(out.UploadId) == "" { // a part without it would be put as if it were the object
		return nil, fmt.Errorf("%w (its upload has no id)", ErrNotS3)
	}
	return &multipart{client: c, key: key, id: *out.UploadId}, nil
}

// send sends the parts, some at a time. When one fails the others are ended, and
// send waits for them.
func (m *multipart) send(ctx context.Context, r io.Reader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan []byte, partsAtOnce)
	for range partsAtOnce {
		free <- nil
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var readErr error
	for number := int32(1); readErr == nil; number++ {
		var buffer []byte
		select {
		case buffer = <-free:
		case <-ctx.Done():
			readErr = context.Cause(ctx)
			continue
		}
		size := cmp.Or(m.partSize, leastPart<<(number/partsPerSize))
		if cap(buffer) < size {
			buffer = make([]byte, size)
		}
		n, err := io.ReadFull(r, buffer[:size])
		readErr = err
		if n == 0 || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		wait.Go(func() {
			part, err := m.sendPart(ctx, number, buffer[:n])
			if err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			m.parts = append(m.parts, part)
			mu.Unlock()
			free <- buffer
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return explain(err)
	}
	if !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
		return &transfer.SourceError{Err: readErr}
	}
	slices.SortFunc(m.parts, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	return nil
}

func (m *multipart) sendPart(ctx context.Context, number int32, data []byte) (types.CompletedPart, error) {
	in := &s3.UploadPartInput{
		Bucket: &m.client.settings.Bucket, Key: &m.key, UploadId: &m.id, PartNumber: &number,
		Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
	}
	if m.client.md5.Load() {
		sum := md5.Sum(data)
		in.ContentMD5 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
	} else {
		sum := sha256.Sum256(data)
		in.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
	}
	out, err := m.client.api.UploadPart(ctx, in)
	if err != nil {
		return types.CompletedPart{}, fmt.Errorf("part %d: %w", number, err)
	}
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumSHA256: in.ChecksumSHA256}, nil
}

// abort removes the parts. The export's context may have ended, and with it what
// the client would do by itself. It reports whether the upload was open: then it
// has not been joined, and cannot be any more.
func (m *multipart) abort() (wasOpen bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), transfer.CleanTimeout)
	defer cancel()
	_, err = m.client.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &m.client.settings.Bucket, Key: &m.key, UploadId: &m.id})
	switch {
	case statusOf(err) == http.StatusNotFound:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("aborting the upload %s of %q: %w", m.id, m.key, err)
	}
	return true, nil
}

// there reports whether the upload is still open.
func (m *multipart) there(ctx context.Context) (bool, error) {
	ctx, cancel := looking(ctx)
	defer cancel()
	_, err := m.client.api.ListParts(ctx, &s3.ListPartsInput{Bucket: &m.client.settings.Bucket, Key: &m.key, UploadId: &m.id, MaxParts: aws.Int32(1)})
	if statusOf(err) == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// lookBeforeJoining looks whether the name is taken, and says that more cannot be done.
func (s *staged) lookBeforeJoining(ctx context.Context) error {
	if err := s.lookAgain(ctx); err != nil || s.file.Collision == sftpexport.CollisionReplace {
		return err
	}
	s.d.tell("%s: Google cannot refuse to overwrite what is put in parts; the name was free a moment before", s.key())
	return nil
}

// gone says what an upload means that is no longer open after a request that failed: it
// was joined, or ended by a rule of the bucket. The object tells, if it may be looked at.
func (s *staged) gone(lookErr, err error) error {
	if lookErr != nil {
		s.d.tell("%s: the store has joined its parts, but it cannot be looked at (%v)", s.key(), explain(lookErr))
		return nil
	}
	return fmt.Errorf("%w: its upload is no longer open: %w", sftpexport.ErrUnknownOutcome, err)
}

// complete joins the parts.
func (s *staged) complete(ctx context.Context) error {
	ctx, cancel := transfer.Settling(ctx)
	defer cancel()
	m := s.upload
	match, options := m.client.condition(s.file.Collision)
	if m.client.store.generations {
		// Google joins parts whatever is there: only looking first is left.
		match, options = nil, nil
		if err := s.lookBeforeJoining(ctx); err != nil {
			return err
		}
	} else if !m.client.store.conditional { // some obey conditions for small objects only
		if err := s.lookAgain(ctx); err != nil {
			return err
		}
	}
	for n := 1; ; n++ {
		_, err := m.client.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &m.client.settings.Bucket, Key: &m.key, UploadId: &m.id, IfNoneMatch: match,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: m.parts},
		}, append(options, once)...)
		status := statusOf(err)
		switch {
		case err == nil:
			return s.verify(ctx, "", "-", s.size)
		case match != nil && n == 1 && refusesCondition(err):
			return fmt.Errorf("%w: %w", ErrNoCondition, err)
		case status == http.StatusConflict:
			return fmt.Errorf("%w: %w", errConflict, err)
		case status == http.StatusPreconditionFailed && n == 1, status >= 400 && status < 500 && n == 1 && status != http.StatusTooManyRequests:
			return explain(err)
		}
		ours, oursErr := s.ours(ctx)
		if oursErr == nil && ours {
			return nil
		}
		open, lookErr := m.there(ctx)
		switch {
		case lookErr == nil && !open:
			return s.gone(oursErr, err)
		case lookErr != nil:
			return fmt.Errorf("%w: %w", sftpexport.ErrUnknownOutcome, errors.Join(err, lookErr))
		case status == http.StatusPreconditionFailed:
			return explain(err)
		case n == transfer.Tries, ctx.Err() != nil:
			// The request may still be on its way. Behind an abort it comes too late.
			switch wasOpen, abortErr := m.abort(); {
			case abortErr != nil:
				return fmt.Errorf("%w: %w", sftpexport.ErrUnknownOutcome, errors.Join(err, abortErr))
			case !wasOpen:
				return s.gone(oursErr, err)
			}
			return explain(err)
		}
		_ = transfer.Pause(ctx, n) // when the context ends, the next round decides
	}
}
