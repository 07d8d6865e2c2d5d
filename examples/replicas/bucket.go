package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// bucket keeps large bodies in a bucket of S3, or of a server that speaks its protocol.
type bucket struct {
	client *s3.Client
	name   string
}

// errNoBucket does not say what was given, which may have credentials in it.
var errNoBucket = errors.New("-bucket takes the address of a bucket, such as https://s3.example/ledger")

// openBucket takes the address of a bucket, such as https://s3.example/ledger. Credentials
// and region are those of the environment, as the AWS command line has them.
func openBucket(ctx context.Context, address string) (*bucket, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return nil, errNoBucket
	}
	name := strings.Trim(u.Path, "/")
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle = aws.String(u.Scheme+"://"+u.Host), true
	})
	return &bucket{client, name}, nil
}

func (b *bucket) Put(ctx context.Context, name string, data []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &name, Body: bytes.NewReader(data)})
	return err
}

func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	object, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	return io.ReadAll(object.Body)
}

func (b *bucket) Delete(ctx context.Context, names ...string) error {
	var list types.Delete
	for _, name := range names {
		list.Objects = append(list.Objects, types.ObjectIdentifier{Key: &name})
	}
	out, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &list})
	if err != nil {
		return err
	}
	if len(out.Errors) > 0 {
		first := out.Errors[0]
		return fmt.Errorf("%d objects are still there, the first is %s: %s", len(out.Errors), aws.ToString(first.Key), aws.ToString(first.Message))
	}
	return nil
}
