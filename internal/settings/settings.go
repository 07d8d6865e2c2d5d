// Package settings decodes the settings of a step strictly: Rossum's own JSON
// keys into a plain struct, every fault named with its place and all of them at
// once.
//
// encoding/json is too kind for this. It takes keys in any case, lets unknown
// and repeated ones pass, and stops at the first fault.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/redact"
)

// maxDepth bounds the nesting of settings.
const maxDepth = 200

// Decode decodes settings into the struct that v points to. Keys are those of
// the json tags, matched exactly. The error joins a [*Fault] for each unknown or
// repeated key and each value of the wrong type; what is right is decoded all
// the same. Types with an UnmarshalJSON of their own are asked to decode
// themselves.
func Decode(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		if v == nil || target.Kind() == reflect.Pointer {
			return errors.New("settings: Decode needs a pointer to a struct, and this one is nil")
		}
		return fmt.Errorf("settings: Decode into %T, need a pointer", v)
	}
	d := &decoder{data: data, json: json.NewDecoder(bytes.NewReader(data))}
	d.json.UseNumber()
	d.value("", target.Elem(), 0)
	if d.broken == nil {
		end := d.json.InputOffset()
		if rest := bytes.TrimLeft(data[end:], " \t\r\n"); len(rest) > 0 {
			d.fault("", int64(len(data)-len(rest)), "text after the end of the JSON value")
		}
	}
	if len(d.faults.list) > 0 {
		d.faults.hide(redact.Literals(data))
	}
	return d.faults.Err()
}

// decoder walks the tokens of encoding/json next to the Go type.
type decoder struct {
	data   []byte
	json   *json.Decoder
	faults Faults
	broken error // the text is not JSON; nothing after this place can be read
}

func (d *decoder) fault(place string, offset int64, format string, args ...any) {
	d.faults.add(func() error {
		line, col := position(d.data, offset)
		return &Fault{Place: place, Line: line, Column: col, Msg: fmt.Sprintf(format, args...)}
	})
}

