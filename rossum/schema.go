package rossum

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Schema is the description of a queue's fields.
type Schema struct {
	ID      int64         `json:"id"`
	URL     string        `json:"url"`
	Name    string        `json:"name"`
	Content []SchemaField `json:"content"` // sections

	// File is where the schema was read from, "" for one that came from no file.
	File string `json:"-"`

	raw []byte // of File
}

// FormulaPosition returns the file that the formula of a field is in, and the line there
// of a line of the formula, both counted from 1. In a schema's file the whole formula is in
// one line. Both are zero for a schema that came from no file.
func (s *Schema) FormulaPosition(schemaID string, line int) (file string, inFile int) {
	f := s.Field(schemaID)
	switch {
	case f == nil:
		return "", 0
	case f.FormulaFile != "":
		return f.FormulaFile, max(line, 1)
	case s.File == "":
		return "", 0
	}
	inFile, _ = settings.Locate(s.raw, placeOf(s.Content, "content", f)+".formula")
	return s.File, inFile
}

// placeOf returns the place of a field in the schema's object.
func placeOf(fields []SchemaField, at string, wanted *SchemaField) string {
	for i := range fields {
		here := settings.Index(at, i)
		if fields[i].single {
			here = at
		}
		if &fields[i] == wanted {
			return here
		}
		if below := placeOf(fields[i].Children, here+".children", wanted); below != "" {
			return below
		}
	}
	return ""
}

// SchemaField is one object of a schema: a section, multivalue, tuple or
// datapoint.
type SchemaField struct {
	Category        string          `json:"category"`
	ID              string          `json:"id"` // schema_id
	Label           string          `json:"label"`
	Type            string          `json:"type"`            // string, number, date, enum, button
	EnumValueType   string          `json:"enum_value_type"` // of an enum: string, number, date; "" is string
	Format          string          `json:"format"`
	Options         []SchemaOption  `json:"options"`
	Formula         string          `json:"formula"`
	CanExport       *bool           `json:"can_export"` // nil means yes
	Hidden          bool            `json:"hidden"`
	UIConfiguration UIConfiguration `json:"ui_configuration"`
	Children        SchemaChildren  `json:"children"`

	// FormulaFile is the file that Formula was read from, if it has one of its own.
	FormulaFile string `json:"-"`

	single bool // it stands alone where others have a list
}

// SchemaOption is a choice of an enum field.
type SchemaOption struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// UIConfiguration says where a field's value comes from.
type UIConfiguration struct {
	Type string `json:"type"` // captured, data, manual, formula, reasoning
	Edit string `json:"edit"`
}

// SchemaChildren are the objects below one. A multivalue has a single object
// there where others have a list; both are read.
type SchemaChildren []SchemaField

// UnmarshalJSON reads a list or a single object.
func (c *SchemaChildren) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var one SchemaField
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		one.single = true
		*c = SchemaChildren{one}
		return nil
	}
	return json.Unmarshal(data, (*[]SchemaField)(c))
}

// ValueType is the type of the field's values: its type, or for an enum that of its
// options.
func (f *SchemaField) ValueType() string {
	if f.Type == "enum" && f.EnumValueType != "" {
		return f.EnumValueType
	}
	return f.Type
}

// Exported reports whether exports include the field.
func (f *SchemaField) Exported() bool { return f.CanExport == nil || *f.CanExport }

// All yields every object of the schema, parents first.
func (s *Schema) All() iter.Seq[*SchemaField] {
	return func(yield func(*SchemaField) bool) {
		for i := range s.Content {
			if !s.Content[i].walk(yield) {
				return
			}
		}
	}
}

func (f *SchemaField) walk(yield func(*SchemaField) bool) bool {
	if !yield(f) {
		return false
	}
	for i := range f.Children {
		if !f.Children[i].walk(yield) {
			return false
		}
	}
	return true
}

// Field returns the object with the schema_id, nil if there is none.
func (s *Schema) Field(schemaID string) *SchemaField {
	for f := range s.All() {
		if f.ID == schemaID {
			return f
		}
	}
	return nil
}

// Schema returns the sideloaded schema of the annotation, nil if the hook does
// not sideload schemas. Calls that carry the same one share it, so that it must not be
// changed. The error says that what was sideloaded is not a schema.
func (p *Payload) Schema() (*Schema, error) {
	if p.schema != nil {
		return p.schema()
	}
	return p.readSchema()
}

func (p *Payload) readSchema() (*Schema, error) {
	raw := p.Raw("schemas")
	if raw == nil {
		return nil, nil
	}
	url := ""
	if p.Annotation != nil {
		url = p.Annotation.Schema
	}
	return sideloaded.get(url, raw, schemaOf)
}

// schemaOf reads a list of schemas and returns the one with the URL, or the only one.
func schemaOf(raw []byte, url string) (*Schema, error) {
	var schemas []*Schema
	if err := json.Unmarshal(raw, &schemas); err != nil {
		return nil, fmt.Errorf("key \"schemas\": %w", err)
	}
	for _, s := range schemas {
		if s != nil && s.URL == url {
			return s, nil
		}
	}
	if len(schemas) == 1 {
		return schemas[0], nil
	}
	return nil, nil
}

// describe lets the content tree ask the sideloaded schema, which is read when
// it is first needed.
func (p *Payload) describe() {
	if p.Annotation == nil || p.Raw("schemas") == nil {
		return
	}
	p.Annotation.childOf = func(schemaID string) (string, Category) {
		s, _ := p.Schema() // its error is for those who ask for the schema
		if s == nil {
			return "", 0
		}
		f := s.Field(schemaID)
		if f == nil || len(f.Children) != 1 {
			return "", 0
		}
		category, _ := categoryOf([]byte(f.Children[0].Category))
		return f.Children[0].ID, category
	}
	if p.Annotation.Content != nil {
		p.Annotation.Content.childOf = p.Annotation.childOf
	}
}
