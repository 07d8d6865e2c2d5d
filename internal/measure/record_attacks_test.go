package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// recordAttacks read back what a run has left on the ledger: what a person looks at, and
// what a process goes on with that takes the run over.
func recordAttacks() []row {
	recorded := func(name string, call func() *rossumtest.Call, steps func(t testing.TB) []pipeline.Step) row {
		return attack("a run on the ledger, "+name, 500, func(t testing.TB) func(context.Context) error {
			return readsBack(t, call(), steps(t)...)
		})
	}
	small := func() *rossumtest.Call { return rossumtest.Annotation(rossumtest.Offline()) }
	replied := func(pattern string, size int64) func(t testing.TB) []pipeline.Step {
		return func(t testing.TB) []pipeline.Step {
			return []pipeline.Step{&steps.RESTExport{
				Request: steps.Request{URL: replies(t, "text/plain", "", pattern, "", size), Method: "POST"}, PayloadKey: "reply",
			}}
		}
	}
	posts := func(t testing.TB) []pipeline.Step {
		data := `[` + strings.Repeat(`{"$DATAPOINT_VALUE$":{"schema_id":"large"}},`, 9) + `1]`
		return []pipeline.Step{&steps.RESTExport{Request: steps.Request{URL: accepting(t), Method: "POST", Data: json.RawMessage(data)}}}
	}
	says := func(testing.TB) []pipeline.Step {
		return []pipeline.Step{pipeline.Named("talk", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			for i := range 100_000 {
				x.Warn("message %d of a step that has much to say, and says it all", i)
			}
			return nil
		}))}
	}
	calls := func(t testing.TB) []pipeline.Step {
		url := accepting(t)
		list := make([]pipeline.Step, 2000)
		for i := range list {
			list[i] = pipeline.Named(fmt.Sprint("step ", i), &steps.RESTExport{
				Request: steps.Request{URL: url, Method: "POST", Content: strings.Repeat("body ", 1000)},
			})
		}
		return list
	}
	return []row{
		recorded("a reply of 10 MB", small, replied("text ", 10*mb)),
		recorded("a reply of 60 MB", small, replied("text ", large)),
		recorded("a reply of 60 MB of quotes", small, replied("\"\x01", large)),
		recorded("a hook call of 10 MB", func() *rossumtest.Call {
			return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("large", strings.Repeat("text ", 2*mb)))
		}, says),
		recorded("a body of 10 MB", func() *rossumtest.Call {
			return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("large", strings.Repeat("\"", mb)))
		}, posts),
		recorded("100,000 messages", small, says),
		recorded("2,000 calls", small, calls),
	}
}

// readsBack exports with a ledger, and reads what is there by then: how the run ended, what
// it was called with, and what else there is for those who go on with one.
func readsBack(t testing.TB, call *rossumtest.Call, steps ...pipeline.Step) func(context.Context) error {
	t.Helper()
	ledger, err := folderledger.Open(t.TempDir(), folderledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	journal, err := pipeline.NewJournal(ledger, pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte(strings.Repeat("k", 32))}})
	if err != nil {
		t.Fatal(err)
	}
	payload := call.Payload()
	chain, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chain.Export(t.Context(), payload, pipeline.WithJournal(journal)); err != nil {
		t.Fatal(err)
	}
	run, ok, err := journal.Latest(t.Context(), pipeline.RunKeyOf(payload))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	return func(ctx context.Context) error {
		if _, err := journal.Outcome(ctx, run.ID); err != nil {
			return err
		}
		_, _, err := journal.Call(ctx, run.ID)
		return err
	}
}
