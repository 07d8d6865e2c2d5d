package messages

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

// does is a step of a program's own.
func does(do func(ctx context.Context, x *pipeline.Export) error) pipeline.Step {
	return pipeline.Named("own", pipeline.StepFunc(do))
}

func ofPipeline(t *testing.T) []shown {
	t.Helper()
	put := func(key string) pipeline.Step {
		return does(func(ctx context.Context, x *pipeline.Export) error { return x.Files.Put(ctx, pipeline.File{Key: key}) })
	}
	built := func(steps ...pipeline.Step) string {
		_, err := pipeline.New(steps...)
		return said(err)
	}
	payload := func(text string) string {
		_, err := rossum.ParsePayload([]byte(text))
		return said(err)
	}
	fails := does(func(context.Context, *pipeline.Export) error { return errors.New("the file is not there") })
	return []shown{
		{"a nil step", built(nil)},
		{"a condition that is cut short", built(expression.When("field.vendor ==", fails))},
		{"a key that two steps have", built(pipeline.Keyed("a", fails), pipeline.Keyed("a", put("k")))},
		{"a payload that is not JSON", payload("hello")},
		{"an empty payload", payload("")},
		{"a payload that is cut short", payload(`{"annotation":{"id":1`)},
		{"a payload without an annotation", ofPayload(t, `{"event":"annotation_content","action":"export"}`)},
		{"a node of the content without an id", payload(`{"annotation":{"id":1,"content":[{"schema_id":"s","category":"section"}]}}`)},
		{
			"two nodes with one id",
			payload(
				`{"annotation":{"id":1,"content":[{"id":2,"schema_id":"s","category":"section"},{"id":2,"schema_id":"t","category":"section"}]}}`,
			),
		},
		{"a step that fails", ofRun(t, annotation(), fails)},
		{"a step that panics", ofRun(t, annotation(), does(func(context.Context, *pipeline.Export) error { panic("out of range") }))},
		{
			"a field that the annotation lacks",
			ofRun(t, annotation(), does(func(_ context.Context, x *pipeline.Export) error { return x.Set("vendr", "") })),
		},
		{"a field of a table", ofRun(t, annotation(rossumtest.Table("taxes", rossumtest.Row("rate", "1"), rossumtest.Row("rate", "2"))),
			does(func(_ context.Context, x *pipeline.Export) error { return x.Set("rate", "") }))},
		{"a file that nothing made", ofRun(t, annotation(), does(func(ctx context.Context, x *pipeline.Export) error {
			_, err := x.Files.Get(ctx, "csv")
			return err
		}))},
		{"a file without a key", ofRun(t, annotation(), put(""))},
		{
			"an annotation without content",
			ofRun(
				t,
				annotation(rossumtest.WithoutContent()),
				does(func(_ context.Context, x *pipeline.Export) error { return x.Set("vendor", "") }),
			),
		},
		{"a call that was made before a step failed", ofRun(t, annotation(), posts(nil), fails)},
		{"a check against the schema", ofCheck(t)},
		{"an export that takes too long", ofTimeout(t)},
	}
}

// posts is a step that makes a call, which fails with err.
func posts(err error) pipeline.Step {
	return pipeline.Named("post", pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := x.Once(
			ctx,
			pipeline.Act{Call: "request", What: "POST https://erp.example/invoices"},
			func(context.Context, pipeline.Attempt) (*pipeline.Reply, error) {
				return &pipeline.Reply{Status: http.StatusCreated, Body: []byte(`{"id":7}`)}, err
			},
		)
		return err
	}))
}

func ofPayload(t *testing.T, text string) string {
	t.Helper()
	p, err := rossum.ParsePayload([]byte(text))
	if err != nil {
		return said(err)
	}
	_, err = chainOf(t).Export(t.Context(), p, pipeline.WithLogger(nil))
	return said(err)
}

