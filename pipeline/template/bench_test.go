package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/template"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
)

// BenchmarkCompileQueue compiles what a large queue has: 88 formulas, a function hook of
// 60 lines, ten Jinja2 templates of 150 lines and ten JSON templates of 100 keys. It
// prints the milliseconds, the median.
func BenchmarkCompileQueue(b *testing.B) {
	const formulas = "../../rossum/formula/testdata/"
	schema := schemaOf(b, formulas+"formulas.json")
	function, err := os.ReadFile(formulas + "function.py")
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	round := 0
	for b.Loop() {
		round++
		started := time.Now()
		if _, err := formula.Compile(schema); err != nil {
			b.Fatal(err)
		}
		if _, err := formula.CompileFunction(string(function)); err != nil {
			b.Fatal(err)
		}
		for i := range 10 { // none is like another one
			if _, err := template.CompileJinja(jinjaOf(round, i), template.Options{}); err != nil {
				b.Fatal(err)
			}
			if _, err := template.CompileJSON(jsonOf(round, i), template.Options{}); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms/queue")
}

func schemaOf(b *testing.B, path string) *rossum.Schema {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	var list []struct {
		ID, Type, Code string
		Row            bool
	}
	if err := json.Unmarshal(data, &list); err != nil {
		b.Fatal(err)
	}
	field := func(id, kind, code string) rossum.SchemaField {
		return rossum.SchemaField{ID: id, Category: "datapoint", Type: kind, Formula: code}
	}
	header := []rossum.SchemaField{
		field("document_id", "string", ""), field("order_id", "string", ""), field("currency", "string", ""), field("amount_total", "number", ""),
		field("rate", "number", ""), field("date_issue", "date", ""), field("reply", "string", ""),
	}
	cells := []rossum.SchemaField{
		field(
			"item_code",
			"string",
			"",
		), field("item_description", "string", ""), field("item_quantity", "number", ""), field("item_price", "number", ""),
		field("item_amount", "number", ""),
	}
	for _, f := range list {
		if f.Row {
			cells = append(cells, field(f.ID, f.Type, f.Code))
		} else {
			header = append(header, field(f.ID, f.Type, f.Code))
		}
	}
	row := rossum.SchemaField{ID: "line_item", Category: "tuple", Children: cells}
	table := rossum.SchemaField{ID: "line_items", Category: "multivalue", Children: []rossum.SchemaField{row}}
	section := rossum.SchemaField{ID: "section", Category: "section", Children: append(header, table)}
	return &rossum.Schema{Content: []rossum.SchemaField{section}}
}

func jinjaOf(round, n int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "{# template %d.%d #}\n<invoice>\n", round, n)
	for i := range 100 {
		fmt.Fprintf(&out, "  <h%d>{%% if field.h%d %%}{{ field.h%d|upper|e }}{%% else %%}-{%% endif %%}</h%d>\n", i, i, i, i)
	}
	out.WriteString("{% for item in field.line_items %}\n")
	for i := range 45 {
		fmt.Fprintf(&out, "  <c%d n=\"{{ loop.index }}\">{{ '%%.2f'|format(item.c%d|float * %d) }}</c%d>\n", i, i, i, i)
	}
	return out.String() + "{% endfor %}\n</invoice>\n"
}

func jsonOf(round, n int) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, `{"template":"%d.%d"`, round, n)
	for i := range 50 {
		fmt.Fprintf(&out, `,"h%d":"@{header_%d}"`, i, i)
	}
	out.WriteString(`,"lines":{"$FOR_EACH_SCHEMA_ID$":{"schema_id":"line_item","mapping":{"code":"@{item_code}"`)
	for i := range 50 {
		fmt.Fprintf(&out, `,"c%d":"@{cell_%d}"`, i, i)
	}
	return []byte(out.String() + `}}}}`)
}
