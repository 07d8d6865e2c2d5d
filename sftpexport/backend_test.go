package sftpexport_test

import (
	"context"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
	"github.com/exportpipeline/exportpipeline/sftpexport/s3"
)

// watched is a backend of the test's own.
type watched struct {
	sftpexport.Connections
	bucket         string
	opened, closed int
}

func (c *watched) Open(ctx context.Context, x *pipeline.Export) (sftpexport.Destination, error) {
	c.opened++
	return c.Connections.Open(ctx, x)
}

func (c *watched) Close() error {
	c.closed++
	return c.Connections.Close()
}

func TestABackendOfOnesOwnIsSharedByAChainAndClosedWithIt(t *testing.T) {
	t.Parallel()
	var made []*watched
	server := newS3(t)
	step := s3Step(t, server, &sftpexport.Collision{Number: true})
	step.Credentials.Type = "drawer"
	step.Backends = map[string]sftpexport.Backend{"drawer": func(c sftpexport.Credentials) sftpexport.Connections {
		made = append(made, &watched{Connections: s3.New(s3.Options{})(c), bucket: c.Bucket})
		return made[len(made)-1]
	}}
	c, err := pipeline.New(step)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Export(t.Context(), s3Call(server).Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, m := range made { // those that are asked about secrets alone are never opened
		if m.opened == 0 {
			continue
		}
		if used++; m.bucket != server.Credentials().Bucket || m.opened != 2 || m.closed != 1 || len(server.Objects()) != 2 {
			t.Errorf("opened %d times and closed %d times for %q", m.opened, m.closed, m.bucket)
		}
	}
	if used != 1 {
		t.Errorf("%d connections were used", used)
	}
}

func TestCredentialsOfS3WithoutABackendSayHowToGetOne(t *testing.T) {
	t.Parallel()
	step := &sftpexport.Step{
		Credentials: sftpexport.Credentials{Type: "s3", Bucket: "exports"},
		Path:        "in", Exports: []sftpexport.Object{{Type: "document", Name: "x"}},
	}
	if err := step.Validate(); err == nil || !strings.Contains(err.Error(), "s3.New(s3.Options{})") {
		t.Errorf("the error is %v", err)
	}
}
