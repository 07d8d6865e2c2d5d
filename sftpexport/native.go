package sftpexport

import (
	"bytes"
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/native"
)

// localNative makes a native export of the annotation as this run has left it.
func localNative(ctx context.Context, x *pipeline.Export, format native.Format) ([]byte, error) {
	out := bounded{ctx: ctx, limit: maxNative}
	err := native.Write(&out, format, native.Options{}, x.Payload)
	return out.data.Bytes(), err
}

// bounded is a native export in the making. It ends with the context, and beyond its limit.
type bounded struct {
	ctx   context.Context
	limit int // in bytes
	data  bytes.Buffer
}

// Write implements [io.Writer].
func (b *bounded) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.data.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("it is larger than %d bytes", b.limit)
	}
	return b.data.Write(p)
}
