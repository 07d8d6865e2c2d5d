package steps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// atOnce answers every call without a network, so that what is measured is what
// the chain itself takes.
type atOnce struct{ calls int }

func (a *atOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	body := fmt.Sprintf(`{"id": "ERP-%s", "status": "done"}`, r.URL.Path[1:])
	return &http.Response{
		StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: r,
	}, nil
}

// eightCalls is a chain of a template and eight calls, each with its replies read
// into fields, and an evaluator; address and gate of each call are formulas over the
// reply of the one before.
func eightCalls(b *testing.B) (*pipeline.Chain, *rossumtest.Call) {
	b.Helper()
	list := []pipeline.Step{
		&steps.Purge{},
		&steps.CustomFormat{
			Exports: []steps.ExportConfig{
				{
					Key:      "invoice",
					Template: "{% for item in field.line_items %}{{ field.document_id }};{{ item.item_description }};{{ item.item_amount }}\n{% endfor %}",
				},
			},
		},
	}
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Field("id_0", "start"),
		rossumtest.Field("status_0", "201"),
		rossumtest.Offline(),
	)
	for i := 1; i <= 8; i++ {
		list = append(list,
			&steps.RESTExport{
				Key: "invoice", Condition: fmt.Sprintf("@{gate_%d}", i), Request: steps.Request{URL: fmt.Sprintf("https://erp.example@{path_%d}", i), Content: "#{file_content}"},
				HeadersKey: fmt.Sprintf("headers_%d", i), PayloadKey: fmt.Sprintf("reply_%d", i),
			},
			&steps.Extract{Sources: []steps.Source{
				{Key: fmt.Sprintf("headers_%d", i), Rules: []steps.ExtractRule{{Path: "status_code", TargetField: fmt.Sprintf("status_%d", i)}}},
				{Key: fmt.Sprintf("reply_%d", i), Rules: []steps.ExtractRule{{Path: "id", TargetField: fmt.Sprintf("id_%d", i)}}},
			}})
		formula := func(id, code string) rossumtest.Part {
			return rossumtest.FieldValue(
				id,
				rossumtest.Value{Text: map[bool]string{true: "/1"}[id == "path_1"] + map[bool]string{true: "yes"}[id == "gate_1"], Formula: code},
			)
		}
		call.With(rossumtest.Field(fmt.Sprintf("id_%d", i), ""), rossumtest.Field(fmt.Sprintf("status_%d", i), ""),
			formula(fmt.Sprintf("gate_%d", i), fmt.Sprintf("'yes' if field.status_%d == '201' else ''", i-1)),
			formula(fmt.Sprintf("path_%d", i), fmt.Sprintf("if is_set(field.id_%d):\n    f'/%d'\nelse:\n    ''", i-1, i)))
	}
	list = append(list, &steps.Evaluate{Check: steps.Check{Condition: "field.id_8 != 'ERP-8'"}})
	chain, err := pipeline.New(list...)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]rossumtest.TableRow, 10)
	for i := range rows {
		rows[i] = rossumtest.Row("item_description", fmt.Sprintf("Item %d", i), "item_amount", "12.50")
	}
	return chain, call.With(rossumtest.Table("line_items", rows...))
}

// BenchmarkEightCalls prints how many times as long as a program that is written by hand a
// chain takes to export an invoice of ten lines by eight calls, each of whose address and
// gate is a formula over the reply of the call before. Nothing goes over a network. Both
// sides parse the same body of a hook call, make the same CSV of it, post it eight times
// by the same client, read status and id of each reply, encode the answer of sixteen
// operations and log a line. The chain keeps the memory ledger and its report.
func BenchmarkEightCalls(b *testing.B) {
	chain, call := eightCalls(b)
	transport := &atOnce{}
	client, log := &http.Client{Transport: transport}, discardedLog()
	body := call.Bytes()
	journal, forget := memoryJournal(b)
	var runs int
	export := func() {
		p, err := rossum.ParsePayload(bytes.Clone(body))
		if err != nil {
			b.Fatal(err)
		}
		answer, err := chain.Export(b.Context(), p, pipeline.WithHTTPClient(client), pipeline.WithJournal(journal), pipeline.WithLogger(log),
			pipeline.WithReport(func(_ context.Context, r *pipeline.Report) {
				for _, s := range r.Steps {
					runs += s.FormulaRuns
				}
			}))
		if err != nil || answer.Failed() || len(answer.Operations) != 16 {
			b.Fatal(err, answer.Messages, len(answer.Operations))
		}
		if _, err := json.Marshal(answer); err != nil {
			b.Fatal(err)
		}
		forget()
	}
	export() // warm
	if transport.calls != 8 || runs != 14 {
		b.Fatalf("%d calls and %d runs of formulas for one export, want 8 and 14: each formula once", transport.calls, runs)
	}
	compare(b, "x-by-hand", 20, export, func() {
		if err := eightByHand(client, log, bytes.Clone(body)); err != nil {
			b.Fatal(err)
		}
	})
}

// eightByHand does what the chain of eightCalls does, as somebody would write it who knows
// the fields.
func eightByHand(client *http.Client, log *slog.Logger, body []byte) error {
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
	fields := make(map[string]handNode)
	for _, n := range p.Annotation.Content[0].Children {
		fields[n.SchemaID] = n
	}
	var csv bytes.Buffer
	for _, row := range fields["line_items"].Children {
		fmt.Fprintf(&csv, "%s;%s;%s\n", fields["document_id"].Content.Value, row.Children[0].Content.Value, row.Children[1].Content.Value)
	}
	answer := map[string]any{"messages": []any{}}
	var operations []any
	set := func(name, value string) {
		operations = append(
			operations,
			map[string]any{"op": "replace", "id": fields[name].ID, "value": map[string]any{"content": map[string]any{"value": value}}},
		)
	}
	id, status := fields["id_0"].Content.Value, fields["status_0"].Content.Value
	for i := 1; i <= 8 && id != "" && status == "201"; i++ {
		resp, err := client.Post(fmt.Sprintf("https://erp.example/%d", i), "text/csv", bytes.NewReader(csv.Bytes()))
		if err != nil {
			return err
		}
		var reply struct{ ID string }
		err = json.NewDecoder(resp.Body).Decode(&reply)
		_ = resp.Body.Close()
		if err != nil {
			return err
		}
		id, status = reply.ID, fmt.Sprint(resp.StatusCode)
		set(fmt.Sprintf("status_%d", i), status)
		set(fmt.Sprintf("id_%d", i), id)
	}
	if answer["operations"] = operations; id != "ERP-8" {
		answer["messages"] = []any{map[string]any{"type": "error", "content": "Export failed."}}
	}
	encoded, err := json.Marshal(answer)
	if err != nil || len(operations) != 16 {
		return fmt.Errorf("%d operations, %s, %w", len(operations), encoded, err)
	}
	log.Info("export", "annotation", p.Annotation.ID, "calls", 8, "took", time.Since(started))
	return nil
}
