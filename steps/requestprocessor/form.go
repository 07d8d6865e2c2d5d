package requestprocessor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// formBody makes a form of an object or a list of pairs. Large files in it are escaped
// while they are sent.
func formBody(ctx context.Context, v pyvalue.Value) (pipeline.Content, error) {
	fields, err := formFields(ctx, v)
	if err != nil {
		return nil, err
	}
	var text []byte // after the last file
	var body httpcall.Segments
	for i, f := range fields {
		if i > 0 {
			text = append(text, '&')
		}
		text = append(append(text, url.QueryEscape(f.name)...), '=')
		for _, c := range f.chunks {
			for _, file := range []pipeline.Content{pipeline.Bytes(c.Text), base64Body(c.File)} {
				if file.Size() < streamed {
					text, err = appendEscaped(ctx, text, file)
				} else {
					body = append(body, pipeline.Bytes(text))
					text = nil
					body, err = appendFile(ctx, body, file)
				}
				if err != nil {
					return nil, err
				}
			}
		}
	}
	if body == nil {
		return pipeline.Bytes(text), nil
	}
	return append(body, pipeline.Bytes(text)), nil
}

// streamed is the size in bytes from which a part of a form is escaped while it is sent.
const streamed = 1 << 20

func appendEscaped(ctx context.Context, text []byte, part pipeline.Content) ([]byte, error) {
	data, err := readAll(ctx, part)
	return append(text, url.QueryEscape(string(data))...), err
}

func appendFile(ctx context.Context, body httpcall.Segments, file pipeline.Content) (httpcall.Segments, error) {
	escaped, err := httpcall.EscapedForForm(ctx, file)
	return append(body, escapedFile{escaped}), err
}

// escapedFile is a file of a form, which is in memory as it was before it was escaped.
type escapedFile struct{ *httpcall.EscapedBody }

// Sum is the SHA-256 of what is sent, for the ledger.
func (f escapedFile) Sum() []byte {
	h := sha256.New()
	if r, err := f.Open(context.Background()); err == nil { // which is of bytes in memory
		_, _ = io.Copy(h, r)
	}
	return h.Sum(nil)
}

// formPairs lists the fields as texts, for forms without files.
func formPairs(ctx context.Context, v pyvalue.Value) ([][2]string, error) {
	fields, err := formFields(ctx, v)
	all := make([][2]string, len(fields))
	for i, f := range fields {
		text, err := readAll(ctx, chunkedBody(f.chunks))
		if err != nil {
			return nil, err
		}
		all[i] = [2]string{f.name, string(text)}
	}
	return all, err
}

func readAll(ctx context.Context, content pipeline.Content) ([]byte, error) {
	r, err := content.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return httpcall.ReadAll(r, content.Size())
}

// formField is a field of a form.
type formField struct {
	name   string
	chunks []reqproc.Chunk
}

// formFields lists the fields of an object, or of a list of pairs: a list repeats a
// field, null leaves it out.
func formFields(ctx context.Context, v pyvalue.Value) ([]formField, error) {
	var all []formField
	add := func(name string, v pyvalue.Value) error {
		items, many := v.Items()
		if !many {
			items = []pyvalue.Value{v}
		}
		for _, item := range items {
			if item.IsNone() {
				continue
			}
			if item.Dict() != nil || item.List() != nil {
				return fmt.Errorf("%s: %s cannot be a form field; a form has strings, or lists of strings", name, reqproc.Describe(item))
			}
			chunks, err := reqproc.ContentChunks(ctx, item)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, formField{name, chunks})
		}
		return nil
	}
	if d := v.Dict(); d != nil {
		for k, item := range d.All() {
			if err := add(k.Text(), item); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	items, ok := v.Items()
	if !ok {
		return nil, fmt.Errorf("it is %s, expected an object", reqproc.Describe(v))
	}
	for i, item := range items {
		pair, _ := item.Items()
		if len(pair) != 2 || !pair[0].IsText() {
			return nil, fmt.Errorf("[%d] is not a pair of a name and a value", i)
		}
		if err := add(pair[0].Text(), pair[1]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
