package requestprocessor

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/internal/python/ucd"
	"github.com/exportpipeline/exportpipeline/internal/reqproc"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

const (
	jsonType = "application/json"
)

// outgoing is a request with everything filled in.
type outgoing struct {
	call    *send.Call
	content pyvalue.Value // as it was filled in
}

// fill makes the request. Errors name the place and the placeholder.
func (q *request) fill(ctx context.Context, r *run, s *reqproc.Scope) (*outgoing, error) {
	// Python's requests sends Accept where the settings do not, and some APIs go by it.
	header := http.Header{"Accept": {"*/*"}}
	out := &outgoing{call: &send.Call{Method: q.method, Header: header}}
	if q.lowerCase {
		r.decide("%s.method is not in capitals; the engine would refuse the settings", q.place)
	}
	var err error
	if out.call.URL, err = q.address(ctx, r, s, q.params); err != nil {
		return nil, err
	}
	for _, h := range q.headers {
		v, err := h.value.FillSent(ctx, s)
		if err == nil && v.IsNone() {
			header[http.CanonicalHeaderKey(h.name)] = nil // as Python's requests leaves it out
			continue
		}
		text := ""
		if err == nil {
			text, err = reqproc.Text(ctx, v)
		}
		if err != nil {
			return nil, fail(q.place+".headers."+h.name, err)
		}
		text, note := headerText(v, text)
		if note != "" {
			r.decide("%s.headers.%s is %s", q.place, h.name, note)
		}
		out.call.SetHeader(h.spelled, text)
	}
	if q.content == nil {
		return out, nil
	}
	if out.content, err = q.content.FillContent(ctx, s); err != nil {
		return nil, fail(q.place+".content", err)
	}
	if err := q.body(ctx, r, out); err != nil {
		return nil, fail(q.place+".content", err)
	}
	return out, nil
}

// headerText returns what is sent for the value of a header: Latin-1, as Python sends it,
// and UTF-8 for what Latin-1 lacks. The note says on which values the engine fails, and
// what of them is not sent.
func headerText(v pyvalue.Value, text string) (sent, note string) {
	sent, ok := httpcall.Latin1(text)
	switch {
	case !v.IsText():
		note = reqproc.Describe(v) + " and goes out as text; the engine would fail"
	case text != strings.TrimLeftFunc(text, ucd.IsSpace):
		note = "text with blanks before it; the engine would fail"
	case text != strings.TrimRight(text, " \t"):
		note = "sent without the blanks after it, which are not part of a header's value"
	case !ok:
		note = "sent in UTF-8; the engine would fail"
	}
	return sent, note
}

// body sends the content in the way that content_type asks for.
func (q *request) body(ctx context.Context, r *run, out *outgoing) error {
	if out.content.IsNone() {
		return nil
	}
	switch q.contentType {
	case "json":
		return q.jsonBody(ctx, r, out)
	case "files", "multipart":
		return q.multipart(ctx, r, out)
	}
	return q.plainBody(ctx, r, out)
}

func (out *outgoing) defaultType(mediaType string) {
	if out.call.Header.Get("Content-Type") == "" {
		out.call.Header.Set("Content-Type", mediaType)
	}
}

// jsonBody serialises the content. Bytes that are JSON already go out as they are.
func (q *request) jsonBody(ctx context.Context, r *run, out *outgoing) error {
	out.defaultType(jsonType)
	raw := out.content.Data()
	if f, ok := out.content.Object().(*reqproc.Fetched); ok {
		if raw = f.Data; reqproc.IsJSON(f.Type) { // the engine parses it and writes it anew
			v, err := f.Plain(ctx)
			if err != nil {
				return err
			}
			data, err := reqproc.JSON(ctx, v)
			out.call.Body = pipeline.Bytes(data)
			return err
		}
	}
	if raw != nil {
		if !json.Valid(raw) {
			return fmt.Errorf("it is %d bytes that are not JSON, so content_type json cannot send it; leave content_type out to send it as it is", len(raw))
		}
		out.call.Body = pipeline.Bytes(raw)
		return nil
	}
	if text := strings.TrimSpace(out.content.Text()); text != "" && (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text)) {
		r.decide("%s.content is text that is JSON already, and goes out as a JSON string; leave content_type out and set the Content-Type header to send it as it is", q.place)
	}
	chunks, err := reqproc.JSONChunks(ctx, out.content)
	out.call.Body = chunkedBody(chunks)
	return err
}

// chunkedBody makes a body of the parts of a text.
func chunkedBody(chunks []reqproc.Chunk) pipeline.Content {
	if len(chunks) == 1 && chunks[0].File == nil {
		return pipeline.Bytes(chunks[0].Text)
	}
	var body httpcall.Segments
	for _, c := range chunks {
		body = append(body, pipeline.Bytes(c.Text))
		if c.File != nil {
			body = append(body, base64Body(c.File))
		}
	}
	return body
}

// base64Body is a file that is encoded while it is sent.
type base64Body []byte

// Size implements [pipeline.Content].
func (b base64Body) Size() int64 { return int64(base64.StdEncoding.EncodedLen(len(b))) }

// Open implements [pipeline.Content].
func (b base64Body) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(&base64Reader{rest: b}), nil
}

// Sum is the SHA-256 of the base64, for the ledger.
func (b base64Body) Sum() []byte {
	h := sha256.New()
	w := base64.NewEncoder(base64.StdEncoding, h)
	_, _ = w.Write(b) // a hash never fails
	_ = w.Close()
	return h.Sum(nil)
}

