package send

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"unicode"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// FormType is the Content-Type of [URLEncoded].
const FormType = "application/x-www-form-urlencoded"

// URLEncoded makes the body of a form of pairs of a name and a value, in their order; a
// blank is a plus, as browsers and Python's requests have it. Its Content-Type is
// [FormType].
func URLEncoded(fields ...[2]string) pipeline.Bytes {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = url.QueryEscape(f[0]) + "=" + url.QueryEscape(f[1])
	}
	return pipeline.Bytes(strings.Join(parts, "&"))
}

// Part is a part of a multipart form.
type Part struct {
	Name string // of the field
	// File makes the part a file, which is called FileName.
	File        bool
	FileName    string
	ContentType string // "" for none
	Content     pipeline.Content
}

// Multipart makes the body of a multipart form, whose files are read as they are sent, and
// its Content-Type. boundary must not occur in the contents: [pipeline.Export.NewID] makes
// one, which is the same when the step runs again after a crash. The error says that a
// name cannot be sent.
func Multipart(boundary string, parts ...Part) (body pipeline.Content, contentType string, err error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	if err := w.SetBoundary(boundary); err != nil {
		return nil, "", err
	}
	var segments httpcall.Segments
	cut := func() {
		segments = append(segments, httpcall.Bytes(bytes.Clone(head.Bytes())))
		head.Reset()
	}
	for _, p := range parts {
		h, err := p.header()
		if err != nil {
			return nil, "", err
		}
		if _, err := w.CreatePart(h); err != nil {
			return nil, "", err
		}
		cut()
		segments = append(segments, p.Content)
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	cut()
	return segments, w.FormDataContentType(), nil
}

// escape escapes the names of a Content-Disposition.
var escape = strings.NewReplacer(`\`, `\\`, `"`, "%22")

func (p Part) header() (textproto.MIMEHeader, error) {
	if strings.ContainsAny(p.Name+p.FileName+p.ContentType, "\r\n\x00") {
		return nil, errors.New("the name of the field or the file has a line break")
	}
	if strings.ContainsFunc(p.ContentType, unicode.IsControl) {
		return nil, fmt.Errorf("form field %q: the Content-Type %q has a control character, which a receiver may refuse", p.Name, p.ContentType)
	}
	if p.Content == nil {
		return nil, fmt.Errorf("form field %q has no content", p.Name)
	}
	disposition := `form-data; name="` + escape.Replace(p.Name) + `"`
	if p.File {
		disposition += `; filename="` + escape.Replace(p.FileName) + `"`
	}
	h := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if p.ContentType != "" {
		h.Set("Content-Type", p.ContentType)
	}
	return h, nil
}
