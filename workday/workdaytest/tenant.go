// Package workdaytest is a Workday tenant on loopback for tests: it serves a WSDL,
// checks who signs in, validates every call against the schema, keeps the supplier
// invoices that it gets, refuses one that it has already, and fails on demand.
//
// The WSDL that it serves unless it is given another is a small one of this
// project in Workday's style, with the operations Submit_Supplier_Invoice and
// Cancel_Supplier_Invoice of the service Resource_Management.
package workdaytest

import (
	"bytes"
	"context"
	_ "embed" // for the WSDL
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

//go:embed Resource_Management.wsdl
var resourceManagement []byte

// WSDL returns the WSDL of the service Resource_Management that a tenant serves.
func WSDL() []byte { return bytes.Clone(resourceManagement) }

// What a tenant knows unless its fields say otherwise.
const (
	TenantName = "acme_dpt1"
	Username   = "ISU_Rossum"
	Password   = "not-a-secret"
	APIVersion = "v39.1"
)

// Tenant is a Workday tenant. Set its fields before the first call; its methods may
// be used by several goroutines.
type Tenant struct {
	// Services are WSDLs by the name of their service. [NewTenant] fills in
	// Resource_Management.
	Services map[string][]byte
	// Password of the user [Username].
	Password string

	server *httptest.Server
	mu     sync.Mutex
	parsed map[string]*wsdl.Document
	next   []http.HandlerFunc
	reply  map[string]any
	calls  []Call
	wsdls  int
	taken  map[string]string // invoices by supplier and number
	kept   []Invoice
}

// Call is a call that the tenant has accepted.
type Call struct {
	Operation string
	Username  string          // with the tenant
	Body      json.RawMessage // the element in the body, as package workday would return it
	Envelope  []byte          // as it came
}

// Invoice is a supplier invoice that the tenant holds.
type Invoice struct {
	ID, WID string
	Body    json.RawMessage // the request
}

// NewTenant starts a tenant. Close it in the end.
func NewTenant() *Tenant {
	t := &Tenant{
		Services: map[string][]byte{"Resource_Management": resourceManagement}, Password: Password,
		parsed: make(map[string]*wsdl.Document), taken: make(map[string]string), reply: make(map[string]any),
	}
	t.server = httptest.NewServer(t)
	return t
}

// Close ends the tenant.
func (t *Tenant) Close() { t.server.Close() }

// Domain is the host and port of the tenant.
func (t *Tenant) Domain() string {
	u, err := url.Parse(t.server.URL)
	if err != nil {
		return "" // httptest makes its own
	}
	return u.Host
}

// Coordinates are the settings that lead to the tenant.
func (t *Tenant) Coordinates() workday.WSDL {
	return workday.WSDL{Domain: t.Domain(), Tenant: TenantName, APIVersion: APIVersion, Protocol: "http"}
}

// Next has the next call (not the next request for a WSDL) answered by h. Several
// wait for their turn.
func (t *Tenant) Next(h http.HandlerFunc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = append(t.next, h)
}

// Reply has an operation answered with body, whose names are those of the schema.
func (t *Tenant) Reply(operation string, body any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reply[operation] = body
}

// Calls lists the accepted calls, oldest first.
func (t *Tenant) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Call{}, t.calls...)
}

// Invoices lists the supplier invoices that the tenant holds, oldest first.
func (t *Tenant) Invoices() []Invoice {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Invoice{}, t.kept...)
}

// WSDLRequests is how often a WSDL was fetched.
func (t *Tenant) WSDLRequests() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wsdls
}

// ServeHTTP answers as Workday does.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) != 5 || parts[0] != "ccx" || parts[1] != "service":
		http.NotFound(w, r)
	case parts[2] != TenantName:
		http.Error(w, "no such tenant", http.StatusInternalServerError)
	case t.Services[parts[3]] == nil || parts[4] != APIVersion:
		http.Error(w, "no such service", http.StatusGone)
	case r.Method == http.MethodGet:
		t.serveWSDL(w, parts[3])
	case r.Method == http.MethodPost:
		t.serveCall(w, r, parts[3])
	default:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

var location = regexp.MustCompile(`(address location=")[^"]*(")`)

func (t *Tenant) serveWSDL(w http.ResponseWriter, service string) {
	t.mu.Lock()
	t.wsdls++
	t.mu.Unlock()
	address := t.server.URL + "/ccx/service/" + TenantName + "/" + service + "/" + APIVersion
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(location.ReplaceAll(t.Services[service], []byte("${1}"+address+"${2}"))) // the client may hang up
}

