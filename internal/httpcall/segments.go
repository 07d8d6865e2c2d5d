package httpcall

import (
	"context"
	"errors"
	"io"
)

// Segments is a body of several bodies, one after the other.
type Segments []Body

// Size is the sum, -1 if one is not known.
func (s Segments) Size() (total int64) {
	for _, b := range s {
		n := b.Size()
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}

// Open opens one after the other as they are read.
func (s Segments) Open(ctx context.Context) (io.ReadCloser, error) {
	return &segmentReader{ctx: ctx, rest: s}, nil
}

type segmentReader struct {
	ctx  context.Context
	rest Segments
	open io.ReadCloser
}

func (r *segmentReader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.rest) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.open, err = r.rest[0].Open(r.ctx); err != nil {
				return 0, err
			}
			r.rest = r.rest[1:]
		}
		n, err := r.open.Read(p)
		if errors.Is(err, io.EOF) {
			err = r.open.Close()
			r.open = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *segmentReader) Close() error {
	if r.open == nil {
		return nil
	}
	return r.open.Close()
}
