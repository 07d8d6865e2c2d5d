package workday_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/exportpipeline/exportpipeline/internal/loopback"
	"github.com/exportpipeline/exportpipeline/internal/mortal"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/pipelinetest"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mapping = `{
	"Add_Only": true,
	"Supplier_Invoice_Data": {
		"Submit": true,
		"Invoice_Date": "@{date_issue}",
		"Invoice_Received_Date": "{current_datetime}",
		"Suppliers_Invoice_Number": "@{document_id}",
		"Control_Amount_Total": {"$DATAPOINT_VALUE$": {"schema_id": "amount_total", "value_type": "float"}},
		"Company_Reference": {"ID": [{"type": "Organization_Reference_ID", "_value_1": "@{company}"}]},
		"Supplier_Reference": {"ID": [{"type": "Supplier_ID", "_value_1": "@{supplier}"}]},
		"Currency_Reference": {"$IF_SCHEMA_ID$": {"schema_id": "currency", "mapping": {"ID": [{"type": "Currency_ID", "_value_1": "@{currency}"}]}}},
		"Attachment_Data": [{"Filename": "invoice.pdf", "Content_Type": "application/pdf", "File_Content": "{document_content}"}],
		"Invoice_Line_Replacement_Data": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "line_item", "mapping": {
			"Line_Order": "{schema_loop.index}",
			"Item_Description": "@{item_description}",
			"Quantity": "@{item_quantity}",
			"Extended_Amount": "@{item_amount}"
		}}}
	}
}`

// invoice is an annotation of the queue 1 with the secrets of the tenant.
func invoice(parts ...rossumtest.Part) *rossumtest.Call { return numbered("INV-1", parts...) }

func numbered(number string, parts ...rossumtest.Part) *rossumtest.Call {
	return rossumtest.Annotation(append([]rossumtest.Part{
		rossumtest.Offline(),
		rossumtest.Field("document_id", number), rossumtest.Field("date_issue", "2026-03-31"),
		rossumtest.Number(
			"amount_total",
			"1 234.50",
			"1234.50",
		), rossumtest.Field("amount_text", "1 234.50"), rossumtest.Field("company", "CO-1"),
		rossumtest.Field("supplier", "S-1"), rossumtest.Field("currency", ""),
		rossumtest.Field("workday_id", ""), rossumtest.Field("workday_wid", ""),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Chairs & <tables>", "item_quantity", "10", "item_amount", "1000.00"),
			rossumtest.Row("item_description", "Delivery", "item_quantity", "1", "item_amount", "234.50"),
		),
		rossumtest.Secret("workday_username", workdaytest.Username), rossumtest.Secret("workday_password", workdaytest.Password),
	}, parts...)...)
}

// step returns a step for a tenant, changed by the functions.
func step(t testing.TB, tenant *workdaytest.Tenant, change ...func(*workday.Configuration)) *workday.Step {
	t.Helper()
	c := workday.Configuration{
		WSDL:        tenant.Coordinates(),
		Request:     workday.Request{Service: "Resource_Management", Operation: "Submit_Supplier_Invoice", Mapping: json.RawMessage(mapping)},
		ResultField: "workday_id", ResultWIDField: "workday_wid",
	}
	for _, f := range change {
		f(&c)
	}
	s := &workday.Step{Configurations: []workday.Configuration{c}}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAMappingMayBeAMapOfGo(t *testing.T) {
	t.Parallel()
	var asMap map[string]any
	if err := json.Unmarshal([]byte(mapping), &asMap); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]any{"a map": asMap, "bytes": []byte(mapping)} {
		s := step(t, tenant(t), func(c *workday.Configuration) { c.Request.Mapping = m })
		if r, err := export(t, s, invoice()); err != nil || r.Failed() {
			t.Errorf("%s: %v, %s", name, err, texts(r))
		}
	}
	s := &workday.Step{
		Configurations: []workday.Configuration{
			{WSDL: tenant(t).Coordinates(), Request: workday.Request{Service: "S", Operation: "O", Mapping: func() {}}},
		},
	}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "configurations[0].request.mapping: ") {
		t.Errorf("a function as mapping: %v", err)
	}
}

func tenant(t testing.TB) *workdaytest.Tenant {
	t.Helper()
	made := workdaytest.NewTenant()
	t.Cleanup(func() {
		made.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return made
}

var original = pipeline.WithOriginal(pipeline.Bytes("%PDF-1.7 invoice"))

func export(t testing.TB, s pipeline.Step, call *rossumtest.Call, options ...pipeline.Option) (*rossum.Response, error) {
	t.Helper()
	return exportPayload(t, s, call.Payload(), options...)
}

func exportPayload(t testing.TB, s pipeline.Step, p *rossum.Payload, options ...pipeline.Option) (*rossum.Response, error) {
	t.Helper()
	chain, ok := s.(*pipeline.Chain)
	if !ok {
		var err error
		if chain, err = pipeline.New(s); err != nil {
			t.Fatal(err)
		}
	}
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	options = append([]pipeline.Option{original, pipeline.WithHTTPClient(client)}, options...)
	return chain.Export(t.Context(), p, options...)
}

func texts(r *rossum.Response) string {
	var lines []string
	for _, m := range r.Messages {
		lines = append(lines, string(m.Type)+": "+m.Content)
	}
	return strings.Join(lines, "\n")
}

func TestAnInvoiceArrivesAndItsIDsComeBack(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	r, err := export(t, step(t, w), invoice(), pipeline.WithClock(func() time.Time { return time.Date(2026, 4, 2, 10, 0, 0, 0, time.UTC) }))
	if err != nil || r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	want := "info: Export to Workday successful. Created new supplier invoice with ID: SUPPLIER_INVOICE-1 (Supplier_Invoice_Reference_ID), 00000000000000000000000000000001 (WID)."
	if got := texts(r); got != want {
		t.Errorf("messages\n%s\nwant\n%s", got, want)
	}
	if len(r.Operations) != 2 {
		t.Errorf("operations %v, want two replaced fields", r.Operations)
	}
	calls := w.Calls()
	if len(calls) != 1 || calls[0].Username != "ISU_Rossum@acme_dpt1" {
		t.Fatalf("calls %v", calls)
	}
	body := string(calls[0].Body)
	for _, part := range []string{
		`"Add_Only":true`, `"Control_Amount_Total":1234.5`, `"Invoice_Received_Date":"2026-04-02"`, `"Item_Description":"Chairs & <tables>"`,
		`"Line_Order":"2"`, `"File_Content":"JVBERi0xLjcgaW52b2ljZQ=="`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the call lacks %s: %s", part, body)
		}
	}
	if strings.Contains(body, "Currency_Reference") {
		t.Error("the empty currency was sent")
	}
}

func TestAFieldThatIsMissingIsFoundBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	r, err := export(t, step(t, w, mapped(`{"Supplier_Invoice_Data": {"Memo": "@{memoo}"}}`)), invoice())
	want := `configurations[0].request.mapping.Supplier_Invoice_Data.Memo: field "memoo": no such field in the annotation`
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(texts(r), want) || w.WSDLRequests() != 0 {
		t.Errorf("%v, %d WSDLs fetched\n%s", err, w.WSDLRequests(), texts(r))
	}
}

// What a person sees, such as 3/5/2026, fits no date of Workday's: the published
// settings put plain fields there, and mean the normalised values.
func TestDatesAndAmountsAreSentAsTheirNormalisedValues(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{"line", "lines"} { // the rows, and the table that holds them
		w := tenant(t)
		call := invoice(
			rossumtest.Date("received", "3/5/2026", "2026-03-05"), rossumtest.Field("approved", "False"), rossumtest.Field("tax", "1.5E+1"),
			rossumtest.Table("lines",
				rossumtest.Row("item", "a").Typed("item_total", rossumtest.Value{Text: "1 210.50", Normalized: "1210.5", Type: "number"}),
				rossumtest.Row("item", "b").Typed("item_total", rossumtest.Value{Text: "10", Normalized: "10", Type: "number"})),
		)
		r, err := export(t, step(t, w, mapped(`{"Supplier_Invoice_Data": {
			"Company_Reference": {"ID": [{"type": "Organization_Reference_ID", "_value_1": "E"}]},
			"Submit": "@{approved}", "Invoice_Date": "@{received}", "Control_Amount_Total": "@{amount_total}", "Tax_Amount": "@{tax}",
			"Invoice_Line_Replacement_Data": {"$FOR_EACH_SCHEMA_ID$": {"schema_id": "`+lines+`", "mapping": {
				"Line_Order": "{schema_loop.index}", "Item_Description": "@{item}", "Extended_Amount": "@{item_total}"}}}}}`)), call)
		if err != nil || r.Failed() || len(w.Calls()) != 1 {
			t.Errorf("%s: %v, %s", lines, err, texts(r))
			continue
		}
		body := string(w.Calls()[0].Body)
		for _, part := range []string{
			`"Submit":false`, `"Invoice_Date":"2026-03-05"`, `"Control_Amount_Total":1234.50`, `"Tax_Amount":15`,
			`"Item_Description":"a"`, `"Extended_Amount":1210.5`, `"Item_Description":"b"`, `"Line_Order":"2"`,
		} {
			if !strings.Contains(body, part) {
				t.Errorf("%s: the call lacks %s: %s", lines, part, body)
			}
		}
	}
}

var update = flag.Bool("update", false, "write testdata/messages.txt anew")

// TestWhatWorkdayAnswersIsShown has a row for each message of the component. All that a
// person sees is in testdata/messages.txt.
func TestWhatWorkdayAnswersIsShown(t *testing.T) {
	t.Parallel()
	path := "/wd:Submit_Supplier_Invoice_Request[1]/wd:Supplier_Invoice_Data[1]"
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	messages := &golden{}
	t.Cleanup(func() { messages.check(t, "testdata/messages.txt") })
	for name, c := range map[string]struct {
		next   http.HandlerFunc
		change func(*workday.Configuration)
		call   []rossumtest.Part
		want   []string // parts of the messages
	}{
		"validation": {
			next: func(w http.ResponseWriter, _ *http.Request) {
				workdaytest.ValidationFault(w, "2 errors.",
					workday.ValidationError{Message: "Invalid amount.", Detail: "Too much.", XPath: path + "/wd:Invoice_Line_Replacement_Data[2]/wd:Extended_Amount[1]"},
					workday.ValidationError{Message: "No such supplier.", XPath: path + "/wd:Supplier_Reference[1]/wd:ID[1]"})
			},
			want: []string{
				"error: Export to Workday failed. Error: Invalid amount. Too much. (Supplier_Invoice_Data.Invoice_Line_Replacement_Data[1].Extended_Amount) (field item_amount)",
				"error: Export to Workday failed. Error: No such supplier. (Supplier_Invoice_Data.Supplier_Reference.ID[0])",
			},
		},
		"validation with details that repeat": {
			next: func(w http.ResponseWriter, _ *http.Request) {
				workdaytest.ValidationFault(w, "Invalid date.", workday.ValidationError{Message: "Invalid date.", Detail: "Invalid date. It is in a closed period.", XPath: path + "/wd:Invoice_Date[1]"})
			},
			want: []string{"error: Export to Workday failed. Error: Invalid date. It is in a closed period. (Supplier_Invoice_Data.Invoice_Date) (field date_issue)"},
		},
		"validation with a detail of the whole": {
			next: func(w http.ResponseWriter, _ *http.Request) {
				workdaytest.SOAPFault(w, "Client.validationError", "Validation error occurred.", `<wd:Validation_Fault><wd:Detail_Message>The company is closed.</wd:Detail_Message></wd:Validation_Fault>`)
			},
			want: []string{"error: Export to Workday failed. Error: Validation error occurred. The company is closed.\n"},
		},
		"validation without parts": {
			next: func(w http.ResponseWriter, _ *http.Request) {
				workdaytest.ValidationFault(w, "", workday.ValidationError{})
			},
			want: []string{"error: Export to Workday failed. Error: Validation error occurred."},
		},
		"authentication": {
			call: []rossumtest.Part{rossumtest.Secret("workday_password", "wrong")},
			want: []string{"error: Export to Workday failed. Error: invalid username or password. Check the secrets workday_username and workday_password"},
		},
		"processing": {
			next: func(w http.ResponseWriter, _ *http.Request) { workdaytest.ProcessingFault(w) },
			want: []string{"error: Export to Workday failed. Error: Processing error occurred. The task submitted is not authorized."},
		},
		"unknown fault": {
			next: func(w http.ResponseWriter, _ *http.Request) { workdaytest.SOAPFault(w, "Server.odd", "Odd.", "<x/>") },
			want: []string{"error: Export to Workday failed. Error: Odd. Workday's fault code is Server.odd. Check in Workday whether " +
				"the document was created before you export again, and ask your Workday administrator about the fault."},
		},
		"no object in the answer": {
			next: answer(200, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><wd:Submit_Supplier_Invoice_Response xmlns:wd="urn:com.workday/bsvc"/></e:Body></e:Envelope>`),
			want: []string{"info: Export to Workday successful. Unable to retrieve new object info"},
		},
		"remarks": {
			next: answer(200, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><wd:Submit_Supplier_Invoice_Response xmlns:wd="urn:com.workday/bsvc"><wd:Supplier_Invoice_Reference><wd:ID wd:type="WID">0a</wd:ID></wd:Supplier_Invoice_Reference><wd:Exceptions_Response_Data><wd:Exceptions_Data><wd:Exception_Data><wd:Classification>Warning</wd:Classification><wd:Message>Due soon.</wd:Message></wd:Exception_Data></wd:Exceptions_Data></wd:Exceptions_Response_Data></wd:Submit_Supplier_Invoice_Response></e:Body></e:Envelope>`),
			want: []string{"warning: Workday reports: Warning: Due soon.", "with ID: 0a."},
		},
		"401 without a fault": {next: answer(401, "text/html", "<html>"), want: []string{
			"error: Export to Workday failed. Error: Workday refused the call with status 401: the user name or the password is not accepted; check the secrets workday_username and workday_password. Nothing was done."}},
		"403 without a fault": {next: answer(403, "text/html", "<html>"), want: []string{"does not accept calls from this network. Nothing was done."}},
		"404 without a fault": {next: answer(404, "text/plain", "no"), want: []string{"there is no service at the address that the WSDL names. Nothing was done."}},
		"429 without a fault": {next: answer(429, "text/plain", "slow down"), want: []string{"there were too many calls at once; export again later. Nothing was done."}},
		"more than is read": {next: answer(200, "text/xml", "<a>"+strings.Repeat("x", 65<<20)), want: []string{
			"error: Export to Workday failed. Error: the answer cannot be read: reading the reply, status 200: reply is too large", "Workday may have the document already"}},
		"HTML": {
			next: answer(200, "text/html", "<html><body><p>Sign in</body></html>"),
			want: []string{"error: Export to Workday failed. Error: the answer cannot be read", "Workday may have the document already"},
		},
		"XML of somebody else": {next: answer(200, "text/xml", "<html/>"), want: []string{"its root element is html"}},
		"another element":      {next: answer(200, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><x/></e:Body></e:Envelope>`), want: []string{"it holds the element x"}},
		"500 without a fault":  {next: answer(500, "text/plain", "oops"), want: []string{"status 500", "Workday may have"}},
		"503 with an envelope": {next: answer(503, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>`), want: []string{"status 503 without a fault"}},
		"truncated":            {next: answer(200, "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>`), want: []string{"the answer cannot be read", "it ends within the element <e:Body>"}},
		"entities":             {next: answer(200, "text/xml", `<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`), want: []string{"DOCTYPE"}},
		"deep nesting":         {next: answer(200, "text/xml", strings.Repeat("<a>", 100_000)), want: []string{"nested deeper than 1000 levels"}},
		"a redirect": {next: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/", http.StatusTemporaryRedirect)
		}, want: []string{"Workday refused the call: it redirects to example.com (status 307), which is not followed; the tenant may be in maintenance, or have moved. Nothing was done."}},
		"a redirect to what was made": {next: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/", http.StatusSeeOther)
		}, want: []string{"Workday may have the document already"}},
		"the connection ends": {next: hangUp, want: []string{"the connection ended before the answer", "Workday may have the document already: look there before you export again."}},
		"wrong version":       {change: func(c *workday.Configuration) { c.WSDL.APIVersion = "v1" }, want: []string{"error: Service not found. Check wsdl configuration."}},
		"wrong service":       {change: func(c *workday.Configuration) { c.Request.Service = "No_Service" }, want: []string{"error: Service not found. Check wsdl configuration."}},
		"wrong tenant":        {change: func(c *workday.Configuration) { c.WSDL.Tenant = "other" }, want: []string{"error: Internal Workday server error. Check the connection string (tenant, service and operation) or the request payload."}},
		"nobody listens":      {change: func(c *workday.Configuration) { c.WSDL.Domain = closedPort() }, want: []string{"error: Could not connect to Workday. Check domain configuration."}},
		"wrong operation":     {change: func(c *workday.Configuration) { c.Request.Operation = "Submit_Suplier_Invoice" }, want: []string{"has no such operation: Submit_Suplier_Invoice (did you mean Submit_Supplier_Invoice?)"}},
		"a value that is wrong": {
			change: mapped(`{"Supplier_Invoice_Data": {"Company_Reference": {}, "Control_Amount_Total": "@{amount_text}", "Tax_Amount": "x"}}`),
			want:   []string{`error: Export to Workday failed. Error: Supplier_Invoice_Data.Control_Amount_Total: "1 234.50" is not a decimal (such as -1234.50) (field amount_text)`, "Supplier_Invoice_Data.Tax_Amount"},
		},
		"no user":                 {call: []rossumtest.Part{rossumtest.Secret("workday_username", "")}, want: []string{"the secret workday_username is missing"}},
		"no password":             {call: []rossumtest.Part{rossumtest.Secret("workday_password", "")}, want: []string{"the secret workday_password is missing"}},
		"a password with newline": {call: []rossumtest.Part{rossumtest.Secret("workday_password", "a\n")}, want: []string{"control character"}},
		"the tenant in the name":  {call: []rossumtest.Part{rossumtest.Secret("workday_username", "ISU_Rossum@acme_dpt1")}, want: []string{"warning: The secret workday_username already ends in @ and the tenant", "info: Export to Workday successful."}},
		"another tenant's name":   {call: []rossumtest.Part{rossumtest.Secret("workday_username", "ISU_Rossum@acme")}, want: []string{"that is not wsdl.tenant"}},
		"no queue fits":           {change: func(c *workday.Configuration) { c.Queues = []workday.Queue{999999} }, want: []string{"info: No Workday configuration applies to queue"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := tenant(t)
			if c.next != nil {
				w.Next(c.next)
			}
			change := c.change
			if change == nil {
				change = func(*workday.Configuration) {}
			}
			r, err := export(t, step(t, w, change), invoice(c.call...))
			if err != nil && !errors.Is(err, pipeline.ErrNoSecret) { // which is known before the first call
				t.Fatal(err)
			}
			got := texts(r)
			messages.add(name, got)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("messages\n%s\nlack\n%s", got, want)
				}
			}
			if strings.Contains(got, workdaytest.Password) {
				t.Error("the password is shown")
			}
		})
	}
}

