// Package transfer reads what is sent to a destination, and says what may be tried again.
package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Source reads a content until its context ends, and knows whether it was the
// content that failed. It may be asked while it is being read.
type Source struct {
	ctx context.Context
	r   io.Reader

	mu   sync.Mutex
	n    int64
	err  error
	hash hash.Hash // nil if nobody wants it
}

// NewSource reads r until ctx ends.
func NewSource(ctx context.Context, r io.Reader, hashed bool) *Source {
	s := &Source{ctx: ctx, r: r}
	if hashed {
		s.hash = sha256.New()
	}
	return s
}

// Sum is the hash of what was read, nil if it was not wanted.
func (s *Source) Sum() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hash == nil {
		return nil
	}
	return s.hash.Sum(nil)
}

func (s *Source) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	n, err := s.r.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += int64(n)
	if s.hash != nil {
		_, _ = s.hash.Write(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// Moved is how many bytes were read.
func (s *Source) Moved() int64 {
	n, _ := s.State()
	return n
}

// SourceError is an error of the content, not of the destination.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "reading the source: " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// MayReadAgain reports whether a source that failed the nth time is to be read
// again. It is not the place to be patient: sources repeat by themselves what may
// be.
func MayReadAgain(err error, n int) bool {
	var source *SourceError
	return errors.As(err, &source) && n < 3
}

// State returns how many bytes were read, and why there are no more.
func (s *Source) State() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.err
}

// SumOf reads a content and returns its hash and size.
func SumOf(ctx context.Context, content pipeline.Content) (sum [sha256.Size]byte, n int64, err error) {
	r, err := content.Open(ctx)
	if err != nil {
		return sum, 0, err
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	n, err = io.Copy(h, &Source{ctx: ctx, r: r})
	h.Sum(sum[:0])
	return sum, n, err
}

// Opener is a [pipeline.Content] of unknown size.
type Opener func() (io.ReadCloser, error)

// Open opens the content anew.
func (o Opener) Open(context.Context) (io.ReadCloser, error) { return o() }

// Size is unknown.
func (o Opener) Size() int64 { return -1 }

// MovingReader tells how far it has been read.
type MovingReader struct {
	io.ReadCloser
	Moved *atomic.Int64
}

func (r MovingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.Moved.Add(int64(n))
	return n, err
}
