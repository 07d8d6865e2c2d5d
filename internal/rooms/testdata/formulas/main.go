// The program exports an annotation with a formula field in every way that there is,
// and says what each has sent: the field's value after the first step, which changes it, or nothing.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// erp keeps what it is sent.
type erp struct {
	*httptest.Server
	got []string
}

func newERP() *erp {
	e := &erp{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is cut short is not what is expected
		e.got = append(e.got, string(body))
	}))
	return e
}

// say prints what a way has sent, and its error.
func (e *erp) say(way string, err error) {
	fmt.Printf("%s: %s; %v\n", way, strings.Join(e.got, ","), err)
	e.got = nil
}

func write(_ context.Context, x *pipeline.Export) error {
	n, err := x.Field("status")
	if err != nil {
		return err
	}
	return n.SetValue("201")
}

func (e *erp) post(ctx context.Context, x *pipeline.Export) error {
	n, err := x.Field("gate")
	if err != nil {
		return err
	}
	_, err = send.Do(ctx, x, &send.Call{Method: "POST", URL: e.URL, Body: pipeline.Bytes([]byte(n.Text()))})
	return err
}

func (e *erp) steps() []pipeline.Step {
	return []pipeline.Step{pipeline.Named("write", pipeline.StepFunc(write)), pipeline.Named("post", pipeline.StepFunc(e.post))}
}

func chainOf(steps ...pipeline.Step) *pipeline.Chain {
	chain, err := pipeline.New(steps...)
	if err != nil {
		panic(err)
	}
	return chain
}

func call() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Field("status", ""),
		rossumtest.FieldValue("gate", rossumtest.Value{Text: "stale", Formula: "'open' if field.status == '201' else ''"}),
		rossumtest.Offline(),
	)
}

func main() {
	e := newERP()
	defer e.Close()
	ctx := context.Background()
	if len(os.Args) > 2 {
		e.onFolder(ctx, os.Args[1], os.Args[2])
		return
	}
	chain := chainOf(e.steps()...)
	schema, err := call().Payload().Schema()
	if err != nil {
		panic(err)
	}
	export := func(way string, c *pipeline.Chain, options ...pipeline.Option) {
		_, err := c.Export(ctx, call().Payload(), options...)
		e.say(way, err)
	}
	export("Export", chain)
	export("Export, a given schema", chain, pipeline.WithFormulas(pipeline.Formulas{Schema: schema}))
	export("Export, tolerant", chain, pipeline.WithFormulas(pipeline.Formulas{Tolerate: true}))
	export("Export on a ledger", chain, pipeline.WithJournal(journal(pipeline.MemoryLedger())))
	export("a chain in a chain", chainOf(chain))
	export("a branch", chainOf(pipeline.Parallel(chain)))
	export("off", chain, pipeline.WithFormulas(pipeline.Formulas{Off: true}))

	gone := call().With(rossumtest.Event(rossum.EventAnnotationStatus, rossum.ActionChanged)).Payload()
	gone.Annotation.Status = "purged"
	_, err = chain.Export(ctx, gone)
	e.say("the annotation is gone", err)

	x, err := pipeline.NewExport(call().Payload())
	if err == nil {
		err = chain.Run(ctx, x)
	}
	e.say("NewExport", err)

	j := journal(pipeline.MemoryLedger())
	run, err := chain.Begin(ctx, call().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j))
	if err == nil {
		_, err = chain.Keep(ctx, call().Payload(), pipeline.KeepOptions{Resume: run.ID}, pipeline.WithJournal(j))
	}
	e.say("Begin and Keep", err)
	e.say("Check", chain.Check(schema).Err())
	e.served(ctx, chain)
	e.organised(ctx)
}

func journal(l pipeline.Ledger) *pipeline.Journal {
	j, err := pipeline.NewJournal(l, pipeline.JournalOptions{TrustDisk: true})
	if err != nil {
		panic(err)
	}
	return j
}

// served has a hook server called.
func (e *erp) served(ctx context.Context, chain *pipeline.Chain) {
	server, err := hookserver.New(hookserver.Options{Chain: chain, Unsigned: true})
	if err != nil {
		panic(err)
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(call().Bytes()))
	request.Header.Set("Content-Type", "application/json")
	server.ServeHTTP(answer, request)
	if err := server.Shutdown(ctx); err != nil {
		panic(err)
	}
	if text := answer.Body.String(); strings.Contains(text, `"type":"error"`) {
		e.say("hookserver", errors.New(text))
	} else {
		e.say("hookserver", nil)
	}
}

// organised has a chain made of hooks.
func (e *erp) organised(ctx context.Context) {
	registry := &organisation.Registry{}
	registry.Functions(func(*rossum.Hook) (pipeline.Step, error) { return chainOf(e.steps()...), nil })
	hook, err := rossum.ParseHook([]byte(`{
		"id": 1, "name": "f", "type": "function", "active": true, "events": ["annotation_content.export"], "config": {"code": "x"}
	}`))
	if err != nil {
		panic(err)
	}
	chain, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{})
	if err != nil {
		panic(err)
	}
	_, err = chain.Export(ctx, call().Payload())
	e.say("organisation", err)
}

// onFolder begins a run on a ledger in a folder, or goes on with what is there.
func (e *erp) onFolder(ctx context.Context, do, dir string) {
	ledger, err := folderledger.Open(dir, folderledger.Options{})
	if err != nil {
		panic(err)
	}
	chain, j := chainOf(e.steps()...), journal(ledger)
	if do == "begin" {
		_, err = chain.Begin(ctx, call().Payload(), pipeline.KeepOptions{}, pipeline.WithJournal(j))
	} else {
		_, err = j.Recover(ctx, func(*rossum.Payload, string) *pipeline.Chain { return chain })
	}
	e.say(do, err)
}
