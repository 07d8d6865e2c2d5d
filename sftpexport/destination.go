package sftpexport

import (
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport/internal/naming"
)

// CollisionRule says what happens when a file's name is taken.
type CollisionRule uint8

// The rules.
const (
	CollisionRefuse  CollisionRule = iota // the file that is there stays, and the export fails
	CollisionReplace                      // the new file takes its place
	CollisionNumber                       // the new file is called name-1.ext, or -2 and so on
)

func (r CollisionRule) String() string {
	switch r {
	case CollisionReplace:
		return "replace"
	case CollisionNumber:
		return "number"
	}
	return "refuse"
}

// System says which names a destination can hold.
type System uint8

// The systems.
const (
	// SystemAny is one that is not known, and might be Windows.
	SystemAny System = iota
	// SystemUnix holds every character but the slash, and so does S3.
	SystemUnix
)

// File is a file on its way to a [Destination].
type File struct {
	// Directory has slashes between its parts. On SFTP servers it may begin with
	// one, and is relative to the user's own directory otherwise; "" is the top.
	Directory string
	Name      string // without a slash
	// Content may be opened more than once, since an upload that was cut is begun
	// again.
	Content   pipeline.Content
	Collision CollisionRule
	// LookFirst has Stage look whether the name is taken even if the file is small,
	// since others stand beside it that should not be sent in vain.
	LookFirst bool
	// MayMakeDirectory says that Directory is to be made if it is missing.
	MayMakeDirectory bool
}

// Path is the file's place within the destination.
func (f File) Path() string { return naming.Join(f.Directory, f.Name) }

// Destination is where the files of an export go. A [Step] opens one for each
// export, and uses it from one goroutine. Several may be open at the same
// time, in this process and in others. [sftptest.TestDestination] is a conformance
// suite.
//
// One that knows which names it can hold has a method
// System(context.Context) (System, error), too; without it, values are made safe for
// every system.
//
// [sftptest.TestDestination]: https://pkg.go.dev/github.com/exportpipeline/exportpipeline/sftpexport/sftptest#TestDestination
type Destination interface {
	// Stage sends a file so that no reader sees it, or not under its name. If
	// the name is taken and the rule is Refuse, the error wraps ErrExists; it is
	// no fault if Stage does not notice yet. After an error nothing is left.
	// Stage repeats by itself what may be repeated.
	Stage(ctx context.Context, f File) (Staged, error)
	// Holds reports whether there is a file under f's path with f's content.
	Holds(ctx context.Context, f File) (bool, error)
	// Count returns the next number of a directory's counter, from 1. No number
	// is ever returned twice, whoever asks; some may be left out.
	Count(ctx context.Context, directory string, mayMake bool) (int64, error)
	// Close ends the use of the destination.
	Close() error
}

// Staged is a file that has been sent and has no name yet.
type Staged interface {
	// Commit gives the file its name at once, and returns the path that it has
	// now. If the name is taken and the rule is Refuse, the error wraps ErrExists,
	// and the file that is there has not been touched. If it cannot be known
	// whether the file has got its name, the error wraps ErrUnknownOutcome. After
	// any other error it has not. Commit is called once.
	Commit(ctx context.Context) (path string, err error)
	// Discard removes what Commit has not given a name. It may be called at any
	// time, more than once, and works when the export's context has ended.
	Discard() error
}

// Errors of this package; match them with errors.Is.
var (
	// ErrExists means that there is a file with the name, which may not be
	// replaced.
	ErrExists = errors.New("a file with this name already exists (filename_collision can be set to replace or number)")
	// ErrUnknownOutcome means that the answer to the operation that gives a file
	// its name was lost, and that the destination does not show how it ended.
	ErrUnknownOutcome = errors.New("the file may have arrived: the server's answer was lost, and the file is not there (now)")
	// ErrHostKey means that the server is another one than the settings say.
	ErrHostKey = errors.New("the server's host key is not the expected one")
	// ErrAuth means that the server takes none of the credentials.
	ErrAuth = errors.New("the server refuses the credentials")
	// ErrConnection means that the server cannot be reached, or that the
	// connection was lost.
	ErrConnection = errors.New("no connection to the server")
	// ErrSpace means that the server has no space left.
	ErrSpace = errors.New("the server has no space left: its disk is full, or the user's quota is used up")
	// ErrNotDirectory means that a file is where a directory should be.
	ErrNotDirectory = errors.New("a file with this name exists where a directory is needed")
	// ErrPartGone means that somebody has moved or deleted a file while it was hidden,
	// before it was given its name.
	ErrPartGone = errors.New("the hidden file was moved or deleted by somebody else before it was given its name; is there a job that takes hidden files, too?")
	// ErrNoDirectory means that the directory is missing and may not be made.
	ErrNoDirectory = errors.New("the directory does not exist, and create_directories is false")
	// ErrContent means that the server has other bytes than were sent.
	ErrContent = errors.New("the content is wrong")
	// ErrSize means that fewer or more bytes arrived than were sent, or that a
	// source had fewer or more than it said.
	ErrSize = errors.New("the number of bytes is wrong")
)

// FileError says which file could not be put, and where in the settings it comes
// from.
type FileError struct {
	Op    string // what was tried, such as "staging"
	Path  string // within the destination
	Place string // in the settings
	Err   error
}

func (e *FileError) Error() string {
	text := fmt.Sprintf("%s %q: %v", e.Op, e.Path, e.Err)
	if e.Place != "" {
		return e.Place + ": " + text
	}
	return text
}

func (e *FileError) Unwrap() error { return e.Err }
