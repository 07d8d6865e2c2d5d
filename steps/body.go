package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/exporttemplate"
	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// renderBody renders what a call sends, and says in the report which values were escaped
// for JSON. mediaType is what the settings say of the whole, "" for nothing.
func (c *request) renderBody(ctx context.Context, t *jsontemplate.Template, place, mediaType string, data *jsontemplate.Data, x *pipeline.Export) (pyvalue.Value, error) {
	v, in, err := t.RenderBody(ctx, data, isOther(mediaType))
	exporttemplate.NoteJSON(x, place, in)
	return v, err
}

// isOther reports whether a Content-Type says that a body is something else than JSON.
func isOther(mediaType string) bool {
	return mediaType != "" && !strings.Contains(strings.ToLower(mediaType), "json")
}

// noteNoJSON says in the report that a body which was refused is not the JSON that its
// Content-Type says it is, such as when a template has put a quote into a string.
func noteNoJSON(x *pipeline.Export, call *send.Call) {
	var body []byte
	switch b := call.Body.(type) {
	case pipeline.Bytes:
		body = b
	case httpcall.Bytes:
		body = b
	}
	mediaType, _, _ := strings.Cut(strings.ToLower(call.Header.Get("Content-Type")), ";")
	if mediaType = strings.TrimSpace(mediaType); body == nil || mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		return
	}
	var v json.RawMessage
	if fault, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(body, &v)); ok {
		before := body[:max(min(fault.Offset, int64(len(body)))-1, 0)]
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		x.Decide("the request has the Content-Type %s, and its body is not valid JSON: line %d, column %d: %v", mediaType, line, column, fault)
	}
}

// plainBody makes a body of text or bytes.
func plainBody(ctx context.Context, v pyvalue.Value) (pipeline.Content, error) {
	if content, ok := jsontemplate.File(v); ok {
		return content, nil
	}
	return jsontemplate.TextContent(ctx, v)
}

// segments collects a body of texts and files without copying the files.
type segments struct {
	text bytes.Buffer // after the last file
	all  httpcall.Segments
}

// add adds a file, nil for none.
func (s *segments) add(file pipeline.Content) {
	if file != nil {
		s.cut()
		s.all = append(s.all, file)
	}
}

func (s *segments) cut() {
	s.all = append(s.all, pipeline.Bytes(bytes.Clone(s.text.Bytes())))
	s.text.Reset()
}

// body returns what was collected.
func (s *segments) body() pipeline.Content {
	if s.all == nil {
		return pipeline.Bytes(s.text.Bytes())
	}
	s.cut()
	return s.all
}

// pair is a form field.
type pair struct {
	name    string
	content pipeline.Content
}

// pairs lists form fields in their order; a list is a field that is repeated. A file,
// which must be text, is not copied.
func pairs(ctx context.Context, fields *pyvalue.Dict) ([]pair, error) {
	if fields == nil {
		return nil, nil
	}
	var all []pair
	for key, v := range fields.All() {
		values, isList := v.Items()
		if !isList {
			values = []pyvalue.Value{v}
		}
		for _, v := range values {
			content, err := jsontemplate.TextContent(ctx, v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key.Text(), err)
			}
			all = append(all, pair{key.Text(), content})
		}
	}
	return all, nil
}

// streamed is the size in bytes from which a file in a form is not copied.
const streamed = 64 << 10

// formBody makes an urlencoded form.
func formBody(ctx context.Context, fields *pyvalue.Dict) (pipeline.Content, error) {
	all, err := pairs(ctx, fields)
	var body segments
	for i, p := range all {
		if i > 0 {
			body.text.WriteByte('&')
		}
		body.text.WriteString(url.QueryEscape(p.name) + "=")
		if p.content.Size() < streamed {
			text, err := jsontemplate.ReadAll(ctx, p.content)
			if err != nil {
				return nil, err
			}
			body.text.WriteString(url.QueryEscape(string(text)))
			continue
		}
		escaped, err := httpcall.EscapedForForm(ctx, p.content)
		if err != nil {
			return nil, err
		}
		body.add(escaped)
	}
	return body.body(), err
}
