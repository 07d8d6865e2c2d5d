// Quickstart runs a complete export on this machine: a fake Rossum and a small
// ERP on loopback, and a signed hook call for an invoice of twelve lines.
//
//	go run ./examples/quickstart               the ERP takes the invoice
//	go run ./examples/quickstart -fail         the ERP rejects it
//	go run ./examples/quickstart -listen :8080 keeps serving the hook
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/hookserver"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

//go:embed invoice.json
var invoice string

// hookSecret is what calls are signed with. One that is made up is for the call that
// this program makes itself.
var hookSecret = cmp.Or(os.Getenv("ROSSUM_HOOK_SECRET"), rand.Text())

func main() {
	fail := flag.Bool("fail", false, "have the ERP reject the invoice")
	listen := flag.String("listen", "", "keep serving the hook at this `address`")
	flag.Parse()
	if err := run(os.Stdout, *fail, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, fail bool, listen string) error {
	if listen != "" && os.Getenv("ROSSUM_HOOK_SECRET") == "" {
		return errors.New("set ROSSUM_HOOK_SECRET to the hook's secret")
	}
	platform := rossumtest.NewServer()
	defer platform.Close()
	platform.AddDocument(rossumtest.DocumentID, "invoice_2026_0042.pdf", "application/pdf", []byte("%PDF-1.7 (the scanned invoice)"))
	reject := ""
	if fail {
		reject = "is blocked for payments since <today> & until further notice"
	}
	books := erp.Start(reject)
	defer books.Close()

	chain, err := newChain(books.URL)
	if err != nil {
		return err
	}
	var report *pipeline.Report
	server, err := hookserver.New(hookserver.Options{Chain: chain, SignatureSecrets: []string{hookSecret}, Run: []pipeline.Option{
		pipeline.WithStore(pipeline.InRossum()), pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }),
	}})
	if err != nil {
		return err
	}
	defer server.Shutdown(context.Background())
	hook := httptest.NewServer(server)
	defer hook.Close()

	answer, err := call(hook.URL, strings.ReplaceAll(invoice, "https://example.rossum.app", platform.URL))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report.Text())
	fmt.Fprintln(out, "Artefacts and replies, kept in Rossum:")
	for key, data := range platform.Artefacts(rossumtest.AnnotationID) {
		fmt.Fprintf(out, "  %s: %d bytes\n", key, len(data))
	}
	fmt.Fprintln(out, "\nThe ERP now holds:")
	for _, inv := range books.Invoices() {
		fmt.Fprintf(out, "  %s  %s  %s  %s %s  %d lines, %d attachment, %s\n",
			inv.ID, inv.Number, inv.Supplier, inv.Total, inv.Currency, len(inv.Lines), len(inv.Attachments), inv.Status)
	}
	fmt.Fprintf(out, "\nThe answer to Rossum:\n%s\n", answer)
	if listen != "" {
		fmt.Fprintf(out, "\nServing the hook at %s\n", listen)
		return http.ListenAndServe(listen, server)
	}
	return nil
}

// call calls the hook as Rossum does.
func call(url, body string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	rossum.Sign(req.Header, []byte(body), hookSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the hook answered with status %s: %s", resp.Status, answer)
	}
	var indented bytes.Buffer
	err = json.Indent(&indented, answer, "", "  ")
	return indented.String(), err
}
