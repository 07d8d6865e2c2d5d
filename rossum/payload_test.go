package rossum_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func call(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field(
			"document_id",
			"A-1",
		),
		rossumtest.Number("amount_total", "1,234.50", "1234.50"),
		rossumtest.Date("date_issue", "24/11/2026", "2026-11-24"),
		rossumtest.Field("empty", ""),
		rossumtest.List("tags", "tag", "red", "blue"),
		rossumtest.Table("line_items", rossumtest.Row("code", "A", "qty", "1"), rossumtest.Row("code", "B", "qty", "2")),
	).With(parts...)
}

func TestEveryKeyOfTheHookCallIsRead(t *testing.T) {
	t.Parallel()
	p := call(
		rossumtest.From("https://example.rossum.app", rossumtest.Token),
		rossumtest.Secret("s", "x"),
		rossumtest.Settings(map[string]any{"a": 1}),
		rossumtest.Set("automated", true),
		rossumtest.Set("exported_at", "2026"),
		rossumtest.Set("modifier", nil),
		rossumtest.Sideload("queues", []any{map[string]any{"name": "Q"}}),
		rossumtest.Sideload("never_heard_of", 7),
	).Payload()
	got := fmt.Sprintln(
		p.RequestID != "",
		p.Timestamp != "",
		p.BaseURL,
		string(p.Token) == rossumtest.Token,
		rossum.IDOf(p.Hook),
		p.Event,
		p.Action,
		string(p.Settings),
		p.Secrets["s"],
		p.Annotation.ID,
		p.Annotation.Status,
		p.Annotation.PreviousStatus,
		p.Annotation.QueueID(),
		rossum.IDOf(p.Annotation.Schema),
		p.Annotation.Automated,
		p.Annotation.Modifier == "",
		string(p.Annotation.Lookup("exported_at")),
		p.Document.ID,
		p.Document.OriginalFileName,
		p.Document.MimeType,
		string(p.Lookup("queues", "0.name")),
		string(p.Raw("never_heard_of")),
		p.Raw("missing") == nil,
	)
	want := "true true https://example.rossum.app true 1500 annotation_content export {\"a\":1} x 314528 exporting confirmed 8199 31336 true true \"2026\" 314621 invoice.pdf application/pdf \"Q\" 7 true\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestUnusablePayloadsAreErrorsThatNameThePlace(t *testing.T) {
	t.Parallel()
	content := func(nodes string) string { return `{"annotation":{"id":1,"content":` + nodes + `}}` }
	for in, want := range map[string]string{
		``:                                    "payload is not valid JSON: expected an object at byte 0",
		`[]`:                                  "it is not a JSON object",
		`{"a":1`:                              "unexpected end of the body at byte 6",
		`{"a":1}x`:                            "text after the end of the JSON value at byte 7",
		`{"a":01}`:                            "expected ',' or '}' at byte 6",
		`{"a":"\x"}`:                          "invalid escape in a string",
		"{\"a\":\"\n\"}":                      "control character in a string",
		`{"a":1,"a":2}`:                       `duplicate key "a"`,
		`{"base_url":7}`:                      `key "base_url" is not a string`,
		`{"secrets":[]}`:                      `key "secrets" is not of the documented type`,
		`{"secrets":{"s":1}}`:                 `key "secrets.s" is not a string`,
		`{"annotation":7}`:                    `key "annotation" is not an object`,
		`{"annotation":{}}`:                   `key "annotation.id" is missing`,
		`{"annotation":{"id":"1"}}`:           `key "annotation.id" is not a positive integer`,
		`{"document":{"id":"x"}}`:             `key "document.id" is not of the documented type`,
		strings.Repeat(`{"a":`, 10000):        "nesting deeper than 512 levels",
		content(strings.Repeat("[", 9)):       "annotation content[0]: is not an object",
		content(`[{"id":1,"schema_id":"a"}]`): "annotation content[0]: no category",
		content(`[{"id":1,"schema_id":"a","category":"x"}]`):                                                                    `annotation content[0]: unknown category "x"`,
		content(`[{"schema_id":"a","category":"section"}]`):                                                                     "annotation content[0]: no id",
		content(`[{"id":"1","schema_id":"a","category":"section"}]`):                                                            `annotation content[0]: id "1" is not an integer`,
		content(`[{"id":1,"category":"section"}]`):                                                                              "annotation content[0]: no schema_id",
		content(`[{"id":1,"schema_id":"a","category":"datapoint"}]`):                                                            "annotation content[0]: is a datapoint, expected a section",
		content(`[{"id":1,"schema_id":"a","category":"section","children":[{"id":1,"schema_id":"b","category":"datapoint"}]}]`): "annotation content[0]: id 1 is also the id of content[0].children[0]",
		content(`[{"id":1,"schema_id":"a","category":"section","children":7}]`):                                                 "annotation content[0]: children is not a list",
	} {
		_, err := rossum.ParsePayload([]byte(in))
		if !errors.Is(err, rossum.ErrPayload) || !strings.HasSuffix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s\n got %v\nwant %s", in, err, want)
		}
	}
}

