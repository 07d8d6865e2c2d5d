// Complexapi makes three calls that depend on each other: create a draft invoice,
// attach the original document to it, submit it. What a call returned is the next
// one's address; a call that failed stops the rest.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer) error {
	books := erp.Start("")
	defer books.Close()
	chain, err := newChain(books.URL)
	if err != nil {
		return err
	}
	defer chain.Close()
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("sender_name", "Müller & Söhne"), rossumtest.Field("amount_total", "12.50"),
		rossumtest.Field("erp_id", ""), rossumtest.Field("create_status", ""), rossumtest.Field("attach_status", ""), rossumtest.Field("submit_status", ""),
		rossumtest.Secret("client_secret", erp.ClientSecret), rossumtest.Offline())
	// The second export is refused, since the ERP has the invoice already.
	for range 2 {
		response, err := chain.Export(context.Background(), call.Payload(), pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7")))
		if err != nil {
			return err
		}
		for _, m := range response.Messages {
			fmt.Fprintf(out, "%s: %s\n", m.Type, strings.ReplaceAll(m.Content, books.URL, "https://erp.example"))
		}
		for _, inv := range books.Invoices() {
			fmt.Fprintf(out, "the ERP has %s, %s, %s\n", inv.ID, inv.Number, inv.Status)
		}
	}
	return nil
}

func newChain(url string) (*pipeline.Chain, error) {
	auth := &steps.Auth{URL: url + "/oauth/token", Data: map[string]string{"grant_type": "client_credentials", "client_id": erp.ClientID, "client_secret": "{secret.client_secret}"}}
	rest := func(name string, s steps.RESTExport) pipeline.Step {
		s.Auth, s.HeadersKey = auth, name+"_headers"
		return pipeline.Named(name, &s)
	}
	status := func(name string) steps.Source {
		return steps.Source{Key: name + "_headers", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: name + "_status"}}}
	}
	return pipeline.New(
		&steps.Purge{ResetFields: []string{"erp_id", "create_status", "attach_status", "submit_status"}},
		&steps.CustomFormat{Exports: []steps.ExportConfig{{Key: "invoice", Template: `{"number": {{ field.document_id|tojson }}, "supplier": {{ field.sender_name|tojson }}, "currency": "EUR", "total": "{{ field.amount_total }}", "lines": [{"description": "all", "quantity": "1", "amount": "{{ field.amount_total }}", "tax_rate": "20"}]}`}}},
		rest("create", steps.RESTExport{Key: "invoice", PayloadKey: "create_reply", Request: steps.Request{URL: url + "/api/invoices", Headers: map[string]string{"Content-Type": "application/json"}, Content: "#{file_content}"}}),
		&steps.Extract{Sources: []steps.Source{status("create"), {Key: "create_reply", Rules: []steps.ExtractRule{{Path: "id", TargetField: "erp_id"}}}}},
		&steps.Evaluate{Check: steps.Check{Condition: "field.create_status != '201'", Message: "The draft was not created."}},
		rest("attach", steps.RESTExport{Request: steps.Request{URL: url + "/api/invoices/@{erp_id}/attachments", FilePart: "file", FileName: "@{document_id}.pdf", FileContent: "#{original_file}"}}),
		&steps.Extract{Sources: []steps.Source{status("attach")}},
		&steps.Evaluate{Check: steps.Check{Condition: "field.attach_status != '201'", Message: "The original was not attached."}},
		rest("submit", steps.RESTExport{Request: steps.Request{URL: url + "/api/invoices/@{erp_id}/submit"}}),
		&steps.Extract{Sources: []steps.Source{status("submit")}},
		&steps.Evaluate{Check: steps.Check{Condition: "field.submit_status != '200'", Message: "The invoice was not submitted."}},
	)
}
