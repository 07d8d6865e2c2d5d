// Organisation runs the exports of a made-up organisation, as the deployment tool
// prd2 keeps it in the folder acme: 12 hooks, two queues with templates of their own,
// formula fields that decide about later calls, two attachments that are sent side by
// side, and an evaluator that is a function in Python.
//
//	go run ./examples/organisation
//
// It starts a small ERP on loopback, exports an invoice of each queue, and shows the
// reports, the answers' messages and what the ERP holds then. With -calls it shows
// every call that the ERP got; with -graph the hooks of a queue as Mermaid text; with
// -pages DIR it writes each run as a page.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/examples/internal/erp"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/pipeline/runpage"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/steps"
)

func main() {
	calls := flag.Bool("calls", false, "show the calls that the ERP got")
	graph := flag.Bool("graph", false, "show the hooks of each queue as a graph")
	pages := flag.String("pages", "", "write a page of each run to this `folder`")
	flag.Parse()
	recorded, err := run(os.Stdout, "examples/organisation/acme", *graph, *pages)
	if err != nil {
		log.Fatal(err)
	}
	if *calls {
		fmt.Print(recorded)
	}
}

// run exports an invoice of each queue, and returns the calls that the ERP got.
func run(out io.Writer, folder string, graph bool, pages string) (calls string, err error) {
	acme, err := rossum.LoadOrganisation(os.DirFS(folder))
	if err != nil {
		return "", err
	}
	registry := &organisation.Registry{}
	steps.Register(registry, steps.RegisterOptions{})
	target := erp.Start("")
	defer target.Close()
	recorder := &recorder{}
	for _, queue := range acme.Queues {
		chain, err := chainOf(acme, queue, registry)
		if err != nil {
			return "", err
		}
		if graph {
			fmt.Fprintf(out, "%s\n%s\n", queue.Name, chain.Graph())
			continue
		}
		if err := export(out, chain, queue, target, recorder, pages); err != nil {
			return "", err
		}
	}
	for _, invoice := range target.Invoices() {
		fmt.Fprintf(out, "the ERP holds  %s %s: %s %s, %d lines, %d attachments, %s\n",
			invoice.ID, invoice.Number, invoice.Total, invoice.Currency, len(invoice.Lines), len(invoice.Attachments), invoice.Status)
	}
	return recorder.text(target.URL), nil
}

// chainOf makes the chain of a queue.
func chainOf(o *rossum.Organisation, q *rossum.Queue, registry *organisation.Registry) (*pipeline.Chain, error) {
	chain, err := organisation.FromHooks(o.Hooks, registry, organisation.Options{Queue: q.URL})
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", q.Name, err)
	}
	return chain, nil
}

func export(out io.Writer, chain *pipeline.Chain, queue *rossum.Queue, target *erp.Server, recorder *recorder, pages string) error {
	defer chain.Close()
	call := invoice(queue).With(rossumtest.Offline())
	var report *pipeline.Report
	answer, err := chain.Export(context.Background(), call.Payload(),
		pipeline.WithSecrets(secretsOf(target)), pipeline.WithFormulas(pipeline.Formulas{Schema: queue.Schema}),
		pipeline.WithHTTPClient(&http.Client{Transport: recorder}), pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7 of "+queue.Name)),
		pipeline.WithDetails(pipeline.Details{}), pipeline.WithReport(func(_ context.Context, r *pipeline.Report) { report = r }))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Queue %s\n%s", queue.Name, report.Text())
	for _, m := range answer.Messages {
		fmt.Fprintf(out, "%s: %s\n", m.Type, m.Content)
	}
	fmt.Fprintln(out)
	if pages == "" {
		return nil
	}
	page, err := runpage.Page(report)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(pages, fmt.Sprintf("queue-%d.html", queue.ID)), page, 0o600)
}

