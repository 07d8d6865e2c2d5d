package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Draft is the draft that the schemas keep to.
const Draft = "http://json-schema.org/draft-07/schema#"

// Object is a part of a schema.
type Object = map[string]any

// Source says what reflection does not see.
type Source struct {
	// Docs are the doc comments.
	Docs *Docs
	// Own are the schemas of types that decode themselves.
	Own map[reflect.Type]Object
	// Words are the values that a key can have beside null and "", by type and key,
	// such as "RESTExport.mode".
	Words map[string][]string
	// Loose types ignore unknown keys, as a hook does, and take no null in lists.
	Loose map[reflect.Type]bool
}

// Schema returns the schema of a settings struct. Its definitions have a prefix, so that
// several schemas can be put together.
func (s *Source) Schema(t reflect.Type, prefix string) (schema, definitions Object, err error) {
	b := &builder{Source: s, prefix: prefix, definitions: make(Object)}
	schema = b.object(t)
	return schema, b.definitions, b.err
}

type builder struct {
	*Source
	prefix      string
	definitions Object
	err         error
}

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// value is the schema of a value below the struct that is decoded.
func (b *builder) value(t reflect.Type, inList, loose bool) Object {
	nullable := func(kind string) Object {
		if inList && loose {
			return Object{"type": kind}
		}
		return Object{"type": []any{kind, "null"}}
	}
	switch own, ok := b.Own[t]; {
	case ok:
		return maps.Clone(own)
	case t == rawType, t.Kind() == reflect.Interface:
		return Object{}
	case reflect.PointerTo(t).Implements(unmarshalerType):
		b.err = fmt.Errorf("%s decodes itself; say in Source.Own how", t)
		return Object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.value(t.Elem(), inList, loose)
	case reflect.Struct:
		name := b.prefix + t.Name()
		if b.definitions[name] == nil {
			b.definitions[name] = Object{} // which ends a circle
			b.definitions[name] = b.object(t)
		}
		return Object{"$ref": "#/definitions/" + name}
	case reflect.Map:
		m := nullable("object")
		m["additionalProperties"] = b.value(t.Elem(), false, loose)
		return m
	case reflect.Slice:
		list := nullable("array")
		list["items"] = b.value(t.Elem(), true, loose)
		return list
	case reflect.String:
		return nullable("string")
	case reflect.Bool:
		return nullable("boolean")
	case reflect.Int, reflect.Int64:
		return nullable("integer")
	case reflect.Float64:
		return nullable("number")
	}
	b.err = fmt.Errorf("%s has no JSON Schema", t)
	return Object{}
}

// object is the schema of a struct.
func (b *builder) object(t reflect.Type) Object {
	properties, loose := make(Object), b.Loose[t]
	keys := settings.Keys(t)
	for key, field := range keys {
		value := b.value(field.Type, false, loose)
		if words := b.Words[field.Owner.Name()+"."+key]; words != nil {
			value["enum"] = enum(words)
		}
		properties[key] = described(value, b.Docs.field(field, keys))
	}
	schema := Object{"type": []any{"object", "null"}, "properties": properties}
	if !loose {
		schema["additionalProperties"] = false
		schema["patternProperties"] = Object{"^//": Object{"description": "A comment."}}
	}
	if text := b.Docs.ofType(t); text != "" {
		schema["description"] = text
	}
	if conflicts := aliases(t, properties); conflicts != nil {
		schema["allOf"] = conflicts
	}
	return schema
}

// aliases adds old names of keys, and returns which keys exclude each other.
func aliases(t reflect.Type, properties Object) (conflicts []any) {
	same := make(map[string][]string)
	olds := settings.Aliases(t)
	for _, old := range slices.Sorted(maps.Keys(olds)) {
		key := olds[old]
		same[key] = append(same[key], old)
		alias := maps.Clone(properties[key].(Object))
		alias["description"] = "Another name of " + key + "."
		alias["deprecationMessage"] = "Use " + key + "."
		properties[old] = alias
	}
	for _, key := range slices.Sorted(maps.Keys(same)) {
		all := append([]string{key}, same[key]...)
		for i, one := range all {
			for _, other := range all[i+1:] {
				conflicts = append(conflicts, Object{"not": Object{"type": "object", "required": []any{one, other}}})
			}
		}
	}
	return conflicts
}

func enum(words []string) []any {
	list := []any{}
	for _, w := range words {
		list = append(list, w)
	}
	return append(list, "", nil)
}

// described is a schema with a description, which a bare $ref of draft 7 cannot have.
func described(schema Object, text string) Object {
	if text == "" {
		return schema
	}
	if schema["$ref"] != nil {
		schema = Object{"allOf": []any{schema}}
	}
	schema["description"] = text
	return schema
}

// Write is a whole schema as text.
func Write(title string, schema, definitions Object) ([]byte, error) {
	whole := maps.Clone(schema)
	whole["$schema"], whole["title"] = Draft, title
	if len(definitions) > 0 {
		whole["definitions"] = definitions
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	return append(text, '\n'), err
}
