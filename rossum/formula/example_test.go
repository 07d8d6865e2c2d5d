package formula_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/formula"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func ExampleCompileCondition() {
	c, err := formula.CompileCondition("r.field.erp_status != '201'")
	if err != nil {
		fmt.Println(err)
		return
	}
	p := rossumtest.Annotation(rossumtest.Field("erp_status", "500")).Payload()
	holds, err := c.Holds(context.Background(), p, formula.ConditionOptions{})
	fmt.Println(c.Reads(), holds, err)
	// Output: [erp_status] true <nil>
}

func ExampleCompileFunction() {
	f, err := formula.CompileFunction(`
from txscript import TxScript

def rossum_hook_request_handler(payload):
    t = TxScript.from_payload(payload)
    t.field.status = "exported"
    t.show_info("done")
    return t.hook_response()
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := rossumtest.Annotation(rossumtest.Field("status", "")).Payload()
	err = f.Run(context.Background(), p, formula.FunctionOptions{Show: func(m rossum.Message) { fmt.Println(m.Type, m.Content) }})
	fmt.Println(p.Annotation.Content.Find("status")[0].Value(), err)
	// Output:
	// info done
	// exported <nil>
}

// The program makes the calls of a function, here without a network.
func ExampleCompileSendingFunction() {
	const code = `
import requests

def rossum_hook_request_handler(payload):
    reply = requests.post("https://erp.example/invoices", json={"number": "2026-0042"})
    return {"messages": [{"type": "info", "content": str(reply.status_code)}]}
`
	_, err := formula.CompileFunction(code)
	fmt.Println(errors.Is(err, formula.ErrUnsupported))
	f, err := formula.CompileSendingFunction(code)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = f.Run(context.Background(), rossumtest.Annotation().Payload(), formula.FunctionOptions{
		Send: func(_ context.Context, c *formula.Call) (*formula.Reply, error) {
			fmt.Println(c.Method, c.URL, string(bytes.Join(c.Body, nil)))
			return &formula.Reply{Status: 201, Reason: "Created", URL: c.URL}, nil
		},
		Show: func(m rossum.Message) { fmt.Println(m.Content) },
	})
	fmt.Println(err)
	// Output:
	// true
	// POST https://erp.example/invoices {"number": "2026-0042"}
	// 201
	// <nil>
}

func ExampleCheckExpression() {
	fmt.Println(formula.CheckExpression("field.total > 100"))
	fmt.Println(errors.Is(formula.CheckExpression("field.total >"), formula.ErrSyntax))
	// Output:
	// <nil>
	// true
}
