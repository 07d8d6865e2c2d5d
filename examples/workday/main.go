// Workday submits two invoices to a Workday tenant on loopback: one that refers to
// a purchase order, with its document attached, and one that is coded by cost centre
// and project. It prints each request, Workday's reply and the message on the
// annotation, and then what happens when the second one comes again.
package main

import (
	"bytes"
	"context"
	_ "embed" // for the mappings
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

//go:embed po_backed.json
var poBacked []byte

//go:embed non_po.json
var nonPO []byte

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer) error {
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	for _, invoice := range []struct {
		name    string
		mapping []byte
		call    *rossumtest.Call
	}{
		{"PO-backed invoice", poBacked, poBackedInvoice()},
		{"non-PO invoice", nonPO, nonPOInvoice()},
		{"the same again", nonPO, nonPOInvoice()},
	} {
		fmt.Fprintf(out, "\n== %s\n", invoice.name)
		if err := export(out, tenant, invoice.mapping, invoice.call); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nThe tenant holds %d invoices.\n", len(tenant.Invoices()))
	return nil
}

func export(out io.Writer, tenant *workdaytest.Tenant, mapping []byte, call *rossumtest.Call) error {
	chain, err := pipeline.New(&workday.Step{Configurations: []workday.Configuration{{
		WSDL:        tenant.Coordinates(),
		Request:     workday.Request{Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: mapping},
		ResultField: "workday_id",
	}}})
	if err != nil {
		return err
	}
	call.With(rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password))
	answer, err := chain.Export(context.Background(), call.Payload(),
		pipeline.WithHTTPClient(&http.Client{Transport: printer{out}}),
		pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7 a scanned invoice")),
		pipeline.WithClock(func() time.Time { return time.Date(2026, 4, 2, 9, 30, 0, 0, time.UTC) }),
	)
	if err != nil {
		return err
	}
	for _, m := range answer.Messages {
		fmt.Fprintf(out, "-- %s: %s\n", m.Type, m.Content)
	}
	return nil
}

func poBackedInvoice() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Offline(),
		rossumtest.Field("document_id", "INV-2026-0077"), rossumtest.Field("date_issue", "2026-03-31"),
		rossumtest.Field("order_id", "PO-4500012345"), rossumtest.Field("amount_total", "1234.50"),
		rossumtest.Field("memo", "Office chairs & delivery"), rossumtest.Field("file_name", "INV-2026-0077.pdf"),
		rossumtest.Field("company_wd", "CO-100"), rossumtest.Field("supplier_wd", "S-00042"), rossumtest.Field("currency", "EUR"),
		rossumtest.Field("workday_id", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Office chair", "item_quantity", "10", "item_unit_price", "100.00", "item_total", "1000.00", "item_order_type_wd", "goods", "item_po_line", "1"),
			rossumtest.Row("item_description", "Delivery", "item_quantity", "1", "item_unit_price", "234.50", "item_total", "234.50", "item_order_type_wd", "service", "item_po_line", "2")))
}

func nonPOInvoice() *rossumtest.Call {
	return rossumtest.Annotation(rossumtest.Offline(),
		rossumtest.Field("document_id", "2026/15"), rossumtest.Field("date_issue", "2026-02-28"), rossumtest.Field("amount_total", "605.00"),
		rossumtest.Field("company_wd", "CO-100"), rossumtest.Field("supplier_wd", "S-00043"), rossumtest.Field("currency", ""),
		rossumtest.Field("workday_id", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Workshop", "item_total", "300.00", "item_cost_center_wd", "CC-77", "item_project_wd", "PRJ-9"),
			rossumtest.Row("item_description", "Travel", "item_total", "305.00", "item_cost_center_wd", "CC-77", "item_project_wd", "")))
}

// printer shows the calls that go through it, without the password.
type printer struct{ out io.Writer }

func (p printer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return http.DefaultTransport.RoundTrip(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	fmt.Fprintf(p.out, "-- request\n%s", indent(sent))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	received, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(received))
	fmt.Fprintf(p.out, "-- reply %d\n%s", resp.StatusCode, indent(received))
	return resp, err
}

var password = regexp.MustCompile(`(<wsse:Password[^>]*>)[^<]*`)

// indent puts each element of a message's body on a line of its own.
func indent(message []byte) string {
	message = password.ReplaceAll(message, []byte("${1}***"))
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(message))
	depth, leaf := 0, false
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return b.String() + "\n"
		}
		if err != nil {
			return b.String() + err.Error() + "\n"
		}
		switch t := t.(type) {
		case xml.StartElement:
			fmt.Fprintf(&b, "\n%s%s", strings.Repeat("  ", depth), t.Name.Local)
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" {
					fmt.Fprintf(&b, " %s=%q", a.Name.Local, a.Value)
				}
			}
			depth, leaf = depth+1, true
		case xml.EndElement:
			depth, leaf = depth-1, false
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" && leaf {
				fmt.Fprintf(&b, ": %s", text)
			}
		}
	}
}
