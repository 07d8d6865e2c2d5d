package jsontemplate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// RenderBody is Render for what a call sends, with two differences. A text with a file in
// it becomes a file that has the other once, instead of a text that has it several
// times. And where the text is JSON, values that stand within its strings are escaped as
// JSON wants it, if they cannot stand there as they are: a value with a quote ends no
// string. What may stand there stays as it is, such as a value that a formula has escaped.
//
// other says that the whole text is something else than JSON, whatever it looks like.
//
// escaped lists the placeholders whose values were escaped.
func (t *Template) RenderBody(ctx context.Context, d *Data, other bool) (v pyvalue.Value, escaped []string, err error) {
	if err := ctx.Err(); err != nil {
		return v, nil, err
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
		return pyvalue.None(), nil, t.placed(err)
	}
	return v, r.escaped, nil
}

// renderBody is render for a body.
func (j joined) renderBody(r *rendering, s *scope) (pyvalue.Value, error) {
	var all httpcall.Segments
	var text []byte
	files := false
	var within []bool
	if !r.other {
		within = j.within
	}
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
		if within != nil && within[i] && !isStringContent(data) {
			data = escapeString(string(data))
			if name := placeholder(p); !slices.Contains(r.escaped, name) {
				r.escaped = append(r.escaped, name)
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

// inStrings reports for each part whether it stands within a string of JSON, nil if the
// text is not JSON: not an object or a list whose values are placeholders or literal.
func inStrings(parts []node) []bool {
	within := make([]bool, len(parts))
	var shape strings.Builder
	open, skip := false, false // within a string, and after a backslash of it
	for i, p := range parts {
		l, isText := p.(literal)
		if !isText || !l.value.IsText() {
			within[i] = open
			shape.WriteByte('1') // a digit, which may also stand beside others
			skip = false
			continue
		}
		text := l.value.Text()
		shape.WriteString(text)
		for k := range len(text) {
			switch c := text[k]; {
			case skip:
				skip = false
			case open && c == '\\':
				skip = true
			case c == '"':
				open = !open
			}
		}
	}
	text := strings.TrimLeft(shape.String(), " \t\r\n")
	if !slices.Contains(within, true) || text == "" || text[0] != '{' && text[0] != '[' {
		return nil
	}
	for d := json.NewDecoder(strings.NewReader(text)); ; { // several values are JSON, too: a line for each
		var v json.RawMessage
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return within
		} else if err != nil {
			return nil
		}
	}
}

// isStringContent reports whether a text may stand within a string of JSON as it is.
func isStringContent(text []byte) bool {
	if bytes.IndexByte(text, '\\') < 0 {
		return bytes.IndexFunc(text, func(c rune) bool { return c < ' ' || c == '"' }) < 0
	}
	quoted := make([]byte, 0, len(text)+2)
	quoted = append(append(append(quoted, '"'), text...), '"')
	return json.Valid(quoted)
}

// escapeString escapes a text for a string of JSON.
func escapeString(text string) []byte {
	quoted := AppendText(nil, text)
	return quoted[1 : len(quoted)-1]
}
