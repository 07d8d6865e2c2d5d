package sftpexport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// show notes the files of a dry run in place of putting them. Nothing depends on an
// answer of the server but the number of {seq}, for which 1 stands.
func (s *Step) show(ctx context.Context, x *pipeline.Export, p *plan) error {
	files, done, err := p.files()
	if err != nil {
		return err
	}
	for _, change := range p.changed {
		x.Decide("%s", change)
	}
	if p.usesCount() {
		x.Decide("{seq} is counted at the destination; 1 stands for its number")
	}
	for _, f := range append(files, done...) {
		data, err := wholeContent(ctx, f.file.Content)
		if err != nil {
			return &FileError{Op: "reading", Path: f.file.Path(), Place: f.place, Err: err}
		}
		address := s.Credentials.address() + "/" + strings.TrimPrefix(f.file.Path(), "/")
		if _, err := x.Dry(pipeline.DryCall{Method: http.MethodPut, URL: address, Body: data}); err != nil && !errors.Is(err, pipeline.ErrUnanswered) {
			return err
		}
	}
	return nil
}

func wholeContent(ctx context.Context, c pipeline.Content) ([]byte, error) {
	r, err := c.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the content: %w", err)
	}
	data, err := httpcall.ReadAll(r, c.Size())
	return data, errors.Join(err, r.Close())
}