// golden collects texts for a file.
type golden struct {
	mu    sync.Mutex
	texts []string
}

var (
	port = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	// How a connection ended depends on the machine.
	ending = regexp.MustCompile(`(ended before the answer: )[^.]*\.`)
)

func (g *golden) add(name, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.texts = append(g.texts, "== "+name+"\n"+ending.ReplaceAllString(port.ReplaceAllString(text, "HOST"), "${1}CAUSE.")+"\n")
}

func (g *golden) check(t *testing.T, file string) {
	slices.Sort(g.texts)
	got := strings.Join(g.texts, "\n")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Error(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("the messages are others than those of %s (%v); see what -update makes of them:\n%s", file, err, got)
	}
}

func mapped(m string) func(*workday.Configuration) {
	return func(c *workday.Configuration) { c.Request.Mapping = json.RawMessage(m) }
}

func hangUp(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

func closedPort() string {
	port, err := loopback.Port()
	if err != nil {
		return "127.0.0.1:1"
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func TestAValidationErrorStandsBesideItsField(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	w.Next(func(w http.ResponseWriter, _ *http.Request) {
		workdaytest.ValidationFault(
			w,
			"",
			workday.ValidationError{
				Message: "Used.",
				XPath:   "/wd:Submit_Supplier_Invoice_Request[1]/wd:Supplier_Invoice_Data[1]/wd:Suppliers_Invoice_Number[1]",
			},
		)
	})
	call := invoice()
	r, err := export(t, step(t, w), call)
	if err != nil || len(r.Messages) != 2 || !strings.Contains(r.Messages[1].Content, "Submit_Supplier_Invoice (answered 500)") {
		t.Fatalf("%v, %v", err, r.Messages)
	}
	field, err := call.Payload().Annotation.Content.Field("document_id")
	if err != nil || r.Messages[0].ID != field.ID() {
		t.Errorf("the message is beside %d, want %d (%v)", r.Messages[0].ID, field.ID(), err)
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	var sent atomic.Int32
	for range 5 {
		w.Next(func(w http.ResponseWriter, r *http.Request) { sent.Add(1); hangUp(w, r) })
	}
	if r, err := export(t, step(t, w), invoice()); err != nil || !r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
}

func TestADuplicateInvoiceIsRefused(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	s := step(t, w)
	if r, err := export(t, s, invoice()); err != nil || r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	r, err := export(t, s, invoice())
	if err != nil || !strings.Contains(texts(r), "is used already. It is that of SUPPLIER_INVOICE-1.") {
		t.Errorf("%v, %s", err, texts(r))
	}
	if got := len(w.Invoices()); got != 1 {
		t.Errorf("the tenant holds %d invoices", got)
	}
}

func TestAnExportCutShortIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	s, err := pipeline.New(step(t, w))
	if err != nil {
		t.Fatal(err)
	}
	journal := func(l pipeline.Ledger) pipeline.Option {
		j, err := pipeline.NewJournal(l, pipeline.JournalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return pipeline.WithJournal(j)
	}
	ledger := pipeline.MemoryLedger()
	dying, _ := mortal.New(t.Context(), ledger, 4, false) // claim, call, what its file held, reply
	_, _ = export(t, s, invoice(), journal(dying))
	if err := dying.Bury(t.Context()); err != nil || !dying.Dead() {
		t.Fatal(err)
	}
	if _, err := export(t, s, invoice(), journal(ledger)); !errors.Is(err, pipeline.ErrMaybeSent) {
		t.Errorf("error %v, want ErrMaybeSent", err)
	}
	if got := len(w.Invoices()); got != 1 {
		t.Errorf("the tenant holds %d invoices", got)
	}
}

func TestAResultFieldThatIsMissingIsFoundOutBefore(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	_, err := export(t, step(t, w, func(c *workday.Configuration) { c.ResultField = "nowhere" }), invoice())
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v", err)
	}
	if len(w.Calls()) != 0 {
		t.Error("the call was made")
	}
}

func TestAFileThatCannotBeReadMeansThatNothingIsBooked(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	r, err := export(t, step(t, w), invoice(), pipeline.WithOriginal(broken{}))
	if err != nil || !strings.Contains(texts(r), "the call was not completed") || strings.Contains(texts(r), "may have") {
		t.Errorf("%v, %s", err, texts(r))
	}
	if len(w.Invoices()) != 0 {
		t.Error("an invoice was kept")
	}
}

func TestADocumentOfRossumIsSentWithItsLength(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	platform := rossumtest.NewServer()
	defer platform.Close()
	call := invoice(rossumtest.On(platform), rossumtest.Document("scan.pdf", "application/pdf"))
	p := call.Payload()
	platform.AddDocument(p.Document.ID, "scan.pdf", "application/pdf", []byte("%PDF of Rossum"))
	length := make(chan int64, 1)
	w.Next(func(out http.ResponseWriter, r *http.Request) {
		length <- r.ContentLength
		w.ServeHTTP(out, r)
	})
	s := step(t, w)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	chain, err := pipeline.New(s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := chain.Export(t.Context(), p, pipeline.WithHTTPClient(client))
	if err != nil || r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	if n := <-length; n < 1000 {
		t.Errorf("the length sent is %d", n)
	}
	if body := string(w.Calls()[0].Body); !strings.Contains(body, "JVBERiBvZiBSb3NzdW0=") {
		t.Errorf("the call lacks the document: %s", body)
	}
	// A document that is gone is found out before anything is sent.
	p = numbered("INV-2", rossumtest.On(platform), rossumtest.Set("document", "https://x.rossum.app/api/v1/documents/1")).Payload()
	p.Document.ID = 999
	if r, err := chain.Export(t.Context(), p, pipeline.WithHTTPClient(client)); err != nil ||
		!strings.Contains(texts(r), "the call was not completed") {
		t.Errorf("%v, %s", err, texts(r))
	}
	if len(w.Invoices()) != 1 {
		t.Errorf("%d invoices", len(w.Invoices()))
	}
}

type broken struct{}

func (broken) Size() int64 { return 1 << 20 }

func (broken) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000)), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestExportsShareOneFetchOfTheWSDL(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	s, err := pipeline.New(step(t, w))
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			r, err := export(t, s, numbered(fmt.Sprint("N-", i)))
			if err != nil || r.Failed() {
				t.Errorf("%v, %s", err, texts(r))
			}
		})
	}
	wait.Wait()
	if got := w.WSDLRequests(); got != 1 {
		t.Errorf("the WSDL was fetched %d times", got)
	}
	if got := len(w.Invoices()); got != 100 {
		t.Errorf("%d invoices arrived", got)
	}
}