func position(data []byte, offset int64) (line, col int) {
	before := data[:min(int(offset), len(data))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// next returns where the next value begins.
func (d *decoder) next() int64 {
	i := d.json.InputOffset()
	for i < int64(len(d.data)) && strings.IndexByte(" \t\r\n,:", d.data[i]) >= 0 {
		i++
	}
	return i
}

func (d *decoder) token(place string) (json.Token, bool) {
	if d.broken != nil {
		return nil, false
	}
	t, err := d.json.Token()
	if err != nil {
		d.broken = err
		d.fault(place, d.json.InputOffset(), "not valid JSON: %v", err)
		return nil, false
	}
	return t, true
}

// raw reads the next value as it stands.
func (d *decoder) raw(place string) (json.RawMessage, bool) {
	if d.broken != nil {
		return nil, false
	}
	var raw json.RawMessage
	if err := d.json.Decode(&raw); err != nil {
		d.broken = err
		d.fault(place, d.json.InputOffset(), "not valid JSON: %v", err)
		return nil, false
	}
	return raw, true
}

var (
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	rawType         = reflect.TypeFor[json.RawMessage]()
)

// value decodes the next value into v.
func (d *decoder) value(place string, v reflect.Value, depth int) {
	if depth > maxDepth {
		d.broken = errors.New("too deep")
		d.fault(place, d.json.InputOffset(), "nested deeper than %d levels", maxDepth)
		return
	}
	start := d.next()
	switch {
	case v.Kind() == reflect.Interface && v.NumMethod() == 0 && !d.peekNull():
		if raw, ok := d.raw(place); ok { // members keep their order, and numbers their spelling
			v.Set(reflect.ValueOf(slices.Clone(raw)))
		}
		return
	case v.Type() == rawType || depth > 0 && v.CanAddr() && v.Addr().Type().Implements(unmarshalerType):
		d.own(place, start, v)
		return
	case d.peekNull():
		_, _ = d.raw(place)
		v.SetZero()
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(place, v.Elem(), depth)
	case reflect.Struct:
		d.object(place, start, v, depth)
	case reflect.Map:
		d.mapping(place, start, v, depth)
	case reflect.Slice:
		d.list(place, start, v, depth)
	default:
		d.scalar(place, start, v)
	}
}

func (d *decoder) peekNull() bool {
	i := d.next()
	return d.broken == nil && bytes.HasPrefix(d.data[i:], []byte("null"))
}

// own lets a type decode itself, and gives its faults their place.
func (d *decoder) own(place string, start int64, v reflect.Value) {
	raw, ok := d.raw(place)
	if !ok {
		return
	}
	if v.Type() == rawType {
		v.SetBytes(slices.Clone(raw))
		return
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(raw); err != nil {
		before := len(d.faults.list)
		d.faults.AddErr(place, err)
		for _, e := range d.faults.list[before:] {
			if f, ok := e.(*Fault); ok {
				f.Line, f.Column = position(d.data, start)
			}
		}
	}
}

// wrongType says what stands there instead of what is expected, and passes over it.
func (d *decoder) wrongType(place string, start int64, want string) {
	raw, ok := d.raw(place)
	if !ok {
		return
	}
	d.fault(place, start, "is %s, expected %s", Kind(raw), want)
}

// Kind says what a JSON value is: "a string", "an object".
func Kind(raw []byte) string {
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func (d *decoder) opens(bracket byte) bool {
	i := d.next()
	return i < int64(len(d.data)) && d.data[i] == bracket
}

func (d *decoder) object(place string, start int64, v reflect.Value, depth int) {
	if !d.opens('{') {
		d.wrongType(place, start, "an object")
		return
	}
	fields := fieldsOf(v.Type())
	var aliases map[string]string
	if a, ok := v.Addr().Interface().(Aliaser); ok {
		aliases = a.SettingsAliases()
	}
	seen := make(map[string]string)
	d.members(place, func(key string, at int64) {
		name := key
		if stands := aliases[key]; stands != "" {
			name = stands
		}
		index, known := fields[name]
		switch earlier, twice := seen[name]; {
		case strings.HasPrefix(key, "//"): // a comment
			_, _ = d.raw(place)
			return
		case twice && earlier != key:
			d.fault(Join(place, key), at, "conflicts with %s, which means the same; keep one", earlier)
		case twice:
			d.fault(Join(place, key), at, "duplicate key")
		case !known:
			d.fault(Join(place, key), at, "unknown key%s", suggestion{key, fields})
		default:
			seen[name] = key
			d.value(Join(place, key), v.FieldByIndex(index), depth+1)
			return
		}
		seen[name] = key
		_, _ = d.raw(place)
	})
}

// members calls f for every key of an object. f must consume the value.
func (d *decoder) members(place string, f func(key string, at int64)) {
	if _, ok := d.token(place); !ok {
		return
	}
	for d.broken == nil && d.json.More() {
		at := d.next()
		t, ok := d.token(place)
		if !ok {
			return
		}
		f(t.(string), at)
	}
	_, _ = d.token(place)
}

func (d *decoder) mapping(place string, start int64, v reflect.Value, depth int) {
	if !d.opens('{') {
		d.wrongType(place, start, "an object")
		return
	}
	if v.Type().Key().Kind() != reflect.String {
		d.wrongType(place, start, "something else: the keys of this map are not text")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.members(place, func(key string, at int64) {
		k := reflect.ValueOf(key).Convert(v.Type().Key())
		if v.MapIndex(k).IsValid() {
			d.fault(Join(place, key), at, "duplicate key")
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(Join(place, key), element, depth+1)
		v.SetMapIndex(k, element)
	})
}

func (d *decoder) list(place string, start int64, v reflect.Value, depth int) {
	if !d.opens('[') {
		d.wrongType(place, start, "a list")
		return
	}
	if _, ok := d.token(place); !ok {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 4))
	for d.broken == nil && d.json.More() {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(Index(place, v.Len()), element, depth+1)
		v.Set(reflect.Append(v, element))
	}
	_, _ = d.token(place)
}

func (d *decoder) scalar(place string, start int64, v reflect.Value) {
	want := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Float64: "a number",
		reflect.Int: "a whole number", reflect.Int64: "a whole number",
	}[v.Kind()]
	raw, ok := d.raw(place)
	if !ok {
		return
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		d.fault(place, start, "is %s, expected %s", Kind(raw), want)
	}
}
