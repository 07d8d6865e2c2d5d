package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func invoice(parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Field("document_id", "1"), rossumtest.Field("status", ""), rossumtest.Offline()).With(parts...)
}

// set writes a field.
func set(id, value string) pipeline.StepFunc {
	return func(_ context.Context, x *pipeline.Export) error { return x.Set(id, value) }
}

func chainOf(t *testing.T, steps ...pipeline.Step) *pipeline.Chain {
	t.Helper()
	c, err := pipeline.New(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func statuses(r *pipeline.Report) string {
	var b strings.Builder
	for _, s := range r.All() {
		fmt.Fprintf(&b, "%s:%s ", s.Name, s.Status)
	}
	return strings.TrimSpace(b.String())
}

func TestAChainStopsAfterAnErrorOrAnErrorMessageButFinallyRuns(t *testing.T) {
	t.Parallel()
	ok := pipeline.Named("ok", pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil }))
	for name, tt := range map[string]struct {
		second pipeline.StepFunc
		want   string
		fails  bool
	}{
		"error":         {func(context.Context, *pipeline.Export) error { return errors.New("no") }, "ok:done bad:failed ok:not run ok:done", true},
		"error message": {func(_ context.Context, x *pipeline.Export) error { x.Error("no"); return nil }, "ok:done bad:failed ok:not run ok:done", false},
		"warning":       {func(_ context.Context, x *pipeline.Export) error { x.Warn("hm"); return nil }, "ok:done bad:done ok:done ok:done", false},
		"panic":         {func(context.Context, *pipeline.Export) error { panic("oh") }, "ok:done bad:failed ok:not run ok:done", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var report *pipeline.Report
			c := chainOf(t, ok, pipeline.Named("bad", tt.second), ok, pipeline.Finally(ok))
			response, err := c.Export(
				t.Context(),
				invoice().Payload(),
				pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
			)
			if (err != nil) != tt.fails || response.Failed() != (name != "warning") || statuses(report) != tt.want {
				t.Errorf("error %v, failed %v, steps %s", err, response.Failed(), statuses(report))
			}
		})
	}
}

func TestAnErrorNamesTheStepAndCanBeFound(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	c := chainOf(t, pipeline.Named("Save", pipeline.StepFunc(func(context.Context, *pipeline.Export) error {
		return &pipeline.StepError{Place: "request.url", Key: "invoice", Err: cause}
	})))
	response, err := c.Export(t.Context(), invoice().Payload())
	if !errors.Is(err, cause) || err.Error() != "step Save, request.url (invoice): disk full" {
		t.Errorf("got %v", err)
	}
	if got := response.Messages[0]; got.Type != rossum.MessageError ||
		got.Content != "Export failed: step Save, request.url (invoice): disk full. No call that changes anything was made." {
		t.Errorf("message %+v", got)
	}
}

func TestWhatWasExtractedIsAnsweredAlsoWhenALaterStepFails(t *testing.T) {
	t.Parallel()
	c := chainOf(t, set("status", "201"), pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return errors.New("no") }))
	response, _ := c.Export(t.Context(), invoice().Payload())
	if len(response.Operations) != 1 || !strings.Contains(string(response.Operations[0].Value), "201") {
		t.Errorf("operations %v", response.Operations)
	}
}

type broken struct{ err error }

func (b broken) Run(context.Context, *pipeline.Export) error { return nil }
func (b broken) Validate() error                             { return b.err }

func TestNewReportsAllFaultsOfAllSteps(t *testing.T) {
	t.Parallel()
	_, err := pipeline.New(
		pipeline.Named("A", broken{errors.Join(errors.New("one"), errors.New("two"))}),
		nil,
		pipeline.Parallel(pipeline.Named("B", broken{errors.New("three")})),
	)
	if err == nil || err.Error() != "step A: one\nstep A: two\nstep #2: the step is nil\nstep B: three" {
		t.Errorf("got %v", err)
	}
}

