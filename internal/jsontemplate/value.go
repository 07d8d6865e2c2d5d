package jsontemplate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// document is a file as a value: its bytes are opened when they are needed, so that a
// large one need not be in memory.
type document struct{ httpcall.Body }

// PyType implements [pyvalue.Object].
func (document) PyType() string { return "file" }

// FileValue returns a file as a value. Bytes in memory become Python's bytes.
func FileValue(b httpcall.Body) pyvalue.Value {
	if data, ok := b.(httpcall.Bytes); ok {
		return pyvalue.Bytes(data)
	}
	return pyvalue.FromObject(document{b})
}

// File returns the file that a value is, and whether it is one.
func File(v pyvalue.Value) (httpcall.Body, bool) {
	if v.Kind() == pyvalue.KindBytes {
		return httpcall.Bytes(v.Data()), true
	}
	d, ok := v.Object().(document)
	return d.Body, ok
}

// Errors that rendering wraps.
var (
	// ErrNotText means that a file whose bytes are no UTF-8 stands where text must.
	ErrNotText = errors.New("the file is not UTF-8 text")
	// ErrTooLarge means that a file is put into text and is too large for that.
	ErrTooLarge = errors.New("the file is too large to be put into text")
)

// maxText bounds a file that is put into text.
const maxText = 64 << 20

// ReadText returns the content as text.
func ReadText(ctx context.Context, b httpcall.Body) (string, error) {
	data, err := ReadAll(ctx, b)
	switch {
	case err != nil:
		return "", err
	case len(data) > maxText:
		return "", ErrTooLarge
	case !utf8.Valid(data):
		return "", ErrNotText
	}
	return string(data), nil
}

// ReadAll returns the bytes of a file, which must not be changed: those that it has in
// memory, or else a copy of the right size, for which more than 64 MB are an error.
func ReadAll(ctx context.Context, b httpcall.Body) ([]byte, error) {
	if data, ok := b.(httpcall.Bytes); ok {
		return data, nil
	}
	r, err := b.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer
	if size := b.Size(); size > 0 && size <= maxText {
		out.Grow(int(size) + bytes.MinRead)
	}
	if _, err := out.ReadFrom(io.LimitReader(r, maxText+1)); err != nil {
		return nil, err
	}
	if out.Len() > maxText {
		return nil, ErrTooLarge
	}
	return out.Bytes(), nil
}

// Text returns a value as the text that it has inside other text: null is
// nothing, objects and lists are JSON, numbers are as they were spelt.
func Text(ctx context.Context, v pyvalue.Value) (string, error) {
	switch v.Kind() {
	case pyvalue.KindNone:
		return "", nil
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return v.Text(), nil
	case pyvalue.KindList, pyvalue.KindTuple, pyvalue.KindDict:
		data, err := AppendJSON(ctx, nil, v)
		return string(data), err
	}
	return scalarText(ctx, v)
}

// scalarText is [Text] of a value that is neither a text nor a container.
func scalarText(ctx context.Context, v pyvalue.Value) (string, error) {
	switch v.Kind() {
	case pyvalue.KindBool:
		return fmt.Sprint(pyvalue.Truth(v)), nil
	case pyvalue.KindInt, pyvalue.KindFloat:
		return NumberText(v), nil
	}
	if t, full, ok := clock.Of(v); ok {
		if full {
			return ISODatetime(t), nil
		}
		return t.Format(time.DateOnly), nil
	}
	if b, ok := File(v); ok {
		return ReadText(ctx, b)
	}
	return "", errNotJSON(v)
}

func errNotJSON(v pyvalue.Value) error {
	return fmt.Errorf("its value is a %s, which JSON does not have", pyvalue.TypeName(v))
}

// NumberText returns a number as it was spelt, or else as Python writes it.
func NumberText(v pyvalue.Value) string {
	if text, ok := v.Spelling(); ok {
		return text
	}
	text, _ := pyvalue.String(nil, v) // without a meter nothing fails
	return text
}

// errJSONTooLarge means that a value is too large to be written as JSON.
var errJSONTooLarge = fmt.Errorf("its JSON is larger than %d MB", maxJSON>>20)

// AppendJSON appends a value as compact JSON: members in their order, numbers as
// they were spelt, files as text. More than 128 MB of it are an error.
func AppendJSON(ctx context.Context, dst []byte, v pyvalue.Value) ([]byte, error) {
	w := writer{ctx: ctx, meter: pyvalue.NewMeter(ctx, pyvalue.Limits{}), out: dst, most: len(dst) + maxJSON}
	err := w.value(v)
	return w.out, err
}

// writer writes JSON. It looks at its context, and at how much it has written.
type writer struct {
	ctx   context.Context
	meter *pyvalue.Meter
	out   []byte
	most  int
}

func (w *writer) value(v pyvalue.Value) error {
	if len(w.out) > w.most {
		return errJSONTooLarge
	}
	if err := w.meter.Step(1); err != nil {
		return err
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		w.out = append(w.out, "null"...)
		return nil
	case pyvalue.KindStr, pyvalue.KindMarkup:
		return w.text(v.Text())
	case pyvalue.KindDict:
		return w.object(v.Dict())
	case pyvalue.KindList, pyvalue.KindTuple:
		items, _ := v.Items()
		return w.list(items)
	}
	text, err := scalarText(w.ctx, v)
	if err != nil {
		return err
	}
	if v.IsNumber() {
		w.out = append(w.out, text...)
		return nil
	}
	return w.text(text)
}

// text writes a text, a large one in pieces, between which the context is looked at.
func (w *writer) text(s string) error {
	if len(s) <= piece {
		w.out = AppendText(w.out, s)
		return w.meter.Step(int64(len(s) / 64))
	}
	w.out = append(w.out, '"')
	for s != "" {
		end := min(len(s), piece)
		for k := 0; k < utf8.UTFMax && end < len(s) && !utf8.RuneStart(s[end]); k++ {
			end--
		}
		w.out = append(w.out, escapeString(s[:end])...)
		s = s[end:]
		if len(w.out) > w.most {
			return errJSONTooLarge
		}
		if err := w.meter.Step(piece / 64); err != nil {
			return err
		}
	}
	w.out = append(w.out, '"')
	return nil
}

// escapeString escapes a text for a string of JSON.
func escapeString(text string) []byte {
	quoted := AppendText(nil, text)
	return quoted[1 : len(quoted)-1]
}

// piece is how much of a text is written at a time, in bytes.
const piece = 64 << 10

func (w *writer) list(items []pyvalue.Value) error {
	w.out = append(w.out, '[')
	for i, item := range items {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.value(item); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *writer) object(d *pyvalue.Dict) error {
	w.out = append(w.out, '{')
	first := true
	for key, v := range d.All() {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		name, err := key.Text(), error(nil)
		if !key.IsText() {
			name, err = pyvalue.String(w.meter, key)
		}
		if err == nil {
			err = w.text(name)
		}
		if err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.value(v); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// AppendText appends a text as JSON.
func AppendText(dst []byte, s string) []byte {
	if isPlain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// isPlain reports that JSON has a text as it is: printable ASCII without quotes and
// backslashes.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
