package requestprocessor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// benchCalls is how many calls a run makes.
const benchCalls = 10

// invoiceOf returns a hook call with so many lines.
func invoiceOf(lines int) []byte {
	rows := make([]rossumtest.TableRow, lines)
	for i := range rows {
		rows[i] = rossumtest.Row("item", fmt.Sprintf("Item %d", i), "qty", "3", "total", "12.50")
	}
	return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("number", "2026/0042"), rossumtest.Number("total", "1,234.50", "1234.50"),
		rossumtest.Field("status", ""), rossumtest.Field("remote_id", ""), rossumtest.Table("lines", rows...)).
		Bytes()
}

// BenchmarkAgainstNetHTTP compares the processor time of a whole run, from the bytes of
// the hook call to those of the answer, with that of a program that makes the same calls
// by hand. Neither of them writes a log.
func BenchmarkAgainstNetHTTP(b *testing.B) {
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id": "ERP-1", "status": "created"}`)
	}))
	defer api.Close()
	calls := make([]string, benchCalls)
	for i := range calls {
		calls[i] = `{"name":"c","request":{"url":"` + api.URL + `/invoices","method":"POST","content_type":"json","content":{"number":"{field.number}","total":"{field.total}"}},
			"response_handlers":[{"target_type":"property","target_key":"id","value":{"response.body":{"$jmespath":"id"}}}]}`
	}
	s := step(b, nil, `{"stages":[{"call_api":[`+strings.Join(calls, ",")+`]}]}`)
	chain, err := pipeline.New(s)
	if err != nil {
		b.Fatal(err)
	}
	for _, lines := range []int{10, 100, 1000} {
		data := invoiceOf(lines)
		ours := func() error {
			payload, err := rossum.ParsePayload(bytes.Clone(data))
			if err != nil {
				return err
			}
			r, err := chain.Export(
				context.Background(), payload, pipeline.WithHTTPClient(api.Client()), pipeline.WithLogger(slog.New(slog.DiscardHandler)),
			)
			if err != nil || r.Failed() {
				return fmt.Errorf("%w: %v", err, r)
			}
			_, err = json.Marshal(r)
			return err
		}
		b.Run(fmt.Sprintf("%d lines", lines), func(b *testing.B) {
			var byHand, whole time.Duration // of the processor, the API's own included
			b.ReportAllocs()
			for b.Loop() {
				began := processorTime()
				if err := ours(); err != nil {
					b.Fatal(err)
				}
				whole += processorTime() - began
				b.StopTimer()
				began = processorTime()
				if err := handWritten(api.Client(), api.URL+"/invoices", data); err != nil {
					b.Fatal(err)
				}
				byHand += processorTime() - began
				b.StartTimer()
			}
			b.ReportMetric(whole.Seconds()*1000/float64(b.N), "cpu-ms/run")
			b.ReportMetric(whole.Seconds()/byHand.Seconds(), "x-of-net/http")
		})
	}
}

// handWritten reads the hook call, makes the calls, and reads their replies.
func handWritten(client *http.Client, url string, data []byte) error {
	var payload struct {
		Annotation struct {
			Content []struct {
				Children []struct {
					SchemaID string `json:"schema_id"`
					Content  struct {
						Value      string `json:"value"`
						Normalized string `json:"normalized_value"`
					} `json:"content"`
				} `json:"children"`
			} `json:"content"`
		} `json:"annotation"`
	}
	if err := json.Unmarshal(data, &payload); err != nil {
		return err
	}
	fields := make(map[string]string)
	for _, section := range payload.Annotation.Content {
		for _, field := range section.Children {
			fields[field.SchemaID] = field.Content.Value
		}
	}
	for range benchCalls {
		body, err := json.Marshal(map[string]any{"number": fields["number"], "total": fields["total"]})
		if err != nil {
			return err
		}
		resp, err := client.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		var reply struct{ ID string }
		err = json.NewDecoder(resp.Body).Decode(&reply)
		resp.Body.Close()
		if err != nil || reply.ID == "" {
			return fmt.Errorf("%w: no id", err)
		}
	}
	return nil
}