func TestParallelBranchesDoNotSeeEachOtherAndMergeInOrder(t *testing.T) {
	t.Parallel()
	both := make(chan struct{}, 2)
	meet := func(_ context.Context, x *pipeline.Export) error {
		both <- struct{}{}
		for len(both) < 2 { // each waits for the other: they run at the same time
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	branch := func(name string) pipeline.Step {
		return pipeline.Named(name, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			if err := meet(ctx, x); err != nil {
				return err
			}
			x.Info("%s", name)
			if f, err := x.Field("status"); err != nil || f.Value() != "" {
				return fmt.Errorf("branch %s sees %q, %w", name, f.Value(), err)
			}
			if err := x.Files.Put(ctx, pipeline.File{Key: "same", Data: []byte(name)}); err != nil {
				return err
			}
			return x.Set("status", name)
		}))
	}
	var report *pipeline.Report
	c := chainOf(
		t,
		pipeline.Parallel(branch("first"), branch("second")),
		pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			f, err := x.Files.Get(ctx, "same")
			if err != nil || string(f.Data) != "second" {
				return fmt.Errorf("file %v, %w", f, err)
			}
			return nil
		}),
	)
	response, err := c.Export(
		t.Context(),
		invoice().Payload(),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Messages) != 2 || response.Messages[0].Content != "first" || len(response.Operations) != 1 ||
		!strings.Contains(string(response.Operations[0].Value), "second") {
		t.Errorf("answer %+v", response)
	}
	if text := report.Text(); strings.Count(text, "conflict: ") != 2 || !strings.Contains(statuses(report), "first:done second:done") {
		t.Error(text)
	}
}

// TestABranchSeesTheFilesFromBeforeItWhateverOthersDo also has each branch go on after the
// process has died in the middle of it.
func TestABranchSeesTheFilesFromBeforeItWhateverOthersDo(t *testing.T) {
	t.Parallel()
	put := func(key, data string) pipeline.Step {
		return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: key, Data: []byte(data)})
		})
	}
	sees := func(want string) pipeline.Step {
		return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			got := ""
			for _, key := range []string{"a", "b", "c"} {
				if f, err := x.Files.Get(ctx, key); err == nil {
					got += string(f.Data) + " "
				} else if !errors.Is(err, pipeline.ErrNoFile) {
					return err
				}
			}
			if got != want {
				return fmt.Errorf("sees %q, want %q", got, want)
			}
			return nil
		})
	}
	purge := func(keys ...string) pipeline.Step {
		return pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, err := x.Files.Purge(ctx, keys...)
			return err
		})
	}
	skip := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Files.Skip("a", pipeline.ReasonNotDue)
		return nil
	})
	call := func() pipeline.Step { return posts(newCountingERP(true), "/erp", "a") }
	for name, tt := range map[string]struct {
		branches []pipeline.Step
		after    string
	}{
		"a call that is skipped":           {[]pipeline.Step{chainOf(t, skip, call(), sees("a1 b1 ")), sees("a1 b1 ")}, "a1 b1 "},
		"a purge of one":                   {[]pipeline.Step{chainOf(t, purge("a"), call(), sees("b1 ")), chainOf(t, call(), sees("a1 b1 "))}, "b1 "},
		"a purge of all":                   {[]pipeline.Step{chainOf(t, purge(), call(), sees("")), sees("a1 b1 ")}, ""},
		"what was purged is made again":    {[]pipeline.Step{chainOf(t, purge(), put("b", "b2"), call(), sees("b2 ")), sees("a1 b1 ")}, "b2 "},
		"another makes it, and one purges": {[]pipeline.Step{chainOf(t, put("a", "a2"), call(), sees("a2 b1 ")), chainOf(t, purge("a"), sees("b1 "))}, "a2 b1 "},
		"a branch in a branch":             {[]pipeline.Step{pipeline.Parallel(chainOf(t, purge("b"), sees("a1 ")), chainOf(t, call(), sees("a1 b1 "))), sees("a1 b1 ")}, "a1 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := chainOf(t, put("a", "a1"), put("b", "b1"), pipeline.Parallel(tt.branches...), sees(tt.after))
			for at := 2; ; at++ {
				shared := pipeline.MemoryLedger()
				first, ctx := mortal.New(t.Context(), shared, at, true)
				keys := pipeline.WithIdempotency(pipeline.Idempotency{})
				_, err := c.Export(ctx, keepCall().Payload(), keys, pipeline.WithJournal(journal(t, first)))
				if !first.Dead() {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err := first.Bury(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Export(t.Context(), keepCall().Payload(), keys, pipeline.WithJournal(journal(t, shared))); err != nil {
					t.Errorf("killed after write %d: %v", at, err)
				}
			}
		})
	}
}

