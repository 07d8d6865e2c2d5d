package rossumtest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallsAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	c := rossumtest.Annotation(
		rossumtest.Values(map[string]any{"b": "2", "a": "1"}),
		rossumtest.Table("line_items", rossumtest.Row("x", "1", "y")),
	)
	if !bytes.Equal(c.Bytes(), c.Bytes()) {
		t.Error("two calls differ")
	}
	content := c.Payload().Annotation.Content
	if a := content.Find("a")[0]; a.ID() != 1002 || a.Value() != "1" || content.Find("y")[0].Value() != "" {
		t.Errorf("field a has id %d", a.ID())
	}
}

func ExampleAnnotation() {
	p := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Table("line_items", rossumtest.Row("item_description", "Paper", "item_amount", "12.50")),
	).Payload()
	for _, row := range p.Annotation.Content.Find("line_item") {
		fmt.Println(row.Cell("item_description").Value(), row.Cell("item_amount").Value())
	}
	// Output: Paper 12.50
}

func ExampleValues() {
	p := rossumtest.Annotation(rossumtest.Values(map[string]any{
		"document_id": "2026-0042",
		"amounts":     map[string]any{"amount_total": 1210.5, "paid": true},
		"line_items":  []any{map[string]any{"item_code": "A", "item_quantity": 2}, map[string]any{"item_code": "B", "item_quantity": nil}},
		"po_numbers":  []string{"PO1", "PO2"},
	})).Payload()
	for _, section := range p.Annotation.Content.Sections() {
		for _, n := range section.Children() {
			fmt.Printf("%s: %s %s %q, %d below\n", section.SchemaID(), n.Category(), n.SchemaID(), n.Text(), len(n.Children()))
		}
	}
	// Output:
	// amounts: datapoint amount_total "1210.5", 0 below
	// amounts: datapoint paid "true", 0 below
	// basic_info: datapoint document_id "2026-0042", 0 below
	// basic_info: multivalue line_items "", 2 below
	// basic_info: multivalue po_numbers "", 2 below
}

func TestSectionsHoldTheirFieldsInContentAndSchema(t *testing.T) {
	t.Parallel()
	p := rossumtest.Annotation(
		rossumtest.Field("a", "1"),
		rossumtest.Section("totals", rossumtest.Number("b", "2,0", "2.0"), rossumtest.List("notes", "note", "x")),
		rossumtest.Field("c", "3"),
	).Payload()
	schema, err := p.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var inContent, inSchema []string
	for i, s := range p.Annotation.Content.Sections() {
		for _, n := range s.Children() {
			inContent = append(inContent, s.SchemaID()+"."+n.SchemaID())
		}
		for _, f := range schema.Content[i].Children {
			inSchema = append(inSchema, schema.Content[i].ID+"."+f.ID)
		}
	}
	want := []string{"basic_info.a", "basic_info.c", "totals.b", "totals.notes"}
	if !slices.Equal(inContent, want) || !slices.Equal(inSchema, want) {
		t.Errorf("content %v, schema %v", inContent, inSchema)
	}
}

func TestValuesThatNoFieldCanHoldPanic(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{"a channel": make(chan int), "rows beside values": []any{map[string]any{}, "x"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			rossumtest.Annotation(rossumtest.Values(map[string]any{"f": v}))
		})
	}
}

func ExampleServer() {
	platform := rossumtest.NewServer()
	defer platform.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := rossum.NewClient(
		platform.URL,
		rossum.Secret(platform.Token),
		rossum.ClientOptions{HTTPClient: &http.Client{Transport: transport}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	platform.Fail(rossumtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "0"})
	document, err := client.CreateDocument(
		context.Background(),
		rossum.NewDocument{Name: "invoice.csv", ContentType: "text/csv", Data: []byte("a,b")},
	)
	fmt.Println(document.OriginalFileName, err, platform.Calls())
	// Output: invoice.csv <nil> [POST documents POST documents]
}
