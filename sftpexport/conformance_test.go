package sftpexport_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/exportpipeline/exportpipeline/internal/raced"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/realtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// opener opens the destination of a step again and again.
func opener(t testing.TB, c sftpexport.Credentials, secrets rossum.Secrets) func(context.Context) (sftpexport.Destination, error) {
	t.Helper()
	built, err := (&sftpexport.Step{Credentials: c, Backends: withS3, Path: "/x", Exports: []sftpexport.Object{{Type: "document", Name: "x"}}}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	step := built.(*sftpexport.Step)
	t.Cleanup(func() { _ = step.Close() })
	call := rossumtest.Annotation(rossumtest.Offline())
	for name, secret := range secrets {
		call.With(rossumtest.Secret(name, secret))
	}
	return func(ctx context.Context) (sftpexport.Destination, error) {
		x, err := pipeline.NewExport(call.Payload())
		if err != nil {
			return nil, err
		}
		return step.Destination(ctx, x)
	}
}

// relative opens a destination whose files go below a directory of the server.
type relative struct {
	sftpexport.Destination
	dir string
}

func (r relative) at(f sftpexport.File) sftpexport.File {
	f.Directory = r.dir + "/" + f.Directory
	return f
}

func (r relative) Stage(ctx context.Context, f sftpexport.File) (sftpexport.Staged, error) {
	staged, err := r.Destination.Stage(ctx, r.at(f))
	if err != nil {
		return nil, err
	}
	return relativeStaged{staged, r.dir}, nil
}

func (r relative) Holds(ctx context.Context, f sftpexport.File) (bool, error) {
	return r.Destination.Holds(ctx, r.at(f))
}

func (r relative) Count(ctx context.Context, directory string, mayMake bool) (int64, error) {
	return r.Destination.Count(ctx, r.dir+"/"+directory, mayMake)
}

type relativeStaged struct {
	sftpexport.Staged
	dir string
}

func (s relativeStaged) Commit(ctx context.Context) (string, error) {
	path, err := s.Staged.Commit(ctx)
	return path[min(len(path), len(s.dir)+1):], err
}

// onDisk is a harness for a server whose files are in a directory.
func onDisk(open func(context.Context) (sftpexport.Destination, error), dir string) sftptest.Harness {
	return sftptest.Harness{
		Open: open, Large: 4 << 20,
		Read: func(context.Context) (map[string][]byte, error) {
			files := make(map[string][]byte)
			err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				rel, _ := filepath.Rel(dir, path)
				files[filepath.ToSlash(rel)] = data
				return err
			})
			return files, err
		},
		Put: func(_ context.Context, path string, data []byte) error {
			path = filepath.Join(dir, filepath.FromSlash(path))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			return os.WriteFile(path, data, 0o644)
		},
	}
}

// inBucket is a harness for an S3 server.
func inBucket(t testing.TB, c sftpexport.Credentials, secrets rossum.Secrets) sftptest.Harness {
	t.Helper()
	client := s3.New(s3.Options{
		BaseEndpoint: &c.Endpoint, UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(secrets["access_key_id"], secrets["secret_access_key"], ""),
	})
	large := 0 // the suite's own
	if raced.Enabled() {
		large = 1 << 20 // in one part; .ci/run has the suite send parts without the race detector
	}
	return sftptest.Harness{
		Open: opener(t, c, secrets), Flat: true, Large: large,
		Read: func(ctx context.Context) (map[string][]byte, error) {
			files := make(map[string][]byte)
			pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &c.Bucket})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, o := range page.Contents {
					out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.Bucket, Key: o.Key})
					if err != nil {
						return nil, err
					}
					data, err := io.ReadAll(out.Body)
					_ = out.Body.Close()
					if err != nil {
						return nil, err
					}
					files[*o.Key] = data
				}
			}
			maps.DeleteFunc(files, func(key string, _ []byte) bool { return key[len(key)-1] == '/' })
			return files, nil
		},
		Put: func(ctx context.Context, path string, data []byte) error {
			_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &c.Bucket, Key: &path, Body: bytes.NewReader(data)})
			return err
		},
		Unfinished: func(ctx context.Context) (uploads []string, err error) {
			out, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &c.Bucket})
			if err != nil {
				return nil, err
			}
			for _, u := range out.Uploads {
				uploads = append(uploads, aws.ToString(u.Key))
			}
			return uploads, nil
		},
	}
}

func TestDestinationsKeepTheirPromises(t *testing.T) {
	t.Run("in-process", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		sftptest.TestDestination(t, onDisk(opener(t, s.Credentials(), s.Secrets()), s.Dir))
	})
	t.Run("in-process without links and posix-rename", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.Fail(sftptest.Fault{Op: "link", Err: sftptest.ErrUnsupported, Times: -1}, sftptest.Fault{Op: "posix-rename", Err: sftptest.ErrUnsupported, Times: -1})
		sftptest.TestDestination(t, onDisk(opener(t, s.Credentials(), s.Secrets()), s.Dir))
	})
	t.Run("OpenSSH", func(t *testing.T) {
		t.Parallel()
		s := realtest.NewOpenSSH(t)
		open := opener(t, s.Credentials(), s.Secrets())
		sftptest.TestDestination(t, onDisk(func(ctx context.Context) (sftpexport.Destination, error) {
			d, err := open(ctx)
			return relative{d, s.Dir}, err
		}, s.Dir))
	})
	t.Run("versitygw", func(t *testing.T) {
		t.Parallel()
		s := realtest.NewVersityGW(t)
		sftptest.TestDestination(t, inBucket(t, s.Credentials(), s.Secrets()))
	})
}