func (t *Tenant) serveCall(w http.ResponseWriter, r *http.Request, service string) {
	t.mu.Lock()
	var h http.HandlerFunc
	if len(t.next) > 0 {
		h, t.next = t.next[0], t.next[1:]
	}
	t.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 128<<20))
	if err != nil {
		http.Error(w, "cannot read the call", http.StatusBadRequest)
		return
	}
	root, err := message.ParseTree(r.Context(), data)
	if err != nil {
		SOAPFault(w, "Client", "The envelope cannot be read: "+err.Error(), "")
		return
	}
	user := root.Child("Header").Child("Security").Child("UsernameToken")
	if user.ChildText("Username") != Username+"@"+TenantName || user.ChildText("Password") != t.Password {
		SOAPFault(w, "Client.authenticationError", "invalid username or password", "")
		return
	}
	calls := slices.Collect(root.Child("Body").Children())
	if len(calls) != 1 {
		SOAPFault(w, "Client.validationError", "Validation error occurred. The body does not hold one element.", "")
		return
	}
	t.accept(w, r, service, user.ChildText("Username"), calls[0], data)
}

func (t *Tenant) document(ctx context.Context, service string) (*wsdl.Document, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.parsed[service]; d != nil {
		return d, nil
	}
	d, err := wsdl.Parse(ctx, t.Services[service], wsdl.Options{})
	t.parsed[service] = d
	return d, err
}

// accept validates a call and answers it.
func (t *Tenant) accept(w http.ResponseWriter, r *http.Request, service, username string, request message.Tree, data []byte) {
	doc, err := t.document(r.Context(), service)
	if err != nil {
		SOAPFault(w, "Server", "The WSDL of the test is unusable: "+err.Error(), "")
		return
	}
	op := operationOf(doc, request)
	if op == nil {
		SOAPFault(w, "Server.processingError", "Processing error occurred. The task submitted is not authorized.", "")
		return
	}
	if problems := message.Validate(op.Inputs[0].Element, request); len(problems) > 0 {
		ValidationFault(w, problems[0].Text, validationErrors(problems)...)
		return
	}
	body, err := jsontemplate.AppendJSON(context.Background(), nil, message.Decode(op.Inputs[0].Element, request))
	if err != nil {
		SOAPFault(w, "Server", err.Error(), "")
		return
	}
	answer, refused := t.carryOut(op.Name, body)
	if refused != nil {
		ValidationFault(w, refused.Message, *refused)
		return
	}
	t.mu.Lock()
	t.calls = append(t.calls, Call{op.Name, username, body, data})
	t.mu.Unlock()
	respond(w, op, answer)
}

func operationOf(doc *wsdl.Document, request message.Tree) *wsdl.Operation {
	for _, name := range doc.Operations() {
		if op, err := doc.Operation(name); err == nil && op.Inputs[0].Element.Name == request.Name() {
			return op
		}
	}
	return nil
}

// invoice is what matters of a supplier invoice.
type invoice struct {
	Data struct {
		Number   string `json:"Suppliers_Invoice_Number"`
		Supplier any    `json:"Supplier_Reference"`
	} `json:"Supplier_Invoice_Data"`
}

// carryOut does what an operation is for, and returns the body of the answer.
func (t *Tenant) carryOut(operation string, body []byte) (answer any, refused *workday.ValidationError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if operation != "Submit_Supplier_Invoice" {
		return t.reply[operation], nil
	}
	var i invoice
	if err := json.Unmarshal(body, &i); err != nil {
		return nil, &workday.ValidationError{Message: err.Error()}
	}
	key := fmt.Sprint(i.Data.Supplier, i.Data.Number)
	if i.Data.Number != "" && t.taken[key] != "" {
		return nil, &workday.ValidationError{
			Message: "The supplier's invoice number is used already.", Detail: "It is that of " + t.taken[key] + ".",
			XPath: "/wd:Submit_Supplier_Invoice_Request[1]/wd:Supplier_Invoice_Data[1]/wd:Suppliers_Invoice_Number[1]",
		}
	}
	n := len(t.kept) + 1
	made := Invoice{fmt.Sprintf("SUPPLIER_INVOICE-%d", n), fmt.Sprintf("%032x", n), body}
	t.kept = append(t.kept, made)
	t.taken[key] = made.ID
	if own := t.reply[operation]; own != nil {
		return own, nil
	}
	return map[string]any{"version": APIVersion, "Supplier_Invoice_Reference": map[string]any{
		"Descriptor": "Supplier Invoice: " + made.ID,
		"ID": []any{
			map[string]any{"type": "WID", "_value_1": made.WID},
			map[string]any{"type": "Supplier_Invoice_Reference_ID", "_value_1": made.ID},
		},
	}}, nil
}
