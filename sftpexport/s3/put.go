package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/transfer"
)

// errConflict means that somebody else was writing under the name, and that
// nothing was done.
var errConflict = errors.New("another upload has the same name")

// put makes one request at a time, and looks at the bucket before it makes
// another that may be the second.
func (s *staged) put(ctx context.Context) error {
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
		if err := transfer.Pause(ctx, n); err != nil {
			return err
		}
	}
}

// lookBefore looks whether the name is taken where a request cannot make sure of it.
func (s *staged) lookBefore(ctx context.Context) error {
	if s.d.client.isConditional(s.file.Collision) {
		return nil
	}
	return s.lookAgain(ctx)
}

// lookAgain looks whether the name is taken, unless its object may be replaced.
func (s *staged) lookAgain(ctx context.Context) error {
	if s.file.Collision == sftpexport.CollisionReplace {
		return nil
	}
	taken, err := s.isTaken(ctx)
	if taken {
		err = sftpexport.ErrExists
	}
	return err
}

// isTaken looks whether there is an object with the name. Those who may only write are not
// shown it, and are told when they put theirs.
func (s *staged) isTaken(ctx context.Context) (bool, error) {
	out, err := s.d.client.head(ctx, s.key())
	switch {
	case err == nil && out.ETag == nil && out.LastModified == nil:
		return false, ErrNotS3
	case err == nil:
		return true, nil
	case statusOf(err) == http.StatusNotFound, statusOf(err) == http.StatusForbidden:
		return false, nil
	}
	return false, explain(err)
}

// ErrNotS3 means that what answers at the endpoint is something else: a console, a proxy,
// or a page for people.
var ErrNotS3 = errors.New("what answers at credentials.endpoint is not S3: it says yes, but names no object (ETag, size); is it the address of a console or a proxy?")

// verify makes sure that the object is there and whole: Amazon compares the checksum
// that comes with it; what other stores answer is compared with the content, or their
// object is looked at.
func (s *staged) verify(ctx context.Context, etag, sum string, size int64) error {
	client := s.d.client
	if client.settings.Endpoint == "" || strings.Trim(etag, `"`) == sum {
		return nil
	}
	out, err := client.head(ctx, s.key())
	switch {
	case etag == "" && err == nil && (out.ETag == nil || out.ContentLength == nil):
		return fmt.Errorf("%w: %s may not be there", ErrNotS3, s.key())
	case err != nil:
		s.d.tell("%s: the store has confirmed it, but not that it is there and whole: it cannot be looked at (%v)", s.key(), explain(err))
	case out.ContentLength != nil && *out.ContentLength != size:
		if s.file.Collision == sftpexport.CollisionReplace && !s.isMine(out.Metadata) && out.Metadata[idKey] != "" {
			s.d.tell("%s: the store has confirmed it, and somebody else has put another object there since", s.key())
			return nil
		}
		return fmt.Errorf("%w: the object has %d under its name, and %d were sent", sftpexport.ErrSize, *out.ContentLength, size)
	}
	return nil
}

// decide says what a failed request means: nil and false that it was done all the
// same, nil and true that it may be made again.
func (s *staged) decide(ctx context.Context, err error, n int, sent bool) (again bool, _ error) {
	status := statusOf(err)
	switch {
	case status == http.StatusPreconditionFailed && n == 1:
		return false, explain(err)
	case status == http.StatusConflict:
		return false, fmt.Errorf("%w: %w", errConflict, err)
	case status == http.StatusInsufficientStorage, status != 0 && status != http.StatusPreconditionFailed && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return false, explain(err)
	case errors.Is(err, sftpexport.ErrAuth):
		return false, err // there are no keys to sign with
	case status == 0 && !sent && ctx.Err() != nil:
		return false, context.Cause(ctx)
	case status == 0 && !sent:
		if n == transfer.Tries || isPermanent(err) {
			return false, explain(err)
		}
		return true, nil
	}
	ours, lookErr := s.ours(ctx)
	switch {
	case ours:
		return false, nil
	case status == http.StatusPreconditionFailed && lookErr == nil:
		return false, explain(err)
	case status == 0 || lookErr != nil:
		// All of it was sent, and it is not there: a reader may have taken it.
		return false, fmt.Errorf("%w: %w", sftpexport.ErrUnknownOutcome, errors.Join(err, lookErr))
	case n == transfer.Tries:
		return false, explain(err)
	}
	return true, nil
}

// sentReader knows whether all of it was read last time.
type sentReader struct{ *bytes.Reader }

func (r *sentReader) all() bool { return r.Len() == 0 }
