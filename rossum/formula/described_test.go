package formula

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// A condition describes the fields that it reads, one by one; formulas describe all of them
// at once. Both must say the same, whatever is asked for first.
func TestAFieldIsDescribedAloneAsItIsAmongAll(t *testing.T) {
	t.Parallel()
	const schema = `{"content":[
		{"category":"section","id":"basic","children":[
			{"category":"datapoint","id":"number","type":"string"},
			{"category":"datapoint","id":"total","type":"number"},
			{"category":"multivalue","id":"orders","children":{"category":"datapoint","id":"order","type":"string"}}]},
		{"category":"section","id":"lines","children":[
			{"category":"multivalue","id":"items","children":{"category":"tuple","id":"item","children":[
				{"category":"datapoint","id":"amount","type":"number"},
				{"category":"datapoint","id":"total","type":"string"}]}},
			{"category":"multivalue","id":"taxes","children":{"category":"tuple","id":"taxes","children":[
				{"category":"datapoint","id":"amount","type":"date"},
				{"category":"datapoint","id":"rate","type":"number"}]}},
			{"category":"datapoint","id":"number","type":"date"}]}]}`
	const content = `[
		{"id":1,"category":"section","schema_id":"basic","children":[
			{"id":2,"category":"datapoint","schema_id":"number","content":{"value":"7"}},
			{"id":3,"category":"datapoint","schema_id":"own","content":{"value":"8"}},
			{"id":4,"category":"multivalue","schema_id":"notes","children":[{"id":5,"category":"datapoint","schema_id":"note","content":{"value":"a"}}]},
			{"id":6,"category":"multivalue","schema_id":"items","children":[{"id":7,"category":"tuple","schema_id":"item","children":[
				{"id":8,"category":"datapoint","schema_id":"amount","content":{"value":"1"}},
				{"id":9,"category":"datapoint","schema_id":"colour","content":{"value":"red"}}]}]}]}]`
	want := map[string]string{ // in a table or list, and of a type
		"number": " false string", "total": " false number", "orders": " false ", "order": "orders true string", "items": " false ",
		"item":   "items false ",
		"amount": "items false number", "taxes": " false ", "rate": "taxes false number", "basic": " false ", "lines": " false ",
		"own": " false string", "notes": " false string", "note": "notes true string", "colour": "items false string",
	}
	for name, tt := range map[string]struct{ schema, content string }{
		"schema and content": {schema, content}, "no schema": {"", content}, "no content": {schema, `[]`}, "neither": {"", `[]`},
		"an empty schema": {`{"content":[]}`, content},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := parsed(t, tt.schema, tt.content)
			all := fieldsOf(s, c).fields
			ids := slices.Sorted(maps.Keys(want))
			ids = append(ids, "", "none", "Number", "amount ")
			for _, first := range ids {
				read := fieldsAsRead(s, c)
				for _, id := range append([]string{first}, ids...) {
					if got := read.field(id); !reflect.DeepEqual(got, all[id]) {
						t.Errorf("%q, after %q: alone it is %+v, among all %+v", id, first, got, all[id])
					}
				}
				if got := read.described(); !reflect.DeepEqual(got, all) {
					t.Errorf("all, after %q: %d fields, want %d", first, len(got), len(all))
				}
			}
			if tt.schema != schema || tt.content != content {
				return
			}
			for id, is := range want {
				d := all[id]
				if d == nil {
					t.Errorf("%q is not described", id)
					continue
				}
				if got := fmt.Sprint(d.table, " ", d.list, " ", d.Type); got != is {
					t.Errorf("%q is %q, want %q", id, got, is)
				}
			}
		})
	}
}

func parsed(t *testing.T, schema, content string) (*rossum.Schema, *rossum.Content) {
	t.Helper()
	c, err := rossum.ParseContent([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	if schema == "" {
		return nil, c
	}
	s := new(rossum.Schema)
	if err := json.Unmarshal([]byte(schema), s); err != nil {
		t.Fatal(err)
	}
	return s, c
}
