package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func call() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Field("status", ""), rossumtest.Offline())
}

func TestGoodStepsPass(t *testing.T) {
	pipelinetest.TestStep(
		t,
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "k", Template: "{{ field.document_id }}{{ payload }}"}}},
		pipelinetest.Case{Name: "template", Call: call()},
	)
	pipelinetest.TestStep(t, &steps.Purge{ResetFields: []string{"document_id"}}, pipelinetest.Case{Name: "cleaning", Call: call()})
	reply := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		return x.Files.Put(ctx, pipeline.File{Key: "reply", Data: []byte(`{"id": 7}`)})
	})
	extract := &steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "status"}}}}}
	if err := extract.Validate(); err != nil {
		t.Fatal(err)
	}
	pipelinetest.TestStep(t, chain(t, reply, extract), pipelinetest.Case{Name: "extractor", Call: call()})
	pipelinetest.TestStep(t, extract, pipelinetest.Case{Name: "extractor without a reply", Call: call(), Fails: true})
	pipelinetest.TestStep(t, &steps.EvaluateReplies{Replies: []steps.ReplyCheck{{Label: "Create", StatusField: "document_id"}}},
		pipelinetest.Case{Name: "reply evaluator", Call: call(), Fails: true})
	pipelinetest.TestStep(
		t,
		&steps.Evaluate{Check: steps.Check{Condition: "field.status == ''"}},
		pipelinetest.Case{Name: "evaluator", Call: call(), Fails: true},
	)
}

func chain(t *testing.T, list ...pipeline.Step) pipeline.Step {
	t.Helper()
	c, err := pipeline.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallsPassTheSuiteAgainstAServer(t *testing.T) {
	erp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		// The reply shows what was sent, but for the token, and does not change with the second.
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	}))
	defer erp.Close()
	transport := &http.Transport{}
	step := &steps.RESTExport{
		Request: steps.Request{
			URL: erp.URL + "/invoices", Content: `{"id": "@{document_id}"}`,
			Headers: map[string]string{"Content-Type": "application/json", "Authorization": "Bearer {secret.erp_token}"},
		},
		StatusCodes: &steps.StatusCodes{Error: []int{400}},
		HeadersKey:  "headers", PayloadKey: "payload",
	}
	// Connections are kept for the next call: they are no leak once they are closed.
	closing := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		defer transport.CloseIdleConnections()
		return step.Run(ctx, x)
	})
	if err := step.Validate(); err != nil {
		t.Fatal(err)
	}
	pipelinetest.TestStep(t, closing, pipelinetest.Case{
		Name: "REST export", Call: call().With(rossumtest.Secret("erp_token", "token-of-the-erp-1")), Options: []pipeline.Option{pipeline.WithHTTPClient(&http.Client{Transport: transport})},
	})
}

func TestEachBreachIsCaught(t *testing.T) {
	var runs atomic.Int64
	release := make(chan struct{}) // what leaks, when the test ends
	defer close(release)
	for name, tt := range map[string]struct {
		step pipeline.StepFunc
		want error
	}{
		"fails":  {func(context.Context, *pipeline.Export) error { return errors.New("no") }, pipelinetest.ErrOutcome},
		"panics": {func(context.Context, *pipeline.Export) error { panic("oh") }, pipelinetest.ErrPanicked},
		"goes on": {func(ctx context.Context, _ *pipeline.Export) error {
			if ctx.Err() != nil {
				time.Sleep(6 * time.Second)
			}
			return nil
		}, pipelinetest.ErrCancel},
		"counts": {func(_ context.Context, x *pipeline.Export) error { return x.Set("status", fmt.Sprint(runs.Add(1))) }, pipelinetest.ErrConcurrent},
		"writes a secret": {func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: "k", Data: []byte(x.Secrets["pipelinetest_canary"])})
		}, pipelinetest.ErrSecret},
		"leaks": {func(context.Context, *pipeline.Export) error { go func() { <-release }(); return nil }, pipelinetest.ErrLeak},
	} {
		t.Run(name, func(t *testing.T) {
			err := pipelinetest.CheckStep(t.Context(), tt.step, pipelinetest.Case{Call: call()})
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func ExampleCheckStep() {
	step := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("status", "done") })
	fmt.Println(pipelinetest.CheckStep(context.Background(), step, pipelinetest.Case{Name: "an invoice", Call: call()}))
	// Output: <nil>
}

func TestRunShowsWhatAStepLeft(t *testing.T) {
	t.Parallel()
	r := pipelinetest.Run(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		x.Log.Info("noted")
		if err := x.Files.Put(ctx, pipeline.File{Key: "k", Data: []byte("d")}); err != nil {
			return err
		}
		return x.Set("status", "done")
	}), call())
	if r.Err != nil || string(r.Files["k"]) != "d" || r.Values["status"] != "done" || r.Log == "" || len(r.Report.Steps) != 2 {
		t.Errorf("%+v", r)
	}
}

// The step reads a file that an earlier hook has made; the chain of both is one step.
func ExampleSteps() {
	read := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		file, err := x.Files.Get(ctx, "csv")
		if err != nil {
			return err
		}
		return x.Set("status", string(file.Data))
	})
	again := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		status, err := x.Field("status")
		if err != nil {
			return err
		}
		return status.SetValue(status.Value() + "!")
	})
	fmt.Println(pipelinetest.CheckStep(context.Background(), pipelinetest.Steps(read, again), pipelinetest.Case{
		Name: "a file", Call: call(), Options: []pipeline.Option{pipelinetest.WithFiles(pipeline.File{Key: "csv", Data: []byte("a")})},
	}))
	// Output: <nil>
}