// schemaOf is the schema of a queue with the fields of annotation.
func schemaOf(t *testing.T) *rossum.Schema {
	t.Helper()
	schema := new(rossum.Schema)
	if err := json.Unmarshal([]byte(`{"content": [{"category": "section", "id": "s", "children": [{"category": "datapoint", "id": "vendor"},
		{"category": "datapoint", "id": "erp_id", "ui_configuration": {"type": "formula"}, "formula": "field.vendr + 1"}]}]}`), schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// ofCheck is what a check finds before anything runs.
func ofCheck(t *testing.T) string {
	t.Helper()
	c := chainOf(t, &steps.Purge{ResetFields: []string{"erp_idd"}},
		&steps.RESTExport{Key: "csv", Request: steps.Request{URL: "https://erp.example/@{vendr}", Content: "#{file_content} {secret.token}"}},
		&steps.Evaluate{Check: steps.Check{Condition: "field.vendr == ''"}})
	var all []string
	for _, f := range c.Check(schemaOf(t)) {
		all = append(all, string(f.Severity)+": "+f.Error())
	}
	return strings.Join(all, "\n")
}

func ofTimeout(t *testing.T) (text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		slow := does(func(ctx context.Context, _ *pipeline.Export) error { <-ctx.Done(); return context.Cause(ctx) })
		response, _ := chainOf(t, slow).Export(t.Context(), annotation().Payload(), pipeline.WithLogger(nil), pipeline.WithTimeout(time.Minute))
		text = lines(response.Messages)
	})
	return text
}

func journalOf(t *testing.T, l pipeline.Ledger) *pipeline.Journal {
	t.Helper()
	j, err := pipeline.NewJournal(
		l,
		pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte(strings.Repeat("k", 32))}, Owner: "test", Lease: time.Minute},
	)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// died is a ledger with a run whose process died while it waited for the answer of a call.
