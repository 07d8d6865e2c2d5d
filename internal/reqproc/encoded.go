package reqproc

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// encoded is the base64 of a large file, a text that is made only where it is needed:
// [JSONChunks] leaves it to whoever sends the JSON.
type encoded struct{ data []byte }

// large is the size in bytes from which the base64 of a file is not made at once.
const large = 1 << 20

var _ Plain = encoded{}

// PyType implements [pyvalue.Object].
func (encoded) PyType() string { return "a text" }

// Plain returns the text.
func (e encoded) Plain(context.Context) (pyvalue.Value, error) {
	return pyvalue.Str(base64.StdEncoding.EncodeToString(e.data)), nil
}

// encode is encode64 for what may be made later.
func (p part) encode(ctx context.Context, v value) (value, error) {
	if f, ok := v.Object().(*Fetched); ok && p.base64 == 1 && len(f.Data) >= large {
		return pyvalue.FromObject(encoded{f.Data}), nil
	}
	return encode64(ctx, v)
}

// Chunk is a part of a text: Text, and after it the base64 of File.
type Chunk struct{ Text, File []byte }

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
		if e, ok := v.Object().(encoded); ok {
			*files = append(*files, e.data)
			return pyvalue.Str(markOf(mark, len(*files)-1))
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
