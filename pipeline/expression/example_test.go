package expression_test

import (
	"context"
	"fmt"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/expression"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func ExampleWhen() {
	says := func(text string) pipeline.Step {
		return pipeline.StepFunc(func(_ context.Context, x *pipeline.Export) error { x.Info("%s", text); return nil })
	}
	chain, err := pipeline.New(
		expression.When("field.amount_total > 1000", says("needs a second approval")),
		expression.When("field.amount_total > 5000", says("needs the board")),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer chain.Close()
	call := rossumtest.Annotation(rossumtest.Number("amount_total", "1,250.00", "1250.00"), rossumtest.Offline())
	answer, err := chain.Export(context.Background(), call.Payload())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range answer.Messages {
		fmt.Printf("%s: %s\n", m.Type, m.Content)
	}
	// Output: info: needs a second approval
}
