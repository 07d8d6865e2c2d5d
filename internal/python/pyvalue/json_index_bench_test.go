package pyvalue

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// BenchmarkIndex prints how long it takes to index a reply of small objects, and to look
// into each of them, in terms of the time in which encoding/json checks the reply.
func BenchmarkIndex(b *testing.B) {
	for name, text := range map[string]string{
		"small-objects": `[` + strings.Repeat(`{"id":1},`, 400_000) + `{"id":2}]`,
		"rows":          `[` + strings.Repeat(`{"id":12345,"name":"a line","ok":true},`, 100_000) + `{"id":2}]`,
		"lists":         `[` + strings.Repeat(`[[[],[]],{"":0}],`, 200_000) + `1]`,
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(text)
			checked, indexed, walked := time.Hour, time.Hour, time.Hour
			for b.Loop() {
				started := time.Now()
				json.Valid(data)
				checked = min(checked, time.Since(started))

				started = time.Now()
				v, err := IndexReply(b.Context(), data, true)
				indexed = min(indexed, time.Since(started))
				if err != nil {
					b.Fatal(err)
				}

				started = time.Now()
				p, _ := v.Part()
				err = p.Each(nil, func(item Value) error {
					inner, ok := item.Part()
					if ok && !inner.IsList() {
						_, _, err := inner.Member(nil, "id")
						return err
					}
					return nil
				})
				walked = min(walked, time.Since(started))
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(indexed.Seconds()/checked.Seconds(), "of-checking")
			b.ReportMetric(walked.Seconds()/checked.Seconds(), "of-checking-to-walk")
		})
	}
}
