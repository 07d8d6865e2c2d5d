package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
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
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.dir, fileName(f.Key)), f.Data, 0o600); err != nil {
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

// maxFileName is what common file systems take, less room for a hash.
const maxFileName = 180

// fileName makes a file's name of a reference key, which is not a path: every key has
// a name of its own, and none leaves the folder.
func fileName(key string) string {
	name := url.PathEscape(key) // leaves no slash
	name = strings.ReplaceAll(name, ":", "%3A")
	if rest, ok := strings.CutPrefix(name, "."); ok {
		name = "%2E" + rest
	}
	if name == "" {
		name = "%" // which no other key becomes
	}
	if len(name) > maxFileName {
		sum := sha256.Sum256([]byte(key))
		name = name[:maxFileName] + "~" + hex.EncodeToString(sum[:8])
	}
	return name
}
