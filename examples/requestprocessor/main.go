// Requestprocessor does a whole export through one hook, Rossum's Request Processor:
// it creates an invoice in an ERP, uploads the scan to it, and submits it. The hook
// is hook.json beside this file, as Rossum's API has it; nothing of it is written
// again in Go.
//
//	go run ./examples/requestprocessor
//
// A fake Rossum and a small ERP on loopback answer. The second export of the same
// invoice is refused by the ERP, so that the later stages are skipped.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

//go:embed hook.json
var hookFile []byte

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer) error {
	platform := rossumtest.NewServer()
	defer platform.Close()
	platform.AddDocument(rossumtest.DocumentID, "invoice.pdf", "application/pdf", []byte("%PDF-1.7 of the invoice"))
	books := erp.Start("")
	defer books.Close()

	hook, err := rossum.ParseHook(hookFile)
	if err != nil {
		return err
	}
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	exports, err := organisation.FromHooks([]*rossum.Hook{hook}, registry, organisation.Options{})
	if err != nil {
		return err // of wrong settings, with the place of each fault
	}
	// A status that is not a success fails no export by itself; this does.
	chain, err := pipeline.New(exports, &steps.Evaluate{Check: steps.Check{Condition: "field.erp_state != 'submitted'", Message: "The ERP has not taken the invoice."}})
	if err != nil {
		return err
	}
	defer chain.Close()

	call := rossumtest.Annotation(
		rossumtest.Field("erp_url", books.URL), rossumtest.Field("document_id", "2026-0042"), rossumtest.Field("sender_name", "Müller & Söhne"),
		rossumtest.Number("amount_total", "12.50", "12.50"), rossumtest.Field("create_status", ""), rossumtest.Field("erp_id", ""),
		rossumtest.Field("erp_state", ""), rossumtest.Field("erp_error", ""),
		rossumtest.Secret("client_secret", erp.ClientSecret), rossumtest.On(platform))
	for i := range 2 {
		if err := export(out, chain, call, books.URL, i+1); err != nil {
			return err
		}
	}
	for _, path := range books.Calls() {
		fmt.Fprintln(out, "the ERP got", path)
	}
	for _, inv := range books.Invoices() {
		fmt.Fprintf(out, "the ERP has %s, %s, %s with %s\n", inv.ID, inv.Number, inv.Status, inv.Attachments[0].Name)
	}
	return nil
}

// export runs the hook once and tells what Rossum would show and write.
func export(out io.Writer, chain *pipeline.Chain, call *rossumtest.Call, erpURL string, number int) error {
	var report *pipeline.Report
	payload := call.Payload()
	// The URL of the ERP is in a field; a formula field would name its host itself.
	response, err := chain.Export(context.Background(), payload, pipeline.WithAllowedHosts("127.0.0.1"),
		pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "export %d:\n", number)
	for _, m := range response.Messages {
		fmt.Fprintf(out, "  %s: %s\n", m.Type, strings.ReplaceAll(m.Content, erpURL, "https://erp.example"))
	}
	for _, op := range response.Operations {
		fmt.Fprintf(out, "  %s becomes %s\n", payload.Annotation.Content.ByID(op.ID).SchemaID(), op.Value)
	}
	for _, s := range report.All() {
		for _, decision := range s.Decisions {
			fmt.Fprintln(out, "  "+decision)
		}
	}
	return nil
}
