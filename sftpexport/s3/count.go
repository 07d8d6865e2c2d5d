package s3

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/counter"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// Count takes the next number of a directory.
func (d *destination) Count(ctx context.Context, directory string, _ bool) (int64, error) {
	n, err := counter.Next(ctx, numberFiles{d.client, directory})
	if err != nil {
		return 0, fmt.Errorf("taking the next number in %q: %w", directory, err)
	}
	return n, nil
}

// numberFiles is the counter of a directory.
type numberFiles struct {
	client    *bucket
	directory string
}

// mostPages is how many pages of a listing are read, each of a thousand names. A counter keeps
// its highest number only.
const mostPages = 100

func (c numberFiles) Numbers(ctx context.Context) (numbers []int64, err error) {
	pages := s3.NewListObjectsV2Paginator(c.client.api, &s3.ListObjectsV2Input{
		Bucket: &c.client.settings.Bucket, Prefix: aws.String(naming.Join(c.directory, counter.Mark)),
	})
	for n := 0; pages.HasMorePages(); n++ {
		if n == mostPages {
			return nil, fmt.Errorf("%w: after %d pages of hidden files of the counter, %s*, there are more; remove all but the highest", sftpexport.ErrListing, n, counter.Mark)
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain(err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if n, ok := counter.Number(key[strings.LastIndexByte(key, '/')+1:]); ok {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers, nil
}

// make may find its own file after a lost answer, and then passes the number over.
func (c numberFiles) Make(ctx context.Context, n int64) (bool, error) {
	if err := c.client.checkCondition(ctx, c.directory); err != nil {
		return false, fmt.Errorf("a number that is handed out once needs it: %w", err)
	}
	match, options := c.client.condition(sftpexport.CollisionRefuse)
	if match == nil && options == nil {
		return false, fmt.Errorf("a number that is handed out once needs credentials.conditional_put: %w", ErrNoCondition)
	}
	_, err := c.client.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.client.settings.Bucket, Key: aws.String(naming.Join(c.directory, counter.Name(n))), Body: bytes.NewReader(nil),
		IfNoneMatch: match, ServerSideEncryption: c.client.encryption(),
	}, options...)
	if status := statusOf(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		return false, nil
	}
	return err == nil, explain(err)
}

func (c numberFiles) Remove(ctx context.Context, n int64) error {
	_, err := c.client.api.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &c.client.settings.Bucket, Key: aws.String(naming.Join(c.directory, counter.Name(n))),
	})
	return explain(err)
}
