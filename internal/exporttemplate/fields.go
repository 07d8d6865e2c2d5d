package exporttemplate

import (
	"fmt"
	"maps"
	"slices"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
)

// Fields makes the root of a JSON template's data of Go values: a text is a field, a list
// of texts a repeated field, a list of maps a table.
func Fields(fields map[string]any) (func(schemaID string) []jsontemplate.Node, error) {
	root := plain{}
	for _, id := range slices.Sorted(maps.Keys(fields)) {
		n, err := plainNode(id, fields[id])
		if err != nil {
			return nil, err
		}
		root.children = append(root.children, n)
	}
	return root.Find, nil
}

// plain is a node of a Go value.
type plain struct {
	id       string
	value    string
	group    bool // a table or a repeated field
	row      bool
	children []plain
}

func plainNode(id string, value any) (plain, error) {
	switch v := value.(type) {
	case string:
		return plain{id: id, value: v}, nil
	case []string:
		n := plain{id: id, group: true}
		for _, text := range v {
			n.children = append(n.children, plain{id: id + "_value", value: text})
		}
		return n, nil
	case []map[string]string:
		n := plain{id: id, group: true}
		for _, cells := range v {
			row := plain{id: id + "_row", row: true}
			for _, column := range slices.Sorted(maps.Keys(cells)) {
				row.children = append(row.children, plain{id: column, value: cells[column]})
			}
			n.children = append(n.children, row)
		}
		return n, nil
	}
	return plain{}, fmt.Errorf("field %s is a %T, expected a string, []string or []map[string]string", id, value)
}

func (n plain) SchemaID() string   { return n.id }
func (n plain) IsField() bool      { return !n.group && !n.row }
func (n plain) Value() string      { return n.value }
func (n plain) Normalized() string { return "" }
func (n plain) Count() int         { return len(n.children) }

func (n plain) Elements() ([]jsontemplate.Node, bool) {
	if !n.group {
		return nil, false
	}
	list := make([]jsontemplate.Node, len(n.children))
	for i, c := range n.children {
		list[i] = c
	}
	return list, true
}

func (n plain) Find(schemaID string) (found []jsontemplate.Node) {
	for _, c := range n.children {
		if c.id == schemaID {
			found = append(found, c)
			continue
		}
		found = append(found, c.Find(schemaID)...)
	}
	return found
}
