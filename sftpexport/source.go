package sftpexport

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

// source reads a content until its context ends, and knows whether it was the
// content that failed. It may be asked while it is being read.
type source struct {
	ctx context.Context
	r   io.Reader

	mu   sync.Mutex
	n    int64
	err  error
	hash hash.Hash // nil if nobody wants it
}

func newSource(ctx context.Context, r io.Reader, hashed bool) *source {
	s := &source{ctx: ctx, r: r}
	if hashed {
		s.hash = sha256.New()
	}
	return s
}

// sum is the hash of what was read, nil if it was not wanted.
func (s *source) sum() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hash == nil {
		return nil
	}
	return s.hash.Sum(nil)
}

func (s *source) Read(p []byte) (int, error) {
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

// moved is how many bytes were read.
func (s *source) moved() int64 {
	n, _ := s.state()
	return n
}

// sourceError is an error of the content, not of the destination.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return "reading the source: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// mayReadAgain reports whether a source that failed the nth time is to be read
// again. It is not the place to be patient: sources repeat by themselves what may
// be.
func mayReadAgain(err error, n int) bool {
	var source *sourceError
	return errors.As(err, &source) && n < 3
}

// state returns how many bytes were read, and why there are no more.
func (s *source) state() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.err
}

// sumOf reads a content and returns its hash and size.
func sumOf(ctx context.Context, content pipeline.Content) (sum [sha256.Size]byte, n int64, err error) {
	r, err := content.Open(ctx)
	if err != nil {
		return sum, 0, err
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	n, err = io.Copy(h, &source{ctx: ctx, r: r})
	h.Sum(sum[:0])
	return sum, n, err
}

// opener is a [pipeline.Content] of unknown size.
type opener func() (io.ReadCloser, error)

func (o opener) Open(context.Context) (io.ReadCloser, error) { return o() }
func (o opener) Size() int64                                 { return -1 }

// movingReader tells how far it has been read.
type movingReader struct {
	io.ReadCloser
	moved *atomic.Int64
}

func (r movingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.moved.Add(int64(n))
	return n, err
}
