package jsontemplate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/httpcall"
)

// element is a Node of tests.
type element struct {
	id, value, normalized string
	field                 bool
	children              []element
}

func (e element) SchemaID() string   { return e.id }
func (e element) IsField() bool      { return e.field }
func (e element) Value() string      { return e.value }
func (e element) Normalized() string { return e.normalized }
func (e element) Count() int         { return len(e.children) }

func (e element) Elements() ([]Node, bool) {
	if !strings.HasSuffix(e.id, "s") || e.field {
		return nil, false
	}
	list := make([]Node, len(e.children))
	for i, c := range e.children {
		list[i] = c
	}
	return list, true
}

func (e element) Find(id string) (found []Node) {
	for _, c := range e.children {
		if c.id == id {
			found = append(found, c)
		}
		found = append(found, c.Find(id)...)
	}
	return found
}

func f(id, value string) element { return element{id: id, value: value, field: true} }

func row(cells ...element) element { return element{id: "line_item", children: cells} }

var invoice = element{children: []element{
	f("document_id", "INV-1"), f("empty", ""), f("falsy", "false"), f("nasty", `"@{document_id}" {secret.token} $X$`),
	{id: "amount", value: "1,234.50", normalized: "1234.50", field: true},
	{id: "date_issue", value: "24/11/2026", normalized: "2026-11-24", field: true},
	{id: "quantity", value: "3", normalized: "3.0", field: true}, {id: "computed", normalized: "5", field: true},
	f(
		"count",
		"007",
	), f("small", "0.0000001"), f("url", "https://acme.rossum.app/api/v1/documents/7/content"), f("word", "twelve"), f("kind", "stock"),
	{id: "line_items", children: []element{
		row(f("item_code", "A"), f("item_amount", "1"), f("item_note", "n")),
		row(f("item_code", "B"), f("item_amount", "2"), f("item_note", ""), f("only_second", "B")),
	}},
	{id: "no_rows"},
}}

func data() *Data {
	return &Data{
		Root:     invoice.Find,
		Secret:   func(name string) (string, bool) { return "s3cret", name == "token" },
		File:     func() (httpcall.Body, error) { return httpcall.Bytes("FILE"), nil },
		Original: func() (httpcall.Body, error) { return httpcall.Bytes("ORIGINAL"), nil },
		Fetch: func(_ context.Context, url string) (httpcall.Body, error) {
			if !strings.HasPrefix(url, "https://acme.rossum.app/") {
				return nil, errors.New("not a Rossum URL")
			}
			return httpcall.Bytes("FETCHED"), nil
		},
		Now:     func() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 5000, time.UTC) },
		Suggest: func(string) string { return "document_id" },
	}
}

func render(t *testing.T, raw string) (string, error) {
	t.Helper()
	compiled, err := Compile([]byte(raw), Options{Place: "request.mapping", Resources: true})
	if err != nil {
		return "", err
	}
	v, err := compiled.Render(t.Context(), data())
	if err != nil {
		return "", err
	}
	out, err := AppendJSON(t.Context(), nil, v)
	return string(out), err
}

