package sftptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/sftpexport"
)

// Harness is what the suite needs to know of a destination.
type Harness struct {
	// Open opens the destination as one more exporter would.
	Open func(ctx context.Context) (sftpexport.Destination, error)
	// Read returns every file there is, by path, as somebody else sees it; hidden
	// ones too.
	Read func(ctx context.Context) (map[string][]byte, error)
	// Put makes a file as somebody else would.
	Put func(ctx context.Context, path string, data []byte) error
	// Unfinished lists what is left of uploads that is no file, such as parts of an
	// object. nil if there is no such thing.
	Unfinished func(ctx context.Context) ([]string, error)
	// Large is the size of a file that the destination treats as a large one, 17 MiB
	// if 0.
	Large int
	// Flat says that the destination has no directories that could be missing.
	Flat bool
}

// The rules of [TestDestination].
var (
	errPartial  = errors.New("a reader sees a file that is not complete")
	errContent  = errors.New("the file's content or path is wrong")
	errTouched  = errors.New("a file that was there has changed")
	errLeft     = errors.New("something is left of an upload that did not end")
	errRace     = errors.New("exporters that race for a name lose or double files")
	errNotEnded = errors.New("the destination does not end with its context")
	errMissed   = errors.New("a fault is not reported")
	errCounter  = errors.New("a number is handed out twice, or not from 1")
)

// check is one rule, in a directory of its own.
type check struct {
	name string
	run  func(*suite, context.Context) error
}

var checks = []check{
	{"a file appears whole, at Commit", (*suite).whole},
	{"a discarded file leaves nothing", (*suite).discarded},
	{"refuse keeps the file that is there", (*suite).refuse},
	{"replace never shows a part", (*suite).replace},
	{"number takes the next free name", (*suite).number},
	{"exporters race for a name", (*suite).race},
	{"exporters race for numbered names", (*suite).raceNumbered},
	{"an upload ends with its context", (*suite).canceled},
	{"a source of the wrong size is an error", (*suite).wrongSize},
	{"a source that fails is an error", (*suite).failingSource},
	{"a source that fails once is read again", (*suite).shakySource},
	{"numbers are handed out once", (*suite).count},
	{"a file is found again by its content", (*suite).holds},
	{"a missing directory is made if it may be", (*suite).directories},
	{"names of many kinds are kept", (*suite).names},
	{"exports at the same time do not disturb each other", (*suite).concurrent},
}

func (c check) do(ctx context.Context, h Harness) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	s := &suite{Harness: h, dir: "suite-" + strings.ReplaceAll(strings.ReplaceAll(c.name, " ", "-"), ",", "")}
	if err := c.run(s, ctx); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// TestDestination checks that a destination keeps the promises of
// [sftpexport.Destination]. Each rule works in a directory of its own, whose name
// begins with "suite-"; the destination should be empty before.
func TestDestination(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			if err := c.do(t.Context(), h); err != nil {
				t.Error(err)
			}
		})
	}
}

// CheckDestination does what [TestDestination] does and returns every violation,
// joined.
func CheckDestination(ctx context.Context, h Harness) error {
	if h.Open == nil || h.Read == nil || h.Put == nil {
		return errors.New("checking a destination: Open, Read and Put of the Harness must be given")
	}
	var faults []error
	for _, c := range checks {
		faults = append(faults, c.do(ctx, h))
	}
	return errors.Join(faults...)
}

// suite is one rule at work.
type suite struct {
	Harness
	dir string
}

// large is the size of a large file.
func (s *suite) large() int {
	if s.Large == 0 {
		return 17 << 20
	}
	return s.Large
}

// sizes of files: nothing, a byte, more than a write, and large.
func (s *suite) sizes() []int { return []int{0, 1, 32<<10 + 1, s.large() + 3} }

// text is content of a size that differs from another's in every block.
func text(seed string, size int) []byte {
	block := []byte(seed + "-0123456789abcdef")
	return bytes.Repeat(block, size/len(block)+1)[:size]
}

func (s *suite) file(name string, data []byte, rule sftpexport.CollisionRule) sftpexport.File {
	return sftpexport.File{Directory: s.dir, Name: name, Content: pipeline.Bytes(data), Collision: rule, MayMakeDirectory: true}
}

// with opens the destination for f.
func (s *suite) with(ctx context.Context, f func(sftpexport.Destination) error) error {
	d, err := s.Open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.Close())
}

// put stages and commits a file.
func (s *suite) put(ctx context.Context, f sftpexport.File) (path string, err error) {
	err = s.with(ctx, func(d sftpexport.Destination) error {
		staged, err := d.Stage(ctx, f)
		if err != nil {
			return err
		}
		path, err = staged.Commit(ctx)
		return errors.Join(err, staged.Discard())
	})
	return path, err
}

// seen is what a reader that passes hidden files over sees in the rule's
// directory; hidden are the others.
func (s *suite) seen(ctx context.Context) (visible map[string][]byte, hidden []string, err error) {
	all, err := s.Read(ctx)
	visible = make(map[string][]byte)
	for p, data := range all {
		name, ok := strings.CutPrefix(strings.TrimPrefix(p, "/"), s.dir+"/")
		switch {
		case !ok:
		case strings.HasPrefix(path.Base(name), "."):
			hidden = append(hidden, name)
		default:
			visible[name] = data
		}
	}
	return visible, hidden, err
}

// want checks what is in the directory, and that nothing hidden is left.
func (s *suite) want(ctx context.Context, rule error, files map[string][]byte) error {
	visible, hidden, err := s.seen(ctx)
	if err != nil {
		return err
	}
	if !maps.EqualFunc(visible, files, bytes.Equal) {
		return fmt.Errorf("%w: there are %s, want %s", rule, describe(visible), describe(files))
	}
	for _, h := range hidden {
		if strings.HasPrefix(path.Base(h), sftpexport.HiddenPrefix) {
			return fmt.Errorf("%w: %s", errLeft, h)
		}
	}
	if s.Unfinished == nil {
		return nil
	}
	unfinished, err := s.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, u := range unfinished {
		if strings.Contains(u, s.dir+"/") {
			return fmt.Errorf("%w: %s", errLeft, u)
		}
	}
	return nil
}

func describe(files map[string][]byte) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		fmt.Fprintf(&b, "%s (%d bytes, %q…) ", name, len(data), data[:min(len(data), 24)])
	}
	if b.Len() == 0 {
		return "no files"
	}
	return strings.TrimSpace(b.String())
}

// source is content that fails or dawdles.
type source struct {
	data  []byte
	size  int64
	open  func(io.Reader) io.Reader
	opens *int
}

func (s source) Open(context.Context) (io.ReadCloser, error) {
	if s.opens != nil {
		*s.opens++
	}
	return io.NopCloser(s.open(bytes.NewReader(s.data))), nil
}

func (s source) Size() int64 { return s.size }

// failing is the reader's data up to a number of bytes, and then an error.
func failing(r io.Reader, n int64, err error) io.Reader {
	return io.MultiReader(io.LimitReader(r, n), readerFunc(func([]byte) (int, error) { return 0, err }))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// all runs f at the same time n times.
func all(n int, f func(i int) error) error {
	faults := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { faults[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(faults...)
}
