// Package settings decodes the settings of a step strictly, as the components of this
// module decode theirs: unknown keys, repeated keys and values of the wrong type are
// errors that name the place, the line and the nearest right key, all of them at once.
//
// encoding/json is too kind for settings. It takes keys in any case, lets unknown and
// repeated ones pass, and stops at the first fault. A step calls [Decode] in its
// UnmarshalJSON, and collects what is wrong with the values in a [Faults] when it is
// compiled.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Fault is one thing that is wrong with settings.
type Fault struct {
	Place  string // such as export_configs[0].file_content_template; "" for the whole
	Line   int    // in the JSON text, from 1; 0 if it is not known
	Column int    // in bytes, from 1
	Msg    string
	Err    error // cause, if there is one
}

// Error returns place, message, cause and position.
func (f *Fault) Error() string { return (*settings.Fault)(f).Error() }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Aliaser is implemented by settings that accept a second name for a key.
type Aliaser interface {
	// SettingsAliases returns old names with the names that they stand for. It is called
	// on a value that is not filled in yet.
	SettingsAliases() map[string]string
}

// Decode decodes a JSON text into the struct that v points to. Keys are those of the json
// tags, matched exactly; fields without one cannot be set. Keys that begin with // are comments. The error
// joins a [*Fault] for each unknown or repeated key and each value of the wrong type; see
// pipeline.Faults. What is right is decoded all the same. Types with an UnmarshalJSON of
// their own decode themselves, and their faults get the place at which they are.
func Decode(data []byte, v any) error { return published(settings.Decode(data, v)) }

// Faults collects faults while settings are checked. The zero value is ready to use; it is
// not safe for concurrent use.
type Faults struct{ list settings.Faults }

// Add notes a fault at a place.
func (f *Faults) Add(place, format string, args ...any) { f.list.Add(place, format, args...) }

// AddErr notes an error at a place; nil is not a fault. Each error of a joined one is noted;
// the place of a [*Fault] is put below the given one.
func (f *Faults) AddErr(place string, err error) { f.list.AddErr(place, err) }

// Err returns all faults joined, each a [*Fault], and nil if there are none.
func (f *Faults) Err() error { return published(f.list.Err()) }

// Join puts one place below another: request and url make request.url.
func Join(place, below string) string { return settings.Join(place, below) }

// Index returns the place of a list's element: exports and 2 make exports[2].
func Index(place string, i int) string { return settings.Index(place, i) }

// Nearest returns the word of a list that is most like the given one, "" if none is near.
func Nearest(word string, known []string) string { return settings.Nearest(word, known) }

// JSON returns the text of a setting that is JSON in a hook's settings and may be a value
// of Go in a program: a map, a struct, a list, a text. A [json.RawMessage], which [Decode]
// puts into fields of type any, and []byte are taken as JSON that is written already, with
// the order of its keys. nil and null give nil. The error is for what JSON cannot hold.
func JSON(v any) (json.RawMessage, error) {
	var text []byte
	switch v := v.(type) {
	case json.RawMessage:
		text = v
	case []byte:
		text = v
	default:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return nil, err
		}
		text = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, nil
	}
	return text, nil
}

// published makes the public faults of the decoder's.
func published(err error) error {
	switch e := err.(type) {
	case *settings.Fault:
		return (*Fault)(e)
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, published(one))
		}
		return errors.Join(all...)
	}
	return err
}
