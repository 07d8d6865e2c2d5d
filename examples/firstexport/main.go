// Firstexport is a whole export in one file: a CSV of the invoice, a call to an ERP, its
// status in a field, and a verdict.
//
//	go run ./examples/firstexport                 shows what would be sent for a made-up invoice
//	go run ./examples/firstexport -listen :8080   serves it to Rossum
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func newChain(erpURL string) (*pipeline.Chain, error) {
	return pipeline.New(
		&steps.CustomFormat{Exports: []steps.ExportConfig{{
			Key: "invoice",
			Template: "number,item,amount\n" +
				"{% for item in field.line_items %}{{ field.document_id }},{{ item.description }},{{ item.amount }}\n{% endfor %}",
		}}},
		&steps.RESTExport{
			Key: "invoice",
			Request: steps.Request{
				URL:     erpURL + "/invoices",
				Headers: map[string]string{"Content-Type": "text/csv", "X-Api-Key": "{secret.api_key}"},
				Content: "#{file_content}",
			},
			HeadersKey: "reply",
		},
		&steps.Extract{Sources: []steps.Source{{Key: "reply", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "api_status"}}}}},
		&steps.Evaluate{Check: steps.Check{Condition: "r.field.api_status != '201'", Message: "The ERP did not take the invoice."}},
	)
}

func main() {
	listen := flag.String("listen", "", "serve the hook at this `address`, such as :8080")
	flag.Parse()
	chain, err := newChain(cmp.Or(os.Getenv("ERP_URL"), "https://erp.example"))
	switch {
	case err != nil:
	case *listen == "":
		err = try(os.Stdout, chain)
	default:
		err = serve(chain, *listen)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// try shows what the chain does with a made-up invoice, and sends nothing.
func try(out io.Writer, chain *pipeline.Chain) error {
	_, err := chain.Export(context.Background(), invoice().Payload(), pipeline.WithDryRun(pipeline.DryRun{}),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { fmt.Fprint(out, r.Text()) }))
	return err
}

// serve answers Rossum's calls at /export.
func serve(chain *pipeline.Chain, listen string) error {
	hook, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: []string{os.Getenv("ROSSUM_HOOK_SECRET")}})
	if err != nil {
		return err
	}
	http.Handle("/export", hook)
	return http.ListenAndServe(listen, nil)
}

// invoice is a hook call with the fields that the chain reads and writes.
func invoice() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Offline(), rossumtest.Secret("api_key", "key-of-the-erp"),
		rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("api_status", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("description", "Paper", "amount", "12.50"), rossumtest.Row("description", "Toner", "amount", "25.00")))
}
