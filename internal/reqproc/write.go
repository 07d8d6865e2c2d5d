package reqproc

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// encode64 is base64(): bytes as they are, and anything else as the text that
// Python's str() makes of it; None stays None.
func encode64(ctx context.Context, v value) (value, error) {
	if f, ok := v.Object().(*Fetched); ok {
		return pyvalue.Base64(f.Data), nil
	}
	v, err := Simple(ctx, v)
	switch {
	case err != nil || v.IsNone():
		return pyvalue.None(), err
	case v.Kind() == pyvalue.KindBytes:
		return pyvalue.Base64(v.Data()), nil
	}
	text, err := Text(ctx, v)
	return pyvalue.Base64([]byte(text)), err
}

// Content returns a value as the bytes of a file: bytes as they are, objects and
// lists as JSON, anything else as its text in UTF-8; nil for None.
func Content(ctx context.Context, v pyvalue.Value) ([]byte, error) {
	if f, ok := v.Object().(*Fetched); ok {
		return f.Data, nil
	}
	v, err := Simple(ctx, v)
	if err != nil {
		return nil, err
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		return nil, nil
	case pyvalue.KindBytes:
		return v.Data(), nil
	case pyvalue.KindDict, pyvalue.KindList, pyvalue.KindTuple:
		return JSON(ctx, v)
	}
	text, err := Text(ctx, v)
	return []byte(text), err
}

// Limits of what a template makes.
const (
	maxSteps = 20_000_000
	maxBytes = 256 << 20
)

// JSON writes a value as Python's requests sends it as JSON: as json.dumps writes it,
// but the number of a field with all its digits. NaN and the infinities, which JSON does
// not have, are an error.
func JSON(ctx context.Context, v pyvalue.Value) ([]byte, error) {
	v, err := Simple(ctx, v)
	if err != nil {
		return nil, err
	}
	meter := pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxBytes})
	out, err := pyvalue.JSON{Spelling: true, Finite: true}.Append(meter, nil, v)
	if err != nil && strings.Contains(err.Error(), "Object of type bytes") {
		return nil, errors.New("bytes cannot be part of JSON; use {base64(…)}")
	}
	return out, err
}

// Text writes a value into a text, as Python's str() does; None is "". Bytes are
// an error, since Python's way of writing them is of no use to anybody.
func Text(ctx context.Context, v pyvalue.Value) (string, error) {
	if f, ok := v.Object().(*Fetched); ok {
		if !utf8.Valid(f.Data) {
			return "", errBytes
		}
		return string(f.Data), nil
	}
	v, err := Simple(ctx, v)
	if err != nil {
		return "", err
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		return "", nil
	case pyvalue.KindBytes:
		return "", errBytes
	}
	if text, ok := v.Spelling(); ok { // the number of a field
		return text, nil
	}
	return pyvalue.String(pyvalue.NewMeter(ctx, pyvalue.Limits{Steps: maxSteps, TotalBytes: maxBytes}), v)
}

var errBytes = errors.New("these are bytes, which cannot be part of a text; use {base64(…)}, or let the placeholder be the whole text")
