package expression_test

import (
	"context"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

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

// export runs a chain.
func export(t *testing.T, c *pipeline.Chain, call *rossumtest.Call) (report *pipeline.Report, err error) {
	t.Helper()
	_, err = c.Export(t.Context(), call.Payload(), pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	return report, err
}

func invoice() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Number(
			"amount_total",
			"1 210,50",
			"1210.50",
		),
		rossumtest.FieldValue("rate", rossumtest.Value{Type: "number"}),
		rossumtest.Date("issued", "20. 11. 2026", "2026-11-20"),
		rossumtest.Field("vendor", "ACME"),
		rossumtest.Field("ran", ""),
		rossumtest.Offline(),
		rossumtest.Table("items", rossumtest.Row("code", "A").Typed("qty", rossumtest.Value{Text: "2", Normalized: "2", Type: "number"})),
	)
}

func TestAStepRunsWhenItsConditionIsTrue(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		"field.amount_total > 1000": true, "field.amount_total > 2000": false, "field.rate == nil": true, "(field.rate ?? 1) == 1": true,
		"field.issued.Year() == 2026": true, "field.issued < date('2026-12-01')": true, `field.vendor startsWith "AC" && event == "annotation_content"`: true,
		"any(field.items, .qty > 1)": true, "len(field.items) == 1 && field.items[0].code == 'A'": true, "annotation.id > 0 and not annotation.automated": true,
		"annotation.status == 'exported'": false, "document.mime_type == 'application/pdf'": true, "field?.nowhere == nil": true, "true": true,
	} {
		ran := false
		chain := chainOf(
			t,
			expression.When(condition, pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })),
		)
		report, err := export(t, chain, invoice())
		if err != nil || ran != want {
			t.Errorf("%s: it ran %v, %v", condition, ran, err)
		}
		if !want && !strings.Contains(report.Text(), "skipped: "+condition+" is not true") {
			t.Errorf("the report does not say why the step was left out:\n%s", report.Text())
		}
	}
}

func TestAConditionIsCheckedWhenTheChainIsBuilt(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"field.amount_total >":  "condition: unexpected token EOF",
		"fields.amount > 1":     "condition: unknown name fields",
		"annotation.stat == ''": "condition: type expression.annotation has no field stat",
		"1 + 1":                 "condition: expected bool, but got int",
	} {
		_, err := pipeline.New(expression.When(condition, set("ran", "yes")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", condition, err, want)
		}
	}
	for condition, want := range map[string]string{
		"field.amount_totl > 1": `did you mean "amount_total"?`, "field.vendor > 1": "condition: ", "field.amount_total": "bool(float64)",
	} {
		chain := chainOf(t, expression.When(condition, set("ran", "yes")))
		if _, err := export(t, chain, invoice()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", condition, err, want)
		}
	}
}

func TestAStepUnderAConditionKeepsWhatItCanDo(t *testing.T) {
	t.Parallel()
	fails := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return context.DeadlineExceeded })
	ran := false
	last := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })
	for _, s := range []pipeline.Step{
		expression.When("true", pipeline.Finally(last)), pipeline.Finally(expression.When("true", last)),
		pipeline.Named("x", expression.When("true", pipeline.Finally(last))),
	} {
		ran = false
		if _, err := export(t, chainOf(t, fails, s), invoice()); err == nil || !ran {
			t.Errorf("%v, ran %v", err, ran)
		}
	}
	if got := pipeline.NameOf(expression.When("true", pipeline.Named("x", last))); got != "x" {
		t.Errorf("the name is %q", got)
	}
}

// Which fields a condition reads decides what can be said before the first step.
func TestAConditionSaysWhichFieldsItReads(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"field.vendr == ''":                      `error: field "vendr"`,
		"field?.vendr == nil":                    "",
		"field[annotation.status] == nil":        "",
		"any(field.items, .qty > 1)":             "",
		"field.vendor == field?.vendor_of_old":   "",
		"field.vendr == '' && field?.vendr == 1": `error: field "vendr"`,
	} {
		report, err := export(t, chainOf(t, expression.When(condition, set("ran", "yes"))), invoice())
		got := ""
		for _, f := range report.Findings {
			got += string(f.Severity) + ": " + f.Err.Error()
		}
		if (err != nil) != (want != "") || !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q; %v", condition, got, want, err)
		}
	}
}
