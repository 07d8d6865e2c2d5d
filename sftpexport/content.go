package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/native"
)

// maxNative bounds a native export, in bytes.
const maxNative = 256 << 20

// content returns the bytes of an object, and what its name ends in if that is not
// part of the template. It returns nil if there are none to be, and says why in
// the report.
func (s *Step) content(ctx context.Context, x *pipeline.Export, o *object) (content pipeline.Content, extra string, err error) {
	switch o.Type {
	case ObjectDocument:
		original, err := x.Original()
		if err != nil {
			return nil, "", err
		}
		if d := x.Payload.Document; d != nil {
			extra = extension(d.OriginalFileName)
		}
		return original, extra, nil
	case ObjectCustomFormat:
		file, err := x.Files.Get(ctx, o.Key)
		if err == nil {
			return pipeline.Bytes(file.Data), "", nil
		}
		if why, skipped := x.Files.Skipped(o.Key); skipped && errors.Is(err, pipeline.ErrNoFile) {
			x.Decide("%s: file %q is not put: %s", o.place, o.Key, why)
			return nil, "", nil
		}
		return nil, "", err
	}
	native, err := s.native(ctx, x, o.Format)
	return native, "", err
}

// native returns the annotation in one of Rossum's own formats.
func (s *Step) native(ctx context.Context, x *pipeline.Export, format native.Format) (pipeline.Content, error) {
	changed := x.Annotation.Content != nil && len(x.Annotation.Content.Operations()) > 0
	if s.Source == NativeRossum || s.Source == "" && x.Rossum != nil && !changed {
		return fetchNative(ctx, x, format)
	}
	data, err := localNative(ctx, x, format)
	if errors.Is(err, native.ErrNoSchema) && s.Source == "" && x.Rossum != nil {
		x.Decide("the %s comes from Rossum, which does not know the fields that this run has changed: the hook sideloads no schema", format)
		return fetchNative(ctx, x, format)
	}
	return pipeline.Bytes(data), err
}

// fetchNative has Rossum make the export. It is small, and may come out otherwise
// the next time, so it is kept.
func fetchNative(ctx context.Context, x *pipeline.Export, format native.Format) (pipeline.Content, error) {
	if x.Rossum == nil {
		return nil, errors.New("fetching the export from Rossum: no client, since the payload has no token or base URL")
	}
	queue := x.Annotation.QueueID()
	if queue == 0 {
		return nil, errors.New("fetching the export from Rossum: the annotation has no queue")
	}
	body, err := x.Rossum.QueueExport(ctx, queue, x.Annotation.ID, string(format))
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, maxNative+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetching the export from Rossum: %w", err)
	case len(data) > maxNative:
		return nil, fmt.Errorf("fetching the export from Rossum: it is larger than %d bytes", maxNative)
	}
	return pipeline.Bytes(data), nil
}