func TestSecretsAreCutOutEverywhere(t *testing.T) {
	t.Parallel()
	const secret, learnt = "canary-secret-1", "canary-token-2"
	var logged bytes.Buffer
	var report *pipeline.Report
	c := chainOf(t, pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		x.Info("before it is known: %s", learnt)
		x.Hide(learnt)
		x.Decide("used %s", secret)
		x.Log.Info("used "+secret, "token", learnt, "err", errors.New(secret))
		x.RecordCall(pipeline.CallReport{Method: "GET", URL: "https://erp.example/?t=" + secret, Error: learnt})
		return fmt.Errorf("no: %s %s", secret, learnt)
	}))
	response, err := c.Export(
		t.Context(),
		invoice(rossumtest.Secret("s", secret)).Payload(),
		pipeline.WithLogger(
			slog.New(slog.NewJSONHandler(&logged, nil)),
		),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	)
	reportJSON, _ := json.Marshal(report)
	responseJSON, _ := json.Marshal(response)
	for name, text := range map[string]string{"log": logged.String(), "report": report.Text(), "JSON report": string(reportJSON), "answer": string(responseJSON), "error": err.Error()} {
		if strings.Contains(text, secret) || strings.Contains(text, learnt) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if !strings.Contains(logged.String(), "step failed") {
		t.Error("nothing was logged")
	}
}

func TestAFinallyStepHasTimeAfterTheDeadlineWithinTheHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for timeout, want := range map[time.Duration]time.Duration{6 * time.Second: 5 * time.Second, 60 * time.Second: 55 * time.Second} {
			started := time.Now()
			var cut, left time.Duration
			c := chainOf(t, pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error {
				<-ctx.Done()
				cut = time.Since(started)
				return ctx.Err()
			}),
				pipeline.Finally(pipeline.StepFunc(func(ctx context.Context, _ *pipeline.Export) error {
					ends, _ := ctx.Deadline()
					left = ends.Sub(started)
					return ctx.Err()
				})))
			if _, err := c.Export(t.Context(), invoice().Payload(), pipeline.WithTimeout(timeout)); !errors.Is(err, context.DeadlineExceeded) ||
				cut != want ||
				left != timeout {
				t.Errorf("%v: %v, cut after %v, finally until %v", timeout, err, cut, left)
			}
		}
	})
}

func TestFilesInRossumAreDocumentsWithRelations(t *testing.T) {
	t.Parallel()
	s := rossumtest.NewServer()
	defer s.Close()
	original := s.AddDocument(rossumtest.DocumentID, "a.pdf", "application/pdf", []byte("PDF"))
	call := rossumtest.Annotation(rossumtest.On(s))
	put := func(text string) pipeline.StepFunc {
		return func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: "k", Name: "k.txt", Data: []byte(text)})
		}
	}
	export := func(steps ...pipeline.Step) {
		t.Helper()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		if _, err := chainOf(t, steps...).Export(t.Context(), call.Payload(), pipeline.WithStore(pipeline.InRossum()), pipeline.WithHTTPClient(&http.Client{Transport: transport})); err != nil {
			t.Fatal(err)
		}
	}
	export(put("one"))
	export(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		f, err := x.Files.Get(ctx, "k")
		if err != nil || string(f.Data) != "one" || f.Name != "k.txt" {
			return fmt.Errorf("got %+v, %w", f, err)
		}
		if _, err := x.Files.Get(ctx, "other"); !errors.Is(err, pipeline.ErrNoFile) {
			return fmt.Errorf("got %w", err)
		}
		return nil
	}), put("two"))
	if got := s.Artefacts(rossumtest.AnnotationID); len(got) != 1 || string(got["k"]) != "two" {
		t.Errorf("got %q", got)
	}
	export(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		n, err := x.Files.Purge(ctx)
		if n != 1 {
			t.Errorf("%d files went", n)
		}
		return err
	}))
	if _, ok := s.Document(rossum.IDOf(original)); !ok || len(s.Artefacts(rossumtest.AnnotationID)) != 0 {
		t.Error("the original is gone, or an artefact is left")
	}
}

func Example() {
	chain, err := pipeline.New(
		pipeline.Named("Greet", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			number, err := x.Field("document_id")
			if err != nil {
				return err
			}
			x.Info("exported %s", number.Value())
			return x.Set("status", "done")
		})),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	call := rossumtest.Annotation(rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("status", ""))
	response, err := chain.Export(context.Background(), call.Payload())
	answer, _ := json.Marshal(response)
	fmt.Println(string(answer), err)
	// Output: {"messages":[{"type":"info","content":"exported 2026-0042"}],"operations":[{"op":"replace","id":1003,"value":{"content":{"value":"done"}}}]} <nil>
}
