package steps_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// BenchmarkChain prints how many times as long as hand-written net/http and
// encoding/json a chain takes to make JSON of an invoice of ten rows, post it to a
// server on the loopback, read the reply and answer the hook call. Both sides parse the
// same body of a hook call (a copy of their own, as a server reads it), check nothing of
// its signature, post by the same client, read status and id of the reply, encode the
// answer and log a line. The chain does so from settings, with the memory ledger, its
// schema checks and its report; by hand there is nothing of that.
func BenchmarkChain(b *testing.B) {
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"id":"ERP-1"}`)
	}))
	defer erp.Close()
	parts := []rossumtest.Part{
		rossumtest.Field("document_id", "1"),
		rossumtest.Field("erp_id", ""),
		rossumtest.Field("erp_status", ""),
		rossumtest.Offline(),
	}
	var rows []rossumtest.TableRow
	for i := range 10 {
		rows = append(rows, rossumtest.Row("item_code", fmt.Sprint("code ", i), "item_qty", "1", "item_amount", "12.50"))
	}
	body := rossumtest.Annotation(append(parts, rossumtest.Table("line_items", rows...))...).Bytes()
	chain, err := pipeline.New(
		&steps.CustomFormat{
			Exports: []steps.ExportConfig{
				{
					Key: "k",
					Template: `{"number": {{ field.document_id|tojson }}, "lines": [{% for i in field.line_items %}{"code": {{ ` +
						`i.item_code|tojson }}, "qty": {{ i.item_qty }}, "amount": {{ i.item_amount }}}{{ "," if not loop.last ` +
						`}}{% endfor %}]}`,
				},
			},
		},
		&steps.RESTExport{
			Key:        "k",
			Request:    steps.Request{URL: erp.URL, Content: "#{file_content}", Headers: map[string]string{"Content-Type": "application/json"}},
			HeadersKey: "h",
			PayloadKey: "p",
		},
		&steps.Extract{
			Sources: []steps.Source{
				{Key: "h", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "erp_status"}}},
				{Key: "p", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}},
			},
		},
		&steps.Evaluate{Check: steps.Check{Condition: "field.erp_status != '201'"}},
	)
	if err != nil {
		b.Fatal(err)
	}
	client := erp.Client()
	log := discardedLog()
	journal, forget := memoryJournal(b)
	compare(b, "x-vs-handwritten", 20, func() {
		p, err := rossum.ParsePayload(bytes.Clone(body))
		if err != nil {
			b.Fatal(err)
		}
		response, err := chain.Export(b.Context(), p, pipeline.WithHTTPClient(client), pipeline.WithJournal(journal), pipeline.WithLogger(log))
		if err != nil || len(response.Operations) != 2 {
			b.Fatal(err, response)
		}
		forget()
		if _, err := json.Marshal(response); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if err := byHand(client, log, erp.URL, bytes.Clone(body)); err != nil {
			b.Fatal(err)
		}
	})
}

// discardedLog writes lines as a service does, to nowhere.
func discardedLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// memoryJournal keeps runs in memory. forget removes those that have ended, as a server does.
func memoryJournal(b *testing.B) (j *pipeline.Journal, forget func()) {
	b.Helper()
	ledger := pipeline.MemoryLedger()
	j, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return j, func() {
		if _, err := ledger.Expire(b.Context(), 0); err != nil {
			b.Fatal(err)
		}
	}
}

// compare reports how many times as long ours takes as theirs. They take turns, n times
// each, and the fastest turns count: what else the machine does disturbs both.
func compare(b *testing.B, unit string, n int, ours, theirs func()) {
	b.Helper()
	turn := func(f func()) time.Duration {
		started := time.Now()
		for range n {
			f()
		}
		return time.Since(started)
	}
	turn(ours) // connections and caches are warm then
	turn(theirs)
	best, bestOfTheirs := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		for range 5 {
			best, bestOfTheirs = min(best, turn(ours)), min(bestOfTheirs, turn(theirs))
		}
	}
	b.ReportMetric(float64(best.Microseconds())/float64(n), "µs/export")
	b.ReportMetric(float64(best)/float64(bestOfTheirs), unit)
}

// handNode is what a program by hand reads of a field.
type handNode struct {
	ID       int64  `json:"id"`
	SchemaID string `json:"schema_id"`
	Content  struct {
		Value string `json:"value"`
	} `json:"content"`
	Children []handNode `json:"children"`
}

// byHand does what the chain does, as somebody would write it for one hook.
func byHand(client *http.Client, log *slog.Logger, url string, body []byte) error {
	started := time.Now()
	var p struct {
		Annotation struct {
			ID      int64      `json:"id"`
			Content []handNode `json:"content"`
		} `json:"annotation"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	type line struct {
		Code   string      `json:"code"`
		Qty    json.Number `json:"qty"`
		Amount json.Number `json:"amount"`
	}
	var invoice struct {
		Number string `json:"number"`
		Lines  []line `json:"lines"`
	}
	ids := make(map[string]int64)
	for _, n := range p.Annotation.Content[0].Children {
		ids[n.SchemaID] = n.ID
		if n.SchemaID == "document_id" {
			invoice.Number = n.Content.Value
		}
		for _, row := range n.Children {
			invoice.Lines = append(
				invoice.Lines,
				line{row.Children[0].Content.Value, json.Number(row.Children[1].Content.Value), json.Number(row.Children[2].Content.Value)},
			)
		}
	}
	data, err := json.Marshal(invoice)
	if err != nil {
		return err
	}
	resp, err := client.Post(url, "application/json", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var created struct{ ID string }
	if err := json.Unmarshal(reply, &created); err != nil {
		return err
	}
	replace := func(id int64, value string) map[string]any {
		return map[string]any{"op": "replace", "id": id, "value": map[string]any{"content": map[string]any{"value": value}}}
	}
	answer := map[string]any{
		"messages":   []any{},
		"operations": []any{replace(ids["erp_id"], created.ID), replace(ids["erp_status"], fmt.Sprint(resp.StatusCode))},
	}
	if resp.StatusCode != 201 {
		answer["messages"] = []any{map[string]any{"type": "error", "content": "Export failed."}}
	}
	if _, err = json.Marshal(answer); err != nil {
		return err
	}
	log.Info("export", "annotation", p.Annotation.ID, "status", resp.StatusCode, "took", time.Since(started))
	return nil
}
