package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/steps"
)

func TestAStepThatIsNilIsAnErrorWhereverItIs(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]pipeline.Step{
		"nil": nil, "a pointer": (*steps.RESTExport)(nil), "a function": pipeline.StepFunc(nil), "a chain": (*pipeline.Chain)(nil),
		"named": pipeline.Named("x", nil), "finally": pipeline.Finally((*steps.Purge)(nil)), "when": expression.When("true", nil),
		"when a pointer": expression.When(
			"true", (*steps.Purge)(nil),
		), "parallel": pipeline.Parallel(nil), "parallel pointers": pipeline.Parallel((*steps.Purge)(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := pipeline.New(step); err == nil || !strings.HasSuffix(err.Error(), "is nil") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAStepOfSeveralWithOneNameIsNamedWithItsPosition(t *testing.T) {
	t.Parallel()
	_, err := pipeline.New(&steps.Purge{}, &steps.RESTExport{Request: steps.Request{URL: "https://erp.example"}}, &steps.RESTExport{})
	if err == nil || err.Error() != "step 3, REST API export: request.url: is missing" {
		t.Errorf("got %v", err)
	}
	if _, err = pipeline.New(&steps.Purge{}, &steps.RESTExport{}); err == nil || err.Error() != "step REST API export: request.url: is missing" {
		t.Errorf("got %v", err)
	}
	shared := &pipeline.StepError{Place: "here", Err: errors.New("no")}
	fails := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return shared })
	passes := pipeline.StepFunc(func(context.Context, *pipeline.Export) error { return nil })
	_, err = chainOf(t, pipeline.Keyed("a", passes), pipeline.Keyed("b", fails)).Export(t.Context(), invoice().Payload())
	var at *pipeline.StepError
	if !errors.As(err, &at) || at.Position != 2 || err.Error() != "step 2, step, here: no" || shared.Position != 0 || shared.Step != "" {
		t.Errorf("got %v", err)
	}
}