func TestAFailedFetchOfTheWSDLIsNotKept(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	s := step(t, w, func(c *workday.Configuration) { c.Request.Service = "Later" })
	if r, err := export(t, s, invoice()); err != nil || !r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	w.Services["Later"] = workdaytest.WSDL()
	if r, err := export(t, s, invoice()); err != nil || r.Failed() {
		t.Errorf("%v, %s", err, texts(r))
	}
}

func TestTheFirstConfigurationThatFitsRuns(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	queue := workday.Queue(invoice().Payload().Annotation.QueueID())
	s := step(t, w)
	right := s.Configurations[0]
	wrong := right
	wrong.ExcludedQueues = []workday.Queue{queue}
	wrong.Request.Operation = "Cancel_Supplier_Invoice"
	right.Queues = []workday.Queue{queue}
	later := wrong
	later.ExcludedQueues = nil
	chosen := &workday.Step{Configurations: []workday.Configuration{wrong, right, later}}
	if r, err := export(t, chosen, invoice()); err != nil || r.Failed() {
		t.Fatalf("%v, %s", err, texts(r))
	}
	if calls := w.Calls(); len(calls) != 1 || calls[0].Operation != "Submit_Supplier_Invoice" {
		t.Errorf("calls %v", calls)
	}
}

func TestStepKeepsThePromisesOfAStep(t *testing.T) {
	w := tenant(t)
	w.Reply(
		"Submit_Supplier_Invoice",
		map[string]any{"Supplier_Invoice_Reference": map[string]any{"ID": map[string]any{"type": "WID", "_value_1": "0a"}}},
	)
	s := step(t, w)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	options := []pipeline.Option{original, pipeline.WithHTTPClient(client)}
	fresh := step(t, w, mapped(`{"Supplier_Invoice_Data": {"Company_Reference": {}, "Memo": "@{document_id}"}}`))
	pipelinetest.TestStep(t, fresh, pipelinetest.Case{Name: "passes", Call: invoice(), Options: options})
	pipelinetest.TestStep(
		t,
		s,
		pipelinetest.Case{Name: "fails", Call: invoice(rossumtest.Secret("workday_password", "wrong")), Options: options, Fails: true},
	)
}
