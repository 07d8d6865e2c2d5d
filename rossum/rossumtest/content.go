package rossumtest

import (
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

type object = map[string]any

// tree returns the content tree as JSON-like values.
func (c *Call) tree() []any {
	c = c.Clone() // which counts the ids
	c.nextID = 1000
	sections := []any{}
	for _, name := range c.sections() {
		section := c.node(name, "section")
		children := []any{}
		for _, p := range c.fields {
			if p.section == name {
				children = append(children, c.content(p))
			}
		}
		section["children"] = children
		sections = append(sections, section)
	}
	return sections
}

// sections lists the sections in the order of their first fields.
func (c *Call) sections() []string {
	var names []string
	for _, p := range c.fields {
		if !slices.Contains(names, p.section) {
			names = append(names, p.section)
		}
	}
	if names == nil {
		names = []string{c.section}
	}
	return names
}

func (c *Call) node(schemaID, category string) object {
	c.nextID++
	return object{"id": c.nextID, "url": "", "schema_id": schemaID, "category": category}
}

func (c *Call) content(p fieldPart) object {
	if p.kind == rossum.CategoryDatapoint {
		return c.datapoint(p.schemaID, p.value)
	}
	n := c.node(p.schemaID, "multivalue")
	children := []any{}
	for _, v := range p.values {
		children = append(children, c.datapoint(p.child, v))
	}
	for _, r := range p.rows {
		tuple := c.node(p.child, "tuple")
		cells := []any{}
		for _, cell := range r {
			cells = append(cells, c.datapoint(cell.schemaID, cell.value))
		}
		tuple["children"] = cells
		children = append(children, tuple)
	}
	n["children"] = children
	return n
}

func (c *Call) datapoint(schemaID string, v Value) object {
	n := c.node(schemaID, "datapoint")
	var normalized any
	if v.Normalized != "" {
		normalized = v.Normalized
	}
	n["content"] = object{"value": v.Text, "normalized_value": normalized, "page": nil, "position": nil, "rir_text": v.Text, "ocr_text": v.Text}
	n["validation_sources"], n["time_spent"], n["hidden"], n["options"] = []any{"human"}, 0, v.Hidden, nil
	return n
}

// schema describes the fields as Rossum's schemas do.
func (c *Call) schema(api string) object {
	sections := []any{}
	for _, name := range c.sections() {
		label := strings.ReplaceAll(name, "_", " ")
		sections = append(sections, object{"category": "section", "id": name, "label": label, "children": c.sectionSchema(name)})
	}
	return object{"id": SchemaID, "url": api + "/schemas/31336", "name": "Invoices", "content": sections}
}

func (c *Call) sectionSchema(name string) []any {
	children := []any{}
	for _, p := range c.fields {
		if p.section != name {
			continue
		}
		switch p.kind {
		case rossum.CategoryDatapoint:
			children = append(children, field(p.schemaID, p.value))
		case rossum.CategoryMultivalue:
			columns := []any{}
			if len(p.rows) > 0 {
				for _, cell := range p.rows[0] {
					columns = append(columns, field(cell.schemaID, cell.value))
				}
			}
			children = append(children, object{
				"category": "multivalue", "id": p.schemaID, "label": p.schemaID,
				"children": object{"category": "tuple", "id": p.child, "label": p.child, "children": columns},
			})
		default:
			children = append(children, object{"category": "multivalue", "id": p.schemaID, "label": p.schemaID, "children": field(p.child, Value{})})
		}
	}
	return children
}

func field(schemaID string, v Value) object {
	f := object{"category": "datapoint", "id": schemaID, "label": schemaID, "type": "string", "can_export": !v.NoExport, "hidden": v.Hidden}
	if v.Type != "" {
		f["type"] = v.Type
	}
	if v.Formula != "" {
		f["formula"], f["ui_configuration"] = v.Formula, object{"type": "formula", "edit": "disabled"}
	}
	return f
}
