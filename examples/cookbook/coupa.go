package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/send"
)

// coupa is a fake of Coupa's invoices API.
type coupa struct {
	mu       sync.Mutex
	invoices []*coupaInvoice
}

type coupaInvoice struct {
	ID          int    `json:"id"`
	Number      string `json:"invoice-number"`
	Status      string `json:"status"`
	scan        string
	attachments []string
}

func (i *coupaInvoice) String() string {
	return fmt.Sprintf("invoice %d: %s, %s, scan %s, attachments %v", i.ID, i.Number, i.Status, i.scan, i.attachments)
}

const coupaToken = "token-of-coupa"

func startCoupa() (*system, error) {
	c := &coupa{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", c.token)
	mux.HandleFunc("GET /api/invoices", c.authorised(c.find))
	mux.HandleFunc("POST /api/invoices", c.authorised(c.create))
	mux.HandleFunc("PUT /api/invoices/{id}/image_scan", c.authorised(c.imageScan))
	mux.HandleFunc("POST /api/invoices/{id}/attachments", c.authorised(c.attach))
	mux.HandleFunc("PUT /api/invoices/{id}/submit", c.authorised(c.submit))
	return &system{
		hosts: hosts{"acme.coupahost.com": mux},
		holds: each(&c.invoices),
	}, nil
}

func (c *coupa) token(w http.ResponseWriter, r *http.Request) {
	known := r.FormValue("grant_type") == "client_credentials" && r.FormValue("client_secret") == "client-secret-of-coupa"
	if !known || r.FormValue("scope") == "" {
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"access_token": coupaToken, "token_type": "bearer", "expires_in": 86399})
}

// authorised also refuses who does not ask for JSON, and would get XML.
func (c *coupa) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case bearer(r) != coupaToken:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Accept") != "application/json":
			w.Header().Set("Content-Type", "application/xml")
			fmt.Fprint(w, "<invoice-header/>")
		default:
			c.mu.Lock()
			defer c.mu.Unlock()
			next(w, r)
		}
	}
}

func (c *coupa) find(w http.ResponseWriter, r *http.Request) {
	found := []*coupaInvoice{}
	for _, i := range c.invoices {
		if i.Number == r.URL.Query().Get("invoice-number") {
			found = append(found, i)
		}
	}
	answerJSON(w, http.StatusOK, found)
}

func (c *coupa) create(w http.ResponseWriter, r *http.Request) {
	made := &coupaInvoice{ID: 9001 + len(c.invoices), Status: "draft", scan: "none"}
	number := ""
	if err := json.NewDecoder(r.Body).Decode(made); err == nil {
		number = made.Number
	}
	for _, i := range c.invoices {
		if i.Number == number {
			errors := map[string][]string{"invoice_number": {"Invoice number has already been taken"}}
			answerJSON(w, http.StatusBadRequest, map[string]any{"errors": errors})
			return
		}
	}
	c.invoices = append(c.invoices, made)
	answerJSON(w, http.StatusCreated, made)
}

// invoice is the draft that a path names, nil if there is none.
func (c *coupa) invoice(r *http.Request) *coupaInvoice {
	for _, i := range c.invoices {
		if strconv.Itoa(i.ID) == r.PathValue("id") && i.Status == "draft" {
			return i
		}
	}
	return nil
}

func (c *coupa) imageScan(w http.ResponseWriter, r *http.Request) {
	_, header, err := r.FormFile("file")
	i := c.invoice(r)
	if err != nil || i == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	i.scan = header.Filename
	answerJSON(w, http.StatusOK, i)
}

func (c *coupa) attach(w http.ResponseWriter, r *http.Request) {
	_, header, err := r.FormFile("attachment[file]")
	i := c.invoice(r)
	if err != nil || i == nil || r.FormValue("attachment[intent]") != "Internal" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	i.attachments = append(i.attachments, header.Filename)
	answerJSON(w, http.StatusCreated, map[string]int{"id": 1})
}

func (c *coupa) submit(w http.ResponseWriter, r *http.Request) {
	i := c.invoice(r)
	if i == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	i.Status = "pending_approval"
	answerJSON(w, http.StatusOK, i)
}

// coupaProbe asks Coupa what has become of a creation whose answer was lost. It is for
// pipeline.WithProbe("Create draft", time.Minute, …); token gets one from Coupa.
func coupaProbe(token func(context.Context) (string, error)) pipeline.Probe {
	return func(ctx context.Context, x *pipeline.Export, q pipeline.Question) (*pipeline.Reply, bool, error) {
		number, err := x.Field("document_id")
		if err != nil {
			return nil, false, err
		}
		found, err := coupaInvoices(ctx, x, token, q.URL+"?invoice-number="+url.QueryEscape(number.Value()))
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("asking Coupa for %s: %w", number.Value(), err) // the run waits
		case len(found) == 0:
			return nil, false, nil // the call is made
		case len(found) > 1:
			return nil, false, fmt.Errorf("several invoices of Coupa have the number %s", number.Value())
		}
		return &pipeline.Reply{Status: http.StatusCreated, URL: q.URL, Body: found[0]}, true, nil
	}
}

// coupaInvoices are those that a query finds.
func coupaInvoices(
	ctx context.Context, x *pipeline.Export, token func(context.Context) (string, error), address string,
) (found []json.RawMessage, err error) {
	secret, err := token(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := send.Client(x).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return found, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&found)
}
