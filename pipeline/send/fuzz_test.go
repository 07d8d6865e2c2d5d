package send_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// FuzzMultipart makes forms: a receiver reads one part of each, with its names and bytes,
// whatever they are.
func FuzzMultipart(f *testing.F) {
	f.Add("file", `in"voice\.pdf`, "application/pdf", []byte("%PDF"))
	f.Add("a\r\nX: y", "ž", "", []byte("\r\n--boundary--\r\n"))
	f.Add("", "%22", "text/plain; charset=utf-8", []byte{})
	f.Add("file", "a\x03", "application/pdf", []byte{})
	f.Add("file", "a", "a\x03\xe8lication/pdf", []byte{})
	f.Fuzz(func(t *testing.T, name, file, contentType string, data []byte) {
		const boundary = "0123456789abcdef0123456789abcdef"
		if bytes.Contains(data, []byte(boundary)) {
			return
		}
		body, kind, err := send.Multipart(boundary,
			send.Part{Name: name, File: true, FileName: file, ContentType: contentType, Content: pipeline.Bytes(data)},
			send.Part{Name: "last", Content: pipeline.Bytes("1")},
		)
		if err != nil {
			if !strings.ContainsAny(name+file, "\r\n\x00") && !strings.ContainsFunc(contentType, unicode.IsControl) {
				t.Errorf("%q, %q, %q: %v", name, file, contentType, err)
			}
			return
		}
		if strings.ContainsFunc(name+file, unicode.IsControl) {
			return // sent as it always was, although Go's reader refuses it
		}
		r, err := body.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, parameters, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		form := multipart.NewReader(r, parameters["boundary"])
		first, err := form.NextRawPart()
		if err != nil {
			t.Fatalf("%q, %q, %q: %v", name, file, contentType, err)
		}
		if got, err := io.ReadAll(first); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q arrives as %q, %v", data, got, err)
		}
		if isPlain(name) && first.FormName() != strings.ReplaceAll(name, `"`, "%22") {
			t.Errorf("the field %q arrives as %q", name, first.FormName())
		}
		last, err := form.NextRawPart()
		if err != nil || last.FormName() != "last" {
			t.Fatalf("%q, %q: the next part is %v, %v", name, data, last, err)
		}
		if _, err := form.NextRawPart(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last part: %v", err)
		}
	})
}

// isPlain reports that package mime reads a name as it is written.
func isPlain(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f })
}
