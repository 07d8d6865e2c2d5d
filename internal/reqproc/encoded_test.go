package reqproc

import (
	"bytes"
	"context"
	"encoding/base64"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// The content of a request holds a large file itself in the place of its base64.
func TestTheBase64OfALargeFileIsLeftToTheSender(t *testing.T) {
	t.Parallel()
	document := bytes.Repeat([]byte("PDF\xff"), 1<<19)
	scope := &Scope{Roots: map[string]pyvalue.Value{"item": pyvalue.FromObject(&Fetched{Data: document, Type: "application/pdf"})}}
	for template, files := range map[string]int{
		`{base64(item)}`: 1, `<{base64(item)}>`: 1, `{base64(item)},{base64(item)}`: 2,
		`{base64(base64(item))}`: 0,
	} {
		compiled, err := CompileText(template, Options{Roots: testRoots})
		if err != nil {
			t.Fatal(template, err)
		}
		v, err := compiled.FillContent(t.Context(), scope)
		if err != nil {
			t.Fatal(template, err)
		}
		plain, err := Content(t.Context(), v)
		if err != nil {
			t.Fatal(template, err)
		}
		for name, chunksOf := range map[string]func(context.Context, pyvalue.Value) ([]Chunk, error){
			"JSON": JSONChunks, "text": ContentChunks,
		} {
			chunks, err := chunksOf(t.Context(), v)
			if err != nil {
				t.Fatal(template, name, err)
			}
			var text []byte
			kept := 0
			for _, c := range chunks {
				text = base64.StdEncoding.AppendEncode(append(text, c.Text...), c.File)
				if len(c.File) == len(document) && &c.File[0] == &document[0] {
					kept++
				}
			}
			if name == "JSON" {
				text = bytes.Trim(text, `"`)
			}
			if kept != files || !bytes.Equal(text, plain) {
				t.Errorf("%s as %s: %d of %d files are the document itself, same text: %v", template, name, kept, files, bytes.Equal(text, plain))
			}
		}
		if filled, err := compiled.Fill(t.Context(), scope); err != nil || !filled.IsText() || filled.Text() != string(plain) {
			t.Errorf("%s: Fill gives %s and %v, expected the text", template, Describe(filled), err)
		}
	}
}
