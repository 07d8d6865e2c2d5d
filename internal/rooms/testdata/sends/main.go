// The program runs a chain of a step of its own that sends.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func main() {
	chain, err := pipeline.New(pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) error {
		_, err := send.Do(ctx, x, &send.Call{Method: "POST", URL: os.Args[1]})
		return err
	}))
	if err == nil {
		var p *rossum.Payload
		if p, err = rossum.ParsePayload([]byte(os.Args[2])); err == nil {
			_, err = chain.Export(context.Background(), p)
		}
	}
	fmt.Println(err)
}
