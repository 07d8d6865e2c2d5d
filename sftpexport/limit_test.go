package sftpexport_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/sftpexport/sftptest"
)

// counting is a limiter that knows who has come, and that all have left.
type counting struct {
	mu      sync.Mutex
	targets []string
	inside  int
	err     error
}

func (c *counting) Enter(_ context.Context, t pipeline.CallTarget) (func(pipeline.CallOutcome), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	c.targets = append(c.targets, t.Origin+" "+t.Step)
	c.inside++
	return func(pipeline.CallOutcome) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inside--
	}, nil
}

func TestOpeningAConnectionIsACallToTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	step := replacing(t, s.Credentials(), "/out")
	c := chain(t, step)
	l := new(counting)
	put := func() error {
		call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("password", sftptest.Password))
		_, err := c.Export(t.Context(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), pipeline.WithLimiter(l))
		return err
	}
	if err := errors.Join(put(), put()); err != nil {
		t.Fatal(err)
	}
	want := []string{fmt.Sprintf("sftp://127.0.0.1:%d SFTP/S3 export", s.Credentials().Port)} // the second export has the first one's
	if !slices.Equal(l.targets, want) || l.inside != 0 {
		t.Errorf("%d are inside, and there came %q", l.inside, l.targets)
	}
	l.err = errors.New("the limiter is away")
	c = chain(t, replacing(t, s.Credentials(), "/out"))
	if err := put(); !errors.Is(err, l.err) {
		t.Errorf("the error is %v", err)
	}
}

func TestRequestsToABucketAreCalls(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	l := new(counting)
	if _, err := chain(t, s3Step(t, s, nil)).Export(
		t.Context(), s3Call(s).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF")), pipeline.WithLimiter(l),
	); err != nil {
		t.Fatal(err)
	}
	if len(l.targets) != len(s.Calls()) || l.inside != 0 || !strings.HasPrefix(l.targets[0], s.URL) {
		t.Errorf("%d are inside; there came %q, and the bucket had %q", l.inside, l.targets, s.Calls())
	}
}
