// Simpleapi is the simple API export of Rossum's knowledge base as Go literals:
// clean up, make a file, post it, take the status out of the reply, decide.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

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
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(out, "the API got %s %s\n%s", r.Method, r.Header.Get("Content-Type"), body)
		w.WriteHeader(http.StatusCreated)
	}))
	defer api.Close()

	chain, err := pipeline.New(
		&steps.Purge{ResetFields: []string{"api_status_code"}},
		&steps.CustomFormat{Exports: []steps.ExportConfig{{
			Key:      "csv",
			Template: "Document ID,Item,Quantity\n{% for item in field.line_items %}{{ field.document_id }},{{ item.item_description }},{{ item.item_quantity }}\n{% endfor %}",
		}}},
		&steps.RESTExport{
			Key:        "csv",
			Request:    steps.Request{URL: api.URL, Headers: map[string]string{"Content-Type": "text/csv"}, Content: "#{file_content}"},
			HeadersKey: "reply_headers",
		},
		&steps.Extract{Sources: []steps.Source{{Key: "reply_headers", Rules: []steps.ExtractRule{{Path: "status_code", TargetField: "api_status_code"}}}}},
		&steps.Evaluate{Check: steps.Check{Condition: "r.field.api_status_code != '201'", Message: "The invoice was not created."}},
	)
	if err != nil {
		return err
	}
	call := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("api_status_code", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Paper", "item_quantity", "5"),
			rossumtest.Row("item_description", "Toner", "item_quantity", "1")),
		rossumtest.Offline())
	response, err := chain.Export(context.Background(), call.Payload())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "messages %d, operations %s\n", len(response.Messages), response.Operations[0].Value)
	return nil
}
