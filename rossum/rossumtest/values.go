package rossumtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Section puts parts into a section of its own, called schemaID. Parts that are
// no fields work as they do outside of it.
func Section(schemaID string, parts ...Part) Part {
	return func(c *Call) {
		outer := c.section
		c.section = schemaID
		c.With(parts...)
		c.section = outer
	}
}

// Values adds what a map describes, in the order of its keys:
//
//   - a text, a boolean or nil is a field; a number is a number field with its
//     normalised value; a [Value] is a field with all that it says
//   - a list of maps ([]map[string]any, or []any of maps) is a table
//   - another list ([]string or []any) is a simple multivalue, whose values are
//     called as the list without a final "s"
//   - a map is a section
//
// Anything else is an error in the test, and panics.
func Values(values map[string]any) Part {
	return func(c *Call) {
		for _, id := range slices.Sorted(maps.Keys(values)) {
			part(id, values[id])(c)
		}
	}
}

func part(id string, v any) Part {
	switch v := v.(type) {
	case map[string]any:
		return Section(id, Values(v))
	case []string:
		return List(id, strings.TrimSuffix(id, "s"), v...)
	case []map[string]any:
		rows := make([]TableRow, len(v))
		for i, r := range v {
			rows[i] = rowOf(id, r)
		}
		return Table(id, rows...)
	case []any:
		return listOf(id, v)
	}
	return FieldValue(id, valueOf(id, v))
}

func listOf(id string, list []any) Part {
	var rows []TableRow
	var texts []string
	for _, v := range list {
		if r, ok := v.(map[string]any); ok {
			rows = append(rows, rowOf(id, r))
		} else {
			texts = append(texts, valueOf(id, v).Text)
		}
	}
	switch {
	case rows != nil && texts != nil:
		panic(fmt.Sprintf("rossumtest: %s has rows and values in one list", id))
	case rows != nil:
		return Table(id, rows...)
	}
	return List(id, strings.TrimSuffix(id, "s"), texts...)
}

func rowOf(id string, values map[string]any) TableRow {
	r := Row()
	for _, column := range slices.Sorted(maps.Keys(values)) {
		r = append(r, cell{column, valueOf(id+"."+column, values[column])})
	}
	return r
}

func valueOf(id string, v any) Value {
	switch v := v.(type) {
	case nil:
		return Value{}
	case Value:
		return v
	case string:
		return Value{Text: v}
	case bool:
		return Value{Text: fmt.Sprint(v)}
	case float64:
		return number(strconv.FormatFloat(v, 'f', -1, 64))
	case int, int64, json.Number, rossum.Decimal:
		return number(fmt.Sprint(v))
	}
	panic(fmt.Sprintf("rossumtest: %s is a %T, which no field can hold", id, v))
}

func number(text string) Value { return Value{Text: text, Normalized: text, Type: "number"} }
