package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// dataverse is a fake of the Web API of Dynamics 365, with two tables and an alternate key.
type dataverse struct {
	mu       sync.Mutex
	invoices []*dataverseInvoice
}

type dataverseInvoice struct {
	ID      string `json:"-"`
	Number  string `json:"contoso_number"` // with the next one the alternate key
	Vendor  string `json:"contoso_vendornumber"`
	Account string `json:"contoso_vendor@odata.bind"`
	Lines   int    `json:"-"`
}

func (i *dataverseInvoice) String() string {
	return fmt.Sprintf("invoice %s: %s of %s with %d lines", i.ID, i.Number, i.Vendor, i.Lines)
}

const dataverseToken = "token-of-entra"

func startDynamics() (*system, error) {
	d := &dataverse{}
	login, api := http.NewServeMux(), http.NewServeMux()
	login.HandleFunc("POST /6f1c5d0e-0000-4000-8000-00000000c0de/oauth2/v2.0/token", d.token)
	api.HandleFunc("POST /api/data/v9.2/$batch", d.batch)
	api.HandleFunc("GET /api/data/v9.2/contoso_supplierinvoices", d.find)
	return &system{
		hosts: hosts{
			"login.microsoftonline.com": login,
			"contoso.crm4.dynamics.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if bearer(r) != dataverseToken {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				d.mu.Lock()
				defer d.mu.Unlock()
				api.ServeHTTP(w, r)
			}),
		},
		holds: each(&d.invoices),
	}, nil
}

func (d *dataverse) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_secret") != "client-secret-of-entra" || r.FormValue("scope") != "https://contoso.crm4.dynamics.com/.default" {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": dataverseToken, "token_type": "Bearer", "expires_in": 3599})
}

// find answers a query for an invoice by the columns of its alternate key.
func (d *dataverse) find(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	for _, i := range d.invoices {
		filter := fmt.Sprintf("contoso_number eq '%s' and contoso_vendornumber eq '%s'", strings.ReplaceAll(i.Number, "'", "''"), i.Vendor)
		if r.URL.Query().Get("$filter") == filter {
			found = append(found, map[string]string{"contoso_supplierinvoiceid": i.ID})
		}
	}
	answerJSON(w, http.StatusOK, map[string]any{"value": found})
}

// batch takes one change set: all of its parts, or none.
func (d *dataverse) batch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || bytes.Count(body, []byte("\n")) != bytes.Count(body, []byte("\r\n")) {
		answerJSON(w, http.StatusBadRequest, dataverseError("0x80048d19", "Lines of a batch end with CRLF."))
		return
	}
	invoice, err := changeSet(r.Header.Get("Content-Type"), body)
	if err != nil {
		answerJSON(w, http.StatusBadRequest, dataverseError("0x80048d19", err.Error()))
		return
	}
	if slices.ContainsFunc(d.invoices, func(i *dataverseInvoice) bool { return i.Number == invoice.Number && i.Vendor == invoice.Vendor }) {
		// Without Prefer: odata.continue-on-error the batch has the status of the part.
		answerJSON(w, http.StatusPreconditionFailed, dataverseError("0x80060892", "A row with these values exists already for a key."))
		return
	}
	invoice.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(d.invoices)+1)
	d.invoices = append(d.invoices, invoice)
	w.Header().Set("Content-Type", "multipart/mixed; boundary=batchresponse_1")
	fmt.Fprint(w, "--batchresponse_1--\r\n")
}

// changeSet reads the one change set of a batch.
func changeSet(contentType string, body []byte) (*dataverseInvoice, error) {
	part, err := parts(contentType, bytes.NewReader(body)).NextPart()
	if err != nil {
		return nil, fmt.Errorf("reading the batch: %w", err)
	}
	var invoice *dataverseInvoice
	for set, id := parts(part.Header.Get("Content-Type"), part), 1; ; id++ {
		operation, err := set.NextRawPart()
		if errors.Is(err, io.EOF) && invoice != nil {
			return invoice, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the change set: %w", err)
		}
		if operation.Header.Get("Content-Id") != fmt.Sprint(id) {
			return nil, fmt.Errorf("Content-ID of operation %d is %q", id, operation.Header.Get("Content-Id"))
		}
		request, err := http.ReadRequest(bufio.NewReader(withLength(operation)))
		if err != nil {
			return nil, fmt.Errorf("operation %d: %w", id, err)
		}
		if invoice, err = invoice.apply(request); err != nil {
			return nil, fmt.Errorf("operation %d: %w", id, err)
		}
	}
}

// apply does one operation of a change set. The first one makes the invoice, and the
// others refer to it by its Content-ID.
func (i *dataverseInvoice) apply(r *http.Request) (*dataverseInvoice, error) {
	switch table := strings.TrimPrefix(r.URL.Path, "/api/data/v9.2/"); {
	case table == "contoso_supplierinvoices" && i == nil:
		i = &dataverseInvoice{}
		return i, json.NewDecoder(r.Body).Decode(i)
	case table == "contoso_supplierinvoicelines" && i != nil:
		var line struct {
			Invoice string      `json:"contoso_invoice@odata.bind"`
			Amount  json.Number `json:"contoso_amount"`
		}
		err := json.NewDecoder(r.Body).Decode(&line)
		if err == nil && line.Invoice != "$1" {
			err = fmt.Errorf("%q refers to no operation", line.Invoice)
		}
		i.Lines++
		return i, err
	}
	return nil, fmt.Errorf("%s is not expected here", r.URL.Path)
}

func parts(contentType string, body io.Reader) *multipart.Reader {
	_, parameters, _ := mime.ParseMediaType(contentType) // without a boundary no part is found
	return multipart.NewReader(body, parameters["boundary"])
}

// withLength makes a request of a batch, whose end its part says, one that net/http reads.
func withLength(part io.Reader) io.Reader {
	text, _ := io.ReadAll(part) // of bytes in memory
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	more := fmt.Sprintf("\r\nHost: here\r\nContent-Length: %d\r\n\r\n", len(body))
	return io.MultiReader(bytes.NewReader(head), strings.NewReader(more), bytes.NewReader(body))
}

func dataverseError(code, message string) any {
	return map[string]any{"error": map[string]string{"code": code, "message": message}}
}
