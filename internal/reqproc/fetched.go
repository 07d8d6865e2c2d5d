package reqproc

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// Fetched is what .@ got: bytes, and, if they are JSON, the value that they are.
// It may be used by several goroutines; Data must not be changed.
type Fetched struct {
	Data []byte
	Type string // media type

	once   sync.Once
	parsed value
	err    error
}

var (
	_ Members = (*Fetched)(nil)
	_ Plain   = (*Fetched)(nil)
)

// IsJSON reports whether a media type is one that the engine takes for JSON, whose case
// counts.
func IsJSON(mediaType string) bool { return strings.Contains(mediaType, "application/json") }

// PyType implements [pyvalue.Object].
func (f *Fetched) PyType() string { return "fetched content" }

// Plain returns the value of JSON, or else the bytes.
func (f *Fetched) Plain(ctx context.Context) (pyvalue.Value, error) {
	if !IsJSON(f.Type) {
		return pyvalue.Bytes(f.Data), nil
	}
	return f.parse(ctx)
}

func (f *Fetched) parse(ctx context.Context) (value, error) {
	f.once.Do(func() {
		f.parsed, f.err = pyvalue.FromReply(ctx, f.Data, false)
		if f.err != nil {
			f.err = fmt.Errorf("what .@ got (%s, %d bytes) is not JSON: %w", f.Type, len(f.Data), f.err)
		}
	})
	return f.parsed, f.err
}

// Member returns a member of JSON, whatever its media type says.
func (f *Fetched) Member(ctx context.Context, name string) (pyvalue.Value, error) {
	v, err := f.parse(ctx)
	if err != nil {
		return value{}, fmt.Errorf("%w: %w, so it has no %s", ErrNotThere, err, name)
	}
	if v.Dict() == nil {
		return value{}, fmt.Errorf("%w: what .@ got is %s, so it has no %s", ErrNotThere, Describe(v), name)
	}
	if found, ok := v.Dict().GetStr(name); ok {
		return found, nil
	}
	return value{}, NotThere("what .@ got", name, keysOf(v.Dict()))
}
