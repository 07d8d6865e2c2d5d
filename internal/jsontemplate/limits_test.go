package jsontemplate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/looked"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
)

// wide is a table of so many rows, and fields beside it.
func wide(rows int, text string) *Data {
	table := element{id: "line_items"}
	for i := range rows {
		table.children = append(table.children, row(f("item_code", fmt.Sprint(i)), f("item_text", text)))
	}
	root := element{children: []element{table, f("found", ""), f("large", strings.Repeat("x", 1<<20))}}
	found := make(map[string][]Node)
	for _, id := range []string{"line_items", "item_code", "item_text", "found", "large"} {
		found[id] = root.Find(id)
	}
	return &Data{Root: func(id string) []Node { return found[id] }}
}

// inLoops puts a template into loops over the rows of a table.
func inLoops(template string) string {
	return `{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"item_code","mapping":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":` +
		template + `}}}}}}`
}

func TestEachOperatorLooksAtTheContext(t *testing.T) {
	t.Parallel()
	d := wide(400, "text")
	for name, template := range map[string]string{
		"a field":              `"@{item_text}"`,
		"a text":               `"a"`,
		"a number":             `1`,
		"a text with a field":  `"a @{item_text}"`,
		"a list":               `[1]`,
		"an object":            `{"a":1}`,
		"a field of the whole": `"@{found}"`,
		"a position":           `"{schema_loop.index}"`,
		"an expression":        `"{schema_loop.index * 2}"`,
		"children":             `{"$CHILD_COUNT$":{"schema_id":"line_items"}}`,
		"a value":              `{"$DATAPOINT_VALUE$":{"schema_id":"item_code","value_type":"integer"}}`,
		"a field that is not":  `{"$IF_SCHEMA_ID$":{"schema_id":"found","mapping":"a"}}`,
		"a table within":       `{"$IF_SCHEMA_ID$":{"schema_id":"line_items","mapping":{"$IF_SCHEMA_ID$":{"schema_id":"no","mapping":1}}}}`,
		"a comparison":         `{"$IF_DATAPOINT_VALUE$":{"schema_id":"item_code","value":"7","mapping":1}}`,
		"a mapping of values":  `{"$DATAPOINT_MAPPING$":{"schema_id":"item_code","mapping":{"7":1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiled, err := Compile([]byte(inLoops(template)), Options{Place: "data"})
			if err != nil {
				t.Fatal(err)
			}
			ctx := looked.EndsAt(t.Context(), 6)
			if _, err := compiled.Render(ctx, d); !errors.Is(err, context.Canceled) {
				t.Errorf("Render: %v", err)
			}
			if looks := ctx.Looks(); looks > 10 {
				t.Errorf("rendering went on for %d looks", looks)
			}
			ctx = looked.EndsAt(t.Context(), 6)
			compiled.Chosen(ctx, d)
			if looks := ctx.Looks(); looks < 5 {
				t.Errorf("Chosen looked %d times", looks)
			}
		})
	}
}

func TestARenderingIsBoundedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	d := wide(50, "text")
	for name, template := range map[string]string{
		"a field":                  inLoops(`"@{large}"`),
		"a field in a text":        inLoops(`"<@{large}>"`),
		"a text of the settings":   inLoops(`"` + strings.Repeat("x", 1<<20) + `"`),
		"a key of the settings":    inLoops(`{"` + strings.Repeat("x", 1<<20) + `":1}`),
		"a list of the settings":   inLoops(`[` + strings.Repeat("1,", 1000) + `1]`),
		"objects":                  inLoops(`{"a":{"b":{"c":{}}}}`),
		"texts":                    inLoops(`"@{item_text}"`),
		"nothing":                  inLoops(`{"$IF_SCHEMA_ID$":{"schema_id":"found","mapping":"a"}}`),
		"an expression":            inLoops(`"{'x' * 1000000}"`),
		"an expression of lists":   `"{[[[[['x'] * 100] * 100] * 100] * 100] * 100}"`,
		"a comparison with a text": inLoops(`{"$IF_DATAPOINT_VALUE$":{"schema_id":"item_code","value":"@{large}","mapping":1}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiled, err := Compile([]byte(template), Options{Place: "data", Resources: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, body := range []bool{false, true} {
				r := newRendering(t.Context())
				r.meter, r.most, r.body = pyvalue.NewMeter(t.Context(), pyvalue.Limits{Steps: 5_000, TotalBytes: 4 << 20}), 1<<20, body
				_, err = compiled.root.render(r, &scope{data: d})
				if !errors.Is(err, pyvalue.ErrLimit) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestALimitNamesItsPlace(t *testing.T) {
	t.Parallel()
	d := wide(100, "text")
	for _, template := range []string{`"@{large}"`, `"` + strings.Repeat("x", 1<<20) + `"`, `["a @{large}"]`} {
		compiled, err := Compile(
			[]byte(`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_items","mapping":`+template+`}}`),
			Options{Place: "request.data"},
		)
		if err != nil {
			t.Fatal(err)
		}
		_, err = compiled.Render(t.Context(), d)
		if !errors.Is(err, pyvalue.ErrLimit) || !strings.Contains(err.Error(), "request.data") || len(err.Error()) > 500 {
			t.Errorf("Render: %v", err)
		}
		if _, _, err = compiled.RenderBody(t.Context(), d, false); !errors.Is(err, pyvalue.ErrLimit) {
			t.Errorf("RenderBody: %v", err)
		}
	}
}

// counted is a row that counts the searches in it.
type counted struct {
	Node
	searches *atomic.Int64
}

func (c counted) Find(id string) []Node {
	c.searches.Add(1)
	return c.Node.Find(id)
}

func TestAFieldOutsideTheTableIsLookedForOnceInTheOtherRows(t *testing.T) {
	t.Parallel()
	const rows = 500
	var searches atomic.Int64
	all := make([]Node, rows)
	for i := range all {
		all[i] = counted{row(f("item_code", "A")), &searches}
	}
	d := wide(0, "")
	root := d.Root
	d.Root = func(id string) []Node {
		if id == "rows" {
			return all
		}
		return root(id)
	}
	compiled, err := Compile([]byte(`{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"rows","mapping":"@{found}@{found}@{large}"}}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compiled.Render(t.Context(), &Data{Root: func(id string) []Node {
		if id == "large" {
			return []Node{f("large", "x")}
		}
		return d.Root(id)
	}}); err != nil {
		t.Fatal(err)
	}
	// Each of three placeholders in its own row, and two schema_ids once in all rows.
	if got := searches.Load(); got > 5*rows {
		t.Errorf("%d searches for %d rows", got, rows)
	}
}

func TestWritingJSONIsBounded(t *testing.T) {
	t.Parallel()
	text := pyvalue.Str(strings.Repeat("\"", 1<<20))
	same := make([]pyvalue.Value, 1000)
	for i := range same {
		same[i] = text
	}
	for name, v := range map[string]pyvalue.Value{
		"a text many times": pyvalue.NewList(same...), "one text": pyvalue.Str(strings.Repeat("\x01", 8<<20)),
		"many": pyvalue.NewList(make([]pyvalue.Value, 1<<20)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := looked.EndsAt(t.Context(), 4)
			if _, err := AppendJSON(ctx, nil, v); !errors.Is(err, context.Canceled) || ctx.Looks() > 10 {
				t.Errorf("%v after %d looks", err, ctx.Looks())
			}
			const most = 4 << 20
			w := writer{ctx: t.Context(), meter: pyvalue.NewMeter(t.Context(), pyvalue.Limits{}), most: most}
			if err := w.value(v); !errors.Is(err, errJSONTooLarge) || len(w.out) > most+6*piece {
				t.Errorf("%d bytes, %v", len(w.out), err)
			}
		})
	}
}

func TestALargeTextIsWrittenAsASmallOne(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a", "é", "€\"\n", "😀", "\xff", "\xe2\x80", "\u2028", "a\xbf\xbf\xbf\xbf\xbf"} {
		for shift := range 5 {
			text := strings.Repeat("x", shift) + strings.Repeat(unit, 3*piece/len(unit))
			got, err := AppendJSON(t.Context(), nil, pyvalue.Str(text))
			if want := AppendText(nil, text); err != nil || string(got) != string(want) {
				t.Errorf("%q shifted by %d: %d bytes, want %d (%v)", unit, shift, len(got), len(want), err)
			}
		}
	}
}
