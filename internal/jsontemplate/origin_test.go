package jsontemplate

import "testing"

func TestOriginFindsTheFieldOfAValue(t *testing.T) {
	t.Parallel()
	c, err := Compile([]byte(`{
		"Head": {"Number": "@{document_id}", "Text": "constant", "Joined": "no @{kind}"},
		"Lines": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_item", "mapping": {
			"Code": "@{item_code}",
			"Amount": {"$DATAPOINT_VALUE$": {"schema_id": "item_amount", "value_type": "integer"}}
		}}},
		"List": [{"$IF_SCHEMA_ID$": {"schema_id": "empty", "mapping": "@{empty}"}}, "@{word}"]
	}`), Options{Place: "m"})
	if err != nil {
		t.Fatal(err)
	}
	key := func(k string) Step { return Step{Key: k} }
	at := func(i int) Step { return Step{Index: i} }
	for _, want := range []struct {
		path            []Step
		schemaID, value string
	}{
		{[]Step{key("Head"), key("Number")}, "document_id", "INV-1"},
		{[]Step{key("Head"), key("Text")}, "", ""},
		{[]Step{key("Head"), key("Joined")}, "kind", "stock"},
		{[]Step{key("Head")}, "", ""},
		{[]Step{key("Lines"), at(1), key("Code")}, "item_code", "B"},
		{[]Step{key("Lines"), at(0), key("Amount")}, "item_amount", "1"},
		{[]Step{key("List"), at(0)}, "word", "twelve"}, // the one before it disappears
		{[]Step{key("Nowhere")}, "", ""},
	} {
		got, ok := c.Origin(t.Context(), data(), want.path)
		if got.SchemaID != want.schemaID || ok != (want.schemaID != "") {
			t.Errorf("%v: %+v, want %s", want.path, got, want.schemaID)
			continue
		}
		if ok && got.Node.Value() != want.value {
			t.Errorf("%v: the field holds %s, want %s", want.path, got.Node.Value(), want.value)
		}
	}
}
