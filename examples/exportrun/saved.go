package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
)

// saved writes every file to a folder on its way to another store, which may be
// nil.
type saved struct {
	dir  string
	next pipeline.Store
}

func (s saved) Put(ctx context.Context, x *pipeline.Export, f *pipeline.File) error {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return err
		}
		// A reference key is not a path.
		name := strings.NewReplacer("/", "_", `\`, "_", "..", "_").Replace(f.Key)
		if err := os.WriteFile(filepath.Join(s.dir, name), f.Data, 0o644); err != nil {
			return err
		}
	}
	if s.next == nil {
		return nil
	}
	return s.next.Put(ctx, x, f)
}

func (s saved) Load(ctx context.Context, x *pipeline.Export, key string) (*pipeline.File, error) {
	if s.next == nil {
		return nil, pipeline.ErrNoFile
	}
	return s.next.Load(ctx, x, key)
}

func (s saved) Purge(ctx context.Context, x *pipeline.Export, keys ...string) (int, error) {
	if s.next == nil {
		return 0, nil
	}
	return s.next.Purge(ctx, x, keys...)
}
