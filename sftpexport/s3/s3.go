// Package s3 puts the files of package sftpexport into S3 buckets, and into those of
// other makers' stores.
//
// A program that has hooks with credentials of type s3 gives [New] to its steps as a
// backend. Objects appear by one request, which carries their checksum and, unless they
// may replace others, the condition that there is none. Files above 16 MiB go up in
// parts; the upload is aborted if the export does not finish. Stores of other makers are
// known by their endpoints, or found out.
//
// Parts of an upload that a crash left open cost storage until a lifecycle rule of the
// bucket ends them (AbortIncompleteMultipartUpload): their owner cannot be told from
// outside.
//
// Dependencies: aws-sdk-go-v2 is Amazon's own client. Its transfer manager is not used: it
// joins the parts by itself, while here all files of an export must be up before the
// first appears.
package s3

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// Options are what only the program can say; the zero value works.
type Options struct {
	// AWSChain allows the standard AWS credential chain (environment, profile, role of
	// the machine) when the hook's secrets have no keys. Only the program can allow it:
	// the role of the machine is not the organisation's.
	AWSChain bool
}

// New is the backend of credentials of type s3, for [sftpexport.Step.Backends].
func New(o Options) sftpexport.Backend {
	return func(c sftpexport.Credentials) sftpexport.Connections {
		return &connections{credentials: c, options: o, open: make(map[[sha256.Size]byte]*bucket)}
	}
}

// connections are the clients of a chain.
type connections struct {
	credentials sftpexport.Credentials
	options     Options

	mu   sync.Mutex
	open map[[sha256.Size]byte]*bucket // by the keys that they have
}

// Open returns the bucket for the export's secrets.
func (c *connections) Open(ctx context.Context, x *pipeline.Export) (sftpexport.Destination, error) {
	b, err := c.bucket(ctx, x)
	if err != nil {
		return nil, err
	}
	return &destination{client: b, note: x.Decide}, nil
}

// CheckSecrets says what is missing of the keys.
func (c *connections) CheckSecrets(secrets rossum.Secrets) error {
	return checkKeys(secrets, c.options.AWSChain)
}

// bucket returns the client for the export's secrets; there is one for each set
// of them.
func (c *connections) bucket(ctx context.Context, x *pipeline.Export) (*bucket, error) {
	id := fingerprint(ctx, x)
	c.mu.Lock()
	client := c.open[id]
	c.mu.Unlock()
	if client != nil {
		return client, nil
	}
	client, err := newBucket(ctx, x, &c.credentials, c.options.AWSChain)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.open[id]; first != nil {
		client.close()
		return first, nil
	}
	c.open[id] = client
	return client, nil
}

// fingerprint tells one set of keys from another without keeping them. A connection is judged
// when it is made, so that it serves no export with other bounds.
func fingerprint(ctx context.Context, x *pipeline.Export) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%p %+v", x.Transport(), egress.Of(ctx))
	for _, name := range []string{"type", "access_key_id", "secret_access_key", "session_token"} {
		fmt.Fprintf(h, "%q", x.Secrets[name])
	}
	h.Sum(sum[:0])
	return sum
}

// Close ends the connections that are idle. Later exports make new ones.
func (c *connections) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, b := range c.open {
		b.close()
		delete(c.open, id)
	}
	return nil
}