type base64Reader struct {
	rest []byte // of the file
	buf  [base64Block / 3 * 4]byte
	out  []byte // of buf, not read yet
}

// base64Block is how many bytes are encoded at once: a multiple of three.
const base64Block = 3 << 10

func (r *base64Reader) Read(p []byte) (int, error) {
	if len(r.out) == 0 {
		if len(r.rest) == 0 {
			return 0, io.EOF
		}
		n := min(len(r.rest), base64Block)
		r.out = base64.StdEncoding.AppendEncode(r.buf[:0], r.rest[:n])
		r.rest = r.rest[n:]
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// plainBody sends an object as a form, and anything else as it is.
func (q *request) plainBody(ctx context.Context, r *run, out *outgoing) error {
	content := out.content
	if f, ok := content.Object().(*reqproc.Fetched); ok {
		v, err := f.Plain(ctx)
		if err != nil {
			return err
		}
		if v.Dict() != nil || v.List() != nil {
			r.decide("%s.content is a JSON document, which is parsed and so goes out as a form; to send JSON, set content_type to json", q.place)
		}
		content = v
	}
	if content.Dict() != nil || content.List() != nil {
		if mediaType := out.call.Header.Get("Content-Type"); q.contentType == "" && reqproc.IsJSON(mediaType) {
			r.decide("%s.content is %s and goes out as a form, although the Content-Type header says %s; to send JSON, set content_type to json", q.place, reqproc.Describe(content), mediaType)
		}
		body, err := formBody(ctx, content)
		if err != nil || !pyvalue.Truth(content) {
			return err // an empty form is not a body
		}
		out.defaultType(send.FormType)
		out.call.Body = body
		return nil
	}
	if content.IsNumber() || content.Kind() == pyvalue.KindBool {
		r.decide("%s.content is %s and goes out as text; the engine would fail", q.place, reqproc.Describe(content))
	}
	chunks, err := reqproc.ContentChunks(ctx, content)
	out.call.Body = chunkedBody(chunks)
	return err
}

// multipart makes a form with files, or one without if there are none. A Content-Type
// of the settings, whose boundary cannot be the right one, is replaced.
func (q *request) multipart(ctx context.Context, r *run, out *outgoing) error {
	switch d := out.content.Dict(); {
	case d != nil && !q.hasFiles(d): // Python's requests makes no multipart body without a file
		body, err := formBody(ctx, out.content)
		if err != nil || d.Len() == 0 {
			return err
		}
		out.defaultType(send.FormType)
		out.call.Body = body
		return nil
	case d == nil:
		return fmt.Errorf("it is %s, expected an object such as {\"file\": [\"name.pdf\", \"{payload.document.content.@}\"]}", reqproc.Describe(out.content))
	}
	var parts []send.Part
	// Fields come before files, as Python's requests sends them.
	for _, files := range []bool{false, true} {
		for k, v := range out.content.Dict().All() {
			items, isList := v.Items()
			if (isList || q.contentType == "files") != files {
				continue
			}
			for i, item := range items {
				if item.IsNumber() || item.Kind() == pyvalue.KindBool {
					r.decide("%s.content.%s[%d] is %s and goes out as text; the engine would fail", q.place, k.Text(), i, reqproc.Describe(item))
				}
			}
			part, err := formPart(ctx, k.Text(), v, files)
			if err != nil {
				return fmt.Errorf("%s: %w", k.Text(), err)
			}
			if part != nil {
				parts = append(parts, *part)
			}
		}
	}
	body, contentType, err := send.Multipart(r.x.NewID(), parts...)
	if err != nil {
		return err
	}
	out.call.Header.Set("Content-Type", contentType)
	out.call.Body = body
	return nil
}

// hasFiles reports whether any part is a file.
func (q *request) hasFiles(parts *pyvalue.Dict) bool {
	for _, v := range parts.All() {
		if _, isList := v.Items(); isList || q.contentType == "files" {
			return true
		}
	}
	return false
}

// formPart makes a part of a form; nil if there is nothing to send.
func formPart(ctx context.Context, name string, v pyvalue.Value, isFile bool) (*send.Part, error) {
	fileName, mediaType := "", ""
	if isFile {
		fileName = name // what stands alone is a file that is called as its field
	}
	if items, ok := v.Items(); ok {
		if len(items) < 2 || len(items) > 3 {
			return nil, fmt.Errorf("is a list of length %d, expected a file name, its content, and optionally its media type", len(items))
		}
		var err error
		if fileName, err = reqproc.Text(ctx, items[0]); err != nil {
			return nil, err
		}
		isFile = !items[0].IsNone() // Python's requests writes no filename for null
		if len(items) == 3 {
			if mediaType, err = reqproc.Text(ctx, items[2]); err != nil {
				return nil, err
			}
		}
		v = items[1]
		if v.IsNone() {
			return nil, errors.New("the content of the file is null")
		}
	}
	if v.IsNone() {
		return nil, nil
	}
	if !isFile && v.Dict() != nil {
		return nil, errors.New("an object cannot be a form field")
	}
	chunks, err := reqproc.ContentChunks(ctx, v)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(name+fileName+mediaType, "\r\n\x00") {
		return nil, errors.New("the name of the field or the file has a line break")
	}
	return &send.Part{Name: name, File: isFile, FileName: fileName, ContentType: mediaType, Content: chunkedBody(chunks)}, nil
}
