package rossum_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

type edit func(c *rossum.Content) error

func set(schemaID string, i int, value string) edit {
	return func(c *rossum.Content) error { return c.Find(schemaID)[i].SetValue(value) }
}

func removeRow(i int) edit {
	return func(c *rossum.Content) error { return c.Find("line_item")[i].Remove() }
}

func addRow(code string) edit {
	return func(c *rossum.Content) error {
		_, err := c.Find("line_items")[0].AddRow(rossum.Cell{SchemaID: "code", Value: code})
		return err
	}
}

func options(list string) edit {
	return func(c *rossum.Content) error { return c.Find("empty")[0].SetOptions(json.RawMessage(list)) }
}

func hide(schemaID string) edit {
	return func(c *rossum.Content) error { c.Find(schemaID)[0].SetHidden(true); return nil }
}

func TestMergeKeepsEveryChangeAndReportsEveryClash(t *testing.T) {
	t.Parallel()
	nothing := func(*rossum.Content) error { return nil }
	const replaced = `[{"op":"replace","id":1002,"value":{"content":{"value":%q}}}]`
	for name, tt := range map[string]struct {
		before, a, b edit
		want         string // operations of the merged tree
		conflicts    string
	}{
		"write, then removed row":  {nothing, set("code", 0, "X"), removeRow(0), `[{"op":"remove","id":1010}]`, `[code (id 1011): "X" was written, and its row was removed]`},
		"removed row, then write":  {nothing, removeRow(0), set("code", 0, "X"), `[{"op":"remove","id":1010}]`, `[code (id 1011): "X" was written, and its row was removed]`},
		"removed twice":            {nothing, removeRow(0), removeRow(0), `[{"op":"remove","id":1010}]`, "[]"},
		"options twice":            {nothing, options("[1]"), options("[2]"), `[{"op":"replace","id":1005,"value":{"options":[2]}}]`, `[empty (id 1005): options [1] were overwritten by [2]]`},
		"the same value twice":     {nothing, set("document_id", 0, "X"), set("document_id", 0, "X"), fmt.Sprintf(replaced, "X"), "[]"},
		"rows from both":           {nothing, addRow("a"), addRow("b"), `[{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"a"}}]},{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"b"}}]}]`, "[]"},
		"an earlier row changed":   {addRow("C"), set("code", 2, "D"), nothing, `[{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"D"}}]}]`, "[]"},
		"an earlier row removed":   {addRow("C"), removeRow(2), nothing, "null", "[]"},
		"an earlier row, clashing": {addRow("C"), set("code", 2, "D"), set("code", 2, "E"), `[{"op":"add","id":1009,"value":[{"schema_id":"code","content":{"value":"E"}}]}]`, `[code (id 0): "D" was overwritten by "E"]`},
		"an earlier value undone":  {set("document_id", 0, "B"), set("document_id", 0, "A-1"), nothing, "null", "[]"},
		// The second branch only hides the field: what the first wrote must stay.
		"different sides of one field": {set("document_id", 0, "B"), set("document_id", 0, "C"), hide("document_id"), `[{"op":"replace","id":1002,"value":{"content":{"value":"C"},"hidden":true}}]`, "[]"},
		"written and undone in a branch": {nothing, set("document_id", 0, "X"), func(c *rossum.Content) error {
			return errors.Join(set("document_id", 0, "Y")(c), set("document_id", 0, "A-1")(c))
		}, fmt.Sprintf(replaced, "X"), "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := call().Payload().Annotation.Content
			if err := tt.before(base); err != nil {
				t.Fatal(err)
			}
			a, b := base.Clone(), base.Clone()
			if err := errors.Join(tt.a(a), tt.b(b)); err != nil {
				t.Fatal(err)
			}
			conflicts, err := base.Merge(a, b)
			if got := fmt.Sprint(conflicts); err != nil || got != tt.conflicts {
				t.Errorf("conflicts %s, %v\nwant %s", got, err, tt.conflicts)
			}
			if got := operations(base); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMergeRefusesABranchOfAnotherAnnotation(t *testing.T) {
	t.Parallel()
	base := call().Payload().Annotation.Content
	if err := addRow("C")(base); err != nil {
		t.Fatal(err)
	}
	branch := base.Clone()
	if err := set("code", 2, "D")(branch); err != nil {
		t.Fatal(err)
	}
	other := rossumtest.Annotation(rossumtest.Field("only", "1")).Payload().Annotation.Content
	if _, err := other.Merge(branch); err == nil || !strings.Contains(err.Error(), "not cloned from this annotation") {
		t.Errorf("%v", err)
	}
}

func TestAddedRowsAreRestoredWhole(t *testing.T) {
	t.Parallel()
	c := call().Payload().Annotation.Content
	table := c.Find("line_items")[0]
	row, err := table.AddRow(rossum.Cell{SchemaID: "code", Value: "C"})
	if err != nil {
		t.Fatal(err)
	}
	cell := row.Cell("code")
	cell.SetHidden(true)
	_, empty := table.AddRow()
	if err := errors.Join(empty, cell.SetNormalized("1,0", "1.0"), cell.SetOptions(json.RawMessage(`[{"value":"a"}]`))); err != nil {
		t.Fatal(err)
	}
	saved, err := c.Changes()
	if err != nil {
		t.Fatal(err)
	}
	restored, merged := call().Payload().Annotation.Content, call().Payload().Annotation.Content
	if err := restored.Restore(saved); err != nil {
		t.Fatal(err)
	}
	if got := restored.Find("code")[2].Normalized(); operations(restored) != operations(c) || got != "1.0" {
		t.Errorf("got %s %q\nwant %s", operations(restored), got, operations(c))
	}
	if err := merged.Apply(c.Operations()); err != nil || operations(merged) != operations(c) {
		t.Errorf("applied: %s, %v", operations(merged), err)
	}
}

func TestAValueAddedToAnEmptiedListIsAValue(t *testing.T) {
	t.Parallel()
	c := rossumtest.Annotation(rossumtest.List("tags", "tag", "a")).Payload().Annotation.Content
	list := c.Find("tags")[0]
	if err := list.Children()[0].Remove(); err != nil {
		t.Fatal(err)
	}
	added, err := list.AddRow(rossum.Cell{SchemaID: "tag", Value: "b"})
	if err != nil || added.Category() != rossum.CategoryDatapoint || added.SchemaID() != "tag" || len(c.Find("tag")) != 1 {
		t.Errorf("%v %q %v", added.Category(), added.SchemaID(), err)
	}
	if want := `[{"op":"remove","id":1003},{"op":"add","id":1002,"value":[{"schema_id":"tag","content":{"value":"b"}}]}]`; operations(
		c,
	) != want {
		t.Errorf("%s", operations(c))
	}
}

func TestLenCountsWhatIsThere(t *testing.T) {
	t.Parallel()
	c := call().Payload().Annotation.Content
	if err := errors.Join(removeRow(0)(c), addRow("C")(c)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range c.All() {
		n++
	}
	if c.Len() != n || c.Clone().Len() != n {
		t.Errorf("%d nodes, Len %d, of the clone %d", n, c.Len(), c.Clone().Len())
	}
}

func TestHidingAndShowingAgainNeedsNoOperation(t *testing.T) {
	t.Parallel()
	c := call().Payload().Annotation.Content
	n := c.Find("empty")[0]
	n.SetHidden(true)
	n.SetHidden(false)
	if got := operations(c); got != "null" {
		t.Error(got)
	}
}

func TestContentThatReadersTakeDifferentlyIsRefused(t *testing.T) {
	t.Parallel()
	for datapoint, want := range map[string]string{
		`{"id":2,"id":3,"schema_id":"a","category":"datapoint"}`:                                  `duplicate key "id"`,
		`{"id":2,"i\u0064":3,"schema_id":"a","category":"datapoint"}`:                             `duplicate key "id"`,
		`{"id":2,"schema_id":"a","category":"datapoint","content":{},"content":{}}`:               `duplicate key "content"`,
		`{"id":2,"schema_id":"a","category":"datapoint","content":{"value":"one","value":"two"}}`: `duplicate key "value" of the content`,
		`{"id":2,"schema_id":"a","category":"datapoint","content":[1]}`:                           "content is not an object",
		`{"id":0,"schema_id":"a","category":"datapoint"}`:                                         "id 0 is not positive",
		`{"id":-1,"schema_id":"a","category":"datapoint"}`:                                        "id -1 is not positive",
	} {
		_, err := rossum.ParseContent([]byte(`[{"id":1,"schema_id":"s","category":"section","children":[` + datapoint + `]}]`))
		var fault *rossum.ContentError
		if !errors.As(err, &fault) || fault.Place != "content[0].children[0]" || fault.Msg != want {
			t.Errorf("%s: %v", datapoint, err)
		}
	}
}

func TestKeysWithEscapesAreTheSameKeys(t *testing.T) {
	t.Parallel()
	c, err := rossum.ParseContent(
		[]byte(
			`[{"\u0069d":1,"schema_id":"s","category":"section","children":[{"id":2,"schema_id":"a",` +
				`"category":"datapoint","c\u006fntent":{"v\u0061lue":"old"}}]}]`,
		),
	)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.ByID(2); n.Value() != "old" {
		t.Errorf("%q", n.Value())
	}
}

func TestAPayloadWithFetchedContentIsWrittenOnce(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	call := rossumtest.Annotation(rossumtest.Field("a", "1"), rossumtest.On(s), rossumtest.WithoutContent())
	s.AddContent(call)
	p := call.Payload()
	for _, want := range []func(a *rossum.Annotation) bool{
		func(a *rossum.Annotation) bool { return a.Content == nil && a.ContentURL != "" },
		func(a *rossum.Annotation) bool { return a.Content != nil && a.Content.Find("a")[0].Value() == "1" },
	} {
		body, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := rossum.ParsePayload(body)
		if err != nil || !want(again.Annotation) {
			t.Errorf("%v\n%s", err, body)
		}
		if err := c.FetchContent(t.Context(), p.Annotation); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSchemasThatAreNullAreNoSchema(t *testing.T) {
	t.Parallel()
	p, err := rossum.ParsePayload([]byte(`{"schemas":[null,null],"annotation":{"id":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := p.Schema(); s != nil || err != nil {
		t.Errorf("%v %v", s, err)
	}
}

func TestHooksKeepWhatThisPackageDoesNotKnow(t *testing.T) {
	t.Parallel()
	h, err := rossum.ParseHook([]byte(`{"id":5,"description":"d","config":{"third_party_library_pack":"default"}}`))
	if err != nil || string(h.Lookup("description")) != `"d"` || string(h.Lookup("config.third_party_library_pack")) != `"default"` ||
		h.Lookup("nope") != nil {
		t.Errorf("%+v %v", h, err)
	}
	for _, in := range []string{"null", "{}", `{"id":-5}`} {
		if _, err := rossum.ParseHook([]byte(in)); err == nil {
			t.Errorf("%s is a hook", in)
		}
	}
}

func TestAnnotationsAreAskedForByID(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	ids := make([]int64, 150)
	for i := range ids {
		ids[i] = int64(i + 1)
		s.AddAnnotation(fmt.Appendf(nil, `{"id":%d}`, ids[i]))
	}
	s.AddAnnotation(json.RawMessage(`{"id":999}`))
	for n, ids := range map[int][]int64{0: nil, 150: ids} {
		got := 0
		for _, err := range c.Annotations(t.Context(), ids...) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if got != n {
			t.Errorf("%d annotations, want %d", got, n)
		}
	}
	if calls := s.Calls(); len(calls) != 2 {
		t.Errorf("%v", calls)
	}
}

func TestOneHookIsRead(t *testing.T) {
	t.Parallel()
	c, s := client(t)
	s.AddHook(json.RawMessage(`{"id":7,"name":"n"}`))
	if h, err := c.Hook(t.Context(), 7); err != nil || h.Name != "n" {
		t.Errorf("%v %v", h, err)
	}
	if _, err := c.Hook(t.Context(), 8); !errors.Is(err, rossum.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func FuzzParseContent(f *testing.F) {
	f.Add(
		[]byte(
			`{"content":[{"id":1,"schema_id":"s","category":"section","children":[{"id":2,"schema_id":"a",` +
				`"category":"datapoint","content":{"value":"x"}}]}]}`,
		),
	)
	f.Add(
		[]byte(
			`[{"id":1,"schema_id":"s","category":"section","ch\u0069ldren":[{"id":2,"schema_id":"a",` +
				`"category":"datapoint","c\u006fntent":{"v\u0061lue":"x"}}]}]`,
		),
	)
	f.Add(
		[]byte(
			`[{"id":1,"schema_id":"s","category":"section","children":[{"id":2,"schema_id":"m","category":"multivalue",` +
				`"children":[{"id":3,"schema_id":"t","category":"tuple","children":[]}]}]}]`,
		),
	)
	for path, data := range fuzzing.Payloads(f) {
		var call struct {
			Annotation struct{ Content json.RawMessage }
		}
		if err := json.Unmarshal(data, &call); err != nil {
			f.Fatalf("%s: %v", path, err)
		}
		f.Add([]byte(call.Annotation.Content))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := rossum.ParseContent(data)
		if err != nil {
			return
		}
		for n := range c.All() {
			if n.Category() == rossum.CategoryMultivalue && len(n.Children()) > 0 {
				if err := n.Children()[0].Remove(); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		for n := range c.All() {
			if n.Category() == rossum.CategoryDatapoint {
				if err := n.SetValue("new"); err != nil {
					t.Fatal(err)
				}
			}
		}
		saved, err := c.Changes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := rossum.ParseContent(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Restore(saved); err != nil || operations(again) != operations(c) {
			t.Fatalf("restored %s, %v, want %s", operations(again), err, operations(c))
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		written, err := rossum.ParseContent(out)
		if err != nil {
			t.Fatalf("wrote %s: %v", out, err)
		}
		for n := range c.All() {
			if got := written.ByID(n.ID()).Value(); got != n.Value() {
				t.Fatalf("wrote %q for %q in %s", got, n.Value(), out)
			}
		}
	})
}

func FuzzVerifySignature(f *testing.F) {
	f.Add([]byte("{}"), "secret", "sha256=00")
	f.Fuzz(func(t *testing.T, body []byte, secret, header string) {
		signed := http.Header{}
		rossum.Sign(signed, body, secret)
		if err := rossum.VerifySignature(signed, body, secret); (err == nil) != (secret != "") {
			t.Fatal(err)
		}
		if strings.EqualFold(header, signed.Get(rossum.SignatureHeader)) {
			return
		}
		signed.Set(rossum.SignatureHeader, header)
		if header != "" && rossum.VerifySignature(signed, body, secret) == nil {
			t.Fatalf("%q was accepted", header)
		}
	})
}