func TestSecretsArePrintedByNobody(t *testing.T) {
	t.Parallel()
	p := call(rossumtest.Secret("password", "canary-1")).Payload()
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", p.Token, "secrets", p.Secrets)
	whole, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	tokenJSON, _ := json.Marshal(p.Token)
	secretsJSON, _ := json.Marshal(p.Secrets)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %x", p.Token, p.Token, p.Token, p.Token, p.Token, p.Token), fmt.Sprintf("%v %+v %#v %s", p.Secrets, p.Secrets, p.Secrets, p.Secrets), logged.String(), string(whole), string(tokenJSON), string(secretsJSON), fmt.Sprintf("%+v", struct{ S rossum.Secrets }{p.Secrets})} {
		if strings.Contains(text, "canary") || strings.Contains(text, rossumtest.Token) {
			t.Error(text)
		}
	}
}

func TestSignaturesAreCheckedAgainstEverySecret(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	signed := http.Header{}
	rossum.Sign(signed, body, "right")
	legacy := http.Header{rossum.LegacySignatureHeader: signed[rossum.LegacySignatureHeader]}
	forged := signed.Clone()
	forged.Set(rossum.SignatureHeader, "sha256=zz")
	for name, tt := range map[string]struct {
		h       http.Header
		body    string
		secrets []string
		want    error
	}{
		"right": {signed, `{"a":1}`, []string{"right"}, nil}, "rotation": {signed, `{"a":1}`, []string{"new", "right"}, nil}, "legacy": {legacy, `{"a":1}`, []string{"right"}, nil},
		"wrong secret": {signed, `{"a":1}`, []string{"wrong"}, rossum.ErrWrongSignature}, "other body": {signed, `{"a":2}`, []string{"right"}, rossum.ErrWrongSignature},
		"none": {http.Header{}, `{"a":1}`, []string{"right"}, rossum.ErrNoSignature}, "the newer header counts": {forged, `{"a":1}`, []string{"right"}, rossum.ErrWrongSignature},
		"empty secret": {signed, `{"a":1}`, []string{""}, rossum.ErrWrongSignature}, "no secret": {signed, `{"a":1}`, nil, rossum.ErrWrongSignature},
	} {
		if err := rossum.VerifySignature(tt.h, []byte(tt.body), tt.secrets...); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTypedReadsLoseNothing(t *testing.T) {
	t.Parallel()
	c := call(rossumtest.Field("flag", "Yes"), rossumtest.Field("huge", "-12345678901234567890.10")).Payload().Annotation.Content
	n := func(id string) *rossum.Node {
		n, err := c.Field(id)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if d, err := n("amount_total").Decimal(); err != nil || d != "1234.50" || d.Scale() != 2 || d.Rat().String() != "2469/2" {
		t.Errorf("%v %v", d, err)
	}
	if d, err := n("huge").Decimal(); err != nil || d != "-12345678901234567890.10" {
		t.Errorf("%v %v", d, err)
	}
	if d, err := n("date_issue").Date(); err != nil || d.Format("2006-01-02") != "2026-11-24" {
		t.Errorf("%v %v", d, err)
	}
	if b, err := n("flag").Bool(); err != nil || !b {
		t.Errorf("%v %v", b, err)
	}
	var wrong *rossum.ValueError
	if _, err := n("document_id").Decimal(); !errors.As(err, &wrong) || wrong.SchemaID != "document_id" || errors.Is(err, rossum.ErrEmpty) {
		t.Errorf("%v", err)
	}
	if _, err := n("empty").Date(); !errors.Is(err, rossum.ErrEmpty) {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", "-", "1e3", "1,5", "+-1", ".", "0x1", strings.Repeat("9", 2000)} {
		if _, err := rossum.ParseDecimal(text); err == nil {
			t.Errorf("%.10q is a decimal", text)
		}
	}
}

func TestFieldsAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	c := call().Payload().Annotation.Content
	if _, err := c.Field("document_idd"); !errors.Is(err, rossum.ErrNoField) || !strings.Contains(err.Error(), `did you mean "document_id"?`) {
		t.Errorf("%v", err)
	}
	if _, err := c.Field("code"); !errors.Is(err, rossum.ErrManyFields) {
		t.Errorf("%v", err)
	}
	codes := c.Find("code")
	if len(codes) != 2 || codes[1].Value() != "B" || codes[1].Row().Cell("qty").Value() != "2" || c.ByID(codes[0].ID()) != codes[0] ||
		c.ByID(1) != nil {
		t.Errorf("%v", codes)
	}
	table, _ := c.Field("line_items")
	if !table.IsTable() || len(table.Find("qty")) != 2 || table.Parent().Category() != rossum.CategorySection ||
		len(codes[0].Row().Find("qty")) != 1 {
		t.Error("the table is not what it should be")
	}
	n := 0
	for range c.All() {
		n++
	}
	if n != c.Len() {
		t.Errorf("%d nodes, Len %d", n, c.Len())
	}
}

func operations(c *rossum.Content) string {
	out, _ := json.Marshal(c.Operations()) // of texts
	return string(out)
}

func TestChangesBecomeOperations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *rossum.Content) error
		want   string
	}{
		"none":    {func(*rossum.Content) error { return nil }, "null"},
		"replace": {func(c *rossum.Content) error { return c.Find("document_id")[0].SetValue("<B>") }, `[{"op":"replace","id":1002,"value":{"content":{"value":"\u003cB\u003e"}}}]`},
		"the last value": {func(c *rossum.Content) error {
			n := c.Find("document_id")[0]
			return errors.Join(n.SetValue("B"), n.SetValue("C"))
		}, `[{"op":"replace","id":1002,"value":{"content":{"value":"C"}}}]`},
		"the same value": {func(c *rossum.Content) error { return c.Find("document_id")[0].SetValue("A-1") }, "null"},
		"and back": {func(c *rossum.Content) error {
			n := c.Find("document_id")[0]
			return errors.Join(n.SetValue("B"), n.SetValue("A-1"))
		}, "null"},
		"hidden": {func(c *rossum.Content) error { c.Find("empty")[0].SetHidden(true); return nil }, `[{"op":"replace","id":1005,"value":{"hidden":true}}]`},
		"options": {func(c *rossum.Content) error {
			return c.Find("empty")[0].SetOptions(json.RawMessage(`[{"value":"a"}]`))
		}, `[{"op":"replace","id":1005,"value":{"options":[{"value":"a"}]}}]`},
		"add a row": {func(c *rossum.Content) error {
			_, err := c.Find("line_items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: "C"})
			return err
		}, `[{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"C"}}]}]`},
		"add a value": {func(c *rossum.Content) error {
			_, err := c.Find("tags")[0].AddRow(rossum.Cell{SchemaID: "tag", Value: "x"})
			return err
		}, `[{"op":"add","id":1006,"value":[{"schema_id":"tag","content":{"value":"x"}}]}]`},
		"change an added row": {func(c *rossum.Content) error {
			row, err := c.Find("line_items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: "C"})
			return errors.Join(err, row.Cell("code").SetValue("D"))
		}, `[{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"D"}}]}]`},
		"remove": {func(c *rossum.Content) error { return c.Find("line_item")[0].Remove() }, `[{"op":"remove","id":1010}]`},
		"change and remove": {func(c *rossum.Content) error {
			return errors.Join(c.Find("code")[0].SetValue("x"), c.Find("line_item")[0].Remove())
		}, `[{"op":"remove","id":1010}]`},
		"add and remove": {func(c *rossum.Content) error {
			row, err := c.Find("line_items")[0].AddRow()
			return errors.Join(err, row.Remove())
		}, "null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := call()
			c := call.Payload().Annotation.Content
			if err := tt.change(c); err != nil {
				t.Fatal(err)
			}
			if got := operations(c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			// A clone, and a restored tree, have the same operations.
			if got := operations(c.Clone()); got != tt.want {
				t.Errorf("the clone has %s", got)
			}
			saved, err := c.Changes()
			if err != nil {
				t.Fatal(err)
			}
			restored := call.Payload().Annotation.Content
			if err := restored.Restore(saved); err != nil || operations(restored) != tt.want {
				t.Errorf("restored: %s, %v", operations(restored), err)
			}
			merged := call.Payload().Annotation.Content
			branch := merged.Clone()
			if err := tt.change(branch); err != nil {
				t.Fatal(err)
			}
			if conflicts, err := merged.Merge(branch, merged.Clone()); err != nil || conflicts != nil || operations(merged) != tt.want {
				t.Errorf("merged: %s, %v, %v", operations(merged), conflicts, err)
			}
			applied := call.Payload().Annotation.Content
			if err := applied.Apply(c.Operations()); err != nil || operations(applied) != tt.want {
				t.Errorf("applied: %s, %v", operations(applied), err)
			}
		})
	}
}

func TestWhatDoesNotFitTheCategoryIsRefused(t *testing.T) {
	t.Parallel()
	c := call().Payload().Annotation.Content
	table, field := c.Find("line_items")[0], c.Find("document_id")[0]
	_, addErr := field.AddRow()
	for i, err := range []error{table.SetValue("x"), field.Remove(), addErr} {
		if !errors.Is(err, rossum.ErrCategory) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if field.SetOptions(json.RawMessage(`{"a"`)) == nil {
		t.Error("options that are not JSON were taken")
	}
}

func TestJSONAfterChangesKeepsWhatWasNotChanged(t *testing.T) {
	t.Parallel()
	p := call(rossumtest.Sideload("zzz", "kept")).Payload()
	c := p.Annotation.Content
	if err := errors.Join(c.Find("document_id")[0].SetValue(`new "value" <é>`), c.Find("line_item")[0].Remove()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Find("line_items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: "C"}); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"zzz":"kept"`, `"ocr_text":"A-1"`, `"automated":false`} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%s is missing", part)
		}
	}
	var decoded struct {
		Annotation struct {
			Content []struct {
				Children []struct {
					SchemaID string `json:"schema_id"`
					Content  struct {
						Value      string
						Normalized *string `json:"normalized_value"`
					}
					Children []struct {
						Children []struct{ Content struct{ Value string } }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out, &decoded); err != nil {
		t.Fatal(err)
	}
	fields := decoded.Annotation.Content[0].Children
	rows := fields[len(fields)-1].Children
	if fields[0].Content.Value != `new "value" <é>` || fields[0].Content.Normalized != nil || len(rows) != 2 ||
		rows[0].Children[0].Content.Value != "B" ||
		rows[1].Children[0].Content.Value != "C" {
		t.Errorf("%s", out)
	}
}

func TestBranchesThatWriteOneFieldConflict(t *testing.T) {
	t.Parallel()
	base := call().Payload().Annotation.Content
	a, b := base.Clone(), base.Clone()
	if err := errors.Join(a.Find("document_id")[0].SetValue("a"), b.Find("document_id")[0].SetValue("b"), b.Find("empty")[0].SetValue("only b")); err != nil {
		t.Fatal(err)
	}
	conflicts, err := base.Merge(a, b)
	if err != nil || len(conflicts) != 1 || conflicts[0] != (rossum.Conflict{SchemaID: "document_id", ID: 1002, Lost: "a", Won: "b"}) ||
		base.Find("empty")[0].Value() != "only b" {
		t.Errorf("%v %v", conflicts, err)
	}
}

func TestInvalidTextBecomesReplacementCharacters(t *testing.T) {
	t.Parallel()
	p, err := rossum.ParsePayload([]byte("{\"request_id\":\"a\xffb\\ud800\\ud83d\\ude00\\u00e9\"}"))
	if err != nil || p.RequestID != "a�b�😀é" {
		t.Errorf("%q %v", p.RequestID, err)
	}
}

func TestTheSchemaIsReadWithSingleAndListedChildren(t *testing.T) {
	t.Parallel()
	schema, err := call(rossumtest.FieldValue("f", rossumtest.Value{Formula: "1 + 1", NoExport: true})).Payload().Schema()
	if err != nil {
		t.Fatal(err)
	}
	f := schema.Field("f")
	if f.Formula != "1 + 1" || f.Exported() || f.UIConfiguration.Type != "formula" || schema.Field("code") == nil ||
		schema.Field("tag") == nil ||
		schema.Field("amount_total").Type != "number" ||
		schema.Field("nope") != nil {
		t.Errorf("%+v", f)
	}
	if s, err := (&rossum.Payload{}).Schema(); s != nil || err != nil {
		t.Errorf("%v %v", s, err)
	}
}

func FuzzParsePayload(f *testing.F) {
	f.Add(call().Bytes())
	f.Add([]byte(`{"annotation":{"id":1,"content":[{"id":2,"schema_id":"a\u0062","category":"section","children":null}]}}`))
	for _, data := range fuzzing.Payloads(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rossum.ParsePayload(data)
		if err != nil {
			fuzzing.CheckMessage(t, err.Error())
			return
		}
		if _, err := p.Schema(); err != nil {
			fuzzing.CheckMessage(t, err.Error())
		}
		if !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
		out, err := p.AppendJSON(nil)
		if err != nil || !json.Valid(out) {
			t.Fatalf("wrote %s, %v", out, err)
		}
		if p.Annotation == nil || p.Annotation.Content == nil {
			return
		}
		for n := range p.Annotation.Content.All() {
			_ = n.Text()
			if n.Category() == rossum.CategoryDatapoint {
				if err := n.SetValue("x"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if out, err = p.AppendJSON(nil); err != nil || !json.Valid(out) {
			t.Fatalf("wrote %s after changes, %v", out, err)
		}
	})
}

func Example() {
	p, err := rossum.ParsePayload(
		rossumtest.Annotation(rossumtest.Number("amount_total", "1,234.50", "1234.50"), rossumtest.Field("status", "")).Bytes(),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	total, _ := p.Annotation.Content.Field("amount_total")
	amount, _ := total.Decimal()
	fmt.Println(total.Value(), amount)
	status, _ := p.Annotation.Content.Field("status")
	_ = status.SetValue("exported")
	answer, _ := json.Marshal(&rossum.Response{Operations: p.Annotation.Content.Operations()})
	fmt.Println(string(answer))
	// Output:
	// 1,234.50 1234.50
	// {"messages":[],"operations":[{"op":"replace","id":1003,"value":{"content":{"value":"exported"}}}]}
}

func TestRowsOfATableThatCameEmptyAreCalledAsTheSchemaSays(t *testing.T) {
	t.Parallel()
	const schemas = `[{"id":1,"url":"s","content":[{"category":"section","id":"s","children":[
		{"category":"multivalue","id":"items","children":{"category":"tuple","id":"one_item","children":[]}},
		{"category":"multivalue","id":"notes","children":{"category":"datapoint","id":"one_note","type":"string"}}]}]}]`
	const content = `[{"id":1,"schema_id":"s","category":"section","children":[
		{"id":2,"schema_id":"items","category":"multivalue","children":[]},{"id":3,"schema_id":"notes","category":"multivalue","children":[]}]}]`
	for name, schema := range map[string]bool{"with a schema": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"annotation":{"id":1,"schema":"s","content":` + content + `}`
			if schema {
				body += `,"schemas":` + schemas
			}
			p, err := rossum.ParsePayload([]byte(body + "}"))
			if err != nil {
				t.Fatal(err)
			}
			c := p.Annotation.Content.Clone()
			row, err := c.Find("items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: "A"}, rossum.Cell{SchemaID: "price", Value: "1"})
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]string{true: "one_item", false: "items"}[schema]; row.SchemaID() != want {
				t.Errorf("the row is called %s, want %s", row.SchemaID(), want)
			}
			_, err = c.Find("notes")[0].AddRow(rossum.Cell{SchemaID: "one_note", Value: "A"}, rossum.Cell{SchemaID: "one_note", Value: "B"})
			if (err != nil) != schema {
				t.Errorf("two values at once: %v", err)
			}
		})
	}
}