// secretsOf gives each hook that calls the ERP its secrets; another program would ask
// a vault.
func secretsOf(target *erp.Server) pipeline.SecretsOf {
	return func(_ context.Context, h *rossum.Hook) (rossum.Secrets, error) {
		if !bytes.Contains(h.Settings, []byte("{secret.")) {
			return nil, nil
		}
		return rossum.Secrets{"erp_url": target.URL, "client_secret": erp.ClientSecret}, nil
	}
}

// invoice is a checked invoice of a queue.
func invoice(q *rossum.Queue) *rossumtest.Call {
	line := func(description, quantity, amount, rate string) rossumtest.TableRow {
		number := func(text string) rossumtest.Value {
			return rossumtest.Value{Text: text, Normalized: text, Type: "number"}
		}
		return rossumtest.Row("item_description", description, "item_tax_label", "").
			Typed("item_quantity", number(quantity)).Typed("item_amount", number(amount)).Typed("item_tax_rate", number(rate))
	}
	number, supplier, currency := "2026-EU-0042", "Müller & Söhne \"Papier\" GmbH", "eur"
	if q.ID == 8 {
		number, supplier, currency = "2026-US-0007", "O'Hara <Office> Supplies", "usd"
	}
	return rossumtest.Annotation(
		rossumtest.Set("queue", q.URL), rossumtest.Sideload("schemas", nil),
		rossumtest.Field("document_id", number), rossumtest.Field("sender_name", supplier), rossumtest.Field("currency", currency), rossumtest.Number("amount_total", "1 030,00", "1030.00"),
		rossumtest.Table("line_items",
			line("Paper A4, 80 g", "10", "400.00", "21"), line("Toner \"black\"", "2", "180.00", "21"), line("Books & maps", "3", "90.00", "10"), line("Donation", "1", "60.00", ""),
			line("Pens", "100", "50.00", "21"), line("Folders", "20", "40.00", "21"), line("Stamps", "50", "70.00", ""), line("Envelopes", "500", "35.00", "21"),
			line("Labels", "10", "25.00", "21"), line("Delivery", "1", "80.00", "21")),
		rossumtest.Field("erp_create_status", ""), rossumtest.Field("erp_create_reply", ""), rossumtest.Field("erp_invoice_id", ""),
		rossumtest.Field("erp_original_status", ""), rossumtest.Field("erp_summary_status", ""), rossumtest.Field("erp_submit_status", ""),
		rossumtest.Field("erp_created", ""), rossumtest.Field("erp_attach_path", ""), rossumtest.Field("erp_attached", ""), rossumtest.Field("erp_submit_path", ""),
		rossumtest.Field("line_count", "10"),
	)
}

// recorder notes calls on their way to the ERP.
type recorder struct {
	mu    sync.Mutex
	calls []recorded
}

type recorded struct{ line, body string }

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.mu.Lock()
	r.calls = append(r.calls, recorded{fmt.Sprintf("%s %s\nContent-Type: %s", req.Method, req.URL.Path, req.Header.Get("Content-Type")), string(body)})
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// boundary is the part of a multipart call that is another each time.
var boundary = regexp.MustCompile(`boundary=(\S+)`)

// text returns the calls as they were sent, those that went side by side in the
// order of their bodies.
func (r *recorder) text(base string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, c := range r.calls {
		text := c.line + "\n\n" + c.body + "\n"
		if m := boundary.FindStringSubmatch(c.line); m != nil {
			text = strings.ReplaceAll(text, m[1], "BOUNDARY")
		}
		text = strings.ReplaceAll(text, base, "ERP")
		if strings.Contains(c.line, "/oauth/token") && slices.Contains(list, text) {
			continue // every hook asks for a token of its own, also side by side
		}
		list = append(list, text)
	}
	for i := range list {
		for j := i; j > 0 && strings.Contains(list[j], "/attachments") && strings.Contains(list[j-1], "/attachments") && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return strings.Join(slices.Clip(list), "----\n")
}
