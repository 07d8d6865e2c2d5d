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
func fromTemplate(v jsontemplate.Value) any {
	switch v := v.(type) {
	case []jsontemplate.Value:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = fromTemplate(element)
		}
		return list
	case *jsontemplate.Object:
		o := &Object{Members: make([]Member, len(v.Members))}
		for i, m := range v.Members {
			o.Members[i] = Member{m.Key, fromTemplate(m.Value)}
		}
		return o
	}
	return v
}

// maxNesting bounds the nesting of a program's value.
const maxNesting = 200

// toTemplate makes a value for the engines of what a program gives.
func toTemplate(v any, depth int) (jsontemplate.Value, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested deeper than %d levels", maxNesting)
	}
	switch v := v.(type) {
	case nil, bool, string, json.Number, time.Time:
		return v, nil
	case []byte:
		return jsontemplate.Bytes(v), nil
	case pipeline.Content:
		return v, nil
	case *Object:
		return fromMembers(v, depth)
	case map[string]any:
		return fromMap(v, depth)
	case []any:
		return fromList(v, depth)
	case float64:
		return json.Number(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case float32:
		return json.Number(strconv.FormatFloat(float64(v), 'g', -1, 32)), nil
	case *time.Time:
		if v == nil {
			return nil, nil
		}
		return *v, nil
	case *big.Rat:
		return fraction(v)
	case encoding.TextMarshaler: // also *big.Int, *big.Float and the decimals of other modules
		return marshalled(v)
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(r.Int(), 10)), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return json.Number(strconv.FormatUint(r.Uint(), 10)), nil
	case reflect.String:
		return r.String(), nil
	case reflect.Slice:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return fromList(list, depth)
	}
	return nil, fmt.Errorf("a %T cannot be sent", v)
}

// fraction writes a fraction with all its digits.
func fraction(r *big.Rat) (jsontemplate.Value, error) {
	if r == nil {
		return nil, nil
	}
	digits, exact := r.FloatPrec()
	if !exact || digits > maxDigits {
		return nil, fmt.Errorf("%s is not a decimal of up to %d digits; round it first", r, maxDigits)
	}
	return r.FloatString(digits), nil
}

// maxDigits bounds the digits after the point of a fraction.
const maxDigits = 1000

// marshalled takes the text of a value that knows how to write itself.
func marshalled(v encoding.TextMarshaler) (jsontemplate.Value, error) {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return nil, nil
	}
	text, err := v.MarshalText()
	if err != nil {
		return nil, err
	}
	return string(text), nil
}

func fromMembers(o *Object, depth int) (jsontemplate.Value, error) {
	if o == nil {
		return nil, nil
	}
	made := &jsontemplate.Object{}
	for _, m := range o.Members {
		v, err := toTemplate(m.Value, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		made.Members = append(made.Members, jsontemplate.Member{Key: m.Name, Value: v})
	}
	return made, nil
}

func fromMap(m map[string]any, depth int) (jsontemplate.Value, error) {
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

func fromList(list []any, depth int) (jsontemplate.Value, error) {
	made := make([]jsontemplate.Value, len(list))
	for i, element := range list {
		var err error
		if made[i], err = toTemplate(element, depth+1); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return made, nil
}

// textFor returns a value as a text for a log, with files left out.
func textFor(ctx context.Context, v jsontemplate.Value) string {
	text, err := jsontemplate.AppendJSON(ctx, nil, withoutFiles(v))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func withoutFiles(v jsontemplate.Value) jsontemplate.Value {
	switch v := v.(type) {
	case jsontemplate.Content:
		return "(file)"
	case []jsontemplate.Value:
		list := make([]jsontemplate.Value, len(v))
		for i := range v {
			list[i] = withoutFiles(v[i])
		}
		return list
	case *jsontemplate.Object:
		o := &jsontemplate.Object{}
		for _, m := range v.Members {
			o.Members = append(o.Members, jsontemplate.Member{Key: m.Key, Value: withoutFiles(m.Value)})
		}
		return o
	}
	return v
}
