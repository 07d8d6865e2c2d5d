package workday

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/clock"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
)

// Object is a JSON object whose members have an order: what [Client.Call] returns.
// Values are nil, bool, json.Number, string, []any and *Object.
type Object struct{ Members []Member }

// Member is a name with its value.
type Member struct {
	Name  string
	Value any
}

// Get returns the value at the end of a path of names, nil if there is none. Where
// a list stands on the way, its first element is taken.
func (o *Object) Get(names ...string) any {
	var v any = o
	for _, name := range names {
		for {
			list, ok := v.([]any)
			if !ok {
				break
			}
			if len(list) == 0 {
				return nil
			}
			v = list[0]
		}
		at, ok := v.(*Object)
		if !ok || at == nil {
			return nil
		}
		i := slices.IndexFunc(at.Members, func(m Member) bool { return m.Name == name })
		if i < 0 {
			return nil
		}
		v = at.Members[i].Value
	}
	return v
}

// MarshalJSON writes the members in their order.
func (o *Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o.Members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// fromTemplate makes a public value of one of the engines'.
func fromTemplate(v pyvalue.Value) any {
	if items, ok := v.Items(); ok {
		list := make([]any, len(items))
		for i, item := range items {
			list[i] = fromTemplate(item)
		}
		return list
	}
	switch v.Kind() {
	case pyvalue.KindNone:
		return nil
	case pyvalue.KindBool:
		return pyvalue.Truth(v)
	case pyvalue.KindInt, pyvalue.KindFloat:
		return json.Number(jsontemplate.NumberText(v))
	case pyvalue.KindDict:
		o := &Object{Members: make([]Member, 0, v.Dict().Len())}
		for key, item := range v.Dict().All() {
			o.Members = append(o.Members, Member{key.Text(), fromTemplate(item)})
		}
		return o
	}
	return v.Text()
}

// maxNesting bounds the nesting of a program's value.
const maxNesting = 200

// toTemplate makes a value for the engines of what a program gives.
func toTemplate(v any, depth int) (pyvalue.Value, error) {
	if depth > maxNesting {
		return pyvalue.None(), fmt.Errorf("nested deeper than %d levels", maxNesting)
	}
	switch v := v.(type) {
	case nil:
		return pyvalue.None(), nil
	case bool:
		return pyvalue.Bool(v), nil
	case string:
		return pyvalue.Str(v), nil
	case json.Number:
		return pyvalue.Number(v.String())
	case time.Time:
		return clock.DatetimeIn(v), nil
	case []byte:
		return pyvalue.Bytes(v), nil
	case pipeline.Content:
		return jsontemplate.FileValue(v), nil
	case *Object:
		return fromMembers(v, depth)
	case map[string]any:
		return fromMap(v, depth)
	case []any:
		return fromList(v, depth)
	case float64:
		return pyvalue.Number(strconv.FormatFloat(v, 'g', -1, 64))
	case float32:
		return pyvalue.Number(strconv.FormatFloat(float64(v), 'g', -1, 32))
	case *time.Time:
		if v == nil {
			return pyvalue.None(), nil
		}
		return clock.DatetimeIn(*v), nil
	case *big.Rat:
		return fraction(v)
	case encoding.TextMarshaler: // also *big.Int, *big.Float and the decimals of other modules
		return marshalled(v)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return pyvalue.Int(r.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return pyvalue.BigInt(new(big.Int).SetUint64(r.Uint())), nil
	case reflect.String:
		return pyvalue.Str(r.String()), nil
	case reflect.Slice:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return fromList(list, depth)
	}
	return pyvalue.None(), fmt.Errorf("a %T cannot be sent", v)
}

// fraction writes a fraction with all its digits.
func fraction(r *big.Rat) (pyvalue.Value, error) {
	if r == nil {
		return pyvalue.None(), nil
	}
	digits, exact := r.FloatPrec()
	if !exact || digits > maxDigits {
		return pyvalue.None(), fmt.Errorf("%s is not a decimal of up to %d digits; round it first", r, maxDigits)
	}
	return pyvalue.Str(r.FloatString(digits)), nil
}

// maxDigits bounds the digits after the point of a fraction.
const maxDigits = 1000

// marshalled takes the text of a value that knows how to write itself.
func marshalled(v encoding.TextMarshaler) (pyvalue.Value, error) {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return pyvalue.None(), nil
	}
	text, err := v.MarshalText()
	if err != nil {
		return pyvalue.None(), err
	}
	return pyvalue.Str(string(text)), nil
}

func fromMembers(o *Object, depth int) (pyvalue.Value, error) {
	if o == nil {
		return pyvalue.None(), nil
	}
	made := pyvalue.NewDictSize(len(o.Members))
	for _, m := range o.Members {
		if _, twice := made.GetStr(m.Name); twice {
			return pyvalue.None(), fmt.Errorf("%s: duplicate name", m.Name)
		}
		v, err := toTemplate(m.Value, depth+1)
		if err != nil {
			return pyvalue.None(), fmt.Errorf("%s: %w", m.Name, err)
		}
		made.SetStr(m.Name, v)
	}
	return made.Value(), nil
}

func fromMap(m map[string]any, depth int) (pyvalue.Value, error) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	o := &Object{}
	for _, name := range names {
		o.Members = append(o.Members, Member{name, m[name]})
	}
	return fromMembers(o, depth)
}

func fromList(list []any, depth int) (pyvalue.Value, error) {
	made := make([]pyvalue.Value, len(list))
	for i, element := range list {
		var err error
		if made[i], err = toTemplate(element, depth+1); err != nil {
			return pyvalue.None(), fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return pyvalue.NewList(made...), nil
}

// textFor returns a value as a text for a log, with files left out.
func textFor(ctx context.Context, v pyvalue.Value) string {
	text, err := jsontemplate.AppendJSON(ctx, nil, withoutFiles(v))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func withoutFiles(v pyvalue.Value) pyvalue.Value {
	if _, ok := jsontemplate.File(v); ok {
		return pyvalue.Str("(file)")
	}
	if items, ok := v.Items(); ok {
		list := make([]pyvalue.Value, len(items))
		for i, item := range items {
			list[i] = withoutFiles(item)
		}
		return pyvalue.NewList(list...)
	}
	if d := v.Dict(); d != nil {
		made := pyvalue.NewDictSize(d.Len())
		for key, item := range d.All() {
			made.SetStr(key.Text(), withoutFiles(item))
		}
		return made.Value()
	}
	return v
}
