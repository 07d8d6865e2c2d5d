// Package pipelinetest is what the author of a step tests with: [Run] runs one
// step on a fake annotation, and [TestStep] is a conformance suite that every
// step should pass.
package pipelinetest

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// Result is what a run left.
type Result struct {
	Response *rossum.Response
	Err      error             // what the step returned, wrapped with its name
	Files    map[string][]byte // artefacts and replies by reference key
	Values   map[string]string // of the fields outside of tables, by schema_id
	Report   *pipeline.Report
	Log      string // what was logged, as JSON lines
}

// Run runs a step on a hook call, as a chain of one. Faults of the step's
// settings end the test.
//
// The step's HTTP calls reach this machine only: any other host is refused at
// once, unless [pipeline.WithHTTPClient] is one of the
// options.
func Run(t testing.TB, step pipeline.Step, call *rossumtest.Call, options ...pipeline.Option) Result {
	t.Helper()
	options, done := loopbackOnly(options)
	defer done()
	r, err := run(t.Context(), step, call, options...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Compile compiles a step, as a chain does, until the test ends, and returns a step
// that several calls of [Run] may share: with its connections, its tokens and the like.
// Faults of the settings end the test.
func Compile(t testing.TB, step pipeline.Step) pipeline.Step {
	t.Helper()
	chain, err := pipeline.New(step)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	return pipeline.Named(pipeline.NameOf(step), compiled{step, chain})
}

// compiled is a step that a chain of its own has compiled.
type compiled struct {
	step  pipeline.Step
	chain *pipeline.Chain
}

func (c compiled) Run(ctx context.Context, x *pipeline.Export) error { return c.chain.Run(ctx, x) }
func (c compiled) Unwrap() pipeline.Step                             { return c.step }

func run(ctx context.Context, step pipeline.Step, call *rossumtest.Call, options ...pipeline.Option) (Result, error) {
	return runPayload(ctx, step, call.Payload(), options...)
}

func runPayload(ctx context.Context, step pipeline.Step, payload *rossum.Payload, options ...pipeline.Option) (Result, error) {
	chain, err := observed(step)
	if err != nil {
		return Result{}, err
	}
	r := runChain(ctx, chain, payload, options...)
	return r, chain.Close()
}

// resultKey is the key under which a run's context has the [Result] to fill in.
type resultKey struct{}

// observed makes a chain of the step and of one that notes what it left. The chain
// may run for several exports at once.
func observed(step pipeline.Step) (*pipeline.Chain, error) {
	return pipeline.New(step, pipeline.Finally(pipeline.Named("pipelinetest", pipeline.StepFunc(look))))
}

func look(ctx context.Context, x *pipeline.Export) error {
	r := ctx.Value(resultKey{}).(*Result)
	for _, key := range x.Files.Keys() {
		f, err := x.Files.Get(ctx, key)
		if err != nil {
			return err
		}
		r.Files[key] = f.Data
	}
	if x.Annotation.Content == nil {
		return nil
	}
	for n := range x.Annotation.Content.All() {
		if n.Category() == rossum.CategoryDatapoint && n.Row() == nil {
			r.Values[n.SchemaID()] = n.Value()
		}
	}
	return nil
}

// runChain runs a chain that [observed] has made.
func runChain(ctx context.Context, chain *pipeline.Chain, payload *rossum.Payload, options ...pipeline.Option) Result {
	r := Result{Files: make(map[string][]byte), Values: make(map[string]string)}
	var logged bytes.Buffer
	options = append([]pipeline.Option{
		pipeline.WithLogger(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		pipeline.WithReport(func(_ context.Context, report *pipeline.Report) { r.Report = report }),
	}, options...)
	r.Response, r.Err = chain.Export(context.WithValue(ctx, resultKey{}, &r), payload, options...)
	r.Log = logged.String()
	return r
}
