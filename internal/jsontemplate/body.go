package jsontemplate

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/jsontext"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// RenderBody is Render for what a call sends, with two differences. A text with a file in
// it becomes a file that has the other once, instead of a text that has it several
// times. And where the text is JSON, values that are within its strings are escaped as
// JSON wants it, if they cannot be there as they are: a value with a quote ends no
// string. What may be there stays as it is, such as a value that a formula has escaped, but
// for the text of documents and people ([Data.Raw]), which nobody has escaped.
//
// other says that the whole text is something else than JSON, whatever it looks like.
func (t *Template) RenderBody(ctx context.Context, d *Data, other bool) (v pyvalue.Value, in WithinJSON, err error) {
	if err := ctx.Err(); err != nil {
		return v, in, err
	}
	if d == nil {
		d = &Data{}
	}
	r := newRendering(ctx)
	r.body = true
	if _, isText := t.root.(joined); isText {
		r.other = other
	}
	v, err = t.root.render(r, &scope{data: d})
	if err != nil || v.IsUndefined() {
		return pyvalue.None(), in, t.placed(err)
	}
	return v, r.within, nil
}

// WithinJSON lists the placeholders whose values needed a look within strings of JSON.
type WithinJSON struct {
	Escaped []string // which were escaped
	Kept    []string // which have escapes already and were left as they are
}

func (w *WithinJSON) note(name string, made jsontext.Made) {
	list := &w.Escaped
	switch made {
	case jsontext.AsIs:
		return
	case jsontext.Kept:
		list = &w.Kept
	}
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// renderBody is render for a body.
func (j joined) renderBody(r *rendering, s *scope) (pyvalue.Value, error) {
	var all httpcall.Segments
	var text []byte
	files := false
	for i, p := range j.parts {
		v, err := p.render(r, s)
		if err != nil {
			return v, err
		}
		data, isFile, err := textBytes(r.ctx, v)
		if err == nil {
			err = r.putFile(len(data)) // a text is copied here, and counts once more
		}
		if err != nil {
			return v, &Error{j.place, "", err}
		}
		if j.depths != nil && j.depths[i] > 0 && !r.other {
			var made jsontext.Made
			data, made = jsontext.Escape(data, j.depths[i], func() bool { return isRaw(p, s, string(data)) })
			r.within.note(placeholder(p), made)
			if made == jsontext.Escaped {
				err = r.putFile(len(data))
			}
			if err != nil {
				return v, &Error{j.place, "", err}
			}
		}
		if !isFile || len(data) < small {
			text = append(text, data...)
			continue
		}
		files = true
		all = append(all, httpcall.Bytes(text), httpcall.Bytes(data))
		text = nil
	}
	if !files {
		return pyvalue.Str(string(text)), nil
	}
	return FileValue(append(all, httpcall.Bytes(text))), nil
}

// small is the size in bytes below which a file is copied into the text around it.
const small = 64 << 10

// textBytes is [Text] without a copy of a file.
func textBytes(ctx context.Context, v pyvalue.Value) (data []byte, isFile bool, err error) {
	b, isFile := File(v)
	switch {
	case v.Kind() == pyvalue.KindList, v.Kind() == pyvalue.KindTuple, v.Kind() == pyvalue.KindDict:
		data, err = AppendJSON(ctx, nil, v)
		return data, false, err
	case !isFile:
		text, err := Text(ctx, v)
		return []byte(text), false, err
	}
	data, err = ReadAll(ctx, b)
	if err == nil && !utf8.Valid(data) {
		err = ErrNotText
	}
	return data, true, err
}

// TextContent is [Text] as a file, without a copy of one.
func TextContent(ctx context.Context, v pyvalue.Value) (httpcall.Body, error) {
	if b, ok := File(v); ok {
		if s, ok := b.(httpcall.Segments); ok { // its files were looked at
			return s, nil
		}
	}
	data, _, err := textBytes(ctx, v)
	return httpcall.Bytes(data), err
}

// isRaw reports whether a part is text that nobody has escaped.
func isRaw(n node, s *scope, text string) bool {
	switch n := n.(type) {
	case field:
		return s.data.Raw != nil && s.data.Raw(n.schemaID, text)
	case file:
		return n.original
	}
	return false
}

// placeholder names a part for the report.
func placeholder(n node) string {
	switch n := n.(type) {
	case field:
		return "@{" + n.schemaID + "}"
	case file:
		if n.original {
			return "#{original_file}"
		}
		return "#{file_content}"
	case secret:
		return "{secret." + n.name + "}"
	case resource:
		return "{" + n.name + "}"
	}
	return "an expression"
}

// depthsOf returns within how many strings of JSON each part is; nil if the text is not JSON,
// or no value is within a string of it.
func depthsOf(parts []node) []int {
	return jsontext.DepthsOf(parts, literalText)
}

// literalText is the text of a part that is not a placeholder.
func literalText(n node) (text string, ok bool) {
	if l, ok := n.(literal); ok && l.value.IsText() {
		return l.value.Text(), true
	}
	return "", false
}
