package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

// withFormulas is an annotation with formula fields over what a step writes.
func withFormulas(more ...rossumtest.Part) *rossumtest.Call {
	computed := func(id, code string) rossumtest.Part {
		return rossumtest.FieldValue(id, rossumtest.Value{Formula: code})
	}
	return rossumtest.Annotation(
		rossumtest.Field("status", ""),
		rossumtest.Field("other", ""),
		computed(
			"gate",
			"'open' if field.status == '201' else ''",
		),
		computed("url", "'https://erp/' + field.gate"),
		computed("third", "field.other.upper()"),
		rossumtest.Offline(),
	).With(more...)
}

// see notes the values of fields as a step finds them.
func see(into *string, ids ...string) pipeline.Step {
	return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error {
		for _, id := range ids {
			n, err := x.Field(id)
			if err != nil {
				return err
			}
			*into += n.Text() + ";"
		}
		return nil
	})
}

func exportReport(
	t *testing.T,
	c *pipeline.Chain,
	call *rossumtest.Call,
	options ...pipeline.Option,
) (*rossum.Response, *pipeline.Report, error) {
	t.Helper()
	var report *pipeline.Report
	answer, err := c.Export(
		t.Context(),
		call.Payload(),
		append(options, pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))...)
	return answer, report, err
}

func TestFormulasAreComputedBetweenSteps(t *testing.T) {
	t.Parallel()
	var seen string
	chain := chainOf(
		t,
		see(&seen, "gate", "url"),
		set("status", "201"),
		see(&seen, "gate", "url", "third"),
		set("other", "x"),
		see(&seen, "third"),
	)
	answer, report, err := exportReport(t, chain, withFormulas())
	if err != nil || seen != ";;open;https://erp/open;;X;" {
		t.Errorf("%q, %v", seen, err)
	}
	if len(answer.Operations) != 2 {
		t.Errorf("formula fields are in the answer: %+v", answer.Operations)
	}
	var runs []string
	for _, s := range report.Steps {
		runs = append(runs, fmt.Sprint(s.Computed, s.FormulaRuns))
	}
	if got := strings.Join(runs, " "); got != "[] 0 [gate url] 2 [] 0 [third] 1 [] 0" {
		t.Errorf("computed %s", got)
	}
	if !strings.Contains(report.Text(), "formulas computed again: gate, url (2 runs)") {
		t.Error(report.Text())
	}
}

func TestFormulasComeFromTheOrganisationWhereTheHookSideloadsNone(t *testing.T) {
	t.Parallel()
	schema, err := withFormulas().Payload().Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		f    pipeline.Formulas
		call *rossumtest.Call
		want string
	}{
		"from the organisation": {pipeline.Formulas{Schema: schema}, withFormulas(rossumtest.Sideload("schemas", nil)), "open;"},
		"sideloaded":            {pipeline.Formulas{}, withFormulas(), "open;"},
		"none at all":           {pipeline.Formulas{}, withFormulas(rossumtest.Sideload("schemas", nil)), ";"},
		"switched off":          {pipeline.Formulas{Off: true}, withFormulas(), ";"},
	} {
		var seen string
		chain := chainOf(t, set("status", "201"), see(&seen, "gate"))
		if _, _, err := exportReport(t, chain, tt.call, pipeline.WithFormulas(tt.f)); err != nil || seen != tt.want {
			t.Errorf("%s: %q, %v", name, seen, err)
		}
	}
}

func TestAFormulaOutsideOfTheLanguageStopsTheExportUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	call := withFormulas(rossumtest.FieldValue("bad", rossumtest.Value{Formula: "x = 1\nasync with x:\n    field.status"}))
	var seen string
	chain := chainOf(t, set("status", "201"), see(&seen, "gate"))
	_, _, err := exportReport(t, chain, call)
	var at *pipeline.StepError
	if !errors.Is(err, formula.ErrUnsupported) || !errors.As(err, &at) || seen != "" ||
		!strings.Contains(err.Error(), "formula of bad: outside of the supported language: line 2: async is not supported") {
		t.Errorf("got %v, seen %q", err, seen)
	}
	answer, _, err := exportReport(t, chain, call, pipeline.WithFormulas(pipeline.Formulas{Tolerate: true}))
	if err != nil || seen != "open;" || len(answer.Messages) != 1 || answer.Messages[0].Type != rossum.MessageWarning {
		t.Errorf("tolerant: %v, seen %q, %+v", err, seen, answer.Messages)
	}
	// Nothing is due while nothing has changed.
	if _, _, err := exportReport(t, chainOf(t, see(&seen, "gate")), call); err != nil {
		t.Errorf("without a change: %v", err)
	}
}

func TestParallelBranchesComputeTheirOwnFormulas(t *testing.T) {
	t.Parallel()
	var left, right, after string
	chain := chainOf(t, pipeline.Parallel(
		chainOf(t, set("status", "201"), see(&left, "gate", "third")), chainOf(t, set("other", "x"), see(&right, "gate", "third")),
	), see(&after, "gate", "third"))
	_, report, err := exportReport(t, chain, withFormulas())
	if err != nil || left != "open;;" || right != ";X;" || after != "open;X;" {
		t.Errorf("%v: left %q, right %q, after %q", err, left, right, after)
	}
	for _, s := range report.All() {
		for _, d := range s.Decisions {
			if strings.Contains(d, "conflict") {
				t.Error(d)
			}
		}
	}
}

func TestWhatFormulasShowIsInTheReport(t *testing.T) {
	t.Parallel()
	call := withFormulas(rossumtest.FieldValue("check", rossumtest.Value{Formula: "show_error('too much', field.status)\nfield.status"}))
	answer, report, err := exportReport(t, chainOf(t, set("status", "201"), set("other", "y")), call)
	if err != nil || answer.Failed() || !strings.Contains(report.Text(), "a formula shows, error: too much") {
		t.Errorf("%v %+v\n%s", err, answer, report.Text())
	}
}

func TestABrokenFormulaThatNothingNeedsDoesNotStopTheExport(t *testing.T) {
	t.Parallel()
	call := withFormulas(rossumtest.FieldValue("bad", rossumtest.Value{Formula: "import turtle\nturtle.position(field.other)"}))
	var seen string
	answer, _, err := exportReport(t, chainOf(t, set("status", "201"), see(&seen, "gate")), call)
	if err != nil || answer.Failed() || len(answer.Messages) > 0 || seen != "open;" {
		t.Errorf("%v, %+v, seen %q", err, answer, seen)
	}
}

func TestACircleOfFormulasIsComputedAndReported(t *testing.T) {
	t.Parallel()
	call := withFormulas(
		rossumtest.FieldValue(
			"a",
			rossumtest.Value{Formula: "field.status + field.b[:3]"},
		),
		rossumtest.FieldValue("b", rossumtest.Value{Formula: "field.a + '!'"}),
	)
	var seen string
	answer, report, err := exportReport(t, chainOf(t, set("status", "201"), see(&seen, "a", "b")), call)
	if err != nil || answer.Failed() || seen != "201;201!;" {
		t.Errorf("%v, %+v, seen %q", err, answer, seen)
	}
	if !strings.Contains(report.Text(), "computed in the schema's order, from the values at hand: a, b") {
		t.Error(report.Text())
	}
}
