package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// says returns a step that shows a text on the annotation.
func says(text string) pipeline.Step {
	return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		x.Info("%s", text)
		return nil
	})
}

// exportOf runs a chain of steps on an invoice over 1250 and prints the messages of the answer.
func exportOf(steps []pipeline.Step, options ...pipeline.Option) {
	chain, err := pipeline.New(steps...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	call := rossumtest.Annotation(
		rossumtest.Request("r-1"),
		rossumtest.Field("document_id", "2026-0042"),
		rossumtest.Number("amount_total", "1,250.00", "1250.00"),
		rossumtest.Offline(),
	)
	answer, _ := chain.Export(context.Background(), call.Payload(), options...) // the answer says what the error is
	for _, m := range answer.Messages {
		fmt.Printf("%s: %s\n", m.Type, m.Content)
	}
}

func ExampleParallel() {
	exportOf([]pipeline.Step{
		pipeline.Parallel(says("sent to the ERP"), says("sent to the archive")), // the messages keep this order
		says("both have ended"),
	})
	// Output:
	// info: sent to the ERP
	// info: sent to the archive
	// info: both have ended
}

func ExampleFinally() {
	exportOf([]pipeline.Step{
		pipeline.Named("check", pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			x.Error("The supplier is not known.")
			return nil
		})),
		says("not reached"),
		pipeline.Finally(says("The buyer was notified.")),
	})
	// Output:
	// error: The supplier is not known.
	// info: The buyer was notified.
}

func ExampleWhen() {
	late := &pipeline.Condition{
		Text:  "the number is from another year",
		Reads: []string{"document_id"},
		Holds: func(_ context.Context, x *pipeline.Export) (bool, error) {
			n, err := x.Field("document_id")
			return err == nil && !strings.HasPrefix(n.Text(), "2025-"), err
		},
	}
	exportOf([]pipeline.Step{pipeline.When(late, says("needs a second look"))})
	// Output: info: needs a second look
}

// Two hooks of an organisation use the same name for the secrets of different systems.
func ExampleForHook() {
	showKey := pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		fmt.Printf("%d characters\n", len(x.Secrets["api_key"]))
		return nil
	})
	vault := map[int64]string{1: "erp-key", 2: "archive-key"}
	exportOf(
		[]pipeline.Step{
			pipeline.ForHook(&rossum.Hook{ID: 1, Name: "ERP"}, showKey),
			pipeline.ForHook(&rossum.Hook{ID: 2, Name: "Archive"}, showKey),
		},
		pipeline.WithSecrets(func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
			return rossum.Secrets{"api_key": vault[h.ID]}, nil
		}),
	)
	// Output:
	// 7 characters
	// 11 characters
}

func ExampleKeyed() {
	step := pipeline.Keyed("hook-17", pipeline.Named("Post the invoice", says("posted")))
	fmt.Println(pipeline.NameOf(step))
	_, err := pipeline.New(step, pipeline.Keyed("hook-17", says("again")))
	fmt.Println(err != nil)
	// Output:
	// Post the invoice
	// true
}

// cleaner is a step that says on which events it runs.
type cleaner struct{ pipeline.StepFunc }

func (cleaner) ListensTo(event, _ string) bool { return event == "annotation_status" }

func ExampleAbility() {
	step := pipeline.Finally(pipeline.Named("Clean", cleaner{}))
	listener, ok := pipeline.Ability[pipeline.Listener](step)
	fmt.Println(ok, listener.ListensTo("annotation_status", "changed"))
	_, ok = pipeline.Ability[pipeline.Validator](step)
	fmt.Println(ok)
	// Output:
	// true true
	// false
}

func ExampleFaults() {
	err := errors.Join(errors.New("the URL is missing"), errors.New("the method is unknown"))
	for _, fault := range pipeline.Faults(pipeline.InStep("Post", err)) {
		fmt.Println(fault)
	}
	// Output:
	// step Post: the URL is missing
	// step Post: the method is unknown
}

