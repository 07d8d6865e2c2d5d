package sftpexport

import (
	"context"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Backend speaks with destinations of one credentials.type, other than SFTP servers. It
// is called once for each chain that is built of a step, and what it returns is shared by
// the chain's exports; it is called again to ask a [SecretsChecker], so that nothing may be
// opened before Open. Package s3 has the one for credentials of type s3, so that programs
// that only put files on SFTP servers carry no client of Amazon's.
type Backend func(Credentials) Connections

// Connections are those of a chain to a destination. Their methods may be called from
// several goroutines.
type Connections interface {
	// Open returns the destination for one export, with its secrets. The step closes it
	// after the export.
	Open(ctx context.Context, x *pipeline.Export) (Destination, error)
	// Close ends the connections. An export that runs afterwards may make new ones.
	Close() error
}

// SecretsChecker are [Connections] that know beforehand whether the secrets of a hook are
// all that they need, so that what is missing is found before anything is sent. The error
// must not quote a secret.
type SecretsChecker interface {
	CheckSecrets(secrets rossum.Secrets) error
}

// howToSpeakS3 is what is wrong with a step that has credentials of type s3 and no backend.
const howToSpeakS3 = "is s3, which this program has no backend for; it needs Backends: map[string]sftpexport.Backend{\"s3\": s3.New(s3.Options{})} " +
	"of package sftpexport/s3 in its sftpexport.Step or in sftpexport.RegisterOptions"
