package formula_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/oracle"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// queue is an invoice queue with the 88 formulas of testdata/formulas.json over a
// table of n rows: the same that testdata/bench.py has CPython compute.
func queue(b *testing.B, n int) *rossumtest.Call {
	b.Helper()
	data, err := os.ReadFile("testdata/formulas.json")
	if err != nil {
		b.Fatal(err)
	}
	var formulas []struct {
		ID, Type, Code string
		Row            bool
	}
	if err := json.Unmarshal(data, &formulas); err != nil || len(formulas) != 88 {
		b.Fatal(len(formulas), err)
	}
	c := rossumtest.Annotation(
		rossumtest.Field("document_id", "INV-2026-0042"), rossumtest.Field("order_id", "PO1-77"), rossumtest.Field("currency", "eur"),
		rossumtest.Number("amount_total", "1210.5", "1210.5"), rossumtest.FieldValue("rate", rossumtest.Value{Type: "number"}),
		rossumtest.Date("date_issue", "2026-11-20", "2026-11-20"), rossumtest.Field("reply", `{"id": "ERP-7"}`))
	rows := make([]rossumtest.TableRow, n)
	for i := range rows {
		quantity, price := float64(i%5), 2.5*float64(i%11)
		text := func(f float64) rossumtest.Value { return number(strconv.FormatFloat(f, 'f', -1, 64)) }
		rows[i] = rossumtest.Row("item_code", fmt.Sprintf("C%d", i%7), "item_description", fmt.Sprintf("Item  number %d", i)).
			Typed("item_quantity", text(quantity)).Typed("item_price", text(price)).Typed("item_amount", text(quantity*price))
	}
	for _, f := range formulas {
		if !f.Row {
			c.With(rossumtest.FieldValue(f.ID, rossumtest.Value{Type: f.Type, Formula: f.Code}))
			continue
		}
		for i := range rows {
			rows[i] = rows[i].Typed(f.ID, rossumtest.Value{Type: f.Type, Formula: f.Code})
		}
	}
	return c.With(rossumtest.Table("line_items", rows...))
}

// race runs both in turn, so that what else the machine does slows both, and reports
// the median of ours in milliseconds, and how many times as long CPython's is. It returns
// the medians of what prepare took, of ours, and of the numbers that CPython prints, of
// which the first counts.
func race(b *testing.B, cpython *oracle.Script, prepare, ours func()) (prepared, took float64, theirs []float64) {
	b.Helper()
	var before, own []float64
	var others [][]float64
	for b.Loop() {
		b.StopTimer()
		for i, text := range strings.Fields(string(cpython.Line(""))) {
			ms, err := strconv.ParseFloat(text, 64)
			if err != nil {
				b.Fatal(err)
			}
			if i == len(others) {
				others = append(others, nil)
			}
			others[i] = append(others[i], ms)
		}
		started := time.Now()
		prepare()
		before = append(before, time.Since(started).Seconds()*1000)
		b.StartTimer()
		started = time.Now()
		ours()
		own = append(own, time.Since(started).Seconds()*1000)
	}
	for _, list := range others {
		theirs = append(theirs, median(list))
	}
	prepared, took = median(before), median(own)
	b.ReportMetric(took, "ms/op")
	b.ReportMetric(theirs[0]/took, "x-CPython")
	return prepared, took, theirs
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkFormulas computes all 88 formulas of a queue, and compares with CPython
// computing the same in the same run. Both begin with a document that is in memory, so
// that neither figure has JSON in it. Ours writes the values into the content, with the
// record of each change; CPython leaves each in a variable, and writes nothing.
func BenchmarkFormulas(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("%d-rows", n), func(b *testing.B) {
			call := queue(b, n)
			set, raw := compile(b, call.Payload()), call.Bytes()
			var content *rossum.Content
			prepare := func() { content = parsed(b, raw).Annotation.Content }
			ours := func() {
				if _, err := set.Run(b.Context(), content, nil, formula.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			prepare()
			ours()
			cpython := oracle.Need(b).Start("testdata/bench.py", strconv.Itoa(n))
			cpython.Line("")
			b.ReportAllocs()
			race(b, cpython, prepare, ours)
		})
	}
}

func parsed(b *testing.B, raw []byte) *rossum.Payload {
	b.Helper()
	p, err := rossum.ParsePayload(raw)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkFunction calls a function hook of 60 lines over 100 rows, and compares with
// CPython calling the same in the same run. There are three ways to look at it:
//
//   - x-CPython is a hook of a chain. CPython's figure has the reading of the payload in it,
//     which comes to every hook as JSON. Ours has not, since a chain reads it once for all
//     of its hooks; but it makes the dicts that the function looks at, from JSON.
//   - x-CPython-reading is a chain of that one hook: ours has the reading in it as well.
//   - x-CPython-called is the function alone: CPython's figure begins when all dicts are
//     made, and ours still makes those that it needs.
func BenchmarkFunction(b *testing.B) {
	code, err := os.ReadFile("testdata/function.py")
	if err != nil {
		b.Fatal(err)
	}
	f, err := formula.CompileFunction(string(code))
	if err != nil {
		b.Fatal(err)
	}
	raw := invoice(100)
	line := strings.TrimSpace(string(raw))
	var want []rossum.Message
	if err := json.Unmarshal(oracle.Need(b).Start("testdata/bench_function.py", "messages").Line(line), &want); err != nil {
		b.Fatal(err)
	}
	var p *rossum.Payload
	var messages []rossum.Message
	prepare := func() { p, messages = parsed(b, raw), nil }
	ours := func() {
		if err := f.Run(b.Context(), p, formula.FunctionOptions{Show: func(m rossum.Message) { messages = append(messages, m) }}); err != nil {
			b.Fatal(err)
		}
	}
	prepare()
	if ours(); !slices.Equal(messages, want) {
		b.Fatalf("the messages differ from CPython's:\n%v\n%v", messages, want)
	}
	cpython := oracle.Need(b).Start("testdata/bench_function.py")
	cpython.Line(line + "\n")
	read, took, theirs := race(b, cpython, prepare, ours)
	b.ReportMetric(theirs[0]/(read+took), "x-CPython-reading")
	b.ReportMetric(theirs[1]/took, "x-CPython-called")
}

// invoice is a payload with n rows, some of which are wrong.
func invoice(n int) []byte {
	var rows []rossumtest.TableRow
	total := 0.0
	for i := range n {
		quantity, price := float64(i%7), 1.25*float64(i%13)
		amount := quantity * price
		total += amount
		if i%10 == 3 {
			amount++
		}
		text := func(f float64) rossumtest.Value { return number(strconv.FormatFloat(f, 'f', -1, 64)) }
		rows = append(rows, rossumtest.Row(
			"item_code", []string{
				"ab 1", "C-77", "é", "x_9y",
			}[i%4], "item_unit", []string{"pcs", "KG ", "box", "h"}[i%4], "item_description", fmt.Sprint("Item ", i)).
			Typed("item_quantity", text(quantity)).Typed("item_price", text(price)).Typed("item_amount", text(amount)))
	}
	return rossumtest.Annotation(rossumtest.Field("document_id", "INV-1"), rossumtest.Date("date_issue", "2026-11-20", "2026-11-20"),
		rossumtest.Number("amount_total", fmt.Sprint(total), fmt.Sprint(total)), rossumtest.Table("line_items", rows...)).Bytes()
}