func ExampleNotSent() {
	err := pipeline.NotSent(errors.New("the port is closed"))
	fmt.Println(errors.Is(err, pipeline.ErrNotSent), errors.Is(err, pipeline.ErrMaybeSent))
	// Output: true false
}

func ExampleNewExport() {
	p := rossumtest.Annotation(rossumtest.Field("status", ""), rossumtest.Offline()).Payload()
	x, err := pipeline.NewExport(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Set("status", "done"), p.Annotation.Content.Find("status")[0].Value())
	fmt.Println(x.Set("statsu", "done"))
	// Output:
	// <nil> done
	// schema_id "statsu": no such field in the annotation (did you mean "status"?)
}

func ExampleStepFunc() {
	exportOf([]pipeline.Step{pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		total, err := x.Field("amount_total")
		if err != nil {
			return err
		}
		amount, err := total.Decimal()
		if err != nil {
			return err
		}
		x.Info("The total is %s.", amount)
		return nil
	})})
	// Output: info: The total is 1250.00.
}

func ExampleFiles() {
	exportOf([]pipeline.Step{
		pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			return x.Files.Put(ctx, pipeline.File{Key: "csv", Name: "invoice.csv", Data: []byte("2026-0042;1250.00")})
		}),
		pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			file, err := x.Files.Get(ctx, "csv")
			if err != nil {
				return err
			}
			x.Info("%s has %d bytes", file.Name, len(file.Data))
			_, err = x.Files.Get(ctx, "xml")
			fmt.Println(errors.Is(err, pipeline.ErrNoFile))
			return nil
		}),
	})
	// Output:
	// true
	// info: invoice.csv has 17 bytes
}

func ExampleWithReport() {
	exportOf(
		[]pipeline.Step{pipeline.Named("one", says("hello")), pipeline.Named("two", expression.When("annotation.automated", says("automated")))},
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) {
			for _, s := range r.Steps {
				fmt.Println(s.Name, s.Status, s.Messages, s.Decisions)
			}
		}),
	)
	// Output:
	// one done [info: hello] []
	// two done [] [skipped: annotation.automated is not true]
	// info: hello
}

func ExampleWithDetails() {
	exportOf(
		[]pipeline.Step{pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("document_id", "42") })},
		pipeline.WithDetails(pipeline.Details{}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) {
			for _, f := range r.Fields {
				fmt.Printf("%s: %s, before %s\n", f.SchemaID, f.After, f.Before)
			}
		}),
	)
	// Output: document_id: 42, before 2026-0042
}

func ExampleWithClock() {
	exportOf(
		[]pipeline.Step{pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			x.Info("exported on %s", x.Now().Format(time.DateOnly))
			return nil
		})},
		pipeline.WithClock(func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }),
	)
	// Output: info: exported on 2026-11-30
}

func ExampleWithTimeout() {
	exportOf(
		[]pipeline.Step{pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			_, bounded := ctx.Deadline()
			x.Info("bounded: %v", bounded)
			return nil
		})},
		pipeline.WithTimeout(time.Hour),
	)
	// Output: info: bounded: true
}

func ExampleWithOriginal() {
	exportOf(
		[]pipeline.Step{pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
			data, err := x.ReadOriginal(ctx)
			x.Info("the document begins with %s", data)
			return err
		})},
		pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7")),
	)
	// Output: info: the document begins with %PDF-1.7
}

// The address is computed again after a step has changed the number.
func ExampleWithFormulas() {
	call := rossumtest.Annotation(
		rossumtest.Field("erp_id", ""),
		rossumtest.FieldValue("erp_url", rossumtest.Value{Formula: "'/invoices/' + field.erp_id"}),
		rossumtest.Offline(),
	)
	chain, err := pipeline.New(
		pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { return x.Set("erp_id", "7") }),
		pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
			address, err := x.Field("erp_url")
			if err != nil {
				return err
			}
			fmt.Printf("%q\n", address.Value())
			return nil
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, off := range []bool{false, true} {
		if _, err := chain.Export(context.Background(), call.Payload(), pipeline.WithFormulas(pipeline.Formulas{Off: off})); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// "/invoices/7"
	// ""
}
