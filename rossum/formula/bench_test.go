package formula_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

func cpython(b *testing.B, n int) float64 {
	b.Helper()
	out, err := osexec.Command("/usr/bin/python3", "testdata/bench.py", strconv.Itoa(n)).Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatalf("python3 is missing, and CI must compare with it: %v", err)
		}
		b.Skip("python3 is missing; install it to compare with CPython")
	}
	ms, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		b.Fatal(err)
	}
	return ms
}

// BenchmarkFormulas computes all 88 formulas of a queue, and compares with CPython
// computing the same in the same run: the medians of both.
func BenchmarkFormulas(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("%d-rows", n), func(b *testing.B) {
			call := queue(b, n)
			set, raw := compile(b, call.Payload()), call.Bytes()
			theirs := cpython(b, n)
			var took []time.Duration
			once := func() {
				b.StopTimer()
				p, err := rossum.ParsePayload(raw)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				started := time.Now()
				if _, err := set.Run(b.Context(), p.Annotation.Content, nil, formula.Options{}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(started))
			}
			once() // warm
			took = nil
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				once()
			}
			b.StopTimer()
			slices.Sort(took)
			ms := took[len(took)/2].Seconds() * 1000
			b.ReportMetric(ms, "ms/all-88")
			b.ReportMetric(theirs/ms, "x-CPython")
		})
	}
}

// BenchmarkFunction calls a function hook of 60 lines over 100 rows, and compares with
// CPython calling the same in the same run: the medians of both. Both read the payload
// from JSON.
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
	theirs := callInCPython(b, raw)
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		p, err := rossum.ParsePayload(raw)
		if err != nil {
			b.Fatal(err)
		}
		var messages []rossum.Message
		b.StartTimer()
		started := time.Now()
		if err := f.Run(b.Context(), p, formula.FunctionOptions{Show: func(m rossum.Message) { messages = append(messages, m) }}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(started))
		if !slices.Equal(messages, theirs.Messages) {
			b.Fatalf("the messages differ from CPython's:\n%v\n%v", messages, theirs.Messages)
		}
	}
	slices.Sort(took)
	ms := took[len(took)/2].Seconds() * 1000
	b.ReportMetric(ms, "ms/call")
	b.ReportMetric(theirs.MS/ms, "x-CPython")
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
			"item_code", []string{"ab 1", "C-77", "é", "x_9y"}[i%4], "item_unit", []string{"pcs", "KG ", "box", "h"}[i%4], "item_description", fmt.Sprint("Item ", i)).
			Typed("item_quantity", text(quantity)).Typed("item_price", text(price)).Typed("item_amount", text(amount)))
	}
	return rossumtest.Annotation(rossumtest.Field("document_id", "INV-1"), rossumtest.Date("date_issue", "2026-11-20", "2026-11-20"),
		rossumtest.Number("amount_total", fmt.Sprint(total), fmt.Sprint(total)), rossumtest.Table("line_items", rows...)).Bytes()
}

type called struct {
	MS       float64
	Messages []rossum.Message
}

func callInCPython(b *testing.B, payload []byte) (c called) {
	b.Helper()
	command := osexec.Command("/usr/bin/python3", "testdata/bench_function.py")
	command.Stdin = bytes.NewReader(payload)
	out, err := command.Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.Fatalf("python3 is missing, and CI must compare with it: %v", err)
		}
		b.Skip("python3 is missing; install it to compare with CPython")
	}
	if err := json.Unmarshal(out, &c); err != nil {
		b.Fatal(err)
	}
	return c
}
