package pipeline_test

import (
	"context"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func whenCall() *rossumtest.Call {
	return rossumtest.Annotation(
		rossumtest.Number("amount_total", "1 210,50", "1210.50"), rossumtest.FieldValue("rate", rossumtest.Value{Type: "number"}), rossumtest.Date("issued", "20. 11. 2026", "2026-11-20"),
		rossumtest.Field("vendor", "ACME"), rossumtest.Field("ran", ""), rossumtest.Offline(),
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
		var seen string
		chain := chainOf(t, pipeline.When(condition, set("ran", "yes")), see(&seen, "ran"))
		_, report, err := exportReport(t, chain, whenCall())
		if err != nil || (seen == "yes;") != want {
			t.Errorf("%s: %q, %v", condition, seen, err)
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
		"annotation.stat == ''": "condition: type pipeline.whenAnnotation has no field stat",
		"1 + 1":                 "condition: expected bool, but got int",
	} {
		_, err := pipeline.New(pipeline.When(condition, set("ran", "yes")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", condition, err, want)
		}
	}
	for condition, want := range map[string]string{
		"field.amount_totl > 1": `did you mean "amount_total"?`, "field.vendor > 1": "condition: ", "field.amount_total": "bool(float64)",
	} {
		chain := chainOf(t, pipeline.When(condition, set("ran", "yes")))
		if _, _, err := exportReport(t, chain, whenCall()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", condition, err, want)
		}
	}
}

func TestWhenKeepsWhatAStepCanDo(t *testing.T) {
	t.Parallel()
	fails := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return context.DeadlineExceeded })
	ran := false
	last := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { ran = true; return nil })
	for _, s := range []pipeline.Step{pipeline.When("true", pipeline.Finally(last)), pipeline.Finally(pipeline.When("true", last)), pipeline.Named("x", pipeline.When("true", pipeline.Finally(last)))} {
		ran = false
		if _, _, err := exportReport(t, chainOf(t, fails, s), whenCall()); err == nil || !ran {
			t.Errorf("%v, ran %v", err, ran)
		}
	}
	if got := pipeline.NameOf(pipeline.When("true", pipeline.Named("x", last))); got != "x" {
		t.Errorf("the name is %q", got)
	}
}
