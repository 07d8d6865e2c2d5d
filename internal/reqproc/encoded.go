package reqproc

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// encoded is a text with the base64 of large files in it, which is made only where it is
// needed: whoever sends the text gets its parts from [JSONChunks] or [ContentChunks].
type encoded struct{ chunks []Chunk }

// Chunk is a part of a text: Text, and after it the base64 of File.
type Chunk struct{ Text, File []byte }

// large is the size in bytes from which the base64 of a file is not made at once.
const large = 1 << 20

var _ Plain = (*encoded)(nil)

// PyType implements [pyvalue.Object].
func (*encoded) PyType() string { return "a string" }

// Plain returns the text.
func (e *encoded) Plain(context.Context) (pyvalue.Value, error) {
	size := 0
	for _, c := range e.chunks {
		size += len(c.Text) + base64.StdEncoding.EncodedLen(len(c.File))
	}
	var text strings.Builder
	text.Grow(size)
	for _, c := range e.chunks {
		text.Write(c.Text)
		pyvalue.WriteBase64(&text, c.File)
	}
	return pyvalue.Str(text.String()), nil
}

// FillContent is [Template.Fill] for the content of a request: the base64 of large files
// stays unmade, also within a text, until it is sent. Where a text is JSON, values within its
// strings are escaped unless they may be there as they are.
func (t *Template) FillContent(ctx context.Context, s *Scope) (pyvalue.Value, error) {
	late := s.filling(ctx)
	late.late, late.sent = true, true
	return t.node.fill(ctx, late)
}

// FillSent is [Template.Fill] for a header, or for the parameters of a URL. JSON is as it is
// in FillContent, and a value within the quotes of a filter of OData, whose parameters begin
// with $, has its quotes doubled.
func (t *Template) FillSent(ctx context.Context, s *Scope) (pyvalue.Value, error) {
	sent := s.filling(ctx)
	sent.sent = true
	return t.node.fill(ctx, sent)
}

// encode is encode64 for what may be made later.
func (p part) encode(ctx context.Context, s *Scope, v value) (value, error) {
	if f, ok := v.Object().(*Fetched); ok && s.late && p.base64 == 1 && len(f.Data) >= large {
		return pyvalue.FromObject(&encoded{[]Chunk{{File: f.Data}}}), nil
	}
	return encode64(ctx, v)
}

// ContentChunks is [Content] in parts, so that the base64 of large files need not be in
// memory.
func ContentChunks(ctx context.Context, v pyvalue.Value) ([]Chunk, error) {
	if e, ok := v.Object().(*encoded); ok {
		return e.chunks, nil
	}
	data, err := Content(ctx, v)
	return []Chunk{{Text: data}}, err
}

// JSONChunks is [JSON] in parts, so that the base64 of large files need not be in memory.
func JSONChunks(ctx context.Context, v pyvalue.Value) ([]Chunk, error) {
	mark := rand.Text() // nobody can have it in a value
	var files [][]byte
	v = lift(v, mark, &files)
	out, err := JSON(ctx, v)
	if err != nil {
		return nil, err
	}
	chunks := make([]Chunk, 0, len(files)+1)
	for i, file := range files {
		before, after, _ := bytes.Cut(out, []byte(markOf(mark, i)))
		chunks = append(chunks, Chunk{before, file})
		out = after
	}
	return append(chunks, Chunk{Text: out}), nil
}

func markOf(mark string, i int) string { return mark + "." + strconv.Itoa(i) + "." }

// lift puts marks in the places of the files, in the order in which they are written.
func lift(v value, mark string, files *[][]byte) value {
	switch v.Kind() {
	case pyvalue.KindObject:
		if e, ok := v.Object().(*encoded); ok {
			var text []byte
			for _, c := range e.chunks {
				text = append(text, c.Text...)
				if c.File != nil {
					text = append(text, markOf(mark, len(*files))...)
					*files = append(*files, c.File)
				}
			}
			return pyvalue.Str(string(text))
		}
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		lifted := make([]value, len(items))
		for i, item := range items {
			lifted[i] = lift(item, mark, files)
		}
		return pyvalue.NewList(lifted...)
	case pyvalue.KindDict:
		lifted := v.Dict().Copy()
		for k, item := range v.Dict().All() {
			_ = lifted.Set(k, lift(item, mark, files)) // it was a key before
		}
		return lifted.Value()
	}
	return v
}