func TestTemplatesRender(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rule, in, want string }{
		{"everything else passes unchanged", `{"b":1.10,"a":[true,null,-0,1e5,"x"],"c":{}}`, `{"b":1.10,"a":[true,null,-0,1e5,"x"],"c":{}}`},
		{"a lone placeholder is the value", `"@{document_id}"`, `"INV-1"`},
		{"inside text it is put in", `"no @{document_id}/@{empty}!"`, `"no INV-1/!"`},
		{"found but empty is empty", `"@{empty}"`, `""`},
		{"a value is never looked at again", `"@{nasty}"`, `"\"@{document_id}\" {secret.token} $X$"`},
		{"nor inside text", `"<@{nasty}>"`, `"<\"@{document_id}\" {secret.token} $X$>"`},
		{"secrets", `"Bearer {secret.token}"`, `"Bearer s3cret"`},
		{"files as text", `"#{file_content}"`, `"FILE"`},
		{"files in text", `"a#{original_file}b"`, `"aORIGINALb"`},
		{"braces that are no placeholder", `"{ } @ # a@b.c {"`, `"{ } @ # a@b.c {"`},
		{"datapoint value", `{"$DATAPOINT_VALUE$":{"schema_id":"document_id"}}`, `"INV-1"`},
		{"an amount is the plain number", `["@{amount}",{"$DATAPOINT_VALUE$":{"schema_id":"amount","value_type":"string"}},"EUR @{amount}"]`, `["1234.50","1234.50","EUR 1234.50"]`},
		{"a date is the ISO date", `"@{date_issue}"`, `"2026-11-24"`},
		{"an enum is its value", `"@{kind}"`, `"stock"`},
		{"an integer is the text where the number does not fit", `{"$DATAPOINT_VALUE$":{"schema_id":"quantity","value_type":"integer"}}`, `3`},
		{"comparison with the plain number", `{"$IF_DATAPOINT_VALUE$":{"schema_id":"amount","value":"1234.50","mapping":"equal"}}`, `"equal"`},
		{"comparison with the text", `{"$IF_DATAPOINT_VALUE$":{"schema_id":"amount","value":"1,234.50","mapping":"equal"}}`, `"equal"`},
		{"comparison of a date", `{"$IF_DATAPOINT_VALUE$":{"schema_id":"date_issue","value":"2026-11-24","mapping":"equal"}}`, `"equal"`},
		{"comparison with neither", `{"$IF_DATAPOINT_VALUE$":{"schema_id":"amount","value":"1234.5","mapping":"equal","fallback_mapping":"not"}}`, `"not"`},
		{"switch by the plain number before the text", `{"$DATAPOINT_MAPPING$":{"schema_id":"amount","mapping":{"1,234.50":"text","1234.50":"number"}}}`, `"number"`},
		{"switch by the text where the number has no branch", `{"$DATAPOINT_MAPPING$":{"schema_id":"date_issue","mapping":{"24/11/2026":"text"}}}`, `"text"`},
		{"if of a field that has only a number", `{"$IF_SCHEMA_ID$":{"schema_id":"computed","mapping":"@{computed}"}}`, `"5"`},
		{"float", `{"$DATAPOINT_VALUE$":{"schema_id":"amount","value_type":"float"}}`, `1234.5`},
		{"small float", `{"$DATAPOINT_VALUE$":{"schema_id":"small","value_type":"float"}}`, `1e-07`},
		{"float of a whole number", `{"$DATAPOINT_VALUE$":{"schema_id":"count","value_type":"float"}}`, `7.0`},
		{"integer", `{"$DATAPOINT_VALUE$":{"schema_id":"count","value_type":"integer"}}`, `7`},
		{"boolean is the truth of the text", `[{"$DATAPOINT_VALUE$":{"schema_id":"falsy","value_type":"boolean"}},{"$DATAPOINT_VALUE$":{"schema_id":"empty","value_type":"boolean"}}]`, `[true,false]`},
		{"iso datetime", `{"$DATAPOINT_VALUE$":{"schema_id":"date_issue","value_type":"iso_datetime"}}`, `"2026-11-24T00:00:00"`},
		{"if found and not empty", `{"k":{"$IF_SCHEMA_ID$":{"schema_id":"document_id","mapping":"@{document_id}"}}}`, `{"k":"INV-1"}`},
		{"if empty, the key disappears", `{"a":1,"k":{"$IF_SCHEMA_ID$":{"schema_id":"empty","mapping":1}}}`, `{"a":1}`},
		{"if absent, the element disappears", `[1,{"$IF_SCHEMA_ID$":{"schema_id":"absent","mapping":1}},2]`, `[1,2]`},
		{"if empty with fallback", `{"$IF_SCHEMA_ID$":{"schema_id":"empty","mapping":1,"fallback_mapping":{}}}`, `{}`},
		{"if absent with null as fallback", `{"k":{"$IF_SCHEMA_ID$":{"schema_id":"absent","mapping":1,"fallback_mapping":null}}}`, `{"k":null}`},
		{"if of a table with rows", `{"$IF_SCHEMA_ID$":{"schema_id":"line_items","mapping":"rows"}}`, `"rows"`},
		{"if of a table without rows", `{"$IF_SCHEMA_ID$":{"schema_id":"no_rows","mapping":1,"fallback_mapping":"none"}}`, `"none"`},
		{"if value is equal", `{"k":{"$IF_DATAPOINT_VALUE$":{"schema_id":"document_id","value":"INV-1","mapping":true}}}`, `{"k":true}`},
		{"if value differs", `{"k":{"$IF_DATAPOINT_VALUE":{"schema_id":"document_id","value":"x","mapping":true}}}`, `{}`},
		{"if value differs with fallback", `{"k":{"$IF_DATAPOINT_VALUE$":{"schema_id":"document_id","value":"x","mapping":true,"fallback_mapping":false}}}`, `{"k":false}`},
		{"loop over rows", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":{"n":"{schema_loop.index}","z":"{schema_loop.index0}","c":"@{item_code}","d":"@{document_id}"}}}`,
			`[{"n":1,"z":0,"c":"A","d":"INV-1"},{"n":2,"z":1,"c":"B","d":"INV-1"}]`},
		{"loop over the table", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"{schema_loop.index}@{item_code}@{item_amount}"}}`, `["1A1","2B2"]`},
		{"loop over a table without rows", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"no_rows","mapping":1,"fallback_mapping":"none"}}`, `"none"`},
		{"loop over the table within an if", `{"$IF_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":"@{item_code}"}}}}`, `["A","B"]`},
		{"what one row lacks is not taken from another", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$IF_SCHEMA_ID$":{"schema_id":"only_second","mapping":1}}}}`, `[1]`},
		{"loop over a column", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"item_code","mapping":"@{item_code}"}}`, `["A","B"]`},
		{"if inside a loop keeps the row", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":{"$IF_SCHEMA_ID$":{"schema_id":"item_note","mapping":"@{item_note}@{item_code}"}}}}`, `["nA"]`},
		{"loop over nothing", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"absent","mapping":1}}`, `[]`},
		{"loop over nothing with fallback", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"absent","mapping":1,"fallback_mapping":[{"d":"@{document_id}"}]}}`, `[{"d":"INV-1"}]`},
		{"loop in a loop", `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"item_code","mapping":"{schema_loop.index}@{item_amount}"}}}}`, `[["11"],["12"]]`},
		{"switch", `{"$DATAPOINT_MAPPING$":{"schema_id":"document_id","mapping":{"INV-1":"@{empty}x"}}}`, `"x"`},
		{"switch with joined keys, the first wins", `{"$DATAPOINT_MAPPING$":{"schema_id":"kind","mapping":{"goods|stock":1,"stock":2}}}`, `1`},
		{"switch without a branch", `{"k":{"$DATAPOINT_MAPPING$":{"schema_id":"kind","mapping":{}}}}`, `{"k":null}`},
		{"switch with fallback", `{"$DATAPOINT_MAPPING$":{"schema_id":"kind","mapping":{},"fallback_mapping":"@{kind}"}}`, `"stock"`},
		{"fetch", `{"$FETCH_DOCUMENT_CONTENT$":{"datapoint":"url"}}`, `"FETCHED"`},
		{"document", `[{"$GET_DOCUMENT_CONTENT$":{}},{"$GET_DOCUMENT_CONTENT$":null},"{document_content}"]`, `["ORIGINAL","ORIGINAL","ORIGINAL"]`},
		{"count", `{"$CHILD_COUNT$":{"schema_id":"line_items"}}`, `2`},
		{"time", `"{current_datetime}"`, `"2026-11-24T10:00:00.000005"`},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			if got, err := render(t, tt.in); err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestFaultsNamePlaceOperatorAndSchemaID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{`{"a":["@{document_idd}"]}`, `request.mapping.a[0]: schema_id "document_idd": not found in the annotation (did you mean "document_id"?)`},
		{`"@{item_code}"`, `request.mapping: schema_id "item_code": found more than once (2 times)`},
		{`"@{line_items}"`, `request.mapping: schema_id "line_items": has no value: it is a table or a group of fields`},
		{`"@{}"`, `request.mapping: "@{}" is not a schema_id`},
		{`"{secret.other}"`, `request.mapping: the hook has no secret called "other"`},
		{`"#{file}"`, `request.mapping: "#{file}" is unknown (expected #{file_content} or #{original_file})`},
		{`"{nonsense}"`, `request.mapping: {nonsense}: nonsense is undefined (expected one of current_datetime, document_content, schema_loop)`},
		{`"{schema_loop.index}"`, `request.mapping: {schema_loop.index} is undefined outside of $FOR_EACH_SCHEMA_ID$`},
		{`{"a":{"$IF_SCHEMA_IDD$":{}}}`, `request.mapping.a.$IF_SCHEMA_IDD$: unknown operator (did you mean $IF_SCHEMA_ID$?)`},
		{`{"$IF_SCHEMA_ID$":{"schema_id":"x"}}`, `request.mapping.$IF_SCHEMA_ID$: argument mapping is missing`},
		{`{"$IF_SCHEMA_ID$":{"schemaid":"x","mapping":1,"schema_id":""}}`, "request.mapping.$IF_SCHEMA_ID$.schemaid: unknown argument (did you mean schema_id?)\nrequest.mapping.$IF_SCHEMA_ID$.schema_id: is not a string"},
		{`{"$IF_SCHEMA_ID$":[1,{"a":2}]}`, "request.mapping.$IF_SCHEMA_ID$: its arguments are not an object"},
		{`{"a":1,"$CHILD_COUNT$":{"schema_id":"x"},"b":2}`, `request.mapping.$CHILD_COUNT$: an operator must be the only key of its object`},
		{`{"a":1,"a":2}`, `request.mapping.a: duplicate key`},
		{`{"$DATAPOINT_VALUE$":{"schema_id":"x","value_type":"int"}}`, `request.mapping.$DATAPOINT_VALUE$.value_type: "int" is unknown (expected one of string, integer, float, boolean, iso_datetime)`},
		{`{"$DATAPOINT_VALUE$":{"schema_id":"word","value_type":"integer"}}`, `request.mapping.$DATAPOINT_VALUE$: schema_id "word": "twelve" cannot be converted to integer`},
		{`{"$DATAPOINT_VALUE$":{"schema_id":"amount","value_type":"integer"}}`, `request.mapping.$DATAPOINT_VALUE$: schema_id "amount": "1234.50" cannot be converted to integer`},
		{`{"$DATAPOINT_VALUE$":{"schema_id":"empty","value_type":"float"}}`, `request.mapping.$DATAPOINT_VALUE$: schema_id "empty": "" cannot be converted to float`},
		{`{"$DATAPOINT_VALUE$":{"schema_id":"word","value_type":"iso_datetime"}}`, `request.mapping.$DATAPOINT_VALUE$: schema_id "word": "twelve" cannot be converted to iso_datetime`},
		{`{"$IF_SCHEMA_ID$":{"schema_id":"item_code","mapping":1}}`, `request.mapping.$IF_SCHEMA_ID$: schema_id "item_code": found more than once (2 times)`},
		{`{"$IF_DATAPOINT_VALUE$":{"schema_id":"absent","value":"x","mapping":1}}`, `request.mapping.$IF_DATAPOINT_VALUE$: schema_id "absent": not found in the annotation (did you mean "document_id"?)`},
		{`{"$IF_DATAPOINT_VALUE$":{"schema_id":"item_code","value":"x","mapping":1}}`, `request.mapping.$IF_DATAPOINT_VALUE$: schema_id "item_code": found more than once (2 times)`},
		{`{"$CHILD_COUNT$":{"schema_id":"document_id"}}`, `request.mapping.$CHILD_COUNT$: schema_id "document_id": is a plain field and has no children to count`},
		{`{"$FETCH_DOCUMENT_CONTENT$":{"datapoint":"document_id"}}`, `request.mapping.$FETCH_DOCUMENT_CONTENT$: schema_id "document_id": not a Rossum URL`},
		{`{"$FETCH_DOCUMENT_CONTENT$":{"datapoint":"empty"}}`, `request.mapping.$FETCH_DOCUMENT_CONTENT$: schema_id "empty": is empty, and must hold the address of the document to fetch (where it may be empty, put $IF_SCHEMA_ID$ around)`},
		{`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":1,"fallback_mapping":"{schema_loop.index0 + 1}"}}`, `request.mapping.$FOR_EACH_SCHEMA_ID$.fallback_mapping: {schema_loop.index0 + 1}: schema_loop is undefined outside of $FOR_EACH_SCHEMA_ID$`},
		{`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":"@{absent}"}}`, `element 1 of line_item: request.mapping.$FOR_EACH_SCHEMA_ID$.mapping: schema_id "absent": not found in the annotation (did you mean "document_id"?)`},
		{`{"$DATAPOINT_MAPPING$":{"schema_id":"kind","mapping":[]}}`, "request.mapping.$DATAPOINT_MAPPING$.mapping: is not an object"},
		{`{"$IF_SCHEMA_ID":{"schema_id":"x","mapping":1}}`, "request.mapping.$IF_SCHEMA_ID: unknown operator (did you mean $IF_SCHEMA_ID$?)"},
		{`{"$$CHILD_COUNT$$":{"schema_id":"x"}}`, "request.mapping.$$CHILD_COUNT$$: unknown operator (did you mean $CHILD_COUNT$?)"},
		{`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":"@{only_second}"}}`, `element 1 of line_item: request.mapping.$FOR_EACH_SCHEMA_ID$.mapping: schema_id "only_second": not found in the annotation (did you mean "document_id"?)`},
		{`{"a"`, `request.mapping.a: not valid JSON: EOF`},
		{`1 2`, `request.mapping: text after the end of the JSON value`},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			if got, err := render(t, tt.in); err == nil || err.Error() != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestEveryComponentKnowsTheLoopsIndex(t *testing.T) {
	t.Parallel()
	compiled, err := Compile(
		[]byte(
			`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":["{schema_loop.index}","no `+
				`{schema_loop.index0}","{schema_loop.index * 10}","{current_datetime}"]}}`,
		),
		Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	v, err := compiled.Render(t.Context(), data())
	if err != nil {
		t.Fatal(err)
	}
	got, err := AppendJSON(t.Context(), nil, v)
	if want := `[[1,"no 0",10,"{current_datetime}"],[2,"no 1",20,"{current_datetime}"]]`; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestWithoutResourcesBracesPassUnchanged(t *testing.T) {
	t.Parallel()
	compiled, err := CompileString("{current_datetime} {anything}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := compiled.Literal(); !ok || text != "{current_datetime} {anything}" {
		t.Errorf("got %q, %v", text, ok)
	}
}

func TestALonePlaceholderOfAFileStaysBytes(t *testing.T) {
	t.Parallel()
	compiled, err := CompileString("#{file_content}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := data()
	d.File = func() (httpcall.Body, error) { return httpcall.Bytes("\xff\xfe"), nil }
	v, err := compiled.Render(t.Context(), d)
	if content, ok := File(v); err != nil || !ok || content.Size() != 2 {
		t.Errorf("got %v, %v", v, err)
	}
	inText, err := CompileString("x#{file_content}", Options{Place: "request.content"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inText.RenderText(t.Context(), d); !errors.Is(err, ErrNotText) || !strings.HasPrefix(err.Error(), "request.content: ") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotThereIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"@{x}", "{secret.x}", "#{file_content}", "#{original_file}"} {
		compiled, err := CompileString(in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []*Data{nil, {}} {
			if v, err := compiled.Render(t.Context(), d); err == nil {
				t.Errorf("%s: got %v", in, v)
			}
		}
	}
}

func TestRenderingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	compiled, err := Compile([]byte(`{"a":1}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compiled.Render(ctx, data()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzCompileAndRender(f *testing.F) {
	for _, s := range []string{`{"a":"@{document_id}"}`, `{"$IF_SCHEMA_ID$":{"schema_id":"x","mapping":1}}`, `["{secret.token}#{file_content}"]`, `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":{"$CHILD_COUNT$":{"schema_id":"line_items"}}}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		first, err1 := render(t, raw)
		second, err2 := render(t, raw)
		if first != second || fmt.Sprint(err1) != fmt.Sprint(err2) {
			t.Errorf("%q, %v, then %q, %v", first, err1, second, err2)
		}
	})
}

// BenchmarkRender prints how many times as long as text/template it takes to
// make the same JSON of 100 rows.
func BenchmarkRender(b *testing.B) {
	wide := element{children: []element{f("document_id", "INV-1"), {id: "line_items"}}}
	for i := range 100 {
		wide.children[1].children = append(wide.children[1].children, row(f("item_code", fmt.Sprint(i)), f("item_amount", "1.00")))
	}
	compiled, err := Compile(
		[]byte(
			`{"id":"@{document_id}","lines":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item",`+
				`"mapping":{"code":"@{item_code}","amount":"@{item_amount}"}}}}`,
		),
		Options{},
	)
	if err != nil {
		b.Fatal(err)
	}
	std := template.Must(
		template.New("").
			Parse(`{"id":"{{.ID}}","lines":[{{range $i, $r := .Rows}}{{if $i}},{{end}}{"code":"{{$r.code}}","amount":"{{$r.amount}}"}{{end}}]}`),
	)
	rows := make([]map[string]string, 100)
	for i := range rows {
		rows[i] = map[string]string{"code": fmt.Sprint(i), "amount": "1.00"}
	}
	d := data()
	d.Root = wide.Find
	var ours, theirs time.Duration
	round := func() {
		start := time.Now()
		v, err := compiled.Render(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		got, _ := AppendJSON(b.Context(), nil, v)
		ours += time.Since(start)
		start = time.Now()
		var out strings.Builder
		if err := std.Execute(&out, map[string]any{"ID": "INV-1", "Rows": rows}); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(start)
		if out.String() != string(got) {
			b.Fatalf("they differ:\n%s\n%s", out.String(), got)
		}
	}
	for range 20 { // warm
		round()
	}
	ours, theirs = 0, 0
	for b.Loop() {
		for range 20 {
			round()
		}
	}
	b.ReportMetric(float64(ours)/float64(theirs), "x-vs-text/template")
}

func Example() {
	t, err := Compile([]byte(`{"number": "@{document_id}", "lines": {"$CHILD_COUNT$": {"schema_id": "line_items"}}}`), Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := t.Render(context.Background(), &Data{Root: invoice.Find})
	if err != nil {
		fmt.Println(err)
		return
	}
	out, _ := AppendJSON(context.Background(), nil, v)
	fmt.Println(string(out))
	// Output: {"number":"INV-1","lines":2}
}
