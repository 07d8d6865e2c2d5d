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
)

// Value is what rendering makes: nil, bool, json.Number, string, [Content],
// []Value, *[Object], or time.Time for {current_datetime}.
type Value any

// Object is a JSON object that keeps the order of its members.
type Object struct{ Members []Member }

// Member is a key with its value.
type Member struct {
	Key   string
	Value Value
}

// Get returns the value of a key, and whether there is one.
func (o *Object) Get(key string) (Value, bool) {
	for _, m := range o.Members {
		if m.Key == key {
			return m.Value, true
		}
	}
	return nil, false
}

// Content is a file's bytes, opened when they are needed, so that a large
// document need not be in memory.
type Content interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	Size() int64 // in bytes, -1 if it is not known
}

// Bytes is a [Content] in memory.
type Bytes []byte

// Open returns a reader of b.
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Size returns the length of b.
func (b Bytes) Size() int64 { return int64(len(b)) }

// InMemory returns b, for those who do not know the type.
func (b Bytes) InMemory() []byte { return b }

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
func ReadText(ctx context.Context, c Content) (string, error) {
	r, err := c.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxText+1))
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

// Text returns a value as the text that it has inside other text: null is
// nothing, objects and lists are JSON.
func Text(ctx context.Context, v Value) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	case time.Time:
		return ISODatetime(v), nil
	case Content:
		return ReadText(ctx, v)
	}
	data, err := AppendJSON(ctx, nil, v)
	return string(data), err
}

// AppendJSON appends a value as compact JSON: members in their order, numbers as
// they were spelt, files as text.
func AppendJSON(ctx context.Context, dst []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return fmt.Appendf(dst, "%t", v), nil
	case json.Number:
		return append(dst, v...), nil
	case string:
		return appendString(dst, v), nil
	case time.Time:
		return appendString(dst, ISODatetime(v)), nil
	case Content:
		text, err := ReadText(ctx, v)
		return appendString(dst, text), err
	case []Value:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = AppendJSON(ctx, dst, element); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case *Object:
		dst = append(dst, '{')
		for i, m := range v.Members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, m.Key), ':')
			var err error
			if dst, err = AppendJSON(ctx, dst, m.Value); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	return dst, fmt.Errorf("jsontemplate: cannot write a %T", v)
}

func appendString(dst []byte, s string) []byte {
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
