package rossum

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// wideInvoice makes a payload of rows × columns datapoints, each with the keys
// and roughly the size of a real one.
func wideInvoice(rows, columns int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"request_id":"f3a1","base_url":"https://acme.rossum.app","rossum_authorization_token":"t","event":"annotation_content","action":"export","annotation":{"id":1,"url":"https://acme.rossum.app/api/v1/annotations/1","status":"exporting","content":[`)
	b.WriteString(`{"id":1,"schema_id":"line_items_section","category":"section","children":[{"id":2,"schema_id":"line_items","category":"multivalue","children":[`)
	id := 3
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"url":"https://acme.rossum.app/api/v1/annotations/1/content/%d","schema_id":"line_item","category":"tuple","children":[`, id, id)
		id++
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":%d,"url":"https://acme.rossum.app/api/v1/annotations/1/content/%d","content":{"value":"1,234.%02d","normalized_value":"1234.%02d","page":1,"position":[101,202,303,404],"rir_text":"1,234.%02d","rir_page":1,"rir_position":[101,202,303,404],"rir_confidence":0.9876543,"ocr_text":"1,234.%02d","ocr_raw_text":"1,234.%02d","ocr_position":[101,202,303,404],"connector_position":null,"connector_text":null},"category":"datapoint","schema_id":"item_column_%02d","validation_sources":["score","checks"],"time_spent":0.0,"time_spent_overall":0.0,"time_spent_grand_total":0.0,"hidden":false,"options":null}`, id, id, c, c, c, c, c, c)
			id++
		}
		b.WriteString("]}")
	}
	b.WriteString("]}]}]}}")
	return b.Bytes()
}

// BenchmarkParsePayload prints how many times as fast as encoding/json into a
// map[string]any the payload of a very wide invoice is parsed, and the share of
// allocations and of live memory that it needs.
func BenchmarkParsePayload(b *testing.B) {
	body := wideInvoice(1000, 60)
	measure := func(parse func() any) (time.Duration, float64, float64) {
		runtime.GC()
		var before, after, live runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		v := parse()
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		runtime.GC()
		runtime.ReadMemStats(&live)
		runtime.KeepAlive(v)
		return took, float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc-before.TotalAlloc) + float64(len(body))
	}
	stdTime, stdAllocs, _ := measure(func() any {
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			b.Fatal(err)
		}
		return v
	})
	var ours time.Duration
	var allocs, memory float64
	for b.Loop() {
		var took time.Duration
		took, allocs, memory = measure(func() any {
			p, err := ParsePayload(body)
			if err != nil {
				b.Fatal(err)
			}
			return p
		})
		ours += took
	}
	b.SetBytes(int64(len(body)))
	b.ReportMetric(float64(stdTime)/(float64(ours)/float64(b.N)), "x-vs-encoding/json")
	b.ReportMetric(allocs/stdAllocs, "allocs-share")
	b.ReportMetric(memory/float64(len(body)), "memory-vs-body")
}

// BenchmarkFieldWrites prints the time of a write on an annotation of 1,000
// rows relative to one on 100 rows: 1 is linear.
func BenchmarkFieldWrites(b *testing.B) {
	write := func(rows int) time.Duration {
		p, err := ParsePayload(wideInvoice(rows, 10))
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		for i, n := range p.Annotation.Content.Find("item_column_00") {
			if err := n.SetValue(fmt.Sprint(i)); err != nil {
				b.Fatal(err)
			}
		}
		if got := len(p.Annotation.Content.Operations()); got != rows {
			b.Fatalf("%d operations for %d rows", got, rows)
		}
		return time.Since(start)
	}
	var small, large time.Duration
	for b.Loop() {
		for range 10 {
			small += write(100)
		}
		large += write(1000)
	}
	b.ReportMetric(float64(large)/float64(small), "x-vs-linear")
}