func died(t *testing.T) pipeline.Ledger {
	t.Helper()
	ledger := pipeline.MemoryLedger()
	dying, ctx := mortal.New(t.Context(), ledger, 3, false)
	_, _ = chainOf(t, posts(nil)).Export(ctx, annotation().Payload(), pipeline.WithLogger(nil), pipeline.WithJournal(journalOf(t, dying)))
	if err := dying.Bury(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ledger
}

func ofLedger(t *testing.T) []shown {
	t.Helper()
	again := func(t *testing.T, ledger pipeline.Ledger, chain *pipeline.Chain, call *rossumtest.Call, options ...pipeline.Option) string {
		response, err := chain.Export(
			t.Context(),
			call.Payload(),
			append(options, pipeline.WithLogger(nil), pipeline.WithJournal(journalOf(t, ledger)))...)
		if response == nil {
			return said(err)
		}
		return lines(response.Messages)
	}
	var all []shown
	add := func(when string, text func(t *testing.T) string) {
		synctest.Test(t, func(t *testing.T) { all = append(all, shown{when, text(t)}) })
	}
	journal := func(o pipeline.JournalOptions, l pipeline.Ledger) func(*testing.T) string {
		return func(*testing.T) string {
			_, err := pipeline.NewJournal(l, o)
			return said(err)
		}
	}
	add("no ledger", journal(pipeline.JournalOptions{}, nil))
	add(
		"a key that is too short",
		journal(pipeline.JournalOptions{Key: pipeline.SealKey{ID: "1", Secret: []byte("k")}}, pipeline.MemoryLedger()),
	)
	add(
		"an older key without a key",
		journal(
			pipeline.JournalOptions{OlderKeys: []pipeline.SealKey{{ID: "1", Secret: []byte(strings.Repeat("k", 32))}}},
			pipeline.MemoryLedger(),
		),
	)
	add("a folder without a key", func(t *testing.T) string {
		l, err := folderledger.Open(t.TempDir(), folderledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return journal(pipeline.JournalOptions{}, l)(t)
	})
	add("a call whose answer was lost", func(t *testing.T) string { return again(t, died(t), chainOf(t, posts(nil)), annotation()) })
	add("a call whose answer was lost, with other content", func(t *testing.T) string {
		return again(t, died(t), chainOf(t, posts(nil)), annotation(rossumtest.Field("more", "1")))
	})
	add("a call whose answer was lost, and a probe that fails", func(t *testing.T) string {
		probe := pipeline.WithProbe("post", 0, func(context.Context, *pipeline.Export, pipeline.Question) (*pipeline.Reply, bool, error) {
			return nil, false, errors.New("the ERP is being updated")
		})
		return again(t, died(t), chainOf(t, posts(nil)), annotation(), probe)
	})
	add("a call whose answer was lost, and settings without it", func(t *testing.T) string {
		return again(t, died(t), chainOf(t, does(func(context.Context, *pipeline.Export) error { return nil })), annotation())
	})
	add("a step that fails when the run goes on", func(t *testing.T) string {
		ledger := died(t)
		settle(t, ledger, pipeline.Verdict{There: true, Status: http.StatusCreated, By: "Ann"})
		return again(
			t,
			ledger,
			chainOf(t, posts(nil), does(func(context.Context, *pipeline.Export) error { return errors.New("the file is not there") })),
			annotation(),
		)
	})
	add("a verdict on a call that is not open", func(t *testing.T) string {
		ledger := died(t)
		ref := settle(t, ledger, pipeline.Verdict{There: true})
		again(t, ledger, chainOf(t, posts(nil)), annotation())
		return said(journalOf(t, ledger).Settle(t.Context(), ref.Run.ID, ref.Call, pipeline.Verdict{}))
	})
	add("a verdict on an unknown run", func(t *testing.T) string {
		return said(journalOf(t, pipeline.MemoryLedger()).Settle(t.Context(), "none", "none", pipeline.Verdict{}))
	})
	add("a verdict on an unknown call", func(t *testing.T) string {
		ledger := died(t)
		ref := settle(t, ledger, pipeline.Verdict{There: true})
		return said(journalOf(t, ledger).Settle(t.Context(), ref.Run.ID, "none", pipeline.Verdict{}))
	})
	add("a run that goes on elsewhere", func(t *testing.T) string {
		ledger := pipeline.MemoryLedger()
		var text string
		inner := does(func(ctx context.Context, _ *pipeline.Export) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := chainOf(t).Export(ctx, annotation().Payload(), pipeline.WithLogger(nil), pipeline.WithJournal(journalOf(t, ledger)))
			text = said(err)
			return nil
		})
		again(t, ledger, chainOf(t, inner), annotation())
		return text
	})
	add("a disk that is full", func(t *testing.T) string {
		return again(t, fullLedger{pipeline.MemoryLedger()}, chainOf(t, posts(nil)), annotation())
	})
	add("a ledger that is closed", func(t *testing.T) string {
		l := pipeline.MemoryLedger()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return again(t, l, chainOf(t, posts(nil)), annotation())
	})
	return all
}

// fullLedger takes the run, and nothing more.
type fullLedger struct{ pipeline.Ledger }

func (fullLedger) Append(context.Context, pipeline.Lease, ...pipeline.Record) error {
	return syscall.ENOSPC
}

// settle gives a verdict on the call that waits for one.
func settle(t *testing.T, l pipeline.Ledger, v pipeline.Verdict) pipeline.Pending {
	t.Helper()
	j := journalOf(t, l)
	// A process that finds the run has it wait for a verdict.
	_, _ = chainOf(t, posts(nil)).Export(t.Context(), annotation().Payload(), pipeline.WithLogger(nil), pipeline.WithJournal(j))
	for p, err := range j.Pending(t.Context(), pipeline.RunQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Settle(t.Context(), p.Run.ID, p.Call, v); err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Fatal("no call waits")
	return pipeline.Pending{}
}
